// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The arithmetic of rules (kern/reflex.h), the same code that runs in BPF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "reflex.h"

#define MS 1000000ULL

static struct hs_rule rule(void)
{
	return (struct hs_rule){.kind = HS_RULE_AIMD,
				.low = 20,
				.high = 100,
				.gain_up = 500,
				.gain_down = 10,
				.hold_ns = 5 * MS,
				.cooldown_ns = 20 * MS};
}

static void test_drive_aimd(void **state)
{
	struct hs_rule r = rule();

	(void)state;
	assert_int_equal(reflex_drive(&r, 101, 8000), 4000);
	assert_int_equal(reflex_drive(&r, 101, 1), 0);
	assert_int_equal(reflex_drive(&r, 101, 0), 0);
	r.gain_up = 1500;
	assert_int_equal(reflex_drive(&r, 101, 8000), 12000);
	/* rounding does not swallow a step */
	assert_int_equal(reflex_drive(&r, 101, 1), 2);
	assert_int_equal(reflex_drive(&r, 101, 0), 1);
	r.gain_up = 999;
	assert_int_equal(reflex_drive(&r, 101, 1), 0);
	r.gain_up = 1000;
	assert_int_equal(reflex_drive(&r, 101, 8000), 8000);
}

static void test_drive_proportional(void **state)
{
	struct hs_rule r = rule();

	(void)state;
	r.kind = HS_RULE_PROPORTIONAL;
	r.gain_up = 1000;
	assert_int_equal(reflex_drive(&r, 200, 5000), 6000); /* excess 1 */
	assert_int_equal(reflex_drive(&r, 150, 5000), 5500);
	assert_int_equal(reflex_drive(&r, ~0ULL, 5000), 5000 + 1000 * REFLEX_RATIO_MAX);
	r.gain_up = -1000;
	assert_int_equal(reflex_drive(&r, 150, 5000), 4500);
	assert_int_equal(reflex_drive(&r, 300, 1500), 0); /* not below zero */
	r.gain_up = 1;
	assert_int_equal(reflex_drive(&r, 101, 5000), 5001); /* rounding does not swallow a step */
	r.high = 0;					     /* every excess is infinite: the cap */
	assert_int_equal(reflex_drive(&r, 1, 5000), 5000 + REFLEX_RATIO_MAX);
}

static void test_further(void **state)
{
	(void)state;
	/* at rest: as it is driven */
	assert_int_equal(reflex_further(8000, 4000, 8000), 4000);
	assert_int_equal(reflex_further(8000, 12000, 8000), 12000);
	assert_int_equal(reflex_further(8000, 8000, 8000), 8000);
	/* on its way down already: not less far, and further where it is driven further */
	assert_int_equal(reflex_further(8000, 4000, 2000), 2000);
	assert_int_equal(reflex_further(8000, 1000, 2000), 1000);
	/* on its way up, and driven down; and the other way round */
	assert_int_equal(reflex_further(8000, 4000, 10000), 4000);
	assert_int_equal(reflex_further(8000, 12000, 10000), 12000);
	assert_int_equal(reflex_further(8000, 9000, 10000), 10000);
	assert_int_equal(reflex_further(8000, 9000, 2000), 9000);
}

static void test_towards(void **state)
{
	(void)state;
	assert_int_equal(control_towards(100, 200, 30), 130);
	assert_int_equal(control_towards(190, 200, 30), 200);
	assert_int_equal(control_towards(200, 100, 30), 170);
	assert_int_equal(control_towards(110, 100, 30), 100);
	assert_int_equal(control_towards(100, 100, 30), 100);
	assert_int_equal(control_towards(0, ~0ULL, ~0ULL), ~0ULL);
}

/* One measurement at `now`, of a window that began 10 ms earlier. */
static __u32 judge(const struct hs_rule *r, struct rule_state *rs, __u64 value, __u64 now)
{
	return rule_judge(r, rs, 1, value, now, now - 10 * MS, now);
}

static void test_judge_hold_and_cooldown(void **state)
{
	struct hs_rule r = rule();
	struct rule_state rs = {};
	__u64 t = 1000 * MS;

	(void)state;
	assert_int_equal(judge(&r, &rs, 100, t), SIDE_REST); /* the thresholds themselves rest */
	assert_int_equal(judge(&r, &rs, 20, t + 1), SIDE_REST);
	assert_int_equal(judge(&r, &rs, 101, t + 2 * MS), SIDE_REST); /* held from here */
	assert_int_equal(rs.from_ns, t - 8 * MS);
	assert_int_equal(judge(&r, &rs, 101, t + 6 * MS), SIDE_REST);
	assert_int_equal(judge(&r, &rs, 101, t + 7 * MS), SIDE_ABOVE);
	rule_stepped(&rs, SIDE_ABOVE, 0, 1000 * MS, t + 7 * MS);
	assert_int_equal(judge(&r, &rs, 101, t + 26 * MS), SIDE_REST); /* cooldown */
	assert_int_equal(judge(&r, &rs, 101, t + 27 * MS), SIDE_ABOVE);
	/* no news, no step */
	assert_int_equal(rule_judge(&r, &rs, 1, 101, t + 27 * MS, 0, t + 90 * MS), SIDE_REST);
	/* a crossing back starts the hold anew */
	assert_int_equal(judge(&r, &rs, 50, t + 91 * MS), SIDE_REST);
	assert_int_equal(judge(&r, &rs, 101, t + 92 * MS), SIDE_REST);
	assert_int_equal(judge(&r, &rs, 101, t + 98 * MS), SIDE_ABOVE);
}

