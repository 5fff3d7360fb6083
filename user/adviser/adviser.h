/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Between the daemon and the engine: asks for vital signs, reads present values, sends proposals, hears what became of them. */
#ifndef HOMEOSTAT_ADVISER_H
#define HOMEOSTAT_ADVISER_H

#include <stdio.h>

#include "control.h"
#include "places.h"
#include "rules.h"

#define ADVISER_STALE_NS 10000000000ULL /* an older vital sign is taken for absent */
#define ADVISER_SOON 120 /* steps in which a change that is watched comes to its end */
#define ADVISER_LATER 10 /* then it waits for a person or a time of day: every so many steps */
#define ADVISER_CHANGES_MAX 1024 /* files of changes that are looked at, the newest */

struct adviser {
	const char *socket, *root; /* root: of /proc and /sys; NULL or "" = the real ones */
	FILE *dry;		 /* write proposals here, a line each, and send none; NULL = send */
	struct rules rules;	 /* from rules_init() */
	struct control *control; /* NULL = not connected */
	bool gone;		 /* that has been said */
	struct places places;	 /* what values are found out by, while a rule asks */
	unsigned int waited;	 /* steps for which something has been under way */
	struct rules_change change[ADVISER_CHANGES_MAX];
	struct rules_ask asks[RULES_ASKS_MAX]; /* of one step */
};

/* Has the rules ask this adviser what they find out from the machine. After rules_init(). */
void adviser_init(struct adviser *adviser);

/*
 * One step, once a second: connects if need be, hears, decides, proposes. Waits for the daemon 5 s at most for each request. 0;
 * negative errno: the daemon cannot be asked now, which is logged when it begins and when it ends.
 */
int adviser_step(struct adviser *adviser, __u64 now_ns);

/* Reads what is below the root now, for the next round of its rules. */
void adviser_read(struct adviser *adviser, __u64 now_ns);

/*
 * Looks once, and writes to adviser->dry what would be proposed if all stayed as it is now: each rule once at most. 0 or negative
 * errno.
 */
int adviser_once(struct adviser *adviser, __u64 now_ns);

/* Closes the connection. NULL-safe in what it closes. */
void adviser_close(struct adviser *adviser);

#endif
