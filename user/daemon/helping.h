/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * "Am I helping?" What we do to the host is compared with what stock does, and who is worse leaves. No
 * clock, no file, no kernel here: helping_look() takes one look a second and says what is to be done.
 *
 * Compared are the 99th percentiles of the run-queue wait of critical and of normal tasks; batch pays by
 * design. A single value proves nothing, and noise is given the benefit of the doubt on both sides: what
 * seven of ten looks at us exceed, against what seven of ten looks at stock do not. Worse is what is more
 * than stock by the profile's margin *and* by a floor: for critical
 * tasks a tick (4 ms), for normal ones what the profile says, as its slices are its own choice.
 *
 * Baselines. Whenever the gate is shut, what stock gives is kept, per bucket of load: how busy the CPUs are
 * and, once they are, how many tasks want them. They are for an hour what suspicion is measured by. What was
 * seen in passing may have been another load of the same bucket: beyond the floor, only what a look from among
 * us has seen clears us.
 *
 * Suspicion is no proof: load changes, no bucket knows of what it is made, and in many hours some look bad
 * by chance. So we leave and look at stock for the profile's time, under the load of now. Is it no better,
 * the bucket has a new baseline and we arm again. Is it better than the worse ones of our looks, we arm
 * again, too, and are judged by five looks or more: are all of them worse than what was seen just now (from the
 * tenth on eight of ten), then it is harm; are four of five no worse, then it is none. In between more looks
 * decide, up to fifteen: a look sees only what waited in the last window, and some good ones among bad ones
 * clear nobody.
 * Looks under a load much lighter than that before the change do not count (light load is always better),
 * and without enough of the others there is no verdict. Suspicion that came to nothing is not followed for
 * a minute, then two, four … per bucket.
 *
 * Worked example (for: 10s, observe: 5s): critical tasks waited 0.7 ms under stock, wait 150 ms now. 11 s
 * after the arming suspicion is complete, 6 s later stock has shown 0.7 ms again, 6 s later we have shown
 * 150 ms again: tripped, reason harm, after 23 s.
 *
 * Classes. Under stock a class is a label only, and a task may bear another one there than under us. Tasks
 * that we do not count as critical, though stock's look did, wait as normal: so normal tasks may wait
 * as long as the worse of stock's two classes.
 *
 * Known limit: a harm that shows only while many short tasks are held up makes the load itself look
 * heavier than stock's (more than three times as many want to run): such a look is inconclusive.
 */
#ifndef HOMEOSTAT_HELPING_H
#define HOMEOSTAT_HELPING_H

#include "profile.h"

enum helping_sign {
	HELPING_CRITICAL, /* sched.wait.critical.p99_ns */
	HELPING_NORMAL,	  /* sched.wait.normal.p99_ns */
	HELPING_SIGNS
};

#define HELPING_BUCKETS 16
#define HELPING_LOOKS 60 /* of one series; a longer time takes every second look, third … */

struct helping_load {
	__u64 running;	     /* tasks that run or want to, all CPUs, without us */
	__u64 busy_permille; /* of all CPUs, since the last look */
	__u64 switches_hz;
};

/* What one look sees, or a series. */
struct helping_figure {
	bool present[HELPING_SIGNS];
	__u64 wait_ns[HELPING_SIGNS];
	struct helping_load load; /* medians, always */
};

struct helping_baseline {
	struct helping_figure stock;
	__u64 at_ns;	   /* when it was last observed, 0 = never */
	bool looked;	   /* by a look from among us, not in passing */
	__u64 next_ns;	   /* no look at stock for this bucket before */
	__u64 back_off_ns; /* what it then was */
};

enum helping_order {
	HELPING_STAY,  /* nothing is to be done */
	HELPING_ARM,   /* stock has been looked at: arm (again) */
	HELPING_LEAVE, /* disarm, so that stock can be looked at */
	HELPING_TRIP,  /* armed and harmful: trip, see helping.doubt */
};

