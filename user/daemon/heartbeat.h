/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The heartbeat: the one thread beside the main loop. It vouches in the gate for the main loop's
 * progress; when that stops, it shuts the gate itself, and when the thread stops too, the pulse
 * does so in the kernel.
 *
 * How often. At rest it sleeps as long as the pulse does (gate.period_ns), under stress a third of the
 * limit. `due_ns` is when the next beat is missed: now + limit, or where it sleeps longer than a
 * third, now + sleep + two thirds of the limit. So a beat may always be two thirds of the limit
 * late, and a daemon that dies under stress is noticed within the limit. After the gate was shut it looks
 * far more often for a moment: see LEAVE_NS; its bell says when to begin.
 */
#ifndef HOMEOSTAT_HEARTBEAT_H
#define HOMEOSTAT_HEARTBEAT_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "../../kern/abi.h"

#define HEARTBEAT_PRIORITY 2 /* SCHED_FIFO; below everything that knows why it is realtime */
#define HEARTBEAT_STACK (64 * 1024)
#define HEARTBEAT_LOOP_NS 5000000000ULL /* the main loop must come round this often */

/*
 * Rings when our scheduler begins to leave, whoever shut the gate: something to do that cannot wait for the
 * next look. silence() is called by the thread, and once before it ever rang: it must not block.
 */
struct heartbeat_bell {
	int fd; /* becomes ready when it rings; negative: there is no bell */
	void (*silence)(void *ctx);
	void *ctx;
};

struct heartbeat {
	pthread_t thread;
	bool running;
	struct heartbeat_bell bell;
	struct hs_gate *gate;
	__u64 (*now)(void); /* clock_ns; a test gives its own */
	/* shared between the two threads; plain 64-bit loads and stores, relaxed */
	__u64 limit_ns;
	__u64 busy_since_ns; /* when epoll_wait returned; 0 = waiting in it */
	__u64 patience_ns;   /* until then, busy is no stall: a long step that is bounded */
	__u64 round_ns;	     /* when the main loop last came round */
	bool stop;
	/* of the last stall: how long it lasted, and how long of that the main loop wanted a CPU in vain */
	__u64 stall_ns;
	__u64 no_cpu_ns;
	/* private to the thread */
	int epoll_fd; /* what it waits on: the bell, or nothing */
	/* the main loop's CPU time */
	clockid_t main_clock;
	pid_t main_tid;		    /* 0 = not known */
	__u64 look_cpu_ns;	    /* at the last look */
	__u64 mark_ns, mark_cpu_ns; /* a sign of progress, and at the look before it */
};

/* What one look of the thread decided. */
struct heartbeat_step {
	bool stalled;
	__u64 next_ns; /* when to look again, absolute */
};

/*
 * Starts the thread on the given CPUs (NULL: anywhere), SCHED_FIFO where allowed, with locked,
 * touched stack. The gate and the bell (NULL: none) must live until heartbeat_stop(). 0, or negative
 * errno: no thread. -EPERM for the priority alone is a warning, not an error.
 */
int heartbeat_start(struct heartbeat *hb, struct hs_gate *gate, __u64 limit_ns,
		    const cpu_set_t *cpus, const struct heartbeat_bell *bell);

/* Ends the thread and waits for it. NULL-safe, harmless if not running. */
void heartbeat_stop(struct heartbeat *hb);

/*
 * Of `stall_ns` without progress, how long a thread lacked a CPU: nothing where it sleeps (`state` is not
 * 'R'), else what it has not run. `ran_ns` may count more than the stall: since the last look.
 */
__u64 heartbeat_no_cpu(__u64 stall_ns, __u64 ran_ns, char state);

/* Main loop: epoll_wait returned; about to wait; still alive in the middle of a long step. */
void heartbeat_busy(struct heartbeat *hb);
void heartbeat_idle(struct heartbeat *hb);
void heartbeat_progress(struct heartbeat *hb);

/* The next `ns` may pass without progress: a system call that is slow but bounded. 0 ends it. */
void heartbeat_patience(struct heartbeat *hb, __u64 ns);

/* Has the thread look at once instead of when it meant to: the gate has just been opened. */
void heartbeat_nudge(struct heartbeat *hb);

void heartbeat_set_limit(struct heartbeat *hb, __u64 limit_ns);

/* One look: beats into the gate or, stalled, shuts it. The body of the thread; tests call it. */
struct heartbeat_step heartbeat_look(struct heartbeat *hb);

#endif
