/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Interfaces that our program for incoming packets shares with other XDP programs, under libxdp's dispatcher. Joining one
 * loads programs, speaks netlink, pins and waits for others: all that the daemon has given up, or must not do. So a process is
 * forked before it does, the usher, which joins and leaves for it:
 *
 *	daemon ── requests, one at a time ──▶ usher     SOCK_SEQPACKET, messages of fixed size
 *	       ◀────────── answers ──────────
 *
 * The usher has one program, ours, and can do nothing with it but join and leave. When the daemon's end closes, it leaves all that
 * it has joined, and ends. What it cannot do, being dead as well, is left to `homeostat restore`; the program obeys the gate
 * meanwhile.
 */
#ifndef HOMEOSTAT_BESIDE_H
#define HOMEOSTAT_BESIDE_H

#include <stdbool.h>

#include "child.h"
#include "dispatcher.h"
#include "kernel.h"

enum beside_verb {
	BESIDE_NOTHING,
	BESIDE_JOIN,
	BESIDE_LEAVE,
	BESIDE_LOOK,
	BESIDE_VERBS
};

struct beside_request {
	__u32 verb; /* enum beside_verb */
	__u32 seq;  /* the answer has the same */
	__u32 ifindex;
	char name[16]; /* that the interface had */
};

struct beside_answer {
	__u32 seq;
	__s32 err;		      /* 0 or negative errno */
	__u32 place;		      /* enum dispatcher_place, where err is 0 */
	char why[DISPATCHER_WHY_LEN]; /* "" where err is 0 */
};

#define BESIDE_PATIENCE_NS 10000000000ULL /* an answer that takes longer is spoken of */

/* An interface of the profile, as far as the usher has said. */
struct beside_place {
	__u32 ifindex;		/* that our program is on, 0 = none */
	__u32 refused;		/* that joining failed for, 0 = none */
	enum beside_verb asked; /* what is under way … */
	__u32 asked_of;		/* … on which interface */
	__u64 looked_ns;	/* when it was last asked for, or looked at */
	bool generic;
	bool stuck;    /* leaving failed, and is tried again in a while */
	char why[256]; /* why it is not as it should be, "" = it is */
};

struct beside {
	struct child usher;
	char why[256]; /* why there is none */
	__u32 seq;
	__u32 busy;	/* slot + 1 of the request under way, 0 = none */
	__u64 asked_ns; /* when it was sent */
	struct beside_place place[KERNEL_INTERFACES_MAX];
};

/* Starts the usher with our program, which stays the caller's. 0, or negative errno and beside->why. */
int beside_start(struct beside *beside, int prog_fd);

/* There is none, for that reason. */
void beside_without(struct beside *beside, const char *why);

/* Tells the usher to leave everything and end; waits for that, but not for ever. Harmless where there is none. */
void beside_stop(struct beside *beside);

/* Takes what the usher has answered, notices its death. Never waits. */
void beside_hear(struct beside *beside);

/*
 * What is to be asked of the usher for slot `slot`, so that our program is on interface `want` (0: on none) and nowhere else, is
 * asked; one thing at a time. Once a second also whether it still is. `retry`: also to join where that failed.
 */
void beside_follow(struct beside *beside, __u32 slot, const char *name, __u32 want, bool retry,
		   __u64 now_ns);

/* Is, or may be, our program of this slot on an interface? */
bool beside_there(const struct beside *beside, __u32 slot);

/* ---- usher.c ---- */

/* Is it one that the usher may obey? Pure. */
bool beside_request_ok(const void *message, size_t size);

/* Takes off what dead daemons have left, one line in the log for each. 0; else something is left, or may be. */
int usher_clean(void);

/* The usher's life, until the other end of `fd` is closed. */
void usher_serve(int fd, int prog_fd);

/* The same, as the process that it is; its other descriptor is the program. */
extern const struct child_role usher_role;

#endif
