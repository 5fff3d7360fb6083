// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "scribe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "incident.h"
#include "log.h"
#include "names.h"
#include "privileges.h"

#define STOP_MS 1000

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

static void write_one(struct recorder *shared, const struct recorder *copy,
		      const struct recorder_span *span, const struct recorder_trip *trip,
		      int dir_fd)
{
	struct json_object *record = incident_json(copy, span, trip);
	char name[INCIDENT_NAME_LEN] = "";
	int err = incident_write(dir_fd, record, trip, name);

	json_object_put(record);
	if (err) {
		store(&shared->failed, shared->failed + 1);
		log_warn("no record of this trip (%s) was written: %s", trip_name(trip->reason),
			 strerror(-err));
	} else {
		log_info("record of the trip: %s", name);
	}
}

void scribe_write(struct recorder *shared, int dir_fd)
{
	struct recorder *copy = malloc(sizeof(*copy));
	struct recorder_span span;
	int err;

	if (!copy) {
		log_warn("no memory for the record of a trip");
		return;
	}
	span = recorder_copy(copy, shared);
	if (copy->written < span.trip) /* too many at once: the oldest are overwritten */
		copy->written = span.trip;
	for (; copy->written < copy->trips; copy->written++) {
		write_one(shared, copy, &span, &copy->trip[copy->written % NR(copy->trip)], dir_fd);
		store(&shared->written, copy->written + 1);
	}
	free(copy);
	err = incident_prune(dir_fd);
	if (err)
		log_warn("old incident records could not be removed: %s", strerror(-err));
}

/* CHILD_OTHER_FD: where records go. */
static void be_the_scribe(void *shared)
{
	char woken[64];
	ssize_t n;

	do {
		scribe_write(shared, CHILD_OTHER_FD);
		n = read(CHILD_FD, woken, sizeof(woken));
	} while (n > 0 || (n < 0 && errno == EINTR));
	scribe_write(shared, CHILD_OTHER_FD);
}

/*
 * It writes to one directory, which is its user's; for that no privilege is needed. What the daemon may, and has to, is more than
 * enough here.
 */
static const struct child_role role = {
	.name = "homeostat-scrib",
	.type = SOCK_STREAM,
	.filter = privileges_filter,
	.live = be_the_scribe,
};

int scribe_start(struct child *scribe, struct recorder *shared, int dir_fd)
{
	return child_start(scribe, &role, dir_fd, shared);
}

int scribe_wake(struct child *scribe)
{
	if (!scribe->pid)
		return -ECHILD;
	/* no room: it has been woken often enough */
	if (send(scribe->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 || errno == EAGAIN)
		return 0;
	return -errno;
}

void scribe_stop(struct child *scribe)
{
	if (!child_stop(scribe, STOP_MS))
		log_warn("an incident record is still being written: the disk is slow");
}
