/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Service levels: the profile's `slo`, on vital signs and on figures that applications report. Memory is
 * bounded: only names that the profile lists are taken. No clock and no kernel here.
 */
#ifndef HOMEOSTAT_SLO_H
#define HOMEOSTAT_SLO_H

#include <sys/types.h>

#include "profile.h"

#define SLO_FRESH_NS 5000000000ULL /* what is older is absent */

struct slo_state {
	__u64 value;
	__u64 at_ns; /* when it was measured or reported; 0 = never */
	uid_t uid;   /* who reported it last */
	pid_t pid;
	__u64 above_ns; /* since when it has been above its limit while armed; 0 = it is not */
	bool present;
};

struct slo {
	struct slo_state state[PROFILE_SLOS_MAX]; /* as profile->slo */
	int missed; /* which one slo_look() found missed last, -1 = none */
};

/* Another profile: nothing was reported under its names yet. */
void slo_set(struct slo *slo);

/* An application's figure, and who says so. */
struct slo_figure {
	const char *name;
	__u64 value;
	uid_t uid;
	pid_t pid;
};

/*
 * Takes a figure. Who has reported it goes on alone, but for root, until it is absent: nobody speaks
 * in another's name. 0: taken; 1: taken, and the first of this uid after another's, or of all;
 * -ENOENT: the profile lists no such name; -EBUSY: it is another uid's.
 */
int slo_report(struct slo *slo, const struct profile *profile, const struct slo_figure *figure,
	       __u64 now_ns);

/*
 * One look, about once a second. Returns the index of a level that has been missed for its time (the first
 * of them), or -1. Missed is what is above at every look of that time; absent is not above.
 */
int slo_look(struct slo *slo, const struct profile *profile,
	     const struct hs_vital vitals[HS_VITAL_NR], bool armed, __u64 now_ns);

#endif
