/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Recording decisions: whoever does so tells the pulse that it is there, again and again, reads DECISIONS and writes the log
 * (decision_log.h). One at a time. One that dies is forgotten RECORDING_LEASE_NS later.
 */
#ifndef HOMEOSTAT_RECORDING_H
#define HOMEOSTAT_RECORDING_H

#include <stdbool.h>
#include <stddef.h>

#include "decision_log.h"

#define RECORDING_LEASE_NS 5000000000ULL
#define RECORDING_LOOK_MS 250 /* how often a recorder looks, at least */

struct ring_buffer;

struct recording {
	__u64 records; /* written */
	__u64 bytes;
	__u64 lost; /* records that found no room since it began, and times that none was made; 0 = the log is whole */
	/* private */
	struct hs_decisions *decisions;
	struct ring_buffer *ring;
	int out;
	int err;
	bool begun; /* with a state */
	__u64 lost_first, lapses, seq;
};

/*
 * The maps of the homeostat that runs in this kernel, found by the program of its pulse; needs root. 0 and two descriptors, the
 * caller's; or negative errno and `error`: -ENOENT, there is none; -EEXIST, there are several.
 */
int recording_find(int *decisions_fd, int *ring_fd, char *error, size_t size);

/*
 * Begins, in file @out, which stays the caller's. @all: also the vital signs that nobody reads. 0, or negative errno and
 * `error`; -EBUSY: somebody records already. recording_end() in any case, if *r was zeroed.
 */
int recording_begin(struct recording *r, int decisions_fd, int ring_fd, int out, bool all,
		    const __u8 *manifest, char *error, size_t size);

/* Takes what there is, and is there for another RECORDING_LEASE_NS. 0, or negative errno: it could not be written. */
int recording_look(struct recording *r);

/* Readable when there is much to take; the recording's own. */
int recording_fd(const struct recording *r);

/* Takes the rest, and ends the log. 0 or negative errno; the log is on the disk where it is 0. */
int recording_end(struct recording *r);

#endif
