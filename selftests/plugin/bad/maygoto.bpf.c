// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a loop without a bound of its own. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("maygoto", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	/* if (the kernel has had enough) goto the next instruction */
	asm volatile(".byte 0xe5, 0, 0, 0, 0, 0, 0, 0"); /* here */
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
