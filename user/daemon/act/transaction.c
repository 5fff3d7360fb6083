// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The course of a change: made, watched, judged. */
#include "transaction.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define S 1000000000ULL
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* ---- states ---- */

static bool watched(const struct tx *tx)
{
	return tx->id && tx->state >= TX_PREPARED && !tx_has_ended(tx->state);
}

static void become(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

static void become(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *fmt,
		   ...)
{
	enum tx_state from = tx->state;
	char why[TX_TEXT]; /* the old text may be among the arguments */
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	memcpy(tx->why, why, sizeof(why));
	tx->called = tx->called && state == from;
	tx->state = state;
	tx->changed_ns = w->now_ns;
	if (w->told)
		w->told(w->ctx, tx, from);
}

const struct tx *tx_find(const struct tx_table *t, __u32 id)
{
	for (const struct tx *tx = t->tx; id && tx < t->tx + TX_MAX; tx++) {
		if (tx->id == id)
			return tx;
	}
	return NULL;
}

const struct tx *tx_active(const struct tx_table *t)
{
	for (const struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (watched(tx))
			return tx;
	}
	return NULL;
}

void tx_clear(struct tx *tx)
{
	free(tx->file);
	free(tx->asked);
	memset(tx, 0, sizeof(*tx));
}

void tx_free(struct tx_table *t)
{
	for (struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++)
		tx_clear(tx);
	memset(t, 0, sizeof(*t));
}

/* May it be made now, as far as the host is concerned? Why not, in tx->why. */
static bool may_begin(struct tx *tx, const struct tx_world *w)
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

/* Is it over? Then *code is what it has come to: 0 is well. */
static bool hook_ended(struct tx *tx, const struct tx_world *w, int *code)
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

	(void)err;
	if (u->w->progress)
		u->w->progress(u->w->ctx);
	if (outcome == UNDO_RESTORED || outcome == UNDO_ALREADY)
		return;
	u->left++;
	snprintf(u->text, sizeof(u->text), "; %s %s", e->path, undo_outcome_name(outcome));
}

/* What cannot be put back now is tried again each second, and nothing else is changed meanwhile. */
static void roll_back(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *why)
{
	struct undone u = {.w = w};
	int left = undo_replay_group(w->undo, w->root, tx->id, undone, &u);

	if (!left) {
		run_after(tx, w);
		for (unsigned int i = 0; i < tx->files_nr; i++)
			tx->file[i].index = -1;
		tx->stuck = false;
		become(tx, w, state, "%s%s", why, u.text);
		return;
	}
	if (!tx->stuck)
		become(tx, w, TX_WATCHED, "to be put back (%s), which fails%s", why, u.text);
	tx->stuck = true;
	tx->ending = state;
}

/* Files first … last - 1 get their new values, or none of the whole change has one. */
static int make(struct tx *tx, const struct tx_world *w, unsigned int first, unsigned int last)
{
	char why[TX_TEXT] = "";
	int err = 0;

	for (unsigned int i = first; !err && i < last; i++) {
		struct act_file *file = &tx->file[i];

		err = actuator_of(file->p->actuator)
			      ->write(file, w->root, w->undo, tx->id, why, sizeof(why));
		if (w->progress)
			w->progress(w->ctx);
	}
	if (err)
		roll_back(tx, w, TX_FAILED, why);
	else if (last == tx->files_nr)
		run_after(tx, w);
	tx->first = w->evidence->nr;
	tx->against = tx->lost = 0;
	return err;
}

/* Somebody has written one of its files since it was proposed: his, and remembered so. */
static bool is_late(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		struct act_file *file = &tx->file[i];
		char now[UNDO_VALUE_LEN];

		if (kb_read(file->p, w->root, file->path, now, sizeof(now)) ||
		    kb_same(file->p, now, file->from) || undo_ours(w->undo, file->path, now))
			continue;
		tx_remember(t, w, file->path);
		become(tx, w, TX_YIELDED, "somebody else has written %s while it waited",
		       file->path);
		return true;
	}
	return false;
}

static void make_first(struct tx *tx, const struct tx_world *w)
{
	if (make(tx, w, 0, tx->canary ? 1 : tx->files_nr))
		return;
	become(tx, w, tx->canary ? TX_CANARY : TX_WATCHED, "for %u s", tx->watch + TX_SETTLE);
}

