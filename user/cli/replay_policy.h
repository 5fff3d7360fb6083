/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Policies that are in the slots of a replay themselves, and answer again. */
#ifndef HOMEOSTAT_CLI_REPLAY_POLICY_H
#define HOMEOSTAT_CLI_REPLAY_POLICY_H

#include <stdbool.h>

#include "../lib/plugin.h"
#include "recompute.h"

struct replay_policy {
	struct plugin p;
	int link;	/* + 1; 0 = none */
	bool itself;	/* it answers by itself */
	__u32 gen;	/* hs_slot_config.gen that it stands for; 0 = not asked yet */
	__u64 lost;	/* of the log, at its first call */
	__u64 answered; /* calls */
};

/* Puts an object into a slot. 0, or negative errno and `error`. replay_policy_close() in any case, if *rp was zeroed. */
int replay_policy_open(struct replay_policy *rp, struct recompute *r, __u32 slot, const char *path,
		       char *error, size_t size);

/*
 * A state of the log is next: is the policy as it was when this was recorded? What it keeps is in no log, so it has to have been there from its
 * first call on. It answers by itself from now on, or not. 0; -ENODATA and `error`: it was at work before the log begins.
 */
int replay_policy_state(struct replay_policy *rp, struct recompute *r, __u32 slot,
			const struct hs_decision_state *s, __u64 lost, char *error, size_t size);

void replay_policy_close(struct replay_policy *rp);

#endif
