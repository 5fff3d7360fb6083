// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it takes something else. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("shape", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_SECTION_("freplace/homeostat_slot_0")
int homeostat_reflex(struct homeostat_vitals *vitals, __u64 now_ns)
{
	return vitals && now_ns;
}
