// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What reads /proc and /sys, on trees of files. */
#include "fixture.h"

#include "cgroups.h"
#include "policy.h"
#include "slow.h"
#include "topology.h"

#define CPU "/sys/devices/system/cpu"

static struct topology topo; /* large */

static void topology_of_two_nodes(void **state)
{
	char root[64];

	(void)state;
	tree_make(root);
	tree_put(root, CPU "/possible", "0-5\n");
	tree_put(root, CPU "/online", "0-3\n");
	tree_put(root, CPU "/nohz_full", "3\n");
	tree_put(root, CPU "/isolated", "2\n");
	tree_put(root, "/proc/cmdline", "quiet isolcpus=managed_irq,domain,2 nohz_full=3\n");
	tree_put(root, "/sys/devices/system/node/online", "0-1\n");
	tree_put(root, "/sys/devices/system/node/node0/cpulist", "0-1\n");
	tree_put(root, "/sys/devices/system/node/node1/cpulist", "2-5\n");
	for (int cpu = 0; cpu < 4; cpu++) {
		char path[128];

		snprintf(path, sizeof(path), CPU "/cpu%d/cache/index0/level", cpu);
		tree_put(root, path, "1\n");
		snprintf(path, sizeof(path), CPU "/cpu%d/cache/index3/level", cpu);
		tree_put(root, path, "3\n");
		snprintf(path, sizeof(path), CPU "/cpu%d/cache/index0/shared_cpu_list", cpu);
		tree_put(root, path, cpu == 0 ? "0" : cpu == 1 ? "1" : cpu == 2 ? "2" : "3");
		snprintf(path, sizeof(path), CPU "/cpu%d/cache/index1/level", cpu);
		tree_put(root, path, "3\n");
		snprintf(path, sizeof(path), CPU "/cpu%d/cache/index1/shared_cpu_list", cpu);
		tree_put(root, path, cpu < 2 ? "0-1\n" : "2-3\n");
	}
	assert_int_equal(topology_read(&topo, root), 0);
	assert_int_equal(topo.possible_nr, 6);
	assert_int_equal(topo.cpu[1].llc, topo.cpu[0].llc);
	assert_int_equal(topo.cpu[3].llc, topo.cpu[2].llc);
	assert_int_not_equal(topo.cpu[0].llc, topo.cpu[2].llc);
	assert_int_equal(topo.cpu[1].node, 0);
	assert_int_equal(topo.cpu[2].node, 1);
	assert_int_equal(topo.cpu[2].isolated, 1);
	assert_true(cpu_in(topo.isolcpus, 2));
	assert_int_equal(topo.cpu[3].nohz_full, 1);
	assert_true(topology_housekeeping(&topo, 0));
	assert_false(topology_housekeeping(&topo, 2));
	assert_false(topology_housekeeping(&topo, 3));
	assert_false(topology_housekeeping(&topo, 4)); /* offline */
	tree_free(root);
}

static void topology_of_a_bare_tree(void **state)
{
	char root[64];

	(void)state;
	tree_make(root);
	assert_int_equal(topology_read(&topo, root), -ENOENT);
	tree_put(root, CPU "/possible", "0-1\n");
	assert_int_equal(topology_read(&topo, root), 0);
	assert_int_equal(topo.possible_nr, 2);
	assert_int_equal(topo.cpu[1].llc, 0);
	assert_true(topology_housekeeping(&topo, 1));
	/* isolcpus= without the flag `domain` leaves a CPU in the scheduler */
	tree_put(root, "/proc/cmdline", "isolcpus=nohz,1\n");
	assert_int_equal(topology_read(&topo, root), 0);
	assert_false(cpu_in(topo.isolcpus, 1));
	tree_put(root, "/proc/cmdline", "isolcpus=0-1\n");
	assert_int_equal(topology_read(&topo, root), 0);
	assert_false(topology_housekeeping(&topo, 0) || topology_housekeeping(&topo, 1));
	tree_put(root, CPU "/possible", "0-9999\n");
	assert_int_equal(topology_read(&topo, root), -ERANGE);
	tree_free(root);
}

static int count_cgroup(void *ctx, const char *path, __u64 id)
{
	char *all = ctx;

	assert_true(id);
	strcat(all, path);
	strcat(all, " ");
	return 0;
}

