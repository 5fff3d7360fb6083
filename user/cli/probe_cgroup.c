// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What is set in the cgroup tree and stands against us: CPU limits and memory limits. */
#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

#define CGROUPS "/sys/fs/cgroup"
#define DAEMON_GROUP "/system.slice/homeostatd.service"

/*
 * Memory that homeostatd and its maps want, roughly: resident daemon, programs and ring buffer, plus
 * sensor banks for each CPU and state for each task (both rounded up generously).
 */
#define NEED_BASE (16ULL << 20)
#define NEED_PER_CPU (16ULL << 10)
#define NEED_PER_TASK 512ULL

struct limits {
	unsigned int nr_max;  /* cgroups with a cpu.max */
	unsigned int nr_idle; /* cgroups with cpu.idle = 1 */
	char max[128];	      /* the first of each */
	char idle[128];
};

/* Reads file @name of the cgroup directory @dir (a full path); returns false if it is not there. */
static bool cgroup_read(const char *dir, const char *name, char *buf, size_t size)
{
	char path[4096];
	FILE *f;
	bool ok;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(buf, size, f);
	fclose(f);
	return ok;
}

static void look_at(struct limits *l, const char *dir, const char *name)
{
	char v[64];

	if (cgroup_read(dir, "cpu.max", v, sizeof(v)) && strncmp(v, "max", 3) && !l->nr_max++)
		snprintf(l->max, sizeof(l->max), "%s", name);
	if (cgroup_read(dir, "cpu.idle", v, sizeof(v)) && *v == '1' && !l->nr_idle++)
		snprintf(l->idle, sizeof(l->idle), "%s", name);
}

/* Walks the whole tree. Returns 0, or a negative errno where there is none. */
static int walk(const struct doctor *d, struct limits *l)
{
	char top[4096], *paths[] = {top, NULL};
	size_t skip;
	FTSENT *e;
	FTS *fts;

	skip = snprintf(top, sizeof(top), "%s" CGROUPS, d->root);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, NULL);
	if (!fts)
		return -errno;
	while ((e = fts_read(fts)))
		if (e->fts_info == FTS_D)
			look_at(l, e->fts_path, e->fts_path + skip);
	fts_close(fts);
	return 0;
}

static void probe_cpu_limits(struct doctor *d)
{
	struct limits l = {0};

	if (walk(d, &l) < 0)
		return;
	if (l.nr_max) {
		d->sched_off = true;
		doctor_add(d, FINDING_OFF, "cpu.max",
			   "echo max into it (systemd: CPUQuota=), or stay in observe",
			   "set on %s%s; sched_ext does not enforce it, so arming will be refused",
			   l.max, l.nr_max > 1 ? " and others" : "");
	}
	if (l.nr_idle) {
		d->sched_off = true;
		doctor_add(d, FINDING_OFF, "cpu.idle",
			   "echo 0 into it and use a low cpu.weight, or stay in observe",
			   "set on %s%s; sched_ext does not enforce it, so arming will be refused",
			   l.idle, l.nr_idle > 1 ? " and others" : "");
	}
}

static unsigned long long memory_need(const struct doctor *d)
{
	unsigned long long tasks = 0, cpus = 1;
	char v[256], *at;

	if (doctor_read(d, "/proc/loadavg", v, sizeof(v)) > 0 && (at = strchr(v, '/')))
		tasks = strtoull(at + 1, NULL, 10);
	if (doctor_read(d, "/sys/devices/system/cpu/possible", v, sizeof(v)) > 0 &&
	    (at = strrchr(v, '-')))
		cpus = strtoull(at + 1, NULL, 10) + 1;
	return NEED_BASE + cpus * NEED_PER_CPU + tasks * NEED_PER_TASK;
}

/* Smallest memory.max of @group and its ancestors in bytes; ULLONG_MAX if none is set. */
static unsigned long long memory_limit(const struct doctor *d, char *group)
{
	unsigned long long least = ~0ULL, limit;
	char path[4096], v[64], *slash;

	while (*group) {
		snprintf(path, sizeof(path), CGROUPS "%s/memory.max", group);
		if (doctor_read(d, path, v, sizeof(v)) > 0 && strcmp(v, "max")) {
			limit = strtoull(v, NULL, 10);
			if (limit < least)
				least = limit;
		}
		slash = strrchr(group, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return least;
}

/* Map memory, task state included, is charged to the daemon: a tight limit makes the hot path fail. */
static void probe_memory(struct doctor *d)
{
	unsigned long long need = memory_need(d), limit;
	char group[2048] = DAEMON_GROUP, self[2048], *at;

	/* before it ever ran as a service, the best guess is where we are ourselves */
	if (!doctor_exists(d, CGROUPS DAEMON_GROUP) &&
	    doctor_read(d, "/proc/self/cgroup", self, sizeof(self)) > 0 &&
	    (at = strstr(self, "0::/")))
		snprintf(group, sizeof(group), "%.*s", (int)strcspn(at + 3, "\n"), at + 3);
	limit = memory_limit(d, group);
	if (limit < need)
		doctor_add(
			d, FINDING_WARN, "memory", "raise memory.max (systemd: MemoryMax=)",
			"the cgroup's limit is %llu MiB, maps and daemon want about %llu MiB here",
			limit >> 20, need >> 20);
}

void probe_cgroups(struct doctor *d)
{
	if (!doctor_exists(d, CGROUPS "/cgroup.controllers")) {
		doctor_add(d, FINDING_WARN, "cgroup",
			   "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 there",
			   "no cgroup v2 at " CGROUPS ": workloads cannot be declared by cgroup");
		return;
	}
	probe_cpu_limits(d);
	probe_memory(d);
}
