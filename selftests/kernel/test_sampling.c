// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Sampling: two sensors see the very same switches, one measures them all, the other as few as the pulse
 * would have it. What the second one says of the waits must be what the first one says: p99 within 5 %.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "pulse_fixture.h"

#define WITHIN_PERCENT 5

enum {
	ALL,
	SAMPLED,
	ARMS
};
static __typeof__(fx) side[ARMS];
static struct bpf_link *attached[ARMS];

static int teardown_arms(void **state)
{
	for (int a = 0; a < ARMS; a++) {
		bpf_link__destroy(attached[a]);
		fx = side[a];
		teardown(state);
	}
	return 0;
}

static int setup_arms(void **state)
{
	with_sensor = true;
	for (int a = 0; a < ARMS; a++) {
		if (setup(state))
			return -1;
		/* as in the profile balanced */
		fx.config.period_max_ns = 250 * MS;
		fx.config.window_ns = 10 * MS;
		fx.config.stress_switches_hz = 2000;
		set_config();
		side[a] = fx;
		attached[a] = bpf_program__attach(fx.skel->progs.sense_switch);
		if (!attached[a])
			return -1;
	}
	side[ALL].skel->data_sense->every_max = 1;
	return 0;
}

struct waits {
	__u32 count[HS_HIST_BUCKETS];
	__u64 n, p99;
};

/* All waits that a sensor has seen while no pulse took them away. Its classes together. */
static struct waits waits_of(int a)
{
	const __u64 every_bucket[HS_HIST_BUCKETS / 64] = {~0ULL, ~0ULL};
	struct waits seen = {0};
	struct hist_walk w;
	__u32 i;

	for (i = 0; i < HS_CLASS_NR * HS_HIST_BUCKETS; i++) {
		__u32 here = ((__u32 *)(side[a].sense + side[a].bank + side[a].wait))[i];

		seen.count[i % HS_HIST_BUCKETS] += here;
		seen.n += here;
	}
	hist_walk_start(&w, every_bucket, seen.n);
	while ((i = hist_walk_next(&w)) < HS_HIST_BUCKETS) {
		if (seen.count[i])
			hist_walk_count(&w, i, seen.count[i]);
	}
	seen.p99 = w.p99;
	return seen;
}

/* Waits from @bucket on, per million. */
static __u64 share_from(const struct waits *seen, __u32 bucket)
{
	__u64 n = 0;

	for (; bucket < HS_HIST_BUCKETS; bucket++)
		n += seen->count[bucket];
	return n * 1000000 / seen->n;
}

static void assert_within(const char *what, __u64 sampled, __u64 all, unsigned percent)
{
	__u64 off = sampled > all ? sampled - all : all - sampled;

	print_message("# %s: %llu sampled, %llu of all\n", what, sampled, all);
	if (!all || off * 100 > all * percent)
		fail_msg("%s: %llu sampled, %llu of all", what, sampled, all);
}

/* The distribution as such, at about the distance that the pulse chooses for the load. */
static void waits_under(const char *load, __u32 every, struct waits seen[ARMS])
{
	for (int a = 0; a < ARMS; a++) {
		memset(side[a].sense + side[a].bank, 0, side[a].bank_len);
		*(volatile __u32 *)(side[a].sense + side[a].every) = a == ALL ? 1 : every;
	}
	assert_int_equal(system(load), 0);
	for (int a = 0; a < ARMS; a++)
		seen[a] = waits_of(a);
	print_message("# %s: %llu samples of %llu\n", load, seen[SAMPLED].n, seen[ALL].n);
	assert_in_range(seen[SAMPLED].n, 1000, seen[ALL].n / 20);
	assert_within("p99, ns", seen[SAMPLED].p99, seen[ALL].p99, WITHIN_PERCENT);
}

static void test_waits_of_a_storm(void **state)
{
	struct waits seen[ARMS];

	(void)state;
	/* 63000 switches a second, 32 to a round: at a fixed distance it would be always the same task */
	waits_under("storm -d 3 >/dev/null", 32, seen);
}

/*
 * Two tasks that take turns, 68000 switches a second on 6.12. Measuring a switch makes the wait after it longer: such waits
 * are most of those from p99 on, and are seen as often as others, or p99 comes out too low. Some 300 samples decide that.
 */
static void test_waits_of_turns(void **state)
{
	struct waits seen[ARMS];
	__u32 tail;

	(void)state;
	waits_under("pingpong -T -n 400000 >/dev/null", 34, seen);
	tail = hist_index(seen[ALL].p99);
	assert_within("waits in p99's bucket and above, per million",
		      share_from(&seen[SAMPLED], tail), share_from(&seen[ALL], tail), 20);
}

/* All voluntary sleeps that a sensor has seen while no pulse took them away. */
static __u64 sleeps_of(int a)
{
	__u64 n = 0;

	for (int c = 0; c < HS_CLASS_NR; c++)
		n += ((__u64 *)(side[a].sense + side[a].bank + side[a].sleeps))[c];
	return n;
}

/* Voluntary sleeps of all our children that have ended, by the kernel's own count. */
static __u64 sleeps_of_children(void)
{
	struct rusage used;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
	return used.ru_nvcsw;
}

/*
 * What comes from the kernel's own counters is whole, however few switches are measured, and however seldom a task
 * of those that are is looked at: the two that take turns here run anew after some 15 us.
 */
