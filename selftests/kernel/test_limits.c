// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Invariants in the pulse: each kind of vital sign trips the gate, and the gate says what it was. */
#include "pulse_fixture.h"

static void set_limit(__u32 vital, __u64 max, __u32 windows)
{
	fx.config.limit[fx.config.limits_nr++] =
		(struct hs_limit){.vital = vital, .windows = windows, .max = max};
	set_config();
}

/* Opens the gate as the daemon does, and waits for the first look of every limit. */
static void arm_and_look(void)
{
	__u64 seen = VITAL(PULSE_LATE)->updated_ns;

	fx.gate->trip_reason = HS_TRIP_NONE;
	fx.gate->trip_vital = HS_VITAL_NR;
	arm();
	UNTIL(VITAL(PULSE_LATE)->updated_ns != seen);
	seen = VITAL(PULSE_LATE)->updated_ns;
	UNTIL(VITAL(PULSE_LATE)->updated_ns != seen);
}

/* The pulse shut the gate for this vital sign: gate and event say so, and everything is stock. */
static void assert_tripped(__u32 vital, __u64 max)
{
	struct hs_event *e;

	assert_int_equal(fx.gate->trip_reason, HS_TRIP_LIMIT);
	assert_int_equal(fx.gate->trip_vital, vital);
	assert_int_equal(fx.gate->trip_limit, max);
	assert_true(fx.gate->trip_value > max);
	assert_true(fx.gate->trip_ns && fx.gate->trip_ns <= now_ns());
	UNTIL(!fx.gate->lease_jiffies);
	UNTIL(event(HS_EVENT_TRIP));
	e = event(HS_EVENT_TRIP);
	assert_int_equal(e->id, HS_TRIP_LIMIT);
	assert_int_equal(e->vital, vital);
	assert_int_equal(e->value, fx.gate->trip_value);
	assert_int_equal(e->to, max);
	assert_int_equal(event_count(HS_EVENT_TRIP), 1);
}

/* One from the sensor's histograms. Below the limit nothing happens, and knobs are stock afterwards. */
static void test_quantile(void **state)
{
	__u64 seen;

	(void)state;
	set_limit(HS_VITAL_WAIT_CRITICAL_P99, MS, 1);
	arm_and_look();
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	for (unsigned i = 0; i < 3; i++) {
		seen = VITAL(WAIT_CRITICAL_P99)->updated_ns;
		WAIT_UNTIL(VITAL(WAIT_CRITICAL_P99)->updated_ns != seen,
			   feed(HS_CLASS_CRITICAL, 500000, 50));
	}
	assert_int_equal(fx.gate->armed, 1);
	WAIT_UNTIL(!fx.gate->armed, feed(HS_CLASS_CRITICAL, 3 * MS, 50));
	assert_tripped(HS_VITAL_WAIT_CRITICAL_P99, MS);
	assert_near(fx.gate->trip_value, 3 * MS);
	UNTIL(KNOB(SLICE_BATCH)->value == 5000);
}

/* A slow one is measured by the daemon: judged once for each of its measurements. */
static void test_slow_windows(void **state)
{
	struct hs_vital *psi = VITAL(PSI_CPU);

	(void)state;
	set_limit(HS_VITAL_PSI_CPU, 300, 3);
	psi->value = 900;
	psi->updated_ns = 1;
	psi->present = 1;
	arm_and_look();
	for (unsigned i = 0; i < 5; i++) {
		__u64 late = VITAL(PULSE_LATE)->updated_ns;

		psi->value = i == 2 ? 300 : 900; /* two, then one that is not */
		psi->updated_ns = 2 + i;
		/* however often the pulse looks */
		for (unsigned looks = 0; looks < 4; looks++) {
			UNTIL(VITAL(PULSE_LATE)->updated_ns != late);
			late = VITAL(PULSE_LATE)->updated_ns;
		}
		assert_int_equal(fx.gate->armed, 1);
	}
	psi->updated_ns = 7;
	UNTIL(!fx.gate->armed);
	assert_tripped(HS_VITAL_PSI_CPU, 300);
	assert_int_equal(fx.gate->trip_value, 900);
}

/* At the next arming the count begins anew: what was measured before it does not trip. */
static void test_anew(void **state)
{
	struct hs_vital *psi = VITAL(PSI_IO);

	(void)state;
	set_limit(HS_VITAL_PSI_IO, 300, 2);
	psi->value = 900;
	psi->present = 1;
	psi->updated_ns = 1;
	arm_and_look();
	psi->updated_ns = 2;
	arm_and_look(); /* another generation */
	psi->updated_ns = 3;
	arm_and_look();
	assert_int_equal(fx.gate->armed, 1);
	psi->updated_ns = 4;
	heartbeat(10 * SEC_NS);
	{
		__u64 late = VITAL(PULSE_LATE)->updated_ns;

		UNTIL(VITAL(PULSE_LATE)->updated_ns > late + 3 * fx.config.window_ns);
	}
	assert_int_equal(fx.gate->armed, 1);
	psi->updated_ns = 5;
	UNTIL(!fx.gate->armed);
	assert_tripped(HS_VITAL_PSI_IO, 300);
}

