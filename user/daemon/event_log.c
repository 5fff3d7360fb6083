// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "event_log.h"

#include <string.h>

#include "act/transaction.h"
#include "json.h"
#include "names.h"

void event_log_enter(struct event_log *log, const struct hs_event *event)
{
	log->ring[log->nr++ % CONTROL_EVENTS_MAX] = *event;
}

const struct hs_event *event_log_newest(const struct event_log *log, __u64 age)
{
	if (age >= log->nr || age >= CONTROL_EVENTS_MAX)
		return NULL;
	return &log->ring[(log->nr - 1 - age) % CONTROL_EVENTS_MAX];
}

/* The command name of an event, terminated whatever the kernel sent. */
static const char *comm_of(const struct hs_event *event, char comm[HS_COMM_LEN + 1])
{
	memcpy(comm, event->comm, HS_COMM_LEN);
	comm[HS_COMM_LEN] = '\0';
	return comm;
}

/* What `id` and the like mean depends on the type; only what has a meaning is sent. */
static void json_subject(struct json_object *obj, const struct hs_event *e)
{
	switch (e->type) {
	case HS_EVENT_REFLEX:
	case HS_EVENT_KNOB:
	case HS_EVENT_FREEZE:
	case HS_EVENT_ADVICE:
		js_add_str(obj, "knob", knob_name(e->id));
		js_add_str(obj, "unit", e->id < HS_KNOB_NR ? knob_infos[e->id].unit : "?");
		js_add_u64(obj, "from", e->from);
		js_add_u64(obj, "to", e->to);
		js_add_str(obj, "cause", cause_name(e->cause));
		if (e->cause == HS_CAUSE_REFLEX) {
			js_add_str(obj, "vital", vital_name(e->vital));
			js_add_u64(obj, "value", e->value);
			js_add_u64(obj, "rule", e->rule);
		}
		break;
	case HS_EVENT_TRIP:
		js_add_str(obj, "trip", trip_name(e->id));
		if (e->id == HS_TRIP_PROGRESS) {
			js_add_u64(obj, "stall_ns", e->to);
			js_add_u64(obj, "no_cpu_ns", e->value);
		} else if (e->vital < HS_VITAL_NR && (e->value || e->to)) {
			js_add_str(obj, "vital", vital_name(e->vital));
			js_add_u64(obj, "value", e->value);
			js_add_u64(obj, "limit", e->to);
		}
		break;
	case HS_EVENT_PLUGIN:
		js_add_u64(obj, "slot", e->id);
		js_add_str(obj, "end", slot_end_name((__u32)e->from));
		if (e->to < HS_KNOB_NR) {
			js_add_str(obj, "knob", knob_name((__u32)e->to));
			js_add_u64(obj, "value", e->value);
		}
		if (e->vital < HS_VITAL_NR)
			js_add_str(obj, "vital", vital_name(e->vital));
		break;
	case HS_EVENT_LOOK:
		js_add_bool(obj, "done", e->id);
		js_add_str(obj, "vital", vital_name(e->vital));
		js_add_u64(obj, "value", e->value);
		js_add_u64(obj, "limit", e->to);
		break;
	case HS_EVENT_CHANGE:
		js_add_u64(obj, "change", e->id);
		js_add_str(obj, "from", e->from < TX_STATE_NR ? tx_states[e->from].name : "?");
		js_add_str(obj, "to", e->to < TX_STATE_NR ? tx_states[e->to].name : "?");
		js_add_u64(obj, "files", e->value);
		break;
	case HS_EVENT_PROFILE:
		js_add_u64(obj, "from", e->from);
		js_add_u64(obj, "to", e->to);
		break;
	case HS_EVENT_STALE:
		js_add_str(obj, "vital", vital_name(e->vital));
		break;
	case HS_EVENT_CLASS:
		js_add_str(obj, "from", class_name((__u32)e->from));
		js_add_str(obj, "to", class_name((__u32)e->to));
		break;
	case HS_EVENT_DEADLINE:
		js_add_u64(obj, "workload", e->id);
		break;
	case HS_EVENT_BUDGET:
	case HS_EVENT_STARVED:
		js_add_u64(obj, "cpu", e->id);
		break;
	default:
		break;
	}
}

struct json_object *event_json(const struct hs_event *e)
{
	struct json_object *obj = json_object_new_object();
	char comm[HS_COMM_LEN + 1];

	if (!obj)
		return NULL;
	js_add_u64(obj, "ts_ns", e->ts_ns);
	js_add_str(obj, "type", event_name(e->type));
	json_subject(obj, e);
	if (e->latency_ns)
		js_add_u64(obj, "latency_ns", e->latency_ns);
	if (e->pid) {
		js_add_u64(obj, "pid", e->pid);
		js_add_str(obj, "comm", comm_of(e, comm));
	}
	return obj;
}

static bool about_knob(const struct hs_event *e, __u32 knob)
{
	switch (e->type) {
	case HS_EVENT_REFLEX:
	case HS_EVENT_KNOB:
	case HS_EVENT_FREEZE:
	case HS_EVENT_ADVICE:
		return e->id == knob;
	default:
		return false;
	}
}

void event_log_json(const struct event_log *log, struct json_object *array, __u64 max, __u32 knob)
{
	const struct hs_event *e;
	__u64 age = 0, found = 0;

	/* how far back do `max` events reach? */
	while (found < max && (e = event_log_newest(log, age))) {
		if (knob >= HS_KNOB_NR || about_knob(e, knob))
			found++;
		age++;
	}
	while (age--) {
		e = event_log_newest(log, age);
		if (knob >= HS_KNOB_NR || about_knob(e, knob))
			json_object_array_add(array, event_json(e));
	}
}