static void begin(struct tx_table *t, struct tx *tx, const struct tx_world *w)
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
		become(tx, w, TX_PREPARED, "its hook before it is run");
	else
		make_first(tx, w);
}

/* Nothing of it is made yet, and now nothing will be. */
static void leave(struct tx *tx, const struct tx_world *w, const char *why)
{
	run_after(tx, w);
	become(tx, w, TX_FAILED, "%s: nothing was changed", why);
}

/* Its hook before it is run, or has ended: what it waited for may be over by now. */
static void prepared(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	char why[TX_TEXT + 64];
	int code;

	if (!hook_ended(tx, w, &code))
		return;
	if (code) {
		tx->around = false; /* what did not begin has no end */
		snprintf(why, sizeof(why), "the hook before it %s (%d)",
			 code < 0 ? "was not run, or was killed" : "failed", code);
		leave(tx, w, why);
	} else if (!may_begin(tx, w)) {
		snprintf(why, sizeof(why),
			 "when the hook before it had ended it had to wait again, %s", tx->why);
		leave(tx, w, why);
	} else if (!is_late(t, tx, w)) {
		make_first(tx, w);
	} else {
		run_after(tx, w);
	}
}

/* ---- watching ---- */

/* One of its files was written by somebody else: his, and remembered so. */
static bool yields(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		struct act_file *file = &tx->file[i];
		char why[TX_TEXT + 32];

		if (file->index < 0 || !undo_foreign(w->undo, w->root, file->index))
			continue;
		tx_remember(t, w, file->path);
		undo_forget(w->undo, file->index);
		file->index = -1;
		snprintf(why, sizeof(why), "somebody else has written %s", file->path);
		roll_back(tx, w, TX_YIELDED, why);
		return true;
	}
	return false;
}

/* A condition of its own that holds now. */
static bool limit_holds(const struct tx *tx, const struct tx_world *w, char *why, size_t size)
{
	const struct evidence *e = w->evidence;

	for (unsigned int i = 0; e->nr && i < tx->limits_nr; i++) {
		const struct proposal_rollback *l = &tx->limit[i];
		__u64 at = (e->nr - 1) % EVIDENCE_SAMPLES, value = e->value[at][l->vital];

		if (!e->present[at][l->vital] || (l->above ? value <= l->value : value >= l->value))
			continue;
		snprintf(why, size, "rollback_if: %s is %llu, %s %llu", vital_name(l->vital), value,
			 l->above ? "above" : "below", l->value);
		return true;
	}
	return false;
}

/* Does this look speak against it? */
static bool speaks_against(const struct tx *tx, const struct tx_world *w, char *why, size_t size)
{
	struct evidence_span now = {w->evidence->nr - 1, w->evidence->nr};
	__u32 missed = w->missed & ~tx->missed;

	if (limit_holds(tx, w, why, size))
		return true;
	if (missed) {
		snprintf(why, size, "service level %d is missed, and was kept before",
			 __builtin_ctz(missed) + 1);
		return true;
	}
	return evidence_worse(w->evidence, &tx->before, now, why, size) < HS_VITAL_NR;
}

/* Has the host become harder to reach? A card that is set up anew has no link for a moment. */
static bool is_cut_off(struct tx *tx, const struct tx_world *w, char *why, size_t size)
{
	if (!tx->cuts_off || !reach_lost(&tx->reach, w->root, why, size)) {
		tx->lost = 0;
		return false;
	}
	return ++tx->lost >= TX_LOST;
}

/* The vital signs that it was meant to move, in words. BETTER if one is, else WORSE if one is, else NONE if one could be. */
static enum evidence_effect effect(const struct tx *tx, const struct tx_world *w,
				   struct evidence_span after, char *why, size_t size)
{
	enum evidence_effect all = EFFECT_UNKNOWN;

	for (unsigned int i = 0; i < tx->files_nr; i++) {
		const struct kb_parameter *p = tx->file[i].p;

		for (unsigned int m = 0; m < p->moves_nr; m++) {
			enum evidence_effect one;
			char text[TX_TEXT];

			one = evidence_effect(w->evidence, p->move[m].vital, p->move[m].up,
					      &tx->before, after, text, sizeof(text));
			if (one == EFFECT_UNKNOWN || all == EFFECT_BETTER ||
			    (one == EFFECT_NONE && all != EFFECT_UNKNOWN))
				continue;
			all = one;
			snprintf(why, size, "%s", text);
		}
	}
	return all;
}

