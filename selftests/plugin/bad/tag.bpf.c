// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it has the verifier take its argument for something else. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("tag", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_SECTION_("freplace/homeostat_slot_0")
int homeostat_reflex(struct homeostat_vitals *vitals __attribute__((btf_decl_tag("arg:ctx"))),
		     struct homeostat_knobs *knobs __attribute__((unused)), __u64 now_ns)
{
	*(__u64 *)((char *)vitals + 60000) = now_ns;
	return 0;
}
