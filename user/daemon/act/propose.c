// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The beginning of a change: is what is proposed right, free, and whose turn is it; and what is left to others. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "transaction.h"

#define S 1000000000ULL

/* ---- what somebody else has written is his ---- */

void tx_remember(struct tx_table *t, const struct tx_world *w, const char *path)
{
	struct tx_yielded *oldest = &t->yielded[0];

	for (struct tx_yielded *y = t->yielded; y < t->yielded + TX_YIELDED_MAX; y++) {
		if (!strcmp(y->path, path)) {
			oldest = y;
			break;
		}
		if (y->at_ns < oldest->at_ns)
			oldest = y;
	}
	snprintf(oldest->path, sizeof(oldest->path), "%s", path);
	oldest->at_ns = w->now_ns;
}

static bool left_to_others(const struct tx_table *t, const struct tx_world *w, const char *path)
{
	for (const struct tx_yielded *y = t->yielded; y < t->yielded + TX_YIELDED_MAX; y++) {
		if (y->at_ns && w->now_ns - y->at_ns < TX_YIELD_NS && !strcmp(y->path, path))
			return true;
	}
	return false;
}

void tx_yield(struct tx_table *t, const struct tx_world *w,
	      void (*told)(void *ctx, const char *path), void *ctx)
{
	for (int i = 0; i < UNDO_ENTRIES; i++) {
		const struct undo_entry *e = &w->undo->entry[i];

		if (e->state != UNDO_COMMITTED)
			continue;
		if (w->progress) /* a card is asked for it */
			w->progress(w->ctx);
		if (!undo_foreign(w->undo, w->root, i))
			continue;
		tx_remember(t, w, e->path);
		told(ctx, e->path);
		undo_forget(w->undo, i);
	}
}

/* ---- one proposal ---- */

struct asking {
	struct tx_table *t;
	const struct tx_world *w;
	struct tx *tx; /* not in the table yet */
	const struct kb_parameter *p;
	const struct ask *ask;
	const char *value;    /* for the files at hand */
	unsigned int visited; /* files, also those that are so already */
	bool person; /* root says that a person wants it: nobody else's word is taken for it */
	char *error;
	size_t size;
};

/* The change that has this file. What only waits for approval has none but for who asks again: nobody keeps others out by asking. */
static const struct tx *owner(const struct tx_table *t, const char *path, uid_t uid)
{
	for (const struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (!tx->id || tx_has_ended(tx->state) ||
		    (tx->state == TX_PENDING && tx->uid != uid))
			continue;
		for (unsigned int i = 0; i < tx->files_nr; i++) {
			if (!strcmp(tx->file[i].path, path))
				return tx;
		}
	}
	return NULL;
}

/* May this file be changed, as far as others are concerned? */
static int check_free(struct asking *a, const char *path)
{
	const struct tx *other = owner(a->t, path, a->tx->uid);

	for (unsigned int i = 0; i < a->tx->files_nr; i++) {
		if (!strcmp(a->tx->file[i].path, path)) {
			snprintf(a->error, a->size, "%s: %s is in it twice", a->ask->parameter,
				 path);
			return -EINVAL;
		}
	}
	if (other) {
		snprintf(a->error, a->size, "%s: %s is in change %u, which is %s",
			 a->ask->parameter, path, other->id, tx_states[other->state].name);
		return -EBUSY;
	}
	if (a->person || !left_to_others(a->t, a->w, path))
		return 0;
	snprintf(a->error, a->size,
		 "%s: %s was written by somebody else within the last hour, and is his; a person "
		 "may "
		 "propose it",
		 a->ask->parameter, path);
	return -EPERM;
}

