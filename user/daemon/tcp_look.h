/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Vital signs of TCP connections, by class of flow (kern/sense/tcp.bpf.c). Once a second all connections are looked at, while the
 * profile in force has a rule, a limit or a service level on one of these vital signs, or a policy in a slot reads one, in every mode, or until the time that a
 * person has asked for is over; else they are absent, and nothing is done.
 *
 * A look is in pieces, one in each round of the main loop, and TCP_LOOK_PIECES of them in a second: where there are more sockets it takes longer,
 * and the next one begins with the next second. The first one only takes note; vital signs come with the second.
 */
#ifndef HOMEOSTAT_TCP_LOOK_H
#define HOMEOSTAT_TCP_LOOK_H

#include "kernel.h"
#include "profile.h"

#define TCP_LOOK_PIECES 64 /* in one second: 8192 sockets */
#define TCP_LOOK_FEW                                                                               \
	20 /* segments sent again are a share of so many at least: one of three is no alarm */

/* The vital signs of one class, in the order of HS_TCP_VITALS. */
enum tcp_look_sign {
	TCP_LOOK_RTT,
	TCP_LOOK_RTTVAR,
	TCP_LOOK_RETRANSMIT,
	TCP_LOOK_DELIVERED,
	TCP_LOOK_SIGNS
};

struct tcp_look {
	__u64 until_ns; /* a person looks until then */
	bool read;	/* a policy in a slot reads one of them */
	bool on;	/* connections are looked at once a second … */
	bool running;	/* … right now: tcp_look_step() has something to do */
	__u32 pieces;	/* that it may still have in this second */
	__u64 begun_ns; /* when the last look began … */
	__u64 last_ns;	/* … and the one before; 0 = none of this session */
	int failed;	/* what beginning it said last, so that it is logged once */
};

/* The vital sign of a class (enum hs_flow_class). Pure. */
enum hs_vital_id tcp_look_vital(__u32 class, enum tcp_look_sign sign);

/* Does @profile ask for any of them? Pure. */
bool tcp_look_wanted(const struct profile *profile);

/* Once a second: begins a look, lets one that is not over go on, or ends it all. */
void tcp_look_tick(struct tcp_look *t, struct kernel *k, const struct profile *profile,
		   __u64 now_ns);

/* Is there a piece to be looked at now? */
bool tcp_look_busy(const struct tcp_look *t);

/* Looks at one; after the last of them the vital signs are entered. */
void tcp_look_step(struct tcp_look *t, struct kernel *k, __u64 now_ns);

/* Enters what a look has found, which began @span_ns after the one before. */
void tcp_look_enter(struct hs_vital vitals[HS_VITAL_NR], const struct hs_tcp_look *look,
		    __u64 span_ns, __u64 now_ns);

#endif
