/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the reflex decides, call by call, with all that it decides by: for whoever wants to compute it again. Part of
 * reflex.bpf.c, whose state it looks at.
 *
 * While `decisions.until_ns` lies ahead, each call leaves one record in DECISIONS: the inputs that differ from those of the
 * record before, and what differs afterwards (struct hs_decision). In front of the first one stands all that the reflex is and
 * goes by (struct hs_decision_state), and again whenever the inputs between two records do not tell: something else was written
 * into bounds, rules or configuration, or a record found no room. A call during which the daemon wrote one of these is marked: what
 * it went by is not certain.
 *
 * Replay. The same programs, loaded a second time with `replayed` set, attached to nothing: replay_call() takes the inputs of one
 * record, which user space has laid in place, makes the call, and leaves a record of its own, which is to be the same, byte for
 * byte. Nothing of this is in the programs of the daemon: the verifier takes out what a constant rules out.
 *
 * What the reflex does not decide by is not in a record: the events that it told, the counts of its slots, the clock but `now`. A
 * policy in a slot is told no other time; how long it took is an input.
 */
#ifndef HOMEOSTAT_DECISION_H
#define HOMEOSTAT_DECISION_H

#define DECISION_BACKLOG (64 * 1024) /* bytes unread that are worth a wake-up of the reader */

_Static_assert(sizeof(reflex) == 8 * HS_DECISION_REFLEX, "a copy of it in the record");
_Static_assert(sizeof(struct knob_state) == 8 * HS_DECISION_KNOB, "likewise");
_Static_assert(sizeof(struct rule_state) == 8 * HS_DECISION_RULE, "likewise");
_Static_assert(sizeof(struct hs_vital) % 8 == 0, "compared by words");

/* The record in the making. */
static struct {
	struct hs_decision head;
	struct hs_decision_item item[HS_DECISION_ITEMS];
} out;

/* What is known to whoever read the records so far. */
static struct {
	struct hs_vital vital[HS_VITAL_NR];
	struct hs_decision_item knob[HS_KNOB_NR];
	__u32 wish_gen[HS_KNOB_NR];
	__u32 shut[HS_SLOTS];
} told;

static __u32 begun; /* the state that this call follows is in the ring */

static __always_inline int decision_flags(void)
{
	return bpf_ringbuf_query(&DECISIONS, BPF_RB_AVAIL_DATA) > DECISION_BACKLOG
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
}

/* Room for one more item, zeroed. NULL cannot happen: HS_DECISION_ITEMS counts all that there may be. */
static __always_inline struct hs_decision_item *item(__u32 kind, __u32 id)
{
	__u32 n = *(volatile __u32 *)&out.head.items;
	struct hs_decision_item *it;

	if (n >= HS_DECISION_ITEMS)
		return NULL;
	out.head.items = n + 1;
	it = &out.item[n];
	it->kind = kind;
	it->id = id;
	it->a = 0;
	it->b = 0;
	it->c = 0;
	it->d = 0;
	return it;
}

/* ---- what it goes by ---- */

static __always_inline int bound_same(const struct hs_bound *a, const struct hs_bound *b)
{
	return a->min == b->min && a->max == b->max && a->stock == b->stock &&
	       a->slew_per_s == b->slew_per_s;
}

static __always_inline int rule_same(const struct hs_rule *a, const struct hs_rule *b)
{
	return a->vital == b->vital && a->knob == b->knob && a->kind == b->kind &&
	       a->low == b->low && a->high == b->high && a->gain_up == b->gain_up &&
	       a->gain_down == b->gain_down && a->hold_ns == b->hold_ns &&
	       a->cooldown_ns == b->cooldown_ns;
}

static __always_inline int slot_same(const struct hs_slot_config *a, const struct hs_slot_config *b)
{
	if (a->gen != b->gen || a->run != b->run)
		return 0;
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		if (a->reads[n] != b->reads[n] || a->turns[n] != b->turns[n])
			return 0;
	}
	return 1;
}

/* Are bounds, rules and configuration as they were recorded? */
__noinline int decision_same(void)
{
	struct hs_decision_state *s = &decisions.state;
	struct hs_config *c = config();

	if (!c || c->rules_nr != s->config.rules_nr || c->rules_base != s->config.rules_base ||
	    c->freeze_turns != s->config.freeze_turns ||
	    c->freeze_window_ns != s->config.freeze_window_ns ||
	    !slot_same(&c->slot[0], &s->config.slot[0]) ||
	    !slot_same(&c->slot[1], &s->config.slot[1]))
		return 0;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		struct hs_bound *b = bound_of(id);

		if (!b || !bound_same(b, &s->bound[id]))
			return 0;
	}
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_RULES_MAX && i < c->rules_nr; i++) {
		struct hs_rule *r = rule_of(c, i);

		if (!r || !rule_same(r, &s->rule[i]))
			return 0;
	}
	return 1;
}

