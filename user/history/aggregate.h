/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a span of samples comes to, and what several spans come to together. Integers; pure. */
#ifndef HOMEOSTAT_AGGREGATE_H
#define HOMEOSTAT_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#define AGGREGATE_ABSENT (~0ULL)	       /* in the place of a sample: there was none */
#define AGGREGATE_VALUE_MAX ((__u64)INT64_MAX) /* what SQLite's integers hold */

/*
 * Of one vital sign, in its unit (variance: in its square). X(member): those that a table's columns are made from. `peak` is
 * no less than `max`: it may lie between two samples. `ewma` is the moving average as of the end.
 */
#define AGGREGATE_MEMBERS(X)                                                                       \
	X(samples)                                                                                 \
	X(present)                                                                                 \
	X(min) X(max) X(mean) X(variance) X(p50) X(p95) X(p99) X(peak) X(ewma)

struct aggregate {
#define X(member) __u64 member;
	AGGREGATE_MEMBERS(X)
#undef X
};

/*
 * Of `nr` samples, of which some may be absent; they are sorted. Peak is max and ewma the mean until the caller knows better. Of
 * no sample that is present, all but `samples` is 0.
 */
struct aggregate aggregate_samples(__u64 *value, size_t nr);

/*
 * Of spans, in the order of time. Minimum, maximum, mean and variance are exact (but for rounding); the
 * percentiles are those of a distribution that is even between the points that are known of each span: estimates, and rather too
 * high than too low where a tail begins near them. Spans in which nothing was present only count as samples.
 */
struct aggregate aggregate_merge(const struct aggregate *span, size_t nr);

/* The largest number whose square is not larger. */
__u64 aggregate_root(__u64 value);

#endif
