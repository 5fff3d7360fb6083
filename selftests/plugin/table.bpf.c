// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A policy for tests with all that one may have: maps of both kinds, every call, a function of its own, constants. */
#include <homeostat/plugin.h>

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;

struct {
	int (*type)[1 /* hash */];
	__u32 *key;
	__u64 *value;
	int (*max_entries)[64];
} seen HOMEOSTAT_SECTION_(".maps");

HOMEOSTAT_POLICY("table", "for tests: all that a policy may have",
		 READS(SWITCHES, WAIT_CRITICAL_P99), TURNS(SLICE_BATCH, SLICE_NORMAL), KEEPS_STATE);

HOMEOSTAT_STATE __u64 calls;
const volatile __u32 row = 7;

static __attribute__((noinline)) __u64 older(__u64 now_ns)
{
	__u32 key = row;
	__u64 *at = bpf_map_lookup_elem(&seen, &key);

	if (at)
		return now_ns - *at;
	bpf_map_update_elem(&seen, &key, &now_ns, 0);
	return 0;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	__u32 key = row + 1;

	calls++;
	bpf_map_delete_elem(&seen, &key);
	knob_set(knobs, SLICE_BATCH, older(now_ns));
	return 0;
}
