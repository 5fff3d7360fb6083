// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: of another version of the interface. */
#include <homeostat/plugin.h>

#undef HS_ABI_VERSION
#define HS_ABI_VERSION 9999

HOMEOSTAT_POLICY("version", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
