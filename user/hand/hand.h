/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The hand: a process of its own that does, for the daemon, what takes CAP_NET_ADMIN or netlink: it writes some files of network interfaces
 * in /sys, and reads and writes settings of network cards (ethtool.h). The daemon keeps no capability and opens no such socket; the
 * hand keeps that one of both, has a filter of system calls, opens no other file, and ends with the daemon. What is written stands in the
 * undo table as always, and the restorer puts it back without the hand. The hand keeps a mark on the table (undo_mark) until it has
 * done what it was asked for: so nobody puts network interfaces back before.
 */
#ifndef HOMEOSTAT_HAND_H
#define HOMEOSTAT_HAND_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "child.h"
#include "undo.h"

enum hand_what {
	HAND_READ, /* a setting of a card; `value` is all zeros */
	HAND_WRITE,
};

struct hand_request {
	__u32 what; /* enum hand_what */
	char path[UNDO_PATH_LEN];
	char value[UNDO_VALUE_LEN];
};

struct hand_answer {
	int err;		    /* 0 or negative errno; -EPERM also: it does no such thing */
	char value[UNDO_VALUE_LEN]; /* read */
};

/* Is it one that the hand does: complete, and of its tables? Pure. */
bool hand_request_ok(const void *message, size_t size);

/* Forks it, from a daemon that still has its capabilities; the open undo table stays the caller's. 0 or negative errno. */
int hand_start(struct child *hand, const struct undo *undo);

/* What the process does, until its socket ends: for the tests. */
void hand_serve(int fd, const char *root);

#endif
