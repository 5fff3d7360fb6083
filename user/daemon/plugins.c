// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "plugins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "names.h"
#include "units.h"

#define DETACH_PATIENCE_NS NS_PER_S /* a link that goes: kernel text is patched */

const char *const plugin_parts[PLUGIN_PART_NR] = {
#define X(id, name, ...) [PLUGIN_##id] = name,
	PLUGIN_PARTS(X)
#undef X
};

static bool taken(const struct plugin_seat *seat)
{
	return seat->fds.nr;
}

static bool acts(const struct plugin_seat *seat)
{
	return taken(seat) && (seat->part == PLUGIN_CANARY || seat->part == PLUGIN_FULL);
}

static enum hs_slot_run run_of(const struct plugin_seat *seat)
{
	if (acts(seat))
		return HS_SLOT_RUN_ACT;
	return taken(seat) && seat->part == PLUGIN_SHADOW ? HS_SLOT_RUN_SHADOW : HS_SLOT_RUN_OFF;
}

bool plugins_asked(const struct homeostatd *d)
{
	return d->mode == HS_MODE_ADVISE || d->armed;
}

const struct plugin_seat *plugins_acting(const struct plugins *plugins)
{
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (acts(&plugins->seat[i]))
			return &plugins->seat[i];
	}
	return NULL;
}

const struct hs_slot *plugins_books(const struct homeostatd *d, __u32 slot)
{
	const struct hs_slot *books = &d->kernel.slots[slot];

	return __atomic_load_n(&books->gen, __ATOMIC_ACQUIRE) == d->policy.slot[slot].gen ? books
											  : NULL;
}

void plugins_heard(struct plugins *plugins, const struct hs_event *event)
{
	if (event->id < HS_SLOTS)
		plugins->told[event->id] = *event;
}

/* Vital signs that are measured only while somebody asks. */
static void follow_reads(struct homeostatd *d)
{
	bool read[HS_VITAL_NR] = {0};

	for (__u32 i = 0; i < HS_SLOTS; i++) {
		const struct plugin_seat *seat = &d->plugins.seat[i];

		for (int n = 0; taken(seat) && n < HS_SLOT_NAMES && seat->offer.reads[n]; n++)
			read[seat->offer.reads[n] - 1] = true;
	}
	for (int i = 0; i < HS_HOOK_NR; i++)
		d->hooks.read[i] = read[hook_infos[i].feeds];
	d->tcp_look.read = false;
	for (__u32 class = 0; class < HS_FLOW_CLASS_NR; class ++) {
		for (int sign = 0; sign < TCP_LOOK_SIGNS; sign++)
			d->tcp_look.read |= read[tcp_look_vital(class, (enum tcp_look_sign)sign)];
	}
	arm_hooks(d, clock_ns(), true);
}

/* Has the pulse do as the seats say. It cannot fail for a map entry that is there; if it did, the old stands. */
static int tell_pulse(struct homeostatd *d)
{
	struct hs_slot_config slot[HS_SLOTS];
	int err;

	memcpy(slot, d->policy.slot, sizeof(slot));
	for (__u32 i = 0; i < HS_SLOTS; i++)
		slot[i].run = run_of(&d->plugins.seat[i]);
	err = policy_take_slots(&d->policy, &d->kernel, slot);
	if (err)
		log_error("policies in the slots: writing them to the kernel map: %s",
			  strerror(-err));
	return err;
}

/* ---- the end of one ---- */

static void remember(struct homeostatd *d, __u32 slot, enum hs_slot_end why, const char *text)
{
	struct plugins *p = &d->plugins;
	struct plugin_ending *end = &p->ending[p->endings++ % PLUGIN_ENDINGS];

	*end = (struct plugin_ending){.slot = slot, .why = why, .at_ns = clock_ns()};
	memcpy(end->name, p->seat[slot].offer.name, sizeof(end->name));
	snprintf(end->text, sizeof(end->text), "%s", text);
	if (why == HS_SLOT_END_UNLOADED || why == HS_SLOT_END_REPLACED)
		log_info("policy %s (slot %u) is gone: %s", end->name, slot,
			 slot_end_infos[why].meaning);
	else
		log_warn("policy %s (slot %u) is gone: %s%s%s", end->name, slot,
			 slot_end_infos[why].meaning, text[0] ? ": " : "", text);
}

/* The pulse has told of what it has shut. */
static void tell(struct homeostatd *d, __u32 slot, enum hs_slot_end why)
{
	struct hs_event event = {
		.type = HS_EVENT_PLUGIN,
		.id = slot,
		.cause = HS_CAUSE_PLUGIN,
		.from = why,
		.to = HS_KNOB_NR,
		.vital = HS_VITAL_NR,
	};

	if (why == HS_SLOT_END_NONE || why >= HS_SLOT_END_UNLOADED)
		daemon_event(d, &event);
}

