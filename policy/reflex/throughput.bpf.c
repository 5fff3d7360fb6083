// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * For hosts that are there for the work they get through, or the hours in which one is: long turns, and few interruptions of
 * them. Each time that somebody is let run ahead of others costs two switches, some microseconds and a warm cache; so nothing is
 * recognised as critical any more, and only what is declared is, as long as no wait is longer than is still good enough.
 *
 * While the waits are short the turns grow by a tenth in each look, so that they are at their longest within half a second; a wait
 * that is too long halves them at once, and they rest until it is well below again (hysteresis).
 */
#include <homeostat/plugin.h>

#define CRITICAL_HIGH_NS                                                                           \
	2000000ULL /* p99 of recognised and declared work: above, turns are halved … */
#define CRITICAL_LOW_NS 1000000ULL /* … below, they grow */
#define NORMAL_HIGH_NS 60000000ULL /* p99 of everything else */
#define NORMAL_LOW_NS 30000000ULL
#define SETTLE_NS 50000000ULL /* what was halved is given so long to show */

HOMEOSTAT_POLICY("throughput", "long turns and few preemptions while waits are bearable",
		 READS(WAIT_CRITICAL_P99, WAIT_NORMAL_P99),
		 TURNS(SLICE_NORMAL, SLICE_BATCH, PREEMPT_THRESHOLD, RECOGNISE_BURST), KEEPS_STATE);

HOMEOSTAT_STATE struct {
	__u32 strained;
	__u64 halved_ns;
} state;

/* Is one of the two waits too long? One that is not measured is no wait. */
static __u32 strained(const struct homeostat_vitals *v, __u64 now_ns)
{
	__u64 critical =
		vital_present(v, WAIT_CRITICAL_P99, now_ns) ? vital_value(v, WAIT_CRITICAL_P99) : 0;
	__u64 normal =
		vital_present(v, WAIT_NORMAL_P99, now_ns) ? vital_value(v, WAIT_NORMAL_P99) : 0;

	return control_hysteresis(state.strained & 1, critical, CRITICAL_LOW_NS, CRITICAL_HIGH_NS) |
	       control_hysteresis(state.strained >> 1, normal, NORMAL_LOW_NS, NORMAL_HIGH_NS) << 1;
}

static __u64 turn(__u64 us, __u32 halve)
{
	return halve ? us / 2 : us + us / 10 + 1;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	state.strained = strained(vitals, now_ns);
	if (state.strained) {
		if (now_ns - state.halved_ns < SETTLE_NS)
			return 1;
		state.halved_ns = now_ns;
	}
	knob_set(knobs, SLICE_NORMAL, turn(knobs->value[HS_KNOB_SLICE_NORMAL], state.strained));
	knob_set(knobs, SLICE_BATCH, turn(knobs->value[HS_KNOB_SLICE_BATCH], state.strained));
	knob_set(knobs, PREEMPT_THRESHOLD,
		 turn(knobs->value[HS_KNOB_PREEMPT_THRESHOLD], state.strained));
	knob_set(knobs, RECOGNISE_BURST,
		 state.strained ? knobs->stock[HS_KNOB_RECOGNISE_BURST]
				: knobs->value[HS_KNOB_RECOGNISE_BURST] / 2);
	return 0;
}
