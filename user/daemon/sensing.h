/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The daemon's side of homeostat-sense, the process that reads slow vital signs of the machine (user/sense/sense.h): when each sensor is
 * read, and what is made of what it says. None takes more than 1 % of the time: one that took 50 ms is read each 5 s, whatever
 * its period.
 *
 * A vital sign that is there and is not measured for three periods, or for 300 s, is stale: it becomes absent, and that is an event;
 * whether its sensor has no news, homeostat-sense hangs in another one, or is dead. It cannot be started again, as by then the daemon
 * may start nothing.
 */
#ifndef HOMEOSTAT_SENSING_H
#define HOMEOSTAT_SENSING_H

#include <sched.h>

#include "child.h"
#include "sense/message.h"

#define SENSING_SHARE 100 /* a sensor is read in one of so many parts of the time at most */
#define SENSING_STALE_NS 300000000000ULL /* nothing is news for longer */
#define SENSING_HANG_NS 2000000000ULL	 /* a reading that takes longer is spoken of */

struct json_object;
struct pmu;

struct sensing_turn {
	__u64 due_ns;
	__u64 interval_ns; /* the period, or more where reading takes long */
};

struct sensing {
	struct child child;   /* homeostat-sense */
	__u64 (*clock)(void); /* CLOCK_MONOTONIC, ns */
	char why[160];	      /* why there is none; "" = there is */
	__u32 asked;	      /* bit = sensor that it was asked to read, and has not read yet */
	__u64 asked_ns;	      /* when that was, or since then one was read */
	bool hangs;	      /* it has been asked for too long; said once */
	__u64 tick_ns;	      /* of the request */
	struct sensing_turn turn[SENSE_SENSORS];
};

/* Prepares it, without a process. */
void sensing_open(struct sensing *s);

/*
 * The same, and starts homeostat-sense, which reads below @root. To be called first of all, so that it has no part in what is opened, mapped and locked
 * later. 0, or negative errno: the slow vital signs of the machine will be absent.
 */
int sensing_start(struct sensing *s, const char *root);

/* Told of each vital sign that is stale, and how long ago it was measured. */
typedef void (*sensing_stale)(void *ctx, __u32 vital, __u64 age_ns);

/*
 * Once a second: has what is stale become absent, with one warning in the log for each sensor, or one for all of them where
 * homeostat-sense hangs or is dead, and a call of @stale (NULL: nobody) for each vital sign; then asks for what is due. @vitals:
 * [HS_VITAL_NR]; @pmu: the processors' counters, as work_follow() reads them. Never waits.
 */
void sensing_tick(struct sensing *s, struct hs_vital *vitals, const struct pmu *pmu, __u64 now_ns,
		  sensing_stale stale, void *ctx);

/* Takes what it has read, and notices its death. What makes no sense is its end, too. Never waits. */
void sensing_hear(struct sensing *s, struct hs_vital *vitals);

/* It runs on these CPUs from now on. */
void sensing_move(const struct sensing *s, const cpu_set_t *cpus);

/* Into a reply: member `sensing`. */
void sensing_json(const struct sensing *s, struct json_object *reply, __u64 now_ns);

/* Lets it end. */
void sensing_stop(struct sensing *s);

#endif