static void commit(struct tx *tx, const struct tx_world *w, const char *why)
{
	undo_commit(w->undo, tx->id, w->boot_ns);
	become(tx, w, TX_COMMITTED, "%s", why);
}

/* So long it is observed when its watch is over, in looks. */
static __u64 observation(const struct tx *tx, const struct tx_world *w)
{
	return tx->timing == KB_TIMING_MAINTENANCE ? w->profile->changes.observe_ns / S : 0;
}

/* Its watch is over, and nothing was found against it. */
static void settle(struct tx *tx, const struct tx_world *w, const char *why)
{
	__u64 looks = observation(tx, w);

	if (!looks) {
		commit(tx, w, why);
		return;
	}
	tx->first = w->evidence->nr;
	become(tx, w, TX_OBSERVED, "for %llu s: %s", looks, why);
}

/* Once more by the same judge, over each stretch as long as its watch. */
static void observe(struct tx *tx, const struct tx_world *w)
{
	__u64 nr = w->evidence->nr, looks = nr - tx->first;
	char why[TX_TEXT] = "", text[TX_TEXT + 32];

	if (looks && tx->watch && !(looks % tx->watch)) {
		struct evidence_span latest = {nr - tx->watch, nr};

		if (evidence_worse(w->evidence, &tx->before, latest, why, sizeof(why)) <
			    HS_VITAL_NR ||
		    effect(tx, w, latest, why, sizeof(why)) == EFFECT_WORSE) {
			snprintf(text, sizeof(text), "while it was observed: %s", why);
			roll_back(tx, w, TX_ROLLED_BACK, text);
			return;
		}
	}
	if (looks >= observation(tx, w))
		commit(tx, w, "observed, and no harm was seen");
}

/*
 * What it waited for may be over when the first file has done no harm. Then the first one waits with the others; but a window may be
 * a week away, with the host half changed and drained by its hook: back.
 */
static bool may_go_on(struct tx *tx, const struct tx_world *w)
{
	char why[TX_TEXT] = "", text[TX_TEXT + 64];

	if (!w->may_now || w->may_now(w->ctx, tx->timing, why, sizeof(why)))
		return true;
	if (tx->timing == KB_TIMING_MAINTENANCE) {
		snprintf(text, sizeof(text),
			 "over before the others could follow the first one: %s", why);
		roll_back(tx, w, TX_ROLLED_BACK, text);
	} else {
		snprintf(tx->why, sizeof(tx->why), "%s", why);
	}
	return false;
}

/* Watched for as long as it takes. */
static void judge(struct tx *tx, const struct tx_world *w)
{
	struct evidence_span after = {tx->first + TX_SETTLE, w->evidence->nr};
	char why[TX_TEXT] = "";
	enum evidence_effect e;

	if (evidence_worse(w->evidence, &tx->before, after, why, sizeof(why)) < HS_VITAL_NR) {
		roll_back(tx, w, TX_ROLLED_BACK, why);
		return;
	}
	if (tx->state == TX_CANARY) {
		if (!may_go_on(tx, w))
			return;
		if (!make(tx, w, 1, tx->files_nr))
			become(tx, w, TX_WATCHED, "the first file did no harm");
		return;
	}
	e = effect(tx, w, after, why, sizeof(why));
	if (e == EFFECT_WORSE || (e == EFFECT_NONE && tx->must_help)) {
		char text[TX_TEXT + 32];

		snprintf(text, sizeof(text), "%s: %s",
			 e == EFFECT_WORSE ? "made it worse" : "has not helped", why);
		roll_back(tx, w, TX_ROLLED_BACK, text);
	} else if (tx->cuts_off) {
		tx->due_ns = w->now_ns + w->profile->changes.confirm_ns;
		become(tx, w, TX_CONFIRM, "%s", why[0] ? why : "no harm was seen");
	} else {
		settle(tx, w, why[0] ? why : "no harm was seen");
	}
}

/* Its hook after it is run: the watch begins when that has ended. */
static void watch_after(struct tx *tx, const struct tx_world *w)
{
	int code;

	tx->first = w->evidence->nr;
	tx->against = 0;
	if (hook_ended(tx, w, &code) && code)
		become(tx, w, tx->state, "the hook after it has failed (%d)", code);
}

