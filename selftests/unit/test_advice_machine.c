// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The starter rules for heat and for an idle host, as they are shipped, on machines that are played. */
#include "advice_fixture.h"

#define LIMIT "/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw"
#define PREFERENCE "energy_performance_preference"
#define WORKQUEUES "/sys/devices/virtual/workqueue/cpumask"

/* A chip 1 m °C above the air for each mW, which it gets to within minutes; 95 °C is its limit. */
#define AIR_MC 25000
#define LIMIT_MC 95000
#define LAG_S 120
#define TICK_S 4
#define PAST 8 /* ticks: half a minute */

static struct {
	__u64 mc, mw; /* how hot it is, and what its work would take at the full clock */
	__u64 hottest_mc;
	__u64 past[PAST + 1]; /* of the last half minute, the newest first */
	unsigned int turns, steps;
	__u64 last; /* what the cap was */
	bool up;
} chip;

/* What it may take by its cap; @full: of what it had. A clock of nine tenths takes eight of power. */
static __u64 takes(__u64 cap, __u64 full, bool clock)
{
	__u64 mw = clock ? chip.mw * cap / full * cap / full : cap / 1000;

	return mw < chip.mw ? mw : chip.mw;
}

static void count_steps(__u64 cap)
{
	if (chip.last && cap != chip.last) {
		chip.steps++;
		chip.turns += chip.steps > 1 && chip.up != (cap > chip.last);
		chip.up = cap > chip.last;
	}
	chip.last = cap;
}

/* Time passes: heat, its vital signs, the rules. @path: of the cap. */
static void warm(unsigned int minutes, const char *path, __u64 full, bool clock)
{
	char text[64];
	__u64 cap, aim;

	for (unsigned int i = 0; i < minutes * 60 / TICK_S; i++) {
		assert_true(read_file(w.root, path, text, sizeof(text)) > 0);
		assert_int_equal(parse_u64(text, &cap), 0);
		count_steps(cap);
		aim = AIR_MC + takes(cap, full, clock);
		chip.mc = (chip.mc * (LAG_S - TICK_S) + aim * TICK_S) / LAG_S;
		chip.hottest_mc = chip.mc > chip.hottest_mc ? chip.mc : chip.hottest_mc;
		memmove(chip.past + 1, chip.past, sizeof(chip.past) - sizeof(chip.past[0]));
		chip.past[0] = chip.mc;
		vital(HS_VITAL_THERMAL_HOTTEST, chip.mc);
		vital(HS_VITAL_THERMAL_MARGIN, chip.mc < LIMIT_MC ? LIMIT_MC - chip.mc : 0);
		vital(HS_VITAL_THERMAL_SLOPE,
		      chip.mc > chip.past[PAST] ? (chip.mc - chip.past[PAST]) / PAST / TICK_S : 0);
		seconds(1);
	}
}

static void cold(void)
{
	memset(&chip, 0, sizeof(chip));
	chip.mc = AIR_MC;
	for (int i = 0; i <= PAST; i++)
		chip.past[i] = chip.mc;
	w.tick_ns = TICK_S * S;
}

/* A machine under work for which it is too small, then under less; @full: the cap that it has. */
static void heat(const char *profile, const char *path, __u64 full, bool clock)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu", full);
	cold();
	/* one file is watched for 12 s; of several the first one before the others */
	w.watch_ns = clock ? 24 * S : 12 * S;
	chip.mw = 50000; /* 75 °C in the end: nothing to do */
	warm(15, path, full, clock);
	assert_int_equal(w.asks, 0);
	chip.mw = 110000; /* 135 °C */
	warm(60, path, full, clock);
	assert_true(chip.steps >= 1);
	/* below the limit, and no to and fro: less than a turn each ten minutes */
	if (chip.hottest_mc >= LIMIT_MC || chip.turns > 6)
		fail_msg("%s: %llu mC, %u turns, %u steps", profile, chip.hottest_mc, chip.turns,
			 chip.steps);
	assert_int_equal(told("frozen"), 0);
	/* and goes back when it is cool, all of the way, and stays */
	chip.mw = 30000;
	warm(90, path, full, clock);
	holds(path, text);
	assert_false(w.a.rules.rule[0].holds || w.a.rules.rule[1].holds);
	chip.turns = chip.steps = 0;
	warm(30, path, full, clock);
	assert_int_equal(chip.steps, 0);
}

static const char *const hot[] = {"balanced", "battery", "edge", "hft"};

static void cap_the_power(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		begin_shipped(hot[i], "heat-");
		begin_tree();
		file(LIMIT, "120000000\n");
		clock_of(0, 3, "4000000\n", "performance\n");
		heat(hot[i], LIMIT, 120000000, false);
		holds(CLOCK(0) "scaling_max_freq", "4000000");
	}
}

static void cap_the_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		begin_shipped(hot[i], "heat-");
		begin_tree();
		clock_of(0, 3, "4000000\n", "performance\n");
		heat(hot[i], CLOCK(0) "scaling_max_freq", 4000000, true);
	}
}

