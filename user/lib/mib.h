/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Which number the running kernel gives each of its counters of TCP that kern/counts.h reads. */
#ifndef HOMEOSTAT_MIB_H
#define HOMEOSTAT_MIB_H

#include <linux/types.h>

#include <bpf/btf.h>

#include "../../kern/lib/congestion.h"

/* Looks them up in @btf, which stays the caller's; MIB_NONE for those that it does not name. */
void mib_find(__u32 number[MIB_NR], const struct btf *btf);

/* The same in the running kernel's BTF; where it has none they stay as they are. */
void mib_of_kernel(__u32 number[MIB_NR]);

#endif
