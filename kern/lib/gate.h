/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The gate: the first line of every actuator (law 3). Two loads of shared memory and one of
 * jiffies64, which the JIT inlines: about 1 ns natively, where a clock read would cost 30.
 */
#ifndef HOMEOSTAT_LIB_GATE_H
#define HOMEOSTAT_LIB_GATE_H

#include "../state.h"

static __always_inline bool gate_open(void)
{
	return *(volatile __u32 *)&gate.armed &&
	       bpf_jiffies64() < *(volatile __u64 *)&gate.lease_jiffies;
}

/*
 * Shuts the gate, if it is open; struct hs_gate says who gives the reason where several come at once.
 * `vital` (HS_VITAL_NR: none), `value` and `limit` are what it was about.
 */
static __always_inline void gate_shut(__u32 reason, __u32 vital, __u64 value, __u64 limit)
{
	if (!*(volatile __u32 *)&gate.armed)
		return;
	if (!__sync_val_compare_and_swap(&gate.trip_reason, HS_TRIP_NONE, reason)) {
		gate.trip_vital = vital;
		gate.trip_value = value;
		gate.trip_limit = limit;
		gate.trip_ns = bpf_ktime_get_ns();
	}
	barrier();
	*(volatile __u32 *)&gate.armed = 0;
}

#endif
