/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The slots for policy plug-ins (plugin.h). Part of reflex.bpf.c, whose knobs it moves.
 *
 * A policy takes an empty function, one for each slot, by freplace. It is handed copies, so what it writes there reaches nobody;
 * what it leaves as wishes goes the way of every step: bounds, slew, count of turns. After each call the slot is judged: too
 * slow, rubbish, or a limit of the profile about to break while it acts, and it is shut; the rules run in that same pulse,
 * and every knob that the policy had moved goes back to its base, within its slew; one that it has turned back and forth until it
 * was frozen, which is at stock and at once, is let go. A slot that was shut stays so until
 * something else comes into it (gen), across armings too.
 */
#ifndef HOMEOSTAT_SLOT_H
#define HOMEOSTAT_SLOT_H

#include "plugin.h"

/* What a call may take; a test may ask for less before load. */
const volatile __u64 slot_budget_ns = HS_SLOT_BUDGET_NS;

#define SLOT_TELL_NS 100000000ULL /* in shadow, what is wished is told this often at most */

static struct homeostat_vitals slot_vitals[HS_SLOTS];
static struct homeostat_knobs slot_knobs[HS_SLOTS];
static __u32 slot_asked; /* bit = slot that was asked in this call of the reflex */

/* The slots, empty: no opinion. The asm keeps clang from knowing so at the place of the call. */
__noinline int homeostat_slot_0(struct homeostat_vitals *v, struct homeostat_knobs *k, __u64 now)
{
	int no_opinion = 1;

	asm volatile("" : "+r"(no_opinion) : "r"(v), "r"(k), "r"(now));
	return no_opinion;
}

__noinline int homeostat_slot_1(struct homeostat_vitals *v, struct homeostat_knobs *k, __u64 now)
{
	int no_opinion = 1;

	asm volatile("" : "+r"(no_opinion) : "r"(v), "r"(k), "r"(now));
	return no_opinion;
}

/* What is in slot i has changed: it begins anew, with the bounds as they are. */
static __noinline int slot_begin(__u32 i)
{
	struct hs_config *c = config();
	struct homeostat_knobs *k;
	struct hs_slot *s;

	if (!c || i >= HS_SLOTS)
		return 0;
	if (reflex.acting == i + 1)
		reflex.acting = 0; /* that was somebody else: what it moved is looked after */
	s = &slots[i];
	k = &slot_knobs[i];
	s->gen = c->slot[i].gen;
	s->shut = HS_SLOT_END_NONE;
	s->calls = 0;
	s->declined = 0;
	s->acted = 0;
	s->steps = 0;
	s->spent_ns = 0;
	s->longest_ns = 0;
	s->last_ns = 0;
	s->slow = 0;
	s->told_ns = 0;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		struct hs_bound *b = bound_of(id);

		if (!b)
			return 0;
		s->told[id] = b->stock;
		s->wished[id] = b->stock;
		k->value[id] = b->stock;
	}
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_VITAL_NR; id++)
		*(volatile __u32 *)&slot_vitals[i].v[id].present = 0;
	return 0;
}

static __noinline int slot_shut(__u32 i, __u32 why, __u32 knob, __u32 vital, __u64 value)
{
	struct hs_event *e;

	if (i >= HS_SLOTS)
		return 0;
	slots[i].shut = why;
	e = event_reserve(HS_EVENT_PLUGIN, reflex.now);
	if (!e)
		return 0;
	e->id = i;
	e->cause = HS_CAUSE_PLUGIN;
	e->from = why;
	e->to = knob;
	e->vital = vital;
	e->value = value;
	e->latency_ns = slots[i].last_ns;
	event_submit_now(e);
	return 0;
}

/* Takes the vital signs that the policy in slot i reads, if it is asked. */
static __noinline int slot_look(__u32 i)
{
	struct hs_config *c = config();

	if (!c || i >= HS_SLOTS || c->slot[i].run == HS_SLOT_RUN_OFF)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].reads[n] - 1;

		if (id >= HS_VITAL_NR)
			break;
		seen[id] = vitals[id];
		rule_look(id);
	}
	return 0;
}

/*
 * Fills the copies: what it reads and turns, nothing else. What a rule would call distress makes the heart beat fast under a
 * policy, too.
 */
