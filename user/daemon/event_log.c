// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "event_log.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "names.h"
#include "units.h"

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

static enum unit knob_unit(__u32 id)
{
	return id < HS_KNOB_NR ? (enum unit)unit_find(knob_infos[id].unit) : UNIT_COUNT;
}

static enum unit vital_unit(__u32 id)
{
	return id < HS_VITAL_NR ? (enum unit)unit_find(vital_infos[id].unit) : UNIT_COUNT;
}

/* The command name of an event, terminated whatever the kernel sent. */
static const char *comm_of(const struct hs_event *event, char comm[HS_COMM_LEN + 1])
{
	memcpy(comm, event->comm, HS_COMM_LEN);
	comm[HS_COMM_LEN] = '\0';
	return comm;
}

static void text_knob(const struct hs_event *e, char *buf, size_t size)
{
	const char *would = e->type == HS_EVENT_ADVICE ? "would go" : "went";
	char from[32], to[32], value[32], took[32];

	unit_format(from, sizeof(from), e->from, knob_unit(e->id));
	unit_format(to, sizeof(to), e->to, knob_unit(e->id));
	if (e->cause == HS_CAUSE_REFLEX) {
		unit_format(value, sizeof(value), e->value, vital_unit(e->vital));
		unit_format(took, sizeof(took), e->latency_ns, UNIT_NS);
		snprintf(buf, size, "%s %s from %s to %s: %s is %s (rule %u, after %s)",
			 knob_name(e->id), would, from, to, vital_name(e->vital), value,
			 e->rule + 1, took);
	} else {
		snprintf(buf, size, "%s %s from %s to %s: %s", knob_name(e->id), would, from, to,
			 cause_name(e->cause));
	}
}

static void text_task(const struct hs_event *e, char *buf, size_t size)
{
	char comm[HS_COMM_LEN + 1], time[32];

	comm_of(e, comm);
	unit_format(time, sizeof(time), e->latency_ns, UNIT_NS);
	switch (e->type) {
	case HS_EVENT_CLASS:
		snprintf(buf, size, "%s[%u] went from %s to %s, %s after it was first seen", comm,
			 e->pid, class_name((__u32)e->from), class_name((__u32)e->to), time);
		break;
	case HS_EVENT_DEADLINE:
		snprintf(buf, size, "%s[%u] missed its deadline by %s", comm, e->pid, time);
		break;
	case HS_EVENT_BUDGET:
		snprintf(buf, size,
			 "%s[%u] competes as normal: critical budget of CPU %u is used up", comm,
			 e->pid, e->id);
		break;
	default:
		snprintf(buf, size, "%s[%u] had waited %s and was moved ahead on CPU %u", comm,
			 e->pid, time, e->id);
	}
}

const char *event_text(const struct hs_event *e, char *buf, size_t size)
{
	char a[32], b[32];

	switch (e->type) {
	case HS_EVENT_REFLEX:
	case HS_EVENT_KNOB:
	case HS_EVENT_ADVICE:
		text_knob(e, buf, size);
		break;
	case HS_EVENT_FREEZE:
		snprintf(buf, size,
			 "%s turned back and forth too often: frozen at stock, %s (was %s)",
			 knob_name(e->id), unit_format(a, sizeof(a), e->to, knob_unit(e->id)),
			 unit_format(b, sizeof(b), e->from, knob_unit(e->id)));
		break;
	case HS_EVENT_TRIP:
		snprintf(buf, size, "gate shut: %s",
			 e->id < HS_TRIP_NR ? trip_infos[e->id].meaning : "?");
		break;
	case HS_EVENT_PLUGIN:
		snprintf(buf, size, "the policy in the reflex slot took %s and was shut out",
			 unit_format(a, sizeof(a), e->latency_ns, UNIT_NS));
		break;
	case HS_EVENT_CLASS:
	case HS_EVENT_DEADLINE:
	case HS_EVENT_BUDGET:
	case HS_EVENT_STARVED:
		text_task(e, buf, size);
		break;
	default:
		snprintf(buf, size, "%s", event_name(e->type));
	}
	return buf;
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
	char comm[HS_COMM_LEN + 1], text[256];

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
	js_add_str(obj, "text", event_text(e, text, sizeof(text)));
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