/* kb_files(): one file of a proposal. */
static int add_file(void *ctx, const char *path)
{
	struct asking *a = ctx;
	struct tx *tx = a->tx;
	struct act_file *file = &tx->file[tx->files_nr];
	const struct actuator *act = actuator_of(a->p->actuator);
	char why[160];
	int err;

	if (a->w->progress)
		a->w->progress(a->w->ctx);
	if (++a->visited > TX_FILES_MAX) {
		snprintf(a->error, a->size, "more than %d files", TX_FILES_MAX);
		return -E2BIG;
	}
	*file = (struct act_file){.p = a->p, .index = -1};
	if (snprintf(file->path, sizeof(file->path), "%s", path) >= (int)sizeof(file->path) ||
	    snprintf(file->to, sizeof(file->to), "%s", a->value) >= (int)sizeof(file->to)) {
		snprintf(a->error, a->size, "%s: path or value is too long", a->ask->parameter);
		return -EINVAL;
	}
	err = check_free(a, path);
	if (err)
		return err;
	err = act->probe(file, a->w->root, why, sizeof(why));
	if (!err)
		err = act->check(file, a->w->root, &a->w->machine, why, sizeof(why));
	if (err) {
		snprintf(a->error, a->size, "%s: '%.64s': %s", a->ask->parameter, a->value, why);
		return err;
	}
	err = act->read(file, a->w->root, file->from, sizeof(file->from));
	if (err) {
		snprintf(a->error, a->size, "%s: %s: %s", a->ask->parameter, path, strerror(-err));
		return err;
	}
	/* as what it would be put back to, it may mean something else: dirty_ratio is 0 where dirty_bytes is in force */
	err = kb_value(a->p, file->from, &a->w->machine, why, sizeof(why));
	if (err)
		snprintf(a->error, a->size,
			 "%s: what it is now, '%.64s', could not be put back (%s); a person may "
			 "set it "
			 "by hand",
			 a->ask->parameter, file->from, why);
	else
		tx->files_nr += !kb_same(a->p, file->from, file->to);
	return err;
}

/* Two parameters that are not to be changed together. */
static int check_conflicts(const struct asking *a)
{
	for (unsigned int i = 0; i < a->tx->files_nr; i++) {
		const struct kb_parameter *other = a->tx->file[i].p;

		if (!kb_has_word(a->p->conflicts, other->name) &&
		    !kb_has_word(other->conflicts, a->p->name))
			continue;
		snprintf(a->error, a->size, "%s and %s are not to be changed together", a->p->name,
			 other->name);
		return -EINVAL;
	}
	return 0;
}

/* The files of some objects, which get a->value. */
static int add_files(struct asking *a, const char *objects)
{
	char why[256] = "";
	int err;

	a->error[0] = '\0';
	err = kb_files(a->p, objects, a->w->root, add_file, a, why, sizeof(why));
	if (err < 0 && !a->error[0])
		snprintf(a->error, a->size, "%s: %s", a->ask->parameter, why);
	return err < 0 ? err : 0;
}

/* One value for all, or one for each object. */
static int add_values(struct asking *a, const char *objects)
{
	a->value = a->ask->value;
	if (!a->ask->values)
		return add_files(a, objects);
	if (objects[0]) {
		snprintf(a->error, a->size, "%s: objects beside 'values'; expected %s alone",
			 a->ask->parameter, a->p->name);
		return -EINVAL;
	}
	json_object_object_foreach(a->ask->values, object, value)
	{
		int err;

		a->value = json_object_get_string(value);
		err = add_files(a, object);
		if (err)
			return err;
	}
	return 0;
}

static int add_parameter(struct asking *a)
{
	struct tx *tx = a->tx;
	char objects[KB_OBJECTS_LEN], why[256] = "";
	unsigned int before = tx->files_nr;
	int err;

	a->p = kb_name(a->w->kb, a->ask->parameter, objects, why, sizeof(why));
	if (!a->p) {
		snprintf(a->error, a->size, "%s", why);
		return -EINVAL;
	}
	if (a->p->report || !actuator_of(a->p->actuator)) {
		snprintf(a->error, a->size, "%s: %s", a->p->name,
			 a->p->report ? "is only ever looked at"
				      : "nothing changes parameters of its kind");
		return -EOPNOTSUPP;
	}
	err = check_conflicts(a);
	if (err)
		return err;
	err = add_values(a, objects);
	if (err)
		return err;
	if (a->ask->risk > tx->risk || a->p->risk > tx->risk)
		tx->risk = a->p->risk > a->ask->risk ? a->p->risk : a->ask->risk;
	if (a->p->timing > tx->timing)
		tx->timing = a->p->timing;
	if (a->ask->timing != KB_TIMING_NR && a->ask->timing > tx->timing)
		tx->timing = a->ask->timing;
	if (a->p->watch_ns > tx->watch * S)
		tx->watch = (__u32)(a->p->watch_ns / S);
	tx->cuts_off = tx->cuts_off || a->p->cuts_off;
	if (!tx->canary &&
	    tx->files_nr > before + 1) { /* the first of several of a kind goes first */
		struct act_file first = tx->file[0];

		tx->file[0] = tx->file[before];
		tx->file[before] = first;
		tx->canary = true;
	}
	return 0;
}

