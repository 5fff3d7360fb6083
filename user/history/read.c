// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Reading: what the program homeostat shows of the history. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/json.h"
#include "store.h"

#define NS_PER_S 1000000000ULL
#define COLUMNS " vital,samples,present,min,max,mean,variance,p50,p95,p99,peak,ewma "

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static __u64 number_of(sqlite3_stmt *s, int column)
{
	sqlite3_int64 value = sqlite3_column_int64(s, column);

	return value > 0 ? (__u64)value : 0;
}

/* The next row of a query: true; at its end, or with *err set, false. */
static bool next_row(struct history *h, sqlite3_stmt *s, int *err)
{
	int code = s && !*err ? sqlite3_step(s) : SQLITE_DONE;

	if (!*err)
		*err = s ? store_result(h, code) : -EINVAL;
	return code == SQLITE_ROW && !*err;
}

static int read_states(struct history *h, struct json_object *row, __u64 id)
{
	sqlite3_stmt *s =
		store_prepare(h, "SELECT state,why,at_wall_ns,at_mono_ns FROM change_state"
				 " WHERE change=?1 ORDER BY seen");
	struct json_object *states = js_add_array(row, "states"), *last = NULL;
	int err = 0;

	store_bind(s, 1, id);
	while (next_row(h, s, &err)) {
		last = js_push_obj(states);
		js_add_str(last, "state", text_of(s, 0));
		js_add_str(last, "why", text_of(s, 1));
		js_add_u64(last, "at_wall_ns", number_of(s, 2));
		js_add_u64(last, "at_mono_ns", number_of(s, 3));
	}
	js_add_str(row, "state", js_str(last, "state"));
	js_add_str(row, "why", js_str(last, "why"));
	sqlite3_finalize(s);
	return err;
}

static int read_files(struct history *h, struct json_object *row, __u64 id)
{
	sqlite3_stmt *s = store_prepare(h, "SELECT parameter,path,from_value,to_value FROM"
					   " change_file WHERE change=?1 ORDER BY place");
	struct json_object *files = js_add_array(row, "parameters");
	int err = 0;

	store_bind(s, 1, id);
	while (next_row(h, s, &err)) {
		struct json_object *f = js_push_obj(files);

		js_add_str(f, "parameter", text_of(s, 0));
		js_add_str(f, "path", text_of(s, 1));
		js_add_str(f, "from", text_of(s, 2));
		js_add_str(f, "to", text_of(s, 3));
	}
	sqlite3_finalize(s);
	return err;
}

/* What was read, or NULL where that was not to its end. */
static struct json_object *whole(struct json_object *read, int err)
{
	if (!err)
		return read;
	json_object_put(read);
	return NULL;
}

struct json_object *history_read_changes(struct history *h, __u64 since_s, const char *parameter,
					 unsigned int max)
{
	static const char *const names[] = {"boot_id", "source", "timing", "reason"};
	static const char *const numbers[] = {"id",   "number",	      "uid",
					      "risk", "made_wall_ns", "made_mono_ns"};
	sqlite3_stmt *s = store_prepare(
		h,
		"SELECT boot_id,source,timing,reason,id,number,uid,risk,made_wall_ns,made_mono_ns"
		" FROM change WHERE made_wall_ns >= ?1 AND (?2 = '' OR EXISTS (SELECT 1 FROM"
		" change_file f WHERE f.change = change.id AND f.parameter = ?2))"
		" ORDER BY made_wall_ns DESC, id DESC LIMIT ?3");
	struct json_object *array = json_object_new_array();
	int err = 0;

	store_bind(s, 1, since_s * NS_PER_S);
	store_bind_text(s, 2, parameter);
	store_bind(s, 3, max);
	while (next_row(h, s, &err)) {
		struct json_object *row = js_push_obj(array);

		for (int i = 0; i < 4; i++)
			js_add_str(row, names[i], text_of(s, i));
		for (int i = 0; i < 6; i++)
			js_add_u64(row, numbers[i], number_of(s, 4 + i));
		err = read_states(h, row, number_of(s, 4));
		if (!err)
			err = read_files(h, row, number_of(s, 4));
	}
	sqlite3_finalize(s);
	return whole(array, err);
}

/* A number, or null where there was none. */
static void add_present(struct json_object *row, const char *key, sqlite3_stmt *s, int column)
{
	if (sqlite3_column_type(s, column) == SQLITE_NULL)
		js_add(row, key, NULL);
	else
		js_add_u64(row, key, number_of(s, column));
}

