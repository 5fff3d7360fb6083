// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it declares a vital sign that is none. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("beyond", "for tests: refused", {HS_VITAL_NR + 1}, TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
