// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Changes of the machine: proposing, approving, confirming, putting back, and what there is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "names.h"
#include "verbs.h"

#define FILES_SHOWN 16

static int wrong(struct call *call, int err, const char *text)
{
	snprintf(call->error, sizeof(call->error), "%s", text);
	return err;
}

int verb_propose(struct call *call)
{
	struct homeostatd *d = call->d;
	struct ask_list list;
	struct tx_world w;
	const struct tx *tx;
	int id;

	if (d->changes.refusal[0])
		return wrong(call, -EOPNOTSUPP, d->changes.refusal);
	if (d->mode == HS_MODE_OBSERVE)
		return wrong(call, -EPERM,
			     "mode observe: nothing is changed, nor kept for later; "
			     "`homeostat mode advise` has it wait for approval");
	id = ask_read(&list, call->request, call->error, sizeof(call->error));
	if (id)
		return id;
	w = changes_world(d);
	heartbeat_patience(&d->heartbeat, CHANGE_PATIENCE_NS);
	id = tx_propose(&d->changes.table, &w, &list, call->peer->uid,
			changes_untrusted(d, call->peer->uid), call->error, sizeof(call->error));
	if (id > 0) /* on the disk before he is answered */
		js_add_bool(call->reply, "kept", !keeping_save(d));
	heartbeat_patience(&d->heartbeat, 0);
	if (id < 0)
		return id;
	tx = tx_find(&d->changes.table, (__u32)id);
	js_add_u64(call->reply, "id", tx->id);
	js_add_str(call->reply, "state", tx_states[tx->state].name);
	js_add_str(call->reply, "why", tx->why);
	return 0;
}

static void list_files(struct json_object *row, const struct tx *tx)
{
	struct json_object *array = js_add_array(row, "parameters");

	/* a reply is bounded; how many there are is told */
	js_add_u64(row, "files", tx->files_nr);
	for (unsigned int i = 0; i < tx->files_nr && i < FILES_SHOWN; i++) {
		const struct act_file *file = &tx->file[i];
		struct json_object *o = js_push_obj(array);

		if (!o)
			return;
		js_add_str(o, "parameter", file->p->name);
		js_add_str(o, "path", file->path);
		js_add_str(o, "from", file->from);
		js_add_str(o, "to", file->to);
	}
}

/* What it is to move: "net.listen_full_hz down". */
static void list_moves(struct json_object *row, const struct tx *tx)
{
	struct json_object *array = js_add_array(row, "moves");
	const struct kb_parameter *last = NULL;
	char text[96];

	for (unsigned int i = 0; i < tx->files_nr; i++) {
		const struct kb_parameter *p = tx->file[i].p;

		for (unsigned int m = 0; p != last && m < p->moves_nr; m++) {
			snprintf(text, sizeof(text), "%s %s", vital_name(p->move[m].vital),
				 p->move[m].up ? "up" : "down");
			json_object_array_add(array, json_object_new_string(text));
		}
		last = p;
	}
}

static void list_one(struct json_object *array, const struct tx *tx)
{
	struct json_object *row = js_push_obj(array);

	if (!row)
		return;
	js_add_u64(row, "id", tx->id);
	js_add_str(row, "state", tx_states[tx->state].name);
	js_add_str(row, "source", proposal_sources[tx->source]);
	js_add_u64(row, "uid", tx->uid);
	js_add_str(row, "why", tx->why);
	js_add_str(row, "reason", tx->reason);
	js_add_u64(row, "risk", tx->risk);
	js_add_str(row, "timing", kb_timings[tx->timing].name);
	js_add_u64(row, "made_ns", tx->made_ns);
	js_add_u64(row, "at_ns", tx->changed_ns);
	if (tx->state == TX_CONFIRM)
		js_add_u64(row, "due_ns", tx->due_ns);
	else if (tx->state == TX_PENDING ||
		 tx->state == TX_WAITING) /* by the clock of all the others */
		js_add_u64(row, "due_ns", tx->due_ns - clock_boot_ns() + clock_ns());
	list_moves(row, tx);
	list_files(row, tx);
}

/* What is committed, by whichever daemon since the boot. */
static void list_kept(struct json_object *array, const struct undo_table *table)
{
	for (const struct undo_entry *e = table->entry; e < table->entry + UNDO_ENTRIES; e++) {
		struct json_object *row = e->state == UNDO_COMMITTED ? js_push_obj(array) : NULL;

		if (!row)
			continue;
		js_add_u64(row, "id", e->group);
		js_add_str(row, "path", e->path);
		js_add_str(row, "from", e->old);
		js_add_str(row, "to", e->shown);
		js_add_u64(row, "committed_boot_ns", e->committed_ns);
	}
}

/* The newest first. */
static int by_id(const void *a, const void *b)
{
	__u32 x = (*(const struct tx *const *)a)->id, y = (*(const struct tx *const *)b)->id;

	return (x < y) - (x > y);
}

