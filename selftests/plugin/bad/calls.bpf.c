// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: as much work as a policy may have that calls nothing, and one that does may not. */
#include <homeostat/plugin.h>

static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;

struct {
	int (*type)[1 /* hash */];
	__u32 *key;
	__u64 *value;
	int (*max_entries)[64];
} table HOMEOSTAT_SECTION_(".maps");

HOMEOSTAT_POLICY("calls", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	for (__u32 i = 0; i < 500; i++) {
		__u32 key = i;

		bpf_map_delete_elem(&table, &key);
	}
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