/* ---- all of it ---- */

bool tx_allowed(struct tx *tx, const struct tx_world *w)
{
	const struct profile_changes *rule = &w->profile->changes;

	if (tx->wants_approval) {
		snprintf(tx->why, sizeof(tx->why), "its proposer wants it approved");
		return false;
	}
	if (tx->risk > rule->risk) {
		snprintf(tx->why, sizeof(tx->why),
			 "risk %u, and the profile allows %u (changes: risk)", tx->risk,
			 rule->risk);
		return false;
	}
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		if (profile_allows(rule, tx->file[i].p->name))
			continue;
		snprintf(tx->why, sizeof(tx->why),
			 "%s is not in the profile's list (changes: allow)", tx->file[i].p->name);
		return false;
	}
	return true;
}

bool tx_permitted(struct tx *tx, const struct tx_world *w)
{
	const char *untrusted = w->untrusted ? w->untrusted(w->ctx, tx->uid) : NULL;

	if (tx->approved)
		return true;
	if (untrusted)
		snprintf(tx->why, sizeof(tx->why), "%s", untrusted);
	return !untrusted && tx_allowed(tx, w);
}

__u64 tx_expires(const struct tx *tx, const struct tx_world *w)
{
	__u64 ns = w->profile->changes.expire_ns;

	if (tx->timing == KB_TIMING_MAINTENANCE && ns < TX_MAINTENANCE_NS)
		ns = TX_MAINTENANCE_NS;
	return w->boot_ns + ns; /* a host that sleeps does not make it younger */
}

/* A place: a free one, else that of the one that ended first. NULL: all are alive. */
static struct tx *place(struct tx_table *t)
{
	struct tx *oldest = NULL;

	for (struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (!tx->id)
			return tx;
		if (tx_has_ended(tx->state) && (!oldest || tx->changed_ns < oldest->changed_ns))
			oldest = tx;
	}
	return oldest;
}

/* Has this user, or have all but root together, as many alive as they may? Root finds room, whatever others do. */
static bool is_full(const struct tx_table *t, uid_t uid)
{
	unsigned int his = 0, theirs = 0;

	for (const struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (!tx->id || tx_has_ended(tx->state))
			continue;
		his += tx->uid == uid;
		theirs += tx->uid != 0;
	}
	return uid && (his >= TX_OF_UID_MAX || theirs >= TX_OF_OTHERS_MAX);
}

static struct tx *enter(struct tx_table *t, const struct tx_world *w, struct tx *fresh, __u32 id)
{
	struct tx *tx = place(t);

	tx_clear(tx);
	*tx = *fresh;
	tx->id = id;
	tx->made_ns = tx->changed_ns = w->now_ns;
	tx->due_ns = tx_expires(tx, w);
	return tx;
}

/*
 * Does it only put back what was there before somebody's first change of it that was committed? By the undo table, not by what its
 * proposer says.
 */
static bool goes_back(const struct tx *tx, const struct undo_table *undo)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		const struct act_file *file = &tx->file[i];
		const char *old = undo_before(undo, file->path);

		if (!old || !kb_same(file->p, old, file->to))
			return false;
	}
	return true;
}

static bool has_file(const struct tx *tx, const char *path)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		if (!strcmp(tx->file[i].path, path))
			return true;
	}
	return false;
}

