// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Writing changes; and forgetting what is old. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../lib/json.h"
#include "store.h"

#define NS_PER_S 1000000000ULL

/* A time of the daemon's clock on the wall's. */
static __u64 wall_of(struct history_time now, __u64 mono_ns)
{
	__u64 ago = now.mono_ns > mono_ns ? now.mono_ns - mono_ns : 0;

	return now.wall_ns > ago ? now.wall_ns - ago : 0;
}

/* What is stored of it: its id, 0 where nothing is; *same: also the state that it is in. */
static int find_change(struct history *h, struct json_object *row, const char *boot_id,
		       sqlite3_int64 *id, bool *same)
{
	sqlite3_stmt *s = store_statement(h, STORE_CHANGE_FIND);
	int code, err;

	store_bind_text(s, 1, boot_id);
	store_bind(s, 2, js_u64(row, "made_ns"));
	store_bind(s, 3, js_u64(row, "id"));
	code = sqlite3_step(s);
	err = store_result(h, code);
	*id = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	*same = *id && !strcmp((const char *)sqlite3_column_text(s, 1), js_str(row, "state")) &&
		(__u64)sqlite3_column_int64(s, 2) == js_u64(row, "at_ns");
	sqlite3_reset(s);
	return err;
}

static int add_change(struct history *h, struct json_object *row, const char *boot_id,
		      struct history_time now, sqlite3_int64 *id)
{
	sqlite3_stmt *s = store_statement(h, STORE_CHANGE_ADD);
	int err;

	store_bind_text(s, 1, boot_id);
	store_bind(s, 2, js_u64(row, "id"));
	store_bind(s, 3, js_u64(row, "made_ns"));
	store_bind(s, 4, wall_of(now, js_u64(row, "made_ns")));
	store_bind_text(s, 5, js_str(row, "source"));
	store_bind(s, 6, js_u64(row, "uid"));
	store_bind(s, 7, js_u64(row, "risk"));
	store_bind_text(s, 8, js_str(row, "timing"));
	store_bind_text(s, 9, js_str(row, "reason"));
	err = store_run(h, s);
	*id = sqlite3_last_insert_rowid(h->db);
	return err;
}

static int add_state(struct history *h, struct json_object *row, struct history_time now,
		     sqlite3_int64 id)
{
	sqlite3_stmt *s = store_statement(h, STORE_STATE_ADD);

	sqlite3_bind_int64(s, 1, id);
	store_bind_text(s, 2, js_str(row, "state"));
	store_bind_text(s, 3, js_str(row, "why"));
	store_bind(s, 4, js_u64(row, "at_ns"));
	store_bind(s, 5, wall_of(now, js_u64(row, "at_ns")));
	return store_run(h, s);
}

/* With each state anew: what was there before is known only once it has been read. */
static int add_files(struct history *h, struct json_object *row, sqlite3_int64 id)
{
	struct json_object *files = NULL;
	int err = 0;

	js_get_array(row, "parameters", &files);
	for (size_t i = 0; files && i < json_object_array_length(files) && !err; i++) {
		struct json_object *f = json_object_array_get_idx(files, i);
		sqlite3_stmt *s = store_statement(h, STORE_FILE_ADD);

		sqlite3_bind_int64(s, 1, id);
		store_bind(s, 2, i);
		store_bind_text(s, 3, js_str(f, "parameter"));
		store_bind_text(s, 4, js_str(f, "path"));
		store_bind_text(s, 5, js_str(f, "from"));
		store_bind_text(s, 6, js_str(f, "to"));
		err = store_run(h, s);
	}
	return err;
}

/* Is there anything in it that is not stored? 1, 0 or negative errno. */
static int anything_new(struct history *h, struct json_object *rows, const char *boot_id)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		sqlite3_int64 id;
		bool same;
		int err = find_change(h, json_object_array_get_idx(rows, i), boot_id, &id, &same);

		if (err || !same)
			return err ? err : 1;
	}
	return 0;
}

