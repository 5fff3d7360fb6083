/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * `homeostatd --supervise`: what systemd does where there is none. Starts the guard, which starts the
 * daemon; kills both where the daemon has said nothing for too long (guard and daemon stopped or frozen
 * together: each of them alone is seen to by the other); after its end sees to it that the undo table is
 * empty, and starts it again, at growing intervals; what ends for the third time within ten minutes stays down, and the host stock.
 */
#ifndef HOMEOSTAT_SUPERVISE_H
#define HOMEOSTAT_SUPERVISE_H

#include <linux/types.h>

#define SUPERVISE_ENDS 3 /* within … */
#define SUPERVISE_WINDOW_NS 600000000000ULL
#define SUPERVISE_PAUSE_NS 1000000000ULL /* the first one; doubled up to … */
#define SUPERVISE_PAUSE_MAX_NS 60000000000ULL
#define SUPERVISE_WATCHDOG_NS 10000000000ULL /* the daemon says once a second that it lives */
#define SUPERVISE_LOOKS 10 /* in that time; a pause of the whole machine is one look */

struct supervise {
	const char *guard; /* path of homeostat-guard */
	char **argv;	   /* path of homeostatd, its arguments, NULL */
	const char *dir;   /* runtime directory */
	const char *root;  /* of /proc and /sys */
	__u64 pause_ns;	   /* SUPERVISE_PAUSE_NS, but for tests */
	__u64 patience_ms; /* for a daemon whose guard has died to end by itself */
	__u64 watchdog_ns; /* SUPERVISE_WATCHDOG_NS, but for tests */
	/* private */
	int notify;		      /* negative: somebody else has the watchdog */
	__u64 end_ns[SUPERVISE_ENDS]; /* the last ends, the newest first */
	__u64 next_pause_ns;
};

/* Until it ends for good. The exit code: the daemon's 0 or 2; 0 when told to stop; 1 given up. */
int supervise(struct supervise *s);

/* It has ended at `now_ns`: pause before the next start, 0 = give up. */
__u64 supervise_pause(struct supervise *s, __u64 now_ns);

struct options;

/* supervise() for this very program, as it was called. */
int supervise_self(const struct options *opt, int argc, char **argv);

#endif
