// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a member of a structure lies elsewhere, with the same size of the whole. */
#define hs_vital hs_vital_of_this_version
#define homeostat_vitals homeostat_vitals_of_this_version
#include <homeostat/plugin.h>

#undef hs_vital
#undef homeostat_vitals

struct hs_vital {
	__u64 ewma;
	__u64 value;
	__u64 peak;
	__u64 updated_ns;
	__u32 present;
	__u32 estimated;
	__u64 integral;
	__u64 span;
};
struct homeostat_vitals {
	struct hs_vital v[HS_VITAL_NR];
};

HOMEOSTAT_POLICY("moved", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, vitals->v[HS_VITAL_SWITCHES].value + now_ns);
	return 0;
}
