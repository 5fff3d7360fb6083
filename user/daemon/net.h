/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The interfaces of the profile: our program is attached to them while we are armed, and to none else. */
#ifndef HOMEOSTAT_NET_H
#define HOMEOSTAT_NET_H

#include "kernel.h"
#include "profile.h"

struct net_interface {
	char name[16]; /* "" = this slot is free */
	__u32 ifindex; /* that we are attached to, 0 = none */
	__u32 refused; /* that attaching to failed: not tried again until it is another one, 0 = none */
	bool generic;  /* behind the driver, not in it */
	char why[256]; /* why we are not attached, "" = we are, or need not be */
};

_Static_assert(PROFILE_INTERFACES_MAX == KERNEL_INTERFACES_MAX, "a slot for each");

struct net {
	struct net_interface interface[KERNEL_INTERFACES_MAX];
	void (*slow)(
		void *ctx); /* told before each call for which a driver may take its time; NULL = nobody */
	void *ctx;	    /* for it */
};

/*
 * Attaches to the interfaces of @profile (NULL: none) and detaches from all others; an interface that is another one now
 * under the same name is taken anew. What fails stands in `why`, and in the log when that is new; the rest goes on, and it
 * is tried again with @retry, or when there is another interface of that name.
 * @root is where /sys is read.
 */
void net_follow(struct net *net, struct kernel *k, const struct profile *profile, const char *root,
		bool retry);

/*
 * An interface of @profile that is there and has no device (veth, lo …), or NULL. Its packets may come from this very host and
 * have no checksum yet; who hands such a packet to another CPU in the driver loses what the kernel knew of that, and it is dropped
 * as broken.
 */
const char *net_without_device(const struct profile *profile, const char *root);

/* What is known of an interface that was asked for, or NULL. */
const struct net_interface *net_interface(const struct net *net, const char *name);

#endif
