// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What controllers are made of (kern/lib/control.h), against the same in wider numbers. */
#include "fixture.h"

#include "../../kern/lib/control.h"

#define U64_MAX (~0ULL)
#define ROUNDS 200000

/* Numbers of all sizes, the same ones in each run; often those at which something ends. */
static __u64 seed;

static __u64 some(void)
{
	static const __u64 edges[] = {0,
				      1,
				      2,
				      CONTROL_FIX_ONE - 1,
				      CONTROL_FIX_ONE,
				      CONTROL_FIX_ONE + 1,
				      1ULL << 31,
				      1ULL << 32,
				      1ULL << 47,
				      CONTROL_S64_MAX - 1,
				      CONTROL_S64_MAX,
				      1ULL << 63,
				      U64_MAX - 1,
				      U64_MAX};
	__u64 n;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	n = seed ^ seed >> 29;
	if (n % 8 == 0)
		return edges[(n >> 8) % (sizeof(edges) / sizeof(edges[0]))];
	return n >> ((n >> 3) % 64);
}

static __s64 some_signed(void)
{
	__u64 n = some();

	return seed & 1ULL << 40 ? (__s64)n : -(__s64)(n & CONTROL_S64_MAX);
}

/* Symmetric: the smallest number there is has no counterpart, and does not come out. */
static __s64 saturated(__int128 v)
{
	return v > CONTROL_FIX_MAX    ? CONTROL_FIX_MAX
	       : v < -CONTROL_FIX_MAX ? -CONTROL_FIX_MAX
				      : (__s64)v;
}

static void clamp(void **state)
{
	(void)state;
	assert_int_equal(control_clamp(4, 5, 9), 5);
	assert_int_equal(control_clamp(5, 5, 9), 5);
	assert_int_equal(control_clamp(7, 5, 9), 7);
	assert_int_equal(control_clamp(9, 5, 9), 9);
	assert_int_equal(control_clamp(U64_MAX, 5, 9), 9);
	assert_int_equal(control_clamp(U64_MAX, 0, U64_MAX), U64_MAX);
}

static void towards(void **state)
{
	(void)state;
	assert_int_equal(control_towards(10, 20, 3), 13);
	assert_int_equal(control_towards(19, 20, 3), 20);
	assert_int_equal(control_towards(20, 10, 3), 17);
	assert_int_equal(control_towards(11, 10, 3), 10);
	assert_int_equal(control_towards(10, 10, 3), 10);
	assert_int_equal(control_towards(10, 20, 0), 10);
	/* neither end of the range is stepped over */
	assert_int_equal(control_towards(0, U64_MAX, U64_MAX), U64_MAX);
	assert_int_equal(control_towards(U64_MAX - 1, U64_MAX, U64_MAX), U64_MAX);
	assert_int_equal(control_towards(1, 0, U64_MAX), 0);
}

static void rate(void **state)
{
	(void)state;
	/* 1000 a second: one in a millisecond */
	assert_int_equal(control_rate(0, 100, 1000, 1000000), 1);
	assert_int_equal(control_rate(100, 0, 1000, 10000000), 90);
	assert_int_equal(control_rate(0, 100, 1000, 999), 0);
	assert_int_equal(control_rate(0, 5000, 1000, CONTROL_NS_PER_S), 1000);
	/* standing still for an hour buys no leap */
	assert_int_equal(control_rate(0, 5000, 1000, 3600 * CONTROL_NS_PER_S), 1000);
	assert_int_equal(control_rate(0, U64_MAX, U64_MAX, U64_MAX), U64_MAX);
	seed = 1;
	for (int i = 0; i < ROUNDS; i++) {
		__u64 per_s = some(), dt = some() % CONTROL_NS_PER_S, to = some();
		unsigned __int128 step = (unsigned __int128)per_s * (dt / 1000) / 1000000;

		/* what a second has too much of, parts of it have not too little of: one is lost at most */
		assert_true(control_rate(0, to, per_s, dt) == (step < to ? (__u64)step : to));
	}
}

