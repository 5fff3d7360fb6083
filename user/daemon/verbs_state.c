// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verbs that read: status, vital signs, knobs, explain. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "names.h"
#include "verbs.h"
#include "version.h"

/* What another writer may change while we look. */
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

static __u64 age_ns(__u64 then)
{
	__u64 now = clock_ns();

	return then && now > then ? now - then : 0;
}

/* What it was about, for reasons that are about a figure. */
static void status_cause(struct json_object *trip, const struct hs_gate *gate)
{
	__u32 reason = load(&gate->trip_reason), vital = load(&gate->trip_vital);

	if ((reason != HS_TRIP_LIMIT && reason != HS_TRIP_SLO && reason != HS_TRIP_HARM) ||
	    (vital >= HS_VITAL_NR && !load(&gate->trip_limit)))
		return;
	js_add_str(trip, "vital", vital < HS_VITAL_NR ? vital_name(vital) : "");
	js_add_str(trip, "unit", vital < HS_VITAL_NR ? vital_infos[vital].unit : "count");
	js_add_u64(trip, "value", load(&gate->trip_value));
	js_add_u64(trip, "limit", load(&gate->trip_limit));
}

static void status_tripped(struct json_object *reply, const struct homeostatd *d)
{
	const struct hs_gate *gate = d->kernel.gate;
	struct json_object *trip;

	if (load(&gate->armed) || load(&gate->trip_reason) == HS_TRIP_NONE) {
		json_object_object_add(reply, "tripped", NULL); /* null: not tripped */
		return;
	}
	trip = js_add_obj(reply, "tripped");
	js_add_str(trip, "reason", trip_name(load(&gate->trip_reason)));
	js_add_u64(trip, "at_ns", load(&gate->trip_ns));
	js_add_u64(trip, "safe_ns", load(&gate->safe_ns));
	/* while our scheduler is attached it is of one task, not of all */
	js_add_u64(trip, "off_ns", d->armed ? 0 : load(&gate->off_ns));
	status_cause(trip, gate);
	if (load(&gate->trip_reason) == HS_TRIP_PROGRESS) {
		js_add_u64(trip, "stall_ns", load(&d->heartbeat.stall_ns));
		js_add_u64(trip, "no_cpu_ns", load(&d->heartbeat.no_cpu_ns));
	}
}

static void status_families(struct json_object *reply, const struct kernel *k)
{
	struct json_object *array = js_add_array(reply, "families");

	for (int i = 0; i < FAMILY_NR; i++) {
		struct json_object *row = js_push_obj(array);

		js_add_str(row, "name", family_name((enum family_id)i));
		js_add_str(row, "state", family_state_name(k->family[i].state));
		js_add_str(row, "why", k->family[i].why);
	}
}

static void status_counters(struct json_object *reply, struct kernel *k)
{
	struct json_object *counters = js_add_obj(reply, "counters");
	__u64 sum[HS_COUNT_NR];

	if (kernel_counters(k, sum))
		return;
	for (int i = 0; i < HS_COUNT_NR; i++)
		js_add_u64(counters, counter_infos[i].name, sum[i]);
}

/* null: there is none; until_s null: not within a week */
static void status_calendar(struct json_object *reply, const struct profile_calendar *c)
{
	struct json_object *part;
	__s64 until_s;
	int due;

	if (!c->nr) {
		json_object_object_add(reply, "calendar", NULL);
		return;
	}
	due = profile_due(c, time(NULL), &until_s);
	part = js_add_obj(reply, "calendar");
	js_add_str(part, "base", c->base);
	js_add_u64(part, "shift", (__u64)(c->in_force + 1));
	js_add_u64(part, "due", (__u64)(due + 1));
	if (until_s)
		js_add_u64(part, "until_s", (__u64)until_s);
}

/* null: the rules act */
static void status_policy(struct json_object *reply, const struct plugins *plugins)
{
	const struct plugin_seat *seat = plugins_acting(plugins);
	struct json_object *part;

	if (!seat) {
		json_object_object_add(reply, "policy", NULL);
		return;
	}
	part = js_add_obj(reply, "policy");
	js_add_str(part, "name", seat->offer.name);
	js_add_u64(part, "slot", (__u64)(seat - plugins->seat));
	js_add_str(part, "as", plugin_parts[seat->part]);
}

