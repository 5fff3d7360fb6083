/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a service tells systemd, see sd_notify(3): datagrams to the socket named in the environment. */
#ifndef HOMEOSTAT_NOTIFY_H
#define HOMEOSTAT_NOTIFY_H

/* A connected descriptor, or negative errno; -ENOENT: nobody wants to know. */
int notify_open(void);

/* One message, such as "READY=1", by write() alone; lost where nobody takes it at once. `fd` may be negative. */
void notify_send(int fd, const char *text);

/* "WATCHDOG=1", if the unit has a watchdog. */
void notify_watchdog(int fd);

#endif
