// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* lib/hist.h, the same code that runs in BPF, over its whole range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/hist.h"

/* The definition, with a real logarithm. */
static __u32 index_by_definition(__u64 ns)
{
	__u64 v = ns >> 4;
	__u32 e;

	if (v < 4)
		return v;
	if (v >= 1ULL << 32)
		return HIST_TOP;
	e = 63 - __builtin_clzll(v);
	return 4 * (e - 1) + ((v >> (e - 2)) & 3);
}

static void test_index(void **state)
{
	(void)state;
	for (__u64 ns = 0; ns < 1 << 22; ns++)
		assert_int_equal(hist_index(ns), index_by_definition(ns));
	/* the corners of each octave above */
	for (unsigned e = 22; e < 64; e++) {
		for (int d = -17; d <= 17; d++) {
			for (unsigned q = 4; q < 8; q++) {
				__u64 ns = ((__u64)q << (e - 2)) + d;

				assert_int_equal(hist_index(ns), index_by_definition(ns));
			}
		}
	}
	assert_int_equal(hist_index(~0ULL), HIST_TOP);
	assert_true(HIST_TOP < HS_HIST_BUCKETS);
}

static void test_buckets_join(void **state)
{
	(void)state;
	assert_int_equal(hist_low(0), 0);
	for (__u32 i = 0; i <= HIST_TOP; i++) {
		assert_int_equal(hist_index(hist_low(i)), i);
		assert_int_equal(hist_index(hist_high(i) - 1), i);
		assert_int_equal(hist_high(i), hist_low(i + 1));
		/* four per octave: no wider than a quarter of its lower end */
		if (i >= 4)
			assert_true(hist_high(i) - hist_low(i) <= hist_low(i) / 4);
	}
	assert_true(hist_low(4) == 64 && hist_high(HIST_TOP) > 8000000000ULL);
}

static void test_bits(void **state)
{
	__u64 used[2];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(hist_lowest(1ULL << i), i);
		assert_int_equal(hist_lowest(~0ULL << i), i);
	}
	for (__u32 i = 0; i < 128; i++) {
		used[0] = i < 64 ? 1ULL << i : 0;
		used[1] = i < 64 ? 0 : 1ULL << (i - 64);
		for (__u32 from = 0; from <= 128; from++)
			assert_int_equal(!!hist_any_from(used, from), i >= from);
	}
}

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* As the pulse drives it. */
static void walk(const __u32 *count, const __u64 *used, __u64 n, struct hist_walk *w)
{
	__u32 i, steps = 0;

	hist_walk_start(w, used, n);
	while ((i = hist_walk_next(w)) < HS_HIST_BUCKETS) {
		assert_true(++steps <= HS_HIST_BUCKETS);
		hist_walk_count(w, i, count[i]);
	}
}

static void check_quantiles(__u64 *sample, __u32 n)
{
	__u32 count[HS_HIST_BUCKETS] = {};
	__u64 used[HS_HIST_BUCKETS / 64] = {};
	struct hist_walk q = {};
	const __u32 permille[] = {500, 950, 990};
	__u64 got[3];

	for (__u32 i = 0; i < n; i++) {
		__u32 b = hist_index(sample[i]);

		count[b]++;
		used[b / 64] |= 1ULL << (b % 64);
	}
	qsort(sample, n, sizeof(*sample), by_value);
	walk(count, used, n, &q);
	assert_int_equal(q.before, n);
	got[0] = q.p50;
	got[1] = q.p95;
	got[2] = q.p99;
	for (int k = 0; k < 3; k++) {
		__u64 exact = sample[(n * permille[k] + 999) / 1000 - 1];

		/* in the bucket of the exact one */
		assert_int_equal(hist_index(got[k]), hist_index(exact));
	}
	assert_true(q.p50 <= q.p95 && q.p95 <= q.p99);
}

static void test_quantiles(void **state)
{
	static __u64 sample[5000];
	__u32 seed = 7;

	(void)state;
	for (__u32 n = 1; n < 5000; n += n < 300 ? 1 : 97) {
		for (__u32 i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			/* every octave from 1 ns to 4 s */
			sample[i] = (seed >> 7) >> (seed % 25) << (seed % 8);
		}
		check_quantiles(sample, n);
	}
}

static void test_interpolation(void **state)
{
	__u32 count[HS_HIST_BUCKETS] = {};
	__u64 used[HS_HIST_BUCKETS / 64] = {};
	struct hist_walk q = {};
	__u32 i = hist_index(1 << 20);

	(void)state;
	count[i] = 1000;
	used[i / 64] = 1ULL << (i % 64);
	walk(count, used, 1000, &q);
	/* spread evenly: the middle, 95 and 99 hundredths of the bucket, half a sample less */
	assert_in_range(q.p50, (1 << 20) + 262144 / 100 * 49, (1 << 20) + 262144 / 100 * 51);
	assert_in_range(q.p95, (1 << 20) + 262144 / 100 * 94, (1 << 20) + 262144 / 100 * 96);
	assert_in_range(q.p99, (1 << 20) + 262144 / 100 * 98, (1 << 20) + 262144 / 100 * 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),	      cmocka_unit_test(test_buckets_join),
		cmocka_unit_test(test_bits),	      cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_interpolation),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
