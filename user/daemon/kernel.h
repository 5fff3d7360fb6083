/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Our side of the kernel programs: what was loaded, what is mapped, what is attached. Links live
 * as long as their descriptors, that is, no longer than this process (law 4).
 */
#ifndef HOMEOSTAT_KERNEL_H
#define HOMEOSTAT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"
#include "families.h"
#include "topology.h"

enum family_state {
	FAMILY_OFF, /* could run, does not */
	FAMILY_ON,
	FAMILY_UNAVAILABLE, /* cannot run here */
};

struct family {
	enum family_state state;
	char why[256]; /* "" where there is nothing to say */
};

struct kernel_maps {
	int bounds, config, rules, cpus, sense, cpu_vitals, workloads, workload_stats, match;
	int flows, peers, flow_stats;
	int steer_queues, steer_cpus;
	int gate;  /* `.data.gate`: who holds it can map the gate, and shut it, without us */
	int pulse; /* of the timer: who holds it keeps the pulse beating when we are gone */
};

#define KERNEL_INTERFACES_MAX 16 /* that XDP can be attached to at the same time */

struct bpf_link;
struct bpf_map;
struct bpf_program;
struct ring_buffer;
struct homeostat_bpf;

struct kernel {
	/* mapped; valid from kernel_load() to kernel_close() */
	struct hs_gate *gate;
	const struct hs_steer *steer;
	const struct hs_exit *exit; /* kind is 0 until sched_ext has ended our scheduler */
	struct hs_vital *vitals;    /* [HS_VITAL_NR] */
	struct hs_knob *knobs;	    /* [HS_KNOB_NR] */
	struct hs_wish *wishes;	    /* [HS_KNOB_NR] */
	struct kernel_maps fd;
	struct family family[FAMILY_NR];
	__u32 cpus_nr;	  /* entries of the arrays indexed by CPU */
	__u32 count_at;	  /* offset of the counters in an entry of SENSE, 0 = unknown */
	__u32 sense_size; /* size of such an entry */
	/* private to kernel*.c */
	struct homeostat_bpf *skel;
	struct ring_buffer *ring, *bell;
	struct bpf_link *sense_link, *exec_link, *tasks_link, *sched_link;
	struct bpf_link *steer_link[3];
	int xdp_fd[KERNEL_INTERFACES_MAX]; /* link + 1; 0 = none */
};

typedef void (*kernel_event_fn)(void *ctx, const struct hs_event *event);

/*
 * Opens and loads the object for this host; families that it lacks are left out, their reason in
 * family[].why. Nothing is attached. 0, or negative errno with `error` filled: what, on what, why,
 * and what to do about it. kernel_close() in any case.
 */
int kernel_load(struct kernel *k, const struct topology *topo, const char *root, char *error,
		size_t error_size);

/* Detaches and unloads everything. The gate should be shut by now. Harmless on a zeroed struct. */
void kernel_close(struct kernel *k);

/* The sensor's tracepoints (the one on exec stays while the scheduler is attached). */
int kernel_attach_sense(struct kernel *k);
void kernel_detach_sense(struct kernel *k);
int kernel_attach_exec(struct kernel *k);

/*
 * Starts the pulse on the calling thread's CPU, or makes it beat at once and there from now on.
 * 0 or negative errno.
 */
int kernel_pulse(struct kernel *k);

/* Our scheduler. Detaching waits until the kernel has put EEVDF back. 0 or negative errno. */
int kernel_attach_sched(struct kernel *k);
void kernel_detach_sched(struct kernel *k);
bool kernel_sched_attached(const struct kernel *k);

/*
 * Our program for incoming packets on an interface: in its driver, or behind it (*generic) where the driver cannot.
 * @slot (below KERNEL_INTERFACES_MAX) is the caller's name for it. 0 or negative errno; -EBUSY, -EEXIST: another program is
 * there, or on an interface above or below.
 */
int kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, bool *generic);
void kernel_detach_xdp(struct kernel *k, __u32 slot);

/*
 * Steering (kern/steer.bpf.c): the books of its queues, which once attached stay so, as what is missing in them is never made
 * up for, and then the judge, or a look of it at once. It ends by itself when the gate is shut. 0 or negative errno.
 */
int kernel_steer(struct kernel *k);

/*
 * Descriptor that becomes ready with events (-1: none). kernel_events() hands over `max` of them at
 * most and returns how many, or negative errno: `max` means that there may be more.
 */
int kernel_events_open(struct kernel *k, kernel_event_fn fn, void *ctx);
int kernel_events(struct kernel *k, int max);

/*
 * Descriptor that becomes ready when our scheduler begins to leave, or sched_ext finds an error in it,
 * until kernel_bell_silence(). -EOPNOTSUPP where it cannot run; other negative errno.
 */
int kernel_bell_open(struct kernel *k);
void kernel_bell_silence(struct kernel *k);

/*
 * All tasks that something is known of, one call each, until `fn` returns non-zero (which is then
 * returned). 0 or negative errno.
 */
int kernel_tasks(struct kernel *k, int (*fn)(void *ctx, const struct hs_task_record *task),
		 void *ctx);

/*
 * Looks up the declaration of every task anew, after MATCH changed: by itself the kernel side does so
 * when a task is first seen, executes a program or changes its cgroup. 0; -EOPNOTSUPP: the object has
 * no program `rematch`; other negative errno.
 */
int kernel_rematch(struct kernel *k);

/* Sum over all CPUs of each counter of the fast path. 0 or negative errno. */
int kernel_counters(struct kernel *k, __u64 sum[HS_COUNT_NR]);

const char *family_state_name(enum family_state state);

/* What the load log says of a failure: the family it blames (FAMILY_NR: none) and one line why. */
enum family_id load_log_blame(const char *log, char *why, size_t size);

#endif
