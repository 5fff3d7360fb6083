// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: 3 is a map of whoever loads it, perhaps. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("descriptor", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	asm volatile(".quad 0x300001618, 0" : : : "r6"); /* here: r6 = descriptor 3 */
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
