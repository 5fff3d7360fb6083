/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What follows a trip once the gate is shut and the scheduler gone: the breaker decides on arming
 * again, the recorder keeps what led to it, the scribe writes the record, and the log says all of it.
 * Nothing here waits for a disk.
 */
#ifndef HOMEOSTAT_AFTERMATH_H
#define HOMEOSTAT_AFTERMATH_H

#include <stdbool.h>
#include <stddef.h>

#include "breaker.h"
#include "recorder.h"
#include "scribe.h"
#include "undo.h"

struct homeostatd;
struct json_object;

struct aftermath {
	struct breaker *breaker; /* never NULL between _open and _close; so is: */
	struct recorder *recorder;
	struct child scribe;
	struct recorder_undone undone;
	bool due;	/* to be armed again of our own accord */
	__u32 by_hand;	/* gate.by_hand as it was when we last looked */
	__u64 retry_ns; /* an arming of our own accord was refused: not before this */
	__u64 died_ns; /* found at the start: the last daemon died while it acted; 0 = it did not */
};

/*
 * Opens breaker and recorder in the runtime directory, before anything is loaded. 0, or negative errno
 * after a line in the log: no memory.
 */
int aftermath_open(struct homeostatd *d, int run_fd);

/*
 * What an earlier daemon left has been undone: finds out whether it died while it acted, has that
 * counted, and starts the scribe, which writes it up. A state directory that is of no use is a warning:
 * no records then. Before there are threads.
 */
void aftermath_begin(struct homeostatd *d, const struct profile_trip *policy);
void aftermath_close(struct homeostatd *d);

/* Somebody asked it to end: the next start does as its mode says, unless held. */
void aftermath_asked(struct homeostatd *d);

/* Another profile is in force: its hook is the one to run. */
void aftermath_profile(struct homeostatd *d);

/* Before the gate is opened; and where it was shut in good order. */
void aftermath_arming(struct homeostatd *d);
void aftermath_disarmed(struct homeostatd *d);

/* It was opened, but nothing came of it: a trip meanwhile, but by a person, is one like any other. */
void aftermath_not_armed(struct homeostatd *d);

/* A value that was put back (or not): belongs to the trip that is entered next. */
void aftermath_undone(struct homeostatd *d, const struct undo_entry *entry,
		      enum undo_outcome outcome);

/* The gate was shut, by whomever, and everything is stock: counts, records, runs the hook. */
void aftermath_tripped(struct homeostatd *d);

/* Does an earlier trip speak against arming? 0, -EAGAIN (later) or -EPERM (a person has to), and why. */
int aftermath_refuse(struct homeostatd *d, char *why, size_t size);

/* Once a second: a sample, and arming again when it is time. */
void aftermath_tick(struct homeostatd *d);

/* A person wants it stock: nothing is armed again but by a person. Before it is disarmed: it may die. */
void aftermath_latch(struct homeostatd *d);

/* A person arms: what stood against it is forgotten, unless it is held and that is not meant. */
void aftermath_by_hand(struct homeostatd *d, bool also_held);

/* Adds `rearm` and `incidents` to the reply to `status`. */
void aftermath_status(struct homeostatd *d, struct json_object *reply);

/* "trip 2 of 3 within …: it arms again in 30 s", or "". Returns buf. */
const char *aftermath_text(struct homeostatd *d, char *buf, size_t size);

#endif
