// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Profiles that take turns by a calendar, and what a profile says of maintenance windows. */
#include "fixture.h"

#include "profile.h"

#define H 3600
#define MONDAY 1767571200LL /* 2026-01-05 00:00 UTC */

static char root[64], error[512], base[96];
static struct profile profile;
static struct profile_calendar calendar;

static void put(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/%s.yaml", name);
	tree_put(root, path, text);
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	profile_set_root(root);
	snprintf(base, sizeof(base), "%s/day.yaml", root);
	put("hft", "name: hft\n");
	put("night", "name: night\n");
	put("day", "name: day\ncalendar:\n"
		   "  - { when: 'Mon,Tue,Wed,Thu,Fri 08:00-17:30', profile: hft.yaml }\n"
		   "  - { when: 'Mon,Sun 17:00-02:00', profile: night.yaml }\n");
	memset(&profile, 0, sizeof(profile));
	memset(&calendar, 0, sizeof(calendar));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	profile_free(&profile);
	profile_calendar_free(&calendar);
	tree_free(root);
	return 0;
}

static int load_at(__s64 now_s)
{
	profile_free(&profile);
	profile_calendar_free(&calendar);
	return profile_load_at(&profile, &calendar, base, now_s, error, sizeof(error));
}

static void turns(void **state)
{
	static const struct {
		__s64 at_s, until_s;
		int due;
		const char *name;
	} wanted[] = {
		{MONDAY + 7 * H, MONDAY + 8 * H, -1, "day"},
		{MONDAY + 8 * H, MONDAY + 17 * H + 1800, 0, "hft"},
		{MONDAY + 17 * H, MONDAY + 17 * H + 1800, 0,
		 "hft"}, /* the first of the list counts */
		{MONDAY + 17 * H + 1800, MONDAY + 26 * H, 1, "night"},
		{MONDAY + 26 * H, MONDAY + 32 * H, -1, "day"},
		{MONDAY + H, MONDAY + 2 * H, 1, "night"}, /* Sunday's */
		{MONDAY + 4 * 24 * H + 18 * H, MONDAY + 6 * 24 * H + 17 * H, -1, "day"},
	};
	__s64 until_s;

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (load_at(wanted[i].at_s))
			fail_msg("%s", error);
		assert_string_equal(profile.name, wanted[i].name);
		assert_int_equal(calendar.in_force, wanted[i].due);
		assert_int_equal(profile_due(&calendar, wanted[i].at_s, &until_s), wanted[i].due);
		assert_int_equal(until_s, wanted[i].until_s);
		assert_string_equal(calendar.base, base);
		assert_int_equal(profile.calendar.nr, 0); /* it has gone to the caller */
	}
	/* one that has none: it takes all turns itself */
	put("day", "name: day\n");
	assert_int_equal(load_at(MONDAY), 0);
	assert_int_equal(calendar.nr, 0);
	assert_int_equal(profile_due(&calendar, MONDAY, &until_s), -1);
	assert_int_equal(until_s, 0);
	assert_string_equal(calendar.base, base);
}

