// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The course of a change: made, watched, judged. */
#include "making.h"

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

void tx_become(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *fmt, ...)
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

/* ---- watching ---- */

/* One of its files was written by somebody else: his, and remembered so. */
static bool yields(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		struct act_file *file = &tx->file[i];
		char why[TX_TEXT + 32];

		if (w->progress)
			w->progress(w->ctx);
		if (file->index < 0 || !undo_foreign(w->undo, w->root, file->index))
			continue;
		tx_remember(t, w, file->path);
		undo_forget(w->undo, file->index);
		file->index = -1;
		snprintf(why, sizeof(why), "somebody else has written %s", file->path);
		tx_roll_back(tx, w, TX_YIELDED, why);
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
	tx_become(tx, w, TX_COMMITTED, "%s", why);
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
	tx_become(tx, w, TX_OBSERVED, "for %llu s: %s", looks, why);
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
			tx_roll_back(tx, w, TX_ROLLED_BACK, text);
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
		tx_roll_back(tx, w, TX_ROLLED_BACK, text);
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
		tx_roll_back(tx, w, TX_ROLLED_BACK, why);
		return;
	}
	if (tx->state == TX_CANARY) {
		if (!may_go_on(tx, w))
			return;
		tx->upto = tx->files_nr;
		tx_make(tx, w);
		return;
	}
	e = effect(tx, w, after, why, sizeof(why));
	if (e == EFFECT_WORSE || (e == EFFECT_NONE && tx->must_help)) {
		char text[TX_TEXT + 32];

		snprintf(text, sizeof(text), "%s: %s",
			 e == EFFECT_WORSE ? "made it worse" : "has not helped", why);
		tx_roll_back(tx, w, TX_ROLLED_BACK, text);
	} else if (tx->cuts_off) {
		tx->due_ns = w->now_ns + w->profile->changes.confirm_ns;
		tx_become(tx, w, TX_CONFIRM, "%s", why[0] ? why : "no harm was seen");
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
	if (tx_hook_ended(tx, w, &code) && code)
		tx_become(tx, w, tx->state, "the hook after it has failed (%d)", code);
}

static void watch(struct tx_table *t, struct tx *tx, const struct tx_world *w)
{
	char why[TX_TEXT];

	if (tx->stuck) {
		tx_roll_back(tx, w, tx->ending, tx->cause);
		return;
	}
	if (tx->late) {
		tx_make(tx, w);
		return;
	}
	if (tx->state == TX_PREPARED) {
		tx_prepared(t, tx, w);
		return;
	}
	if (yields(t, tx, w))
		return;
	if (is_cut_off(tx, w, why, sizeof(why))) {
		tx_roll_back(tx, w, TX_ROLLED_BACK, why);
		return;
	}
	if (tx->state == TX_CONFIRM) {
		if (w->now_ns >= tx->due_ns)
			tx_roll_back(tx, w, TX_ROLLED_BACK, "nobody has confirmed it");
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
		tx_roll_back(tx, w, TX_ROLLED_BACK, why);
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
			tx_become(tx, w, TX_EXPIRED, "%s%s",
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
			tx_become(tx, w, TX_PENDING, "%s", why);
		} else if (tx_may_begin(tx, w)) {
			if (!w->begins || w->begins(w->ctx, tx))
				tx_begin(t, tx, w);
			return;
		}
	}
}

void tx_abort(struct tx_table *t, const struct tx_world *w, const char *why)
{
	struct tx *tx = (struct tx *)tx_active(t);

	if (tx)
		tx_roll_back(tx, w, TX_ROLLED_BACK, why);
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
	tx_become(tx, w, TX_WAITING, "approved");
	return 0;
}

int tx_reject(struct tx_table *t, const struct tx_world *w, __u32 id, const char *why)
{
	struct tx *tx = (struct tx *)tx_find(t, id);

	if (!tx || (tx->state != TX_PENDING && tx->state != TX_WAITING && !watched(tx)))
		return tx ? -EINVAL : -ENOENT;
	if (watched(tx))
		tx_roll_back(tx, w, TX_ROLLED_BACK, why);
	else
		tx_become(tx, w, TX_REJECTED, "%s", why);
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
