/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The hooks that cost something at each event. One is attached while the profile in force has a rule, a limit or a service
 * level on the vital sign that it feeds, or a policy in a slot reads that, in every mode, or until the time that a person has asked for is over. Nothing else
 * attaches one, so an idle profile costs nothing.
 */
#ifndef HOMEOSTAT_HOOKS_H
#define HOMEOSTAT_HOOKS_H

#include "kernel.h"
#include "profile.h"

struct hooks {
	void (*slow)(
		void *ctx); /* told before each is attached or detached (RCU, patching text); NULL = nobody */
	void *ctx;		    /* for it */
	__u64 until_ns[HS_HOOK_NR]; /* somebody looks until then */
	bool read[HS_HOOK_NR];	    /* a policy in a slot reads what it feeds */
	bool refused
		[HS_HOOK_NR]; /* attaching it failed: said once, tried again with another profile */
};

/* Does @profile ask for the vital sign that this hook feeds? Pure. */
bool hooks_wanted(const struct profile *profile, enum hs_hook hook);

/* Attaches and detaches. What fails is in the log, and in the family's `why`. @again: also what failed before. */
void hooks_follow(struct hooks *hooks, struct kernel *k, const struct profile *profile,
		  __u64 now_ns, bool again);

#endif
