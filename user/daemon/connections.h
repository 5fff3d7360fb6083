/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* TCP connections of declared flows: our congestion control and sockops are attached while we are armed. */
#ifndef HOMEOSTAT_CONNECTIONS_H
#define HOMEOSTAT_CONNECTIONS_H

#include "kernel.h"
#include "profile.h"

struct connections {
	void (*slow)(
		void *ctx); /* told before what may take its time (RCU, all sockets); NULL = nobody */
	void *ctx;	    /* for it */
	int failed;	    /* what putting back said last, so that it is logged once */
	bool attached;
	bool refused;  /* attaching failed: not tried again until it is asked for */
	bool leaving;  /* some have something of ours still: looked after each second */
	__u32 left;    /* so many, as last seen */
	char why[256]; /* why nothing is attached, "" = it is, or need not be */
};

/*
 * Does this profile want anything done with TCP connections: our congestion control for some, or, with the knobs as they
 * are or may become, something set on critical ones? NULL does not.
 */
bool connections_wanted(const struct kernel *k, const struct profile *profile);

/*
 * Attaches where @profile (NULL: none) wants it, else detaches and puts back on live connections what can be put back. @retry:
 * also where it failed before. @root is where /sys is read.
 */
void connections_follow(struct connections *c, struct kernel *k, const struct profile *profile,
			const char *root, bool retry);

#endif
