/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The histogram of waits: log2-linear, four buckets per octave, so that a bucket is 1/8 … 1/5 of its
 * value wide. Pure arithmetic, without a BPF helper: the unit tests run the same code on the host.
 *
 * Model. v = ns / 16. Below 4 the bucket is v itself (16 ns each); above, with e = floor(log2 v), it
 * is 4 * (e - 1) + the two bits of v after its leading one:
 *
 *	0 … 63 ns         buckets 0 … 3, 16 ns each
 *	64 … 127 ns       buckets 4 … 7, 16 ns each
 *	128 … 255 ns      buckets 8 … 11, 32 ns each
 *	…
 *	34.4 … 68.7 s     buckets 120 … 123; whatever is longer counts in 123
 *
 * Example: 1000 ns, v = 62 = 0b111110, e = 5, bits "11": bucket 4 * 4 + 3 = 19, which is 896 … 1023 ns.
 *
 * BPF has no instruction for log2. As shifting v by six bits moves the bucket by exactly 4 * 6, a table
 * for one byte and the choice among five shifts do: at most 3 compares, 14 instructions in all.
 */
#ifndef HOMEOSTAT_LIB_HIST_H
#define HOMEOSTAT_LIB_HIST_H

#include "../abi.h"

#define HS_PURE static inline __attribute__((always_inline, unused))
#ifdef __clang__
#define HS_NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define HS_NO_UNROLL
#endif

#define HIST_TOP 123 /* the last bucket in use */

#define HIST_X1(i) i
#define HIST_X2(i) HIST_X1(i), HIST_X1(i)
#define HIST_X4(i) HIST_X2(i), HIST_X2(i)
#define HIST_X8(i) HIST_X4(i), HIST_X4(i)
#define HIST_X16(i) HIST_X8(i), HIST_X8(i)
#define HIST_X32(i) HIST_X16(i), HIST_X16(i)
#define HIST_OCTAVE(x, i) x(i), x((i) + 1), x((i) + 2), x((i) + 3)

static const __u8 hist_table[256] = {
	HIST_OCTAVE(HIST_X1, 0),   HIST_OCTAVE(HIST_X1, 4),  HIST_OCTAVE(HIST_X2, 8),
	HIST_OCTAVE(HIST_X4, 12),  HIST_OCTAVE(HIST_X8, 16), HIST_OCTAVE(HIST_X16, 20),
	HIST_OCTAVE(HIST_X32, 24),
};

/* Position of the lowest bit by a de Bruijn sequence: BPF has no count-trailing-zeros either. */
static const __u8 hist_ctz[64] = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

/* The bucket (0 … HIST_TOP) of a time in nanoseconds. */
HS_PURE __u32 hist_index(__u64 ns)
{
	__u64 v = ns >> 4;
	__u32 shift;

	if (v < 1ULL << 14)
		shift = v < 256 ? 0 : 6;
	else if (v < 1ULL << 26)
		shift = v < 1ULL << 20 ? 12 : 18;
	else if (v < 1ULL << 32)
		shift = 24;
	else
		return HIST_TOP;
	return hist_table[(v >> shift) & 255] + 4 * shift;
}

/* The smallest time in nanoseconds that counts in a bucket (0 … 127). */
HS_PURE __u64 hist_low(__u32 index)
{
	if (index < 4)
		return (__u64)index << 4;
	return (__u64)(4 + (index & 3)) << (index / 4 + 3);
}

/* The smallest time above a bucket, nanoseconds. */
HS_PURE __u64 hist_high(__u32 index)
{
	return hist_low(index + 1);
}

/* Position of the lowest bit that is set (0 … 63); bits must not be 0. */
HS_PURE __u32 hist_lowest(__u64 bits)
{
	__u32 bit = hist_ctz[((bits & -bits) * 0x022fdd63cc95386dULL) >> 58];

	asm("" : "+r"(bit)); /* clang knows the table, the verifier does not: keep the mask */
	return bit & 63;
}

/* Is a bucket from index (0 … 128) on in use? */
HS_PURE int hist_any_from(const __u64 used[HS_HIST_BUCKETS / 64], __u32 index)
{
	if (index < 64)
		return used[0] >> index || used[1];
	return index < 128 && used[1] >> (index - 64);
}

/*
 * The time of the rank-th smallest sample, nanoseconds: `before` samples lie in lower buckets, `here`
 * (> 0) in this one, spread evenly over it.
 */
HS_PURE __u64 hist_inside(__u32 index, __u64 rank, __u64 before, __u64 here)
{
	__u64 low = hist_low(index), width = hist_high(index) - low;

	return low + width * (2 * (rank - before) - 1) / (2 * here);
}

/* The rank (1 … n) of a quantile among n samples, rounded up, as in the nearest-rank definition. */
HS_PURE __u64 hist_rank(__u64 n, __u32 permille)
{
	return (n * permille + 999) / 1000;
}

/*
 * A walk over the buckets in use, lowest first, that finds the quantiles on its way. In BPF it lies
 * in a global and is driven by bpf_loop(), so that the verifier sees one step and not 128.
 */
struct hist_walk {
	__u64 bits[HS_HIST_BUCKETS / 64]; /* buckets still to visit */
	__u64 before;			  /* samples in those visited */
	__u64 r50, r95, r99;		  /* ranks looked for */
	__u64 p50, p95, p99;		  /* quantiles, ns */
};

HS_PURE void hist_walk_start(struct hist_walk *w, const __u64 used[HS_HIST_BUCKETS / 64], __u64 n)
{
	w->bits[0] = used[0];
	w->bits[1] = used[1];
	w->before = 0;
	w->r50 = hist_rank(n, 500);
	w->r95 = hist_rank(n, 950);
	w->r99 = hist_rank(n, 990);
}

/* The next bucket in use (0 … 127), or HS_HIST_BUCKETS where there is no more. */
HS_PURE __u32 hist_walk_next(struct hist_walk *w)
{
	__u64 bits = w->bits[0];

	if (bits) {
		w->bits[0] = bits & (bits - 1);
		return hist_lowest(bits);
	}
	bits = w->bits[1];
	if (!bits)
		return HS_HIST_BUCKETS;
	w->bits[1] = bits & (bits - 1);
	return 64 + hist_lowest(bits);
}

/* Takes in that bucket's samples. Median, 95th and 99th percentile are there after the last one. */
HS_PURE void hist_walk_count(struct hist_walk *w, __u32 index, __u64 here)
{
	__u64 before = w->before, upto = before + here;

	w->before = upto;
	if (upto >= w->r50) {
		w->p50 = hist_inside(index, w->r50, before, here);
		w->r50 = ~0ULL; /* found: out of reach from here on */
	}
	if (upto >= w->r95) {
		w->p95 = hist_inside(index, w->r95, before, here);
		w->r95 = ~0ULL;
	}
	if (upto >= w->r99) {
		w->p99 = hist_inside(index, w->r99, before, here);
		w->r99 = ~0ULL;
	}
}

#endif