static void cgroup_walk(void **state)
{
	char root[64], all[256] = "";

	(void)state;
	tree_make(root);
	assert_int_equal(cgroups_walk(root, "/", count_cgroup, all), -ENOENT);
	tree_put(root, CGROUP_ROOT "/a/b", NULL);
	tree_put(root, CGROUP_ROOT "/a/file", "x");
	assert_int_equal(cgroups_walk(root, "/", count_cgroup, all), 0);
	assert_string_equal(all, "/ /a /a/b ");
	all[0] = '\0';
	assert_int_equal(cgroups_walk(root, "/a", count_cgroup, all), 0);
	assert_string_equal(all, "/a /a/b ");
	tree_free(root);
}

static void cgroup_limits(void **state)
{
	char root[64], why[256];

	(void)state;
	tree_make(root);
	assert_int_equal(cgroups_limited(root, why, sizeof(why), NULL, NULL), 0);
	tree_put(root, CGROUP_ROOT "/a/cpu.max", "max 100000\n");
	tree_put(root, CGROUP_ROOT "/a/cpu.idle", "0\n");
	assert_int_equal(cgroups_limited(root, why, sizeof(why), NULL, NULL), 0);
	tree_put(root, CGROUP_ROOT "/a/b/cpu.idle", "1\n");
	assert_int_equal(cgroups_limited(root, why, sizeof(why), NULL, NULL), 1);
	assert_non_null(strstr(why, "cgroup /a/b has cpu.idle = 1"));
	tree_put(root, CGROUP_ROOT "/a/cpu.max", "50000 100000\n");
	assert_int_equal(cgroups_limited(root, why, sizeof(why), NULL, NULL), 1);
	assert_non_null(strstr(why, "cgroup /a has cpu.max = 50000 100000"));
	tree_free(root);
}

static void slow_vitals(void **state)
{
	struct hs_vital vitals[HS_VITAL_NR] = {0};
	char root[64];
	__u64 permille;

	(void)state;
	tree_make(root);
	slow_read(vitals, root, 1000);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].present, 0); /* absent, not 0 */
	assert_int_equal(vitals[HS_VITAL_DAEMON_RSS].present, 0);
	tree_put(root, "/proc/pressure/cpu", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\n");
	tree_put(root, "/proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
	tree_put(root, "/proc/pressure/io", "rubbish\n");
	tree_put(root, "/proc/self/statm", "1000 10 5 1 0 1 0\n");
	slow_read(vitals, root, 2000);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].value, 123);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].ewma, 123);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].updated_ns, 2000);
	assert_int_equal(vitals[HS_VITAL_PSI_MEMORY].value, 0);
	assert_int_equal(vitals[HS_VITAL_PSI_MEMORY].present, 1);
	assert_int_equal(vitals[HS_VITAL_PSI_IO].present, 0);
	assert_int_equal(vitals[HS_VITAL_DAEMON_RSS].value, 10 * sysconf(_SC_PAGESIZE));
	tree_put(root, "/proc/pressure/cpu", "some avg10=100.00 avg60=0.00\n");
	slow_read(vitals, root, 3000);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].value, 1000);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].ewma, 123 - 123 / 8 + 1000 / 8);
	assert_int_equal(vitals[HS_VITAL_PSI_CPU].peak, 1000);
	assert_int_equal(slow_parse_psi("some avg10=101.00", &permille), -EINVAL);
	assert_int_equal(slow_parse_psi("some avg10=", &permille), -EINVAL);
	assert_int_equal(slow_parse_psi("some avg10=1", &permille), -EINVAL);
	assert_int_equal(slow_parse_psi("", &permille), -EINVAL);
	tree_free(root);
}

static int read_load(struct slow_load *load, const char *root, const char *uptime, const char *avg)
{
	tree_put(root, "/proc/uptime", uptime);
	tree_put(root, "/proc/loadavg", avg);
	return slow_load(load, root, 2);
}

