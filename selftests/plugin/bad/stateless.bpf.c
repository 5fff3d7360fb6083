// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it keeps a state that it does not have. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("stateless", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH),
		 KEEPS_STATE);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
