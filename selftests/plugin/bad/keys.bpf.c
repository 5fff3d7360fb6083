// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a key that takes longer to hash than a call may. */
#include <homeostat/plugin.h>

struct {
	int (*type)[1 /* hash */];
	__u64 (*key)[9];
	__u64 *value;
	int (*max_entries)[1];
} table HOMEOSTAT_SECTION_(".maps");

HOMEOSTAT_POLICY("keys", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
