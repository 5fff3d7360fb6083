// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "prose.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/units.h"

static const char *ns_text(char *buf, size_t size, struct json_object *o, const char *key)
{
	return unit_format(buf, size, js_u64(o, key), UNIT_NS);
}

/* A member in the unit of a knob or vital sign; a bare number where we know neither. */
static const char *value_text(char *buf, size_t size, struct json_object *o, const char *key,
			      const char *unit)
{
	int found = unit_find(unit);

	return unit_format(buf, size, js_u64(o, key), found < 0 ? UNIT_COUNT : (enum unit)found);
}

static const char *knob_unit(const char *name)
{
	int id = knob_find(name);

	return id < 0 ? "" : knob_infos[id].unit;
}

static const char *vital_unit(const char *name)
{
	int id = vital_find(name);

	return id < 0 ? "" : vital_infos[id].unit;
}

static void event_knob(char *buf, size_t size, struct json_object *e)
{
	const char *knob = js_str(e, "knob"), *unit = js_str(e, "unit");
	const char *vital = js_str(e, "vital"), *type = js_str(e, "type");
	char from[32], to[32], value[32], took[32];

	value_text(from, sizeof(from), e, "from", unit);
	value_text(to, sizeof(to), e, "to", unit);
	if (!strcmp(type, event_name(HS_EVENT_FREEZE))) {
		snprintf(buf, size,
			 "%s turned back and forth too often: frozen at stock, %s (was %s)", knob,
			 to, from);
		return;
	}
	type = strcmp(type, event_name(HS_EVENT_ADVICE)) ? "went" : "would go";
	if (*vital)
		snprintf(buf, size, "%s %s from %s to %s: %s is %s (rule %llu, after %s)", knob,
			 type, from, to, vital,
			 value_text(value, sizeof(value), e, "value", vital_unit(vital)),
			 js_u64(e, "rule") + 1, ns_text(took, sizeof(took), e, "latency_ns"));
	else
		snprintf(buf, size, "%s %s from %s to %s: %s", knob, type, from, to,
			 js_str(e, "cause"));
}

static void event_task(char *buf, size_t size, struct json_object *e)
{
	const char *type = js_str(e, "type"), *comm = js_str(e, "comm");
	__u64 pid = js_u64(e, "pid");
	char time[32];

	ns_text(time, sizeof(time), e, "latency_ns");
	if (!strcmp(type, event_name(HS_EVENT_CLASS)))
		snprintf(buf, size, "%s[%llu] went from %s to %s, %s after it was first seen", comm,
			 pid, js_str(e, "from"), js_str(e, "to"), time);
	else if (!strcmp(type, event_name(HS_EVENT_DEADLINE)))
		snprintf(buf, size, "%s[%llu] missed its deadline by %s", comm, pid, time);
	else if (!strcmp(type, event_name(HS_EVENT_BUDGET)))
		snprintf(buf, size,
			 "%s[%llu] competes as normal: critical budget of CPU %llu is used up",
			 comm, pid, js_u64(e, "cpu"));
	else
		snprintf(buf, size, "%s[%llu] had waited %s and was moved ahead on CPU %llu", comm,
			 pid, time, js_u64(e, "cpu"));
}

const char *prose_stall(char *buf, size_t size, struct json_object *trip)
{
	char stall[32], want[32];

	buf[0] = '\0';
	if (js_u64(trip, "stall_ns"))
		snprintf(buf, size, " for %s, %s of them without a CPU",
			 ns_text(stall, sizeof(stall), trip, "stall_ns"),
			 ns_text(want, sizeof(want), trip, "no_cpu_ns"));
	return buf;
}

