/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat-guard: the parent of homeostatd, and the layer above the pulse. Three processes:
 *
 *	guard ──┬── restorer  forked first, unfiltered; sleeps on a pipe: 'u' undo, 'h' hook, 'q' end
 *	        └── daemon    says hello with the gate; its pidfd says when it is dead
 *
 * Heartbeat overdue: gate shut. Daemon deaf: SIGKILL. Daemon dead: gate shut, undo, exit with its code.
 * Guard dead: the daemon sees the end of its socket and stops in good order; the restorer sees that of
 * its pipe, waits for the daemon's death (the undo table's lock) and undoes.
 * 500 lines are the limit for this (make lint), but for hook.h, hook.c and leave.c, which nothing else depends on.
 */
#ifndef HOMEOSTAT_GUARD_H
#define HOMEOSTAT_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../kern/abi.h"
#include "undo.h"

#define GUARD_HELLO_NS 120000000000ULL /* loading takes no longer, on the slowest of hosts */
#define GUARD_GRACE_NS 1000000ULL /* what the pulse has after `due_ns`, before we shut the gate */
/* Between two looks while the gate is shut or the heart at rest: the pulse looks as often as ever. */
#define GUARD_REST_NS 500000000ULL
#define GUARD_RESTING_NS 200000000ULL /* a promise as long as that is one made at rest */
/*
 * Deaf is who leaves one promise broken over so many looks, so far apart: a pause of the whole machine
 * counts for one look, however long it was. The host is stock by then, so patience costs nothing but time
 * until changes outside BPF are undone: 250 ms where it acted (2.5 times the longest limit a profile may
 * have), 2 s where it only looked (whoever lives gets a CPU within the 1 s period of RT throttling).
 */
#define GUARD_LOOK_NS 50000000ULL
#define GUARD_LOOKS_ACTING 5
#define GUARD_LOOKS_LOOKING 40
#define GUARD_RESTORE_NS 10000000000ULL /* the restorer's time, beside that of the hook */
#define OOM_SCORE "/proc/self/oom_score_adj"

struct guard {
	const char *dir, *root; /* runtime directory; root of /proc and /sys, "" = the real one */
	struct undo undo;	/* the restorer has its own */
	struct hs_gate *gate;	/* NULL = the daemon has not said hello */
	pid_t daemon, restorer;
	int daemon_fd, restorer_fd;	 /* their pidfds; restorer_fd -1 = dead */
	int link, signals, pipe, notify; /* link -1 = the daemon has closed it */
	__u64 start_ns;
	__u64 broken_ns, look_ns; /* the promise that is broken, and when that was last seen … */
	int looks;		  /* … and how often */
	bool killed;
	__u64 told_ns; /* of the last trip that the daemon has told us of */
};

/*
 * Starts restorer and daemon; argv[0] is its path, and the two places before it are ours. 0 or negative
 * errno: then whoever was started sees our end.
 */
int guard_start(struct guard *g, char **argv);

/* Watches until the daemon is dead or, `until_hello`, has said hello. Whether it is dead. */
bool guard_watch(struct guard *g, bool until_hello);

/* After its death: gate shut, changes undone, hook run, children reaped. The exit code. */
int guard_end(struct guard *g);

/* One look at the gate: shuts it, kills the daemon, as it takes. Time to the next, ns. */
__u64 guard_look(struct guard *g, __u64 now);

/* Obeys what comes through the pipe until its end. @daemon is its path. The exit code: 0, 1 = not all was put back. */
int restorer_main(int pipe, const char *dir, const char *root, const char *daemon);

/* For the restorer's process: hard to kill by memory, terminal or session. */
void restorer_settle(void);

#endif
