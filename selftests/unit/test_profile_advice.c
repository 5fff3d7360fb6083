// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The advice of a profile: what it becomes, and what is refused and in which line. */
#include "fixture.h"

#include "profile.h"

static const char one[] = "name: test\n"
			  "advice:\n"
			  "  - name: listen\n"
			  "    when:\n"
			  "      vital: net.listen_full_hz\n"
			  "      above: 1\n"
			  "      for: 3s\n"
			  "      load: io\n"
			  "    propose:\n"
			  "      parameter: net.core.somaxconn\n"
			  "      times: 1.5\n"
			  "      most: 16384\n"
			  "      least: 128\n"
			  "    back:\n"
			  "      below: 1\n"
			  "      for: 60s\n"
			  "    goal: loss\n"
			  "    cooldown: 45s\n"
			  "    reason: its queue is full\n";
static char error[512];

static int parse(struct profile *p, const char *text)
{
	return profile_parse(p, "/p.yaml", text, strlen(text), error, sizeof(error));
}

/* The text above with one part in the place of another. */
static char *instead(char text[2048], const char *part, const char *other)
{
	const char *at = strstr(one, part);

	assert_non_null(at);
	snprintf(text, 2048, "%.*s%s%s", (int)(at - one), one, other, at + strlen(part));
	return text;
}

static void refused(const char *part, const char *other, unsigned int line, const char *why)
{
	struct profile p;
	char text[2048], where[32];

	assert_int_equal(parse(&p, instead(text, part, other)), -EINVAL);
	snprintf(where, sizeof(where), "/p.yaml:%u: ", line);
	if (strncmp(error, where, strlen(where)) || !strstr(error, why))
		fail_msg("'%s', not '%s%s'", error, where, why);
}

static void accepted(const char *part, const char *other, struct profile *p)
{
	char text[2048];

	if (parse(p, instead(text, part, other)))
		fail_msg("%s", error);
}

static void accepts(void **state)
{
	const struct profile_advice *a;
	struct profile p;

	(void)state;
	accepted("listen\n", "listen\n", &p);
	assert_int_equal(p.advice_nr, 1);
	a = p.advice;
	assert_string_equal(a->name, "listen");
	assert_int_equal(a->when.vital, HS_VITAL_LISTEN_FULL);
	assert_int_equal(a->back.vital, HS_VITAL_LISTEN_FULL);
	assert_false(a->steps || a->leaves || a->when.ahead_ns || a->without[0]);
	assert_true(a->when.above && a->when.level == 1 && a->when.for_ns == 3000000000ULL);
	assert_true(a->goes_back && !a->back.above && a->back.level == 1);
	assert_int_equal(a->back.for_ns, 60000000000ULL);
	assert_int_equal(a->load, PROFILE_LOAD_IO);
	assert_int_equal(a->how, PROFILE_TIMES);
	assert_int_equal(a->times_permille, 1500);
	assert_true(a->has_most && a->most == 16384 && a->has_least && a->least == 128);
	assert_int_equal(a->goal, PROFILE_GOAL_LOSS);
	assert_int_equal(a->cooldown_ns, 45000000000ULL);
	assert_int_equal(a->line, 3);
	assert_true(profile_asks(&p, HS_VITAL_LISTEN_FULL));
	assert_false(profile_asks(&p, HS_VITAL_UDP_FULL));
	profile_free(&p);
	/* what is not stated */
	accepted("      load: io\n", "", &p);
	assert_int_equal(p.advice->load, -1);
	profile_free(&p);
	accepted("    cooldown: 45s\n", "", &p);
	assert_int_equal(p.advice->cooldown_ns, 30000000000ULL);
	profile_free(&p);
	accepted("times: 1.5", "times: 0.025", &p);
	assert_int_equal(p.advice->times_permille, 25);
	profile_free(&p);
	accepted("times: 1.5", "add: -64", &p);
	assert_true(p.advice->how == PROFILE_ADD && p.advice->add == -64);
	profile_free(&p);
	accepted("times: 1.5\n      most: 16384\n      least: 128", "value: '4096'", &p);
	assert_string_equal(p.advice->value, "4096");
	profile_free(&p);
}

