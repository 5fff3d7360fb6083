/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A profile: what an operator chooses, read from YAML, checked whole before anything uses it. */
#ifndef HOMEOSTAT_PROFILE_H
#define HOMEOSTAT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"
#include "calendar.h"

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

/*
 * Changes of the machine by the mid and slow loops: what may be made without a person's approval, by whom, and when. Nothing, unless
 * it is stated.
 */
#define PROFILE_ADVISERS_LEN 128
#define PROFILE_ALLOW_LEN 512

struct profile_changes {
	unsigned int risk;	       /* up to this one; 0 = none */
	char allow[PROFILE_ALLOW_LEN]; /* names of parameters, or patterns: net.* vm.swappiness */
	char advisers[PROFILE_ADVISERS_LEN]; /* users whose proposals, beside root's */
	struct calendar maintenance;	     /* owned */
	__u64 notice_ns; /* the hook of `trip` is told so long before; 0 = it is not */
	__u64 observe_ns; /* so long what was changed in a window stays under watch; 0 = as anything else */
	char before[PROFILE_HOOK_LEN]; /* run before what is changed in a window; "" = none */
	char after[PROFILE_HOOK_LEN];
	__u64 idle_ns;	  /* so long the host is idle before it counts as that */
	__u64 expire_ns;  /* so long something waits */
	__u64 confirm_ns; /* so long a person has to confirm what can cut the host off */
};

/* Which profile is in force when: one that is there for others at times. */
#define PROFILE_CALENDAR_MAX 8
#define PROFILE_PATH_LEN 512
struct profile_calendar {
	struct profile_shift {
		struct calendar when;
		char path[PROFILE_PATH_LEN];
	} *shift;	 /* owned; the first whose time it is counts */
	unsigned int nr; /* ≤ PROFILE_CALENDAR_MAX */
	char base
		[PROFILE_PATH_LEN]; /* the profile that has the calendar; "" = there is none, not even without one */
	int in_force; /* index of the shift; -1 = the profile itself */
};

/* For what a piece of advice is, the more urgent first: X(ID, name, meaning). */
#define PROFILE_GOALS(X)                                                                           \
	X(LOSS, "loss", "something is lost: packets, connections, work")                           \
	X(JITTER, "jitter", "something comes late, or unsteadily")                                 \
	X(ENERGY, "energy", "something costs more than it has to")

/* What the host is doing, in one word: X(ID, name, meaning). user/adviser/load.h says when it is which. */
#define PROFILE_LOADS(X)                                                                           \
	X(IDLE, "idle", "next to nothing")                                                         \
	X(COMPUTE, "compute", "it works, and nothing below is scarce")                             \
	X(BURST, "burst", "work or packets come in bursts")                                        \
	X(IO, "io", "tasks wait for disks")                                                        \
	X(MEMORY, "memory", "tasks wait for memory")

#define X(id, ...) PROFILE_GOAL_##id,
enum profile_goal {
	PROFILE_GOALS(X) PROFILE_GOAL_NR
};
#undef X
#define X(id, ...) PROFILE_LOAD_##id,
enum profile_load {
	PROFILE_LOADS(X) PROFILE_LOAD_NR
};
#undef X
extern const char *const profile_goals[PROFILE_GOAL_NR];
extern const char *const profile_loads[PROFILE_LOAD_NR];

/* Values that homeostat-adviser finds out from the machine: X(ID, name, meaning). user/adviser/place.h has how. */
#define PROFILE_FORMS(X)                                                                           \
	X(SPREAD, "spread", "over the CPUs near the device that are allowed and least busy")       \
	X(PACK, "pack", "onto one core")

#define X(id, ...) PROFILE_FORM_##id,
enum profile_form {
	PROFILE_FORMS(X) PROFILE_FORM_NR
};
#undef X
extern const char *const profile_forms[PROFILE_FORM_NR];

#define PROFILE_ADVICE_MAX 32
#define PROFILE_ADVICE_LEN 32	  /* of a name */
#define PROFILE_PARAMETER_LEN 160 /* of a parameter with its objects */
#define PROFILE_VALUE_LEN 64
#define PROFILE_REASON_LEN 200

