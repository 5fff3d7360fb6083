// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The least sched_ext scheduler that there can be: not ours, by the kernel's own defaults. */
#include "ktypes.h"

char LICENSE[] SEC("license") = "GPL";

SEC(".struct_ops.link")
struct sched_ext_ops other_ops = {
	.name = "other",
};
