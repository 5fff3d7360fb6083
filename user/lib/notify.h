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
 * The other side, where there is no systemd: a socket (an abstract name that the kernel chooses) for the
 * children to come, which find it and the watchdog's time in their environment. -EALREADY: somebody else
 * listens there already; other negative errno. The caller closes it.
 */
int notify_listen(__u64 watchdog_ns);

/* The next thing that one of our user's processes has said; false: there is nothing. Never waits. */
bool notify_hear(int fd, char text[NOTIFY_LEN]);

/* "WATCHDOG=1", if the unit has a watchdog. */
void notify_watchdog(int fd);

#endif
