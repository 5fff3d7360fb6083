// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The rule interpreter (built-in policy), and the slots that policy plug-ins take (slot.h). Called by
 * the pulse only; the model is in reflex.h.
 *
 * In act the knobs are written; in advise the same is computed, nothing is written, and every step
 * is an ADVICE event instead of a REFLEX or KNOB one (its `cause` tells the two apart). The knob_state
 * is the shadow copy, in both.
 */
#include "state.h"
#include "lib/event.h"
#include "reflex.h"

_Static_assert(HS_KNOB_NR <= 64, "masks of knobs have 64 bits");

typeof(reflex) reflex SEC(".data.reflex") = {};

/* What the interpreter keeps for itself. */
static struct rule_state rule_states[HS_RULES_MAX];
static struct knob_state knob_states[HS_KNOB_NR];
static struct hs_vital
	seen[HS_VITAL_NR]; /* what this evaluation goes by: the daemon writes at any time */

/* By value: a helper that is given the loop's own variable makes the verifier forget its bounds. */
static __always_inline struct hs_bound *bound_of(__u32 id)
{
	return bpf_map_lookup_elem(&BOUNDS, &id);
}

static __always_inline struct hs_config *config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&CONFIG, &zero);
}

/* Rule i of the half in force. */
static __always_inline struct hs_rule *rule_of(const struct hs_config *c, __u32 i)
{
	__u32 key = (c->rules_base ? HS_RULES_MAX : 0) + i;

	return bpf_map_lookup_elem(&RULES, &key);
}

/* Makes the state of a knob public; in advise, nothing is. gen last, for readers that wait for it. */
static void knob_publish(__u32 id, const struct knob_state *ks)
{
	struct hs_knob *k = &knobs[id];

	if (reflex.run == REFLEX_SHADOW)
		return;
	k->value = ks->value;
	k->changed_ns = reflex.now;
	k->cause = ks->cause;
	k->rule = ks->rule;
	k->frozen = ks->frozen;
	*(volatile __u32 *)&k->gen = k->gen + 1;
}

static void knob_event(__u32 type, __u32 id, __u32 cause, __u64 from, __u64 to)
{
	bool shadow = reflex.run == REFLEX_SHADOW && type != HS_EVENT_FREEZE;
	struct hs_event *e = event_reserve(shadow ? HS_EVENT_ADVICE : type, reflex.now);

	if (!e)
		return;
	e->id = id;
	e->vital = HS_VITAL_NR; /* none */
	e->cause = cause;
	e->from = from;
	e->to = to;
	event_submit(e);
}

/*
 * Sets where a knob is to go; it starts from where it is. `moved_ns` is left alone while the knob is
 * on its way, so that a new target does not buy more slew.
 */
static void knob_aim(__u32 id, struct knob_state *ks, __u64 to, __u32 cause)
{
	ks->target = to;
	ks->cause = cause;
	if (ks->value != to)
		reflex.moving |= 1ULL << id;
}

static void knob_to_stock(__u32 id, struct knob_state *ks, __u64 stock, __u32 cause)
{
	ks->value = stock;
	ks->target = stock;
	ks->cause = cause;
	ks->moved_ns = reflex.now;
	reflex.moving &= ~(1ULL << id);
}

/* What follows is one global function per knob or rule: the verifier looks at it once, not for each. */

/* To stock, in every mode, so not by knob_publish(). */
__noinline int knob_reset(__u32 id)
{
	struct hs_bound *b = bound_of(id);
	struct knob_state *ks;
	struct hs_event *e;
	struct hs_knob *k;
	__u64 was;

	if (!b || id >= HS_KNOB_NR)
		return 0;
	ks = &knob_states[id];
	k = &knobs[id];
	was = k->value;
	knob_to_stock(id, ks, b->stock, HS_CAUSE_STOCK);
	ks->base = b->stock;
	ks->wish.cause = HS_CAUSE_STOCK;
	ks->wish.gen = 0;
	ks->turns = 0;
	ks->dir = 0;
	ks->frozen = 0;
	if (was == b->stock && k->cause == HS_CAUSE_STOCK && !k->frozen)
		return 0;
	k->value = b->stock;
	k->changed_ns = reflex.now;
	k->cause = HS_CAUSE_STOCK;
	k->frozen = 0;
	*(volatile __u32 *)&k->gen = k->gen + 1;
	if (was == b->stock || k->gen == 1) /* 1: filled in at start */
		return 0;
	e = event_reserve(HS_EVENT_KNOB, reflex.now);
	if (!e)
		return 0;
	e->id = id;
	e->vital = HS_VITAL_NR; /* none */
	e->cause = HS_CAUSE_STOCK;
	e->from = was;
	e->to = b->stock;
	event_submit(e);
	return 0;
}

