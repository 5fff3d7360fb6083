// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: by the verifier: no end. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("endless", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	while (vitals->v[HS_VITAL_SWITCHES].value != now_ns)
		asm volatile("" : : : "memory"); /* here */
	return 1;
}