/* A limit that is no limit of this machine, or a sensor that is not there: nothing. */
static void nothing_to_go_by(void **state)
{
	(void)state;
	begin_shipped("balanced", "heat-");
	begin_tree();
	clock_of(0, 3, "4000000\n", "performance\n");
	vital(HS_VITAL_THERMAL_HOTTEST, 95000);
	vital(HS_VITAL_THERMAL_SLOPE, 5000);
	seconds(600);
	assert_int_equal(w.asks, 0);
}

/* ---- idle ---- */

/* A laptop, its CPUs of two threads each, that has been at rest for so long. */
static void begin_laptop(const char *profile, unsigned int rest_s)
{
	begin_shipped(profile, "idle-");
	begin_tree();
	clock_of(0, 0, "4000000\n", "performance\n");
	clock_of(1, 1, "4000000\n", "schedutil\n");
	file(CLOCK(0) PREFERENCE, "performance\n");
	file(CLOCK(1) PREFERENCE, "balance_performance\n");
	file("/sys/devices/system/cpu/possible", "0-3\n");
	file("/sys/devices/system/cpu/online", "0-3\n");
	file("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n");
	file(WORKQUEUES, "f\n");
	vital(HS_VITAL_CPU_BUSY, 20);
	vital(HS_VITAL_PACKETS, 10);
	seconds(rest_s);
}

static void is_as_it_was(void)
{
	holds(CLOCK(0) "scaling_governor", "performance");
	holds(CLOCK(1) "scaling_governor", "schedutil");
	holds(CLOCK(0) PREFERENCE, "performance");
	holds(CLOCK(1) PREFERENCE, "balance_performance");
	holds(WORKQUEUES, "f");
}

static void idle(void **state)
{
	(void)state;
	begin_laptop("battery", 59);
	is_as_it_was();
	seconds(300);
	holds(CLOCK(0) "scaling_governor", "powersave");
	holds(CLOCK(1) "scaling_governor", "powersave");
	holds(CLOCK(0) PREFERENCE, "power");
	holds(CLOCK(1) PREFERENCE, "power");
	holds(WORKQUEUES, "5"); /* CPUs 0 and 2 */
	assert_non_null(strstr(w.reason, "the host is idle (CPUs 0,2: one core)"));
	assert_int_equal(w.asks, 3);
	/* slower by four fifths it is busier by as much: it stays */
	vital(HS_VITAL_CPU_BUSY, 20 * 5);
	seconds(1800);
	assert_int_equal(w.asks, 3);
	/* somebody works: within seconds each has what he had */
	vital(HS_VITAL_CPU_BUSY, 600);
	seconds(4);
	assert_int_equal(w.asks, 6);
	is_as_it_was();
	/* or packets come, which make no CPU busy: at once, however short a time ago it was changed */
	vital(HS_VITAL_CPU_BUSY, 20);
	seconds(610);
	assert_int_equal(w.asks, 9);
	vital(HS_VITAL_PACKETS, 50000);
	seconds(7);
	is_as_it_was();
	seconds(900);
	assert_int_equal(w.asks, 12);
}

/* Somebody who types: each pause is shorter than it takes. One who comes and goes each few minutes is no fight. */
static void hardly_idle(void **state)
{
	(void)state;
	begin_laptop("battery", 0);
	for (int i = 0; i < 20; i++) {
		vital(HS_VITAL_CPU_BUSY, 20);
		seconds(55);
		vital(HS_VITAL_CPU_BUSY, 500);
		seconds(5);
	}
	assert_int_equal(w.asks, 0);
	for (int i = 0; i < 16; i++) {
		vital(HS_VITAL_CPU_BUSY, 20);
		seconds(90);
		vital(HS_VITAL_CPU_BUSY, 500);
		seconds(60);
		is_as_it_was();
	}
	assert_in_range(w.asks, 6, 8); /* not each time */
	assert_int_equal(told("frozen"), 0);
}

/* Each profile by its own time, and hft never. */
static void by_profile(void **state)
{
	(void)state;
	begin_laptop("balanced", 599);
	is_as_it_was();
	seconds(400);
	holds(CLOCK(0) "scaling_governor", "powersave");
	holds(CLOCK(0) PREFERENCE, "balance_power");
	holds(WORKQUEUES, "f");
	begin_laptop("edge", 1000);
	holds(CLOCK(0) "scaling_governor", "performance");
	holds(CLOCK(0) PREFERENCE, "balance_power");
	begin_laptop("hft", 1200);
	is_as_it_was();
	assert_int_equal(w.asks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cap_the_power),    cmocka_unit_test(cap_the_clock),
		cmocka_unit_test(nothing_to_go_by), cmocka_unit_test(idle),
		cmocka_unit_test(hardly_idle),	    cmocka_unit_test(by_profile),
	};

	return cmocka_run_group_tests_name("advice_machine", tests, load, unload);
}
