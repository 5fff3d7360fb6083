// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a function that the verifier walks through once, however often it is called. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("global", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

__attribute__((noinline)) __u64 much(__u64 v) /* here */
{
	for (int i = 0; i < 5000; i++)
		asm volatile("" : "+r"(v));
	return v;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	for (int i = 0; i < 1000; i++)
		now_ns = much(now_ns);
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
