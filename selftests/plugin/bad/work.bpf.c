// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: too much work, though it ends. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("work", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	for (__u32 i = 0; i < 10000; i++)
		asm volatile("" : : "r"(i) : "memory");
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
