// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a scheduling decision costs while many tasks are runnable: threads that do nothing but give the
 * CPU up, so that each switch is one task put into the queue and another one taken out of it. The loop
 * is the same for any number of threads: what a switch costs more among many is the scheduler's.
 *
 * Two windows: in the first one nothing else happens, and a switch is its whole cost, system call and
 * context switch included; in the second the kernel also takes the time of each run of a BPF program
 * (which costs, too), and the scheduler's own programs are summed up.
 */
#include <bpf/bpf.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../lab/load/load.h"

static const char usage[] = "The cost of a switch among many runnable tasks.\n"
			    "  -t COUNT    threads (default 10)\n";

#define THREADS_MAX 20000
#define STACK_SIZE (32 * 1024)
#define OPS_PREFIX "sched_" /* of the scheduler's programs: kern/act/sched.bpf.c */

static struct crowd {
	pthread_barrier_t barrier;
	atomic_uint_fast64_t yields;
	atomic_bool over;
} crowd;

/* All at one moment. */
struct reading {
	uint64_t ns, yields, switches;
	uint64_t calls, program_ns; /* of the scheduler's programs */
};

static void *give_way(void *unused)
{
	pthread_barrier_wait(&crowd.barrier);
	while (!atomic_load_explicit(&crowd.over, memory_order_relaxed)) {
		sched_yield();
		atomic_fetch_add_explicit(&crowd.yields, 1, memory_order_relaxed);
	}
	return unused;
}

/* Many small stacks in one mapping. */
static pthread_t *crowd_start(uint64_t count)
{
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t attr;
	char *stacks;
	int rc;

	stacks = mmap(NULL, count * STACK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!threads || stacks == MAP_FAILED)
		err(1, "memory for %" PRIu64 " threads", count);
	pthread_attr_init(&attr);
	pthread_barrier_init(&crowd.barrier, NULL, (unsigned int)count + 1);
	for (uint64_t i = 0; i < count; i++) {
		rc = pthread_attr_setstack(&attr, stacks + i * STACK_SIZE, STACK_SIZE);
		if (!rc)
			rc = pthread_create(&threads[i], &attr, give_way, NULL);
		if (rc)
			errx(1, "thread %" PRIu64 ": %s", i, strerror(rc));
	}
	return threads;
}

static uint64_t switches_of_machine(void)
{
	FILE *f = fopen("/proc/stat", "re");
	uint64_t n = 0;
	char line[512];

	if (!f)
		err(1, "/proc/stat");
	while (!n && fgets(line, sizeof(line), f))
		sscanf(line, "ctxt %" SCNu64, &n);
	fclose(f);
	return n;
}

static void read_programs(struct reading *r)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone meanwhile */
		if (bpf_prog_get_info_by_fd(fd, &info, &len))
			err(1, "program %u", id);
		close(fd);
		if (strncmp(info.name, OPS_PREFIX, strlen(OPS_PREFIX)))
			continue;
		r->calls += info.run_cnt;
		r->program_ns += info.run_time_ns;
	}
}

static struct reading read_all(void)
{
	struct reading r = {};

	read_programs(&r);
	r.switches = switches_of_machine();
	r.yields = atomic_load(&crowd.yields);
	r.ns = now_ns();
	return r;
}

/* What one window of @seconds brought. */
static struct reading window(uint64_t seconds)
{
	struct reading a = read_all(), b;

	sleep_until(a.ns + seconds * NS_PER_S);
	b = read_all();
	b.ns -= a.ns;
	b.yields -= a.yields;
	b.switches -= a.switches;
	b.calls -= a.calls;
	b.program_ns -= a.program_ns;
	if (!b.yields || !b.switches)
		errx(1, "no task gave way in %" PRIu64 " s", seconds);
	return b;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "crowd", .usage = usage, .seconds = 1, .warmup_s = 1};
	struct reading plain, timed;
	uint64_t count = 10;
	struct line line;
	pthread_t *threads;
	int c, stats;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "t:")) != -1) {
		if (c == 't')
			count = number(optarg, c, 2, THREADS_MAX);
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	threads = crowd_start(count);
	pthread_barrier_wait(&crowd.barrier);
	sleep_until(now_ns() + l.warmup_s * NS_PER_S);
	plain = window(l.seconds);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		err(1, "BPF run-time statistics");
	timed = window(l.seconds);
	close(stats);
	atomic_store(&crowd.over, true);
	for (uint64_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);

	line_begin(&line, l.name);
	line_u64(&line, "tasks", count);
	line_u64(&line, "span_ns", plain.ns);
	line_u64(&line, "yields", plain.yields);
	line_u64(&line, "switches", plain.switches);
	line_u64(&line, "timed_ns", timed.ns);
	line_u64(&line, "timed_switches", timed.switches);
	line_u64(&line, "calls", timed.calls);
	line_u64(&line, "program_ns", timed.program_ns);
	line_end(&line, l.out);
	return 0;
}
