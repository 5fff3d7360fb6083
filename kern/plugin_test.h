/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * For the test of a policy: `homeostat policy build --test FILE.bpf.c` compiles FILE.test.c, which includes FILE.bpf.c and then
 * this, for the host, and runs it. There homeostat_reflex() is a plain function. Helpers of the kernel are not there.
 */
#ifndef HOMEOSTAT_PLUGIN_TEST_H
#define HOMEOSTAT_PLUGIN_TEST_H

#include <stdio.h>

#include "plugin.h"

static int test_failed, test_nr;

static inline void test_is_(const char *file, int line, const char *text, __u64 is, __u64 want)
{
	test_nr++;
	if (is == want)
		return;
	test_failed++;
	fprintf(stderr, "%s:%d: %s is %llu, not %llu\n", file, line, text, is, want);
}

/* Is it what it should be? Goes on where it is not. */
#define test_is(is, want) test_is_(__FILE__, __LINE__, #is, (__u64)(is), (__u64)(want))

/* Says how it was; to be returned from main(). */
static inline int test_end(void)
{
	printf("%d of %d as expected\n", test_nr - test_failed, test_nr);
	return test_failed || !test_nr;
}

/* All knobs at stock, with the widest bounds that a profile can give them. */
static inline void test_knobs(struct homeostat_knobs *knobs)
{
#define X(id, name, unit, stock_, min_, max_, ...)                                                 \
	knobs->value[HS_KNOB_##id] = knobs->stock[HS_KNOB_##id] = (stock_);                        \
	knobs->min[HS_KNOB_##id] = (min_);                                                         \
	knobs->max[HS_KNOB_##id] = (max_);
	HS_KNOBS (X)
#undef X
}

/* A vital sign, measured just now. */
#define test_vital(vitals, ID, value_, now_ns)                                                     \
	((vitals)->v[HS_VITAL_##ID] = (struct hs_vital){                                           \
		 .value = (value_),                                                                \
		 .ewma = (value_),                                                                 \
		 .peak = (value_),                                                                 \
		 .present = 1,                                                                     \
		 .updated_ns = (now_ns),                                                           \
	 })

#endif