/* It ends at what it averages, from both sides, and never goes past it or away from it. */
static void ewma(void **state)
{
	(void)state;
	for (__u32 shift = 0; shift <= 16; shift++) {
		for (int up = 0; up < 2; up++) {
			__u64 v = up ? 1000003 : 3, avg = up ? 3 : 1000003, before;
			int steps = 0;

			while (avg != v) {
				before = avg;
				avg = control_ewma(avg, v, shift);
				assert_true(up ? avg > before && avg <= v
					       : avg < before && avg >= v);
				assert_true(steps++ < 2000000);
			}
			assert_int_equal(control_ewma(avg, v, shift), v);
		}
	}
	assert_int_equal(control_ewma(0, 1600, 4), 100);
	assert_int_equal(control_ewma(1600, 0, 4), 1500);
	assert_int_equal(control_ewma(7, 42, 0), 42);
	assert_int_equal(control_ewma(0, U64_MAX, 0), U64_MAX);
	assert_int_equal(control_ewma(U64_MAX, 0, 1), U64_MAX - U64_MAX / 2);
}

static void hysteresis(void **state)
{
	(void)state;
	for (__u32 was = 0; was < 2; was++) {
		assert_int_equal(control_hysteresis(was, 9, 10, 20), 0);
		assert_int_equal(control_hysteresis(was, 10, 10, 20), was);
		assert_int_equal(control_hysteresis(was, 20, 10, 20), was);
		assert_int_equal(control_hysteresis(was, 21, 10, 20), 1);
		/* without a gap */
		assert_int_equal(control_hysteresis(was, 10, 10, 10), was);
	}
}

static void fix_of(void **state)
{
	(void)state;
	assert_int_equal(control_fix_of(0), 0);
	assert_int_equal(control_fix_of(3), 3 * CONTROL_FIX_ONE);
	assert_int_equal(control_fix_of(-3), -3 * CONTROL_FIX_ONE);
	assert_int_equal(CONTROL_FIX(1, 2), CONTROL_FIX_ONE / 2);
	assert_int_equal(CONTROL_FIX(-3, 1000), -196);
	seed = 2;
	for (int i = 0; i < ROUNDS; i++) {
		__s64 v = some_signed();
		/* saturated as soon as the whole part does not fit */
		__int128 whole = v > CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT ? CONTROL_FIX_MAX
				 : v < -(CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT)
					 ? -CONTROL_FIX_MAX
					 : (__int128)v * CONTROL_FIX_ONE;

		assert_int_equal(control_fix_of(v), (__s64)whole);
	}
}

static void fix_round(void **state)
{
	(void)state;
	assert_int_equal(control_fix_round(CONTROL_FIX(5, 2)), 3);
	assert_int_equal(control_fix_round(CONTROL_FIX(-5, 2)), -3);
	assert_int_equal(control_fix_round(CONTROL_FIX(5, 2) - 1), 2);
	assert_int_equal(control_fix_round(-CONTROL_FIX(5, 2) + 1), -2);
	assert_int_equal(control_fix_round(CONTROL_FIX_MAX), CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT);
	assert_int_equal(control_fix_round(-CONTROL_FIX_MAX - 1),
			 -(CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT));
	for (__s64 v = -1000; v <= 1000; v++)
		assert_int_equal(control_fix_round(control_fix_of(v)), v);
}

static void fix_add(void **state)
{
	(void)state;
	assert_int_equal(control_fix_add(1, 2), 3);
	assert_int_equal(control_fix_add(CONTROL_FIX_MAX, 1), CONTROL_FIX_MAX);
	assert_int_equal(control_fix_add(-CONTROL_FIX_MAX, -1), -CONTROL_FIX_MAX);
	seed = 3;
	for (int i = 0; i < ROUNDS; i++) {
		control_fix a = some_signed(), b = some_signed();

		if (a < -CONTROL_FIX_MAX || b < -CONTROL_FIX_MAX)
			continue; /* no number that comes out of here */
		assert_int_equal(control_fix_add(a, b), saturated((__int128)a + b));
	}
}

