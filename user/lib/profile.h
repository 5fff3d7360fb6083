/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A profile: what an operator chooses, read from YAML, checked whole before anything uses it. */
#ifndef HOMEOSTAT_PROFILE_H
#define HOMEOSTAT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"

#define PROFILE_NAME_LEN 32
#define PROFILE_TEXT_MAX (64 * 1024) /* bytes of a profile file */
#define PROFILE_MATCH_LEN 256

/* One declaration as written; cgroups are resolved to ids by the daemon. */
struct profile_match {
	enum hs_match_kind kind;
	__u64 pid;		      /* HS_MATCH_PID */
	char text[PROFILE_MATCH_LEN]; /* cgroup path from the cgroup root, or command name */
};

struct profile_workload {
	struct hs_workload workload;
	struct profile_match match[3]; /* at most one of each kind */
	__u32 match_nr;
	__u32 line; /* of its declaration */
	__u32 slot; /* index into WORKLOADS, once the daemon has put it in force */
};

struct profile_knob {
	bool stated;
	__u64 value;	       /* the base, in the knob's unit */
	struct hs_bound bound; /* never wider than abi.h's; stock and slew are abi.h's */
};

/*
 * One declared flow: packets for which all holds that is stated. The first of the profile that fits a packet has it.
 * "Here" is this host, whichever way the packet goes.
 */
struct profile_flow {
	char name[32];
	__u32 class;	/* enum hs_flow_class */
	__s16 protocol; /* IP protocol number; -1 = any */
	__s16 dscp;	/* -1 = any */
	struct {
		__u16 first, last; /* 0 = any, and none needed */
	} port[HS_SIDE_NR];	   /* indexed by enum hs_side */
	__u8 peer[16];		   /* address there, network byte order; IPv4 as ::ffff:a.b.c.d */
	__u8 peer_bits;		   /* of it that count, 96 more for IPv4; 0 = any */
	__u8 mark; /* DSCP that its outgoing packets get, + 1; 0 = they keep theirs */
	__u8 tcp;  /* 1 = its connections get our congestion control */
};

/* A network interface whose packets are looked at. */
#define PROFILE_INTERFACES_MAX 16
struct profile_interface {
	char name[16]; /* IFNAMSIZ */
	bool beside;   /* share it with other XDP programs, under libxdp's dispatcher */
};

#define PROFILE_SLOS_MAX 16
#define PROFILE_REPORT_LEN 32
#define PROFILE_HOOK_LEN 256
#define PROFILE_WARNING_LEN (PROFILE_HOOK_LEN + 128)
#define PROFILE_TRIPS_MAX 16 /* that a profile may count, and the stall-loop breaker remembers */

/* A service level: above `max` for `for_ns` while armed is a trip, reason SLO. */
struct profile_slo {
	__u32 vital; /* enum hs_vital_id; HS_VITAL_NR = a figure that an application reports … */
	char report[PROFILE_REPORT_LEN]; /* … under this name, in whatever unit it likes */
	__u64 max;
	__u64 for_ns;
};

/* "Am I helping?": how much worse than stock, for how long, is a trip, reason HARM. */
struct profile_helping {
	__u64 margin_permille; /* 500 = half as much again; 0 = never looked at */
	__u64 floor_ns;	       /* normal tasks may wait so much longer in any case */
	__u64 for_ns;
	__u64 observe_ns; /* stock is observed for so long before an arming is judged by it */
};

/*
 * What counts how much when a recorded run is rewarded (docs/lab.md); relative to each other, never all 0.
 * Nothing that controls the host looks at them.
 */
struct profile_weights {
	__u64 loss_permille;   /* latency-critical work waits for a CPU */
	__u64 jitter_permille; /* … and not always for as long */
	__u64 work_permille;   /* time goes to switches and to homeostat itself */
	__u64 energy_permille;
};

