// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int notify_open(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd, err;

	if (!len)
		return -ENOENT;
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@') /* no file: an abstract name */
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int notify_listen(const char *path, __u64 watchdog_ns)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char usec[24];
	mode_t mask;
	int fd, err;

	if (getenv("NOTIFY_SOCKET"))
		return -EALREADY;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path); /* of one that was killed */
	/* for our user alone: it holds ten messages, and who may fill it up can have the daemon killed */
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	snprintf(usec, sizeof(usec), "%llu", watchdog_ns / 1000);
	if (!err && (setenv("NOTIFY_SOCKET", path, 1) || setenv("WATCHDOG_USEC", usec, 1)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

bool notify_hear(int fd, char text[NOTIFY_LEN])
{
	ssize_t n = recv(fd, text, NOTIFY_LEN - 1, MSG_DONTWAIT);

	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

void notify_send(int fd, const char *text)
{
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return; /* systemd restarts us if it misses it: nothing better can be done here */
}

void notify_watchdog(int fd)
{
	if (getenv("WATCHDOG_USEC"))
		notify_send(fd, "WATCHDOG=1");
}
