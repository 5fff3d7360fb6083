// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "incident.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "event_log.h"
#include "json.h"
#include "names.h"
#include "private_file.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* In UTC: as a file's name begins, or for people. */
static void wall_text(char *buf, size_t size, bool as_name, __u64 wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm = {0};
	size_t len;

	gmtime_r(&seconds, &tm);
	len = as_name ? strftime(buf, size, "%Y%m%dT%H%M%SZ", &tm)
		      : strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!len)
		buf[0] = '\0';
}

static void add_head(struct json_object *o, const struct recorder_trip *t)
{
	struct utsname kernel = {0};
	char wall[32];

	wall_text(wall, sizeof(wall), false, t->wall_ns);
	uname(&kernel);
	js_add_str(o, "reason", trip_name(t->reason));
	js_add_str(o, "meaning", t->reason < HS_TRIP_NR ? trip_infos[t->reason].meaning : "?");
	js_add_str(o, "wall", wall);
	js_add_u64(o, "trip_ns", t->trip_ns);
	js_add_u64(o, "seen_ns", t->seen_ns);
	js_add_u64(o, "safe_ns", t->safe_ns);
	js_add_u64(o, "off_ns", t->off_ns);
	js_add_str(o, "mode", mode_name(t->mode));
	js_add_u64(o, "generation", t->generation);
	js_add_u64(o, "events_lost", t->events_lost);
	js_add_str(o, "version", t->version);
	js_add_str(o, "kernel", kernel.release);
}

static void add_cause(struct json_object *o, const struct recorder_trip *t)
{
	struct json_object *cause;

	if (t->vital >= HS_VITAL_NR && !t->limit) {
		json_object_object_add(o, "cause", NULL); /* null: about no figure */
		return;
	}
	cause = js_add_obj(o, "cause");
	js_add_str(cause, "vital", t->vital < HS_VITAL_NR ? vital_name(t->vital) : t->report);
	js_add_str(cause, "unit", t->vital < HS_VITAL_NR ? vital_infos[t->vital].unit : "count");
	js_add_u64(cause, "value", t->value);
	js_add_u64(cause, "limit", t->limit);
	if (!t->report[0])
		return;
	js_add_u64(cause, "uid", t->report_uid);
	js_add_u64(cause, "pid", (__u64)t->report_pid);
}

static void add_parts(struct json_object *o, const struct recorder_trip *t)
{
	struct json_object *part = js_add_obj(o, "profile");
	char hash[20];

	snprintf(hash, sizeof(hash), "%016llx", t->profile_hash);
	js_add_str(part, "name", t->profile);
	js_add_str(part, "fnv1a64", hash);
	part = js_add_obj(o, "heartbeat");
	js_add_u64(part, "last_ns", t->heartbeat_ns);
	js_add_u64(part, "limit_ns", t->heartbeat_limit_ns);
	if (t->reason == HS_TRIP_PROGRESS) {
		js_add_u64(part, "stall_ns", t->stall_ns);
		js_add_u64(part, "no_cpu_ns", t->no_cpu_ns);
	}
	part = js_add_obj(o, "rearm");
	js_add_u64(part, "in_ns", t->rearm_in_ns);
	js_add_u64(part, "trips", t->trips);
	js_add_bool(part, "held", t->held);
	if (!t->exit.kind) {
		json_object_object_add(o, "sched_ext", NULL); /* null: it said nothing */
		return;
	}
	part = js_add_obj(o, "sched_ext");
	js_add_u64(part, "kind", t->exit.kind);
	js_add_u64(part, "code", t->exit.code);
	js_add_str(part, "msg", t->exit.msg);
}

static void add_undone(struct json_object *o, const struct recorder_undone *u)
{
	struct json_object *part = js_add_obj(o, "undone"), *array;

	js_add_u64(part, "values", u->nr);
	array = js_add_array(part, "first");
	for (__u32 i = 0; array && i < u->nr && i < RECORDER_UNDONE; i++) {
		struct json_object *row = js_push_obj(array);
		__u32 outcome = u->entry[i].outcome;

		js_add_str(row, "path", u->entry[i].path);
		js_add_str(row, "old", u->entry[i].old);
		js_add_str(row, "outcome",
			   outcome <= UNDO_FAILED ? undo_outcome_name(outcome) : "?");
	}
}