const char *prose_cause(char *buf, size_t size, struct json_object *cause)
{
	const char *vital = js_str(cause, "vital"), *unit = js_str(cause, "unit");
	char value[32], limit[32], by[80] = "";

	buf[0] = '\0';
	if (!js_is_null(cause, "uid"))
		snprintf(by, sizeof(by), ", reported by uid %llu, pid %llu", js_u64(cause, "uid"),
			 js_u64(cause, "pid"));
	if (!js_is_null(cause, "limit"))
		snprintf(buf, size, " (%s was %s, limit %s%s)", *vital ? vital : "a figure",
			 value_text(value, sizeof(value), cause, "value", unit),
			 value_text(limit, sizeof(limit), cause, "limit", unit), by);
	return buf;
}

static void event_look(char *buf, size_t size, struct json_object *e)
{
	const char *vital = js_str(e, "vital");
	char value[32], limit[32];

	value_text(value, sizeof(value), e, "value", vital_unit(vital));
	value_text(limit, sizeof(limit), e, "limit", vital_unit(vital));
	if (js_bool(e, "done"))
		snprintf(buf, size, "stock was looked at: %s was %s, and is allowed %s", vital,
			 value, limit);
	else
		snprintf(buf, size, "left to look at stock: %s is %s, above %s", vital, value,
			 limit);
}

static void event_trip(char *buf, size_t size, struct json_object *e)
{
	const char *meaning = "?", *vital = js_str(e, "vital"), *unit = vital_unit(vital);
	char stall[96], value[32], limit[32];

	for (int i = 0; i < HS_TRIP_NR; i++) {
		if (!strcmp(trip_infos[i].name, js_str(e, "trip")))
			meaning = trip_infos[i].meaning;
	}
	if (*vital)
		snprintf(buf, size, "gate shut: %s: %s was %s, limit %s", meaning, vital,
			 value_text(value, sizeof(value), e, "value", unit),
			 value_text(limit, sizeof(limit), e, "limit", unit));
	else
		snprintf(buf, size, "gate shut: %s%s", meaning,
			 prose_stall(stall, sizeof(stall), e));
}

static void event_plugin(char *buf, size_t size, struct json_object *e)
{
	const char *why = "?", *of = *js_str(e, "knob") ? js_str(e, "knob") : js_str(e, "vital");
	char took[32];

	for (int i = 0; i < HS_SLOT_END_NR; i++) {
		if (!strcmp(slot_end_infos[i].name, js_str(e, "end")))
			why = slot_end_infos[i].meaning;
	}
	if (!strcmp(js_str(e, "end"), slot_end_name(HS_SLOT_END_NONE))) {
		snprintf(buf, size, "the policy in slot %llu is a canary no more: it acts",
			 js_u64(e, "slot"));
		return;
	}
	if (!js_u64(e, "latency_ns")) { /* nothing of the pulse's doing */
		snprintf(buf, size, "the policy in slot %llu is gone: %s", js_u64(e, "slot"), why);
		return;
	}
	snprintf(buf, size,
		 "the policy in slot %llu was shut out: %s%s%s%s (its last call took %s)",
		 js_u64(e, "slot"), why, *of ? " (" : "", of, *of ? ")" : "",
		 ns_text(took, sizeof(took), e, "latency_ns"));
}

const char *prose_event(char *buf, size_t size, struct json_object *e)
{
	const char *type = js_str(e, "type");
	char took[32];

	if (!strcmp(type, event_name(HS_EVENT_PLUGIN)))
		event_plugin(buf, size, e);
	else if (*js_str(e, "knob"))
		event_knob(buf, size, e);
	else if (!strcmp(type, event_name(HS_EVENT_TRIP)))
		event_trip(buf, size, e);
	else if (!strcmp(type, event_name(HS_EVENT_LOOK)))
		event_look(buf, size, e);
	else if (!strcmp(type, event_name(HS_EVENT_CHANGE)))
		snprintf(buf, size, "change %llu is %s, was %s", js_u64(e, "change"),
			 js_str(e, "to"), js_str(e, "from"));
	else if (!strcmp(type, event_name(HS_EVENT_PROFILE)) && js_u64(e, "to"))
		snprintf(buf, size, "another profile is in force: shift %llu of the calendar",
			 js_u64(e, "to"));
	else if (!strcmp(type, event_name(HS_EVENT_PROFILE)))
		snprintf(buf, size, "another profile is in force: the one that was loaded");
	else if (!strcmp(type, event_name(HS_EVENT_STALE)))
		snprintf(buf, size, "%s was not measured for %s and is absent", js_str(e, "vital"),
			 ns_text(took, sizeof(took), e, "latency_ns"));
	else if (js_u64(e, "pid"))
		event_task(buf, size, e);
	else
		snprintf(buf, size, "%s", type);
	return buf;
}

