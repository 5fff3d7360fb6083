// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What any sensor costs at least: a program that does nothing, at the hook that ours has. */
#include "ktypes.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sched_switch")
int empty(void *ctx)
{
	(void)ctx;
	return 0;
}
