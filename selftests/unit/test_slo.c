// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Service levels: when one is missed, what may be reported, and what limits in force are. */
#include "fixture.h"

#include "policy.h"
#include "slo.h"

#define S 1000000000ULL
#define MS 1000000ULL

static const char text[] = "name: a\n"
			   "slo:\n"
			   "  - { vital: sched.wait.critical.p99_ns, max: 5ms, for: 3s }\n"
			   "  - { report: late, max: 10, for: 4s }\n"
			   "limits:\n"
			   "  - { vital: sched.wait.critical.p99_ns, max: 20ms, times: 8 }\n"
			   "  - { vital: sched.wait.normal.p99_ns, max: 100ms, times: 4 }\n"
			   "  - { vital: sched.starved_ns, max: 2s, windows: 3 }\n";

struct set {
	struct profile profile;
	struct slo slo;
	struct hs_vital vitals[HS_VITAL_NR];
};

static int set_up(void **state)
{
	struct set *set = calloc(1, sizeof(*set));
	char error[256];

	assert_non_null(set);
	if (profile_parse(&set->profile, "p", text, strlen(text), error, sizeof(error)))
		fail_msg("%s", error);
	slo_set(&set->slo);
	*state = set;
	return 0;
}

static int tear_down(void **state)
{
	struct set *set = *state;

	profile_free(&set->profile);
	free(set);
	return 0;
}

static void critical_is(struct set *set, __u64 value, __u64 now)
{
	set->vitals[HS_VITAL_WAIT_CRITICAL_P99] =
		(struct hs_vital){.value = value, .present = value != 0, .updated_ns = now};
}

static int look(struct set *set, bool armed, __u64 now)
{
	return slo_look(&set->slo, &set->profile, set->vitals, armed, now);
}

static int report(struct set *set, const char *name, __u64 value, uid_t uid, __u64 now)
{
	const struct slo_figure figure = {name, value, uid, (pid_t)uid + 1};

	return slo_report(&set->slo, &set->profile, &figure, now);
}

static void a_vital_sign(void **state)
{
	struct set *set = *state;

	/* at the limit is within it */
	for (__u64 t = 1; t < 20; t++) {
		critical_is(set, 5 * MS, t * S);
		assert_int_equal(look(set, true, t * S), -1);
	}
	for (__u64 t = 20; t < 23; t++) {
		critical_is(set, 5 * MS + 1, t * S);
		assert_int_equal(look(set, true, t * S), -1);
	}
	assert_int_equal(set->slo.state[0].above_ns, 20 * S);
	critical_is(set, 6 * MS, 23 * S);
	assert_int_equal(look(set, true, 23 * S), 0);
	assert_int_equal(set->slo.state[0].value, 6 * MS);
}

static void what_interrupts(void **state)
{
	struct set *set = *state;

	/* one look within the limit, one without the figure, one while nothing acts: each starts it anew */
	for (__u64 t = 1; t < 100; t++) {
		critical_is(set, t % 9 == 0 ? 1 * MS : t % 9 == 3 ? 0 : 9 * MS, t * S);
		assert_int_equal(look(set, t % 9 != 6, t * S), -1);
	}
	/* what nobody measures any more is absent: this value is never renewed */
	critical_is(set, 9 * MS, 100 * S);
	assert_int_equal(look(set, true, 104 * S), -1);
	assert_true(set->slo.state[0].present);
	for (__u64 t = 106; t < 150; t++)
		assert_int_equal(look(set, true, t * S), -1);
	assert_false(set->slo.state[0].present);
	/* measured between our look at the clock and at the figure */
	critical_is(set, 9 * MS, 151 * S);
	look(set, true, 150 * S);
	assert_true(set->slo.state[0].present);
}

