// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "pmu.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_OF_OTHERS 512 /* maps, programs, links, clients */

const struct pmu_kind pmu_hardware[PMU_COUNTER_NR] = {
	[PMU_CYCLES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	[PMU_INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	[PMU_CACHE_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	[PMU_USER] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, true},
};

static void group_close(struct pmu_group *group)
{
	for (int i = PMU_COUNTER_NR - 1; i >= 0; i--) {
		if (group->fd[i] >= 0)
			close(group->fd[i]);
	}
}

/* 0, or negative errno and nothing is open. */
static int group_open(struct pmu_group *group, const struct pmu_kind kind[PMU_COUNTER_NR],
		      __u32 cpu)
{
	int err = 0;

	memset(group, 0, sizeof(*group));
	for (int i = 0; i < PMU_COUNTER_NR; i++) {
		struct perf_event_attr attr = {
			.size = sizeof(attr),
			.type = kind[i].type,
			.config = kind[i].config,
			.read_format = PERF_FORMAT_GROUP,
			.disabled = !i, /* the first one speaks for its group */
			.exclude_kernel = kind[i].user,
			.exclude_hv = kind[i].user,
		};

		group->fd[i] = err ? -1
				   : (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu,
						  i ? group->fd[0] : -1, PERF_FLAG_FD_CLOEXEC);
		if (!err && group->fd[i] < 0)
			err = -errno;
	}
	if (err)
		group_close(group);
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -ENOENT:
	case -EOPNOTSUPP:
	case -ENODEV:
		return "this processor, or this virtual machine, has no such counters";
	case -EACCES:
	case -EPERM:
		return "they take CAP_PERFMON";
	case -EMFILE:
		return "too many open files: four for each CPU (LimitNOFILE=)";
	default:
		return strerror(-err);
	}
}

/* As a rule a process may have 1024 files open, and more if it asks: too few for four on each of 256 CPUs. */
static void ask_for_files(__u32 cpus)
{
	struct rlimit limit;
	rlim_t need = (rlim_t)cpus * PMU_COUNTER_NR + FILES_OF_OTHERS;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
		return;
	limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
	/* where that is refused, opening says so */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int pmu_open(struct pmu *pmu, const struct pmu_kind kind[PMU_COUNTER_NR],
	     const struct topology *topo)
{
	int err = 0;

	memset(pmu, 0, sizeof(*pmu));
	pmu->whole = true;
	ask_for_files(topo->possible_nr);
	pmu->group = calloc(topo->possible_nr, sizeof(*pmu->group));
	if (!pmu->group)
		err = -ENOMEM;
	for (__u32 cpu = 0; cpu < topo->possible_nr && !err; cpu++) {
		if (!topology_housekeeping(topo, cpu)) {
			pmu->whole &= !cpu_in(topo->online, cpu);
			continue;
		}
		err = group_open(&pmu->group[pmu->nr], kind, cpu);
		pmu->nr += !err;
	}
	if (err) {
		pmu_close(pmu);
		snprintf(pmu->why, sizeof(pmu->why), "%s", reason(err));
	}
	return err;
}

void pmu_close(struct pmu *pmu)
{
	for (__u32 i = 0; i < pmu->nr; i++)
		group_close(&pmu->group[i]);
	free(pmu->group);
	memset(pmu, 0, sizeof(*pmu));
}

void pmu_run(struct pmu *pmu, bool on)
{
	for (__u32 i = 0; i < pmu->nr; i++)
		(void)ioctl(pmu->group[i].fd[0],
			    on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE,
			    PERF_IOC_FLAG_GROUP);
	pmu->on = on && pmu->nr;
}

static void group_read(struct pmu_group *group, __u64 sum[PMU_COUNTER_NR])
{
	__u64 now[1 + PMU_COUNTER_NR]; /* how many there are, and each of them */

	if (read(group->fd[0], now, sizeof(now)) != (ssize_t)sizeof(now))
		return;
	for (int i = 0; i < PMU_COUNTER_NR; i++) {
		sum[i] += now[1 + i] - group->last[i];
		group->last[i] = now[1 + i];
	}
}

void pmu_read(struct pmu *pmu, __u64 sum[PMU_COUNTER_NR])
{
	memset(sum, 0, PMU_COUNTER_NR * sizeof(*sum));
	for (__u32 i = 0; i < pmu->nr; i++)
		group_read(&pmu->group[i], sum);
}
