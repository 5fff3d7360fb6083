// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it declares to turn nothing. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("nothing", "for tests: refused", READS(SWITCHES), {0}, 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
