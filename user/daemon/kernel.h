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
#include "../../kern/variant.h"
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
	int flows, peers, flow_stats, egress_stats, pacers, drops, irqs;
	int steer_queues, steer_cpus;
	int gate;  /* `.data.gate`: who holds it can map the gate, and shut it, without us */
	int pulse; /* of the timer: who holds it keeps the pulse beating when we are gone */
};

#define KERNEL_INTERFACES_MAX HS_PACERS_MAX /* that we can be attached to at the same time */

#define KERNEL_HOOK_LINKS 14 /* programs and tracepoints of one hook, at most */

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
	struct hs_hooks *hooks;
	struct hs_tcp_look *tcp_look;
	const struct hs_slot *slots; /* [HS_SLOTS] */
	const struct hs_decisions *decisions;
	__u32 pulse_id;		   /* of the program that beats … */
	__u32 slot_type[HS_SLOTS]; /* … and BTF ids of its functions that plug-ins take */
	struct kernel_maps fd;
	struct family family[FAMILY_NR];
	struct homeostat_variant variant; /* of the scheduler; points = 0: none */
	__u32 cpus_nr;			  /* entries of the arrays indexed by CPU */
	__u32 count_at;	  /* offset of the counters in an entry of SENSE, 0 = unknown */
	__u32 sense_size; /* size of such an entry */
	/* private to kernel*.c */
	struct homeostat_bpf *skel;
	struct ring_buffer *ring, *bell;
	struct bpf_link *sense_link, *exec_link, *tasks_link, *sched_link;
	struct bpf_link *hook_link[HS_HOOK_NR][KERNEL_HOOK_LINKS];
	int stamps_fd; /* a socket + 1; 0 = none */
	struct bpf_link *steer_link[3];
	int xdp_fd[KERNEL_INTERFACES_MAX]; /* link + 1; 0 = none */
	int tc_fd[KERNEL_INTERFACES_MAX];  /* likewise */
	struct bpf_link *tcp_link, *loss_link, *sockops_link, *look_link;
	int look_fd; /* iterator + 1; 0 = no look is under way */
};

typedef void (*kernel_event_fn)(void *ctx, const struct hs_event *event);

/*
 * Opens and loads the object for this host, its own or that of a variant (a path, or NULL); families that it lacks are left
 * out, their reason in family[].why. Nothing is attached. 0, or negative errno with `error` filled: what, on what, why,
 * and what to do about it. kernel_close() in any case.
 */
int kernel_load(struct kernel *k, const struct topology *topo, const char *root,
		const char *variant, char *error, size_t error_size);

/* The object that kernel_load() loads; this program's own. */
const void *kernel_object(size_t *len);

/* For who records decisions: the maps `.data.decisions` and DECISIONS. Both stay the kernel's. */
int kernel_decisions(const struct kernel *k, int *ring_fd);

/* The program that beats, for plug-ins. */
int kernel_pulse_prog(const struct kernel *k);

/* Detaches and unloads everything. The gate should be shut by now. Harmless on a zeroed struct. */
void kernel_close(struct kernel *k);

/* The sensor's tracepoints (the one on exec stays while the scheduler is attached). */
int kernel_attach_sense(struct kernel *k);
void kernel_detach_sense(struct kernel *k);
int kernel_attach_exec(struct kernel *k);

/*
 * Hooks that cost something at each event: attached while somebody asks (hooks.h). 0 or negative errno, also where it was
 * so before.
 */
int kernel_hook(struct kernel *k, enum hs_hook hook);
void kernel_unhook(struct kernel *k, enum hs_hook hook);
void kernel_stamps_open(struct kernel *k);

/* Interrupts are counted anew from now on. */
void kernel_irqs_anew(struct kernel *k);

/* Tells the hooks how the kernel's clocks stand to each other: while one is attached, once a second. */
void kernel_hooks_clock(struct kernel *k);

/* Attaches a program of a family to what its section names, if it is not attached. 0 or negative errno, and the family's `why`. */
int kernel_attach(struct kernel *k, enum family_id id, struct bpf_program *prog,
		  struct bpf_link **link);

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
 * Our program for incoming packets on an interface: in its driver, or behind it (*generic) where the driver cannot. With
 * *steers the one that hands packets to other CPUs; it says afterwards whether it is: its driver may not know how to.
 * @slot (below KERNEL_INTERFACES_MAX) is the caller's name for it. 0 or negative errno; -EBUSY, -EEXIST: another program is
 * there, or on an interface above or below.
 */
int kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
		      bool *generic);
void kernel_detach_xdp(struct kernel *k, __u32 slot);

/*
 * The same program as a component of libxdp's dispatcher, which shares all maps with it (user/lib/dispatcher.h puts it there). A
 * descriptor, the caller's; or negative errno and one clause in `why`.
 */
