// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "descriptors.h"
#include "log.h"
#include "private_file.h"
#include "privileges.h"
#include "recording.h"

#define START_MS 5000
#define STOP_MS 3000
#define SYNC_NS NS_PER_S /* what is older is on the disk, as far as the disk is to be believed */

/* ---- the clerk: CHILD_FD to the daemon, CHILD_OTHER_FD the log ---- */

/* The maps come with the first byte. */
static int take_maps(struct descriptors *maps)
{
	struct pollfd p = {.fd = CHILD_FD, .events = POLLIN};
	char byte;

	if (poll(&p, 1, START_MS) != 1 || descriptors_receive(CHILD_FD, &byte, 1, maps) != 1 ||
	    maps->nr != 2)
		return -EPROTO;
	return 0;
}

static int write_on(struct recording *r)
{
	struct pollfd fds[] = {{.fd = CHILD_FD, .events = POLLIN},
			       {.fd = recording_fd(r), .events = POLLIN}};
	__u64 synced_ns = clock_ns(), synced = 0;
	int err = 0;

	while (!err) {
		if (poll(fds, 2, RECORDING_LOOK_MS) > 0 && fds[0].revents)
			break;
		err = recording_look(r);
		if (!err && r->bytes != synced && clock_ns() - synced_ns >= SYNC_NS) {
			err = fdatasync(CHILD_OTHER_FD) ? -errno : 0;
			synced = r->bytes;
			synced_ns = clock_ns();
		}
	}
	return err;
}

static void be_the_clerk(void *manifest)
{
	struct descriptors maps = {0};
	struct recording r = {0};
	char error[256] = "";
	int err = take_maps(&maps), end;

	if (!err)
		err = recording_begin(&r, maps.fd[0], maps.fd[1], CHILD_OTHER_FD, false, manifest,
				      error, sizeof(error));
	if (!err && send(CHILD_FD, "", 1, MSG_NOSIGNAL) == 1)
		err = write_on(&r);
	end = recording_end(&r);
	if (err || end)
		log_error("log of decisions: %s", *error ? error : strerror(-(err ?: end)));
}

static const struct child_role role = {
	.name = "homeostat-clerk",
	.type = SOCK_STREAM,
	.filter = privileges_filter,
	.live = be_the_clerk,
};

/* ---- the daemon ---- */

static int open_log(const char *state, char name[CLERK_NAME_LEN], char *why, size_t size)
{
	int at = private_dir(AT_FDCWD, state, 0700, why, size), dir, fd = -EEXIST;
	const time_t now = time(NULL);
	char stamp[32];
	struct tm tm;

	if (at < 0)
		return at;
	dir = private_dir(at, DECISIONS_DIR, 0700, why, size);
	close(at);
	if (dir < 0)
		return dir;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	/* started again within a second, or by a clock that went back */
	for (int i = 0; i < 100 && fd == -EEXIST; i++) {
		snprintf(name, CLERK_NAME_LEN, "%s-%02d.log", stamp, i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		snprintf(why, size, "%s/" DECISIONS_DIR "/%s: %s", state, name, strerror(-fd));
	else if (fsync(dir))
		log_debug("%s/" DECISIONS_DIR ": %s", state, strerror(errno));
	close(dir);
	return fd;
}

int clerk_start(struct child *clerk, const char *state, int decisions_fd, int ring_fd,
		const __u8 manifest[DECISION_HASH_LEN], char name[CLERK_NAME_LEN], char *why,
		size_t size)
{
	struct descriptors maps = {{decisions_fd, ring_fd}, 2};
	__u8 hash[DECISION_HASH_LEN];
	struct pollfd p;
	char byte;
	int log, err;

	log = open_log(state, name, why, size);
	if (log < 0)
		return log;
	memcpy(hash, manifest, sizeof(hash));
	err = child_start(clerk, &role, log, hash);
	close(log);
	if (err) {
		snprintf(why, size, "its process: %s", strerror(-err));
		return err;
	}
	p = (struct pollfd){.fd = clerk->fd, .events = POLLIN};
	if (descriptors_send(clerk->fd, "", 1, &maps) == 1 && poll(&p, 1, START_MS) == 1 &&
	    recv(clerk->fd, &byte, 1, MSG_DONTWAIT) == 1)
		return 0;
	child_lose(clerk);
	snprintf(why, size, "its process did not begin; see the line before");
	return -ECHILD;
}

void clerk_stop(struct child *clerk)
{
	if (!child_stop(clerk, STOP_MS))
		log_warn("the log of decisions is still being written: the disk is slow");
}
