/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What the kernel programs share among themselves. Defined in state.bpf.c. */
#ifndef HOMEOSTAT_STATE_H
#define HOMEOSTAT_STATE_H

#include "ktypes.h"
#include "abi.h"
#include "lib/recognise.h"

/* Facts of the machine, set by the daemon before load. */
extern const volatile __u32 nr_cpus;  /* possible CPUs */
extern const volatile __u32 nr_llcs;  /* last-level cache domains; 1 … LLCS_MAX */
#define LLCS_MAX 64		      /* more domains than that share queues, modulo */
extern const volatile __u32 replayed; /* 1 = decisions are recomputed, by no pulse: decision.h */

/* VARIANT_*: the decision points that a variant of the scheduler was linked to (variant.h); set by the daemon before load. */
extern const volatile __u32 variant_points;

extern struct hs_gate gate;
extern struct hs_exit exited;
extern struct hs_vital vitals[HS_VITAL_NR];
extern struct hs_slot slots[HS_SLOTS];
extern struct hs_knob knobs[HS_KNOB_NR];
extern struct hs_wish wishes[HS_KNOB_NR];
extern struct hs_hooks hooks;
extern struct hs_steer steer;
extern struct hs_tcp_look tcp_look;
extern struct hs_decisions decisions;

/*
 * What the sensors write and the pulse reads, one per CPU. Two banks: sensors write bank
 * `epoch & 1`; the pulse advances the epoch, then reads and clears the other one. A sensor that was
 * in the middle of a write at that moment may lose or misplace one sample: tolerable in a histogram.
 */
struct sense_bank {
	__u64 used[HS_CLASS_NR][HS_HIST_BUCKETS / 64]; /* bit set = bucket not empty */
	__u32 wait[HS_CLASS_NR][HS_HIST_BUCKETS];      /* run-queue wait, ns (lib/hist.h) */
	__u64 n[HS_CLASS_NR];			       /* samples in there, as the sensor says */
	__u64 wait_max_ns;
	__u64 worker_max_ns; /* of the CPU's own kernel threads, where it is above WORKER_LONG_NS */
	__u64 softirq_max_ns; /* from raising a soft interrupt to running it */
	__u64 receive_max_ns; /* from the network stack's entry to the socket */
	__u64 hard_max_ns;    /* that one hard interrupt took … */
	__u64 soft_max_ns; /* … and one soft one, which a hard one may come within: two writers */
	__u64 run_ns[HS_CLASS_NR]; /* CPU time of the sampled tasks since they were last seen … */
	__u64 off_ns[HS_CLASS_NR]; /* … time off the CPU … */
	__u64 sleeps[HS_CLASS_NR]; /* … and their voluntary sleeps */
};
struct sense_cpu {
	__u32 epoch;	   /* pulse */
	__u32 every;	   /* pulse: sample one switch in so many, on average; 0 and 1 = all */
	__u32 seed;	   /* of which ones */
	__u64 crit_run_ns; /* CPU time that critical tasks took with precedence; only ever grows */
	__u64 count[HS_COUNT_NR]; /* enum hs_counter; only ever grows */
	__u64 raised_ns
		[HS_SOFTIRQS]; /* when a soft interrupt was raised that has not run yet; 0 = none */
	__u64 hard_ns;	       /* hook `irq`: time in hard interrupts; only ever grows */
	struct sense_bank bank[2];
} __attribute__((aligned(64)));

/*
 * What is known of one task. Made when the task is first seen (by the sensor's sampling, or by
 * sched_ext's init_task), freed by the kernel with the task. Clocks here are run-queue clocks
 * (`rq->clock`): good for differences on one CPU, off by the CPUs' skew across two.
 */
