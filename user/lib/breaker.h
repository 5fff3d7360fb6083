/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The stall-loop breaker: after a trip, may the daemon arm again of its own accord, and when? It
 * remembers in a mapped file (mapped.h), so neither SIGKILL nor a restart makes it forget.
 *
 * The rule. A trip by a person (OPERATOR) is undone by a person. After any other the profile's pause
 * passes, twice as long after each trip in the window; after `trips` of them everything stays stock
 * until a person arms. Where the profile states no pause, a person arms, too; but a daemon that died
 * and is started again in mode act does as it is told, as long as the breaker lets it.
 *
 * One writer, the main loop, by single stores (but for breaker_latch()); who dies between two of them has its death counted.
 */
#ifndef HOMEOSTAT_BREAKER_H
#define HOMEOSTAT_BREAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "mapped.h"
#include "profile.h"

#define BREAKER_FILE "breaker"
#define BREAKER_TRIPS PROFILE_TRIPS_MAX

/* The file. Times are CLOCK_MONOTONIC. */
struct breaker {
	struct mapped_head head;
	__u64 trip_ns[BREAKER_TRIPS]; /* the newest is [(nr - 1) % BREAKER_TRIPS] */
	__u32 nr;		      /* trips since a person last armed */
	__u32 last;		      /* enum hs_trip, of the newest */
	__u32 held;		      /* too many: stock until a person says otherwise */
	__u32 latched;		      /* only a person arms again */
	__u32 acting;		      /* the daemon is armed; found at a start: it died so */
	__u32 pad;
};

enum breaker_state {
	BREAKER_FREE,	 /* nothing speaks against arming */
	BREAKER_WAITING, /* until at_ns */
	BREAKER_BY_HAND, /* a person has to arm */
	BREAKER_HELD,	 /* the same, and even a restart does not help */
};

struct breaker_verdict {
	enum breaker_state state;
	__u64 at_ns; /* BREAKER_WAITING: when to arm */
	__u32 trips; /* in the window before the newest one, itself included */
};

/* Maps it (dir_fd: the runtime directory); warns of what was wrong. 0 or negative errno. */
int breaker_open(struct breaker **b, int dir_fd, const char *root);
void breaker_close(struct breaker *b);

/* Enters a trip. SHUTDOWN and NONE are none. */
void breaker_trip(struct breaker *b, const struct profile_trip *policy, enum hs_trip reason,
		  __u64 now_ns);

/* What follows from what is entered. Pure. */
struct breaker_verdict breaker_decide(const struct breaker *b, const struct profile_trip *policy,
				      __u64 now_ns);

/* The gate is about to be opened; it is shut, and all that has to be entered is. */
void breaker_acting(struct breaker *b, bool acting);

/*
 * A person has tripped: only a person arms again. For those who have no breaker open: the file in the
 * directory `dir` is marked, and a daemon that lives sees that at once. 0 or negative errno (-ENOENT: no
 * homeostatd has run since boot).
 */
int breaker_latch(const char *dir);

/* A person armed: counting begins anew. */
void breaker_forgive(struct breaker *b);

/* An orderly end: the next start does as its mode says, unless held. */
void breaker_rest(struct breaker *b);

const char *breaker_state_name(enum breaker_state state);

#endif