static __noinline int slot_fill(__u32 i)
{
	struct hs_config *c = config();

	if (!c || i >= HS_SLOTS)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].reads[n] - 1;

		if (id >= HS_VITAL_NR)
			break;
		slot_vitals[i].v[id] = seen[id];
		if (reflex.high[id] && seen[id].present && seen[id].value > reflex.high[id])
			reflex.distress++;
	}
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].turns[n] - 1;
		struct hs_bound *b;

		if (id >= HS_KNOB_NR)
			break;
		b = bound_of(id);
		if (!b)
			break;
		slot_knobs[i].value[id] = knob_states[id].target;
		slot_knobs[i].min[id] = b->min;
		slot_knobs[i].max[id] = b->max;
		slot_knobs[i].stock[id] = b->stock;
	}
	return 0;
}

/* In a replay: the policy is there itself (decision.h), or what it answered when it was recorded. */
static __noinline int slot_replay(__u32 i, int err)
{
	if (i >= HS_SLOTS || decisions.asked[i].itself)
		return err;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		*(volatile __u64 *)&slot_knobs[i].value[id] = decisions.asked[i].wished[id];
	return decisions.asked[i].err;
}

/* Calls the policy. 0 = it has an opinion. */
static __noinline int slot_call(__u32 i)
{
	__u64 from = bpf_ktime_get_ns(), took;
	struct hs_slot *s;
	int err;

	if (i >= HS_SLOTS)
		return 1;
	if (i)
		err = homeostat_slot_1(&slot_vitals[1], &slot_knobs[1], reflex.now);
	else
		err = homeostat_slot_0(&slot_vitals[0], &slot_knobs[0], reflex.now);
	took = bpf_ktime_get_ns() - from;
	if (replayed) {
		err = slot_replay(i, err);
		took = decisions.asked[i].took_ns;
	} else {
		decisions.asked[i].err = err;
		decisions.asked[i].took_ns = took;
	}
	s = &slots[i];
	slot_asked |= 1U << i;
	s->calls++;
	s->spent_ns += took;
	s->last_ns = took;
	if (took > s->longest_ns)
		s->longest_ns = took;
	if (took > slot_budget_ns)
		s->slow += 2;
	else if (s->slow)
		s->slow--;
	if (s->slow >= 2 * HS_SLOT_SLOW || took > 10 * slot_budget_ns)
		slot_shut(i, HS_SLOT_END_SLOW, HS_KNOB_NR, HS_VITAL_NR, 0);
	else if (err)
		s->declined++;
	return err || s->shut;
}

/* Takes what it wishes, or shuts the slot where one of the wishes is out of bounds. 0 = all of them are in. */
static __noinline int slot_take(__u32 i)
{
	struct hs_config *c = config();

	if (!c || i >= HS_SLOTS)
		return 1;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].turns[n] - 1;
		struct hs_bound *b;
		__u64 wish;

		if (id >= HS_KNOB_NR)
			break;
		b = bound_of(id);
		if (!b)
			return 1;
		wish = *(volatile __u64 *)&slot_knobs[i].value[id];
		slots[i].wished[id] = wish;
		if (wish == reflex_clamp(wish, b))
			continue;
		slot_shut(i, HS_SLOT_END_RUBBISH, id, HS_VITAL_NR, wish);
		return 1;
	}
	return 0;
}

/* The policy's wishes are done … */
static __noinline int slot_act(__u32 i)
{
	struct hs_config *c = config();

	if (!c || i >= HS_SLOTS)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].turns[n] - 1;
		struct knob_state *ks;
		struct hs_bound *b;

		if (id >= HS_KNOB_NR)
			break;
		b = bound_of(id);
		if (!b)
			break;
		ks = &knob_states[id];
		if (!knob_step(id, ks, b, c, slots[i].wished[id], HS_CAUSE_PLUGIN))
			continue;
		slots[i].steps++;
		knob_event(HS_EVENT_REFLEX, id, HS_CAUSE_PLUGIN, ks->value, ks->target);
	}
	return 0;
}

