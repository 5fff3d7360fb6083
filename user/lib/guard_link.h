/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Between daemon and guard: a SOCK_SEQPACKET pair on which only the daemon speaks. Its end of file, on
 * either side, says that the other one is dead.
 */
#ifndef HOMEOSTAT_GUARD_LINK_H
#define HOMEOSTAT_GUARD_LINK_H

#include <stdbool.h>

enum guard_message {
	GUARD_NOTHING, /* end of file */
	GUARD_HELLO,   /* with two descriptors: the map that holds the gate, the map of the pulse */
	GUARD_TRIPPED, /* run what is due of the operator's hooks now */
};

/* Is it a guard's socket? Not for what we execute, from now on. 0 or negative errno. */
int guard_take(int fd);

/*
 * The daemon is loaded and its heart beats. The guard keeps both: through the first it sees and shuts the
 * gate, through the second the pulse's timer outlives the daemon. 0 or negative errno.
 */
int guard_hello(int fd, int gate_fd, int pulse_fd);

/* The gate was tripped, something waits for a person, or a change has a hook: asks for what is due of them. 0; -ENOTCONN: no guard (fd < 0); other errno. */
int guard_tripped(int fd);

/* The daemon's end has something to read: is it the end of the guard? */
bool guard_gone(int fd);

/*
 * The guard's side. The next message (enum guard_message), or negative errno (-EAGAIN: none). `fds`
 * (caller closes) are those of GUARD_HELLO, else -1; NULL: by read() alone, descriptors are dropped.
 */
int guard_hear(int fd, int fds[2]);

#endif
