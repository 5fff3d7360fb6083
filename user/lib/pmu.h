/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the processor itself counts: cycles, instructions, cache misses, of all tasks and of the kernel. A processor has few
 * counters and others want them, too: what is opened here stands still until it is asked to run. Reading a CPU's counters
 * interrupts it for some microseconds, so CPUs that are isolated or nohz_full are left out.
 */
#ifndef HOMEOSTAT_PMU_H
#define HOMEOSTAT_PMU_H

#include "topology.h"

enum pmu_counter {
	PMU_CYCLES,
	PMU_INSTRUCTIONS,
	PMU_CACHE_MISSES,
	PMU_USER, /* instructions of programs, without the kernel's */
	PMU_COUNTER_NR
};

/* What perf_event_open(2) calls it. */
struct pmu_kind {
	__u32 type;
	__u64 config;
	bool user; /* not while the kernel runs */
};
extern const struct pmu_kind pmu_hardware[PMU_COUNTER_NR];

/* The counters of one CPU: they run together or not at all. */
struct pmu_group {
	int fd[PMU_COUNTER_NR];
	__u64 last[PMU_COUNTER_NR]; /* as last read */
};
struct pmu {
	struct pmu_group
		*group; /* one for each housekeeping CPU that is online when they are opened */
	__u32 nr;
	bool on;		 /* they run */
	bool whole;		 /* no CPU that was online was left out */
	__u64 user_instructions; /* since they were opened, while they ran (work.h) */
	char why[128];		 /* there are none; "" = there are */
};

/*
 * Opens them, stopped, after having raised the limit of open files (RLIMIT_NOFILE) if need be; takes CAP_PERFMON, or a kernel.perf_event_paranoid that is below 1. Returns 0, or negative errno, says why in
 * @why, and the rest works on no counter at all. Closed with pmu_close().
 */
int pmu_open(struct pmu *pmu, const struct pmu_kind kind[PMU_COUNTER_NR],
	     const struct topology *topo);
void pmu_close(struct pmu *pmu);

/* Starts or stops them; takes no privilege. Of a CPU that has gone since there is nothing to start. */
void pmu_run(struct pmu *pmu, bool on);

/* What was counted since they were last read, or opened, summed up over the CPUs; one that cannot be read adds nothing. */
void pmu_read(struct pmu *pmu, __u64 sum[PMU_COUNTER_NR]);

#endif
