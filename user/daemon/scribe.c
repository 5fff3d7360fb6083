// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "incident.h"
#include "log.h"
#include "names.h"
#include "privileges.h"

#define STOP_MS 1000
#define DIR_FD 3 /* the scribe's descriptors */
#define WAKE_FD 4

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

/* It writes to one directory, which is its user's; for that no privilege is needed. */
static void drop_privileges(void)
{
	cap_t none = cap_init();
	int err;

	if (!none || cap_set_proc(none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_warn("the writer of incident records keeps privileges: %s", strerror(errno));
	cap_free(none);
	/* what the daemon may, and has to, is more than enough here */
	err = privileges_filter();
	if (err)
		log_debug("no system call filter for the writer of incident records: %s",
			  strerror(-err));
}

static void keep_only(int dir_fd, int wake_fd)
{
	/* out of the way of one another first */
	dir_fd = fcntl(dir_fd, F_DUPFD, WAKE_FD + 1);
	wake_fd = fcntl(wake_fd, F_DUPFD, WAKE_FD + 1);
	if (dir_fd < 0 || wake_fd < 0 || dup2(dir_fd, DIR_FD) < 0 || dup2(wake_fd, WAKE_FD) < 0 ||
	    close_range(WAKE_FD + 1, ~0U, 0))
		_exit(1);
}

static void __attribute__((noreturn)) scribe_main(struct recorder *shared)
{
	char woken[64];
	ssize_t n;

	prctl(PR_SET_NAME, "homeostat-scrib", 0, 0, 0);
	/* it ends when the daemon does, however that ends, and not before */
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, 0}; *s; s++)
		signal(*s, SIG_IGN);
	setpriority(PRIO_PROCESS, 0, 0);
	drop_privileges();
	do {
		scribe_write(shared, DIR_FD);
		n = read(WAKE_FD, woken, sizeof(woken));
	} while (n > 0 || (n < 0 && errno == EINTR));
	scribe_write(shared, DIR_FD);
	_exit(0);
}

int scribe_start(struct scribe *s, struct recorder *shared, int dir_fd)
{
	int pair[2], err;

	s->pid = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	s->pid = fork();
	if (s->pid < 0) {
		err = -errno;
		s->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (!s->pid) {
		keep_only(dir_fd, pair[1]);
		scribe_main(shared);
	}
	close(pair[1]);
	s->fd = pair[0];
	return 0;
}

int scribe_wake(struct scribe *s)
{
	if (!s->pid)
		return -ECHILD;
	/* no room: it has been woken often enough */
	if (send(s->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 || errno == EAGAIN)
		return 0;
	return -errno;
}

bool scribe_lost(struct scribe *s)
{
	char byte;

	/* it never says anything: what comes is its end */
	if (!s->pid || recv(s->fd, &byte, 1, MSG_DONTWAIT))
		return false;
	close(s->fd);
	waitpid(s->pid, NULL, WNOHANG);
	s->pid = 0;
	return true;
}

void scribe_stop(struct scribe *s)
{
	struct pollfd gone;

	if (!s->pid)
		return;
	shutdown(s->fd, SHUT_WR);
	gone = (struct pollfd){.fd = s->fd, .events = POLLIN};
	if (poll(&gone, 1, STOP_MS) == 1)
		waitpid(s->pid, NULL, 0);
	else
		log_warn("an incident record is still being written: the disk is slow");
	close(s->fd);
	s->pid = 0;
}