/* The sixteenth limit counts like the first, and the gate that is shut is left alone. */
static void test_last_of_many(void **state)
{
	(void)state;
	for (unsigned i = 1; i < HS_LIMITS_MAX; i++)
		set_limit(HS_VITAL_PSI_MEMORY, 1000, 1);
	set_limit(HS_VITAL_STARVED, MS, 1);
	assert_int_equal(fx.config.limits_nr, HS_LIMITS_MAX);
	feed(HS_CLASS_NORMAL, 5 * MS, 1);
	beat_now();
	UNTIL(VITAL(STARVED)->present);
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_NONE);
	arm_and_look();
	WAIT_UNTIL(!fx.gate->armed, feed(HS_CLASS_NORMAL, 5 * MS, 1));
	assert_tripped(HS_VITAL_STARVED, MS);
}

/* A kernel thread of the CPU's own that waited for long, as the sensor notes it. */
static void test_softirq_starved(void **state)
{
	(void)state;
	set_limit(HS_VITAL_SOFTIRQ_STARVED, 2 * MS, 1);
	arm_and_look();
	UNTIL(!VITAL(SOFTIRQ_STARVED)->present || !VITAL(SOFTIRQ_STARVED)->value);
	WAIT_UNTIL(!fx.gate->armed, {
		size_t b = fx.bank + fx.bank_len * (*(volatile __u32 *)(fx.sense + fx.epoch) & 1);

		*sense_u64(b + fx.worker_max_ns) = 7 * MS;
		feed(HS_CLASS_NORMAL, MS / 2, 1);
	});
	assert_tripped(HS_VITAL_SOFTIRQ_STARVED, 2 * MS);
	assert_int_equal(fx.gate->trip_value, 7 * MS);
}

static void test_frozen(void **state)
{
	struct hs_rule r = {
		.vital = HS_VITAL_WAIT_CRITICAL_P99,
		.knob = HS_KNOB_SLICE_BATCH,
		.kind = HS_RULE_AIMD,
		.low = 20000,
		.high = 100000,
		.gain_up = 500,
		.gain_down = 400,
	};
	bool bad = true;

	(void)state;
	fx.config.freeze_turns = 3;
	set_limit(HS_VITAL_REFLEX_FROZEN, 0, 1);
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm_and_look();
	UNTIL(VITAL(REFLEX_FROZEN)->present && VITAL(REFLEX_FROZEN)->value == 0);
	WAIT_UNTIL(!fx.gate->armed, {
		if (KNOB(SLICE_BATCH)->value <= 4000)
			bad = false;
		if (KNOB(SLICE_BATCH)->value >= 7900)
			bad = true;
		feed(HS_CLASS_CRITICAL, bad ? 500000 : 5000, bad ? 1 : 50);
	});
	assert_tripped(HS_VITAL_REFLEX_FROZEN, 0);
	assert_int_equal(fx.gate->trip_value, 1);
	assert_non_null(event(HS_EVENT_FREEZE));
}

static void test_events_lost(void **state)
{
	(void)state;
	set_limit(HS_VITAL_EVENTS_LOST, 100, 2);
	arm_and_look();
	UNTIL(VITAL(EVENTS_LOST)->present && VITAL(EVENTS_LOST)->value == 0);
	WAIT_UNTIL(!fx.gate->armed, fx.gate->events_lost += 10);
	assert_tripped(HS_VITAL_EVENTS_LOST, 100);
}

/* A reason that is there already stays, and with it what it was about. */
static void test_first_come(void **state)
{
	(void)state;
	set_limit(HS_VITAL_PSI_CPU, 300, 1);
	arm_and_look();
	/* somebody is about to shut it: reason taken, armed not yet stored */
	fx.gate->trip_reason = HS_TRIP_GUARD;
	VITAL(PSI_CPU)->value = 900;
	VITAL(PSI_CPU)->present = 1;
	VITAL(PSI_CPU)->updated_ns = now_ns();
	UNTIL(!fx.gate->armed);
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_GUARD);
	assert_int_equal(fx.gate->trip_vital, HS_VITAL_NR);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->id, HS_TRIP_GUARD);
	assert_int_equal(event(HS_EVENT_TRIP)->vital, HS_VITAL_NR);
}

/* Not armed, nothing is judged. */
static void test_observe(void **state)
{
	(void)state;
	set_limit(HS_VITAL_PULSE_LATE, 0, 1);
	set_limit(HS_VITAL_PSI_CPU, 1, 1);
	fx.gate->mode = HS_MODE_OBSERVE;
	beat_now();
	for (unsigned i = 0; i < 10; i++) {
		__u64 late = VITAL(PULSE_LATE)->updated_ns;

		VITAL(PSI_CPU)->value = 900;
		VITAL(PSI_CPU)->present = 1;
		VITAL(PSI_CPU)->updated_ns = now_ns();
		UNTIL(VITAL(PULSE_LATE)->updated_ns != late);
	}
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_NONE);
	assert_null(event(HS_EVENT_TRIP));
}

/* What is installed has no faults on order. */
static void test_no_faults(void **state)
{
	(void)state;
	assert_null(bpf_object__find_map_by_name(fx.skel->obj, ".data.fault"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_quantile),	    TEST(test_slow_windows), TEST(test_anew),
		TEST(test_last_of_many),    TEST(test_first_come),   TEST(test_frozen),
		TEST(test_softirq_starved), TEST(test_events_lost),  TEST(test_observe),
		TEST(test_no_faults),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
