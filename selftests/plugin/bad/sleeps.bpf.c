// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a program that may sleep. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("sleeps", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_SECTION_("freplace.s/homeostat_slot_0")
int homeostat_reflex(struct homeostat_vitals *vitals __attribute__((unused)),
		     struct homeostat_knobs *knobs __attribute__((unused)),
		     __u64 now_ns __attribute__((unused)))
{
	return 1;
}
