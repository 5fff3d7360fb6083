// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it calls a function of the kernel. */
#include <homeostat/plugin.h>

extern void scx_bpf_kick_cpu(int cpu, __u64 flags) __attribute__((section(".ksyms")));

HOMEOSTAT_POLICY("kernel", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	scx_bpf_kick_cpu(0, now_ns); /* here */
	return 0;
}
