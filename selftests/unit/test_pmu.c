// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The processor's counters. Real ones are nowhere to be had that this runs on, so the kernel's side is tried with counters that
 * it keeps itself, and the figures with pipes in their place.
 */
#include "fixture.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "pmu.h"
#include "work.h"

static const struct pmu_kind software[PMU_COUNTER_NR] = {
	{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
	{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, .user = true},
};

static void page_faults(size_t pages)
{
	size_t size = pages * 4096;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)p)[i] = 1;
	munmap(p, size);
}

static void counted_by_the_kernel(void **state)
{
	static struct topology topo;
	__u64 sum[PMU_COUNTER_NR];
	struct pmu pmu;
	int err;

	(void)state;
	assert_int_equal(topology_read(&topo, ""), 0);
	err = pmu_open(&pmu, software, &topo);
	if (err == -EACCES || err == -EPERM) {
		print_message("not allowed to count here\n");
		skip();
	}
	assert_int_equal(err, 0);
	assert_string_equal(pmu.why, "");
	assert_true(pmu.nr >= 1);
	page_faults(64);
	pmu_read(&pmu, sum);
	assert_int_equal(sum[0] + sum[2], 0); /* they do not run yet */
	pmu_run(&pmu, true);
	assert_true(pmu.on);
	page_faults(1024);
	pmu_read(&pmu, sum);
	assert_true(sum[0] > 0);
	assert_true(sum[2] >= 1024);
	assert_true(sum[PMU_USER] >= 1024 && sum[PMU_USER] <= sum[2]);
	assert_true(pmu.whole || !topology_housekeeping(&topo, 0));
	pmu_run(&pmu, false);
	assert_false(pmu.on);
	pmu_read(&pmu, sum);
	page_faults(64);
	pmu_read(&pmu, sum);
	assert_int_equal(sum[0] + sum[1] + sum[2], 0);
	pmu_close(&pmu);
	assert_int_equal(pmu.nr, 0);
}

static void none_there(void **state)
{
	static const struct pmu_kind nobody_has[PMU_COUNTER_NR] = {
		{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
		{0x7fffffff, 0},
		{0x7fffffff, 0},
		{0x7fffffff, 0}};
	static struct hs_vital vitals[HS_VITAL_NR];
	static struct topology topo;
	__u64 sum[PMU_COUNTER_NR];
	struct pmu pmu;

	(void)state;
	assert_int_equal(topology_read(&topo, ""), 0);
	assert_true(pmu_open(&pmu, nobody_has, &topo) < 0);
	assert_true(*pmu.why);
	assert_int_equal(pmu.nr, 0);
	pmu_run(&pmu, true);
	assert_false(pmu.on);
	pmu_read(&pmu, sum);
	assert_int_equal(sum[0], 0);
	vitals[HS_VITAL_IPC].present = 1;
	work_follow(&pmu, vitals, true, 1000);
	assert_int_equal(vitals[HS_VITAL_IPC].present, 0);
	pmu_close(&pmu);
}

/* A limit of open files that is too low for them is raised as far as it may be. */
static void many_files(void **state)
{
	static struct topology topo;
	struct rlimit was, low;
	struct pmu pmu;
	int fd = dup(0), err;

	(void)state;
	assert_int_equal(topology_read(&topo, ""), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = (struct rlimit){(rlim_t)fd + 2, was.rlim_max};
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	err = pmu_open(&pmu, software, &topo);
	pmu_close(&pmu);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_not_equal(err, -EMFILE);
	assert_true(low.rlim_cur >= topo.possible_nr * PMU_COUNTER_NR);
}

/* Isolated CPUs are left in peace: with all of them isolated there is nothing to count. */
static void isolated(void **state)
{
	static struct topology topo;
	struct pmu pmu;

	(void)state;
	assert_int_equal(topology_read(&topo, ""), 0);
	memcpy(topo.isolated, topo.online, sizeof(topo.isolated));
	assert_int_equal(pmu_open(&pmu, software, &topo), 0);
	assert_int_equal(pmu.nr, 0);
	assert_false(pmu.whole);
	pmu_close(&pmu);
}

/* Two CPUs whose counters are pipes. */
static struct pmu_group groups[2];
static int pipes[2][2];

static void count(int cpu, __u64 cycles, __u64 instructions, __u64 misses)
{
	__u64 now[] = {PMU_COUNTER_NR, cycles, instructions, misses, instructions / 2};

	assert_int_equal(write(pipes[cpu][1], now, sizeof(now)), sizeof(now));
}

static void vital_signs(void **state)
{
	static struct hs_vital vitals[HS_VITAL_NR];
	const struct hs_vital *ipc = &vitals[HS_VITAL_IPC],
			      *misses = &vitals[HS_VITAL_CACHE_MISSES];
	struct pmu pmu = {.group = groups, .nr = 2};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		groups[i].fd[0] = pipes[i][0];
	}
	/* what was counted before is nobody's */
	count(0, 5000, 6000, 700);
	count(1, 0, 0, 0);
	work_follow(&pmu, vitals, true, 1000);
	assert_int_equal(ipc->present, 0);
	count(0, 5000 + 1000, 6000 + 3000, 700 + 20);
	count(1, 3000, 1000, 20);
	work_follow(&pmu, vitals, true, 2000);
	assert_int_equal(ipc->present, 1);
	assert_int_equal(ipc->value, 1000); /* 4000 instructions in 4000 cycles */
	assert_int_equal(ipc->updated_ns, 2000);
	assert_int_equal(misses->value, 10); /* 40 in 4000 instructions */
	assert_int_equal(pmu.user_instructions, 2000);
	/* one CPU has gone, the other one goes on */
	close(pipes[1][1]);
	count(0, 6000 + 1000, 9000 + 500, 720);
	work_follow(&pmu, vitals, true, 3000);
	assert_int_equal(ipc->value, 500);
	assert_int_equal(misses->value, 0);
	/* somebody else has the counters */
	count(0, 7000, 9500, 720);
	work_follow(&pmu, vitals, true, 4000);
	assert_int_equal(ipc->present + misses->present, 0);
	/* nobody asks any more */
	count(0, 8000, 9900, 720);
	work_follow(&pmu, vitals, false, 5000);
	assert_false(pmu.on);
	assert_int_equal(ipc->present + misses->present, 0);
	assert_int_equal(pmu.user_instructions, 2250);
	close(pipes[0][0]);
	close(pipes[0][1]);
	close(pipes[1][0]);
}

static void asked_for(void **state)
{
	static struct profile p;

	(void)state;
	assert_false(work_wanted(&p));
	p.rule[0].vital = HS_VITAL_CACHE_MISSES;
	assert_false(work_wanted(&p));
	p.config.rules_nr = 1;
	assert_true(work_wanted(&p));
	p.rule[0].vital = HS_VITAL_CONGESTION;
	assert_false(work_wanted(&p));
	p.rule[0].vital = HS_VITAL_ENERGY_INSTRUCTION;
	assert_true(work_wanted(&p));
	p.config.rules_nr = 0;
	p.slo[0].vital = HS_VITAL_IPC;
	p.slo_nr = 1;
	assert_true(work_wanted(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counted_by_the_kernel),
		cmocka_unit_test(none_there),
		cmocka_unit_test(many_files),
		cmocka_unit_test(isolated),
		cmocka_unit_test(vital_signs),
		cmocka_unit_test(asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
