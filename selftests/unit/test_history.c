// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The history: aggregates, changes, series, spikes; and what becomes of a database that is not as it should be. */
#include "history_fixture.h"

#include <sqlite3.h>

static char dir[64], db[96];
static struct history *h;
static struct feed *feed;
static struct play play;

static void open_all(void)
{
	char why[HISTORY_ERROR_LEN];

	assert_int_equal(history_open(&h, db, NULL, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	assert_int_equal(feed_open(&feed, h), 0);
}

static int setup(void **state)
{
	(void)state;
	history_dir(dir);
	snprintf(db, sizeof(db), "%s/history.db", dir);
	open_all();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	play_free(&play);
	feed_close(feed);
	history_close(h);
	feed = NULL;
	h = NULL;
	tree_free(dir);
	return 0;
}

/* ---- aggregates ---- */

static void samples_come_to(void **state)
{
	__u64 value[100], few[] = {7, AGGREGATE_ABSENT, 3, AGGREGATE_ABSENT};
	struct aggregate a;

	(void)state;
	for (int i = 0; i < 100; i++)
		value[i] = (__u64)(100 - i);
	a = aggregate_samples(value, 100);
	assert_int_equal(a.samples, 100);
	assert_int_equal(a.present, 100);
	assert_int_equal(a.min, 1);
	assert_int_equal(a.max, 100);
	assert_int_equal(a.mean, 51); /* 50.5 */
	assert_in_range(a.variance, 832, 834);
	assert_int_equal(a.p50, 50);
	assert_int_equal(a.p95, 95);
	assert_int_equal(a.p99, 99);
	/* absent is not 0 */
	a = aggregate_samples(few, 4);
	assert_int_equal(a.samples, 4);
	assert_int_equal(a.present, 2);
	assert_int_equal(a.min, 3);
	assert_int_equal(a.mean, 5);
	assert_int_equal(a.variance, 4);
	few[0] = few[1] = few[2] = few[3] = AGGREGATE_ABSENT;
	a = aggregate_samples(few, 4);
	assert_int_equal(a.present, 0);
	assert_int_equal(a.samples, 4);
	/* squares that fit nowhere */
	few[0] = 0;
	few[1] = AGGREGATE_VALUE_MAX;
	a = aggregate_samples(few, 2);
	assert_int_equal(a.variance, AGGREGATE_VALUE_MAX);
	assert_int_equal(aggregate_root(0), 0);
	assert_int_equal(aggregate_root(99), 9);
	assert_int_equal(aggregate_root(100), 10);
	assert_int_equal(aggregate_root(~0ULL), 0xffffffff);
}

/* An hour from its minutes against the hour from its seconds: values that drift, with a tail. */
static void minutes_come_to_an_hour(void **state)
{
	static __u64 all[3600], value[60];
	struct aggregate minute[60], exact, merged;
	unsigned int random = 7;

	(void)state;
	for (int m = 0; m < 60; m++) {
		for (int s = 0; s < 60; s++) {
			random = random * 1103515245 + 12345;
			value[s] = 1000 + m * 10 + (random >> 16) % 500;
			if ((random >> 8) % 40 == 0)
				value[s] *= 5;
			all[m * 60 + s] = value[s];
		}
		minute[m] = aggregate_samples(value, 60);
	}
	exact = aggregate_samples(all, 3600);
	merged = aggregate_merge(minute, 60);
	assert_int_equal(merged.samples, 3600);
	assert_int_equal(merged.min, exact.min);
	assert_int_equal(merged.max, exact.max);
	assert_in_range(merged.mean, exact.mean - 1, exact.mean + 1);
	assert_in_range(merged.variance, exact.variance - exact.variance / 100,
			exact.variance + exact.variance / 100);
	assert_in_range(merged.p50, exact.p50 - exact.p50 / 20, exact.p50 + exact.p50 / 20);
	assert_in_range(merged.p95, exact.p95 - exact.p95 / 20, exact.p95 + exact.p95 / 3);
	assert_in_range(merged.p99, exact.p99 - exact.p99 / 10, exact.p99 + exact.p99 / 10);
	minute[0] = (struct aggregate){.samples = 60};
	merged = aggregate_merge(minute, 1);
	assert_int_equal(merged.samples, 60);
	assert_int_equal(merged.present, 0);
	assert_int_equal(merged.min, 0);
}

/* ---- changes ---- */

static int take(struct json_object *reply, __u64 second)
{
	int nr = history_changes(h, reply, BOOT, at_s(second));

	json_object_put(reply);
	return nr;
}

static struct json_object *changes(__u64 since_s, const char *parameter)
{
	struct json_object *array = history_read_changes(h, since_s, parameter, 100);

	assert_non_null(array);
	return array;
}

static void changes_are_kept(void **state)
{
	struct json_object *array, *row, *part = NULL;

	(void)state;
	assert_int_equal(take(one_change(3, "pending", "risk", 990 * NS, 990 * NS), T0), 1);
	/* nothing new is nothing to write */
	assert_int_equal(take(one_change(3, "pending", "risk", 990 * NS, 990 * NS), T0 + 1), 0);
	assert_int_equal(take(one_change(3, "watched", "ok", 990 * NS, 1002 * NS), T0 + 2), 1);
	assert_int_equal(take(one_change(3, "committed", "helped", 990 * NS, 1012 * NS), T0 + 13),
			 1);
	/* the same number, made by a daemon that was started anew */
	assert_int_equal(take(one_change(3, "failed", "no", 2000 * NS, 2000 * NS), T0 + 1000), 1);

	array = changes(0, NULL);
	assert_int_equal(json_object_array_length(array), 2);
	row = json_object_array_get_idx(array, 1);
	assert_string_equal(js_str(row, "state"), "committed");
	assert_string_equal(js_str(row, "why"), "helped");
	assert_string_equal(js_str(row, "boot_id"), BOOT);
	assert_int_equal(js_u64(row, "uid"), 990);
	assert_int_equal(js_u64(row, "made_wall_ns"), (T0 - 10) * NS);
	js_get_array(row, "states", &part);
	assert_int_equal(json_object_array_length(part), 3);
	assert_int_equal(js_u64(json_object_array_get_idx(part, 2), "at_wall_ns"), (T0 + 12) * NS);
	js_get_array(row, "parameters", &part);
	assert_int_equal(json_object_array_length(part), 1);
	/* what it was before was not known when it was proposed */
	assert_string_equal(js_str(json_object_array_get_idx(part, 0), "from"), "128");
	json_object_put(array);

	array = changes(T0, "net.core.somaxconn");
	assert_int_equal(json_object_array_length(array), 1);
	json_object_put(array);
	array = changes(0, "vm.swappiness");
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
}

static void changes_are_forgotten(void **state)
{
	struct json_object *array;

	(void)state;
	assert_int_equal(take(one_change(1, "committed", "", 1000 * NS, 1000 * NS), T0), 1);
	for (__u64 i = 0; i < HISTORY_CHANGES_MAX + 5; i += 50) {
		struct json_object *reply = json_object_new_object();

		for (__u64 k = 0; k < 50; k++)
			change_add(reply, 10 + i + k, "failed", "", (1100 + i) * NS,
				   (1100 + i) * NS, "vm.swappiness", "/x", "", "1");
		assert_int_equal(take(reply, T0 + 100 + i), 50);
	}
	assert_int_equal(history_retain(h, T0 + 20000), 0);
	array = history_read_changes(h, 0, NULL, 2 * HISTORY_CHANGES_MAX);
	assert_int_equal(json_object_array_length(array), HISTORY_CHANGES_MAX);
	json_object_put(array);
	/* the first one was the oldest */
	array = changes(0, "net.core.somaxconn");
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
	assert_int_equal(history_retain(h, T0 + HISTORY_CHANGES_S + 20000), 0);
	array = changes(0, NULL);
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
}

/* ---- series ---- */

static void tick(__u64 second)
{
	int err = feed_take(feed, play.reply, at_s(second));

	if (err)
		fail_msg("second %llu: %d: %s", second - T0, err, history_error(h));
}

static void series_are_kept(void **state)
{
	struct json_object *raw;
	struct aggregate a;

	(void)state;
	play_add(&play, "net.packets_hz", "hz");
	play_add(&play, "pmu.ipc_permille", "permille");
	for (__u64 s = 0; s < 7265; s++) {
		play_set(&play, 0, 100 + s % 60, 130);
		/* the second one is there every other second only */
		play_present(&play, 1, s % 2);
		play_set(&play, 1, 500, 500);
		/* between two looks of the second minute */
		if (s == 90)
			play_number(play.row[0], "peak", 9000);
		tick(T0 + s);
	}
	assert_int_equal(history_newest_s(h), T0 + 7264 - 7264 % 10);
	assert_int_equal(feed_flush(feed), 0);
	assert_int_equal(history_newest_s(h), T0 + 7264);
	raw = raw_of(h, "pmu.ipc_permille", T0 + 7200, T0 + 7204);
	assert_string_equal(json_object_to_json_string_ext(raw, JSON_C_TO_STRING_PLAIN),
			    "[null,500,null,500]");
	json_object_put(raw);
	/* five minutes of it, no more */
	raw = raw_of(h, "net.packets_hz", T0 + 6900, T0 + 6966);
	assert_null(json_object_array_get_idx(raw, 64));
	assert_int_equal(json_object_get_uint64(json_object_array_get_idx(raw, 65)), 105);
	json_object_put(raw);

	assert_int_equal(history_read_span(h, "net.packets_hz", T0 + 60, T0 + 120, &a), 0);
	assert_int_equal(a.samples, 60);
	assert_int_equal(a.min, 100);
	assert_int_equal(a.max, 159);
	assert_int_equal(a.p50, 129);
	assert_int_equal(a.ewma, 130);
	assert_int_equal(a.peak, 9000);
	assert_int_equal(history_read_span(h, "net.packets_hz", T0 + 120, T0 + 180, &a), 0);
	assert_int_equal(a.peak, 159);
	assert_int_equal(history_read_span(h, "pmu.ipc_permille", T0 + 60, T0 + 120, &a), 0);
	assert_int_equal(a.present, 30);
	assert_int_equal(history_read_span(h, "no.such", T0, T0 + 60, &a), -ENOENT);
	/* once the minutes are gone there are the hours */
	assert_int_equal(history_retain(h, T0 + 3 * 86400), 0);
	assert_int_equal(history_read_span(h, "net.packets_hz", T0 + 60, T0 + 120, &a), 0);
	assert_int_equal(a.samples, 3600);
	assert_int_equal(a.peak, 9000);
	assert_in_range(a.mean, 129, 130);
}

static void check_step(void *ctx, const char *vital, const char *unit, const struct aggregate *a)
{
	(void)ctx, (void)vital;
	assert_string_equal(unit, "permille");
	assert_int_equal(a->max, 800);
	assert_int_equal(a->mean, 80);
	/* after two of them: an eighth of the way, and an eighth of what was left */
	assert_int_equal(a->ewma, 187);
}

/* The moving average of raw values is of their order, not of their size. */
static void the_last_counts_most(void **state)
{
	(void)state;
	play_add(&play, "cpu.busy_permille", "permille");
	for (__u64 s = 0; s < 20; s++) {
		play_set(&play, 0, s < 18 ? 0 : 800, 0);
		tick(T0 + s);
	}
	assert_int_equal(feed_flush(feed), 0);
	assert_int_equal(history_read_spans(h, HISTORY_SECONDS, T0, T0 + 60, check_step, NULL), 0);
}

static void count_span(void *ctx, const char *vital, const char *unit, const struct aggregate *a)
{
	__u64 *samples = ctx;

	(void)unit;
	assert_string_equal(vital, "cpu.busy_permille");
	*samples += a->samples;
}

/* No span is counted twice where hours and minutes are put together; a clock that goes back breaks nothing. */
static void spans_fit_together(void **state)
{
	__u64 samples = 0;

	(void)state;
	play_add(&play, "cpu.busy_permille", "permille");
	for (__u64 s = 0; s < 2 * 3600 + 601; s++)
		tick(T0 + s);
	assert_int_equal(history_read_spans(h, HISTORY_HOURS, T0, T0 + 86400, count_span, &samples),
			 0);
	assert_int_equal(samples, 2 * 3600 + 600);
	samples = 0;
	assert_int_equal(
		history_read_spans(h, HISTORY_MINUTES, T0 + 60, T0 + 3600, count_span, &samples),
		0);
	assert_int_equal(samples, 59 * 60);
	samples = 0;
	assert_int_equal(
		history_read_spans(h, HISTORY_SECONDS, T0 + 7700, T0 + 7760, count_span, &samples),
		0);
	assert_int_equal(samples, 60);
	for (__u64 s = 0; s < 300; s++)
		tick(T0 + 7000 + s);
	samples = 0;
	assert_int_equal(
		history_read_spans(h, HISTORY_SECONDS, T0, T0 + 86400, count_span, &samples), 0);
	assert_in_range(samples, 290, 300);
}

static void spikes_are_kept(void **state)
{
	struct json_object *array, *spike, *around = NULL, *side;

	(void)state;
	play_add(&play, "net.udp_full_hz", "hz");
	play_add(&play, "psi.cpu.some_permille", "permille");
	play_add(&play, "net.packets_hz", "hz");
	for (__u64 s = 0; s < 400; s++) {
		bool high = s == 200 || s == 201;

		play_set(&play, 0, high ? 800 + s : 10 + s % 3, 11);
		play_set(&play, 1, s >= 199 && s < 203 ? 400 : 20, 20);
		play_set(&play, 2, 1000 + s % 5, 1002);
		tick(T0 + s);
	}
	array = history_read_spikes(h, T0, 10);
	assert_non_null(array);
	/* of two that follow each other the higher one, once; and psi at its first second */
	assert_int_equal(json_object_array_length(array), 2);
	spike = json_object_array_get_idx(array, 0);
	assert_string_equal(js_str(spike, "vital"), "net.udp_full_hz");
	assert_int_equal(js_u64(spike, "value"), 1001);
	assert_int_equal(js_u64(spike, "at_s"), T0 + 201);
	assert_in_range(js_u64(spike, "average"), 10, 16);
	js_get_array(spike, "around", &around);
	/* itself, and what stood out with it; not the packets that were as always */
	assert_int_equal(json_object_array_length(around), 2);
	side = json_object_array_get_idx(around, 1);
	assert_string_equal(js_str(side, "vital"), "psi.cpu.some_permille");
	assert_int_equal(js_u64(side, "at"), 400);
	assert_int_equal(js_u64(side, "before"), 172);
	assert_int_equal(js_u64(side, "after"), 96);
	json_object_put(array);
	array = history_read_spikes(h, T0 + 202, 10);
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
}

/* Somebody reads while it wants to write: nothing is lost. */
static void readers_are_waited_for(void **state)
{
	sqlite3 *other;
	__u64 samples = 0;
	int err = 0;

	(void)state;
	play_add(&play, "cpu.busy_permille", "permille");
	tick(T0);
	assert_int_equal(sqlite3_open_v2(db, &other, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM vital", NULL, NULL, NULL), 0);
	for (__u64 s = 1; s <= 10 && !err; s++)
		err = feed_take(feed, play.reply, at_s(T0 + s));
	assert_int_equal(err, -EBUSY);
	assert_non_null(strstr(history_error(h), "locked"));
	sqlite3_close(other);
	for (__u64 s = 11; s < 121; s++)
		tick(T0 + s);
	assert_int_equal(
		history_read_spans(h, HISTORY_MINUTES, T0, T0 + 86400, count_span, &samples), 0);
	assert_int_equal(samples, 120);
}

/* ---- what is not as it should be ---- */

static void run(const char *sql)
{
	sqlite3 *other;

	assert_int_equal(sqlite3_open(db, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
}

/* Opens it again; then it must be empty, work, and say why, with `text` in it. */
static void begins_anew(const char *text)
{
	char why[HISTORY_ERROR_LEN], aside[128];
	struct json_object *array;

	snprintf(aside, sizeof(aside), "%s" HISTORY_ASIDE, db);
	unlink(aside);
	feed_close(feed);
	history_close(h);
	feed = NULL;
	h = NULL;
	assert_int_equal(history_open(&h, db, NULL, why, sizeof(why)), 0);
	if (!strstr(why, text) || !strstr(why, "moved to"))
		fail_msg("said: %s", why);
	assert_int_equal(access(aside, F_OK), 0);
	array = changes(0, NULL);
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
	assert_int_equal(take(one_change(1, "failed", "", NS, NS), T0), 1);
}

static void damage_is_moved_aside(void **state)
{
	char why[HISTORY_ERROR_LEN];
	struct history *other;
	FILE *f;

	(void)state;
	take(one_change(1, "failed", "", NS, NS), T0);
	run("PRAGMA user_version=99");
	assert_int_equal(history_open_read(&other, db, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "version 99"));
	begins_anew("version 99");
	run("DROP TABLE spike_around");
	begins_anew("no such table");
	run("PRAGMA application_id=5");
	begins_anew("not a history");
	/* pages of another time in the middle */
	f = fopen(db, "r+");
	fseek(f, 3 * 4096 + 100, SEEK_SET);
	for (int i = 0; i < 8000; i++)
		fputc(i * 7, f);
	fclose(f);
	begins_anew(db);
	f = fopen(db, "w");
	fprintf(f,
		"this is a text, and long enough to be taken for a header, which it is not. %200s",
		"");
	fclose(f);
	assert_int_equal(history_open_read(&other, db, why, sizeof(why)), -EINVAL);
	assert_null(other);
	begins_anew("not a database");
	/* half of it */
	assert_int_equal(truncate(db, 4096 * 3 + 17), 0);
	begins_anew(db);
}

static void refuses(void **state)
{
	char why[HISTORY_ERROR_LEN], path[128];
	struct history *other;

	(void)state;
	snprintf(path, sizeof(path), "%s/none/history.db", dir);
	assert_int_not_equal(history_open(&other, path, NULL, why, sizeof(why)), 0);
	assert_null(other);
	assert_non_null(strstr(why, "unable to open"));
	assert_int_equal(history_open_read(&other, path, why, sizeof(why)), -ENOENT);
	/* there, and empty: nothing has been written yet */
	snprintf(path, sizeof(path), "%s/empty.db", dir);
	fclose(fopen(path, "w"));
	assert_int_equal(history_open_read(&other, path, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "nothing is in it"));
	assert_int_equal(history_open_read(&other, db, why, sizeof(why)), 0);
	/* who reads, only reads */
	assert_int_equal(history_retain(other, T0) < 0, 1);
	history_close(other);
	history_close(NULL);
	feed_close(NULL);
}

/* A reply that is none, and names that fit nowhere. */
static void takes_no_nonsense(void **state)
{
	struct json_object *nothing = json_object_new_object();
	char name[128];

	(void)state;
	assert_int_equal(feed_take(feed, nothing, at_s(T0)), -EPROTO);
	assert_int_equal(history_changes(h, nothing, BOOT, at_s(T0)), 0);
	assert_int_equal(feed_flush(feed), 0);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	play_add(&play, name, "ns");
	play_add(&play, "", "ns");
	play_add(&play, "mem.free_bytes", "bytes");
	play_set(&play, 2, ~0ULL, 1);
	tick(T0);
	tick(T0 + 60);
	assert_int_equal(history_newest_s(h), T0 + 60);
	json_object_put(nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_come_to),
		cmocka_unit_test(minutes_come_to_an_hour),
		cmocka_unit_test_setup_teardown(changes_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(series_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_counts_most, setup, teardown),
		cmocka_unit_test_setup_teardown(spans_fit_together, setup, teardown),
		cmocka_unit_test_setup_teardown(spikes_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_are_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_moved_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_no_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