void plugins_end(struct homeostatd *d, __u32 slot, enum hs_slot_end why, const char *text)
{
	struct plugins *p = &d->plugins;
	struct plugin_seat *seat = &p->seat[slot];
	struct descriptors fds = seat->fds;
	__u64 patience_ns =
		__atomic_load_n(&d->heartbeat.patience_ns, __ATOMIC_RELAXED); /* of the caller */
	bool acted = acts(seat);

	if (!taken(seat))
		return;
	remember(d, slot, why, text);
	tell(d, slot, why);
	seat->fds.nr = 0;
	for (__u32 i = 0; i < HS_SLOTS && acted; i++) {
		struct plugin_seat *other = &p->seat[i];

		if (!taken(other) || other->part != PLUGIN_WAITS)
			continue;
		other->part = PLUGIN_FULL;
		log_info("policy %s (slot %u) acts again", other->offer.name, i);
	}
	tell_pulse(d);
	heartbeat_patience(&d->heartbeat, DETACH_PATIENCE_NS);
	descriptors_close(&fds);
	__atomic_store_n(&d->heartbeat.patience_ns, patience_ns, __ATOMIC_RELAXED);
	heartbeat_progress(&d->heartbeat);
	follow_reads(d);
}

/* Why the pulse shut it, with the figures. Returns buf. */
static const char *shut_text(const struct homeostatd *d, __u32 slot, const struct hs_slot *books,
			     char *buf, size_t size)
{
	const struct hs_event *e = &d->plugins.told[slot];
	char took[32], most[32], value[32];

	buf[0] = '\0';
	if (books->shut == HS_SLOT_END_SLOW)
		snprintf(buf, size, "its last call took %s, the longest of %llu %s",
			 unit_format(took, sizeof(took), books->last_ns, UNIT_NS), books->calls,
			 unit_format(most, sizeof(most), books->longest_ns, UNIT_NS));
	else if (e->from != books->shut)
		return buf; /* the event was lost, or waits */
	else if (books->shut == HS_SLOT_END_RUBBISH && e->to < HS_KNOB_NR)
		snprintf(buf, size, "%s = %llu, in call %llu", knob_name((__u32)e->to), e->value,
			 books->calls);
	else if (books->shut == HS_SLOT_END_WORSE && e->vital < HS_VITAL_NR)
		snprintf(buf, size, "%s is %s", vital_name(e->vital),
			 unit_format(value, sizeof(value),
				     __atomic_load_n(&d->kernel.vitals[e->vital].value,
						     __ATOMIC_RELAXED),
				     (enum unit)unit_find(vital_infos[e->vital].unit)));
	return buf;
}

/* Is who follows this one at work, or not to be asked at all? */
static bool relieved(const struct homeostatd *d)
{
	const struct plugins *p = &d->plugins;

	for (__u32 i = 0; i < HS_SLOTS && plugins_asked(d); i++) {
		const struct hs_slot *books = plugins_books(d, i);

		if (acts(&p->seat[i]))
			return books && __atomic_load_n(&books->acted, __ATOMIC_RELAXED);
	}
	return true;
}

void plugins_watch(struct homeostatd *d)
{
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		const struct plugin_seat *seat = &d->plugins.seat[i];
		const struct hs_slot *books;
		char text[160];
		__u32 shut;

		if (!taken(seat))
			continue;
		books = plugins_books(d, i);
		shut = books ? __atomic_load_n(&books->shut, __ATOMIC_RELAXED) : HS_SLOT_END_NONE;
		if (shut != HS_SLOT_END_NONE && shut < HS_SLOT_END_NR)
			plugins_end(d, i, (enum hs_slot_end)shut,
				    shut_text(d, i, books, text, sizeof(text)));
		else if (seat->part == PLUGIN_LEAVES && relieved(d))
			plugins_end(d, i, HS_SLOT_END_REPLACED, "");
	}
}

void plugins_tripped(struct homeostatd *d)
{
	/* who waits first: nobody is to take over */
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (d->plugins.seat[i].part == PLUGIN_WAITS)
			plugins_end(d, i, HS_SLOT_END_TRIPPED, "");
	}
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (d->plugins.seat[i].part != PLUGIN_SHADOW)
			plugins_end(d, i, HS_SLOT_END_TRIPPED, "");
	}
}

void plugins_close(struct plugins *plugins)
{
	for (__u32 i = 0; i < HS_SLOTS; i++)
		descriptors_close(&plugins->seat[i].fds);
}

/* ---- the canary ---- */

static int canary_begin(struct homeostatd *d, __u64 for_ns, char *error, size_t size)
{
	struct plugin_canary *c = &d->plugins.canary;
	const struct evidence *e = &d->changes.evidence;

	c->first = e->nr;
	c->seconds = (for_ns + NS_PER_S - 1) / NS_PER_S;
	c->watch = c->seconds < PLUGIN_WATCH ? c->seconds : PLUGIN_WATCH;
	if (!d->armed) {
		snprintf(error, size,
			 "a canary is judged by its effect, and homeostat is not armed: "
			 "load it in shadow, or arm first");
		return -EPERM;
	}
	if (e->nr < c->watch) {
		snprintf(
			error, size,
			"a canary is judged by the %llu s before it, and homeostatd has looked for "
			"%llu s only: try again later",
			c->watch, e->nr);
		return -EAGAIN;
	}
	evidence_means(e, (struct evidence_span){e->nr - c->watch, e->nr}, &c->before);
	return 0;
}