static int read_around(struct history *h, struct json_object *row, __u64 id)
{
	sqlite3_stmt *s = store_prepare(h, "SELECT name,unit,average,before,at,after FROM"
					   " spike_around a JOIN vital v ON v.id = a.vital"
					   " WHERE spike=?1 ORDER BY name");
	struct json_object *array = js_add_array(row, "around");
	int err = 0;

	store_bind(s, 1, id);
	while (next_row(h, s, &err)) {
		struct json_object *side = js_push_obj(array);

		js_add_str(side, "vital", text_of(s, 0));
		js_add_str(side, "unit", text_of(s, 1));
		js_add_u64(side, "average", number_of(s, 2));
		add_present(side, "before", s, 3);
		add_present(side, "at", s, 4);
		add_present(side, "after", s, 5);
	}
	sqlite3_finalize(s);
	return err;
}

struct json_object *history_read_spikes(struct history *h, __u64 since_s, unsigned int max)
{
	sqlite3_stmt *s = store_prepare(h, "SELECT s.id,at,name,unit,value,average,deviation FROM"
					   " spike s JOIN vital v ON v.id = s.vital WHERE at >= ?1"
					   " ORDER BY at DESC, name LIMIT ?2");
	struct json_object *array = json_object_new_array();
	int err = 0;

	store_bind(s, 1, since_s);
	store_bind(s, 2, max);
	while (next_row(h, s, &err)) {
		struct json_object *row = js_push_obj(array);

		js_add_u64(row, "at_s", number_of(s, 1));
		js_add_str(row, "vital", text_of(s, 2));
		js_add_str(row, "unit", text_of(s, 3));
		js_add_u64(row, "value", number_of(s, 4));
		js_add_u64(row, "average", number_of(s, 5));
		js_add_u64(row, "deviation", number_of(s, 6));
		err = read_around(h, row, number_of(s, 0));
	}
	sqlite3_finalize(s);
	return whole(array, err);
}

/* Absent until a second. */
static void fill(struct json_object *array, __u64 from_s, __u64 to_s)
{
	while (array && from_s + json_object_array_length(array) < to_s)
		json_object_array_add(array, NULL);
}

struct json_object *history_read_raw(struct history *h, __u64 from_s, __u64 to_s)
{
	sqlite3_stmt *s = store_prepare(h, "SELECT name,at,value FROM raw r JOIN vital v ON"
					   " v.id = r.vital WHERE at >= ?1 AND at < ?2"
					   " ORDER BY name, at");
	struct json_object *all = json_object_new_object(), *array = NULL;
	int err = 0;

	store_bind(s, 1, from_s);
	store_bind(s, 2, to_s);
	while (next_row(h, s, &err)) {
		if (!json_object_object_get_ex(all, text_of(s, 0), &array))
			array = js_add_array(all, text_of(s, 0));
		fill(array, from_s, number_of(s, 1));
		if (array)
			json_object_array_add(array, json_object_new_uint64(number_of(s, 2)));
	}
	sqlite3_finalize(s);
	json_object_object_foreach(all, name, series)
	{
		(void)name;
		fill(series, from_s, to_s);
	}
	return whole(all, err);
}

/* ---- spans: rows of one vital sign after the other, put together ---- */

struct spans {
	struct aggregate *part;
	size_t nr, size;
	__u64 value[HISTORY_RAW_S + 1];
	size_t values_nr;
};

/* One more part of the span; false: out of memory. */
static bool add_part(struct spans *spans, const struct aggregate *a)
{
	if (spans->nr == spans->size) {
		size_t size = spans->size ? 2 * spans->size : 64;
		struct aggregate *more = realloc(spans->part, size * sizeof(*more));

		if (!more)
			return false;
		spans->part = more;
		spans->size = size;
	}
	spans->part[spans->nr++] = *a;
	return true;
}

/* Moving average of raw values as of the last one, which counts for an eighth. */
static __u64 moving_average(const __u64 *value, size_t nr)
{
	__u64 average = value[0];

	for (size_t i = 1; i < nr; i++)
		average = value[i] > average ? average + (value[i] - average) / 8
					     : average - (average - value[i]) / 8;
	return average;
}

static struct aggregate together(struct spans *spans)
{
	struct aggregate a;