static void a_report(void **state)
{
	struct set *set = *state;

	assert_int_equal(report(set, "early", 1, 7, S), -ENOENT);
	assert_int_equal(report(set, "", 1, 7, S), -ENOENT);
	assert_int_equal(look(set, true, 1 * S), -1);
	assert_false(set->slo.state[1].present);
	for (__u64 t = 10; t < 14; t++) {
		assert_int_equal(report(set, "late", 11, 7, t * S), t == 10);
		assert_int_equal(look(set, true, t * S), -1);
	}
	assert_int_equal(report(set, "late", 12, 7, 14 * S), 0);
	assert_int_equal(look(set, true, 14 * S), 1);
	assert_int_equal(set->slo.missed, 1);
	assert_int_equal(set->slo.state[1].value, 12);
	/* nobody reports any more: it is over after 5 s */
	assert_int_equal(look(set, true, 19 * S), 1);
	assert_int_equal(look(set, true, 19 * S + 1), -1);
	/* another profile */
	report(set, "late", 99, 7, 20 * S);
	slo_set(&set->slo);
	assert_int_equal(look(set, true, 20 * S), -1);
	assert_false(set->slo.state[1].present);
}

/* Who only looks cannot miss another's level for it, nor hide that it is missed. */
static void one_reporter(void **state)
{
	struct set *set = *state;
	const struct slo_state *late = &set->slo.state[1];

	assert_int_equal(set->slo.missed, -1);
	assert_int_equal(report(set, "late", 1, 900, 10 * S), 1);
	assert_int_equal(report(set, "late", 99, 901, 11 * S), -EBUSY);
	assert_int_equal(late->value, 1);
	assert_int_equal(late->uid, 900);
	assert_int_equal(late->pid, 901);
	assert_int_equal(report(set, "late", 2, 900, 12 * S), 0);
	/* until it is absent, to the nanosecond */
	assert_int_equal(report(set, "late", 99, 901, 12 * S + SLO_FRESH_NS), -EBUSY);
	assert_int_equal(report(set, "late", 3, 901, 12 * S + SLO_FRESH_NS + 1), 1);
	assert_int_equal(report(set, "late", 4, 900, 18 * S), -EBUSY);
	/* root always may, and it is root's from then on */
	assert_int_equal(report(set, "late", 5, 0, 18 * S), 1);
	assert_int_equal(report(set, "late", 6, 0, 19 * S), 0);
	assert_int_equal(report(set, "late", 7, 901, 20 * S), -EBUSY);
	assert_int_equal(late->value, 6);
	assert_int_equal(late->uid, 0);
	/* one that comes back is no news */
	assert_int_equal(report(set, "late", 7, 0, 60 * S), 0);
	/* another profile, another reporter */
	slo_set(&set->slo);
	assert_int_equal(report(set, "late", 7, 901, 61 * S), 1);
}

static void limits_in_force(void **state)
{
	struct policy p = {.stock_ns = {0, 0}};
	struct set *set = *state;

	/* no baseline: max alone */
	assert_int_equal(policy_limit(&p, &set->profile, 0), 20 * MS);
	assert_int_equal(policy_limit(&p, &set->profile, 1), 100 * MS);
	p.stock_ns[0] = 1 * MS; /* 8 ms are less than max */
	p.stock_ns[1] = 30 * MS;
	assert_int_equal(policy_limit(&p, &set->profile, 0), 20 * MS);
	assert_int_equal(policy_limit(&p, &set->profile, 1), 120 * MS);
	p.stock_ns[0] = 3 * MS;
	assert_int_equal(policy_limit(&p, &set->profile, 0), 24 * MS);
	p.stock_ns[0] = ~0ULL;
	assert_int_equal(policy_limit(&p, &set->profile, 0), ~0ULL);
	assert_int_equal(policy_limit(&p, &set->profile, 2), 2 * S);
	/* before anything was loaded there is no map to write to */
	assert_int_equal(policy_limits(&p, NULL, 5 * MS, 6 * MS), 0);
	assert_int_equal(p.stock_ns[0], 5 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_vital_sign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_interrupts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_report, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_reporter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_in_force, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("slo", tests, NULL, NULL);
}
