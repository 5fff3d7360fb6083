// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "governor.h"

#include <stdio.h>

#define X(id, name, text) name,
const char *const governor_activities[ACTIVITY_NR] = {GOVERNOR_ACTIVITIES(X)};
#undef X

void governor_tell(struct governor *g, enum governor_activity activity, __u64 now_ns)
{
	g->told = activity;
	g->told_ns = now_ns;
}

void governor_look(struct governor *g, __u64 busy_permille, __u64 now_ns)
{
	if (busy_permille >= GOVERNOR_BUSY_PERMILLE)
		g->idle_ns = 0;
	else if (!g->idle_ns)
		g->idle_ns = now_ns;
}

enum governor_activity governor_told(const struct governor *g, __u64 now_ns)
{
	return g->told_ns && now_ns - g->told_ns < GOVERNOR_TOLD_NS ? g->told : ACTIVITY_UNKNOWN;
}

static bool is_idle(const struct governor *g, const struct profile_changes *rule,
		    enum governor_activity told, __u64 now_ns)
{
	return told == ACTIVITY_IDLE ||
	       (told == ACTIVITY_UNKNOWN && g->idle_ns && now_ns - g->idle_ns >= rule->idle_ns);
}

bool governor_may(const struct governor *g, const struct profile_changes *rule,
		  enum kb_timing timing, __u64 now_ns, __s64 wall_s, char *why, size_t size)
{
	enum governor_activity told = governor_told(g, now_ns);
	bool may = true;

	if (told == ACTIVITY_MISSION) {
		snprintf(why, size, "the host is on a mission (homeostat activity)");
		return false;
	}
	switch (timing) {
	case KB_TIMING_IMMEDIATE:
		break;
	case KB_TIMING_TASK: /* who never says anything has no tasks */
		may = told != ACTIVITY_BUSY;
		snprintf(why, size, "until the application is between two tasks");
		break;
	case KB_TIMING_IDLE:
		may = is_idle(g, rule, told, now_ns);
		snprintf(why, size, "until the host is idle");
		break;
	case KB_TIMING_MAINTENANCE:
		may = calendar_holds(&rule->maintenance, wall_s, NULL);
		snprintf(why, size, "%s",
			 rule->maintenance.nr
				 ? "until the next maintenance window"
				 : "for a maintenance window, and the profile has none "
				   "(changes: maintenance)");
		break;
	default:
		may = false;
		snprintf(why, size, "for a reboot");
	}
	return may;
}

bool governor_notice(const struct profile_changes *rule, __s64 wall_s)
{
	__s64 change_s;

	return rule->notice_ns &&
	       (calendar_holds(&rule->maintenance, wall_s, &change_s) ||
		(change_s && change_s - wall_s <= (__s64)(rule->notice_ns / 1000000000)));
}