static void refuses(void **state)
{
	(void)state;
	refused("name: listen", "name: Listen", 3, "bad name of advice 'Listen'");
	refused("net.listen_full_hz", "net.listen", 5, "unknown vital sign 'net.listen'");
	refused("      above: 1\n", "", 5, "neither above nor below");
	refused("      above: 1\n", "      above: 1\n      below: 1\n", 6, "both above and below");
	refused("above: 1", "above: 1ms", 6, "'when.above: 1ms' in advice");
	refused("above: 1", "below: 0", 6, "is never true");
	refused("for: 3s", "for: 3", 7, "'when.for: 3' in advice");
	refused("for: 3s", "for: 2h", 7, "out of bounds");
	refused("load: io", "load: busy", 8, "expected idle, compute, burst, io or memory");
	refused("below: 1", "below: 2", 15, "'back' and 'when' overlap");
	refused("below: 1", "above: 0", 15, "'back' and 'when' overlap");
	refused("above: 1", "below: 1", 15, "'back' and 'when' overlap");
	refused("for: 60s", "for: 60", 16, "'back.for: 60' in advice");
	refused("      times: 1.5\n", "", 10, "exactly one of times, add, value and to");
	refused("times: 1.5", "times: 1.5\n      add: 1", 10,
		"exactly one of times, add, value and to");
	refused("times: 1.5", "times: 1", 11, "a factor such as 2 or 0.5");
	refused("times: 1.5", "times: 1.0000", 11, "a factor such as 2 or 0.5");
	refused("times: 1.5", "times: -2", 11, "a factor such as 2 or 0.5");
	refused("times: 1.5", "times: 0", 11, "a factor such as 2 or 0.5");
	refused("times: 1.5", "times: 1001", 11, "a factor such as 2 or 0.5");
	refused("times: 1.5", "add: 0", 11, "a whole number in the parameter's unit");
	refused("times: 1.5", "add: 1.5", 11, "a whole number in the parameter's unit");
	refused("times: 1.5", "value: '1'", 13, "most or least beside value");
	refused("most: 16384", "most: 16Ki", 12, "a whole number in the parameter's unit");
	refused("most: 16384", "most: 64", 13, "least is above most");
	refused("goal: loss", "goal: win", 17, "expected loss, jitter or energy");
	refused("cooldown: 45s", "cooldown: 0s", 18, "'cooldown: 0s' in advice");
	refused("    reason: its queue is full\n", "", 3, "advice lacks 'reason'");
	refused("    goal: loss\n", "    goal: loss\n    danger: 1\n", 18, "unknown key 'danger'");
	refused("      parameter: net.core.somaxconn\n", "", 10, "lacks 'parameter'");
}

/* The text above as it may be about heat, or about a host that is idle. */
static const char *heat(const char *ahead, const char *vital)
{
	static char text[256];

	snprintf(text, sizeof(text), "vital: %s\n      above: 1C\n      for: 3s\n      ahead: %s\n",
		 vital, ahead);
	return text;
}

#define WHEN "vital: net.listen_full_hz\n      above: 1\n      for: 3s\n      load: io\n"
#define BACK "      below: 1\n      for: 60s\n"
#define HOW "      times: 1.5\n      most: 16384\n      least: 128\n"

static void accepts_more(void **state)
{
	struct profile p;

	(void)state;
	/* back: of another vital sign, on either side of its level */
	accepted(BACK, "      vital: net.packets_hz\n      above: 1\n", &p);
	assert_int_equal(p.advice->back.vital, HS_VITAL_PACKETS);
	assert_true(p.advice->back.above && p.advice->back.level == 1);
	assert_true(profile_asks(&p, HS_VITAL_PACKETS) && profile_asks(&p, HS_VITAL_LISTEN_FULL));
	profile_free(&p);
	/* by the load, alone or as well; by steps */
	accepted(BACK, "      load: not io\n      for: 7s\n", &p);
	assert_true(p.advice->leaves && p.advice->back.vital == HS_VITAL_NR);
	assert_int_equal(p.advice->back.for_ns, 7000000000ULL);
	profile_free(&p);
	accepted(BACK, BACK "      load: not io\n      steps: true\n", &p);
	assert_true(p.advice->leaves && p.advice->back.vital == HS_VITAL_LISTEN_FULL);
	assert_true(p.advice->steps && !p.advice->when.ahead_ns);
	profile_free(&p);
	accepted(BACK, BACK "      steps: false\n", &p);
	assert_false(p.advice->steps || p.advice->leaves);
	profile_free(&p);
	accepted(HOW, "      to: pack\n      without: cpu.smt\n", &p);
	assert_true(p.advice->how == PROFILE_TO && p.advice->form == PROFILE_FORM_PACK);
	assert_string_equal(p.advice->without, "cpu.smt");
	profile_free(&p);
	accepted(HOW, "      to: spread\n", &p);
	assert_int_equal(p.advice->form, PROFILE_FORM_SPREAD);
	profile_free(&p);
}