int verb_status(struct call *call)
{
	struct homeostatd *d = call->d;
	const struct hs_gate *gate = d->kernel.gate;
	struct json_object *reply = call->reply, *part;

	js_add_str(reply, "version", HS_VERSION);
	js_add_u64(reply, "abi", HS_ABI_VERSION);
	js_add_str(reply, "mode", mode_name(d->mode));
	js_add_str(reply, "profile", d->policy.profile.name);
	js_add_bool(reply, "armed", load(&gate->armed));
	js_add_str(reply, "refusal", d->refusal);
	certified_json(d, reply);
	js_add_str(reply, "scheduler", kernel_sched_attached(&d->kernel) ? "homeostat" : "none");
	js_add_str(reply, "variant", d->kernel.variant.name);
	status_policy(reply, &d->plugins);
	status_calendar(reply, &d->calendar);
	status_tripped(reply, d);
	aftermath_status(d, reply);
	js_add_u64(reply, "generation", load(&gate->generation));
	part = js_add_obj(reply, "heartbeat");
	js_add_u64(part, "age_ns", age_ns(load(&gate->heartbeat_ns)));
	js_add_u64(part, "limit_ns", load(&d->heartbeat.limit_ns));
	part = js_add_obj(reply, "pulse");
	js_add_u64(part, "period_ns", load(&gate->period_ns));
	js_add_u64(part, "cost_ns", load(&d->kernel.vitals[HS_VITAL_PULSE_COST].value));
	status_families(reply, &d->kernel);
	judge_json(d, reply);
	sensing_json(&d->sensing, reply, clock_ns());
	js_add_u64(reply, "uptime_ns", age_ns(d->start_ns));
	js_add_u64(reply, "events_lost", load(&gate->events_lost));
	status_counters(reply, &d->kernel);
	return 0;
}

/* @mean: of the second before the last tick; NULL = there is none. */
static void vital_row(struct json_object *array, __u32 id, const struct hs_vital *vital,
		      const __u64 *mean)
{
	struct json_object *row = js_push_obj(array);
	bool present = load(&vital->present);

	js_add_str(row, "name", vital_infos[id].name);
	js_add_str(row, "unit", vital_infos[id].unit);
	js_add_bool(row, "present", present);
	if (present) { /* absent is never 0 */
		js_add_u64(row, "value", load(&vital->value));
		js_add_u64(row, "ewma", load(&vital->ewma));
		if (mean)
			js_add_u64(row, "mean", *mean);
		js_add_u64(row, "peak", load(&vital->peak));
		js_add_u64(row, "age_ns", age_ns(load(&vital->updated_ns)));
		if (load(&vital->estimated))
			js_add_bool(row, "estimated", true);
	}
	js_add_str(row, "meaning", vital_infos[id].meaning);
}

/* Classes without a sample in the last window are left out. */
static void cpu_rows(struct json_object *array, __u32 cpu, const struct hs_cpu_vitals *v)
{
	for (__u32 class = 0; class < HS_CLASS_NR; class ++) {
		struct json_object *row;

		if (!v->samples[class])
			continue;
		row = js_push_obj(array);
		js_add_u64(row, "cpu", cpu);
		js_add_str(row, "class", class_name(class));
		js_add_u64(row, "p50_ns", v->p50_ns[class]);
		js_add_u64(row, "p95_ns", v->p95_ns[class]);
		js_add_u64(row, "p99_ns", v->p99_ns[class]);
		js_add_u64(row, "samples", v->samples[class]);
	}
}

int verb_vitals(struct call *call)
{
	struct kernel *k = &call->d->kernel;
	struct json_object *vitals = js_add_array(call->reply, "vitals");
	struct json_object *cpus = js_add_array(call->reply, "cpus");
	struct hs_cpu_vitals v;

	for (__u32 id = 0; id < HS_VITAL_NR; id++)
		vital_row(vitals, id, &k->vitals[id],
			  evidence_last(&call->d->changes.evidence, id));
	for (__u32 cpu = 0; cpu < k->cpus_nr; cpu++) {
		if (!bpf_map_lookup_elem(k->fd.cpu_vitals, &cpu, &v) &&
		    age_ns(v.updated_ns) < 2 * NS_PER_S)
			cpu_rows(cpus, cpu, &v);
		heartbeat_progress(&call->d->heartbeat);
	}
	return 0;
}

