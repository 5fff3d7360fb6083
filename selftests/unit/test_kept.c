// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The text of the file of what waits, strictly. */
#include "tx_fixture.h"

#include "control.h"
#include "kept.h"

#define OTHER "99999999-2222-3333-4444-555555555555"
#define PROPOSALS ONE("net.core.somaxconn", "8192")

static char why[200];

static const struct kept_row first = {.id = 3,
				      .uid = 1000,
				      .state = TX_PENDING,
				      .made_s = 100,
				      .due_s = 3700,
				      .due_boot_ns = 3600 * S,
				      .why = "mode advise"};

static struct json_object *whole_of(const struct kept_row *row)
{
	struct json_object *whole = kept_begin(BOOT, 200, 7), *files;

	assert_non_null(whole);
	files = kept_add(whole, row, "rules", PROPOSALS);
	assert_non_null(files);
	assert_true(kept_file(files, SOMAXCONN, "4096"));
	return whole;
}

static void reads_what_it_writes(void **state)
{
	struct json_object *whole = whole_of(&first);
	const char *text = js_line(whole);
	struct kept kept;

	(void)state;
	assert_null(kept_add(whole, &first, "rules", "no json"));
	assert_int_equal(kept_parse(&kept, text, strlen(text), why, sizeof(why)), 0);
	assert_string_equal(kept.boot_id, BOOT);
	assert_int_equal(kept.saved_s, 200);
	assert_int_equal(kept.last_id, 7);
	assert_int_equal(kept.nr, 1);
	assert_int_equal(kept.row[0].id, 3);
	assert_int_equal(kept.row[0].uid, 1000);
	assert_int_equal(kept.row[0].state, TX_PENDING);
	assert_false(kept.row[0].approved);
	assert_string_equal(kept.row[0].why, "mode advise");
	assert_string_equal(kept_held(&kept.row[0], SOMAXCONN), "4096");
	assert_null(kept_held(&kept.row[0], "/proc/sys/vm/none"));
	assert_string_equal(js_str(kept.row[0].asked, "source"), "rules");
	/* when it expires: by the boot's clock; of another boot by the wall's, if that can be right */
	assert_int_equal(kept_due(&kept, &kept.row[0], BOOT, 5 * S, 9999999), 3600 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 700), 3005 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 9999999), 5 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 0), 3505 * S);
	kept.row[0].due_s = ~0ULL;
	assert_true(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 700) == ~0ULL);
	kept_free(&kept);
	json_object_put(whole);
}

/* Any part of it, and any change of it that says something else. */
static void refuses_damage(void **state)
{
	static const struct {
		const char *what, *with, *says;
	} bad[] = {
		{"\"version\":1", "\"version\":2", "version: expected 1"},
		{"\"version\":1,", "", "version: expected 1"},
		{BOOT, "1", "boot_id"},
		{"\"last_id\":7", "\"last_id\":2", "rules: id"},
		{"\"last_id\":7", "\"last_id\":\"7\"", "last_id"},
		{"\"last_id\":7", "\"last_id\":4294967295", "leaves room"},
		{"\"saved_s\":200", "\"saved_s\":-1", "saved_s"},
		{"\"saved_s\":200", "\"saved_s\":200,\"more\":1", "nothing more in it"},
		{"\"id\":3", "\"id\":0", "rows: id, uid"},
		{"\"uid\":1000", "\"uid\":4294967296", "rows: id, uid"},
		{"\"state\":\"pending\"", "\"state\":\"committed\"", "rows: state"},
		{"\"state\":\"pending\"", "\"state\":7", "rows: state"},
		{"\"approved\":false", "\"approved\":0", "rows: approved"},
		{"\"due_s\":3700", "\"due\":3700", "due_s"},
		{"\"why\":\"mode advise\"", "\"why\":null", "rows: why"},
		{"\"source\":\"rules\"", "\"source\":1", "rows: source"},
		{"\"files\":[[", "\"files\":[1,[", "rows: files"},
		{",\"4096\"]", "]", "rows: files"},
		{",\"4096\"]", ",4096]", "rows: files"},
		{"\"id\":3,", "\"id\":3,\"id\":4,", "one JSON object"},
		{"\"id\":3,", "\"id\":3,\"x\":4,", "eleven members"},
		{"\"rows\":[", "\"rows\":[7,", "eleven members"},
	};
	struct json_object *whole = whole_of(&first);
	const char *text = js_line(whole);
	struct kept kept;
	char damaged[1024];

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(kept_parse(&kept, text, len, why, sizeof(why)), -EBADMSG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *at = strstr(text, bad[i].what);

		assert_non_null(at);
		snprintf(damaged, sizeof(damaged), "%.*s%s%s", (int)(at - text), text, bad[i].with,
			 at + strlen(bad[i].what));
		if (kept_parse(&kept, damaged, strlen(damaged), why, sizeof(why)) != -EBADMSG)
			fail_msg("taken: %s", damaged);
		if (!strstr(why, bad[i].says) && strcmp(bad[i].says, "rules: id"))
			fail_msg("%s: '%s' has no '%s'", bad[i].with, why, bad[i].says);
		assert_int_equal(kept.nr, 0);
		assert_null(kept.whole);
	}
	json_object_put(whole);
	/* twice the same number */
	whole = whole_of(&first);
	assert_non_null(kept_add(whole, &first, "rules", PROPOSALS));
	text = js_line(whole);
	assert_int_equal(kept_parse(&kept, text, strlen(text), why, sizeof(why)), -EBADMSG);
	json_object_put(whole);
}

/* As much as clients may have wait at all, every byte of it escaped, has room in the file. */
static void largest_rows(void **state)
{
	struct kept_row row = first;
	struct json_object *whole = kept_begin(BOOT, 200, KEPT_ROWS_MAX + first.id), *files;
	static char text[CONTROL_REQUEST_MAX], asked[CONTROL_REQUEST_MAX * 2 + 8];
	char path[UNDO_PATH_LEN] = "", value[UNDO_VALUE_LEN] = "";
	struct kept kept;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	memset(path, '"', sizeof(path) - 1);
	memset(value, '"', sizeof(value) - 1);
	memset(row.why, '"', sizeof(row.why) - 1);
	asked[0] = '[', asked[1] = '"';
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		memcpy(asked + 2 + 2 * i, "\\\"", 2);
	strcpy(asked + 2 + 2 * (sizeof(text) - 1), "\"]");
	for (unsigned int i = 0; i < KEPT_ROWS_MAX; i++, row.id++) {
		files = kept_add(whole, &row, "person", asked);
		assert_non_null(files);
		for (int f = 0; f < TX_FILES_MAX; f++)
			assert_true(kept_file(files, path, value));
	}
	assert_true(strlen(js_line(whole)) < KEPT_TEXT_MAX);
	assert_int_equal(
		kept_parse(&kept, js_line(whole), strlen(js_line(whole)), why, sizeof(why)), 0);
	assert_int_equal(kept.nr, KEPT_ROWS_MAX);
	kept_free(&kept);
	json_object_put(whole);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_all, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_what_it_writes),
		TEST(refuses_damage),
		TEST(largest_rows),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