static void ahead(void **state)
{
	char text[2048];
	struct profile p;
	bool falls;

	(void)state;
	instead(text, WHEN, heat("90s", "thermal.hottest_mc"));
	strcpy(strstr(text, "    back:"), "    goal: loss\n    reason: r\n");
	assert_int_equal(parse(&p, text), 0);
	assert_int_equal(p.advice->when.ahead_ns, 90000000000ULL);
	assert_true(profile_asks(&p, HS_VITAL_THERMAL_SLOPE));
	profile_free(&p);
	assert_int_equal(profile_slope(HS_VITAL_THERMAL_HOTTEST, &falls), HS_VITAL_THERMAL_SLOPE);
	assert_false(falls);
	assert_int_equal(profile_slope(HS_VITAL_THERMAL_MARGIN, &falls), HS_VITAL_THERMAL_SLOPE);
	assert_true(falls);
	assert_int_equal(profile_slope(HS_VITAL_UDP_FULL, &falls), HS_VITAL_NR);
	refused(WHEN, heat("0s", "thermal.hottest_mc"), 8, "'when.ahead: 0s' in advice");
	refused(WHEN, heat("6min", "thermal.hottest_mc"), 8, "out of bounds");
	refused("for: 3s", "for: 3s\n      ahead: 30s", 8,
		"'ahead' of net.listen_full_hz, whose slope no vital sign has");
}

static void refuses_more(void **state)
{
	(void)state;
	refused(BACK, "      vital: net.packet\n" BACK, 15, "unknown vital sign 'net.packet'");
	refused(BACK, "      vital: net.packets_hz\n", 15, "neither above nor below");
	refused(BACK, "      for: 1s\n", 15, "neither above nor below");
	refused(BACK, BACK "      load: io\n", 17, "expected 'not' and the load of 'when'");
	refused(BACK, BACK "      load: not idle\n", 17, "expected 'not' and the load of 'when'");
	refused(BACK, BACK "      steps: yes\n", 17, "expected true or false");
	refused("times: 1.5", "to: spread\n      times: 1.5", 10,
		"exactly one of times, add, value and to");
	refused("times: 1.5", "to: spread", 13, "most or least beside to");
	refused(HOW, "      to: heap\n", 11, "expected spread or pack");
}

/* What has no steps goes not back by them. */
static void no_steps(void **state)
{
	char text[2048], *at;
	struct profile p;

	(void)state;
	instead(text, HOW, "      value: '7'\n");
	at = strstr(text, "    goal:");
	memmove(at + strlen("      steps: true\n"), at, strlen(at) + 1);
	memcpy(at, "      steps: true\n", strlen("      steps: true\n"));
	assert_int_equal(parse(&p, text), -EINVAL);
	assert_non_null(strstr(error, "/p.yaml:15: steps back where there are none"));
}

static void twice_and_too_many(void **state)
{
	char text[32768] = "name: test\nadvice:\n";
	struct profile p;

	(void)state;
	for (int i = 0; i < 2; i++)
		strcat(text, strstr(one, "  - name"));
	assert_int_equal(parse(&p, text), -EINVAL);
	assert_non_null(strstr(error, "/p.yaml:20: advice 'listen' stands twice, first in line 3"));
	for (int i = 0; i < PROFILE_ADVICE_MAX; i++)
		strcat(text, strstr(one, "  - name"));
	assert_int_equal(parse(&p, text), -EINVAL);
	assert_non_null(strstr(error, "too many advice; expected at most 32"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(accepts_more),
		cmocka_unit_test(ahead),
		cmocka_unit_test(refuses_more),
		cmocka_unit_test(no_steps),
		cmocka_unit_test(twice_and_too_many),
	};

	return cmocka_run_group_tests_name("profile_advice", tests, NULL, NULL);
}