/* … or told: where they differ from what was told before, and from what is done. */
static __noinline int slot_tell(__u32 i)
{
	struct hs_config *c = config();
	struct hs_slot *s;

	if (!c || i >= HS_SLOTS)
		return 0;
	s = &slots[i];
	if (reflex.now - s->told_ns < SLOT_TELL_NS)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].turns[n] - 1;
		struct hs_event *e;

		if (id >= HS_KNOB_NR)
			break;
		if (s->wished[id] == s->told[id])
			continue;
		s->told[id] = s->wished[id];
		s->told_ns = reflex.now;
		s->steps++;
		e = event_reserve(HS_EVENT_ADVICE, reflex.now);
		if (!e)
			break;
		e->id = id;
		e->vital = HS_VITAL_NR; /* none */
		e->cause = HS_CAUSE_PLUGIN;
		e->from = knob_states[id].target;
		e->to = s->wished[id];
		event_submit(e);
	}
	return 0;
}

/* What was frozen by a policy's doing is let go with it. */
static __always_inline void knob_thaw(__u32 id, struct knob_state *ks)
{
	reflex.froze &= ~(1ULL << id);
	if (!ks->frozen)
		return;
	ks->frozen = 0;
	ks->turns = 0;
	ks->cause = HS_CAUSE_PLUGIN;
	reflex.frozen--;
	knob_publish(id, ks);
}

/*
 * Another policy acts from now on, or none does: what the one before has moved, and this one does not turn, goes back to its
 * base, which is told. What it does turn it finds where it is going.
 */
static __noinline int slot_follows(__u32 acting)
{
	struct hs_config *c = config();
	__u64 turns = 0;

	if (!c)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; acting && acting <= HS_SLOTS && n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[acting - 1].turns[n] - 1;

		if (id >= HS_KNOB_NR)
			break;
		turns |= 1ULL << id;
	}
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		struct knob_state *ks = &knob_states[id];

		if (reflex.froze & 1ULL << id)
			knob_thaw(id, ks);
		if (ks->cause != HS_CAUSE_PLUGIN || ks->frozen || turns & 1ULL << id)
			continue;
		if (ks->target != ks->base)
			knob_event(HS_EVENT_KNOB, id, ks->wish.cause, ks->value, ks->base);
		knob_aim(id, ks, ks->base, ks->wish.cause);
	}
	return 0;
}

/* Asks the policy in slot i; @taken: another one acts. 0 = it acts, in place of the rules. */
static __noinline int slot_run(__u32 i, __u32 taken)
{
	struct hs_config *c = config();
	struct hs_slot *s;
	__u32 run;

	if (!c || i >= HS_SLOTS)
		return 1;
	s = &slots[i];
	if (s->gen != c->slot[i].gen)
		slot_begin(i);
	run = c->slot[i].run;
	if (run == HS_SLOT_RUN_OFF || s->shut || (run == HS_SLOT_RUN_ACT && taken))
		return 1;
	if (run == HS_SLOT_RUN_ACT && reflex.near && reflex.acting == i + 1) {
		slot_shut(i, HS_SLOT_END_WORSE, HS_KNOB_NR, reflex.near - 1, 0);
		return 1;
	}
	slot_fill(i);
	if (!slot_call(i) && !slot_take(i)) {
		if (run == HS_SLOT_RUN_ACT)
			slot_act(i);
		else
			slot_tell(i);
	}
	if (run != HS_SLOT_RUN_ACT || s->shut)
		return 1;
	s->acted++;
	return 0;
}

/* Asks all of them. Sets reflex.acting. */
static __always_inline void slots_run(void)
{
	__u32 acting = 0;

	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (!slot_run(i, acting) && !acting)
			acting = i + 1;
	}
	if (acting != reflex.acting) {
		slot_follows(acting);
		reflex.acting_ns = reflex.now;
	}
	reflex.acting = acting;
}

/* Nobody acts any more. The gate was shut by a trip while it did (@live): who acted is not asked again. */
static __always_inline void slots_reset(bool live)
{
	__u32 was = reflex.acting;

	reflex.acting = 0;
	reflex.near = 0;
	reflex.froze = 0;
	if (live && was && was <= HS_SLOTS && gate.trip_reason && !slots[was - 1].shut)
		slot_shut(was - 1, HS_SLOT_END_TRIPPED, HS_KNOB_NR, HS_VITAL_NR, 0);
}

#endif