/* X(ID, name, meaning) */
#define HELPING_VERDICTS(X)                                                                        \
	X(OFF, "off", "the profile's margin is 0: never looked at")                                \
	X(STOCK, "stock", "the gate is shut: what stock gives is being learnt")                    \
	X(SOON, "soon", "armed for too short a time to say")                                       \
	X(FINE, "fine", "no worse than stock, as far as it is known")                              \
	X(UNKNOWN, "unknown", "stock was not yet seen: it is looked at as soon as that is due")    \
	X(WORSE, "worse", "worse than stock was: stock is looked at as soon as that is due")       \
	X(LOOKING, "looking", "left for a moment, to look at stock under the present load")        \
	X(PROVING, "proving", "stock was better: are we worse again?")                             \
	X(HARM, "harm", "worse than stock under the same load: tripped")
enum helping_verdict {
#define X(id, ...) HELPING_##id,
	HELPING_VERDICTS(X)
#undef X
	HELPING_VERDICT_NR
};

enum helping_phase {
	PHASE_REST,  /* gate shut, nothing planned */
	PHASE_FIRST, /* gate shut, to be armed when stock has been observed */
	PHASE_ARMED, /* being judged */
	PHASE_LOOK,  /* gate shut for a look at stock */
	PHASE_BACK,  /* the look is over, to be armed for the proof */
	PHASE_PROOF, /* armed, for the proof */
};

struct helping_harm {
	enum helping_sign sign;
	__u64 value;
	__u64 limit; /* what stock gave, with margin */
};

struct helping {
	struct profile_helping rule;
	__u64 floor_ns[HELPING_SIGNS];
	enum helping_phase phase;
	enum helping_verdict verdict;
	struct helping_figure look[HELPING_LOOKS]; /* the present series, a ring */
	__u32 nr;				   /* how many were ever put into it */
	__u32 seen;				   /* looks since the series began */
	struct helping_figure ours;		   /* what was judged last: most looks exceed it */
	struct helping_figure worst;		   /* of the same looks: most do not exceed it */
	bool judged;				   /* `ours` is of this arming */
	bool proof;				   /* stock was better: arm for the proof */
	int suspect;				   /* bucket under suspicion */
	int against;		   /* bucket whose baseline they were compared with, -1 = none */
	__u64 look_next_ns;	   /* no look at stock before, for whatever bucket */
	__u64 looks;		   /* at stock, since the start */
	__u64 acquitted;	   /* of these, without harm */
	__u64 undecided;	   /* of these, without a verdict */
	struct helping_harm doubt; /* what raised suspicion or, with verdict HARM, was harm */
	struct helping_baseline base[HELPING_BUCKETS];
};

/*
 * Takes over what a profile says. Baselines stay (stock knows of no profile); what is being judged is
 * judged from now on.
 */
void helping_set(struct helping *h, const struct profile *profile);

/* The next arming waits until stock has been observed. Only where something is to be looked at: else false. */
bool helping_first(struct helping *h);

/* Nothing is planned any more: somebody disarmed or tripped, or could not arm. True: something was. */
bool helping_rest(struct helping *h);

/* One look, about once a second. */
enum helping_order helping_look(struct helping *h, const struct helping_figure *look, bool armed,
				__u64 now_ns);

/* The longest that stock let tasks of `sign` wait in any bucket that is known; 0 = not known. */
__u64 helping_stock(const struct helping *h, enum helping_sign sign, __u64 now_ns);

/* What tasks of `sign` waited under stock in the bucket that we were compared with; 0 = not known. */
__u64 helping_against(const struct helping *h, enum helping_sign sign);

/* The longest that we may make tasks of `sign` wait where stock makes them wait `stock`. */
__u64 helping_limit(const struct helping *h, __u64 stock, enum helping_sign sign);

/* Bucket of a load, 0 … HELPING_BUCKETS - 1, the heavier the higher. */
int helping_bucket(const struct helping_load *load);

extern const struct name_text {
	const char *name;
	const char *meaning;
} helping_verdicts[HELPING_VERDICT_NR];

/* The vital sign that is compared. */
static inline enum hs_vital_id helping_vital(enum helping_sign sign)
{
	return sign == HELPING_CRITICAL ? HS_VITAL_WAIT_CRITICAL_P99 : HS_VITAL_WAIT_NORMAL_P99;
}

#endif
