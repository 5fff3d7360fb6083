// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A memory thrasher: touches pages of an area in an order drawn from the seed, and now and then gives a
 * part of it back, so that page faults and reclaim have work. Work = pages touched.
 */
#include "load.h"

static const char usage[] = "Touches memory at random; work = pages.\n"
			    "  -m MIB      area (default 64)\n"
			    "  -f PERCENT  of the touches give 64 pages back first (default 1)\n"
			    "  -s SEED     of the order (default 1)\n";

#define PAGE 4096
#define GIVE (64 * PAGE)

int main(int argc, char **argv)
{
	struct load l = {.name = "thrash", .usage = usage, .seconds = 10};
	uint64_t size = 64ULL << 20, give = 1, seed = 1, begin, end, work = 0, now;
	struct line line;
	struct rng rng;
	char *area;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "m:f:s:")) != -1) {
		switch (c) {
		case 'm':
			size = number(optarg, c, 1, 65536) << 20;
			break;
		case 'f':
			give = number(optarg, c, 0, 100);
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	rng = rng_seed(seed);
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err(1, "%" PRIu64 " MiB", size >> 20);
	begin = now_ns() + l.warmup_s * NS_PER_S;
	end = begin + l.seconds * NS_PER_S;
	while (!load_stop && (now = now_ns()) < end && (!l.count || work < l.count)) {
		uint64_t page = rng_next(&rng) % (size / PAGE);

		if (rng_next(&rng) % 100 < give)
			madvise(area + page / 64 * 64 * PAGE, GIVE, MADV_DONTNEED);
		area[page * PAGE]++;
		work += now >= begin;
	}
	line_begin(&line, l.name);
	line_u64(&line, "work", work);
	line_end(&line, l.out);
	return 0;
}
