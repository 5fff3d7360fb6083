/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a change did: the vital signs of the seconds before it against those after. No clock, no file, no kernel here.
 *
 * One sample a second of every vital sign: of a fast one the mean of that second, of all its windows, as a burst may well be over
 * when somebody looks. A span is a run of samples, by their numbers, and its figure is the mean: of rates
 * and waits, some seconds of which are quiet and some are not, the mean of ten says more than the median. Worse is what is
 * above by half *and* by the vital sign's floor; better is what is a tenth nearer to where it was meant to go.
 */
#ifndef HOMEOSTAT_EVIDENCE_H
#define HOMEOSTAT_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../../kern/abi.h"

#define EVIDENCE_SAMPLES 128 /* seconds that are remembered: before and after the longest watch */

struct evidence {
	__u64 value[EVIDENCE_SAMPLES][HS_VITAL_NR];
	bool present[EVIDENCE_SAMPLES][HS_VITAL_NR];
	__u64 nr; /* samples so far: the number of the next one */
	__u64 integral[HS_VITAL_NR], span[HS_VITAL_NR]; /* as of the last one */
};

/* Samples first … last - 1. */
struct evidence_span {
	__u64 first, last;
};

/* What was before a change: the means of then, which outlive the samples. */
struct evidence_means {
	bool known[HS_VITAL_NR];
	__u64 mean[HS_VITAL_NR];
};

/* Takes one. */
void evidence_sample(struct evidence *e, const struct hs_vital vitals[HS_VITAL_NR]);

/* That of the last second, owned by @e; NULL: it was not present. Pure. */
const __u64 *evidence_last(const struct evidence *e, __u32 vital);

/* The mean of a vital sign in a span. False: it was not present in half of it, or that is forgotten. Pure. */
bool evidence_mean(const struct evidence *e, __u32 vital, struct evidence_span span, __u64 *mean);

/* The means of a span. */
void evidence_means(const struct evidence *e, struct evidence_span span,
		    struct evidence_means *means);

/*
 * Is a vital sign of those that no change may make worse worse in @after than @before? What was not known before is no evidence. Which one, with one clause in `why`;
 * HS_VITAL_NR: none. Pure.
 */
__u32 evidence_worse(const struct evidence *e, const struct evidence_means *before,
		     struct evidence_span after, char *why, size_t size);

/* Did a vital sign do what it was meant to? */
enum evidence_effect {
	EFFECT_UNKNOWN, /* it is not there, or there was nothing to cure */
	EFFECT_BETTER,
	EFFECT_NONE,
	EFFECT_WORSE,
};

/* Of one that is to go up, or down; one clause in `why` but for UNKNOWN. Pure. */
enum evidence_effect evidence_effect(const struct evidence *e, __u32 vital, bool up,
				     const struct evidence_means *before,
				     struct evidence_span after, char *why, size_t size);

#endif
