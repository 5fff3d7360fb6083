/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* CPUs of this host: place (cache, node) and use (nohz_full, isolated), from sysfs below a root. */
#ifndef HOMEOSTAT_TOPOLOGY_H
#define HOMEOSTAT_TOPOLOGY_H

#include <stdbool.h>

#include "../../kern/abi.h"

#define CPU_WORDS (HS_CPUS_MAX / 64)

struct topology {
	__u32 possible_nr; /* highest possible CPU + 1 */
	__u64 online[CPU_WORDS];
	__u64 nohz_full[CPU_WORDS];
	__u64 isolated[CPU_WORDS]; /* isolcpus= and isolated cpuset partitions */
	__u64 isolcpus[CPU_WORDS]; /* of these, by isolcpus= (outside sched_ext) */
	struct hs_cpu_topo cpu[HS_CPUS_MAX];
};

static inline bool cpu_in(const __u64 *set, __u32 cpu)
{
	return cpu < HS_CPUS_MAX && (set[cpu / 64] >> (cpu % 64) & 1);
}

/*
 * Reads /sys/devices/system/{cpu,node} and /proc/cmdline below `root`. What is missing there gets
 * the simple answer (one node, one cache, nothing isolated); only an unreadable list of possible CPUs is
 * an error: negative errno.
 */
int topology_read(struct topology *t, const char *root);

/* An online CPU that is neither isolated nor nohz_full is housekeeping. */
bool topology_housekeeping(const struct topology *t, __u32 cpu);

#endif
