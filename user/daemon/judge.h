/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What helping.h and slo.h decide, carried out: arming, leaving, tripping, and saying so. */
#ifndef HOMEOSTAT_JUDGE_H
#define HOMEOSTAT_JUDGE_H

#include "helping.h"
#include "slo.h"
#include "slow.h"

struct homeostatd;
struct json_object;

struct judge {
	struct helping helping;
	struct slo slo;
	struct slow_load load;
};

/* Another profile is in force. */
void judge_set(struct homeostatd *d);

/* The next set_mode() to act does not arm: the first arming waits until stock was observed. */
void judge_first(struct homeostatd *d);

/* Is an arming under way that set_mode() is to leave alone? */
bool judge_waits(const struct homeostatd *d);

/* Is the gate shut for a look at stock only? */
bool judge_looks(const struct homeostatd *d);

/* A person decides: nothing that was planned is done any more. True: something was. */
bool judge_rest(struct homeostatd *d);

/* Once a second, after the vital signs were read. */
void judge_tick(struct homeostatd *d);

/* Whose figure the last trip was about: the level of a report; NULL: it was about none. */
const struct profile_slo *judge_reported(const struct homeostatd *d,
					 const struct slo_state **state);

/* Members `helping` and `slo` of the status. */
void judge_json(const struct homeostatd *d, struct json_object *reply);

#endif