/* Magnitudes are cut, not rounded: towards 0. */
static void fix_mul(void **state)
{
	(void)state;
	assert_int_equal(control_fix_mul(CONTROL_FIX(3, 2), CONTROL_FIX(-5, 2)),
			 CONTROL_FIX(-15, 4));
	seed = 4;
	for (int i = 0; i < ROUNDS; i++) {
		control_fix a = some_signed(), b = some_signed();
		unsigned __int128 product =
			(unsigned __int128)control_magnitude(a) * control_magnitude(b) >>
			CONTROL_FIX_SHIFT;
		__int128 want = product > CONTROL_FIX_MAX ? CONTROL_FIX_MAX : (__int128)product;

		if ((a < 0) != (b < 0))
			want = -want;
		assert_int_equal(control_fix_mul(a, b), (__s64)want);
	}
}

/* Exact while the divisor is a number that knobs and vital signs have; beyond that, to one part of 2^16 of what is behind the point. */
static void fix_div(void **state)
{
	(void)state;
	assert_int_equal(control_fix_div(CONTROL_FIX(15, 4), CONTROL_FIX(-5, 2)),
			 CONTROL_FIX(-3, 2));
	assert_int_equal(control_fix_div(5, 0), CONTROL_FIX_MAX);
	assert_int_equal(control_fix_div(-5, 0), -CONTROL_FIX_MAX);
	assert_int_equal(control_fix_div(0, 0), CONTROL_FIX_MAX);
	assert_int_equal(control_fix_div(0, -7), 0);
	/* just below 2, by a divisor whose low bits are lost: not 1, and not more than it is */
	assert_int_equal(control_fix_div(2 * ((1LL << 48) + 65535) - 1, (1LL << 48) + 65535),
			 2 * CONTROL_FIX_ONE - 1);
	seed = 5;
	for (int i = 0; i < ROUNDS; i++) {
		control_fix a = some_signed(), b = some_signed(), got = control_fix_div(a, b);
		__u64 x = control_magnitude(a), y = control_magnitude(b);
		unsigned __int128 quotient;
		__int128 want;

		if (!y)
			continue;
		quotient = ((unsigned __int128)x << CONTROL_FIX_SHIFT) / y;
		want = quotient > CONTROL_FIX_MAX ? CONTROL_FIX_MAX : (__int128)quotient;
		if ((a < 0) != (b < 0))
			want = -want;
		if (y >> (64 - CONTROL_FIX_SHIFT) == 0)
			assert_int_equal(got, (__s64)want);
		else
			assert_true(got - want <= 1 + CONTROL_FIX_ONE / 65536 * 2 &&
				    want - got <= 1 + CONTROL_FIX_ONE / 65536 * 2);
	}
}

static void magnitude(void **state)
{
	(void)state;
	assert_int_equal(control_magnitude(-7), 7);
	assert_int_equal(control_magnitude(7), 7);
	assert_true(control_magnitude(-CONTROL_S64_MAX - 1) == 1ULL << 63);
	assert_int_equal(control_signed(7, 1), -7);
	assert_int_equal(control_signed(7, 0), 7);
	assert_int_equal(control_signed(U64_MAX, 0), CONTROL_FIX_MAX);
	assert_int_equal(control_signed(U64_MAX, 1), -CONTROL_FIX_MAX);
}

/*
 * The controller
 */

#define STEP 10000000ULL /* 10 ms */

static const struct control_pi pi = {
	.kp = CONTROL_FIX(1, 2),
	.ki = CONTROL_FIX(2, 1),
	.centre = 1000,
	.min = 100,
	.max = 2000,
};

