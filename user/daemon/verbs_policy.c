// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verbs of policy plug-ins: policies, policy_load, policy_unload. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "names.h"
#include "verbs.h"

/* What the pulse may change while we look. */
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* ---- policies ---- */

static void json_names(struct json_object *array, const __u16 ids[HS_SLOT_NAMES],
		       const char *(*name)(__u32 id))
{
	for (int i = 0; i < HS_SLOT_NAMES && ids[i]; i++)
		json_object_array_add(array, json_object_new_string(name(ids[i] - 1U)));
}

static void json_turns(struct json_object *array, const struct homeostatd *d,
		       const struct plugin_offer *offer, const struct hs_slot *books)
{
	for (int i = 0; i < HS_SLOT_NAMES && offer->turns[i]; i++) {
		struct json_object *row = js_push_obj(array);
		__u32 id = offer->turns[i] - 1U;

		js_add_str(row, "name", knob_name(id));
		js_add_str(row, "unit", knob_infos[id].unit);
		js_add_u64(row, "value", load(&d->kernel.knobs[id].value));
		if (books && load(&books->calls))
			js_add_u64(row, "wished", load(&books->wished[id]));
	}
}

static void json_books(struct json_object *row, const struct hs_slot *books)
{
	__u64 calls = load(&books->calls);

	js_add_u64(row, "calls", calls);
	js_add_u64(row, "declined", load(&books->declined));
	js_add_u64(row, "acted", load(&books->acted));
	js_add_u64(row, "steps", load(&books->steps));
	js_add_u64(row, "mean_ns", calls ? load(&books->spent_ns) / calls : 0);
	js_add_u64(row, "longest_ns", load(&books->longest_ns));
	js_add_u64(row, "last_ns", load(&books->last_ns));
}

static void json_seat(struct json_object *row, const struct homeostatd *d, __u32 slot)
{
	const struct plugin_seat *seat = &d->plugins.seat[slot];
	const struct plugin_canary *c = &d->plugins.canary;
	const struct hs_slot *books = seat->fds.nr ? plugins_books(d, slot) : NULL;

	if (seat->fds.nr)
		js_add_str(row, "name", seat->offer.name);
	js_add_u64(row, "slot", slot);
	js_add_bool(row, "taken", seat->fds.nr);
	if (!seat->fds.nr)
		return;
	js_add_str(row, "about", seat->offer.about);
	js_add_str(row, "as", plugin_parts[seat->part]);
	js_add_str(row, "run", slot_run_name(d->policy.slot[slot].run));
	if (seat->part == PLUGIN_CANARY) {
		__u64 past = d->changes.evidence.nr - c->first;

		js_add_u64(row, "left_ns", past < c->seconds ? (c->seconds - past) * NS_PER_S : 0);
	}
	js_add_u64(row, "program", seat->prog);
	js_add_bool(row, "keeps_state", seat->offer.keeps_state);
	json_names(js_add_array(row, "reads"), seat->offer.reads, vital_name);
	json_turns(js_add_array(row, "turns"), d, &seat->offer, books);
	if (books)
		json_books(row, books);
}

static void json_ending(struct json_object *row, const struct plugin_ending *end, __u64 now_ns)
{
	js_add_str(row, "name", end->name);
	js_add_u64(row, "slot", end->slot);
	js_add_str(row, "end", slot_end_name(end->why));
	js_add_str(row, "meaning", slot_end_infos[end->why].meaning);
	js_add_str(row, "text", end->text);
	js_add_u64(row, "ago_ns", now_ns - end->at_ns);
}

int verb_policies(struct call *call)
{
	struct homeostatd *d = call->d;
	const struct plugins *p = &d->plugins;
	struct json_object *rows;
	bool leaves = false;

	plugins_watch(d);
	js_add_u64(call->reply, "pulse", d->kernel.pulse_id);
	js_add_bool(call->reply, "asked", plugins_asked(d));
	rows = js_add_array(call->reply, "slots");
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		json_seat(js_push_obj(rows), d, i);
		leaves |= p->seat[i].fds.nr && p->seat[i].part == PLUGIN_LEAVES;
	}
	js_add_bool(call->reply, "settling", leaves);
	rows = js_add_array(call->reply, "endings");
	for (__u64 i = 1; i <= PLUGIN_ENDINGS && i <= p->endings; i++)
		json_ending(js_push_obj(rows), &p->ending[(p->endings - i) % PLUGIN_ENDINGS],
			    clock_ns());
	return 0;
}

/* ---- policy_load ---- */

