// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "topology.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

#define LIST_MAX 4096 /* bytes of a CPU list; 1024 single CPUs take less than 4 KiB */

/* A CPU list of sysfs; a file that is missing or odd is the empty set. */
static void read_set(const char *root, const char *path, __u64 *set)
{
	char buf[LIST_MAX];

	if (read_file(root, path, buf, sizeof(buf)) < 0 || parse_cpus(buf, set, CPU_WORDS))
		memset(set, 0, CPU_WORDS * sizeof(*set));
}

static bool set_empty(const __u64 *set)
{
	for (int i = 0; i < CPU_WORDS; i++) {
		if (set[i])
			return false;
	}
	return true;
}

/*
 * isolcpus=[flags,]list of the kernel command line: only the flag `domain`, which is also the
 * default, takes CPUs out of the scheduler. /sys/…/isolated does not say which way it came to be.
 */
static void read_isolcpus(const char *root, __u64 *set)
{
	char buf[LIST_MAX], *arg;
	bool domain = true, stated = false;

	if (read_file(root, "/proc/cmdline", buf, sizeof(buf)) < 0)
		return;
	for (arg = strtok(buf, " "); arg; arg = strtok(NULL, " ")) {
		if (!strncmp(arg, "isolcpus=", 9))
			break;
	}
	if (!arg)
		return;
	arg += 9;
	while (*arg >= 'a' && *arg <= 'z') {
		size_t len = strcspn(arg, ",");

		if (!stated)
			domain = false;
		stated = true;
		if (len == 6 && !strncmp(arg, "domain", 6))
			domain = true;
		arg += len;
		if (*arg == ',')
			arg++;
	}
	if (!domain || parse_cpus(arg, set, CPU_WORDS))
		memset(set, 0, CPU_WORDS * sizeof(*set));
}

/* The highest cache level that a CPU has tells who shares it; the lowest sharer names the domain. */
static __u32 read_llc(const char *root, __u32 cpu)
{
	__u64 sharers[CPU_WORDS], level, best = 0;
	__u32 first = cpu;
	char buf[LIST_MAX];

	for (int index = 0; index < 8; index++) {
		if (read_filef(root, buf, sizeof(buf),
			       "/sys/devices/system/cpu/cpu%u/cache/index%d/level", cpu, index) < 0)
			break;
		if (parse_u64(buf, &level) || level < best)
			continue;
		if (read_filef(root, buf, sizeof(buf),
			       "/sys/devices/system/cpu/cpu%u/cache/index%d/shared_cpu_list", cpu,
			       index) < 0 ||
		    parse_cpus(buf, sharers, CPU_WORDS))
			continue;
		best = level;
		for (first = 0; first < cpu && !cpu_in(sharers, first); first++)
			;
	}
	/* without cache data (many virtual machines): the package is one domain */
	if (!best)
		first = 0;
	return first;
}

static void read_llcs(struct topology *t, const char *root)
{
	__u32 domains = 0, number[HS_CPUS_MAX];

	memset(number, 0xff, sizeof(number));
	for (__u32 cpu = 0; cpu < t->possible_nr; cpu++) {
		__u32 first = cpu_in(t->online, cpu) ? read_llc(root, cpu) : 0;

		if (number[first] == ~0U)
			number[first] = domains++;
		t->cpu[cpu].llc = number[first];
	}
}

static void read_nodes(struct topology *t, const char *root)
{
	__u64 nodes[CPU_WORDS], cpus[CPU_WORDS];
	char buf[LIST_MAX];

	read_set(root, "/sys/devices/system/node/online", nodes);
	for (__u32 node = 0; node < HS_CPUS_MAX; node++) {
		if (!cpu_in(nodes, node))
			continue;
		if (read_filef(root, buf, sizeof(buf), "/sys/devices/system/node/node%u/cpulist",
			       node) < 0 ||
		    parse_cpus(buf, cpus, CPU_WORDS))
			continue;
		for (__u32 cpu = 0; cpu < t->possible_nr; cpu++) {
			if (cpu_in(cpus, cpu))
				t->cpu[cpu].node = node;
		}
	}
}

int topology_read(struct topology *t, const char *root)
{
	__u64 possible[CPU_WORDS];
	char buf[LIST_MAX];
	ssize_t len;
	int err;

	memset(t, 0, sizeof(*t));
	len = read_file(root, "/sys/devices/system/cpu/possible", buf, sizeof(buf));
	if (len < 0)
		return (int)len;
	err = parse_cpus(buf, possible, CPU_WORDS);
	if (err)
		return err;
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
		if (cpu_in(possible, cpu))
			t->possible_nr = cpu + 1;
	}
	if (!t->possible_nr)
		return -EINVAL;

	read_set(root, "/sys/devices/system/cpu/online", t->online);
	if (set_empty(t->online))
		memcpy(t->online, possible, sizeof(possible));
	read_set(root, "/sys/devices/system/cpu/nohz_full", t->nohz_full);
	read_set(root, "/sys/devices/system/cpu/isolated", t->isolated);
	read_isolcpus(root, t->isolcpus);
	/* the root cpuset lists what isolated partitions took, also where `isolated` does not */
	read_set(root, "/sys/fs/cgroup/cpuset.cpus.isolated", possible);
	for (int i = 0; i < CPU_WORDS; i++)
		t->isolated[i] |= possible[i] | t->isolcpus[i];

	read_llcs(t, root);
	read_nodes(t, root);
	for (__u32 cpu = 0; cpu < t->possible_nr && cpu < HS_CPUS_MAX; cpu++) {
		t->cpu[cpu].nohz_full = cpu_in(t->nohz_full, cpu);
		t->cpu[cpu].isolated = cpu_in(t->isolated, cpu);
	}
	return 0;
}

bool topology_housekeeping(const struct topology *t, __u32 cpu)
{
	return cpu_in(t->online, cpu) && !cpu_in(t->isolated, cpu) && !cpu_in(t->nohz_full, cpu);
}