	if (spans->values_nr) {
		__u64 average = moving_average(spans->value, spans->values_nr);

		a = aggregate_samples(spans->value, spans->values_nr);
		a.ewma = average;
	} else {
		a = aggregate_merge(spans->part, spans->nr);
	}
	spans->nr = spans->values_nr = 0;
	return a;
}

static sqlite3_stmt *prepare_spans(struct history *h, enum history_step step, const char *vital,
				   __u64 from_s, __u64 to_s)
{
	static const char *const sql[] = {
		[HISTORY_SECONDS] =
			"SELECT name, unit, r.* FROM (SELECT vital, value, at FROM raw WHERE at >= "
			"?1"
			" AND at < ?2) r JOIN vital v ON v.id = r.vital WHERE ?3 = '' OR name = ?3"
			" ORDER BY name, at",
		[HISTORY_MINUTES] = "SELECT name, unit, r.* FROM (SELECT" COLUMNS
				    ", at FROM minute WHERE at >= ?1 AND at < ?2) r JOIN vital v ON"
				    " v.id = r.vital WHERE ?3 = '' OR name = ?3 ORDER BY name, at",
		[HISTORY_HOURS] =
			"SELECT name, unit, r.* FROM (SELECT" COLUMNS
			", at FROM hour WHERE at >= ?1 AND at < ?2 UNION ALL SELECT" COLUMNS
			", at FROM minute WHERE at >= ?1 AND at < ?2 AND at >= (SELECT"
			" ifnull(max(at) + 3600, 0) FROM hour)) r JOIN vital v ON v.id = r.vital"
			" WHERE ?3 = '' OR name = ?3 ORDER BY name, at",
	};
	sqlite3_stmt *s = store_prepare(h, sql[step]);

	store_bind(s, 1, from_s);
	store_bind(s, 2, to_s);
	store_bind_text(s, 3, vital);
	return s;
}

static int take_span(struct spans *spans, enum history_step step, sqlite3_stmt *s)
{
	struct aggregate a;

	if (step == HISTORY_SECONDS) {
		if (spans->values_nr < HISTORY_RAW_S)
			spans->value[spans->values_nr++] = number_of(s, 3);
		return 0;
	}
	a = store_aggregate(s, 3);
	return add_part(spans, &a) ? 0 : -ENOMEM;
}

static int
read_spans(struct history *h, enum history_step step, const char *vital, __u64 from_s, __u64 to_s,
	   void (*visit)(void *ctx, const char *vital, const char *unit, const struct aggregate *a),
	   void *ctx)
{
	sqlite3_stmt *s = prepare_spans(h, step, vital, from_s, to_s);
	struct spans spans = {0};
	char name[64] = "", unit[16] = "";
	int err = 0;
	bool more;

	do {
		more = next_row(h, s, &err);
		if (*name && (!more || strcmp(name, text_of(s, 0))) && !err) {
			struct aggregate a = together(&spans);

			visit(ctx, name, unit, &a);
		}
		if (!more)
			break;
		snprintf(name, sizeof(name), "%s", text_of(s, 0));
		snprintf(unit, sizeof(unit), "%s", text_of(s, 1));
		err = take_span(&spans, step, s);
	} while (!err);
	free(spans.part);
	sqlite3_finalize(s);
	return err;
}

int history_read_spans(struct history *h, enum history_step step, __u64 from_s, __u64 to_s,
		       void (*visit)(void *ctx, const char *vital, const char *unit,
				     const struct aggregate *a),
		       void *ctx)
{
	return read_spans(h, step, "", from_s, to_s, visit, ctx);
}

static void keep(void *ctx, const char *vital, const char *unit, const struct aggregate *a)
{
	(void)vital, (void)unit;
	*(struct aggregate *)ctx = *a;
}

int history_read_span(struct history *h, const char *vital, __u64 from_s, __u64 to_s,
		      struct aggregate *a)
{
	int err;

	*a = (struct aggregate){0};
	err = read_spans(h, HISTORY_MINUTES, vital, from_s - from_s % 60, to_s, keep, a);
	if (!err && !a->present)
		err = read_spans(h, HISTORY_HOURS, vital, from_s - from_s % 3600, to_s, keep, a);
	return err ? err : a->present ? 0 : -ENOENT;
}

__u64 history_newest_s(struct history *h)
{
	return store_number(h, "SELECT max(ifnull((SELECT max(at) FROM raw), 0),"
			       " ifnull((SELECT max(at) FROM minute), 0),"
			       " ifnull((SELECT max(at) FROM hour), 0))");
}
