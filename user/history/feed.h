/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Inside the history: the last five minutes of all vital signs, in memory. Its size is bounded by the number of vital signs. */
#ifndef HOMEOSTAT_FEED_H
#define HOMEOSTAT_FEED_H

#include <sqlite3.h>

#include "history.h"

#define FEED_RING 320	 /* samples that are kept: five minutes, and what a spike is judged by */
#define FEED_MINUTES 5	 /* minutes that may wait to be written */
#define FEED_SPIKES 16	 /* spikes that may */
#define FEED_AROUND 9	 /* vital signs that are kept with a spike, itself among them */
#define FEED_SIDE 5	 /* samples before and after it */
#define FEED_LEARN 30	 /* samples that it takes to say what is usual */
#define FEED_FLUSH_S 10	 /* how often raw values are written */
#define FEED_QUIET_S 300 /* after a spike, of the same vital sign */
#define FEED_GAP_S 300	 /* without samples: what was usual before is no measure any more */

struct feed_vital {
	char name[64], unit[16];
	sqlite3_int64 id;	       /* in the database; 0: not known yet */
	__u64 value[FEED_RING];	       /* AGGREGATE_ABSENT where it was */
	__u64 ewma, peak, peak_before; /* as the daemon says; peak is since its start */
	struct aggregate minute[FEED_MINUTES];
	__u64 spike_s; /* its last one */
};

/* What was usual, and what was around a moment; AGGREGATE_ABSENT where it was absent. */
struct feed_side {
	size_t vital;
	__u64 average, before, at, after;
};

struct feed_spike {
	__u64 at_s, value, average, deviation;
	size_t vital;
	struct feed_side around[FEED_AROUND];
	unsigned int around_nr;
};

struct feed {
	struct history *h;
	struct feed_vital **vital;
	size_t vitals_nr;
	__u64 at_s[FEED_RING]; /* of sample n: [n % FEED_RING] */
	__u64 next;	       /* number of the next sample */
	__u64 first;	       /* the first one since the last gap */
	__u64 minute_first;    /* the first one of the minute that is under way */
	__u64 written;	       /* those below are in the database */
	__u64 written_s;
	__u64 minute_s[FEED_MINUTES]; /* minutes that wait to be written, oldest first */
	unsigned int minutes_nr;
	__u64 hour_next_s; /* the next hour to be made; 0: not known yet */
	__u64 retained_s;
	struct feed_spike spike[FEED_SPIKES];
	unsigned int spikes_nr;
};

static inline __u64 *feed_slot(struct feed_vital *v, __u64 n)
{
	return &v->value[n % FEED_RING];
}

/* spike.c: looks whether the sample FEED_SIDE before the newest one is a spike of some vital sign, and notes it. */
void feed_spikes(struct feed *f);

#endif