/* A vital sign is beyond a level for so long. */
struct profile_condition {
	__u32 vital;	/* enum hs_vital_id; HS_VITAL_NR = none, only the load counts (back) */
	bool above;	/* > level; otherwise < level */
	__u64 level;	/* in the vital sign's unit */
	__u64 for_ns;	/* 0 = at once */
	__u64 ahead_ns; /* as it will be then, if it goes on so: profile_slope() */
};

/* One piece of advice of homeostat-adviser: when … → propose …; the daemon reads it and does nothing by it. */
struct profile_advice {
	char name[PROFILE_ADVICE_LEN];
	struct profile_condition when, back;
	bool goes_back; /* `back` is stated */
	bool steps;	/* it goes back as it came, not at once */
	bool leaves;	/* it also goes back when the load is known and another than `load` */
	int load;	/* enum profile_load, only under which it holds; -1 = any */
	enum {
		PROFILE_TIMES,
		PROFILE_ADD,
		PROFILE_VALUE,
		PROFILE_TO
	} how;
	char parameter[PROFILE_PARAMETER_LEN]; /* not yet looked up */
	char without[PROFILE_PARAMETER_LEN];   /* only where this one is of no use; "" = anywhere */
	enum profile_form form;		       /* PROFILE_TO */
	__u64 times_permille;		       /* of the present value */
	__s64 add;			       /* in the parameter's unit */
	char value[PROFILE_VALUE_LEN];
	bool has_most, has_least;
	__u64 most, least; /* in the parameter's unit */
	enum profile_goal goal;
	__u64 cooldown_ns;
	char reason[PROFILE_REASON_LEN];
	__u32 line; /* of its declaration */
};

struct profile {
	char name[PROFILE_NAME_LEN];
	char description[160];
	char path[PROFILE_PATH_LEN]; /* file it came from; "" = built in */
	char *text;		     /* the file as it was read, owned; NULL = built in */
	struct hs_config config;     /* without rules_base, which the daemon sets */
	__u64 heartbeat_limit_ns;    /* 5 ms … 100 ms */
	__u64 limit_times
		[HS_LIMITS_MAX]; /* of config.limit[]: multiple of what stock gave; 0 = none */
	struct profile_helping helping;
	struct profile_trip trip;
	struct profile_weights weights;
	struct profile_changes changes;
	struct profile_calendar calendar; /* owned */
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
	struct profile_advice *advice;	   /* owned */
	__u32 advice_nr;		   /* ≤ PROFILE_ADVICE_MAX */
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

/*
 * Reads the profile at @path, and all that its calendar names, and gives the one that is to be in force at a time (seconds since
 * 1970), without its calendar, which is *calendar (profile_calendar_free() it). On failure neither is touched: as profile_load().
 */
int profile_load_at(struct profile *profile, struct profile_calendar *calendar, const char *path,
		    __s64 now_s, char *error, size_t error_size);

/* The shift that is due at a time, or -1. *until_s (may be NULL): when that changes; 0 = not within a week. Pure. */
int profile_due(const struct profile_calendar *calendar, __s64 now_s, __s64 *until_s);
void profile_calendar_free(struct profile_calendar *calendar);

/* Where the host's zoneinfo is, for all profiles that this process reads from now on: @root "" is the real one, as at the start. */
void profile_set_root(const char *root);

/* Everything at stock, no rules, nothing declared: what runs without a profile. */
void profile_stock(struct profile *profile);

/* The first @bits (0 to 128) of two addresses are the same. Pure. */
bool profile_same_prefix(const __u8 a[16], const __u8 b[16], unsigned int bits);

/* Has it a rule that moves this knob? Pure. */
bool profile_moves(const struct profile *profile, __u32 knob);

/* Has it a rule, a limit, a service level or advice on this vital sign? Pure. */
bool profile_asks(const struct profile *profile, __u32 vital);

/*
 * Which vital sign says, in a second, how fast another one gets worse; HS_VITAL_NR: none does. *falls: by it gets less, not more.
 * Pure.
 */
__u32 profile_slope(__u32 vital, bool *falls);

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

/* May a parameter be changed without approval, as far as its name is concerned? Pure. */
bool profile_allows(const struct profile_changes *changes, const char *parameter);

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
