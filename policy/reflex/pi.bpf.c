// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A textbook PI controller: holds the 99th percentile of the critical tasks' wait at a set point by the slice of batch tasks.
 * Shorter slices of others are what makes a critical task wait less, so the gains are positive: the error is what is
 * wanted less what is measured, and too long a wait makes the slice shorter.
 */
#include <homeostat/plugin.h>

#define WANTED_NS 200000

HOMEOSTAT_POLICY("pi",
		 "holds the wait of critical tasks (p99) at 200 us by the slice of batch tasks",
		 READS(WAIT_CRITICAL_P99), TURNS(SLICE_BATCH), KEEPS_STATE);

HOMEOSTAT_STATE struct {
	struct control_pi_state pi;
	__u64 seen_ns; /* the measurement that was last answered */
	__u64 at_ns;   /* when */
} state;

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	const struct hs_vital *wait = &vitals->v[HS_VITAL_WAIT_CRITICAL_P99];
	const struct control_pi pi = {
		.kp = CONTROL_FIX(5, 1000),  /* us of slice per ns of error */
		.ki = CONTROL_FIX(20, 1000), /* … and second */
		.centre = knobs->stock[HS_KNOB_SLICE_BATCH],
		.min = knobs->min[HS_KNOB_SLICE_BATCH],
		.max = knobs->max[HS_KNOB_SLICE_BATCH],
	};

	if (!vital_present(vitals, WAIT_CRITICAL_P99, now_ns) || wait->updated_ns == state.seen_ns)
		return 1;
	knob_set(knobs, SLICE_BATCH,
		 control_pi(&pi, &state.pi, WANTED_NS - (__s64)wait->value,
			    state.at_ns ? now_ns - state.at_ns : 0));
	state.seen_ns = wait->updated_ns;
	state.at_ns = now_ns;
	return 0;
}