/* Has a person approved what each of its files was changed by, for the same user? Then he has let it go back, too. */
static bool approved_before(const struct tx_table *t, const struct tx *tx)
{
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		const struct tx *by = t->tx;

		while (by < t->tx + TX_MAX &&
		       !(by->id && by->state == TX_COMMITTED && by->approved &&
			 by->uid == tx->uid && has_file(by, tx->file[i].path)))
			by++;
		if (by == t->tx + TX_MAX)
			return false;
	}
	return true;
}

/* Most changes have one file of the 64 that there was room for, and 32 of them are remembered. */
static void fit(struct tx *tx)
{
	struct act_file *file = reallocarray(tx->file, tx->files_nr, sizeof(*tx->file));

	if (file)
		tx->file = file;
}

/* Checks all of it into a change that is in no table. 0, or negative errno with `error` and nothing to free. */
static int build(struct tx *tx, struct tx_table *t, const struct tx_world *w,
		 const struct ask_list *list, uid_t uid, char *error, size_t size)
{
	struct asking a = {.t = t,
			   .w = w,
			   .tx = tx,
			   .person = !uid && list->source == PROPOSAL_PERSON,
			   .error = error,
			   .size = size};
	bool back;
	int err = 0;

	*tx = (struct tx){.uid = uid, .source = list->source, .limits_nr = list->limits_nr};
	error[0] = '\0';
	if (!place(t) || is_full(t, uid)) {
		snprintf(error, size, "too many changes wait already; see `homeostat changes`");
		return -ENOSPC;
	}
	tx->file = calloc(TX_FILES_MAX, sizeof(*tx->file));
	tx->asked = strdup(js_line(list->proposals));
	if (!tx->file || !tx->asked)
		err = -ENOMEM;
	for (unsigned int i = 0; !err && i < list->nr; i++) {
		a.ask = &list->ask[i];
		err = add_parameter(&a);
	}
	if (!err && !tx->files_nr) {
		snprintf(error, size, "%s%s is so already", list->ask[0].parameter,
			 list->nr > 1 ? ", as all the others," : "");
		err = -EALREADY;
	}
	if (err) {
		tx_clear(tx);
		return err;
	}
	fit(tx);
	back = goes_back(tx, w->undo);
	tx->must_help = !a.person && !back;
	/* what was there before needs no trial on one of them, and the need for it is now */
	tx->canary = tx->canary && !back;
	memcpy(tx->limit, list->limit, sizeof(tx->limit));
	snprintf(tx->reason, sizeof(tx->reason), "%s", list->ask[0].reason);
	for (unsigned int i = 0; i < list->nr; i++)
		tx->wants_approval = tx->wants_approval || !list->ask[i].alone;
	/* or a rule that somebody approved by day would wait by night with its way back */
	tx->approved = back && !tx->wants_approval && approved_before(t, tx);
	return 0;
}

int tx_propose(struct tx_table *t, const struct tx_world *w, const struct ask_list *list, uid_t uid,
	       const char *untrusted, char *error, size_t size)
{
	struct tx fresh, *tx;
	int err = build(&fresh, t, w, list, uid, error, size);

	if (err)
		return err;
	tx = enter(t, w, &fresh, ++w->undo->last_id);
	if (untrusted)
		snprintf(tx->why, sizeof(tx->why), "%s", untrusted);
	tx->state = tx->approved || (!untrusted && tx_allowed(tx, w)) ? TX_WAITING : TX_PENDING;
	if (tx->state == TX_WAITING)
		snprintf(tx->why, sizeof(tx->why), "%s",
			 tx->approved ? "back to what was there before what a person approved"
				      : "allowed by the profile");
	if (w->told)
		w->told(w->ctx, tx, tx->state);
	return (int)tx->id;
}

int tx_take_up(struct tx_table *t, const struct tx_world *w, const struct ask_list *list, uid_t uid,
	       __u32 id, struct tx **taken, char *error, size_t size)
{
	struct tx fresh;
	int err = build(&fresh, t, w, list, uid, error, size);

	if (!err)
		*taken = enter(t, w, &fresh, id);
	return err;
}
