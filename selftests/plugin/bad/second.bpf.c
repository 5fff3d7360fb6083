// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a program beside it. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("second", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}

HOMEOSTAT_SECTION_("freplace/homeostat_slot_1")
int other(struct homeostat_vitals *v, struct homeostat_knobs *k, __u64 now_ns) /* here */
{
	return v && k ? now_ns != 0 : 1;
}
