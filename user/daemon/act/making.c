// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "making.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "change.h"

#define S 1000000000ULL

bool tx_may_begin(struct tx *tx, const struct tx_world *w)
{
	__u64 notice = w->profile->changes.notice_ns;
	char why[TX_TEXT] = "";

	if (w->evidence->nr < tx->watch)
		snprintf(why, sizeof(why), "until the host was looked at for %u s", tx->watch);
	else if (!w->may_approved || (!w->may_alone && !tx->approved))
		snprintf(why, sizeof(why), "until homeostat acts");
	else if (tx->timing == KB_TIMING_MAINTENANCE && notice && !tx->noticed_ns)
		snprintf(why, sizeof(why), "until notice was given of it");
	else if (tx->timing == KB_TIMING_MAINTENANCE && w->boot_ns - tx->noticed_ns < notice)
		snprintf(why, sizeof(why), "until %llu s after notice was given of it", notice / S);
	else if (w->may_now && !w->may_now(w->ctx, tx->timing, why, sizeof(why)))
		;
	else
		return true;
	snprintf(tx->why, sizeof(tx->why), "%s", why);
	return false;
}

/* ---- hooks of what is changed in a window ---- */

/* Begins one, of the profile. Whether there is one. */
static bool run_hook(struct tx *tx, const struct tx_world *w, const char *path, bool before)
{
	if (!w->hook || tx->timing != KB_TIMING_MAINTENANCE || !path[0])
		return false;
	tx->hook = w->hook(w->ctx, tx, before);
	tx->hook_due_ns = w->now_ns + 4 * w->profile->trip.hook_limit_ns + TX_HOOK_NS;
	if (!tx->hook)
		tx->hook_due_ns = w->now_ns;
	return true;
}

bool tx_hook_ended(struct tx *tx, const struct tx_world *w, int *code)
{
	*code = -1;
	if ((!tx->hook || !w->hook_done(w->ctx, tx->hook, code)) && w->now_ns < tx->hook_due_ns)
		return false;
	tx->hook = 0;
	tx->hook_due_ns = 0;
	return true;
}

/* All of its files are written, or none is any more. */
static void run_after(struct tx *tx, const struct tx_world *w)
{
	if (tx->around)
		run_hook(tx, w, w->profile->changes.after, false);
	tx->around = false;
}

/* ---- making and undoing ---- */

/* What replaying its group has come to. */
struct undone {
	const struct tx_world *w;
	unsigned int left;
	char text[TX_TEXT + 64];
};

static void undone(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	struct undone *u = ctx;

	if (u->w->progress)
		u->w->progress(u->w->ctx);
	if (outcome == UNDO_RESTORED || outcome == UNDO_ALREADY)
		return;
	u->left++;
	snprintf(u->text, sizeof(u->text), "; %s %s", e->path,
		 undo_waits(err) ? "waits for its driver" : undo_outcome_name(outcome));
}

void tx_roll_back(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *why)
{
	struct undone u = {.w = w};
	int left;

	/* first it is to be seen what a driver that is at it makes of its value */
	tx->late =
		tx->late && change_late(w->undo, w->root, tx->file[tx->next].index) == -EINPROGRESS;
	if (w->progress)
		w->progress(w->ctx);
	if (tx->late)
		snprintf(u.text, sizeof(u.text), "; %s waits for its driver",
			 tx->file[tx->next].path);
	left = tx->late ? 1 : undo_replay_group(w->undo, w->root, tx->id, undone, &u);
	if (!left) {
		run_after(tx, w);
		for (unsigned int i = 0; i < tx->files_nr; i++)
			tx->file[i].index = -1;
		tx->stuck = false;
		tx_become(tx, w, state, "%s%s", why, u.text);
		return;
	}
	if (!tx->stuck)
		tx_become(tx, w, TX_WATCHED, "to be put back (%s), which is not done%s", why,
			  u.text);
	if (!tx->stuck)
		snprintf(tx->cause, sizeof(tx->cause), "%s", why);
	tx->stuck = true;
	tx->ending = state;
}