static void test_counters_lose_nothing(void **state)
{
	__u64 before, own;

	(void)state;
	for (int a = 0; a < ARMS; a++) {
		memset(side[a].sense + side[a].bank, 0, side[a].bank_len);
		*(volatile __u32 *)(side[a].sense + side[a].every) = a == ALL ? 1 : 34;
	}
	before = sleeps_of_children();
	assert_int_equal(system("pingpong -T -n 20000 >/dev/null"), 0);
	own = sleeps_of_children() - before;
	assert_in_range(own, 20000, 50000);
	for (int a = 0; a < ARMS; a++) {
		print_message("# %s: %llu sleeps, %llu of them the load's\n",
			      a == ALL ? "all" : "sampled", sleeps_of(a), own);
		/* what it did after the last look is missing, what else runs is there, too */
		assert_in_range(sleeps_of(a), own - 200, own + own / 20);
	}
}

static void spin_for(__u64 ns)
{
	for (__u64 end = now_ns() + ns; now_ns() < end;)
		;
}

static void sleep_for(__u64 ns)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

/* Short work, each millisecond. */
static void steps(void)
{
	for (int i = 0; i < 2000; i++) {
		spin_for(20 * 1000);
		sleep_for(MS);
	}
}

/* Long work after short work, from which it is parted by less than the time between two looks. */
static void pairs(void)
{
	for (int i = 0; i < 150; i++) {
		spin_for(20 * 1000);
		sleep_for(30 * 1000);
		spin_for(7 * MS / 2);
		sleep_for(16 * MS);
	}
}

/*
 * How often, of the looks at a task that does that, it was held to be critical. A poll for its end; the step is long
 * because each look preempts the task and so cuts its run in two: with a step of 2 ms no run was whole, and the test saw
 * nothing. How many looks there were is asserted.
 */
static unsigned critical_looks(void (*work)(void), unsigned *looks)
{
	struct bpf_map *tasks = side[ALL].skel->maps.TASKS;
	size_t class = member(bpf_object__btf(side[ALL].skel->obj),
			      bpf_map__btf_value_type_id(tasks), "class", NULL);
	char task[1024];
	unsigned critical = 0;
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_TIMERSLACK, 1);
		work();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(fd >= 0);
	assert_true(bpf_map__value_size(tasks) <= sizeof(task));
	for (*looks = 0; waitpid(pid, NULL, WNOHANG) != pid; usleep(50000)) {
		if (bpf_map__lookup_elem(tasks, &fd, sizeof(fd), task, bpf_map__value_size(tasks),
					 0))
			continue; /* not seen yet */
		++*looks;
		critical += *(__u32 *)(task + class) == HS_CLASS_CRITICAL;
	}
	close(fd);
	return critical;
}

/* The sensor recognises what it saw, not a mean of what it did not look at. */
static void test_recognition(void **state)
{
	unsigned critical, looks;

	(void)state;
	critical = critical_looks(steps, &looks);
	print_message("# steps: critical in %u of %u looks\n", critical, looks);
	assert_in_range(looks, 20, 1000);
	assert_in_range(critical, looks / 2, looks);
	critical = critical_looks(pairs, &looks);
	print_message("# pairs: critical in %u of %u looks\n", critical, looks);
	assert_in_range(looks, 20, 1000);
	assert_int_equal(critical, 0);
}

/* Mean of what is published of the critical tasks' p99 while the load runs, its first half second left out. */
static void published(pid_t load, __u64 mean[ARMS])
{
	__u64 seen[ARMS] = {0}, n[ARMS] = {0}, begin = now_ns() + SEC_NS / 2;

	while (waitpid(load, NULL, WNOHANG) != load) {
		usleep(2000); /* the step of a poll: windows of 10 ms are published meanwhile */
		for (int a = 0; a < ARMS && now_ns() > begin; a++) {
			struct hs_vital *v =
				&side[a].skel->data_vitals->vitals[HS_VITAL_WAIT_CRITICAL_P99];

			if (!v->present || v->updated_ns == seen[a])
				continue;
			seen[a] = v->updated_ns;
			mean[a] += v->value;
			n[a]++;
		}
	}
	for (int a = 0; a < ARMS; a++) {
		assert_in_range(n[a], 50, 10000);
		mean[a] /= n[a];
	}
}

/* The vital sign, with the pulse: sampling is its own choice, and windows have few samples. */
static void test_vital_sign(void **state)
{
	__u64 mean[ARMS] = {0}, counted[ARMS];
	pid_t load;

	(void)state;
	for (int a = 0; a < ARMS; a++) {
		fx = side[a];
		beat_now();
	}
	load = fork();
	assert_true(load >= 0);
	if (!load)
		_exit(system("storm -d 6 >/dev/null") != 0);
	published(load, mean);
	for (int a = 0; a < ARMS; a++)
		counted[a] = *(__u64 *)(side[a].sense + side[a].count + 8 * HS_COUNT_SAMPLED);
	assert_in_range(counted[SAMPLED], 2000, counted[ALL] / 10);
	assert_within("p99 as published, ns", mean[SAMPLED], mean[ALL], WITHIN_PERCENT);
}

#define ARMS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_arms, teardown_arms)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARMS_TEST(test_waits_of_a_storm),
		ARMS_TEST(test_waits_of_turns),
		ARMS_TEST(test_counters_lose_nothing),
		ARMS_TEST(test_recognition),
		ARMS_TEST(test_vital_sign),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("sampling", tests, NULL, NULL);
}
