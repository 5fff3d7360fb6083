// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: values of knobs of another width, with the same size of the whole. */
#define homeostat_knobs homeostat_knobs_of_this_version
#include <homeostat/plugin.h>

#undef homeostat_knobs

struct homeostat_knobs {
	__u32 value[HS_KNOB_NR * 2];
	__u64 min[HS_KNOB_NR];
	__u64 max[HS_KNOB_NR];
	__u64 stock[HS_KNOB_NR];
};

HOMEOSTAT_POLICY("narrow", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
