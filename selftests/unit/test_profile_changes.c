// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a profile says of changes, and when they may be made: read, refused with its line, and applied to times. */
#include "fixture.h"

#include "act/governor.h"
#include "profile.h"

#define S 1000000000ULL

static struct profile profile;
static char error[512];

static int parse(const char *changes)
{
	char text[2048];
	int len = snprintf(text, sizeof(text), "name: test\nchanges:\n%s", changes);

	profile_free(&profile);
	profile_set_root("/nonexistent"); /* UTC */
	return profile_parse(&profile, "p", text, (size_t)len, error, sizeof(error));
}

static void reads(void **state)
{
	const struct profile_changes *c = &profile.changes;

	(void)state;
	profile_stock(&profile);
	assert_int_equal(c->risk, 0);
	assert_false(profile_allows(c, "net.core.somaxconn"));
	assert_int_equal(
		parse("  risk: 3\n  allow: net.core.* vm.swappiness\n  advisers: homeostat me\n"
		      "  idle: 90s\n  expire: 2h\n  confirm: 30s\n"
		      "  maintenance: Tue,Thu 22:00-02:00; Sun 03:00-04:30\n"),
		0);
	assert_int_equal(c->risk, 3);
	assert_string_equal(c->advisers, "homeostat me");
	assert_int_equal(c->idle_ns, 90 * S);
	assert_int_equal(c->expire_ns, 7200 * S);
	assert_int_equal(c->confirm_ns, 30 * S);
	assert_int_equal(c->maintenance.nr, 2);
	assert_int_equal(c->maintenance.window[0].days, 1 << 2 | 1 << 4);
	assert_int_equal(c->maintenance.window[1].until_min, 270);
	assert_true(profile_allows(c, "net.core.somaxconn"));
	assert_true(profile_allows(c, "vm.swappiness"));
	assert_false(profile_allows(c, "net.ipv4.tcp_rmem"));
	assert_false(profile_allows(c, "vm.swap"));
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"  risk: 11\n", "p:3: "},
		{"  risk: low\n", "p:3: "},
		{"  rsik: 1\n", "p:3: "},
		{"  risk: 1\n  idle: 1s\n", "p:4: "},
		{"  expire: 1s\n", "p:3: "},
		{"  confirm: 2h\n", "p:3: "},
		{"  maintenance: Tue 22:00\n", "is no window; expected such as"},
		{"  maintenance: Tue 22:00-25:00\n", "is no window"},
		{"  maintenance: Tue 2:00-3:00\n", "is no window"},
		{"  maintenance: Tue 22:60-23:00\n", "is no window"},
		{"  maintenance: Tue 24:00-23:00\n", "is no window"},
		{"  maintenance: Dienstag 22:00-23:00\n", "is no window"},
		{"  maintenance: Tue,22:00-23:00\n", "is no window"},
		{"  maintenance: 22:00-23:00\n", "is no window"},
		{"  maintenance: Tue 22:00-23:00;\n", "is no window"},
		{"  maintenance: Tue 22:00-23:00 Wed 22:00-23:00\n",
		 "expected ';' between two windows"},
		{"  maintenance: Tue 01:00-02:00;Tue 01:00-02:00;Tue 01:00-02:00;Tue "
		 "01:00-02:00;Tue 01:00-02:00;"
		 "Tue 01:00-02:00;Tue 01:00-02:00;Tue 01:00-02:00;Tue 01:00-02:00\n",
		 "more than 8 windows"},
	};
	char longer[700] = "  allow: ";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(bad[i].text) != -EINVAL || !strstr(error, bad[i].says) ||
		    strncmp(error, "p:", 2))
			fail_msg("%s: '%s' has no '%s'", bad[i].text, error, bad[i].says);
	}
	memset(longer + strlen(longer), 'x', 600);
	assert_int_equal(parse(longer), -EINVAL);
	assert_non_null(strstr(error, "longer than 511 characters"));
}

/* @day: 0 = Sunday. */
static bool maintains(int day, int hour, int minute)
{
	__s64 sunday = 20464 * ZONE_DAY_S; /* 2026-01-11 */

	return calendar_holds(&profile.changes.maintenance,
			      sunday + day * ZONE_DAY_S + hour * 3600 + minute * 60, NULL);
}

