// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A policy for tests alone: everything wrong that a plug-in can do and still be loaded, by the value of `how`. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("hostile", "everything wrong: for tests", READS(WAIT_CRITICAL_P99, SWITCHES),
		 TURNS(SLICE_BATCH, SLICE_NORMAL, BATCH_DUTY), 0);

enum how {
	IDLE,	    /* no opinion */
	SET,	    /* a value within bounds */
	RUBBISH,    /* a value far out of bounds */
	UNDECLARED, /* a knob that it does not declare */
	SCRIBBLE,   /* over all of both structures */
	BOUNDS, /* moves the bounds that it is shown, then wishes for what is out of the real ones */
	SLOW,	/* as much work as it may have, for each call */
	SWING,	/* from one bound to the other with each call */
};

/* What it is to do, and what it has seen: the test's. */
HOMEOSTAT_STATE struct {
	__u64 how;
	__u64 value;
	__u64 calls;
	__u64 last_ns;
	__u64 seen;   /* value of the vital sign that it reads */
	__u64 unread; /* is one there that it does not read? */
	__u64 found;  /* where the knob is going */
} state;

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	state.calls++;
	state.last_ns = now_ns;
	state.seen = vitals->v[HS_VITAL_SWITCHES].value;
	state.unread |= vitals->v[HS_VITAL_PULSE_PERIOD].present;
	state.found = knobs->value[HS_KNOB_SLICE_BATCH];
	switch (state.how) {
	case SET:
		knobs->value[HS_KNOB_SLICE_BATCH] = state.value;
		return 0;
	case RUBBISH:
		knobs->value[HS_KNOB_SLICE_NORMAL] = 3000;
		knobs->value[HS_KNOB_SLICE_BATCH] = ~0ULL;
		return 0;
	case UNDECLARED:
		knobs->value[HS_KNOB_STARVATION] = 1;
		return 0;
	case SCRIBBLE:
		for (__u32 i = 0; i < HS_VITAL_NR; i++) {
			vitals->v[i].value = ~0ULL;
			vitals->v[i].present = 1;
		}
		for (__u32 i = 0; i < HS_KNOB_NR; i++) {
			knobs->value[i] = knobs->stock[i];
			knobs->min[i] = 0;
			knobs->max[i] = ~0ULL;
		}
		return 0;
	case BOUNDS:
		knobs->max[HS_KNOB_SLICE_BATCH] = ~0ULL;
		knob_set(knobs, SLICE_BATCH, 1ULL << 40);
		return 0;
	case SLOW:
		for (__u32 i = 0; i < 2000; i++)
			asm volatile("" : : "r"(i / (i + 1)) : "memory");
		return 0;
	case SWING:
		state.value = !state.value;
		knobs->value[HS_KNOB_SLICE_BATCH] = state.value ? knobs->max[HS_KNOB_SLICE_BATCH]
								: knobs->min[HS_KNOB_SLICE_BATCH];
		return 0;
	default:
		return 1;
	}
}
