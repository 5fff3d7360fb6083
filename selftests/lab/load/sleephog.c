// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A hog that sleeps now and then: by its sleeps alone it looks like something interactive. No
 * recognition may take it for latency-critical.
 */
#include "load.h"

static const char usage[] = "A CPU hog that sleeps now and then.\n"
			    "  -r MSEC     CPU time between two sleeps (default 30)\n"
			    "  -s MSEC     sleep (default 5)\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "sleephog", .usage = usage, .seconds = 10};
	uint64_t run = 30000000, nap = 5000000, begin, end, rounds = 0, cpu = 0;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "r:s:")) != -1) {
		switch (c) {
		case 'r':
			run = number(optarg, c, 1, 10000) * 1000000;
			break;
		case 's':
			nap = number(optarg, c, 1, 10000) * 1000000;
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	begin = now_ns() + l.warmup_s * NS_PER_S;
	end = begin + l.seconds * NS_PER_S;
	while (!load_stop && (l.count ? rounds < l.count : now_ns() < end)) {
		burn(run);
		if (now_ns() >= begin) {
			if (!rounds++)
				cpu = cpu_ns();
		}
		sleep_until(now_ns() + nap);
	}
	line_begin(&line, l.name);
	line_u64(&line, "rounds", rounds);
	line_u64(&line, "cpu_ns", cpu ? cpu_ns() - cpu : 0);
	line_end(&line, l.out);
	return 0;
}
