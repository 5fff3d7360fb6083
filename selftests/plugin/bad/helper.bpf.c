// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it reads a clock. */
#include <homeostat/plugin.h>

static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;

HOMEOSTAT_POLICY("helper", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, bpf_ktime_get_ns() - now_ns); /* here */
	return 0;
}
