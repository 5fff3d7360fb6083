// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The runaway: a task that profiles declare critical (by its name) and that then spins for ever.
 * A budget must keep it from starving the host.
 */
#include "load.h"

static const char usage[] =
	"Spins, and says how much CPU time it got.\n"
	"  -q SECONDS  before that, so long a quiet life of 1 ms periods (default 0)\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "spin", .usage = usage, .seconds = 10};
	uint64_t begin, end, now, cpu, units = 0, x = 1;
	uint64_t quiet_s = 0;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "q:")) != -1) {
		if (c == 'q')
			quiet_s = number(optarg, c, 0, 1000);
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	now = now_ns();
	for (begin = now + quiet_s * NS_PER_S; now < begin && !load_stop; now += NS_PER_S / 1000)
		sleep_until(now);
	begin = now_ns() + l.warmup_s * NS_PER_S;
	for (now = now_ns(); now < begin && !load_stop; now = now_ns())
		x = work_unit(x);
	begin = now;
	end = begin + l.seconds * NS_PER_S;
	cpu = cpu_ns();
	for (; (l.count ? units < l.count : now < end) && !load_stop; now = now_ns()) {
		x = work_unit(x);
		units++;
	}
	line_begin(&line, l.name);
	line_u64(&line, "work", units);
	line_u64(&line, "cpu_ns", cpu_ns() - cpu);
	line_u64(&line, "span_ns", now - begin);
	line_end(&line, l.out);
	return 0;
}
