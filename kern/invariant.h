/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Invariants of the armed state (struct hs_limit): the arithmetic, pure and without a BPF helper, so that
 * the unit tests run the same code on the host; then what the pulse does with it.
 *
 * Each limit is judged once for each new measurement of its vital sign, whoever made it. So `windows`
 * counts measurements, not time: of a FAST vital sign one each window (or each 25 ms, or when there are
 * samples enough; see fold.h), of a SLOW one about one a second. A vital sign that is absent, or that
 * nobody measures any more, breaks no limit.
 */
#ifndef HOMEOSTAT_INVARIANT_H
#define HOMEOSTAT_INVARIANT_H

#include "lib/hist.h"

struct limit_state {
	struct hs_limit known; /* the limit that is counted for; another one begins anew */
	__u64 seen_ns;	       /* when the vital sign had been measured, at the last look */
	__u32 above;	       /* measurements above the limit, in a row */
	__u32 counting;	       /* 0 = not looked at since the arming */
	__u64 above_ns;	       /* the pulse that found the first of them; the pulse's */
};

/*
 * Looks at a vital sign. Returns 1 where the limit is broken. The first look after an arming, or after a
 * change of the limit, only notes where it stands: what was measured before does not count.
 */
HS_PURE int limit_judge(const struct hs_limit *l, struct limit_state *ls, int present, __u64 value,
			__u64 updated_ns)
{
	__u64 seen_ns = ls->seen_ns;

	ls->seen_ns = updated_ns;
	if (!ls->counting || ls->known.vital != l->vital || ls->known.windows != l->windows ||
	    ls->known.max != l->max) {
		ls->known = *l;
		ls->counting = 1;
		ls->above = 0;
		return 0;
	}
	if (!present) {
		ls->above = 0;
		return 0;
	}
	if (updated_ns == seen_ns)
		return 0;
	if (value <= l->max) {
		ls->above = 0;
		return 0;
	}
	ls->above++;
	return ls->above >= l->windows;
}

#ifdef __bpf__

static struct limit_state limit_states[HS_LIMITS_MAX];

/* The gate was opened: every count begins anew. */
static __always_inline void limits_begin(void)
{
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_LIMITS_MAX; i++) {
		limit_states[i].counting = 0;
		limit_states[i].above = 0;
		barrier(); /* or clang makes a memset of it, which BPF has not */
	}
}

/*
 * Judges limit i; a broken one shuts the gate. Returns 1 then, 2 where the vital sign is above it, but
 * not yet for long enough, else 0.
 */
__noinline int limit_watch(__u32 i)
{
	__u32 zero = 0, vital, present;
	struct hs_config *c = bpf_map_lookup_elem(&CONFIG, &zero);
	struct limit_state *ls;
	struct hs_limit *l;
	__u64 value, updated;
	__u32 before;

	if (!c || i >= HS_LIMITS_MAX)
		return 0;
	l = &c->limit[i];
	vital = l->vital;
	if (vital >= HS_VITAL_NR)
		return 0;
	/* the daemon stores the value first, so read it last: a value may be old news, never news be old */
	updated = *(volatile __u64 *)&vitals[vital].updated_ns;
	present = *(volatile __u32 *)&vitals[vital].present;
	value = *(volatile __u64 *)&vitals[vital].value;
	ls = &limit_states[i];
	before = ls->above;
	if (!limit_judge(l, ls, present, value, updated)) {
		if (!before)
			ls->above_ns = reflex.now;
		/* what was so before a policy acted is not its doing */
		if (2 * ls->above >= l->windows && reflex.acting && ls->above_ns > reflex.acting_ns)
			reflex.near = vital + 1;
		return ls->above ? 2 : 0;
	}
	gate_shut(HS_TRIP_LIMIT, vital, value, l->max);
	return 1;
}

#endif /* __bpf__ */
#endif
