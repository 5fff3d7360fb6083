/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Certified mode: homeostatd --manifest. It acts by what the manifest names, every item of which has the hash that stands there, and
 * by nothing else: nothing is loaded, wished for, proposed or found out by looking away; modes only go down. Every decision is logged
 * (clerk.h), and what is declared is looked at and counted, once a second.
 */
#ifndef HOMEOSTAT_CERTIFIED_H
#define HOMEOSTAT_CERTIFIED_H

#include <stdbool.h>
#include <stddef.h>

#include "clerk.h"
#include "manifest.h"
#include "plugins.h"

struct homeostatd;
struct json_object;

/*
 * Declared constraints: X(ID, name, meaning). Each look at one that can be judged is counted as checked, and as violated, too, where it does
 * not hold.
 */
#define CERTIFIED_CONSTRAINTS(X)                                                                   \
	X(LIMITS, "limits", "while armed, a vital sign is at most what the profile's limit says")  \
	X(BOUNDS, "bounds", "a knob is within its bounds")                                         \
	X(LOG, "log", "every decision is in the log")                                              \
	X(POLICIES, "policies", "the policies of the manifest are in their slots")

enum certified_constraint {
#define X(id, ...) CERTIFIED_##id,
	CERTIFIED_CONSTRAINTS(X)
#undef X
	CERTIFIED_CONSTRAINT_NR
};

struct certified_count {
	__u64 checked, violated;
	bool now;	/* violated at the last look */
	char last[128]; /* which, the last time */
};

struct certified {
	bool on;
	struct manifest manifest;
	struct descriptors policy[HS_SLOTS]; /* until they are in their slots */
	struct plugin_offer offer[HS_SLOTS];
	__u32 policies;
	struct child clerk;
	char log[CLERK_NAME_LEN];
	__u64 lost_seen;
	struct certified_count count[CERTIFIED_CONSTRAINT_NR];
};

/*
 * Reads the manifest of d->opt, makes it again, and has the daemon go by it. 0 (also without one), or negative errno after one clear
 * line in the log: which item, expected and found.
 */
int certified_begin(struct homeostatd *d);

/* While everything may be loaded and there is one thread: policies, and the log's clerk. 0, or negative errno after a line in the log. */
int certified_load(struct homeostatd *d);

/* The policies begin to be asked. 0, or negative errno after a line in the log. */
int certified_seat(struct homeostatd *d);

/* Is a verb refused? With mode: one that is not further down. `why`: one line. */
bool certified_refuses(const struct homeostatd *d, const char *verb, struct json_object *request,
		       char *why, size_t size);

/* Once a second. */
void certified_tick(struct homeostatd *d);

/* Member `certified` of the status; null: it is not. */
void certified_json(const struct homeostatd *d, struct json_object *reply);

/* The last decisions are in the log; after the pulse's last beat that decides. */
void certified_end(struct homeostatd *d);

#endif