static void load_of_cpus(void **state)
{
	struct slow_load load = {0};
	char root[64];

	(void)state;
	tree_make(root);
	assert_int_equal(slow_load(&load, root, 2), -ENOENT);
	assert_int_equal(read_load(&load, root, "100.00 150.00\n", "0.20 0.18 0.12 3/411 3194\n"),
			 0);
	assert_int_equal(load.running, 2); /* we are the third */
	assert_int_equal(load.busy_permille, 0);
	/* a second of two CPUs, half a second of it idle */
	assert_int_equal(read_load(&load, root, "101.00 150.50\n", "9.00 0.18 0.12 12/411 3194\n"),
			 0);
	assert_int_equal(load.running, 11);
	assert_int_equal(load.busy_permille, 750);
	/* idle time is kept less finely than the clock */
	assert_int_equal(read_load(&load, root, "102.00 155.00\n", "0.00 0.00 0.00 0/4 3194\n"), 0);
	assert_int_equal(load.busy_permille, 0);
	assert_int_equal(load.running, 0);
	assert_int_equal(read_load(&load, root, "103.00 154.99\n", "0.00 0.00 0.00 1/4 3194\n"), 0);
	assert_int_equal(load.busy_permille, 1000);
	/* no time has passed: as it was */
	assert_int_equal(read_load(&load, root, "103.00 154.99\n", "0.00 0.00 0.00 2/4 3194\n"), 0);
	assert_int_equal(load.busy_permille, 1000);
	assert_int_equal(read_load(&load, root, "104 154.99\n", "0.00 0.00 0.00 5/4 1\n"), -EINVAL);
	assert_int_equal(read_load(&load, root, "104.00\n", "0.00 0.00 0.00 5/4 1\n"), -EINVAL);
	assert_int_equal(read_load(&load, root, "104.00 -1.00\n", "0.00 0.00 0.00 5/4 1\n"),
			 -EINVAL);
	assert_int_equal(read_load(&load, root, "104.00 155.00\n", "0.00 0.00 0.00 5\n"), -EINVAL);
	assert_int_equal(read_load(&load, root, "104.00 155.00\n", "/\n"), -EINVAL);
	assert_int_equal(read_load(&load, root, "104.00 155.00\n", "0.00 x/4\n"), -EINVAL);
	assert_int_equal(load.running, 1);
	tree_free(root);
}

/* Declared cgroups are found by id once they exist; the daemon itself always matches. */
static void matches(void **state)
{
	static const char text[] =
		"name: a\nworkloads:\n"
		"  - { name: x, class: critical, match: { comm: probe, pid: 7 } }\n"
		"  - { name: y, class: batch, match: { cgroup: /late } }\n";
	struct match_set set;
	struct profile p;
	char root[64], error[256];
	struct stat st;

	(void)state;
	tree_make(root);
	assert_int_equal(profile_parse(&p, "p", text, strlen(text), error, sizeof(error)), 0);
	policy_slots(&(struct profile){0}, &p);
	assert_int_equal(match_build(&set, &p, root), 0);
	assert_int_equal(set.nr, 3);
	for (__u32 i = 0; i < set.nr; i++) {
		const struct hs_match_key *key = &set.entry[i].key;

		if (key->kind == HS_MATCH_COMM)
			assert_string_equal(key->comm, "probe");
		if (key->kind == HS_MATCH_PID)
			assert_int_equal(set.entry[i].workload,
					 key->id == 7 ? WORKLOAD_FIRST + 1 : HS_WORKLOAD_SELF + 1);
		if (i)
			assert_true(memcmp(&set.entry[i - 1].key, key, sizeof(*key)) < 0);
	}
	free(set.entry);
	tree_put(root, CGROUP_ROOT "/late", NULL);
	assert_int_equal(match_build(&set, &p, root), 0);
	assert_int_equal(set.nr, 4);
	strcat(root, CGROUP_ROOT "/late");
	assert_int_equal(stat(root, &st), 0);
	*strstr(root, "/sys") = '\0';
	for (__u32 i = 0; i < set.nr; i++) {
		if (set.entry[i].key.kind == HS_MATCH_CGROUP) {
			assert_int_equal(set.entry[i].key.id, st.st_ino);
			assert_int_equal(set.entry[i].workload, WORKLOAD_FIRST + 2);
		}
	}
	free(set.entry);
	profile_free(&p);
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topology_of_two_nodes),
		cmocka_unit_test(topology_of_a_bare_tree),
		cmocka_unit_test(cgroup_walk),
		cmocka_unit_test(cgroup_limits),
		cmocka_unit_test(slow_vitals),
		cmocka_unit_test(load_of_cpus),
		cmocka_unit_test(matches),
	};

	return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
