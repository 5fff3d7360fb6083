/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Changes of the machine, as transactions (law 8). Whoever decides proposes; here it is checked whole, waits for approval and for its
 * time, is made, watched, judged, and stays or goes back. No clock, no socket, no kernel here: the time, the vital signs and
 * the root of /proc and /sys are handed in.
 *
 * One at a time is under way, so that what is seen can be told to be its effect; the others wait in the order of their numbers.
 *
 * The course. All files of a change get their new values, or none has one: each old value stands in the undo table first, and
 * one write that fails brings all back. Where a parameter stands for several files (one for each queue, CPU or cgroup), the
 * first alone is changed and watched (canary), then the others; but for what was there before our first change, which
 * all get at once. Watched is for TX_SETTLE seconds and then for the longest
 * watch of its parameters. At once it goes back when
 *	- a vital sign that nothing may make worse is worse in three looks in a row (evidence.h),
 *	- a service level of the profile is missed that was kept before, or a condition of `rollback_if` holds, three times too,
 *	- somebody else writes one of its files: that one is left to him, the others go back;
 *	- a link or the default route is lost, where it can cut the host off (reach.h).
 * A driver may take its time, as one that makes its rings anew: then the change is under way, is looked at again each second, and is
 * given up after TX_LATE_NS. To be put back takes as long; until it is, nothing else is changed. The main loop never waits for it.
 *
 * What is changed in a maintenance window has more around it, as the profile says: a hook before it, without whose success nothing is
 * changed; a hook after it, once all of its files are written, or none is any more; and when its watch is over it stays under watch for
 * longer, by the same judge, before it is committed. The watch proper begins when the hook after it has ended; what was before is what
 * was before the hook before it.
 *
 * At the end it must have helped, where it was meant to, unless a person has asked for it, or it goes back to what was there before:
 * what does neither harm nor good is not worth a change. What can cut the host off then waits for a confirmation, and goes back without one.
 *
 * Whoever is killed at whatever point: what is not committed is put back by the restorer, or by the next start.
 */
#ifndef HOMEOSTAT_TRANSACTION_H
#define HOMEOSTAT_TRANSACTION_H

#include <sys/types.h>

#include "actuator.h"
#include "evidence.h"
#include "change_state.h"
#include "profile.h"
#include "ask.h"
#include "reach.h"

#define TX_MAX 32	    /* under way, waiting, and the latest that have ended */
#define TX_OF_UID_MAX 8	    /* that one user but root may have waiting */
#define TX_OF_OTHERS_MAX 24 /* and all users but root together: root finds room */
#define TX_FILES_MAX 64	    /* of one */
#define TX_SETTLE 2	    /* looks after a write that say nothing yet */
#define TX_IN_A_ROW 3	    /* looks that speak against it before it goes back */
#define TX_LOST 3 /* looks without a link: a card that is set up anew is gone for a moment */
#define TX_LATE_NS (30 * 1000000000ULL) /* that a driver is waited for */
#define TX_TEXT 192
#define TX_HOOK_NS                                                                                 \
	10000000000ULL /* beside its limit, and those it may have to wait for: a hook that says nothing has failed */
#define TX_YIELDED_MAX 32
#define TX_MAINTENANCE_NS                                                                          \
	(8 * 24 *                                                                                  \
	 3600000000000ULL) /* what waits for a window, of which there is one a week, waits so long */
#define TX_YIELD_NS                                                                                \
	3600000000000ULL /* so long nobody but a person may propose what somebody else has written */

struct tx {
	__u32 id; /* also its group in the undo table; 0 = this place is free */
	enum tx_state state;
	enum proposal_source source;
	uid_t uid;
	bool approved; /* by a person; or it puts back what was before what he approved */
	bool must_help;
	bool cuts_off;
	bool canary;	     /* it has one: its first file */
	bool wants_approval; /* its proposer says so */
	bool called;	     /* a person was told that it waits for him */
	bool around;	     /* its hook after it is still to be run */
	__u32 hook;	     /* number of its hook that is being run; 0 = none is */
	__u64 hook_due_ns;   /* CLOCK_MONOTONIC: then it has failed */
	__u64 noticed_ns;    /* CLOCK_BOOTTIME */
	bool stuck; /* a file could not be put back: tried again, and then it is in the state `ending` */
	bool late; /* a driver is at file[next]; then file[upto - 1] is the last of those that are written now */
	unsigned int next, upto;
	__u64 late_ns; /* since then (CLOCK_MONOTONIC) */
	enum tx_state ending;
	char cause[TX_TEXT]; /* and for that reason */
	enum kb_timing timing;
	unsigned int risk;
	__u32 watch;		   /* looks that it is watched for */
	__u64 made_ns, changed_ns; /* asked for; its state changed */
	__u64 due_ns; /* waiting: it expires (CLOCK_BOOTTIME); CONFIRM: it goes back (CLOCK_MONOTONIC) */
	char reason[TX_TEXT];
	char why[TX_TEXT]; /* it is in this state */
	struct proposal_rollback limit[PROPOSAL_ROLLBACKS_MAX];
	unsigned int limits_nr;
	char *asked; /* owned: the proposals as they came, JSON */
	bool filed;  /* it stands as one that waits in the file that outlives us, or may */
	struct act_file *file; /* owned */
	unsigned int files_nr;
	/* while it is watched */
	struct evidence_means before;
	__u64 first;		    /* sample after its last write */
	unsigned int against, lost; /* looks in a row */
	__u32 missed;		    /* service levels that were missed before: a bit each */
	struct reach reach;
};

