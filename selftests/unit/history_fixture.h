/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What tests of the history need: the daemon's replies as it sends them, and a place without a disk to wait for. */
#ifndef HOMEOSTAT_TEST_HISTORY_FIXTURE_H
#define HOMEOSTAT_TEST_HISTORY_FIXTURE_H

#include "fixture.h"

#include <json-c/json.h>

#include "../../user/history/history.h"
#include "../../user/lib/json.h"

#define NS 1000000000ULL
#define T0 1800000000ULL /* where time begins: a whole hour, and a whole minute */
#define BOOT "11111111-2222-3333-4444-555555555555"
#define PLAY_MAX 32

/* A directory in memory, where there is such a thing: these tests write much, and sync each time. */
static inline void history_dir(char dir[64])
{
	strcpy(dir, "/dev/shm/homeostat-unit-XXXXXX");
	if (!mkdtemp(dir))
		tree_make(dir);
}

static inline struct history_time at_s(__u64 second)
{
	return (struct history_time){.wall_ns = second * NS, .mono_ns = (second - T0 + 1000) * NS};
}

/* A reply to `vitals` whose values can be changed. */
struct play {
	struct json_object *reply, *row[PLAY_MAX];
	unsigned int nr;
};

static inline void play_add(struct play *p, const char *name, const char *unit)
{
	struct json_object *rows = NULL;

	if (!p->reply) {
		p->reply = json_object_new_object();
		js_add_array(p->reply, "vitals");
	}
	js_get_array(p->reply, "vitals", &rows);
	p->row[p->nr] = js_push_obj(rows);
	js_add_str(p->row[p->nr], "name", name);
	js_add_str(p->row[p->nr], "unit", unit);
	js_add_bool(p->row[p->nr], "present", true);
	js_add_u64(p->row[p->nr], "value", 0);
	js_add_u64(p->row[p->nr], "ewma", 0);
	js_add_u64(p->row[p->nr], "peak", 0);
	p->nr++;
}

static inline void play_number(struct json_object *row, const char *key, __u64 value)
{
	struct json_object *number = NULL;

	assert_true(json_object_object_get_ex(row, key, &number));
	json_object_set_uint64(number, value);
}

/* The peak is the highest value that was, as in the daemon. */
static inline void play_set(struct play *p, unsigned int i, __u64 value, __u64 ewma)
{
	play_number(p->row[i], "value", value);
	play_number(p->row[i], "ewma", ewma);
	if (value > js_u64(p->row[i], "peak"))
		play_number(p->row[i], "peak", value);
}

static inline void play_present(struct play *p, unsigned int i, bool present)
{
	struct json_object *flag = NULL;

	assert_true(json_object_object_get_ex(p->row[i], "present", &flag));
	json_object_set_boolean(flag, present);
}

static inline void play_free(struct play *p)
{
	json_object_put(p->reply);
	*p = (struct play){0};
}

/* One more change in a reply to `changes`, the newest first as the daemon has them. Times are of the daemon's clock. */
static inline void change_add(struct json_object *reply, __u64 number, const char *state,
			      const char *why, __u64 made_ns, __u64 at_ns, const char *parameter,
			      const char *path, const char *from, const char *to)
{
	struct json_object *rows = NULL, *row, *file;

	if (js_get_array(reply, "changes", &rows))
		rows = js_add_array(reply, "changes");
	row = js_push_obj(rows);
	js_add_u64(row, "id", number);
	js_add_str(row, "state", state);
	js_add_str(row, "source", "rules");
	js_add_u64(row, "uid", 990);
	js_add_str(row, "why", why);
	js_add_str(row, "reason", "queues overflow");
	js_add_u64(row, "risk", 2);
	js_add_str(row, "timing", "immediate");
	js_add_u64(row, "made_ns", made_ns);
	js_add_u64(row, "at_ns", at_ns);
	file = js_push_obj(js_add_array(row, "parameters"));
	js_add_str(file, "parameter", parameter);
	js_add_str(file, "path", path);
	js_add_str(file, "from", from);
	js_add_str(file, "to", to);
}

static inline struct json_object *one_change(__u64 number, const char *state, const char *why,
					     __u64 made_ns, __u64 at_ns)
{
	struct json_object *reply = json_object_new_object();

	change_add(reply, number, state, why, made_ns, at_ns, "net.core.somaxconn",
		   "/proc/sys/net/core/somaxconn", strcmp(state, "pending") ? "128" : "", "4096");
	return reply;
}

/* Raw values of one vital sign, the caller's; an empty array: it has none. */
static inline struct json_object *raw_of(struct history *h, const char *vital, __u64 from_s,
					 __u64 to_s)
{
	struct json_object *all = history_read_raw(h, from_s, to_s), *series = NULL;

	assert_non_null(all);
	series = json_object_object_get_ex(all, vital, &series) ? json_object_get(series)
								: json_object_new_array();
	json_object_put(all);
	return series;
}

#endif