int kernel_load_beside(struct kernel *k, char *why, size_t size);

/* What is forked from now on has none of the maps that we have mapped: gate, knobs and the rest stay ours to write. */
void kernel_keep_maps(const struct kernel *k);

/* Our program for outgoing packets on an interface, before those that are there. @slot as above. 0 or negative errno. */
int kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex);
void kernel_detach_tc(struct kernel *k, __u32 slot);

/* Attaching by tcx, tried where it cannot succeed: 0, or -EOPNOTSUPP. */
int kernel_probe_tc(struct kernel *k);

/*
 * The queueing discipline of an interface, by name, "fq" where it can hold a packet until its departure time; kern/act/tc.bpf.c
 * says which one of several. 0 or negative errno; -ENODEV: there is no such interface.
 */
int kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16]);

/* Why its driver must not be told to hand a packet to another CPU, a constant text; NULL = it may. */
const char *kernel_unfit(struct kernel *k, __u32 ifindex);

/* Bulk on that interface has a clock of its own from now on, or has none. 0 or negative errno. */
int kernel_pacer(struct kernel *k, __u32 ifindex, bool paced);

/*
 * Our congestion control, under its names, and the care for new connections in all cgroups below @cgroup, of this network
 * namespace. What the kernel lacks is left out: without BBR no connection is moved to the variant that bears loss. 0; negative
 * errno, nothing is attached and family[].why says why. New connections are made without us from kernel_detach_tcp() on; live
 * ones: kernel_connections().
 */
int kernel_attach_tcp(struct kernel *k, const char *cgroup);
void kernel_detach_tcp(struct kernel *k);

/*
 * Connections in this network namespace that we took or set something on, one call each, until `fn` returns non-zero (which
 * is then returned). @restore: puts back first what can be put back, and tells of those that have something of ours still. 0; -EOPNOTSUPP; other negative errno.
 */
int kernel_connections(struct kernel *k, bool restore,
		       int (*fn)(void *ctx, const struct hs_connection *connection), void *ctx);

/*
 * A look at all TCP connections of this network namespace: *tcp_look as it then is says which one; kernel_look() goes on with it
 * by one piece (HS_TCP_PIECE sockets), and adds to the sums there. It may wait for whoever holds a socket. kernel_look_end() ends one
 * that is not over yet. 1 = there is more, 0, -EOPNOTSUPP, other negative errno: it has ended.
 */
int kernel_look_begin(struct kernel *k);
int kernel_look(struct kernel *k);
void kernel_look_end(struct kernel *k);

/*
 * The books of steering (kern/act/steer.bpf.c), which once attached stay so, as what is missing in them is never made up for.
 * 0, also where it was so before, or negative errno.
 */
int kernel_steer(struct kernel *k);
void kernel_steer_close(struct kernel *k);

/* Random bytes for the hash by which flows are told apart; where there are none yet, what is there stays. */
void kernel_steer_key(void *key, size_t size);

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

/* Dropped packets by the kernel's reason, all CPUs, since load. 0 or negative errno. */
int kernel_drops(struct kernel *k, __u64 packets[HS_DROPS_MAX]);

/*
 * What each interrupt has taken since hooks->irq_from_ns, while the hook `irq` was on: one call for each that came, until `fn`
 * returns non-zero (which is then returned); @cpu is what it took on each CPU, cpus_nr of them. 0 or negative errno.
 */
int kernel_irqs(struct kernel *k,
		int (*fn)(void *ctx, enum hs_irq_kind kind, __u32 number, const struct hs_irq *cpu),
		void *ctx);

/* A plug-in, as the kernel tells of it. */
struct kernel_plugin {
	__u32 slot; /* that it has taken */
	__u32 prog; /* id of its program */
	__u32 work; /* instructions that the verifier walked through */
};

/*
 * Are these a link of a plug-in to a slot of our pulse, and its program? 0 and *p; -EINVAL, -EACCES (of another pulse, or function),
 * -E2BIG (PLUGIN_WORK_MAX) or another negative errno, and one clause in `why`.
 */
int kernel_plugin(const struct kernel *k, int link, int prog, struct kernel_plugin *p, char *why,
		  size_t size);

/* What is known when the object is loaded: pulse_id, slot_type. */
void kernel_plugin_targets(struct kernel *k);

/* Sum over all CPUs of each counter of the fast path. 0 or negative errno. */
int kernel_counters(struct kernel *k, __u64 sum[HS_COUNT_NR]);

const char *family_state_name(enum family_state state);

/* What the load log says of a failure: the family it blames (FAMILY_NR: none) and one line why. */
enum family_id load_log_blame(const char *log, char *why, size_t size);

#endif