/* A driver takes its time: looked at again each second, for so long. */
static void wait_for_driver(struct tx *tx, const struct tx_world *w)
{
	const char *path = tx->file[tx->next].path;
	char why[TX_TEXT + 64];

	if (!tx->late) {
		tx->late = true;
		if (!tx->late_ns) /* all of them together */
			tx->late_ns = w->now_ns;
		tx_become(tx, w, tx->state == TX_WAITING ? TX_PREPARED : tx->state,
			  "%s is being written", path);
	} else if (w->now_ns - tx->late_ns >= TX_LATE_NS) {
		snprintf(why, sizeof(why), "%s: its driver has not answered for %llu s", path,
			 TX_LATE_NS / S);
		tx_roll_back(tx, w, TX_FAILED, why);
	}
}

void tx_make(struct tx *tx, const struct tx_world *w)
{
	bool late = tx->late; /* of the first of them */
	char why[TX_TEXT] = "";
	int err = 0;

	while (!err && tx->next < tx->upto) {
		struct act_file *file = &tx->file[tx->next];
		const struct actuator *act = actuator_of(file->p->actuator);

		err = late ? act->finish(file, w->root, w->undo, why, sizeof(why))
			   : act->write(file, w->root, w->undo, tx->id, why, sizeof(why));
		if (w->progress)
			w->progress(w->ctx);
		if (!err) {
			tx->next++;
			late = tx->late = false;
		}
	}
	if (err == -EINPROGRESS) {
		wait_for_driver(tx, w);
		return;
	}
	if (err) {
		tx->late = false; /* it has answered */
		tx_roll_back(tx, w, TX_FAILED, why);
		return;
	}
	if (tx->next == tx->files_nr)
		run_after(tx, w);
	tx->late_ns = 0;
	tx->first = w->evidence->nr;
	tx->against = tx->lost = 0;
	if (tx->next < tx->files_nr)
		tx_become(tx, w, TX_CANARY, "for %u s", tx->watch + TX_SETTLE);
	else if (tx->canary)
		tx_become(tx, w, TX_WATCHED, "the first file did no harm");
	else
		tx_become(tx, w, TX_WATCHED, "for %u s", tx->watch + TX_SETTLE);
}

/* Somebody has written one of its files since it was proposed: his, and remembered so. */
static bool is_late(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		struct act_file *file = &tx->file[i];
		char now[UNDO_VALUE_LEN];

		if (w->progress)
			w->progress(w->ctx);
		if (kb_read(file->p, w->root, file->path, now, sizeof(now)) ||
		    kb_same(file->p, now, file->from) || undo_ours(w->undo, file->path, now))
			continue;
		tx_remember(t, w, file->path);
		tx_become(tx, w, TX_YIELDED, "somebody else has written %s while it waited",
			  file->path);
		return true;
	}
	return false;
}

static void make_first(struct tx *tx, const struct tx_world *w)
{
	tx->next = 0;
	tx->upto = tx->canary ? 1 : tx->files_nr;
	tx_make(tx, w);
}

void tx_begin(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	__u64 nr = w->evidence->nr;

	if (is_late(t, tx, w))
		return;
	evidence_means(w->evidence, (struct evidence_span){nr - tx->watch, nr}, &tx->before);
	tx->missed = w->missed;
	if (tx->cuts_off)
		reach_look(&tx->reach, w->root);
	tx->around = true;
	if (run_hook(tx, w, w->profile->changes.before, true))
		tx_become(tx, w, TX_PREPARED, "its hook before it is run");
	else
		make_first(tx, w);
}

/* Nothing of it is made yet, and now nothing will be. */
static void leave(struct tx *tx, const struct tx_world *w, const char *why)
{
	run_after(tx, w);
	tx_become(tx, w, TX_FAILED, "%s: nothing was changed", why);
}

void tx_prepared(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	char why[TX_TEXT + 64];
	int code;

	if (!tx_hook_ended(tx, w, &code))
		return;
	if (code) {
		tx->around = false; /* what did not begin has no end */
		snprintf(why, sizeof(why), "the hook before it %s (%d)",
			 code < 0 ? "was not run, or was killed" : "failed", code);
		leave(tx, w, why);
	} else if (!tx_may_begin(tx, w)) {
		snprintf(why, sizeof(why),
			 "when the hook before it had ended it had to wait again, %s", tx->why);
		leave(tx, w, why);
	} else if (!is_late(t, tx, w)) {
		make_first(tx, w);
	} else {
		run_after(tx, w);
	}
}