int verb_changes(struct call *call)
{
	const struct tx_table *t = &call->d->changes.table;
	struct json_object *array = js_add_array(call->reply, "changes");
	const struct tx *sorted[TX_MAX];

	for (int i = 0; i < TX_MAX; i++)
		sorted[i] = &t->tx[i];
	qsort(sorted, TX_MAX, sizeof(*sorted), by_id);
	for (int i = 0; i < TX_MAX && sorted[i]->id; i++)
		list_one(array, sorted[i]);
	list_kept(js_add_array(call->reply, "kept"), call->d->undo.table);
	js_add_str(call->reply, "activity",
		   governor_activities[governor_told(&call->d->changes.governor, clock_ns())]);
	js_add_u64(call->reply, "now_ns", clock_ns());
	return 0;
}

/* The number that the request names; 0 with call->error set. */
static __u32 number(struct call *call)
{
	__u64 id = js_u64(call->request, "id");

	if (id && id <= ~0U)
		return (__u32)id;
	wrong(call, 0, "id is missing, or no number of `homeostat changes`");
	return 0;
}

static int answer(struct call *call, __u32 id, int err, const char *state)
{
	const struct tx *tx = tx_find(&call->d->changes.table, id);

	if (err == -ENOENT)
		snprintf(call->error, sizeof(call->error), "there is no change %u", id);
	else if (err)
		snprintf(call->error, sizeof(call->error), "change %u is %s; expected %s", id,
			 tx_states[tx->state].name, state);
	if (err)
		return err;
	heartbeat_patience(&call->d->heartbeat, CHANGE_PATIENCE_NS);
	js_add_bool(call->reply, "kept", !keeping_save(call->d));
	heartbeat_patience(&call->d->heartbeat, 0);
	list_one(js_add_array(call->reply, "changes"), tx);
	return 0;
}

int verb_approve(struct call *call)
{
	struct tx_world w = changes_world(call->d);
	__u32 id = number(call);

	if (!id)
		return -EINVAL;
	if (call->d->mode == HS_MODE_OBSERVE)
		return wrong(call, -EPERM, "mode observe: nothing is changed");
	return answer(call, id, tx_approve(&call->d->changes.table, &w, id), "one that is pending");
}

int verb_reject(struct call *call)
{
	struct tx_world w = changes_world(call->d);
	const char *why = js_str(call->request, "why");
	__u32 id = number(call);
	int err;

	if (!id)
		return -EINVAL;
	/* what is under way goes back now */
	heartbeat_patience(&call->d->heartbeat, CHANGE_PATIENCE_NS);
	err = tx_reject(&call->d->changes.table, &w, id, *why ? why : "rejected");
	heartbeat_patience(&call->d->heartbeat, 0);
	return answer(call, id, err, "one that has not ended");
}

int verb_confirm(struct call *call)
{
	struct tx_world w = changes_world(call->d);
	__u32 id = number(call);

	if (!id)
		return -EINVAL;
	return answer(call, id, tx_confirm(&call->d->changes.table, &w, id),
		      "one that waits for it (confirm)");
}

/* ---- putting back what is committed ---- */

static void put_back(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	struct json_object *row = js_push_obj(ctx);

	const char *text = undo_waits(err) ? "waits for its driver" : undo_outcome_name(outcome);

	js_add_str(row, "path", e->path);
	js_add_str(row, "value", e->old);
	js_add_str(row, "outcome", text);
	if (err)
		js_add_str(row, "error", strerror(-err));
}

int verb_restore(struct call *call)
{
	struct undo_which which = {.all = js_bool(call->request, "all"),
				   .since_ns = js_u64(call->request, "since_boot_ns"),
				   .group = (__u32)js_u64(call->request, "id")};
	struct json_object *values = js_add_array(call->reply, "values");
	int left;

	if (which.all + !!which.since_ns + !!which.group != 1)
		return wrong(call, -EINVAL, "expected one of all, since_boot_ns, id");
	left = changes_revert(call->d, &which, put_back, values);
	if (left == -EBUSY)
		return wrong(call, left, "values are being put back; again when that has ended");
	if (left < 0)
		return wrong(call, left, undo_error(left));
	/* of what waits for drivers nothing is known yet */
	js_add_bool(call->reply, "later", changes_reverting(call->d));
	js_add_u64(call->reply, "left", changes_reverting(call->d) ? 0 : (__u64)left);
	return 0;
}

/* ---- what the host does ---- */

int verb_activity(struct call *call)
{
	const char *name = js_str(call->request, "activity");
	int i = 0;

	if (!changes_adviser(call->d, call->peer->uid))
		return wrong(
			call, -EPERM,
			"activity is for root, and for the profile's advisers (changes: advisers)");
	while (i < ACTIVITY_NR && strcmp(governor_activities[i], name))
		i++;
	if (i == ACTIVITY_NR)
		return wrong(call, -EINVAL,
			     "unknown activity; expected busy, idle, mission or unknown");
	governor_tell(&call->d->changes.governor, (enum governor_activity)i, clock_ns());
	return 0;
}
