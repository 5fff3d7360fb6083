/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* One function per verb of the control protocol. Private to verb*.c. */
#ifndef HOMEOSTAT_VERBS_H
#define HOMEOSTAT_VERBS_H

#include "daemon.h"
#include "json.h"

/* A request being answered. */
struct call {
	struct homeostatd *d;
	struct json_object *request;
	struct json_object *reply; /* an object; what the verb fills */
	struct peer *peer;
	char error[512]; /* set where the verb returns an errno and knows more */
};

/*
 * For a verb that may take long: one read may go through a million sockets, none of them ours; a kind of interrupt is in the memory
 * of each CPU.
 */
#define LIST_PATIENCE_NS NS_PER_S

/* 0 or negative errno. */
typedef int (*verb_fn)(struct call *call);

int verb_status(struct call *call);
int verb_vitals(struct call *call);
int verb_knobs(struct call *call);
int verb_explain(struct call *call);
int verb_workloads(struct call *call);
int verb_flows(struct call *call);
int verb_connections(struct call *call);
int verb_drops(struct call *call);
int verb_irqs(struct call *call);
int verb_steer(struct call *call);
int verb_events(struct call *call);
int verb_profile_show(struct call *call);
int verb_policies(struct call *call);

int verb_mode(struct call *call);
int verb_arm(struct call *call);
int verb_disarm(struct call *call);
int verb_trip(struct call *call);
int verb_wish(struct call *call);
int verb_unwish(struct call *call);
int verb_profile_load(struct call *call);
int verb_reload(struct call *call);
int verb_policy_load(struct call *call);
int verb_policy_unload(struct call *call);
int verb_report(struct call *call);
int verb_propose(struct call *call);
int verb_changes(struct call *call);
int verb_approve(struct call *call);
int verb_reject(struct call *call);
int verb_confirm(struct call *call);
int verb_restore(struct call *call);
int verb_activity(struct call *call);
int verb_fault(struct call *call); /* fault.c, fault build only */

/*
 * With `for_ns` somebody begins to look at @what, by a hook that is attached for that long. 1 = so it is, 0 = nobody does, or
 * negative errno.
 */
int call_look(struct call *call, enum hs_hook hook, const char *what, enum family_id family);

/* The knob that the request names; negative errno with call->error set. */
int call_knob(struct call *call);

#endif
