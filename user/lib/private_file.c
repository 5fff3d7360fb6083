// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW ".new" /* is not whole yet */

/* Behind a slash at its end, a link would be followed. */
static int without_slashes(char *buf, size_t size, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len || len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, path, len);
	buf[len] = '\0';
	return 0;
}

static int check_dir(int fd, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st)) {
		snprintf(why, size, "%s", strerror(errno));
		return -errno;
	}
	if (st.st_uid != geteuid()) {
		snprintf(why, size, "it belongs to uid %u, not to uid %u", st.st_uid, geteuid());
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, size, "others may write to it (mode %04o); chmod go-w",
			 st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

int private_dir(int at, const char *path, mode_t mode, char *why, size_t size)
{
	char plain[PATH_MAX];
	int fd, err = without_slashes(plain, sizeof(plain), path);

	if (err) {
		snprintf(why, size, "%s", strerror(-err));
		return err;
	}
	if (mode && mkdirat(at, plain, mode) && errno != EEXIST) {
		err = -errno;
		snprintf(why, size, "it cannot be made: %s", strerror(-err));
		return err;
	}
	fd = openat(at, plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		err = errno == ELOOP ? -ENOTDIR : -errno;
		snprintf(why, size, "%s",
			 err == -ENOTDIR ? "it is a symbolic link, or no directory"
					 : strerror(-err));
		return err;
	}
	err = check_dir(fd, why, size);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* What is wrong with the file behind fd; NULL: nothing. */
static const char *wrong(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return "it is no plain file";
	if (st.st_uid != geteuid())
		return "it belongs to somebody else";
	return st.st_mode & 07177 ? "it is open to others" : NULL;
}

int private_file(int dir_fd, const char *name, bool create, char *why, size_t size)
{
	/* non-blocking: what stands there may be a fifo */
	int fd =
		openat(dir_fd, name,
		       O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	int err = fd < 0 ? -errno : -EPERM;
	const char *what = fd < 0 ? strerror(errno) : wrong(fd);

	if (!what)
		return fd;
	snprintf(why, size, "%s", what);
	if (fd >= 0)
		close(fd);
	return err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(int dir_fd, const char *text)
{
	int fd, err;

	/* of one that was killed */
	if (unlinkat(dir_fd, NEW, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (!err)
		err = write_all(fd, "\n", 1);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int private_replace(int dir_fd, const char *name, const char *text)
{
	int err = write_new(dir_fd, text);

	if (!err && renameat(dir_fd, NEW, dir_fd, name))
		err = -errno;
	if (err)
		unlinkat(dir_fd, NEW, 0);
	else if (fsync(dir_fd)) /* the name, too */
		err = -errno;
	return err;
}
