// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The history over a long time, which is virtual: neither memory nor the database grows beyond what is to be kept. */
#include "history_fixture.h"

#include <malloc.h>
#include <sqlite3.h>

#define ROW_BYTES_MAX                                                                              \
	90 /* of an aggregate: 13 numbers, their header, and what a page of them leaves free */
#define RAW_BYTES_MAX 24

/* Of the address sanitizer, where the test is built with it: malloc's own figures are empty then. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static char dir[64], db[96];
static struct history *h;
static struct feed *feed;
static struct play play;

static size_t memory_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : mallinfo2().uordblks;
}

static __u64 file_bytes(void)
{
	struct stat st;

	assert_int_equal(stat(db, &st), 0);
	return (__u64)st.st_size;
}

static __u64 count(const char *sql)
{
	sqlite3 *other;
	sqlite3_stmt *s;
	__u64 value;

	assert_int_equal(sqlite3_open_v2(db, &other, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(other, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	value = (__u64)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(other);
	return value;
}

static int setup(void **state)
{
	char why[HISTORY_ERROR_LEN];

	(void)state;
	history_dir(dir);
	snprintf(db, sizeof(db), "%s/history.db", dir);
	assert_int_equal(history_open(&h, db, NULL, why, sizeof(why)), 0);
	assert_int_equal(feed_open(&feed, h), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	play_free(&play);
	feed_close(feed);
	history_close(h);
	tree_free(dir);
	return 0;
}

static void add_vitals(unsigned int nr)
{
	char name[32];

	for (unsigned int i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "test.vital%02u_ns", i);
		play_add(&play, name, "ns");
	}
}

/* Values that move, now and then far. */
static void tick(__u64 second, unsigned int *random)
{
	for (unsigned int i = 0; i < play.nr; i++) {
		__u64 value;

		*random = *random * 1103515245 + 12345;
		value = 1000000ULL * (i + 1) + (*random >> 16);
		if ((*random >> 8) % 5000 == 0)
			value *= 50;
		play_set(&play, i, value, 1000000ULL * (i + 1));
	}
	if (feed_take(feed, play.reply, at_s(second)))
		fail_msg("%s", history_error(h));
}

/* One more change; the daemon goes on to list the last few of them. */
static void change(__u64 number, __u64 second)
{
	struct json_object *reply = one_change(number, "committed", "it helped",
					       at_s(second).mono_ns, at_s(second).mono_ns);

	assert_int_equal(history_changes(h, reply, BOOT, at_s(second)), 1);
	assert_int_equal(history_changes(h, reply, BOOT, at_s(second + 1)), 0);
	json_object_put(reply);
}

/* What the rows that are to be kept may take, and the free pages. */
static __u64 limit_bytes(__u64 minutes, __u64 hours, __u64 changes)
{
	return ((minutes + hours) * ROW_BYTES_MAX + HISTORY_RAW_S * RAW_BYTES_MAX) * play.nr +
	       changes * 600 + HISTORY_SPARE_PAGES * 4096 + 256 * 1024;
}

static void a_day_at_one_hertz(void **state)
{
	unsigned int random = 1;
	size_t memory = 0;

	(void)state;
	add_vitals(4);
	for (__u64 s = 0; s < 86400; s++) {
		tick(T0 + s, &random);
		if (s % 1800 == 0)
			change(s / 1800 + 1, T0 + s);
		/* all that it will ever hold it holds by then, SQLite's cache too */
		if (s == 43200)
			memory = memory_bytes();
	}
	assert_in_range(memory_bytes(), memory - memory / 8, memory + 16 * 1024);
	assert_in_range(count("SELECT count(*) FROM raw"), 1, (HISTORY_RAW_S + 10) * play.nr);
	assert_int_equal(count("SELECT count(*) FROM minute"), (1440 - 1) * play.nr);
	assert_int_equal(count("SELECT count(*) FROM hour"), 23 * play.nr);
	assert_int_equal(count("SELECT count(*) FROM change"), 48);
	assert_true(count("SELECT count(*) FROM spike") > 10);
	assert_true(file_bytes() < limit_bytes(1440, 24, 48));
	printf("# a day of %u vital signs: %llu KiB, memory %zu KiB\n", play.nr,
	       file_bytes() / 1024, memory_bytes() / 1024);
}

/* One look a minute, so that it takes seconds; what is kept of minutes and hours is as much. */
static void ninety_days(void **state)
{
	__u64 settled = 0, largest = 0;
	unsigned int random = 1;
	size_t memory = 0;

	(void)state;
	add_vitals(2);
	for (__u64 s = 0; s < 90 * 86400ULL; s += 60) {
		tick(T0 + s, &random);
		if (s % (6 * 3600) == 0)
			change(s / 3600 + 1, T0 + s);
		if (s == 62 * 86400ULL) {
			settled = file_bytes();
			memory = memory_bytes();
		}
		if (s % 86400 == 0 && file_bytes() > largest)
			largest = file_bytes();
	}
	assert_in_range(memory_bytes(), memory - memory / 8, memory + 16 * 1024);
	assert_in_range(count("SELECT count(*) FROM minute"), HISTORY_MINUTES_S / 60 * play.nr,
			(HISTORY_MINUTES_S / 60 + 61) * play.nr);
	assert_in_range(count("SELECT count(*) FROM hour"), HISTORY_HOURS_S / 3600 * play.nr,
			(HISTORY_HOURS_S / 3600 + 2) * play.nr);
	assert_true(count("SELECT count(*) FROM spike") <= HISTORY_SPIKES_MAX);
	assert_int_equal(count("SELECT count(*) FROM change"), 360);
	/* from when all that is kept is full it grows by nothing but changes, which have a year */
	assert_true(largest < settled + settled / 10);
	assert_true(largest < limit_bytes(2880 + 61, 1440 + 2, 360) + HISTORY_SPIKES_MAX * 400);
	printf("# 90 days of %u vital signs: %llu KiB after 62 days, %llu KiB at most\n", play.nr,
	       settled / 1024, largest / 1024);
}

/* What is deleted at once is given back, but for some pages. */
static void gives_back(void **state)
{
	__u64 full;

	(void)state;
	for (__u64 i = 0; i < 4000; i += 50) {
		struct json_object *reply = json_object_new_object();

		for (__u64 k = 0; k < 50; k++)
			change_add(reply, i + k + 1, "failed", "a long reason, as they may be",
				   1000 * NS, 1000 * NS, "vm.swappiness", "/proc/sys/vm/swappiness",
				   "60", "10");
		assert_int_equal(history_changes(h, reply, BOOT, at_s(T0)), 50);
		json_object_put(reply);
	}
	full = file_bytes();
	assert_int_equal(history_retain(h, T0 + 2 * HISTORY_CHANGES_S), 0);
	assert_true(full > (HISTORY_SPARE_PAGES + 50) * 4096ULL);
	assert_true(file_bytes() < (HISTORY_SPARE_PAGES + 30) * 4096ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_day_at_one_hertz, setup, teardown),
		cmocka_unit_test_setup_teardown(ninety_days, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