/* Names of abi.h into ids + 1. */
static int take_names(struct call *call, const char *key, int (*find)(const char *name),
		      __u16 ids[HS_SLOT_NAMES])
{
	struct json_object *array;
	size_t nr;

	if (js_get_array(call->request, key, &array) ||
	    (nr = json_object_array_length(array)) > HS_SLOT_NAMES) {
		snprintf(call->error, sizeof(call->error), "expected %s: at most %d names", key,
			 HS_SLOT_NAMES);
		return -EINVAL;
	}
	for (size_t i = 0; i < nr; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		const char *name = json_object_is_type(item, json_type_string)
					   ? json_object_get_string(item)
					   : "";
		int id = find(name);

		if (id < 0) {
			snprintf(call->error, sizeof(call->error), "%s: there is no '%.64s'", key,
				 name);
			return -EINVAL;
		}
		ids[i] = (__u16)(id + 1);
	}
	return 0;
}

/* Text of printable ASCII (of @set, if there is one) that is shorter than @size. */
static int take_text(struct call *call, const char *key, const char *set, char *text, size_t size)
{
	const char *value = js_str(call->request, key);
	size_t len = strlen(value);
	bool fine = len && len < size && (!set || strspn(value, set) == len);

	for (size_t i = 0; fine && i < len; i++)
		fine = value[i] >= ' ' && value[i] <= '~';
	if (!fine) {
		snprintf(call->error, sizeof(call->error), "expected %s: 1 to %zu %s", key,
			 size - 1, set ? "of a-z, 0-9 and -" : "printable characters");
		return -EINVAL;
	}
	memcpy(text, value, len + 1);
	return 0;
}

static int take_part(struct call *call, struct plugin_offer *offer)
{
	const char *as = js_str(call->request, "as");
	int err = js_get_u64(call->request, "for_ns", &offer->for_ns);

	offer->as = PLUGIN_SHADOW;
	while (offer->as <= PLUGIN_FULL && strcmp(plugin_parts[offer->as], as))
		offer->as++;
	if (offer->as > PLUGIN_FULL) {
		snprintf(call->error, sizeof(call->error), "expected as: shadow, canary or full");
		return -EINVAL;
	}
	if (offer->as != PLUGIN_CANARY ? err == -ENOENT
				       : !err && offer->for_ns >= PLUGIN_CANARY_MIN_NS &&
						 offer->for_ns <= PLUGIN_CANARY_MAX_NS)
		return 0;
	snprintf(call->error, sizeof(call->error), "expected for_ns: 1 s to 1 h, of a canary");
	return -EINVAL;
}

int verb_policy_load(struct call *call)
{
	struct plugin_offer offer = {0};
	int err;

	err = take_text(call, "name", "abcdefghijklmnopqrstuvwxyz0123456789-", offer.name,
			sizeof(offer.name));
	if (!err && offer.name[0] < 'a') {
		snprintf(call->error, sizeof(call->error),
			 "expected name: it begins with a letter");
		err = -EINVAL;
	}
	if (!err)
		err = take_text(call, "about", NULL, offer.about, sizeof(offer.about));
	if (!err)
		err = take_names(call, "reads", vital_find, offer.reads);
	if (!err)
		err = take_names(call, "turns", knob_find, offer.turns);
	if (!err)
		err = take_part(call, &offer);
	if (!err && js_get_bool(call->request, "keeps_state", &offer.keeps_state)) {
		snprintf(call->error, sizeof(call->error), "expected keeps_state: true or false");
		err = -EINVAL;
	}
	if (err)
		return err;
	err = plugins_load(call->d, &offer, &call->peer->fds, call->error, sizeof(call->error));
	if (err < 0)
		return err;
	js_add_u64(call->reply, "slot", (__u64)err);
	js_add_str(call->reply, "name", offer.name);
	js_add_str(call->reply, "as", plugin_parts[offer.as]);
	js_add_bool(call->reply, "asked", plugins_asked(call->d));
	return 0;
}

/* ---- policy_unload ---- */

int verb_policy_unload(struct call *call)
{
	const struct plugin_seat *seat = call->d->plugins.seat;
	const char *name = js_str(call->request, "name");
	__u64 slot = HS_SLOTS;
	int err = js_get_u64(call->request, "slot", &slot);

	if ((err && err != -ENOENT) || !err == (name[0] != '\0')) {
		snprintf(call->error, sizeof(call->error), "expected slot: number, or name: text");
		return -EINVAL;
	}
	/* of two of a name, the one that came last: the other is its predecessor */
	for (__u32 i = 0; err && i < HS_SLOTS; i++) {
		if (seat[i].fds.nr && !strcmp(seat[i].offer.name, name) &&
		    (slot == HS_SLOTS || seat[i].part < PLUGIN_WAITS))
			slot = i;
	}
	if (slot >= HS_SLOTS || !seat[slot].fds.nr) {
		snprintf(call->error, sizeof(call->error),
			 err ? "no policy '%.32s' is in a slot" : "nothing is in that slot%.0s",
			 name);
		return -ENOENT;
	}
	js_add_u64(call->reply, "slot", slot);
	js_add_str(call->reply, "name", seat[slot].offer.name);
	plugins_end(call->d, (__u32)slot, HS_SLOT_END_UNLOADED, "");
	kernel_pulse(&call->d->kernel);
	return 0;
}
