/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The host's present load in one word, from vital signs. The first of the list whose entering level one of its vital signs has
 * reached, and that has not fallen below the leaving level since:
 *
 *	memory   psi.memory.some_permille 100 (50), mem.reclaim_stalls_hz 100 (20)
 *	io       psi.io.some_permille 100 (50)
 *	burst    sched.burst_permille 3000 (1500), net.burst_permille 3000 (1500)
 *	compute  cpu.busy_permille 300 (200), psi.cpu.some_permille 50 (20), sched.run.normal_ns 2 ms (1 ms), sched.switches_hz 4000 (2000),
 *	         net.packets_hz 2000 (1000)
 *	idle     none of them
 *
 * Another word than the present one has to hold for LOAD_HOLD_NS.
 */
#ifndef HOMEOSTAT_LOAD_H
#define HOMEOSTAT_LOAD_H

#include <stdbool.h>

#include "profile.h"

#define LOAD_HOLD_NS 3000000000ULL

/* A vital sign as the daemon tells it: absent is not 0. */
struct vital_now {
	bool present;
	__u64 value; /* in its unit */
};

struct load_state {
	bool over[HS_VITAL_NR]; /* has entered, and not left */
	int now;		/* enum profile_load; -1 = not known yet */
	int next;		/* what it is about to become; -1 = nothing else */
	__u64 next_ns;		/* since when it has been that */
};

void load_init(struct load_state *state);

/* One look. Returns the load: enum profile_load, -1 = not known: none of these vital signs is there. */
int load_look(struct load_state *state, __u64 now_ns, const struct vital_now vital[HS_VITAL_NR]);

#endif
