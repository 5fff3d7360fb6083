// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which CPUs the daemon is on, and that it notices when they change: see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "parse.h"

#define TOPOLOGY_PATIENCE_NS NS_PER_S /* /sys of many CPUs */

int house_keep(struct homeostatd *d)
{
	CPU_ZERO(&d->housekeeping);
	for (__u32 cpu = 0; cpu < d->topo.possible_nr; cpu++) {
		if (topology_housekeeping(&d->topo, cpu))
			CPU_SET(cpu, &d->housekeeping);
	}
	if (!CPU_COUNT(&d->housekeeping)) {
		log_warn("every CPU is isolated or nohz_full: homeostatd runs wherever it is");
		return sched_getaffinity(0, sizeof(d->housekeeping), &d->housekeeping) ? -errno : 0;
	}
	if (sched_setaffinity(0, sizeof(d->housekeeping), &d->housekeeping))
		return -errno;
	sensing_move(&d->sensing, &d->housekeeping);
	if (d->heartbeat.running)
		return -pthread_setaffinity_np(d->heartbeat.thread, sizeof(d->housekeeping),
					       &d->housekeeping);
	return 0;
}

void house_watch(struct homeostatd *d)
{
	/* not every kernel lists isolated cpuset partitions in the second */
	static const char *const lists[] = {"/sys/devices/system/cpu/online",
					    "/sys/devices/system/cpu/isolated",
					    "/sys/fs/cgroup/cpuset.cpus.isolated"};
	char seen[sizeof(d->cpus_seen)] = "";
	size_t len = 0;
	int err;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		/* no such file, nothing in it; too long, its beginning */
		read_file(d->opt.root, lists[i], seen + len, sizeof(seen) / 3 - 1);
		len += strlen(seen + len);
		seen[len++] = ';';
		seen[len] = '\0';
	}
	if (!strcmp(seen, d->cpus_seen))
		return;
	if (d->cpus_seen[0]) {
		heartbeat_patience(&d->heartbeat, TOPOLOGY_PATIENCE_NS);
		err = topology_read(&d->topo, d->opt.root);
		if (!err)
			err = policy_write_cpus(&d->policy, &d->kernel, &d->topo);
		if (!err)
			err = house_keep(d);
		if (!err)
			err = kernel_pulse(&d->kernel); /* on a housekeeping CPU from now on */
		log_info("CPUs changed: %s%s%s", seen, err ? ": " : "", err ? strerror(-err) : "");
		heartbeat_patience(&d->heartbeat, 0);
	}
	strcpy(d->cpus_seen, seen);
}
