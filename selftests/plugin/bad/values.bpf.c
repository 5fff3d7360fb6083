// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a value that takes longer to copy than a call may. */
#include <homeostat/plugin.h>

struct {
	int (*type)[2 /* array */];
	__u32 *key;
	__u64 (*value)[33];
	int (*max_entries)[1];
} table HOMEOSTAT_SECTION_(".maps");

HOMEOSTAT_POLICY("values", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
