// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: there is no packet. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("packet", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	asm volatile("r6 = 0\n\tr0 = *(u8 *)skb[0]" : : : "r0", "r6"); /* here */
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
