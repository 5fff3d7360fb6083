/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* When something may be changed: at once, between two tasks, while the host is idle, in a maintenance window. Times are handed in. */
#ifndef HOMEOSTAT_GOVERNOR_H
#define HOMEOSTAT_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>

#include "kb.h"
#include "profile.h"

#define GOVERNOR_BUSY_PERMILLE 100	  /* below this share of its CPUs the host counts as idle */
#define GOVERNOR_TOLD_NS 3600000000000ULL /* so long what an application says of itself counts */

/* What the host does, as told by who runs it: X(ID, name, meaning). */
#define GOVERNOR_ACTIVITIES(X)                                                                     \
	X(UNKNOWN, "unknown", "nobody has said")                                                   \
	X(BUSY, "busy", "at work; between two tasks it says idle")                                 \
	X(IDLE, "idle", "nothing is to be done: now is the time")                                  \
	X(MISSION, "mission", "at what must not be disturbed: nothing is changed")
enum governor_activity {
#define X(id, ...) ACTIVITY_##id,
	GOVERNOR_ACTIVITIES(X)
#undef X
	ACTIVITY_NR
};
extern const char *const governor_activities[ACTIVITY_NR];

struct governor {
	enum governor_activity told;
	__u64 told_ns;
	__u64 idle_ns; /* since when the CPUs are idle; 0 = they are not */
};

/* Somebody says what the host does. */
void governor_tell(struct governor *g, enum governor_activity activity, __u64 now_ns);

/* Once a second: how busy all CPUs were. */
void governor_look(struct governor *g, __u64 busy_permille, __u64 now_ns);

/* What was told last, while it counts. */
enum governor_activity governor_told(const struct governor *g, __u64 now_ns);

/* May something of that timing be done now? @wall_s: seconds since 1970. One clause in `why` where not. */
bool governor_may(const struct governor *g, const struct profile_changes *rule,
		  enum kb_timing timing, __u64 now_ns, __s64 wall_s, char *why, size_t size);

/* Is it time to give notice of what waits for a maintenance window? It is open, or opens within the notice of the profile. Pure. */
bool governor_notice(const struct profile_changes *rule, __s64 wall_s);

#endif
