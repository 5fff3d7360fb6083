// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verbs: who may call what with which arguments, and those that change something. */
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "names.h"
#include "units.h"

#define ARGUMENTS_MAX 8

static const struct verb {
	const char *name;
	verb_fn fn;
	bool changes; /* root only */
	const char *argument[ARGUMENTS_MAX];
} verbs[] = {
	{"status", verb_status, false, {NULL}},
	{"vitals", verb_vitals, false, {NULL}},
	{"knobs", verb_knobs, false, {NULL}},
	{"explain", verb_explain, false, {"knob"}},
	{"workloads", verb_workloads, false, {"from"}},
	{"flows", verb_flows, false, {NULL}},
	{"connections", verb_connections, true, {"for_ns"}}, /* goes through all sockets */
	{"drops", verb_drops, false, {"for_ns"}},
	{"irqs", verb_irqs, true, {"for_ns", "cpu"}}, /* has all counted anew, and reads much */
	{"steer", verb_steer, false, {NULL}},
	{"events", verb_events, false, {"follow", "n"}},
	{"profile_show", verb_profile_show, false, {NULL}},
	{"policies", verb_policies, false, {NULL}},
	{"report", verb_report, false, {"name", "value"}},
	{"propose", verb_propose, false, {"source", "proposals"}},
	{"changes", verb_changes, false, {NULL}},
	{"activity", verb_activity, false, {"activity"}},
	{"approve", verb_approve, true, {"id"}},
	{"reject", verb_reject, true, {"id", "why"}},
	{"confirm", verb_confirm, true, {"id"}},
	{"restore", verb_restore, true, {"all", "since_boot_ns", "id"}},
	{"mode", verb_mode, true, {"mode"}},
	{"arm", verb_arm, true, {NULL}},
	{"disarm", verb_disarm, true, {NULL}},
	{"trip", verb_trip, true, {NULL}},
	{"wish", verb_wish, true, {"knob", "value"}},
	{"unwish", verb_unwish, true, {"knob"}},
	{"profile_load", verb_profile_load, true, {"path"}},
	{"reload", verb_reload, true, {NULL}},
	/* descriptors of a link and its program come with it */
	{"policy_load",
	 verb_policy_load,
	 true,
	 {"name", "about", "reads", "turns", "keeps_state", "as", "for_ns"}},
	{"policy_unload", verb_policy_unload, true, {"slot", "name"}},
#ifdef HS_FAULT
	{"fault", verb_fault, true, {"what", "value", "pid", "path"}},
#endif
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

/* A misspelt argument must not pass as an absent one. */
static int check_arguments(struct call *call, const struct verb *verb)
{
	json_object_object_foreach(call->request, key, value)
	{
		int i = 0;

		(void)value;
		if (!strcmp(key, "verb"))
			continue;
		while (i < ARGUMENTS_MAX && verb->argument[i] && strcmp(verb->argument[i], key))
			i++;
		if (i < ARGUMENTS_MAX && verb->argument[i])
			continue;
		snprintf(call->error, sizeof(call->error), "%s has no argument '%.64s'", verb->name,
			 key);
		return -EINVAL;
	}
	return 0;
}

static int perform(struct call *call)
{
	const char *name = js_str(call->request, "verb");
	const struct verb *verb = find_verb(name);
	int err;

	if (!verb) {
		snprintf(call->error, sizeof(call->error), "unknown verb '%.64s'", name);
		return -ENOSYS;
	}
	if (verb->changes && call->peer->uid != 0) {
		snprintf(call->error, sizeof(call->error), "%s is for root", verb->name);
		return -EPERM;
	}
	err = check_arguments(call, verb);
	if (err)
		return err;
	if (certified_refuses(call->d, verb->name, call->request, call->error, sizeof(call->error)))
		return -EPERM;
	if (verb->changes)
		log_info("%s, asked for by uid %u, pid %d", verb->name, call->peer->uid,
			 call->peer->pid);
	return verb->fn(call);
}

struct json_object *verb_answer(void *ctx, struct json_object *request, struct peer *peer)
{
	struct call call = {.d = ctx, .request = request, .peer = peer};
	int err;

	call.d->served = true;
	/* many requests may have come in one packet; each is short */
	heartbeat_progress(&call.d->heartbeat);
	call.reply = json_object_new_object();
	if (!call.reply || !js_add_bool(call.reply, "ok", true))
		return call.reply;
	err = perform(&call);
	heartbeat_progress(&call.d->heartbeat); /* a long reply takes as long to write as to make */
	if (!err)
		return call.reply;
	json_object_put(call.reply);
	call.reply = json_object_new_object();
	js_add_bool(call.reply, "ok", false);
	js_add_str(call.reply, "error", call.error[0] ? call.error : strerror(-err));
	js_add_u64(call.reply, "errno", (__u64)-err);
	return call.reply;
}

int call_knob(struct call *call)
{
	const char *name = js_str(call->request, "knob");
	int knob = knob_find(name);

	if (knob < 0)
		snprintf(call->error, sizeof(call->error),
			 "unknown knob '%.64s'; expected one of `homeostat knobs`", name);
	return knob;
}

int verb_mode(struct call *call)
{
	const char *name = js_str(call->request, "mode");
	int mode = mode_find(name);

	if (mode < 0) {
		snprintf(call->error, sizeof(call->error),
			 "unknown mode '%.32s'; expected observe, advise or act", name);
		return -EINVAL;
	}
	judge_rest(call->d);
	if (mode == HS_MODE_ACT) /* a person says so; but not that what is held be let go */
		aftermath_by_hand(call->d, false);
	else
		aftermath_latch(call->d);
	return set_mode(call->d, (enum hs_mode)mode, call->error, sizeof(call->error));
}

int verb_arm(struct call *call)
{
	return arm_by_hand(call->d, call->error, sizeof(call->error));
}

int verb_disarm(struct call *call)
{
	judge_rest(call->d);
	aftermath_latch(call->d);
	changes_abort(call->d, "disarmed by a person");
	disarm(call->d, HS_TRIP_NONE);
	return 0;
}

int verb_trip(struct call *call)
{
	judge_rest(call->d);
	aftermath_latch(call->d);
	changes_abort(call->d, "tripped by a person");
	disarm(call->d, HS_TRIP_OPERATOR);
	return 0;
}

int verb_wish(struct call *call)
{
	struct policy *policy = &call->d->policy;
	char low[32], high[32];
	int knob = call_knob(call), err;
	enum unit unit;
	__u64 value;

	if (knob < 0)
		return knob;
	if (js_get_u64(call->request, "value", &value)) {
		snprintf(call->error, sizeof(call->error),
			 "value is missing or no whole number; "
			 "expected it in %s",
			 knob_infos[knob].unit);
		return -EINVAL;
	}
	err = policy_wish(policy, &call->d->kernel, (enum hs_knob_id)knob, value);
	if (err) {
		unit = (enum unit)unit_find(knob_infos[knob].unit);
		unit_format(low, sizeof(low), policy->profile.knob[knob].bound.min, unit);
		unit_format(high, sizeof(high), policy->profile.knob[knob].bound.max, unit);
		snprintf(call->error, sizeof(call->error),
			 "%s: %llu is out of bounds; expected %s "
			 "to %s",
			 knob_name((__u32)knob), value, low, high);
		return err;
	}
	kernel_pulse(&call->d->kernel);
	return 0;
}

int verb_unwish(struct call *call)
{
	int knob = call_knob(call);

	if (knob < 0)
		return knob;
	policy_unwish(&call->d->policy, &call->d->kernel, (enum hs_knob_id)knob);
	kernel_pulse(&call->d->kernel);
	return 0;
}

int verb_profile_load(struct call *call)
{
	const char *path = js_str(call->request, "path");

	if (path[0] != '/') {
		snprintf(call->error, sizeof(call->error), "path '%.128s' is not absolute", path);
		return -EINVAL;
	}
	return daemon_load_profile(call->d, path, call->error, sizeof(call->error));
}

int verb_reload(struct call *call)
{
	return daemon_reload(call->d, call->error, sizeof(call->error));
}
