// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: not GPL. */
#include <homeostat/plugin.h>

const struct homeostat_policy homeostat_policy HOMEOSTAT_SECTION_(".rodata.policy") = {
	.abi_version = HS_ABI_VERSION,
	.turns = TURNS(SLICE_BATCH),
	.name = "license",
	.about = "for tests: refused",
};
char LICENSE[] HOMEOSTAT_SECTION_("license") = "Proprietary";

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