/* The members that `knobs` and `explain` have in common. */
static void knob_members(struct json_object *row, struct homeostatd *d, __u32 id)
{
	const struct hs_knob *knob = &d->kernel.knobs[id];
	const struct profile_knob *base = &d->policy.profile.knob[id];
	const struct plugin_seat *seat = plugins_acting(&d->plugins);
	__u32 cause = load(&knob->cause);

	js_add_str(row, "name", knob_infos[id].name);
	js_add_str(row, "unit", knob_infos[id].unit);
	/* before the pulse has ever written it, a knob is at stock */
	js_add_u64(row, "value", load(&knob->gen) ? load(&knob->value) : base->bound.stock);
	js_add_u64(row, "base",
		   d->policy.wished[id] ? load(&d->kernel.wishes[id].value) : base->value);
	js_add_u64(row, "stock", base->bound.stock);
	js_add_u64(row, "min", base->bound.min);
	js_add_u64(row, "max", base->bound.max);
	js_add_str(row, "cause", cause_name(cause));
	if (cause == HS_CAUSE_REFLEX)
		js_add_u64(row, "rule", load(&knob->rule));
	if (cause == HS_CAUSE_PLUGIN && seat)
		js_add_str(row, "policy", seat->offer.name);
	js_add_u64(row, "changed_ago_ns", age_ns(load(&knob->changed_ns)));
	js_add_bool(row, "frozen", load(&knob->frozen));
	js_add_str(row, "meaning", knob_infos[id].meaning);
}

int verb_knobs(struct call *call)
{
	struct json_object *array = js_add_array(call->reply, "knobs");

	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		knob_members(js_push_obj(array), call->d, id);
	return 0;
}

static void explain_rule(struct json_object *reply, const struct hs_rule *rule, __u32 index)
{
	struct json_object *obj = js_add_obj(reply, "rule");

	js_add_u64(obj, "index", index);
	js_add_str(obj, "when", vital_name(rule->vital));
	js_add_u64(obj, "low", rule->low);
	js_add_u64(obj, "high", rule->high);
	js_add_str(obj, "kind", rule->kind == HS_RULE_AIMD ? "aimd" : "proportional");
	js_add(obj, "up", json_object_new_int64(rule->gain_up));
	js_add(obj, "down", json_object_new_int64(rule->gain_down));
	js_add_u64(obj, "hold_ns", rule->hold_ns);
	js_add_u64(obj, "cooldown_ns", rule->cooldown_ns);
}

/* What it takes to say who set it, from what, and whether an actuator uses it now. */
static void explain_why(const struct call *call, __u32 id)
{
	const struct homeostatd *d = call->d;
	const struct profile *profile = &d->policy.profile;

	js_add_bool(call->reply, "armed", load(&d->kernel.gate->armed));
	js_add_str(call->reply, "profile", profile->name);
	js_add_u64(call->reply, "profile_value", profile->knob[id].value);
	js_add_u64(call->reply, "freeze_turns", profile->config.freeze_turns);
	js_add_u64(call->reply, "freeze_window_ns", profile->config.freeze_window_ns);
}

int verb_explain(struct call *call)
{
	struct homeostatd *d = call->d;
	int id = call_knob(call);
	__u32 rule;

	if (id < 0)
		return id;
	knob_members(call->reply, d, (__u32)id);
	explain_why(call, (__u32)id);
	/* `rule` is the rule as such here, not its number */
	json_object_object_del(call->reply, "rule");
	rule = load(&d->kernel.knobs[id].rule);
	if (load(&d->kernel.knobs[id].cause) != HS_CAUSE_REFLEX)
		rule = HS_RULES_MAX;
	else
		js_add_u64(call->reply, "rule_index", rule);
	if (rule < d->policy.profile.config.rules_nr)
		explain_rule(call->reply, &d->policy.profile.rule[rule], rule);
	event_log_json(&d->events, js_add_array(call->reply, "last_events"), 8, (__u32)id);
	return 0;
}

int verb_events(struct call *call)
{
	__u64 n = 32;
	int err = js_get_u64(call->request, "n", &n);

	if (!err || err == -ENOENT)
		err = js_get_bool(call->request, "follow", &call->peer->follow);
	if (err && err != -ENOENT) {
		snprintf(call->error, sizeof(call->error), "expected n: number, follow: bool");
		return err;
	}
	event_log_json(&call->d->events, js_add_array(call->reply, "events"), n, HS_KNOB_NR);
	return 0;
}

int verb_profile_show(struct call *call)
{
	const struct profile *profile = &call->d->policy.profile;

	js_add_str(call->reply, "name", profile->name);
	js_add_str(call->reply, "description", profile->description);
	js_add_str(call->reply, "yaml_path", profile->path);
	js_add_u64(call->reply, "heartbeat_limit_ns", profile->heartbeat_limit_ns);
	js_add_u64(call->reply, "rules", profile->config.rules_nr);
	js_add_u64(call->reply, "workloads", profile->workload_nr);
	js_add_u64(call->reply, "flows", profile->flow_nr);
	js_add_str(call->reply, "text", profile->text ? profile->text : "");
	return 0;
}
