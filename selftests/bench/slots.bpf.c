// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What one look of the reflex costs, with rules and with a policy in a slot: the reflex as the pulse has it, without the pulse.
 * Each look is 10 ms after the one before, and finds two vital signs measured anew.
 */
#include "state.h"
#include "reflex.h"
#include "slots.h"

#define LOOK_NS 10000000ULL

/* Begins from stock, as an arming does. */
SEC("syscall")
int slots_begin(void *ctx)
{
	(void)ctx;
	reflex.now = bpf_ktime_get_ns();
	reflex_reset(REFLEX_LIVE);
	reflex_wishes();
	return 0;
}

SEC("syscall")
int slots_look(struct slots_looks *looks)
{
	__u64 from = bpf_ktime_get_ns(), now = reflex.now;

	for (__u32 i = 0; i < SLOTS_LOOKS; i++) {
		now += LOOK_NS;
		reflex.now = now;
		vitals[HS_VITAL_WAIT_CRITICAL_P99].updated_ns = now;
		vitals[HS_VITAL_SWITCHES].updated_ns = now;
		reflex_rules();
	}
	looks->ns = bpf_ktime_get_ns() - from;
	return 0;
}