/* What follows a trip. */
struct profile_trip {
	__u64 rearm_ns; /* first pause before arming again, doubled each time; 0 = by hand only */
	__u64 rearm_max_ns;
	__u32 trips; /* so many trips … */
	__u32 pad;
	__u64 window_ns;	     /* … in this time: stock until a person says otherwise */
	char hook[PROFILE_HOOK_LEN]; /* program to run, absolute; "" = none */
	__u64 hook_limit_ns;	     /* it is killed after this */
};

struct profile {
	char name[PROFILE_NAME_LEN];
	char description[160];
	char path[512];		  /* file it came from; "" = built in */
	char *text;		  /* the file as it was read, owned; NULL = built in */
	struct hs_config config;  /* without rules_base, which the daemon sets */
	__u64 heartbeat_limit_ns; /* 5 ms … 100 ms */
	__u64 limit_times
		[HS_LIMITS_MAX]; /* of config.limit[]: multiple of what stock gave; 0 = none */
	struct profile_helping helping;
	struct profile_trip trip;
	struct profile_weights weights;
	struct profile_slo slo[PROFILE_SLOS_MAX];
	__u32 slo_nr;
	struct profile_knob knob[HS_KNOB_NR]; /* not stated: stock, abi.h's bounds */
	struct hs_rule rule[HS_RULES_MAX];
	struct profile_interface interface[PROFILE_INTERFACES_MAX];
	__u32 interface_nr;
	__u64 steer_cpus[HS_CPUS_MAX / 64]; /* that packets may be handed to; all zero = none */
	struct profile_flow flow[HS_FLOWS_MAX];
	__u32 flow_nr;
	__u32 recognise;		   /* 1 = what is of no flow is taken for what it does */
	struct profile_workload *workload; /* owned */
	__u32 workload_nr;		   /* ≤ PROFILE_WORKLOADS_MAX */
};

#define PROFILE_WORKLOADS_MAX (HS_WORKLOADS_MAX - 1) /* one is the daemon's own */

/*
 * Reads and checks a profile. On success *profile is filled (profile_free() it) and 0 returned.
 * Otherwise *profile is untouched, `error` holds one line "file:line: reason; what would be right" and
 * the return value is -EINVAL (the file is wrong) or another negative errno (it could not be read).
 */
int profile_load(struct profile *profile, const char *path, char *error, size_t error_size);

/* The same from memory; `path` is for messages. */
int profile_parse(struct profile *profile, const char *path, const char *text, size_t len,
		  char *error, size_t error_size);

/* Everything at stock, no rules, nothing declared: what runs without a profile. */
void profile_stock(struct profile *profile);

/* The first @bits (0 to 128) of two addresses are the same. Pure. */
bool profile_same_prefix(const __u8 a[16], const __u8 b[16], unsigned int bits);

/* Has it a rule that moves this knob? Pure. */
bool profile_moves(const struct profile *profile, __u32 knob);

/* Has it a rule, a limit or a service level on this vital sign? Pure. */
bool profile_asks(const struct profile *profile, __u32 vital);

/* Has it bulk, and an interface at which that could be shed or paced? Pure. */
bool profile_holds_bulk(const struct profile *profile);

/* Has it a flow whose connections get our congestion control; one that is critical and may be of TCP? Pure. */
bool profile_takes_tcp(const struct profile *profile);

/* Is an interface of that name in it? Pure. */
bool profile_looks_at(const struct profile *profile, const char *name);

/* Does it share an interface with other XDP programs? Pure. */
bool profile_beside(const struct profile *profile);

bool profile_critical_tcp(const struct profile *profile);

/* May packets be handed to other CPUs? Pure. */
bool profile_steers(const struct profile *profile);

/* Does this knob say what is set on critical connections? Pure. */
bool profile_socket_knob(__u32 knob);

/* The pause before it arms again after the nth trip (from 1) in the window, in ns. Pure. */
__u64 profile_pause(const struct profile_trip *trip, __u32 nth);

/*
 * What a profile that is right may still lack on this host: a hook that root may run (trust.h). NULL, or
 * one clause in buf.
 */
const char *profile_warning(const struct profile *profile, char *buf, size_t size);

/* Frees what it owns; zeroes it. NULL-safe. */
void profile_free(struct profile *profile);

#endif