struct task_state {
	/* what it is: lib/classify.h */
	__u32 class;	  /* enum hs_class */
	__u32 workload;	  /* index into WORKLOADS + 1; 0 = not declared */
	__u64 first_ns;	  /* first seen */
	__u64 changed_ns; /* last change of class */
	__u32 changes;
	__u32 clean;	     /* short runs after an event, in a row */
	__u32 demotions;     /* how often it proved not to be critical, forgotten slowly */
	__u32 wakeups;	     /* voluntary sleeps seen */
	__u64 burst_ns;	     /* CPU time between two voluntary sleeps, moving average … */
	__u64 peak_ns;	     /* … and slowly forgetting maximum */
	__u64 cycle_ns;	     /* time between two voluntary sleeps, moving average */
	__u64 sleep_ns;	     /* when it last went to sleep … */
	__u64 sleep_exec_ns; /* … and its sum_exec_runtime then */
	/* what the sampling sensor saw: sense/sched.h */
	__u64 seen_ns;
	__u64 seen_exec_ns;
	__u64 seen_sleeps;
	/* how it is scheduled: act/sched.bpf.c */
	__u64 run_exec_ns; /* sum_exec_runtime when it last got the CPU */
	__u64 wake_ns;	   /* last wake-up; a deadline counts from here */
	__u32 group;	   /* cgroup with a cpu.weight: slot + 1, see act/sched_group.h; 0 = none */
	__u32 llc;	   /* cache domain that its vtime is of, + 1; 0 = none yet */
	__u32 unused;
	__u32 counted;	/* weight that is counted in its group; 0 = not runnable */
	__u64 slice_ns; /* what is left of its slice; 0 = a new one is due */
	__u64 vtime;	/* CPU time received, scaled by 100 / weight */
	__s32 cpu;	/* where it ran last; -1 = nowhere yet */
	__u32 flags;	/* TASK_* */
};
#define TASK_SLEPT 1   /* its last run ended in a sleep: the next one begins with a wake-up */
#define TASK_EVENT 4   /* the last wake-up came from an event, see lib/classify.h */
#define TASK_YIELDED 8 /* gave the CPU up: not to be chosen again at once */
#define TASK_PACKED 16 /* since it woke: a variant has named its CPU, which was at work */
#define TASK_EXPRESS 2 /* was let run with precedence: its time counts against the budget */

struct bounds_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, HS_KNOB_NR);
	__type(key, __u32);
	__type(value, struct hs_bound);
};
extern struct bounds_map BOUNDS SEC(".maps");

struct config_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hs_config);
};
extern struct config_map CONFIG SEC(".maps");

/* Two halves; hs_config.rules_base says which is in force, so a reload never shows half a set. */
struct rules_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 2 * HS_RULES_MAX);
	__type(key, __u32);
	__type(value, struct hs_rule);
};
extern struct rules_map RULES SEC(".maps");

/* The arrays indexed by CPU are cut to the number of possible CPUs at load. */
struct cpus_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct hs_cpu_topo);
};
extern struct cpus_map CPUS SEC(".maps");

struct sense_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* for the page alignment: no two CPUs share a line */
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct sense_cpu);
};
extern struct sense_map SENSE SEC(".maps");

struct cpu_vitals_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct hs_cpu_vitals);
};
extern struct cpu_vitals_map CPU_VITALS SEC(".maps");

struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};
extern struct events_map EVENTS SEC(".maps");

/*
 * Rung when our scheduler begins to leave: wakes the heartbeat's thread, which helps it to (LEAVE_NS in
 * user/daemon/heartbeat.c). Once in an arming, or twice; full with 256 that nobody heard, when nobody
 * is there to be woken.
 */
struct bell_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* libbpf makes it a page where pages are larger */
};
extern struct bell_map BELL SEC(".maps");

/* Records of struct hs_decision and hs_decision_state, while somebody records. What finds no room is counted. */
struct decisions_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};
extern struct decisions_map DECISIONS SEC(".maps");

struct tasks_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
};
extern struct tasks_map TASKS SEC(".maps");

