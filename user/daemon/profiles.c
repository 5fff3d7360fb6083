// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which profile is in force: the one that was loaded, or whose turn it is by its calendar. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "daemon.h"
#include "log.h"

#define LOAD_PATIENCE_NS NS_PER_S
#define SHIFT_RETRY_NS                                                                             \
	(60 * NS_PER_S) /* a profile of the calendar that was refused is tried again */

void profiles_rematch(struct homeostatd *d)
{
	int err = kernel_rematch(&d->kernel);

	if (err)
		log_warn("tasks that run already keep their old declaration: %s", strerror(-err));
}

int daemon_load_profile(struct homeostatd *d, const char *path, char *error, size_t size)
{
	struct profile_calendar calendar = {0};
	struct profile fresh;
	struct hs_event event = {.type = HS_EVENT_PROFILE};
	int err;

	if (d->certified.on) {
		snprintf(error, size, "certified mode: the profile is the manifest's");
		log_warn("%s: not loaded; %s", path, error);
		return -EPERM;
	}
	heartbeat_patience(&d->heartbeat, LOAD_PATIENCE_NS);
	err = profile_load_at(&fresh, &calendar, path, time(NULL), error, size);
	if (!err) {
		err = policy_apply(&d->policy, &d->kernel, &d->topo, &fresh, d->opt.root, error,
				   size);
		profile_free(&fresh);
	}
	if (err) {
		profile_calendar_free(&calendar);
		log_error("%s; profile %s stays in force", error, d->policy.profile.name);
	} else {
		event.from = d->calendar.nr ? (__u64)(d->calendar.in_force + 1) : 0;
		event.to = calendar.nr ? (__u64)(calendar.in_force + 1) : 0;
		profile_calendar_free(&d->calendar);
		d->calendar = calendar;
		daemon_event(d, &event);
		heartbeat_set_limit(&d->heartbeat, d->policy.profile.heartbeat_limit_ns);
		judge_set(d);
		aftermath_profile(d);
		profiles_rematch(d);
		arm_hooks(d, clock_ns(), true);
		kernel_pulse(&d->kernel);
		log_info("profile %s is in force", d->policy.profile.name);
	}
	heartbeat_patience(&d->heartbeat, 0);
	if (!err)
		arm_interfaces(d, true);
	return err;
}

int daemon_reload(struct homeostatd *d, char *error, size_t size)
{
	char path[PROFILE_PATH_LEN];

	memcpy(path, d->calendar.base, sizeof(path));
	if (path[0])
		return daemon_load_profile(d, path, error, size);
	snprintf(error, size, "no profile file is in force");
	log_warn("reload: %s", error);
	return -ENOENT;
}

void profiles_follow(struct homeostatd *d)
{
	char error[512];

	if (!d->calendar.nr || d->tick_ns < d->shift_ns ||
	    profile_due(&d->calendar, time(NULL), NULL) == d->calendar.in_force ||
	    tx_active(&d->changes.table) ||
	    governor_told(&d->changes.governor, d->tick_ns) == ACTIVITY_MISSION)
		return;
	d->shift_ns = daemon_reload(d, error, sizeof(error)) ? d->tick_ns + SHIFT_RETRY_NS : 0;
}

int profiles_first(struct homeostatd *d, struct profile *profile)
{
	char error[512];
	int err;

	if (!d->opt.profile) {
		profile_stock(profile);
		return 0;
	}
	err = profile_load_at(profile, &d->calendar, d->opt.profile, time(NULL), error,
			      sizeof(error));
	if (err)
		log_error("%s", error);
	return err;
}
