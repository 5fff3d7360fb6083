/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The YAML of a profile, its shape checked, its scalars still text: what libcyaml's schema can say.
 * Private to profile*.c; everybody else takes struct profile.
 */
#ifndef HOMEOSTAT_PROFILE_FILE_H
#define HOMEOSTAT_PROFILE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "yaml_file.h"

/* Every member is the text of the file; NULL where an optional one is not stated. */
struct pulse_text {
	char *min, *max, *window, *stress_wait, *stress_switches;
};
struct heartbeat_text {
	char *limit;
};
struct freeze_text {
	char *turns, *window;
};
struct weights_text {
	char *loss, *jitter, *work, *energy;
};
struct knob_text {
	char *name, *value, *min, *max;
};
struct rule_text {
	char *when, *low, *high, *knob, *kind, *up, *down, *hold, *cooldown;
};
struct match_text {
	char *cgroup, *comm, *pid;
};
struct workload_text {
	char *name, *class, *period, *deadline, *runtime, *cpus, *isolation, *criticality;
	struct match_text *match;
};
struct steer_text {
	char *cpus;
};
struct interface_text {
	char *name, *xdp;
};
struct flow_text {
	char *name, *class, *protocol, *port, *peer_port, *peer, *dscp, *mark, *tcp;
};
struct limit_text {
	char *vital, *max, *windows, *times;
};
struct slo_text {
	char *vital, *report, *max, *lasting; /* "for", which C keeps for itself */
};
struct helping_text {
	char *margin, *floor, *lasting, *observe;
};
struct trip_text {
	char *rearm, *rearm_max, *trips, *window, *hook, *hook_limit;
};
struct changes_text {
	char *risk, *allow, *advisers, *maintenance, *idle, *expire, *confirm;
	char *time_zone, *notice, *observe, *before, *after;
};
struct shift_text {
	char *when, *profile, *time_zone;
};
struct advice_when_text {
	char *vital, *above, *below, *lasting, *load, *ahead;
};
struct advice_propose_text {
	char *parameter, *times, *add, *value, *to, *most, *least, *without;
};
struct advice_back_text {
	char *vital, *above, *below, *lasting, *load, *steps;
};
struct advice_text {
	char *name, *goal, *cooldown, *reason;
	struct advice_when_text *when;
	struct advice_propose_text *propose;
	struct advice_back_text *back;
};
struct profile_text {
	char *name, *description, *recognise;
	struct pulse_text *pulse;
	struct heartbeat_text *heartbeat;
	struct freeze_text *freeze;
	struct weights_text *weights;
	struct knob_text *knobs;
	struct rule_text *rules;
	struct limit_text *limits;
	struct slo_text *slo;
	struct helping_text *helping;
	struct trip_text *trip;
	struct changes_text *changes;
	struct shift_text *calendar;
	struct steer_text *steer;
	struct interface_text *interfaces;
	struct flow_text *flows;
	struct workload_text *workloads;
	struct advice_text *advice;
	unsigned int knobs_count, rules_count, limits_count, slo_count, interfaces_count,
		flows_count, workloads_count, advice_count, calendar_count;
};

struct profile_file {
	struct yaml_file yaml;
	struct profile_text *text;
	bool of_calendar; /* it is read because another one's calendar names it */
};

/* See yaml_file_read(). profile_file_free() it in any case. */
int profile_file_read(struct profile_file *file, const char *text, size_t len);
void profile_file_free(struct profile_file *file);

#endif