static void pi_proportional(void **state)
{
	struct control_pi_state s = {0};

	(void)state;
	assert_int_equal(control_pi(&pi, &s, 0, STEP), 1000);
	assert_int_equal(control_pi(&pi, &s, 100, 0), 1050);
	assert_int_equal(control_pi(&pi, &s, -100, 0), 950);
	assert_int_equal(s.integral, 0);
	/* 2 a second of 100, for 10 ms: 2 */
	assert_int_equal(control_pi(&pi, &s, 100, STEP), 1052);
	assert_int_equal(control_pi(&pi, &s, 100, STEP), 1054);
	assert_int_equal(control_pi(&pi, &s, 0, STEP), 1004);
	/* of an hour a second counts: 200 */
	s.integral = 0;
	assert_int_equal(control_pi(&pi, &s, 100, 3600 * CONTROL_NS_PER_S), 1250);
}

/* Held at a bound for long, it is off it with the first error of the other sign. */
static void pi_no_windup(void **state)
{
	struct control_pi_state s = {0};
	__s64 out;

	(void)state;
	for (int side = -1; side <= 1; side += 2) {
		s.integral = 0;
		for (int i = 0; i < 100000; i++)
			out = control_pi(&pi, &s, side * 1000000, STEP);
		assert_int_equal(out, side > 0 ? pi.max : pi.min);
		assert_true(control_magnitude(s.integral) <= (__u64)control_fix_of(pi.max));
		out = control_pi(&pi, &s, -side * 10, STEP);
		assert_true(out > pi.min && out < pi.max);
	}
}

/* What is out of reach by the proportional part alone may bring the integral back, but not further away. */
static void pi_comes_back(void **state)
{
	struct control_pi_state s = {.integral = control_fix_of(900)};
	control_fix before;

	(void)state;
	/* above the top by its integral, while the error asks for less */
	assert_int_equal(
		control_pi(&(struct control_pi){.ki = pi.ki, .min = 0, .max = 500}, &s, -100, STEP),
		500);
	assert_true(s.integral < control_fix_of(900));
	before = s.integral;
	control_pi(&(struct control_pi){.ki = pi.ki, .min = 0, .max = 500}, &s, 100, STEP);
	assert_int_equal(s.integral, before);
	s.integral = control_fix_of(-900);
	assert_int_equal(
		control_pi(&(struct control_pi){.ki = pi.ki, .min = 0, .max = 500}, &s, 100, STEP),
		0);
	assert_true(s.integral > control_fix_of(-900));
}

/* A plant that does what it is told at once, in proportion: the error ends at 0, by the integral alone. */
static void pi_settles(void **state)
{
	struct control_pi_state s = {0};
	__s64 measured = 0, out = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		measured = out / 2;
		out = control_pi(&pi, &s, 700 - measured, STEP);
	}
	assert_in_range(measured, 699, 701);
}

/* Whatever it is set to and told: within its bounds. */
static void pi_never_out(void **state)
{
	struct control_pi_state s = {0};

	(void)state;
	seed = 6;
	for (int i = 0; i < ROUNDS; i++) {
		struct control_pi c = {
			.kp = some_signed(),
			.ki = some_signed(),
			.centre = some_signed(),
			.min = (__s64)(some() % 1000000),
		};
		__s64 out;

		c.max = c.min + (__s64)(some() % 1000000);
		out = control_pi(&c, &s, some_signed(), some());
		assert_true(out >= c.min && out <= c.max);
		if (!(i % 16))
			s.integral = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clamp),	cmocka_unit_test(towards),
		cmocka_unit_test(rate),		cmocka_unit_test(ewma),
		cmocka_unit_test(hysteresis),	cmocka_unit_test(fix_of),
		cmocka_unit_test(fix_round),	cmocka_unit_test(fix_add),
		cmocka_unit_test(fix_mul),	cmocka_unit_test(fix_div),
		cmocka_unit_test(magnitude),	cmocka_unit_test(pi_proportional),
		cmocka_unit_test(pi_no_windup), cmocka_unit_test(pi_comes_back),
		cmocka_unit_test(pi_settles),	cmocka_unit_test(pi_never_out),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