static void watch(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	char why[TX_TEXT];

	if (tx->state == TX_PREPARED) {
		prepared(t, tx, w);
		return;
	}
	if (tx->stuck) {
		roll_back(tx, w, tx->ending, "put back at last");
		return;
	}
	if (yields(t, tx, w))
		return;
	if (is_cut_off(tx, w, why, sizeof(why))) {
		roll_back(tx, w, TX_ROLLED_BACK, why);
		return;
	}
	if (tx->state == TX_CONFIRM) {
		if (w->now_ns >= tx->due_ns)
			roll_back(tx, w, TX_ROLLED_BACK, "nobody has confirmed it");
		return;
	}
	if (tx->hook_due_ns) { /* what the hook after it does to the host is not its doing */
		watch_after(tx, w);
		return;
	}
	if (!w->looks) { /* what is seen now is stock's: the watch begins anew */
		tx->first = w->evidence->nr;
		tx->against = 0;
	}
	if (w->evidence->nr <= tx->first)
		return;
	tx->against = speaks_against(tx, w, why, sizeof(why)) ? tx->against + 1 : 0;
	if (tx->against >= TX_IN_A_ROW)
		roll_back(tx, w, TX_ROLLED_BACK, why);
	else if (tx->state == TX_OBSERVED)
		observe(tx, w);
	else if (w->evidence->nr - tx->first >= tx->watch + TX_SETTLE)
		judge(tx, w);
}

/* ---- waiting ---- */

/* The next that waits, by number. */
static struct tx *next_waiting(struct tx_table *t, __u32 after)
{
	struct tx *found = NULL;

	for (struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (tx->id > after && tx->state == TX_WAITING && (!found || tx->id < found->id))
			found = tx;
	}
	return found;
}

static void expire(struct tx_table *t, const struct tx_world *w)
{
	for (struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (tx->id && (tx->state == TX_PENDING || tx->state == TX_WAITING) &&
		    w->boot_ns >= tx->due_ns)
			become(tx, w, TX_EXPIRED, "%s%s",
			       tx->state == TX_PENDING ? "nobody approved it" : "it waited: ",
			       tx->state == TX_PENDING ? "" : tx->why);
	}
}

void tx_look(struct tx_table *t, const struct tx_world *w)
{
	struct tx *tx = (struct tx *)tx_active(t);

	expire(t, w);
	if (tx) {
		watch(t, tx, w);
		return;
	}
	for (tx = next_waiting(t, 0); tx; tx = next_waiting(t, tx->id)) {
		if (!tx_permitted(tx, w)) {
			char why[TX_TEXT];

			memcpy(why, tx->why, sizeof(why));
			become(tx, w, TX_PENDING, "%s", why);
		} else if (may_begin(tx, w)) {
			if (!w->begins || w->begins(w->ctx, tx))
				begin(t, tx, w);
			return;
		}
	}
}

void tx_abort(struct tx_table *t, const struct tx_world *w, const char *why)
{
	struct tx *tx = (struct tx *)tx_active(t);

	if (tx)
		roll_back(tx, w, TX_ROLLED_BACK, why);
}

int tx_approve(struct tx_table *t, const struct tx_world *w, __u32 id)
{
	struct tx *tx = (struct tx *)tx_find(t, id);

	if (!tx || tx->state != TX_PENDING)
		return tx ? -EINVAL : -ENOENT;
	tx->approved = true;
	if (tx->source == PROPOSAL_PERSON)
		tx->must_help = false;
	tx->due_ns = tx_expires(tx, w);
	become(tx, w, TX_WAITING, "approved");
	return 0;
}

int tx_reject(struct tx_table *t, const struct tx_world *w, __u32 id, const char *why)
{
	struct tx *tx = (struct tx *)tx_find(t, id);

	if (!tx || (tx->state != TX_PENDING && tx->state != TX_WAITING && !watched(tx)))
		return tx ? -EINVAL : -ENOENT;
	if (watched(tx))
		roll_back(tx, w, TX_ROLLED_BACK, why);
	else
		become(tx, w, TX_REJECTED, "%s", why);
	return 0;
}

int tx_confirm(struct tx_table *t, const struct tx_world *w, __u32 id)
{
	struct tx *tx = (struct tx *)tx_find(t, id);

	if (!tx || tx->state != TX_CONFIRM)
		return tx ? -EINVAL : -ENOENT;
	settle(tx, w, "confirmed");
	return 0;
}
