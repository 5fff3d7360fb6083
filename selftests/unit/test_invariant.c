// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* When a limit counts as broken (kern/invariant.h), the same code that runs in BPF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "invariant.h"

static struct hs_limit limit;
static struct limit_state ls;

static int fresh(void **state)
{
	(void)state;
	limit = (struct hs_limit){.vital = HS_VITAL_PULSE_LATE, .windows = 3, .max = 100};
	ls = (struct limit_state){0};
	return 0;
}

static int look(__u64 value, __u64 updated_ns)
{
	return limit_judge(&limit, &ls, 1, value, updated_ns);
}

static void in_a_row(void **state)
{
	(void)state;
	assert_false(look(101, 10)); /* from before the arming */
	assert_false(look(101, 20));
	assert_false(look(101, 30));
	assert_false(look(100, 40)); /* at the limit is within it */
	assert_false(look(101, 50));
	assert_false(look(~0ULL, 60));
	assert_true(look(101, 70));
	assert_int_equal(ls.above, 3);
}

static void only_news_counts(void **state)
{
	(void)state;
	assert_false(look(500, 10));
	for (int i = 0; i < 10; i++)
		assert_false(look(500, 10));
	for (int i = 0; i < 10; i++)
		assert_false(look(500, 20));
	assert_int_equal(ls.above, 1);
}

static void absent_breaks_nothing(void **state)
{
	(void)state;
	assert_false(look(500, 10));
	assert_false(look(500, 20));
	assert_false(look(500, 30));
	assert_false(limit_judge(&limit, &ls, 0, 500, 40));
	assert_int_equal(ls.above, 0);
	assert_false(look(500, 50));
	assert_false(look(500, 60));
	assert_true(look(500, 70));
}

static void one_window(void **state)
{
	(void)state;
	limit.windows = 1;
	limit.max = 0;
	assert_false(look(1, 10));
	assert_false(look(0, 20));
	assert_true(look(1, 30));
	/* no number of windows at all is one */
	ls = (struct limit_state){0};
	limit.windows = 0;
	assert_false(look(1, 40));
	assert_true(look(1, 50));
}

/* A profile is loaded while the gate is open: who is in this place now begins anew. */
static void another_limit(void **state)
{
	(void)state;
	assert_false(look(500, 10));
	assert_false(look(500, 20));
	assert_false(look(500, 30));
	limit.max = 400;
	assert_false(look(500, 40));
	assert_int_equal(ls.above, 0);
	limit.vital = HS_VITAL_STARVED;
	assert_false(look(500, 50));
	limit.windows = 1;
	assert_false(look(500, 60));
	assert_true(look(500, 70));
}

static void anew_at_each_arming(void **state)
{
	(void)state;
	assert_false(look(500, 10));
	assert_false(look(500, 20));
	assert_false(look(500, 30));
	ls.counting = 0; /* as limits_begin() */
	assert_false(look(500, 40));
	assert_false(look(500, 50));
	assert_false(look(500, 60));
	assert_true(look(500, 70));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_a_row, fresh),
		cmocka_unit_test_setup(only_news_counts, fresh),
		cmocka_unit_test_setup(absent_breaks_nothing, fresh),
		cmocka_unit_test_setup(one_window, fresh),
		cmocka_unit_test_setup(another_limit, fresh),
		cmocka_unit_test_setup(anew_at_each_arming, fresh),
	};

	return cmocka_run_group_tests_name("invariant", tests, NULL, NULL);
}
