// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Declared periods and deadlines first: for robots and control loops, where what was declared counts and what merely looks
 * urgent does not. On the first deadline that is missed nothing is recognised as critical any more, so that the precedence is
 * all for what is declared, its budget goes to the bound, and the others' turns to theirs, at once. What was taken is given
 * back step by step, once two seconds have passed without a miss; and each time that was too early, it waits twice as long.
 */
#include <homeostat/plugin.h>

#define CALM_NS 2000000000ULL
#define CALM_MOST_NS 120000000000ULL
#define STEPS 32 /* in which it is given back, one in each 100 ms */
#define STEP_NS 100000000ULL

HOMEOSTAT_POLICY("deadline", "declared work keeps its deadlines, whoever else has to wait",
		 READS(DEADLINE_MISS),
		 TURNS(RECOGNISE_BURST, CRITICAL_BUDGET, SLICE_NORMAL, SLICE_BATCH, BATCH_DUTY), 0);

HOMEOSTAT_STATE struct {
	__u64 missed_ns; /* last miss; 0 = none yet */
	__u64 seen_ns;	 /* the measurement that was last answered */
	__u64 calm_ns;	 /* after so long without one it is given back */
	__u64 step_ns;	 /* last step back */
	__u32 step;	 /* how many of STEPS are still taken */
	__u64 base[5];	 /* of each knob, where it stood before */
} state;

/* A fraction of the way from what it was (0) to what it is to be (STEPS). */
static __u64 between(__u64 from, __u64 to, __u32 step)
{
	return to > from ? from + (to - from) * step / STEPS : from - (from - to) * step / STEPS;
}

static void note(const struct homeostat_knobs *k)
{
	state.base[0] = k->value[HS_KNOB_RECOGNISE_BURST];
	state.base[1] = k->value[HS_KNOB_CRITICAL_BUDGET];
	state.base[2] = k->value[HS_KNOB_SLICE_NORMAL];
	state.base[3] = k->value[HS_KNOB_SLICE_BATCH];
	state.base[4] = k->value[HS_KNOB_BATCH_DUTY];
}

static void turn(struct homeostat_knobs *k)
{
	__u32 step = state.step;

	knob_set(k, RECOGNISE_BURST, between(state.base[0], 0, step));
	knob_set(k, CRITICAL_BUDGET, between(state.base[1], k->max[HS_KNOB_CRITICAL_BUDGET], step));
	knob_set(k, SLICE_NORMAL, between(state.base[2], k->min[HS_KNOB_SLICE_NORMAL], step));
	knob_set(k, SLICE_BATCH, between(state.base[3], k->min[HS_KNOB_SLICE_BATCH], step));
	knob_set(k, BATCH_DUTY, between(state.base[4], k->min[HS_KNOB_BATCH_DUTY], step));
}

/* A deadline was missed: all at once, and the next calm is twice as long if the one before was too short. */
static void missed(const struct homeostat_knobs *k, __u64 now_ns)
{
	if (!state.step)
		note(k);
	if (!state.calm_ns)
		state.calm_ns = CALM_NS;
	else if (state.step < STEPS && state.calm_ns < CALM_MOST_NS)
		state.calm_ns *= 2;
	state.step = STEPS;
	state.missed_ns = now_ns;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	const struct hs_vital *miss = &vitals->v[HS_VITAL_DEADLINE_MISS];
	__u32 before = state.step;

	if (vital_present(vitals, DEADLINE_MISS, now_ns) && miss->updated_ns != state.seen_ns) {
		state.seen_ns = miss->updated_ns;
		if (miss->value)
			missed(knobs, now_ns);
	}
	if (state.step && state.step == before && now_ns - state.missed_ns > state.calm_ns &&
	    now_ns - state.step_ns > STEP_NS) {
		state.step--;
		state.step_ns = now_ns;
	}
	if (state.step == before)
		return 1; /* it stays as it is */
	turn(knobs);
	return 0;
}