static void test_judge_absent(void **state)
{
	struct hs_rule r = rule();
	struct rule_state rs = {};

	(void)state;
	assert_int_equal(rule_judge(&r, &rs, 0, 500, 0, 0, 100 * MS), SIDE_REST);
	assert_int_equal(rs.side, SIDE_BELOW);
	/* letting go needs no news */
	assert_int_equal(rule_judge(&r, &rs, 0, 500, 0, 0, 105 * MS), SIDE_BELOW);
}

static void test_backoff(void **state)
{
	struct hs_rule r = rule();
	struct rule_state rs = {};
	__u64 t = 1000 * MS;

	(void)state;
	r.hold_ns = 0;
	rule_stepped(&rs, SIDE_ABOVE, 0, 1000 * MS, t);
	assert_int_equal(rs.backoff, 0);
	assert_int_equal(judge(&r, &rs, 1, t + 20 * MS), SIDE_BELOW);
	rule_stepped(&rs, SIDE_BELOW, 1, 1000 * MS, t + 20 * MS);
	rule_stepped(&rs, SIDE_ABOVE, 1, 1000 * MS, t + 40 * MS); /* again: 4 cooldowns */
	assert_int_equal(rs.backoff, 1);
	assert_int_equal(judge(&r, &rs, 1, t + 119 * MS), SIDE_REST);
	assert_int_equal(judge(&r, &rs, 1, t + 120 * MS), SIDE_BELOW);
	/* driving is never slowed */
	assert_int_equal(judge(&r, &rs, 101, t + 121 * MS), SIDE_ABOVE);
	for (int i = 0; i < 20; i++)
		rule_stepped(&rs, SIDE_ABOVE, 1, 1000 * MS, t + 121 * MS);
	assert_int_equal(rs.backoff, REFLEX_BACKOFF_MAX);
	rule_stepped(&rs, SIDE_ABOVE, 1, 1000 * MS,
		     t + 2000 * MS); /* calm for a second: forgotten */
	assert_int_equal(rs.backoff, 0);
}

static void test_turns(void **state)
{
	struct knob_state ks = {};

	(void)state;
	assert_int_equal(knob_turn(&ks, 10, 20, 100 * MS, 1 * MS), 0);
	assert_int_equal(knob_turn(&ks, 20, 30, 100 * MS, 2 * MS), 0);
	assert_int_equal(knob_turn(&ks, 30, 20, 100 * MS, 3 * MS), 1);
	assert_int_equal(knob_turn(&ks, 20, 30, 100 * MS, 4 * MS), 1);
	assert_int_equal(ks.turns, 2);
	assert_int_equal(knob_turn(&ks, 30, 20, 100 * MS, 200 * MS), 1); /* a new window */
	assert_int_equal(ks.turns, 1);
}

static void test_slew(void **state)
{
	const struct hs_bound b = {.min = 100, .max = 1000, .stock = 500, .slew_per_s = 10000};
	struct knob_state ks = {.value = 500, .target = 5000, .moved_ns = 0};

	(void)state;
	/* whatever time has passed, 5 ms worth at most: 50 */
	assert_int_equal(knob_slew(&ks, &b, 1000 * MS), 1);
	assert_int_equal(ks.value, 550);
	assert_int_equal(ks.target, 1000); /* clamped */
	assert_int_equal(knob_slew(&ks, &b, 1001 * MS), 1);
	assert_int_equal(ks.value, 560);
	/* less than one unit: kept */
	assert_int_equal(knob_slew(&ks, &b, 1001 * MS + 60000), 0);
	assert_int_equal(knob_slew(&ks, &b, 1001 * MS + 120000), 1);
	assert_int_equal(ks.value, 561);
	ks.target = 0;
	for (__u64 t = 1002; ks.value > 100; t++)
		assert_int_equal(knob_slew(&ks, &b, t * MS), 1);
	assert_int_equal(knob_slew(&ks, &b, 9000 * MS), 0);
	assert_int_equal(ks.value, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drive_aimd),
		cmocka_unit_test(test_drive_proportional),
		cmocka_unit_test(test_further),
		cmocka_unit_test(test_towards),
		cmocka_unit_test(test_judge_hold_and_cooldown),
		cmocka_unit_test(test_judge_absent),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_slew),
	};

	return cmocka_run_group_tests_name("reflex", tests, NULL, NULL);
}