/* What is tried and watched against. */
struct tx_world {
	const char *root;
	struct undo_table *undo;
	const struct kb *kb;
	struct kb_machine machine;
	const struct profile *profile;
	const struct evidence *evidence;
	__u64 now_ns, boot_ns; /* CLOCK_MONOTONIC, CLOCK_BOOTTIME */
	__u32 missed;	       /* service levels that are missed now: a bit each */
	bool may_approved;     /* what is approved may be made now … */
	bool may_alone;	       /* … and what no person has approved */
	bool looks;	       /* the vital signs are of us at work: a look counts */
	/* May something of that timing be done now? One clause in `why` where not. */
	bool (*may_now)(void *ctx, enum kb_timing timing, char *why, size_t size);
	/* It is about to begin: may it? Why not, in tx->why. */
	bool (*begins)(void *ctx, struct tx *tx);
	/* Asks for a hook of a change, before or after it. Its number, or 0: it cannot be run. */
	__u32 (*hook)(void *ctx, const struct tx *tx, bool before);
	/* Has it ended? Then with which code. */
	bool (*hook_done)(void *ctx, __u32 number, int *code);
	/* Why what that user asks for needs approval, by the profile of now; NULL: it does not. */
	const char *(*untrusted)(void *ctx, uid_t uid);
	/* A file has been looked at, or written: so it goes on. */
	void (*progress)(void *ctx);
	/* A state has changed: for the log. */
	void (*told)(void *ctx, const struct tx *tx, enum tx_state from);
	void *ctx;
};

struct tx_table {
	struct tx tx[TX_MAX];
	struct tx_yielded {
		char path[UNDO_PATH_LEN];
		__u64 at_ns; /* 0 = none */
	} yielded[TX_YIELDED_MAX];
};

/*
 * Takes a proposal: checks all of it, and has it wait. @untrusted: NULL, or why it needs
 * approval whatever it is. Its number, or negative errno with `error` filled and nothing changed: -EINVAL, -ERANGE, -ENOENT, -EOPNOTSUPP (the
 * proposal), -EBUSY (a file of it is of another one), -EALREADY (it is so), -EPERM (yielded), -ENOSPC.
 */
int tx_propose(struct tx_table *t, const struct tx_world *w, const struct ask_list *list, uid_t uid,
	       const char *untrusted, char *error, size_t size);

/*
 * Takes up one that an earlier daemon had, with its number: likewise checked whole. Pending, without what only that daemon knew, which the caller
 * sets. 0, it is in *taken; otherwise as tx_propose(), *taken is as it was.
 */
int tx_take_up(struct tx_table *t, const struct tx_world *w, const struct ask_list *list, uid_t uid,
	       __u32 id, struct tx **taken, char *error, size_t size);

/* One look, once a second, after evidence_sample(). */
void tx_look(struct tx_table *t, const struct tx_world *w);

/* What is under way goes back. */
void tx_abort(struct tx_table *t, const struct tx_world *w, const char *why);

/* A person's word on one. 0, -ENOENT, or -EINVAL: it does not wait for that. */
int tx_approve(struct tx_table *t, const struct tx_world *w, __u32 id);
int tx_reject(struct tx_table *t, const struct tx_world *w, __u32 id, const char *why);
int tx_confirm(struct tx_table *t, const struct tx_world *w, __u32 id);

/* What was committed and somebody else has written since is his: forgotten, one call of `told` for each. */
void tx_yield(struct tx_table *t, const struct tx_world *w,
	      void (*told)(void *ctx, const char *path), void *ctx);

/* Does the profile let it be made without a person, as far as the change itself is concerned? Why not, in tx->why. */
bool tx_allowed(struct tx *tx, const struct tx_world *w);

/* May it be made still, or has a person approved it? The profile may be another one by now. Why not, in tx->why. */
bool tx_permitted(struct tx *tx, const struct tx_world *w);

/* When something that waits from now on expires, CLOCK_BOOTTIME. */
__u64 tx_expires(const struct tx *tx, const struct tx_world *w);

/* A file that somebody else has written: who is no person may not propose it for TX_YIELD_NS. */
void tx_remember(struct tx_table *t, const struct tx_world *w, const char *path);

const struct tx *tx_find(const struct tx_table *t, __u32 id);

/* Is one under way? NULL: none. */
const struct tx *tx_active(const struct tx_table *t);

void tx_free(struct tx_table *t);

/* One, with what it owns: its place is free. */
void tx_clear(struct tx *tx);

#endif