static void push_u64(struct json_object *array, __u64 value, bool present)
{
	json_object_array_add(array, present ? json_object_new_uint64(value) : NULL);
}

/* Rows of numbers in the order of the names: a tenth of what objects would take. */
static void add_sample(struct json_object *array, const struct recorder_sample *s)
{
	struct json_object *o = js_push_obj(array), *row;

	js_add_u64(o, "ns", s->ns);
	js_add_bool(o, "armed", s->armed);
	row = js_add_array(o, "vitals");
	for (int i = 0; row && i < HS_VITAL_NR; i++)
		push_u64(row, s->vital[i], recorder_present(s, (__u32)i));
	row = js_add_array(o, "knobs");
	for (int i = 0; row && i < HS_KNOB_NR; i++)
		push_u64(row, s->knob[i], true);
}

static void add_minute(struct json_object *o, const struct recorder *r,
		       const struct recorder_span *span, const struct recorder_trip *t)
{
	__u64 since = t->trip_ns > RECORDER_SPAN_NS ? t->trip_ns - RECORDER_SPAN_NS : 0;
	struct json_object *array = js_add_array(o, "vitals");

	for (int i = 0; array && i < HS_VITAL_NR; i++)
		json_object_array_add(array, json_object_new_string(vital_name(i)));
	array = js_add_array(o, "knobs");
	for (int i = 0; array && i < HS_KNOB_NR; i++)
		json_object_array_add(array, json_object_new_string(knob_name(i)));
	array = js_add_array(o, "samples");
	for (__u64 i = span->sample; array && i < r->samples; i++) {
		const struct recorder_sample *s = &r->sample[i % NR(r->sample)];

		if (s->ns >= since && s->ns <= t->seen_ns)
			add_sample(array, s);
	}
	array = js_add_array(o, "events");
	for (__u64 i = span->event; array && i < r->events; i++) {
		const struct hs_event *e = &r->event[i % NR(r->event)];

		if (e->ts_ns >= since && e->ts_ns <= t->seen_ns)
			json_object_array_add(array, event_json(e));
	}
}

struct json_object *incident_json(const struct recorder *r, const struct recorder_span *span,
				  const struct recorder_trip *trip)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	add_head(o, trip);
	add_cause(o, trip);
	add_parts(o, trip);
	add_undone(o, &trip->undone);
	add_minute(o, r, span, trip);
	return o;
}

/* A number above all that are there: never over another, and the newest whatever the clock says. */
static int choose_name(int dir_fd, const struct recorder_trip *t, char name[INCIDENT_NAME_LEN])
{
	unsigned long long number;
	char wall[32], **names;
	int nr;

	nr = incidents_list(dir_fd, &names);
	if (nr < 0)
		return nr;
	number = nr ? incident_number(names[nr - 1]) + 1 : 1;
	incidents_free(names, nr);
	wall_text(wall, sizeof(wall), true, t->wall_ns);
	snprintf(name, INCIDENT_NAME_LEN, "%s-%llu-%s.json", wall, number, trip_name(t->reason));
	return incident_name_ok(name) ? 0 : -EOVERFLOW;
}

int incident_write(int dir_fd, struct json_object *record, const struct recorder_trip *trip,
		   char name[INCIDENT_NAME_LEN])
{
	const char *text = record ? js_line(record) : NULL;
	int err = choose_name(dir_fd, trip, name);

	if (!text)
		return -ENOMEM;
	return err ? err : private_replace(dir_fd, name, text);
}

int incident_prune(int dir_fd)
{
	int nr, err = 0;
	char **names;

	nr = incidents_list(dir_fd, &names);
	for (int i = 0; i < nr - INCIDENTS_KEPT; i++) {
		if (unlinkat(dir_fd, names[i], 0) && !err)
			err = -errno;
	}
	incidents_free(names, nr);
	return nr < 0 ? nr : err;
}
