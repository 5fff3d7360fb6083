/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The interfaces of the profile: our programs are attached to them while we are armed, and to none else. */
#ifndef HOMEOSTAT_NET_H
#define HOMEOSTAT_NET_H

#include "beside.h"
#include "kernel.h"
#include "profile.h"

/* The two ends of an interface, each with a program of its own. */
enum net_end {
	NET_IN,	 /* XDP */
	NET_OUT, /* tcx */
	NET_END_NR
};

struct net_hook {
	__u32 ifindex; /* that we are attached to, 0 = none */
	__u32 refused; /* that attaching to failed: not tried again until it is another one, 0 = none */
	char why[256]; /* why we are not attached, "" = we are, or need not be */
};

struct net_interface {
	char name[16]; /* "" = this slot is free */
	struct net_hook hook[NET_END_NR];
	bool generic;	 /* NET_IN: behind the driver, not in it */
	bool beside;	 /* NET_IN: under libxdp's dispatcher */
	bool steer_said; /* NET_IN: that steering is asked for and cannot be */
	const char *
		steer_why; /* NET_IN: why its packets cannot be handed to other CPUs, NULL = they can */
	bool paced;	   /* NET_OUT: bulk has a clock there */
	char qdisc[16]; /* NET_OUT: the queueing discipline, "" = not known */
};

_Static_assert(PROFILE_INTERFACES_MAX == KERNEL_INTERFACES_MAX, "a slot for each");

struct net {
	struct net_interface interface[KERNEL_INTERFACES_MAX];
	struct beside beside; /* by the same slots */
	void (*slow)(
		void *ctx); /* told before each call for which a driver may take its time; NULL = nobody */
	void *ctx;	    /* for it */
};

/*
 * Attaches to the interfaces of @profile (NULL: none) and detaches from all others; an interface that is another one now
 * under the same name is taken anew. What fails stands in `why`, and in the log when that is new; the rest goes on, and it
 * is tried again with @retry, or when there is another interface of that name. Looks which queueing discipline there is, and
 * has bulk paced where it can hold packets.
 * @root is where /sys is read.
 */
void net_follow(struct net *net, struct kernel *k, const struct profile *profile, const char *root,
		bool retry);

/* Is there an interface whose packets can be handed to other CPUs? */
bool net_steers(const struct net *net);

/* What is known of an interface that was asked for, or that our program could not be taken off yet; or NULL. */
const struct net_interface *net_interface(const struct net *net, const char *name);

#endif
