// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The periodic probe: sleeps until an absolute time and notes how late it woke. A sample that is
 * later than a period does not shift those after it: they are late, too, and counted so.
 */
#include "load.h"

static const char usage[] =
	"Periodic probe; latency = time it ran - time it asked for.\n"
	"  -p USEC     period (default 1000)\n"
	"  -w USEC     work of its own in each period (default 0)\n"
	"  -D USEC     deadline: so late it must be done with it (default: the period)\n"
	"  -f PRIO     SCHED_FIFO with this priority\n"
	"  -s SEED     of where in its period it begins (default: at once)\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "probe", .usage = usage, .seconds = 10};
	uint64_t period = 1000000, work = 0, deadline = 0, seed = 0, next, rounds, skip, missed = 0;
	struct samples s;
	struct places at = {};
	struct line line;
	int c, fifo = 0;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "p:w:D:f:s:")) != -1) {
		switch (c) {
		case 'p':
			period = number(optarg, c, 10, 10000000) * 1000;
			break;
		case 'w':
			work = number(optarg, c, 0, 10000000) * 1000;
			break;
		case 'D':
			deadline = number(optarg, c, 1, 10000000) * 1000;
			break;
		case 'f':
			fifo = (int)number(optarg, c, 1, 99);
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
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
	if (fifo)
		load_fifo(fifo);

	next = now_ns() + rng_phase(seed, period);
	for (uint64_t i = 0; i < skip + rounds; i++) {
		uint64_t now;

		next += period;
		if (!sleep_until(next))
			break;
		now = now_ns();
		if (i >= skip) {
			samples_add(&s, now - next);
			places_note(&at);
		}
		burn(work);
		missed += i >= skip &&
			  (work ? now_ns() : now) - next > (deadline ? deadline : period);
	}

	line_begin(&line, l.name);
	line_samples(&line, &l, &s);
	line_u64(&line, "missed", missed);
	line_places(&line, &at);
	line_end(&line, l.out);
	return 0;
}
