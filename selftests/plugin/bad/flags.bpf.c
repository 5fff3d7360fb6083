// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a flag that is not known. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("flags", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 2);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