/* Refused whole, whoever's turn it is; and what was there stays. */
static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"  - { when: 'Mon 08:00', profile: hft.yaml }\n",
		 "day.yaml:3: 'Mon 08:00' is no window"},
		{"  - { when: 'Mon 08:00-09:00', profile: none.yaml }\n",
		 "none.yaml: No such file"},
		{"  - { when: 'Mon 08:00-09:00', profile: wrong.yaml }\n", "wrong.yaml:2:"},
		{"  - { when: 'Mon 08:00-09:00', profile: day.yaml }\n", "has none itself"},
		{"  - { when: 'Mon 08:00-09:00', profile: hft.yaml, time_zone: Europe/Nowhere }\n",
		 "there is no such time zone on this host"},
		{"  - { when: 'Mon 08:00-09:00', profile: hft.yaml, time_zone: ../x }\n",
		 "is no name of a time zone"},
		{"  - { when: 'Mon 08:00-09:00' }\n", "day.yaml:"},
		{"  - { when: 'Mon 08:00-09:00', profile: hft.yaml, zone: x }\n", "day.yaml:"},
		{"  - { when: 'Mon 08:00-09:00', profile: hft.yaml }\n"
		 "  - { when: 'Mon 08:00-09:00', profile: wrong.yaml }\n",
		 "day.yaml:4: "},
	};
	char text[512];

	(void)state;
	put("wrong", "name: wrong\nnonsense: 1\n");
	assert_int_equal(load_at(MONDAY + 9 * H), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct profile fresh;
		struct profile_calendar c;

		snprintf(text, sizeof(text), "name: day\ncalendar:\n%s", bad[i].text);
		put("day", text);
		if (profile_load_at(&fresh, &c, base, MONDAY, error, sizeof(error)) != -EINVAL ||
		    !strstr(error, bad[i].says))
			fail_msg("%s: '%s' has no '%s'", bad[i].text, error, bad[i].says);
	}
	assert_string_equal(profile.name, "hft");
	assert_int_equal(calendar.nr, 2);
}

static int changes(const char *text)
{
	char whole[512];
	int len = snprintf(whole, sizeof(whole), "name: p\n%s", text);

	profile_free(&profile);
	return profile_parse(&profile, "p", whole, (size_t)len, error, sizeof(error));
}

static void maintenance(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"changes:\n  time_zone: Mars/North\n",
		 "p:3: " ZONE_DIR "/Mars/North: there is no"},
		{"changes:\n  maintenance: Mon 01:00-02:00\n  time_zone: /etc/localtime\n",
		 "p:4: "},
		{"changes:\n  notice: 10s\n", "p:3: "},
		{"changes:\n  notice: 30min\n",
		 "nobody to give notice to; expected a hook in trip"},
		{"trip: { trips: 2 }\nchanges:\n  notice: 30min\n", "p:4: nobody"},
		{"changes:\n  observe: 25h\n", "p:3: "},
		{"changes:\n  before: relative\n", "p:3: bad hook 'relative'"},
		{"changes:\n  after: /a/../b\n", "p:3: bad hook"},
	};
	char buf[PROFILE_WARNING_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (changes(bad[i].text) != -EINVAL || !strstr(error, bad[i].says))
			fail_msg("%s: '%s' has no '%s'", bad[i].text, error, bad[i].says);
	}
	profile_stock(&profile);
	assert_int_equal(profile.changes.observe_ns, 1800000000000ULL);
	assert_int_equal(profile.changes.notice_ns, 0);
	if (changes("trip: { hook: /bin/true }\nchanges:\n  notice: 30min\n  observe: 0s\n  "
		    "before: "
		    "/nonexistent/before\n  after: /after\n  maintenance: Mon 01:00-02:00\n"))
		fail_msg("%s", error);
	assert_int_equal(profile.changes.notice_ns, 1800000000000ULL);
	assert_int_equal(profile.changes.observe_ns, 0);
	assert_string_equal(profile.changes.before, "/nonexistent/before");
	assert_string_equal(profile.changes.after, "/after");
	/* /bin may be a link to a directory: only that of the change is looked at here */
	profile.trip.hook[0] = '\0';
	assert_non_null(strstr(profile_warning(&profile, buf, sizeof(buf)),
			       "/nonexistent/before would not be run here"));
	assert_true(calendar_holds(&profile.changes.maintenance, MONDAY + H, NULL));
	assert_false(calendar_holds(&profile.changes.maintenance, MONDAY, NULL));
	/* a damaged zone of the host is no guess at UTC */
	tree_put(root, ZONE_LOCAL, "rubbish");
	assert_int_equal(changes("changes:\n  maintenance: Mon 01:00-02:00\n"), -EINVAL);
	assert_non_null(strstr(error, ZONE_LOCAL " is damaged"));
	assert_int_equal(changes("changes:\n  risk: 1\n"), 0); /* nobody asks for it */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(turns), TEST(refuses), TEST(maintenance)};

	return cmocka_run_group_tests_name("profile_calendar", tests, NULL, NULL);
}
