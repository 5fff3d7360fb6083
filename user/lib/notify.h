/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a service tells systemd, see sd_notify(3): datagrams to the socket named in the environment. */
#ifndef HOMEOSTAT_NOTIFY_H
#define HOMEOSTAT_NOTIFY_H

#include <stdbool.h>

#include <linux/types.h>

#define NOTIFY_LEN 64

/* A connected descriptor, or negative errno; -ENOENT: nobody wants to know. */
int notify_open(void);

/* One message, such as "READY=1", by write() alone; lost where nobody takes it at once. `fd` may be negative. */
void notify_send(int fd, const char *text);

/*
 * The other side, where there is no systemd: a socket at `path`, for our user alone, which the children to
 * come find in their environment, with the watchdog's time. -EALREADY: somebody else listens already; other
 * negative errno. The caller closes it.
 */
int notify_listen(const char *path, __u64 watchdog_ns);

/* The next thing that was said; false: there is nothing. Never waits. */
bool notify_hear(int fd, char text[NOTIFY_LEN]);

/* "WATCHDOG=1", if the unit has a watchdog. */
void notify_watchdog(int fd);

#endif
