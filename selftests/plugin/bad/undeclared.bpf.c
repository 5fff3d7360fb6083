// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: no policy is declared. */
#include <homeostat/plugin.h>

char LICENSE[] HOMEOSTAT_SECTION_("license") = "GPL";

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
