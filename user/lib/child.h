/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Processes of their own that the daemon forks at its start, before it gives up all that it may, to do for it what must not be done in
 * its main loop, or takes a privilege that the daemon does not keep. Each has a socket to the daemon, at most one more descriptor,
 * and nothing else of it; is deaf to the signals that ask a service to end; and ends when the daemon's end of the socket closes,
 * however that came about.
 */
#ifndef HOMEOSTAT_CHILD_H
#define HOMEOSTAT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/types.h>

#define CHILD_FD 3	 /* in the child: its socket to the daemon … */
#define CHILD_OTHER_FD 4 /* … and what it was given beside it */

struct child_role {
	const char *name; /* of the process: 15 characters */
	int type;	  /* of its socket: SOCK_SEQPACKET or SOCK_STREAM */
	int nice;
	bool mortal; /* it has nothing to finish: killed with the daemon, even out of a call that waits, where the kernel lets it */
	const cap_value_t *caps; /* the capabilities that it keeps, of those that we have */
	size_t caps_nr;
	int (*filter)(void); /* of its system calls: 0 or negative errno; NULL = none */
	/* What it does, until CHILD_FD ends; then the process does. @ctx is the one of child_start(). */
	void (*live)(void *ctx);
};

/* Zeroed where there never was one. */
struct child {
	pid_t pid;    /* 0 = there is none */
	int fd;	      /* our end of its socket, if there is one */
	pid_t ending; /* the last one is lost and not reaped yet; 0 = none */
};

/*
 * Forks one, to be called while this process has one thread; @other_fd (-1 = none) stays the caller's. A child that cannot give up what it
 * shall not have ends at once; one whose kernel has no seccomp does without. 0, or negative errno.
 */
int child_start(struct child *c, const struct child_role *role, int other_fd, void *ctx);

/* It is dead, or as good as that: closes the socket. From then on there is none. */
void child_lose(struct child *c);

/* Takes the zombie of one that was lost, once there is one. Never waits. */
void child_reap(struct child *c);

/* Has one that never says anything ended? True once; from then on there is none. */
bool child_lost(struct child *c);

/*
 * Tells it that it is to end and waits for that, @patience_ms at most. false: it goes on alone, and ends when it has done what it does.
 * From then on there is none. Harmless where there was none.
 */
bool child_stop(struct child *c, int patience_ms);

#endif
