// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a program of another type. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("type", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_SECTION_("xdp")
int homeostat_reflex(struct homeostat_vitals *vitals __attribute__((unused)),
		     struct homeostat_knobs *knobs __attribute__((unused)),
		     __u64 now_ns __attribute__((unused)))
{
	return 1;
}
