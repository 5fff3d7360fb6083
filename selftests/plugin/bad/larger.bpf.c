// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it would be handed what is behind the vital signs. */
#define homeostat_vitals homeostat_vitals_of_this_version
#include <homeostat/plugin.h>

#undef homeostat_vitals

struct homeostat_vitals {
	struct hs_vital v[HS_VITAL_NR + 1];
};

HOMEOSTAT_POLICY("larger", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	vitals->v[HS_VITAL_NR].value = now_ns;
	return 0;
}
