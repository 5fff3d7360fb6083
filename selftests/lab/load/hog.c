// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * CPU hogs: processes that never sleep and count what they get done. Each reads the clock once per
 * unit of work (10 µs), so it also sees its own longest absence from the CPU.
 */
#include "load.h"
#include <sys/wait.h>

static const char usage[] = "CPU hogs: work done, and the longest time that one waited.\n"
			    "  -t COUNT    processes (default 1)\n"
			    "  -N NICE     their nice value, 0 to 19\n";

#define HOGS_MAX 1024

struct hog {
	uint64_t units;
	uint64_t cpu_ns;  /* CPU time while it measured */
	uint64_t span_ns; /* real time of the same */
	uint64_t gap_ns;  /* longest time between the ends of two units */
	struct places at;
};

static void hog_run(struct hog *h, uint64_t begin, uint64_t end)
{
	uint64_t x = 1, last = now_ns(), cpu;

	while (last < begin && !load_stop) {
		x = work_unit(x);
		last = now_ns();
	}
	begin = last;
	cpu = cpu_ns();
	while (last < end && !load_stop) {
		uint64_t now;

		x = work_unit(x);
		now = now_ns();
		if (now - last > h->gap_ns)
			h->gap_ns = now - last;
		last = now;
		h->units++;
		places_note(&h->at);
	}
	h->cpu_ns = cpu_ns() - cpu;
	h->span_ns = last - begin;
}

static void hogs_start(struct hog *hogs, pid_t *pids, uint64_t count, const struct load *l)
{
	uint64_t begin = now_ns() + l->warmup_s * NS_PER_S;

	for (uint64_t i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "fork");
		if (!pids[i]) {
			hog_run(&hogs[i], begin, begin + l->seconds * NS_PER_S);
			_exit(0);
		}
	}
}

static void hogs_wait(const pid_t *pids, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		int status;

		while (waitpid(pids[i], &status, 0) < 0) {
			if (errno != EINTR)
				err(1, "waitpid");
			for (uint64_t j = i; j < count; j++)
				kill(pids[j], SIGTERM);
		}
		if (status)
			errx(1, "a hog died: status %#x", (unsigned int)status);
	}
}

static void hogs_report(const struct hog *hogs, uint64_t count, const struct load *l)
{
	uint64_t units = 0, cpu = 0, gap = 0, least = UINT64_MAX, span = 0;
	struct places hops = {};
	struct line line;

	for (uint64_t i = 0; i < count; i++) {
		const struct hog *h = &hogs[i];

		units += h->units;
		cpu += h->cpu_ns;
		gap = h->gap_ns > gap ? h->gap_ns : gap;
		least = h->units < least ? h->units : least;
		span = h->span_ns > span ? h->span_ns : span;
		hops.cpu = h->at.cpu;
		hops.cpu_hops += h->at.cpu_hops;
		hops.node_hops += h->at.node_hops;
	}
	line_begin(&line, l->name);
	line_u64(&line, "hogs", count);
	line_u64(&line, "work", units);
	line_u64(&line, "least_work", least);
	line_u64(&line, "cpu_ns", cpu);
	line_u64(&line, "span_ns", span);
	line_u64(&line, "gap_max_ns", gap);
	line_places(&line, &hops);
	line_end(&line, l->out);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "hog", .usage = usage, .seconds = 10};
	uint64_t count = 1;
	struct hog *hogs;
	pid_t pids[HOGS_MAX];
	int c, level = 0;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "t:N:")) != -1) {
		if (c == 't')
			count = number(optarg, c, 1, HOGS_MAX);
		else if (c == 'N')
			level = (int)number(optarg, c, 0, 19);
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	if (setpriority(PRIO_PROCESS, 0, level))
		err(1, "nice %d", level);
	hogs = mmap(NULL, count * sizeof(*hogs), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (hogs == MAP_FAILED)
		err(1, "mmap");
	hogs_start(hogs, pids, count, &l);
	hogs_wait(pids, count);
	hogs_report(hogs, count, &l);
	return 0;
}