const char *prose_why(char *buf, size_t size, struct json_object *e)
{
	const char *cause = js_str(e, "cause"), *profile = js_str(e, "profile");
	const char *gate =
		js_bool(e, "armed") ? "" : "; the gate is shut, so actuators use the stock value";
	const char *unit = js_str(e, "unit");
	char stock[32], base[32];

	value_text(stock, sizeof(stock), e, "stock", unit);
	value_text(base, sizeof(base), e, "profile_value", unit);
	if (!strcmp(cause, cause_name(HS_CAUSE_STOCK)))
		snprintf(buf, size, "nobody changed it: stock, %s%s", stock, gate);
	else if (!strcmp(cause, cause_name(HS_CAUSE_PROFILE)))
		snprintf(buf, size, "profile %s sets it to %s%s", profile, base, gate);
	else if (!strcmp(cause, cause_name(HS_CAUSE_WISH)))
		snprintf(buf, size,
			 "somebody asked for it (homeostat wish); the profile's base is %s%s", base,
			 gate);
	else if (!strcmp(cause, cause_name(HS_CAUSE_REFLEX)))
		snprintf(buf, size, "rule %llu of profile %s moved it; its base is %s%s",
			 js_u64(e, "rule_index") + 1, profile, base, gate);
	else if (!strcmp(cause, cause_name(HS_CAUSE_PLUGIN)))
		snprintf(buf, size, "policy %s moved it; its base is %s%s",
			 *js_str(e, "policy") ? js_str(e, "policy") : "plug-in", base, gate);
	else if (!strcmp(cause, cause_name(HS_CAUSE_FROZEN)))
		snprintf(buf, size,
			 "it turned back and forth more than %llu times in %llu s: held at stock, "
			 "%s, until the next arming%s",
			 js_u64(e, "freeze_turns"), js_u64(e, "freeze_window_ns") / 1000000000,
			 stock, gate);
	else
		snprintf(buf, size, "cause unknown to this program%s", gate);
	return buf;
}

const char *prose_rule(char *buf, size_t size, struct json_object *rule, const char *knob)
{
	const char *vital = js_str(rule, "when");
	const char *in = vital_unit(vital), *out = knob_unit(knob);
	char high[32], low[32], up[64], down[32], gain[32];
	__s64 by = json_object_get_int64(json_object_object_get(rule, "up"));

	if (!*in || !*out) {
		snprintf(buf, size, "?");
		return buf;
	}
	if (!strcmp(js_str(rule, "kind"), "aimd"))
		snprintf(up, sizeof(up), "is multiplied by %lld.%03lld", by / 1000, by % 1000);
	else
		snprintf(up, sizeof(up), "moves by %s%s x excess", by < 0 ? "-" : "+",
			 unit_format(gain, sizeof(gain), (__u64)(by < 0 ? -by : by),
				     (enum unit)unit_find(out)));
	snprintf(buf, size, "while %s is above %s, %s %s; below %s it goes back by %s a step",
		 vital, value_text(high, sizeof(high), rule, "high", in), knob, up,
		 value_text(low, sizeof(low), rule, "low", in),
		 value_text(down, sizeof(down), rule, "down", out));
	return buf;
}
