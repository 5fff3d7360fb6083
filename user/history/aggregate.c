// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include <stdlib.h>

#include "aggregate.h"

typedef unsigned __int128 u128;

static __u64 fit(u128 value)
{
	return value > AGGREGATE_VALUE_MAX ? AGGREGATE_VALUE_MAX : (__u64)value;
}

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that so many permille of all do not exceed. */
static __u64 nearest_rank(const __u64 *sorted, __u64 nr, unsigned int permille)
{
	__u64 rank = (nr * permille + 999) / 1000;

	return sorted[rank ? rank - 1 : 0];
}

struct aggregate aggregate_samples(__u64 *value, size_t nr)
{
	struct aggregate a = {.samples = nr};
	u128 sum = 0, squares = 0, rest = 0;

	/* what is absent is the largest number there is: it goes to the end */
	qsort(value, nr, sizeof(*value), by_value);
	while (a.present < nr && value[a.present] != AGGREGATE_ABSENT) {
		value[a.present] = fit(value[a.present]);
		sum += value[a.present++];
	}
	if (!a.present)
		return a;
	a.min = value[0];
	a.max = a.peak = value[a.present - 1];
	a.mean = a.ewma = (__u64)((sum + a.present / 2) / a.present);
	for (size_t i = 0; i < a.present; i++) {
		u128 off = value[i] > a.mean ? value[i] - a.mean : a.mean - value[i];

		/* a share at a time: the sum of squares might not fit */
		squares += off * off / a.present;
		rest += off * off % a.present;
	}
	a.variance = fit(squares + rest / a.present);
	a.p50 = nearest_rank(value, a.present, 500);
	a.p95 = nearest_rank(value, a.present, 950);
	a.p99 = nearest_rank(value, a.present, 990);
	return a;
}

/* How much of a part between two points lies at or below a value, of `weight`. */
static u128 below(__u64 from, __u64 to, __u64 value, u128 weight)
{
	if (value >= to)
		return weight;
	return value < from ? 0 : weight * (value - from) / (to - from);
}

/* How many samples are at or below a value, × 1000. */
static u128 count_below(const struct aggregate *s, __u64 value)
{
	u128 n = s->present;

	return below(s->min, s->p50, value, n * 500) + below(s->p50, s->p95, value, n * 450) +
	       below(s->p95, s->p99, value, n * 40) + below(s->p99, s->max, value, n * 10);
}

/* The smallest value that so many permille of all samples do not exceed, found by halving. */
static __u64 quantile(const struct aggregate *span, size_t nr, const struct aggregate *of,
		      unsigned int permille)
{
	__u64 low = of->min, high = of->max;
	u128 want = (u128)of->present * permille;

	while (low < high) {
		__u64 middle = low + (high - low) / 2;
		u128 have = 0;

		for (size_t i = 0; i < nr; i++)
			if (span[i].present)
				have += count_below(&span[i], middle);
		if (have < want)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct aggregate aggregate_merge(const struct aggregate *span, size_t nr)
{
	struct aggregate a = {.min = AGGREGATE_VALUE_MAX};
	u128 sum = 0, squares = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct aggregate *s = &span[i];

		a.samples += s->samples;
		if (!s->present)
			continue;
		a.present += s->present;
		a.min = s->min < a.min ? s->min : a.min;
		a.max = s->max > a.max ? s->max : a.max;
		a.peak = s->peak > a.peak ? s->peak : a.peak;
		a.ewma = s->ewma;
		sum += (u128)s->mean * s->present;
	}
	if (!a.present)
		return (struct aggregate){.samples = a.samples};
	a.mean = (__u64)((sum + a.present / 2) / a.present);
	for (size_t i = 0; i < nr; i++) {
		u128 off = span[i].mean > a.mean ? span[i].mean - a.mean : a.mean - span[i].mean;

		/* within the span, and of the span's mean from that of all; a share at a time */
		if (span[i].present)
			squares += (span[i].variance + off * off) / a.present * span[i].present +
				   (span[i].variance + off * off) % a.present * span[i].present /
					   a.present;
	}
	a.variance = fit(squares);
	a.p50 = quantile(span, nr, &a, 500);
	a.p95 = quantile(span, nr, &a, 950);
	a.p99 = quantile(span, nr, &a, 990);
	return a;
}

__u64 aggregate_root(__u64 value)
{
	__u64 root = 0;

	for (__u64 bit = 1ULL << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= value)
			root += bit;
	return root;
}
