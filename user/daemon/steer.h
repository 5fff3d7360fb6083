/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The queues by which packets are handed to other CPUs (STEER_QUEUES): made while packets are looked at, for the CPUs that the
 * profile names and nobody else has, and unmade.
 */
#ifndef HOMEOSTAT_STEER_H
#define HOMEOSTAT_STEER_H

#include "kernel.h"
#include "net.h"
#include "policy.h"

/*
 * Packets that one queue holds, 16 KB. Twice the backlog that the kernel itself has for a CPU (net.core.netdev_max_backlog),
 * and a few ms of one that is busy with nothing else.
 */
#define STEER_QUEUE_PACKETS 2048

struct steer {
	__u64 leaving[CPU_WORDS]; /* no target any more, and its queue goes at the next look */
	char why[256];		  /* why a queue is missing, "" = none is */
	void (*slow)(void *ctx);  /* told before each call that may take its time; NULL = nobody */
	void *ctx;		  /* for it */
};

/*
 * Makes the queues that are missing and tells the kernel side by CPUS (policy->steer_queues says which there are). A CPU that
 * is no target any more, as the profile does not name it or somebody else has it, gets no new flow from now on; its queue goes at
 * the next look, so that flows which pause until then leave it in order. @wanted false: no packet is looked at any more, and
 * all queues go now. Their threads deliver what is in them first. What fails stands in `why`, and in the log when that is new.
 */
void steer_follow(struct steer *steer, struct kernel *k, struct policy *policy,
		  const struct topology *topo, bool wanted);

/* Why no packet can be handed over, or not to all CPUs that the profile names; "" = nothing speaks against it. */
const char *steer_why(const struct steer *steer, const struct kernel *k,
		      const struct policy *policy, const struct net *net);

#endif
