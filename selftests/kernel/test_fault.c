// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Faults in the pulse itself (kern/fault.h), against the fault build of the kernel object. */
#include "abi.h"
#include "fault.h"
#include "pulse_fixture.h"

#define FAULT (&fx.skel->data_fault->fault)

/* A pulse that comes late is a vital sign, and a limit on it trips: also while the heartbeat is fine. */
static void test_late(void **state)
{
	__u64 seen;

	(void)state;
	fx.config.limit[0] =
		(struct hs_limit){.vital = HS_VITAL_PULSE_LATE, .windows = 3, .max = 5 * MS};
	fx.config.limits_nr = 1;
	set_config();
	arm();
	/* on time: a few windows, and no trip */
	for (unsigned i = 0; i < 20; i++) {
		seen = VITAL(PULSE_LATE)->updated_ns;
		UNTIL(VITAL(PULSE_LATE)->updated_ns != seen);
	}
	assert_int_equal(fx.gate->armed, 1);
	FAULT->pulse_late_ns = 10 * MS;
	UNTIL(!fx.gate->armed);
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_LIMIT);
	assert_int_equal(fx.gate->trip_vital, HS_VITAL_PULSE_LATE);
	assert_int_equal(fx.gate->trip_limit, 5 * MS);
	assert_in_range(fx.gate->trip_value, 10 * MS, 30 * MS);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->vital, HS_VITAL_PULSE_LATE);
	assert_in_range(event(HS_EVENT_TRIP)->value, 10 * MS, 30 * MS);
}

/* A single late beat between two windows is not lost among those on time. */
static void test_late_once(void **state)
{
	__u64 seen;

	(void)state;
	fx.config.window_ns = 50 * MS;
	set_config();
	arm();
	heartbeat(60 * SEC_NS);
	UNTIL(VITAL(PULSE_LATE)->present);
	seen = VITAL(PULSE_LATE)->updated_ns;
	UNTIL(VITAL(PULSE_LATE)->updated_ns != seen);
	FAULT->pulse_late_ns = 20 * MS;
	usleep(1000);
	beat_now(); /* plans the late one */
	seen = now_ns();
	UNTIL(now_ns() > seen + 3 * MS);
	FAULT->pulse_late_ns = 0;
	UNTIL(VITAL(PULSE_LATE)->value >= 15 * MS);
}

/* The timer is dead: the lease is not renewed any more, whatever the heartbeat says. */
static void test_dead(void **state)
{
	__u64 lease;

	(void)state;
	arm();
	UNTIL(fx.gate->lease_jiffies);
	FAULT->pulse_dead = 1;
	UNTIL(FAULT->died_ns);
	lease = fx.gate->lease_jiffies;
	for (unsigned i = 0; i < 50; i++) {
		heartbeat(10 * SEC_NS);
		usleep(1000);
	}
	assert_int_equal(fx.gate->lease_jiffies, lease);
	FAULT->pulse_dead = 0;
	heartbeat(20 * SEC_NS);
	beat_now();
	UNTIL(fx.gate->lease_jiffies > lease);
}

/* Rubbish in the knobs: the next arming starts from stock all the same. */
static void test_scribble(void **state)
{
	(void)state;
	arm();
	FAULT->scribble = 1;
	UNTIL(KNOB(SLICE_BATCH)->value == ~0ULL);
	UNTIL(KNOB(SLICE_BATCH)->value == 0);
	FAULT->scribble = 0;
	usleep(20000);
	fx.gate->armed = 0;
	UNTIL(KNOB(SLICE_BATCH)->value == 5000 && KNOB(CRITICAL_BUDGET)->value == 0);
}

static void test_storm(void **state)
{
	__u64 seen;

	(void)state;
	arm();
	FAULT->storm = 1000000; /* cut to STORM_MAX */
	UNTIL(fx.gate->events_lost > STORM_MAX);
	FAULT->storm = 0;
	UNTIL(VITAL(EVENTS_LOST)->peak > 0);
	seen = VITAL(PULSE_LATE)->updated_ns;
	UNTIL(VITAL(PULSE_LATE)->updated_ns != seen);
	assert_int_equal(fx.gate->armed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_late),     TEST(test_late_once), TEST(test_dead),
		TEST(test_scribble), TEST(test_storm),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
