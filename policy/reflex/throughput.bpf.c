// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * For hosts that are there for the work they get through, or the hours in which one is: long turns, and few interruptions of
 * them. Each time that somebody is let run ahead of others costs two switches, some microseconds and a warm cache; so nothing is
 * recognised as critical any more, and only what is declared is, as long as no wait is longer than is still good enough.
 *
 * While the waits are short the turns grow by a tenth in each look, so that they are at their longest within half a second; a wait
 * that is too long halves them at once, and again if it has not become better; in between they rest (hysteresis).
 */
#include <homeostat/plugin.h>

#define CRITICAL_HIGH_NS 2000000ULL /* p99 of declared and recognised work: above, too long … */
#define CRITICAL_LOW_NS 1000000ULL  /* … below, bearable */
#define NORMAL_HIGH_NS 60000000ULL  /* p99 of everything else */
#define NORMAL_LOW_NS 30000000ULL
#define SETTLE_NS 50000000ULL /* what was halved is given so long to show */

HOMEOSTAT_POLICY("throughput", "long turns and few preemptions while waits are bearable",
		 READS(WAIT_CRITICAL_P99, WAIT_NORMAL_P99),
		 TURNS(SLICE_NORMAL, SLICE_BATCH, PREEMPT_THRESHOLD, RECOGNISE_BURST), KEEPS_STATE);

enum strain {
	BEARABLE,
	BETWEEN,
	TOO_LONG
};

HOMEOSTAT_STATE struct {
	__u64 halved_ns;
} state;

/* A wait that is not measured is none. */
static enum strain strain_of(__u32 present, __u64 wait, __u64 low, __u64 high)
{
	if (!present || wait < low)
		return BEARABLE;
	return wait > high ? TOO_LONG : BETWEEN;
}

static __u64 turn(__u64 us, enum strain strain)
{
	return strain == TOO_LONG ? us / 2 : us + us / 10 + 1;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	enum strain critical = strain_of(vital_present(vitals, WAIT_CRITICAL_P99, now_ns),
					 vital_value(vitals, WAIT_CRITICAL_P99), CRITICAL_LOW_NS,
					 CRITICAL_HIGH_NS);
	enum strain normal =
		strain_of(vital_present(vitals, WAIT_NORMAL_P99, now_ns),
			  vital_value(vitals, WAIT_NORMAL_P99), NORMAL_LOW_NS, NORMAL_HIGH_NS);
	enum strain strain = critical > normal ? critical : normal;

	if (strain == BETWEEN || (strain == TOO_LONG && now_ns - state.halved_ns < SETTLE_NS))
		return 1;
	if (strain == TOO_LONG)
		state.halved_ns = now_ns;
	knob_set(knobs, SLICE_NORMAL, turn(knobs->value[HS_KNOB_SLICE_NORMAL], strain));
	knob_set(knobs, SLICE_BATCH, turn(knobs->value[HS_KNOB_SLICE_BATCH], strain));
	knob_set(knobs, PREEMPT_THRESHOLD, turn(knobs->value[HS_KNOB_PREEMPT_THRESHOLD], strain));
	knob_set(knobs, RECOGNISE_BURST,
		 strain == TOO_LONG ? knobs->stock[HS_KNOB_RECOGNISE_BURST]
				    : knobs->value[HS_KNOB_RECOGNISE_BURST] / 2);
	return 0;
}