/* One change: 1 where it is new or in another state, 0, or negative errno. */
static int take_change(struct history *h, struct json_object *row, const char *boot_id,
		       struct history_time now)
{
	sqlite3_int64 id;
	bool same;
	int err = find_change(h, row, boot_id, &id, &same);

	if (err || same)
		return err;
	if (!id)
		err = add_change(h, row, boot_id, now, &id);
	if (!err)
		err = add_state(h, row, now, id);
	if (!err)
		err = add_files(h, row, id);
	return err ? err : 1;
}

int history_changes(struct history *h, struct json_object *reply, const char *boot_id,
		    struct history_time now)
{
	struct json_object *rows = NULL;
	int err, nr = 0;

	if (js_get_array(reply, "changes", &rows))
		return 0;
	/* nearly always there is nothing: then nothing is locked, nor written */
	err = anything_new(h, rows, boot_id);
	if (err <= 0)
		return err;
	err = store_begin(h);
	if (err)
		return err;
	/* the daemon has the newest first */
	for (size_t i = json_object_array_length(rows); i && err >= 0; i--) {
		err = take_change(h, json_object_array_get_idx(rows, i - 1), boot_id, now);
		nr += err > 0;
	}
	err = store_end(h, err < 0 ? err : 0);
	return err ? err : nr;
}

/* Deletes by one statement, with a first and a second number. */
static int forget(struct history *h, const char *sql, __u64 first, __u64 second)
{
	sqlite3_stmt *s = store_prepare(h, sql);
	int err = s ? 0 : -EUCLEAN;

	if (!err) {
		store_bind(s, 1, first);
		if (sqlite3_bind_parameter_count(s) > 1)
			store_bind(s, 2, second);
		err = store_run(h, s);
	}
	sqlite3_finalize(s);
	return err;
}

static __u64 before(__u64 now_s, __u64 kept_s)
{
	return now_s > kept_s ? now_s - kept_s : 0;
}

/* Free pages beyond those that are soon needed again. */
static int give_back(struct history *h)
{
	__u64 free_pages = store_number(h, "PRAGMA freelist_count");
	char sql[64];

	if (free_pages <= HISTORY_SPARE_PAGES)
		return 0;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%llu)",
		 free_pages - HISTORY_SPARE_PAGES);
	return store_result(h, sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

int history_retain(struct history *h, __u64 now_s)
{
	/* from a clock that was wrong: it would stay until that time comes */
	__u64 future_s = now_s + 3600;
	int err = store_begin(h);

	if (err)
		return err;
	err = forget(h, "DELETE FROM minute WHERE at < ?1 OR at > ?2",
		     before(now_s, HISTORY_MINUTES_S), future_s);
	if (!err)
		err = forget(h, "DELETE FROM hour WHERE at < ?1 OR at > ?2",
			     before(now_s, HISTORY_HOURS_S), future_s);
	if (!err)
		err = forget(h, "DELETE FROM spike WHERE at < ?1 OR at > ?2",
			     before(now_s, HISTORY_SPIKES_S), future_s);
	if (!err)
		err = forget(h,
			     "DELETE FROM spike WHERE id <= (SELECT id FROM spike ORDER BY id DESC"
			     " LIMIT 1 OFFSET ?1)",
			     HISTORY_SPIKES_MAX, 0);
	if (!err)
		err = forget(h, "DELETE FROM change WHERE made_wall_ns < ?1",
			     before(now_s, HISTORY_CHANGES_S) * NS_PER_S, 0);
	if (!err)
		err = forget(
			h,
			"DELETE FROM change WHERE id <= (SELECT id FROM change ORDER BY id DESC"
			" LIMIT 1 OFFSET ?1)",
			HISTORY_CHANGES_MAX, 0);
	err = store_end(h, err);
	return err ? err : give_back(h);
}
