/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * libxdp's dispatcher: a program in the place of the one that an interface has room for, which calls up to ten others, the
 * components, in the order of their numbers. What is pinned below DISPATCHER_DIR keeps them, and outlives every process:
 *
 *	dispatch-IFINDEX-ID/progN-prog, progN-link
 *
 * for the dispatcher of that id on that interface and its component N. Ours among them is known by its name and kind.
 * libxdp takes "could not be read" for "not there" in many places; here they are two things. Whoever calls this may wait:
 * for other loaders, for drivers, for the kernel.
 */
#ifndef HOMEOSTAT_DISPATCHER_H
#define HOMEOSTAT_DISPATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define DISPATCHER_PROGRAM "xdp_beside" /* our component */
#define DISPATCHER_BPFFS "/sys/fs/bpf"
#define DISPATCHER_DIR DISPATCHER_BPFFS "/xdp"
#define DISPATCHER_WHY_LEN 160

/* Where our component is on an interface. */
enum dispatcher_place {
	DISPATCHER_ABSENT,
	DISPATCHER_NATIVE,
	DISPATCHER_GENERIC
};

/* ---- dispatcher.c ---- */

/*
 * May what is pinned be believed, and something be pinned beside it? 0; -ENOENT: no dispatcher was ever made (the bpffs is fine);
 * other negative errno and `why`: no bpffs is mounted, or it is not root's alone, or cannot be read.
 */
int dispatcher_trust(const char *root, char *why, size_t size);

/*
 * Puts our program (an extension, from kernel_load_beside()) among those of an interface, making a dispatcher where nothing is
 * attached. Harmless if it is there. *place says where. 0, or negative errno and `why`.
 */
int dispatcher_join(const char *root, __u32 ifindex, int prog_fd, enum dispatcher_place *place,
		    char *why, size_t size);

/*
 * Takes the program of that id off the interface, with its pins, and nothing else; also where the interface is gone. 0, also
 * where there is nothing; or negative errno and `why`: something is left.
 */
int dispatcher_leave(const char *root, __u32 ifindex, __u32 prog_id, char *why, size_t size);

/* Is it there? 0, or negative errno and `why`: that cannot be told. */
int dispatcher_look(__u32 ifindex, __u32 prog_id, enum dispatcher_place *place, char *why,
		    size_t size);

enum dispatcher_outcome {
	DISPATCHER_LEFT,   /* taken off the interface */
	DISPATCHER_SWEPT,  /* pins of what was attached to nothing any more */
	DISPATCHER_SPARED, /* its homeostatd lives */
	DISPATCHER_FAILED
};

/* "taken off", "left alone: …" */
const char *dispatcher_outcome_name(enum dispatcher_outcome outcome);

/* `why`: of DISPATCHER_FAILED, else "". */
typedef void (*dispatcher_report)(void *ctx, __u32 ifindex, __u32 prog_id,
				  enum dispatcher_outcome outcome, const char *why);

/*
 * Takes off what a homeostatd that is dead has left in dispatchers, wherever, one call of `report` for each of our programs that
 * is found. The number of those that are left though they should not be; or negative errno and `why`: nobody knows. 0 where there
 * is nothing, bpffs included.
 */
int dispatcher_clean(const char *root, dispatcher_report report, void *ctx, char *why, size_t size);

/* ---- dispatcher_xdp.c: what asks the kernel and libxdp, and decides nothing ---- */

enum xdp_owner {
	XDP_OWNER_OTHER, /* not our program */
	XDP_OWNER_DEAD,
	XDP_OWNER_ALIVE
};

/* The program that is pinned at `path`: its id, and whose it is. 0; -ENOENT: nothing is; other negative errno. */
int xdp_pinned(const char *root, const char *path, __u32 *id, enum xdp_owner *owner);

/* What an interface has. */
struct xdp_there {
	__u32 main;  /* id of the program that is attached, 0 = none */
	bool legacy; /* it is no dispatcher … */
	bool lost;   /* … or is one whose pins cannot be read */
	bool generic;
	bool ours; /* the component that was asked for is in it */
};

/* Looks for the component `prog_id` (0: none). 0 or negative errno; -ENODEV: no such interface. */
int xdp_look(__u32 ifindex, __u32 prog_id, struct xdp_there *there);

/* libxdp's own: one try each. Negative errno; -EAGAIN: somebody came in between; -EBUSY: somebody keeps its lock. */
int xdp_join(__u32 ifindex, int prog_fd, bool generic);
int xdp_leave(__u32 ifindex, __u32 prog_id, bool generic);

/* Id of a program, 0 = unknown. */
__u32 xdp_program_id(int prog_fd);

/* What libxdp said last, one line, "" = nothing since the last call. */
const char *xdp_said(void);

/*
 * libxdp's lock, waiting for it for some seconds at most. A descriptor, which closing gives back; -EBUSY; other negative errno.
 */
int xdp_lock(const char *root);

/*
 * When process `pid` began, in the kernel's own unit. 0; -ESRCH: there is none, or it is dead already; other negative errno: it cannot be
 * told.
 */
int process_start(__u32 pid, __u64 *start);

#endif
