// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Something interactive that is mostly short and sometimes long: 200 µs at 100 Hz, and every
 * -b periods a burst of 50 ms (a window redrawn, a page laid out, a garbage collection). It must not
 * keep a critical class with its bursts in it.
 */
#include "load.h"

static const char usage[] = "Short periodic runs with a long burst now and then.\n"
			    "  -p USEC     period (default 10000)\n"
			    "  -w USEC     CPU time of a short run (default 200)\n"
			    "  -b COUNT    every so many periods one burst (default 50)\n"
			    "  -B USEC     CPU time of a burst (default 50000)\n"
			    "  -s SEED     of where in its period it begins (default: at once)\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "interactive", .usage = usage, .seconds = 10};
	uint64_t period = 10000000, work = 200000, every = 50, burst = 50000000, seed = 0;
	uint64_t next, end, begin, bursts = 0;
	struct samples s;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "p:w:b:B:s:")) != -1) {
		switch (c) {
		case 'p':
			period = number(optarg, c, 100, 10000000) * 1000;
			break;
		case 'w':
			work = number(optarg, c, 0, 10000000) * 1000;
			break;
		case 'b':
			every = number(optarg, c, 2, 1000000);
			break;
		case 'B':
			burst = number(optarg, c, 1, 10000000) * 1000;
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	samples_init(&s, l.count ? l.count : l.seconds * NS_PER_S / period + 1);
	next = now_ns() + rng_phase(seed, period);
	begin = next + l.warmup_s * NS_PER_S;
	end = begin + l.seconds * NS_PER_S;
	for (uint64_t i = 1; l.count ? s.n < l.count : now_ns() < end; i++) {
		uint64_t now;

		next += period;
		if (!sleep_until(next))
			break;
		now = now_ns();
		if (now >= begin)
			samples_add(&s, now - next);
		if (i % every) {
			burn(work);
			continue;
		}
		burn(burst);
		bursts++;
		/* a person does not press the keys again that he pressed meanwhile */
		if (now_ns() > next + period)
			next = now_ns();
	}
	line_begin(&line, l.name);
	line_samples(&line, &l, &s);
	line_u64(&line, "bursts", bursts);
	line_end(&line, l.out);
	return 0;
}
