// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Whose the undo table is. The lock is flock's, of the descriptor that the owner opened. The mark of whoever may still be at a
 * write is a record lock of a descriptor of its own: the two kinds know nothing of each other.
 */
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* No call waits for a mark without setting one, and none for flock until a time. */
static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static __u64 end_of(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : clock_ns() + (__u64)timeout_ms * NS_PER_MS;
}

static int take(const struct undo *undo, __u64 end_ns)
{
	while (flock(undo->fd, end_ns == UINT64_MAX ? LOCK_EX : LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (clock_ns() >= end_ns)
			return -EBUSY;
		pause_a_little();
	}
	return 0;
}

/* 0: nobody has a mark. -EINPROGRESS: somebody has. */
static int no_mark(const struct undo *undo)
{
	struct flock mark = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(undo->fd, F_OFD_GETLK, &mark))
		return -errno;
	return mark.l_type == F_UNLCK ? 0 : -EINPROGRESS;
}

/* Who waits for a mark keeps nobody out meanwhile. */
int undo_lock(struct undo *undo, int timeout_ms)
{
	__u64 end_ns = end_of(timeout_ms);

	for (;;) {
		int err = take(undo, end_ns);

		if (err)
			return err;
		err = no_mark(undo);
		if (!err)
			return 0;
		undo_unlock(undo);
		if (err != -EINPROGRESS || clock_ns() >= end_ns)
			return err;
		pause_a_little();
	}
}

int undo_settle(struct undo *undo, const char *root, int lock_ms, int hand_ms, undo_report report,
		void *ctx)
{
	int left, err = take(undo, end_of(lock_ms));

	if (err)
		return err;
	err = no_mark(undo);
	if (err == -EINPROGRESS) {
		left = undo_replay_elsewhere(undo->table, root, report, ctx);
		undo_unlock(undo);
		if (left < 0)
			return left;
		err = undo_lock(undo, hand_ms);
		if (err)
			return err;
	}
	left = err ? err : undo_replay(undo->table, root, report, ctx);
	if (left < 0)
		undo_unlock(undo);
	return left;
}

int undo_unlock(struct undo *undo)
{
	return flock(undo->fd, LOCK_UN) ? -errno : 0;
}

int undo_mark(const struct undo *undo)
{
	struct flock mark = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", undo->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &mark)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}