/* A knob as it is told. */
static __always_inline void knob_tell(struct hs_decision_item *it, __u32 id)
{
	const struct knob_state *ks = &knob_states[id];

	it->kind = HS_DECIDED_KNOB;
	it->id = id;
	it->a = ks->cause | !!ks->frozen << 8 | ks->rule << 16;
	it->b = ks->value;
	it->c = ks->target;
	it->d = ks->base;
}

/* Who reads on knows nothing but the state that was recorded just now. */
static __noinline int told_nothing(void)
{
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_VITAL_NR; id++) {
		__builtin_memset(&told.vital[id], 0, sizeof(told.vital[id]));
		__builtin_memset(&seen[id], 0, sizeof(seen[id]));
		barrier(); /* or clang makes a memset of it, which BPF has not */
	}
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		knob_tell(&told.knob[id], id);
		told.wish_gen[id] = knob_states[id].wish.gen;
	}
	for (__u32 i = 0; i < HS_SLOTS; i++)
		told.shut[i] = slots[i].shut;
	return 0;
}

static __noinline int lost(void)
{
	decisions.lost++;
	decisions.known = 0;
	return 0;
}

/* Records all that the reflex is and goes by. */
static __noinline int decision_state(void)
{
	struct hs_decision_state *s = &decisions.state;
	struct hs_config *c = config();

	if (!c)
		return 0;
	s->mark.size = sizeof(*s);
	s->mark.type = HS_DECISION_STATE;
	s->mark.flags = decisions.all ? HS_DECISION_ALL : 0;
	s->mark.seq = decisions.seq;
	s->mark.lost = decisions.lost;
	s->config = *c;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		struct hs_bound *b = bound_of(id);

		if (b)
			s->bound[id] = *b;
	}
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_RULES_MAX; i++) {
		struct hs_rule *r = rule_of(c, i);

		if (r)
			s->rule[i] = *r;
	}
	bpf_probe_read_kernel(s->slot, sizeof(s->slot), slots);
	bpf_probe_read_kernel(s->reflex, sizeof(s->reflex), &reflex);
	bpf_probe_read_kernel(s->knob, sizeof(s->knob), knob_states);
	bpf_probe_read_kernel(s->rules, sizeof(s->rules), rule_states);
	told_nothing();
	decisions.known = 1;
	if (bpf_ringbuf_output(&DECISIONS, s, sizeof(*s), decision_flags()))
		lost();
	return 0;
}

/* ---- one call ---- */

int decision_begin(__u32 call, __u32 run)
{
	if (!*(volatile __u32 *)&decisions.known || !decision_same())
		decision_state();
	begun = *(volatile __u32 *)&decisions.known;
	slot_asked = 0;
	out.head.type = call;
	out.head.flags = 0;
	out.head.seq = decisions.seq++;
	out.head.now_ns = reflex.now;
	out.head.run = run;
	out.head.near = reflex.near;
	out.head.trip = *(volatile __u32 *)&gate.trip_reason;
	out.head.items = 0;
	return 0;
}

/* A vital sign that was looked at: what of it is news. */
__noinline int decision_vital(__u32 id)
{
	struct hs_decision_item *it;
	struct hs_vital *v, *t;

	if (id >= HS_VITAL_NR)
		return 0;
	v = &seen[id];
	t = &told.vital[id];
	if (v->value != t->value || v->updated_ns != t->updated_ns || v->present != t->present ||
	    v->estimated != t->estimated) {
		it = item(HS_DECIDED_VITAL, id);
		if (!it)
			return 0;
		it->a = v->present | v->estimated << 1;
		it->b = v->value;
		it->c = v->updated_ns;
		it->d = reflex.from_ns[id];
	}
	if (v->ewma != t->ewma || v->peak != t->peak) {
		it = item(HS_DECIDED_AVERAGE, id);
		if (!it)
			return 0;
		it->b = v->ewma;
		it->c = v->peak;
	}
	if (v->integral != t->integral || v->span != t->span) {
		it = item(HS_DECIDED_SUMS, id);
		if (!it)
			return 0;
		it->b = v->integral;
		it->c = v->span;
	}
	*t = *v;
	return 0;
}

__noinline int decision_wish(__u32 id)
{
	struct hs_decision_item *it;

	if (id >= HS_KNOB_NR)
		return 0;
	if (out.head.type == HS_DECISION_WISHES && knob_states[id].wish.gen != told.wish_gen[id]) {
		it = item(HS_DECIDED_WISH, id);
		if (!it)
			return 0;
		it->a = knob_states[id].wish.cause;
		it->b = knob_states[id].wish.value;
		it->c = knob_states[id].wish.gen;
	}
	told.wish_gen[id] = knob_states[id].wish.gen;
	return 0;
}

