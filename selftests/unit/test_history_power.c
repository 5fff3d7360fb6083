// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The history under power cut. A file layer of SQLite keeps apart what is on the disk and what has only been written: data of a
 * file is on the disk once that file was synced, names once the directory was. At the Nth write, sync, truncate or deletion, for
 * every N in turn, the power goes: of what was not synced nothing is left, or by dice any sectors of it, in any order, names
 * too; what was appended and not written is rubbish. Then the database is opened again, and the power cut once more
 * in the middle of that; at last it must be whole, and have each change that was reported as stored.
 */
#include "history_fixture.h"
#include "power_layer.h"

#include "../../user/history/store.h"

#define CHANGES 6

/* ---- the work, and what must be left of it ---- */

static const char *const course[] = {"pending", "watched", "committed"};
#define STATES 3

static struct play play;
static unsigned long cuts;
static int stored[CHANGES]; /* states of each change that were reported as stored */
static int looked[CHANGES]; /* of these, as they were when the power went */

/* As the historian does it, until the power goes; what a database is told that has it already changes nothing. */
static void work(struct history *h, struct feed *feed)
{
	for (__u64 s = 0; s < 62 && !dark; s++) {
		play_set(&play, 0, s == 50 ? 9000 : s % 7, s % 7);
		play_set(&play, 1, 1000 + s, 1000);
		feed_take(feed, play.reply, at_s(T0 + 3575 + s));
		if (s % 3 == 0 && s / 3 < CHANGES * STATES) {
			int number = (int)(s / 3) / STATES, state = (int)(s / 3) % STATES;
			struct json_object *reply =
				one_change((__u64)number + 1, course[state], "so",
					   (4500 + (__u64)number) * NS, (4600 + (__u64)state) * NS);

			if (history_changes(h, reply, BOOT, at_s(T0 + 3575 + s)) >= 0 &&
			    stored[number] < state + 1)
				stored[number] = state + 1;
			json_object_put(reply);
		}
	}
	/* all is deleted at once, and every free page given back, also those that history_retain() leaves */
	if (!dark)
		history_retain(h, T0 + HISTORY_HOURS_S + 86400);
	if (!dark)
		sqlite3_exec(h->db, "DELETE FROM raw; PRAGMA incremental_vacuum", NULL, NULL, NULL);
}

/* Opens, works, closes. */
static void session(void)
{
	char why[HISTORY_ERROR_LEN];
	struct history *h;
	struct feed *feed;
	int err = history_open(&h, "history.db", "powercut", why, sizeof(why));

	/* never is it found damaged, or moved aside */
	if (strstr(why, "damaged") || strstr(why, "moved"))
		fail_msg("cut %lu, seed %u: %s", cut_at, seed, why);
	if (err) {
		if (!dark)
			fail_msg("cut %lu, seed %u: %d: %s", cut_at, seed, err, why);
		return;
	}
	assert_int_equal(feed_open(&feed, h), 0);
	work(h, feed);
	feed_close(feed);
	history_close(h);
}

static void check_whole(struct history *h)
{
	sqlite3 *db = h->db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	if (strcmp((const char *)sqlite3_column_text(s, 0), "ok"))
		fail_msg("cut %lu, seed %u: %s", cut_at, seed, sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &s, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
}

/* How many changes that were reported as stored are not there, or not in the state that was reported. */
static unsigned int missing(struct history *h)
{
	struct json_object *array = history_read_changes(h, 0, NULL, 100);
	int found[CHANGES] = {0};
	unsigned int nr = 0;

	assert_non_null(array);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *row = json_object_array_get_idx(array, i), *states = NULL;
		__u64 number = js_u64(row, "number");

		js_get_array(row, "states", &states);
		assert_in_range(number, 1, CHANGES);
		found[number - 1] = (int)json_object_array_length(states);
	}
	json_object_put(array);
	for (int i = 0; i < CHANGES; i++)
		nr += found[i] < looked[i];
	return nr;
}

/* The power cut at the Nth operation; false: it was never reached. */
static bool cut(unsigned long n, unsigned int with, unsigned int *lost)
{
	char why[HISTORY_ERROR_LEN];
	struct history *h;

	wipe();
	memset(stored, 0, sizeof(stored));
	cut_at = n;
	seed = with;
	dice = (unsigned int)n * 31 + with;
	session();
	if (!dark)
		return false;
	cuts++;
	memcpy(looked, stored, sizeof(looked));
	light_again();
	/* and once more while it is put right */
	operations = 0;
	cut_at = 1 + roll() % 12;
	if (!history_open(&h, "history.db", "powercut", why, sizeof(why)))
		history_close(h);
	if (dark) {
		cuts++;
		light_again();
	}
	cut_at = 0;
	assert_int_equal(history_open(&h, "history.db", "powercut", why, sizeof(why)), 0);
	if (why[0])
		fail_msg("cut %lu, seed %u: %s", n, seed, why);
	check_whole(h);
	*lost += missing(h);
	history_close(h);
	/* and it goes on */
	if (n % 8 == 0)
		session();
	return true;
}

static void survives_every_cut(void **state)
{
	unsigned int lost = 0;
	unsigned long nr = 0;

	(void)state;
	/* nothing that was not synced is left; then some of it, by another seed each time */
	for (unsigned int with = 0; with < 2; with++)
		for (unsigned long n = 1; cut(n, with * (1 + (unsigned int)n), &lost); n++)
			nr = n;
	assert_int_equal(lost, 0);
	/* the last one was never reached: all was stored */
	for (int i = 0; i < CHANGES; i++)
		assert_int_equal(stored[i], STATES);
	assert_true(nr > 200);
	printf("# power cut at each of %lu operations, twice: %lu cuts, %u exceptions\n", nr, cuts,
	       lost);
}

/*
 * A disk that says it has synced, and has not, loses what was stored: the test sees that, or it would see nothing. The names of
 * files have come to it.
 */
static void sees_what_is_lost(void **state)
{
	char why[HISTORY_ERROR_LEN];
	struct history *h;

	(void)state;
	wipe();
	memset(stored, 0, sizeof(stored));
	seed = 0;
	session();
	assert_int_equal(stored[0], STATES);
	lying = true;
	wipe();
	session();
	memcpy(looked, stored, sizeof(looked));
	go_dark();
	light_again();
	lying = false;
	assert_int_equal(history_open(&h, "history.db", "powercut", why, sizeof(why)), 0);
	assert_int_equal(missing(h), CHANGES);
	history_close(h);
}

static int setup(void **state)
{
	(void)state;
	make_layer();
	play_add(&play, "net.udp_full_hz", "hz");
	play_add(&play, "cpu.busy_permille", "permille");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wipe();
	play_free(&play);
	return sqlite3_vfs_unregister(&layer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_every_cut),
		cmocka_unit_test(sees_what_is_lost),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