struct workloads_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, HS_WORKLOADS_MAX);
	__type(key, __u32);
	__type(value, struct hs_workload);
};
extern struct workloads_map WORKLOADS SEC(".maps");

struct workload_stats_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_WORKLOADS_MAX);
	__type(key, __u32);
	__type(value, struct hs_workload_stats);
};
extern struct workload_stats_map WORKLOAD_STATS SEC(".maps");

/* Full map: the declaration that did not fit is refused by the daemon, before anything is loaded. */
struct match_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, HS_MATCHES_MAX);
	__type(key, struct hs_match_key);
	__type(value, __u32);
};
extern struct match_map MATCH SEC(".maps");

struct flows_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct hs_flow_set);
};
extern struct flows_map FLOWS SEC(".maps");

struct peers_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_RDONLY_PROG | BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * (HS_FLOWS_MAX + 1));
	__type(key, struct hs_peer_key);
	__type(value, __u64);
};
extern struct peers_map PEERS SEC(".maps");

struct flow_stats_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HS_FLOW_STATS_NR);
	__type(key, __u32);
	__type(value, struct hs_flow_stats);
};
extern struct flow_stats_map FLOW_STATS SEC(".maps");

struct egress_stats_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HS_FLOW_STATS_NR);
	__type(key, __u32);
	__type(value, struct hs_egress_stats);
};
extern struct egress_stats_map EGRESS_STATS SEC(".maps");

struct pacers_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HS_PACERS_MAX);
	__type(key, __u32);
	__type(value, struct hs_pacer);
};
extern struct pacers_map PACERS SEC(".maps");

/* What undeclared flows do, by the hash of each, those that come in before those that go out: lib/recognise.h. */
struct recognised_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * RECOGNISE_FLOWS_NR);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct recognised_map RECOGNISED SEC(".maps");

/*
 * What is known of a connection that we took or set something on. Made with it, freed by the kernel with the socket.
 * Without memory it is not made, and the connection is left alone.
 */
struct socket_state {
	__u32 flow;	  /* index when it was made */
	__u32 set;	  /* HS_SOCKET_* … */
	__u32 rto_min_us; /* … and what was there before */
	__u32 delack_max_us;
	__u32 unsent_bytes;
	__u32 moves;
	/* act/tcp.bpf.c: the variant that bears loss looks back over so many rounds at a time */
	__u32 round_end; /* tp->delivered at which the present round is over */
	__u32 rounds;
	__u32 clean;  /* rounds without a loss, in a row */
	__u32 rtt_us; /* shortest of the epoch */
	__u32 last_rtt_us;
	__u32 lost; /* tp->lost and tp->delivered when it began */
	__u32 delivered;
	__u32 settling;	  /* rounds to go until losses and queue are the path's; only ever falls */
	__u32 round_lost; /* tp->lost when the present round began … */
	__u32 host;	  /* … and 1 = in some round it lost while the host was congested */
	__u32 window;	  /* in packets, which losses have not cut; 0 = BBR's alone counts */
};

struct sockets_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
};
extern struct sockets_map SOCKETS SEC(".maps");

/* Dropped packets by the kernel's reason (enum skb_drop_reason), since load. */
struct drops_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HS_DROPS_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct drops_map DROPS SEC(".maps");

/* What each interrupt took, on each CPU: struct hs_irq says of which time. */
struct irqs_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HS_IRQS_MAX);
	__type(key, __u32);
	__type(value, struct hs_irq);
};
extern struct irqs_map IRQS SEC(".maps");

/*
 * Queues to other CPUs, each with a thread there; the daemon makes and unmakes them (user/daemon/steer.c). Set to the number
 * of possible CPUs at load: the kernel refuses more than it was built for.
 */
struct steer_queues_map {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
};
extern struct steer_queues_map STEER_QUEUES SEC(".maps");

struct steer_cpus_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* for the page alignment, as SENSE */
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct hs_steer_cpu);
};
extern struct steer_cpus_map STEER_CPUS SEC(".maps");

#endif
