// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Something like an audio engine: every 5 ms a buffer of 1 ms of work, which must be done before
 * the next one is due. Latency = end of the work - time the period began; later than a period = miss.
 */
#include "load.h"

static const char usage[] = "Periodic work with a deadline, misses counted.\n"
			    "  -p USEC     period and deadline (default 5000)\n"
			    "  -w USEC     CPU time per period (default 1000)\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "audio", .usage = usage, .seconds = 10};
	uint64_t period = 5000000, work = 1000000, next, rounds, skip, misses = 0;
	struct samples s;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "p:w:")) != -1) {
		switch (c) {
		case 'p':
			period = number(optarg, c, 100, 10000000) * 1000;
			break;
		case 'w':
			work = number(optarg, c, 1, 10000000) * 1000;
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	rounds = l.count ? l.count : l.seconds * NS_PER_S / period;
	skip = l.warmup_s * NS_PER_S / period;
	load_begin();
	samples_init(&s, rounds);
	load_lock();
	next = now_ns();
	for (uint64_t i = 0; i < skip + rounds; i++) {
		uint64_t took;

		next += period;
		if (!sleep_until(next))
			break;
		burn(work);
		took = now_ns() - next;
		if (i < skip)
			continue;
		samples_add(&s, took);
		misses += took > period;
	}
	line_begin(&line, l.name);
	line_samples(&line, &l, &s);
	line_u64(&line, "misses", misses);
	line_end(&line, l.out);
	return 0;
}
