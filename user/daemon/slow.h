/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Slow vital signs: what the daemon reads from /proc once a second; those of TCP are in tcp_look.h. */
#ifndef HOMEOSTAT_SLOW_H
#define HOMEOSTAT_SLOW_H

#include "../../kern/abi.h"

/*
 * Reads these vital signs below `root` into `vitals` at time `now_ns`. What cannot be read is
 * marked absent, never 0.
 */
void slow_read(struct hs_vital vitals[HS_VITAL_NR], const char *root, __u64 now_ns);

/* Enters one measurement of a SLOW vital sign: value, moving average (weight 1/8), peak, age; or that there is none. */
void slow_enter(struct hs_vital *vital, __u64 value, __u64 now_ns);
void slow_absent(struct hs_vital *vital);

/* How much is asked of the CPUs, whoever schedules. Zeroed before the first time. */
struct slow_load {
	__u64 running;	      /* tasks that run or want to, without the one that looks */
	__u64 busy_permille;  /* of all CPUs, since it was last read */
	__u64 up_cs, idle_cs; /* private: /proc/uptime as last read, hundredths of a second */
};

/* Reads it below `root`. `cpus` is how many are online. 0, or negative errno and *load as it was. */
int slow_load(struct slow_load *load, const char *root, __u32 cpus);

/* "some avg10=1.23 …" → 12 (permille, rounded down). 0 or -EINVAL. */
int slow_parse_psi(const char *text, __u64 *permille);

#endif