static void windows(void **state)
{
	(void)state;
	assert_int_equal(
		parse("  maintenance: Tue,Sat 22:00-02:00; Sun 03:00-04:30; Mon 00:00-24:00\n"), 0);
	assert_false(maintains(2, 21, 59));
	assert_true(maintains(2, 22, 0));
	assert_true(maintains(2, 23, 59));
	assert_true(maintains(3, 0, 0)); /* past midnight it is still Tuesday's */
	assert_true(maintains(3, 1, 59));
	assert_false(maintains(3, 2, 0));
	assert_false(maintains(2, 1, 0)); /* not Monday's, which has none of the kind */
	assert_true(maintains(0, 1, 0));  /* Saturday's, over the end of the week */
	assert_false(maintains(0, 2, 59));
	assert_true(maintains(0, 3, 0));
	assert_false(maintains(0, 4, 30));
	assert_true(maintains(1, 0, 0));
	assert_true(maintains(1, 23, 59));
}

static char why[160];

static bool may(const struct governor *g, enum kb_timing timing, __u64 now_s)
{
	static const __s64 tuesday = 20464 * ZONE_DAY_S + 2 * ZONE_DAY_S + 23 * 3600;

	return governor_may(g, &profile.changes, timing, now_s * S, tuesday, why, sizeof(why));
}

static void governs(void **state)
{
	struct governor g = {0};

	(void)state;
	assert_int_equal(parse("  idle: 60s\n"), 0);
	assert_true(may(&g, KB_TIMING_IMMEDIATE, 100));
	assert_true(may(&g, KB_TIMING_TASK, 100));
	assert_false(may(&g, KB_TIMING_IDLE, 100));
	assert_false(may(&g, KB_TIMING_REBOOT, 100));
	assert_false(may(&g, KB_TIMING_MAINTENANCE, 100));
	assert_non_null(strstr(why, "the profile has none"));
	/* idle by itself: for a minute, without a break */
	governor_look(&g, 99, 100 * S);
	assert_false(may(&g, KB_TIMING_IDLE, 159));
	assert_true(may(&g, KB_TIMING_IDLE, 160));
	governor_look(&g, 100, 161 * S);
	assert_false(may(&g, KB_TIMING_IDLE, 161));
	governor_look(&g, 0, 162 * S);
	governor_look(&g, 0, 163 * S);
	assert_false(may(&g, KB_TIMING_IDLE, 221));
	assert_true(may(&g, KB_TIMING_IDLE, 222));
	/* what is said counts more, for an hour */
	governor_tell(&g, ACTIVITY_BUSY, 300 * S);
	assert_false(may(&g, KB_TIMING_IDLE, 301));
	assert_false(may(&g, KB_TIMING_TASK, 301));
	assert_true(may(&g, KB_TIMING_IMMEDIATE, 301));
	assert_true(may(&g, KB_TIMING_IDLE, 300 + 3600));
	governor_tell(&g, ACTIVITY_IDLE, 5000 * S);
	governor_look(&g, 900, 5000 * S);
	assert_true(may(&g, KB_TIMING_IDLE, 5001));
	assert_true(may(&g, KB_TIMING_TASK, 5001));
	governor_tell(&g, ACTIVITY_MISSION, 5002 * S);
	assert_false(may(&g, KB_TIMING_IMMEDIATE, 5003));
	assert_non_null(strstr(why, "on a mission"));
	governor_tell(&g, ACTIVITY_UNKNOWN, 5004 * S);
	assert_true(may(&g, KB_TIMING_IMMEDIATE, 5005));
	assert_int_equal(parse("  maintenance: Tue 22:00-02:00\n"), 0);
	assert_true(may(&g, KB_TIMING_MAINTENANCE, 5005));
	assert_int_equal(parse("  maintenance: Wed 22:00-02:00\n"), 0);
	assert_false(may(&g, KB_TIMING_MAINTENANCE, 5005));
	assert_non_null(strstr(why, "until the next"));
}

static int teardown(void **state)
{
	(void)state;
	profile_free(&profile);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(windows),
		cmocka_unit_test(governs),
	};

	return cmocka_run_group_tests_name("profile_changes", tests, NULL, teardown);
}