static void canary_passes(struct homeostatd *d, __u32 slot)
{
	struct plugin_seat *seat = &d->plugins.seat[slot];

	seat->part = PLUGIN_FULL;
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (d->plugins.seat[i].part == PLUGIN_WAITS)
			plugins_end(d, i, HS_SLOT_END_REPLACED, "");
	}
	tell(d, slot, HS_SLOT_END_NONE);
	log_info(
		"policy %s (slot %u): nothing is worse after %llu s as a canary; it goes on acting",
		seat->offer.name, slot, d->plugins.canary.seconds);
}

void plugins_tick(struct homeostatd *d)
{
	struct plugin_canary *c = &d->plugins.canary;
	const struct evidence *e = &d->changes.evidence;
	char why[160];

	for (__u32 i = 0; i < HS_SLOTS; i++) {
		const struct plugin_seat *seat = &d->plugins.seat[i];

		if (!taken(seat) || seat->part != PLUGIN_CANARY)
			continue;
		if (!d->armed) /* its time begins anew with the next arming */
			c->first = e->nr;
		if (e->nr - c->first < c->watch)
			return;
		if (canary_worse(&d->policy.profile, e, &c->before,
				 (struct evidence_span){e->nr - c->watch, e->nr}, why,
				 sizeof(why)) < HS_VITAL_NR)
			plugins_end(d, i, HS_SLOT_END_REVERTED, why);
		else if (e->nr - c->first >= c->seconds)
			canary_passes(d, i);
	}
}

/* ---- loading ---- */

/* What becomes of who is there when one comes that is to act, or has its name. */
static void make_way(struct plugins *p, const struct plugin_offer *offer)
{
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		struct plugin_seat *seat = &p->seat[i];

		if (!taken(seat))
			continue;
		if (offer->as != PLUGIN_SHADOW && seat->part == PLUGIN_FULL)
			seat->part = offer->as == PLUGIN_CANARY ? PLUGIN_WAITS : PLUGIN_LEAVES;
		else if (seat->part == PLUGIN_SHADOW && !strcmp(seat->offer.name, offer->name))
			seat->part = PLUGIN_LEAVES;
	}
}

static int refuse(struct homeostatd *d, const struct plugin_offer *offer, __u32 slot, char *error,
		  size_t size)
{
	const struct plugin_seat *there = &d->plugins.seat[slot],
				 *acting = plugins_acting(&d->plugins);

	if (taken(there)) {
		snprintf(error, size, "policy %s is in slot %u", there->offer.name, slot);
		return -EBUSY;
	}
	if (offer->as != PLUGIN_SHADOW && acting && acting->part == PLUGIN_CANARY) {
		snprintf(error, size,
			 "the canary %s acts; wait until it is judged, or unload it first",
			 acting->offer.name);
		return -EBUSY;
	}
	return offer->as == PLUGIN_CANARY ? canary_begin(d, offer->for_ns, error, size) : 0;
}

int plugins_load(struct homeostatd *d, const struct plugin_offer *offer, struct descriptors *fds,
		 char *error, size_t size)
{
	struct plugins before;
	struct kernel_plugin is;
	struct hs_slot_config *slot;
	char why[160];
	int err;

	plugins_watch(d);
	if (fds->nr != 2) {
		snprintf(error, size, "the descriptors of its link and of its program are missing");
		return -EINVAL;
	}
	err = kernel_plugin(&d->kernel, fds->fd[0], fds->fd[1], &is, why, sizeof(why));
	if (err) {
		snprintf(error, size, "policy %s: %s", offer->name, why);
		return err;
	}
	err = refuse(d, offer, is.slot, error, size);
	if (err)
		return err;
	before = d->plugins;
	d->plugins.told[is.slot] = (struct hs_event){0};
	make_way(&d->plugins, offer);
	d->plugins.seat[is.slot] = (struct plugin_seat){*fds, offer->as, is.prog, *offer};
	slot = &d->policy.slot[is.slot];
	slot->gen++;
	memcpy(slot->reads, offer->reads, sizeof(slot->reads));
	memcpy(slot->turns, offer->turns, sizeof(slot->turns));
	err = tell_pulse(d);
	if (err) {
		d->plugins = before;
		snprintf(error, size, "policy %s: writing to the kernel map: %s", offer->name,
			 strerror(-err));
		return err;
	}
	fds->nr = 0;
	log_info("policy %s (slot %u, program %u): %s%s", offer->name, is.slot, is.prog,
		 plugin_parts[offer->as],
		 plugins_asked(d) ? ""
				  : "; nobody is asked while homeostat neither acts nor advises");
	follow_reads(d);
	kernel_pulse(&d->kernel);
	return (int)is.slot;
}