__noinline int knob_wish(__u32 id)
{
	struct hs_bound *b = bound_of(id);
	struct knob_state *ks;
	__u64 to;

	if (!b || id >= HS_KNOB_NR)
		return 0;
	ks = &knob_states[id];
	ks->wish.gen = *(volatile __u32 *)&wishes[id].gen;
	ks->wish.value = *(volatile __u64 *)&wishes[id].value;
	ks->wish.cause = *(volatile __u32 *)&wishes[id].cause;
	to = reflex_clamp(ks->wish.value, b);
	ks->base = to;
	if (ks->frozen || to == ks->target)
		return 0;
	knob_event(HS_EVENT_KNOB, id, ks->wish.cause, ks->value, to);
	knob_aim(id, ks, to, ks->wish.cause);
	return 0;
}

int reflex_wishes(void)
{
	if (reflex.run == REFLEX_OFF)
		return 0;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		if (*(volatile __u32 *)&wishes[id].gen != knob_states[id].wish.gen)
			knob_wish(id);
	}
	return 0;
}

static void knob_freeze(__u32 id, struct knob_state *ks, __u64 stock)
{
	knob_event(HS_EVENT_FREEZE, id, HS_CAUSE_FROZEN, ks->value, stock);
	ks->frozen = 1;
	reflex.frozen++;
	knob_to_stock(id, ks, stock, HS_CAUSE_FROZEN);
	knob_publish(id, ks);
}

/*
 * A step of rule or plug-in: counts turns, freezes or aims. Returns 1 where it was taken, 2 where it
 * was a turn besides, 0 where the knob is there already, or frozen.
 */
static int knob_step(__u32 id, struct knob_state *ks, const struct hs_bound *b,
		     const struct hs_config *c, __u64 to, __u32 cause)
{
	int turned;

	to = reflex_clamp(to, b);
	if (ks->frozen || to == ks->target || to == ks->value)
		return 0;
	turned = knob_turn(ks, ks->value, to, c->freeze_window_ns, reflex.now);
	if (turned && c->freeze_turns && ks->turns > c->freeze_turns) {
		knob_freeze(id, ks, b->stock);
		if (cause == HS_CAUSE_PLUGIN)
			reflex.froze |= 1ULL << id;
		return 0;
	}
	knob_aim(id, ks, to, cause);
	return 1 + turned;
}

static __always_inline void rule_event(__u32 i, const struct hs_rule *r,
				       const struct rule_state *rs, const struct knob_state *ks,
				       __u64 value, __u64 from_ns)
{
	bool shadow = reflex.run == REFLEX_SHADOW;
	struct hs_event *e = event_reserve(shadow ? HS_EVENT_ADVICE : HS_EVENT_REFLEX, reflex.now);

	if (!e)
		return;
	e->id = r->knob;
	e->vital = r->vital;
	e->cause = HS_CAUSE_REFLEX;
	e->rule = i;
	e->from = ks->value;
	e->to = ks->target;
	e->value = value;
	/* the first step answers the crossing, a later one what was measured since */
	if (rs->step_ns > rs->side_ns)
		e->latency_ns = reflex.now - from_ns;
	else
		e->latency_ns = reflex.now - rs->from_ns;
	event_submit(e);
}

/* Rule i comes into force: it starts from nothing. Notes which quantiles are worth early news. */
__noinline int rule_begin(__u32 i)
{
	struct hs_config *c = config();
	struct hs_rule *r;
	__u32 vital, class;

	if (!c || i >= HS_RULES_MAX)
		return 0;
	rule_states[i] = (struct rule_state){};
	r = rule_of(c, i);
	if (!r || i >= c->rules_nr)
		return 0;
	vital = r->vital;
	if (vital >= HS_VITAL_NR)
		return 0;
	if (!reflex.high[vital] || r->high < reflex.high[vital])
		reflex.high[vital] = r->high;
	/* the jitter is no larger than the 99th percentile, so the same bucket will do */
	if (vital <= WAIT_VITAL(HS_CLASS_BATCH, 2))
		class = vital / 3;
	else if (vital <= HS_VITAL_JITTER_NORMAL)
		class = vital - HS_VITAL_JITTER_CRITICAL;
	else
		return 0;
	asm("" : "+r"(class)); /* clang knows its bound, the verifier does not: keep the check */
	vital = hist_index(r->high);
	if (class < HS_CLASS_NR && vital < reflex.alarm[class])
		reflex.alarm[class] = vital;
	return 0;
}

static void rules_changed(const struct hs_config *c)
{
	reflex.known_nr = c->rules_nr;
	reflex.known_base = c->rules_base;
	reflex.unsettled = 0;
	for (__u32 class = 0; class < HS_CLASS_NR; class ++)
		reflex.alarm[class] = HS_HIST_BUCKETS;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_VITAL_NR; id++) {
		reflex.high[id] = 0;
		barrier(); /* or clang makes a memset of it, which BPF has not */
	}
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_RULES_MAX; i++)
		rule_begin(i);
}

