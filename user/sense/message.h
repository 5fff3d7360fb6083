/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the daemon and homeostat-sense say to each other: over a SOCK_SEQPACKET, in messages of fixed size.
 *
 *	daemon ───── request: these sensors ────▶ homeostat-sense
 *	       ◀──── for each of them a reading ──
 *
 * The daemon asks again only when all of them have answered: nothing ever piles up, and it knows which one hangs.
 */
#ifndef HOMEOSTAT_SENSE_MESSAGE_H
#define HOMEOSTAT_SENSE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"

#define SENSE_SENSORS 11
#define SENSE_VALUES 8 /* vital signs of one sensor at most */
#define SENSE_FIRST HS_VITAL_CPU_BUSY
#define SENSE_LAST                                                                                 \
	HS_VITAL_IB_DOWN /* HS_MACHINE_VITALS are from the first to the last, and no other is in a message */

struct sense;

/* Its vital signs are those from @first to @last of enum hs_vital_id. */
struct slow_sensor {
	const char *name;
	__u32 period_s;
	enum hs_vital_id first, last;
	/* Enters what there is. 0; negative errno: no news this time, what is there stays until it is stale. */
	int (*read)(struct sense *s);
};

/* In the order in which they are read: energy comes after what it is made of. */
extern const struct slow_sensor sense_sensors[SENSE_SENSORS];

struct sense_request {
	__u32 sensors;	    /* bit = row of sense_sensors[]; one at least */
	__u32 whole;	    /* 1 = `instructions` is of all CPUs that are online */
	__u64 instructions; /* of programs, as the processors' counters have counted so far (pmu.h) */
};

struct sense_reading {
	__u32 sensor;	   /* row of sense_sensors[] */
	__s32 err;	   /* what its read() gave */
	__u32 present;	   /* bit i = its vital sign i was measured … */
	__u32 estimated;   /* … and is an estimate */
	__u64 measured_ns; /* CLOCK_MONOTONIC */
	__u64 took_ns;
	__u64 value[SENSE_VALUES]; /* where it was measured */
};

/* Is it a request that can be done: complete, and of sensors that there are? Pure. */
bool sense_request_ok(const void *message, size_t size);

/* homeostat-sense as a process; @ctx is the root that it reads below. */
extern const struct child_role sense_role;

#endif