/* What a policy answered, and whether it is shut. */
__noinline int decision_slot(__u32 i)
{
	struct hs_config *c = config();
	struct hs_decision_item *it;
	__u32 asked;

	if (!c || i >= HS_SLOTS)
		return 0;
	asked = slot_asked >> i & 1;
	if (!asked && slots[i].shut == told.shut[i])
		return 0;
	it = item(HS_DECIDED_SLOT, i);
	if (!it)
		return 0;
	it->a = asked | slots[i].shut << 8;
	if (asked) {
		it->b = (__s64)decisions.asked[i].err;
		it->c = decisions.asked[i].took_ns;
	}
	told.shut[i] = slots[i].shut;
	if (!asked || decisions.asked[i].err)
		return 0;
	HS_NO_UNROLL
	for (__u32 n = 0; n < HS_SLOT_NAMES; n++) {
		__u32 id = c->slot[i].turns[n] - 1;

		if (id >= HS_KNOB_NR)
			break;
		it = item(HS_DECIDED_ANSWER, id);
		if (!it)
			break;
		it->a = i;
		it->b = slot_knobs[i].value[id];
	}
	return 0;
}

__noinline int decision_knob(__u32 id)
{
	struct hs_decision_item now, *was, *it;

	if (id >= HS_KNOB_NR)
		return 0;
	was = &told.knob[id];
	knob_tell(&now, id);
	if (now.a == was->a && now.b == was->b && now.c == was->c && now.d == was->d)
		return 0;
	*was = now;
	it = item(HS_DECIDED_KNOB, id);
	if (it)
		*it = now;
	return 0;
}

int decision_end(void)
{
	__u32 call = out.head.type, n;

	HS_NO_UNROLL
	for (__u32 id = 0; call == HS_DECISION_RULES && id < HS_VITAL_NR; id++)
		decision_vital(id);
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		decision_wish(id);
	decision_slot(0);
	decision_slot(1);
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		decision_knob(id);
	n = *(volatile __u32 *)&out.head.items;
	if (n > HS_DECISION_ITEMS)
		return 0;
	/* nothing was done, and nothing has come of it */
	if (!n && (call == HS_DECISION_WISHES || reflex.run == REFLEX_OFF) &&
	    call != HS_DECISION_RESET && !replayed) {
		decisions.seq--;
		return 0;
	}
	if (!decision_same() || out.head.trip != *(volatile __u32 *)&gate.trip_reason) {
		out.head.flags = HS_DECISION_TORN;
		decisions.known = 0;
	}
	out.head.size = sizeof(out.head) + n * sizeof(out.item[0]);
	out.head.moving = reflex.moving;
	out.head.distress = reflex.distress;
	out.head.acting = reflex.acting;
	out.head.frozen = reflex.frozen;
	/* without the state there is no use in it, though it might find room */
	if (!begun ||
	    bpf_ringbuf_output(&DECISIONS, &out, sizeof(out.head) + n * sizeof(out.item[0]),
			       decision_flags()))
		lost();
	return 0;
}

/* Also the vital signs that nobody here reads: for policies that are asked later (decisions.all). */
static __noinline int decision_look(void)
{
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_VITAL_NR; id++) {
		seen[id] = vitals[id];
		rule_look(id);
		barrier();
	}
	return 0;
}

/* ---- replay ---- */

/* The reflex becomes what was recorded: decisions.state. What user space lays in place besides: bounds, rules, configuration. */
static __noinline int replay_state(void)
{
	struct hs_decision_state *s = &decisions.state;

	bpf_probe_read_kernel(slots, sizeof(slots), s->slot);
	bpf_probe_read_kernel(&reflex, sizeof(reflex), s->reflex);
	bpf_probe_read_kernel(knob_states, sizeof(knob_states), s->knob);
	bpf_probe_read_kernel(rule_states, sizeof(rule_states), s->rules);
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		wishes[id] = knob_states[id].wish;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_VITAL_NR; id++) {
		__builtin_memset(&vitals[id], 0, sizeof(vitals[id]));
		barrier();
	}
	told_nothing();
	decisions.known = 1;
	return 0;
}

/* One record again. Returns 0, or 1 for what is no call. */
SEC("?syscall")
int replay_call(struct hs_decision *in)
{
	if (in->type == HS_DECISION_STATE)
		return replay_state();
	if (in->type > HS_DECISION_MOVE)
		return 1;
	reflex.now = in->now_ns;
	reflex.near = in->near;
	gate.trip_reason = in->trip;
	decisions.seq = in->seq;
	decisions.until_ns = ~0ULL;
	decide(in->type, in->run);
	return 0;
}

#endif