__noinline int rule_run(__u32 i)
{
	struct hs_config *c = config();
	__u32 id, vital, side;
	__u64 value, updated, from;
	struct rule_state *rs;
	struct knob_state *ks;
	int present, taken;
	struct hs_bound *b;
	struct hs_rule *r;

	if (!c || i >= HS_RULES_MAX)
		return 0;
	r = rule_of(c, i);
	rs = &rule_states[i];
	if (!r)
		return 0;
	id = r->knob;
	vital = r->vital;
	if (id >= HS_KNOB_NR || vital >= HS_VITAL_NR)
		return 0;
	ks = &knob_states[id];
	if (rs->up_ns && reflex.now - rs->up_ns > c->freeze_window_ns)
		rs->backoff = 0;
	value = seen[vital].value;
	updated = seen[vital].updated_ns;
	from = reflex.from_ns[vital] ? reflex.from_ns[vital] : updated;
	present = seen[vital].present && reflex.now - updated < REFLEX_FRESH_NS;
	side = rule_judge(r, rs, present, value, updated, from, reflex.now);
	if (rs->side == SIDE_ABOVE)
		reflex.distress++;
	if (rs->side != SIDE_BELOW)
		reflex.unsettled |= 1ULL << id;
	if (side == SIDE_REST ||
	    reflex.acting) /* looked at, so that the heart beats as fast as there is stress */
		return 0;
	if (side == SIDE_BELOW && (ks->target == ks->base ||
				   ((reflex.unsettled | reflex.unsettled_before) & (1ULL << id))))
		return 0;
	b = bound_of(id);
	if (!b)
		return 0;
	if (side == SIDE_ABOVE)
		value = reflex_further(ks->value, reflex_drive(r, value, ks->value), ks->target);
	else
		value = control_towards(ks->value, ks->base, r->gain_down);
	taken = knob_step(id, ks, b, c, value, HS_CAUSE_REFLEX);
	if (!taken)
		return 0;
	ks->rule = i;
	rule_event(i, r, rs, ks, present ? seen[vital].value : 0, from);
	rule_stepped(rs, side, taken == 2, c->freeze_window_ns, reflex.now);
	return 0;
}

/* Takes what a rule needs to know of a vital sign; the daemon stores the value first, so it is read last. */
static __always_inline void rule_look(__u32 vital)
{
	seen[vital].updated_ns = *(volatile __u64 *)&vitals[vital].updated_ns;
	seen[vital].present = *(volatile __u32 *)&vitals[vital].present;
	seen[vital].value = *(volatile __u64 *)&vitals[vital].value;
}

#include "slot.h"
#include "decision.h"

/* Once for the whole evaluation, so that one and the same vital sign is the same for all, and for the record. */
static __noinline int reflex_look(void)
{
	struct hs_config *c = config();

	if (!c)
		return 0;
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_RULES_MAX && i < c->rules_nr; i++) {
		struct hs_rule *r = rule_of(c, i);
		__u32 vital;

		if (!r)
			break;
		vital = r->vital;
		if (vital < HS_VITAL_NR)
			rule_look(vital);
	}
	for (__u32 i = 0; i < HS_SLOTS; i++)
		slot_look(i);
	if (decisions.all)
		decision_look();
	return 0;
}

int reflex_reset(__u32 run)
{
	bool live = reflex.run == REFLEX_LIVE;

	reflex.run = run;
	reflex.moving = 0;
	reflex.unsettled = 0;
	reflex.distress = 0;
	reflex.frozen = 0;
	slots_reset(live);
	reflex.known_nr = 0;	 /* the set is looked at anew … */
	reflex.known_base = ~0U; /* … whichever half it is in */
	for (__u32 class = 0; class < HS_CLASS_NR; class ++)
		reflex.alarm[class] = HS_HIST_BUCKETS;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		knob_reset(id);
	return 0;
}

int reflex_rules(void)
{
	struct hs_config *c = config();

	if (!c || reflex.run == REFLEX_OFF)
		return 0;
	reflex_look();
	if (c->rules_base != reflex.known_base || c->rules_nr != reflex.known_nr)
		rules_changed(c);
	reflex.unsettled_before = reflex.unsettled;
	reflex.unsettled = 0;
	reflex.distress = 0;
	slots_run();
	if (reflex.acting)
		return 0;
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_RULES_MAX && i < c->rules_nr; i++)
		rule_run(i);
	return 0;
}

__noinline int knob_move(__u32 id)
{
	struct hs_bound *b = bound_of(id);
	struct knob_state *ks;

	if (!b || id >= HS_KNOB_NR)
		return 0;
	ks = &knob_states[id];
	if (knob_slew(ks, b, reflex.now))
		knob_publish(id, ks);
	if (ks->value == ks->target || !b->slew_per_s)
		reflex.moving &= ~(1ULL << id);
	return 0;
}

int reflex_move(void)
{
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		if (reflex.moving & (1ULL << id))
			knob_move(id);
	}
	return 0;
}
