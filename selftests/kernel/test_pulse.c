// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The pulse: vital signs, watchdog and lease, heart rate. */
#include "pulse_fixture.h"

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static void test_quantiles(void **state)
{
	static __u64 sample[1000];
	__u32 seed = 1;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		seed = seed * 1664525 + 1013904223;
		/* 5 … 20 us, and 3 in 100 in the milliseconds */
		sample[i] = i % 33 ? 5000 + seed % 15000 : 1000000 + seed % 4000000;
		feed(HS_CLASS_NORMAL, sample[i], 1);
	}
	feed(HS_CLASS_BATCH, 30 * MS, 200);
	qsort(sample, 1000, sizeof(sample[0]), by_value);
	beat_now();
	UNTIL(VITAL(WAIT_NORMAL_P99)->present && VITAL(WAIT_BATCH_P99)->present);
	assert_near(VITAL(WAIT_NORMAL_P50)->value, sample[499]);
	assert_near(VITAL(WAIT_NORMAL_P95)->value, sample[949]);
	assert_near(VITAL(WAIT_NORMAL_P99)->value, sample[989]);
	assert_near(VITAL(WAIT_BATCH_P50)->value, 30 * MS);
	assert_int_equal(VITAL(JITTER_NORMAL)->value,
			 VITAL(WAIT_NORMAL_P99)->value - VITAL(WAIT_NORMAL_P50)->value);
	assert_int_equal(VITAL(STABILITY_NORMAL)->value,
			 VITAL(WAIT_NORMAL_P50)->value * 1000 / VITAL(WAIT_NORMAL_P99)->value);
	assert_false(VITAL(WAIT_CRITICAL_P99)->present);
	assert_false(VITAL(SHARE_CRITICAL)->present);
	UNTIL(VITAL(PULSE_PERIOD)->present && VITAL(PULSE_COST)->value > 0);
}

/* A class without samples keeps its quantiles for a second, then it is absent. */
static void test_absent(void **state)
{
	(void)state;
	feed(HS_CLASS_CRITICAL, 7000, 200);
	beat_now();
	UNTIL(VITAL(WAIT_CRITICAL_P50)->present);
	assert_near(VITAL(WAIT_CRITICAL_P50)->value, 7000);
	UNTIL(!VITAL(WAIT_CRITICAL_P50)->present);
	assert_true(now_ns() - VITAL(WAIT_CRITICAL_P50)->updated_ns >= SEC_NS);
}

/* A handful of samples waits for more, but for 100 ms at most. */
static void test_few(void **state)
{
	__u64 start;

	(void)state;
	beat_now();
	UNTIL(VITAL(SWITCHES)->present);
	start = now_ns();
	feed(HS_CLASS_CRITICAL, 7000, 5);
	UNTIL(VITAL(WAIT_CRITICAL_P50)->present);
	/* the window that the samples fell into began up to a pulse earlier */
	assert_true(now_ns() - start >= 80 * MS);
	assert_near(VITAL(WAIT_CRITICAL_P50)->value, 7000);
}

static void test_rates(void **state)
{
	__u32 *every = (__u32 *)(fx.sense + fx.every);
	size_t b;

	(void)state;
	beat_now();
	UNTIL(VITAL(SWITCHES)->present && *every == 1);
	assert_int_equal(VITAL(SWITCHES)->value, 0);
	/* 20 per 100 us and more: far above 2000/s */
	WAIT_UNTIL(*every > 1 && VITAL(MIGRATIONS)->value > 0, {
		*counter(HS_COUNT_SWITCH) += 20;
		*counter(HS_COUNT_SAMPLED) += 10;
		*counter(HS_COUNT_MIGRATE) += 5;
	});
	assert_true(*every <= 64);
	assert_true(VITAL(SWITCHES)->value > 2000 || VITAL(SWITCHES)->peak > 2000);
	/* half of the measured ones */
	assert_in_range(VITAL(MIGRATIONS)->peak, VITAL(SWITCHES)->peak / 2 - 1,
			VITAL(SWITCHES)->peak / 2 + 1);
	b = fx.bank + fx.bank_len * (*(volatile __u32 *)(fx.sense + fx.epoch) & 1);
	*sense_u64(b + fx.run_ns + 8 * HS_CLASS_NORMAL) = 4000;
	*sense_u64(b + fx.off_ns + 8 * HS_CLASS_NORMAL) = 90000;
	*sense_u64(b + fx.sleeps + 8 * HS_CLASS_NORMAL) = 4;
	feed(HS_CLASS_NORMAL, 1000, 200);
	UNTIL(VITAL(RUN_NORMAL)->present);
	assert_int_equal(VITAL(RUN_NORMAL)->value, 1000);
	assert_int_equal(VITAL(OFFCPU_NORMAL)->value, 22500);
	UNTIL(VITAL(STARVED)->present);
	assert_true(VITAL(STARVED)->peak >= 1000);
}

static void test_lease_and_trip(void **state)
{
	__u64 lease, due;

	(void)state;
	assert_int_equal(fx.gate->lease_jiffies, 0);
	beat_now(); /* not armed: nobody arms, no lease */
	UNTIL(fx.gate->period_ns);
	assert_int_equal(fx.gate->lease_jiffies, 0);
	arm();
	UNTIL(fx.gate->lease_jiffies);
	lease = fx.gate->lease_jiffies;
	heartbeat(20 * SEC_NS); /* a promise that is capped at 1 s, but moves with time */
	UNTIL(fx.gate->lease_jiffies > lease);
	heartbeat(30 * MS);
	due = fx.gate->due_ns;
	UNTIL(!fx.gate->armed);
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_HEARTBEAT);
	assert_true(fx.gate->trip_ns > due && fx.gate->trip_ns < due + 20 * MS);
	assert_int_equal(fx.gate->lease_jiffies, 0);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->id, HS_TRIP_HEARTBEAT);
	assert_int_equal(event(HS_EVENT_TRIP)->from, fx.gate->heartbeat_ns);
	assert_int_equal(event_count(HS_EVENT_TRIP), 1);
}

/* Somebody else shuts the gate: the pulse says so and takes the knobs back to stock. */
static void test_foreign_trip(void **state)
{
	(void)state;
	arm();
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PROFILE);
	fx.gate->trip_reason = HS_TRIP_OPERATOR;
	fx.gate->trip_ns = now_ns();
	fx.gate->armed = 0;
	UNTIL(KNOB(SLICE_BATCH)->value == 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_STOCK);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->id, HS_TRIP_OPERATOR);
	/* the wish is taken anew at the next arming */
	fx.gate->trip_reason = HS_TRIP_NONE;
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
}

/* The kernel's jiffies, 0 where it does not tell. */
static __u64 jiffies_now(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	char line[256];
	__u64 j = 0;

	if (!f)
		return 0;
	while (!j && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "jiffies: %llu", &j) != 1)
			j = 0;
	}
	fclose(f);
	return j;
}

/* With the pulse dead, actuators are stock not before the promise is broken and soon after it. */
static void test_lease_end(void **state)
{
	__u64 lease, before = 0, after, due;

	(void)state;
	if (!jiffies_now())
		skip();
	arm();
	heartbeat(300 * MS);
	due = fx.gate->due_ns;
	lease = 0;
	UNTIL(fx.gate->lease_jiffies);
	while (now_ns() < due) {
		__u64 l = *(volatile __u64 *)&fx.gate->lease_jiffies, j = jiffies_now();

		if (now_ns() >= due || !l)
			break;
		lease = l;
		before = j;
		usleep(200);
	}
	UNTIL(!fx.gate->armed);
	after = jiffies_now();
	assert_true(lease > before);
	assert_true(lease <= after + 2);
}

static void test_heart_rate(void **state)
{
	(void)state;
	fx.config.stress_wait_ns = MS;
	set_config();
	beat_now();
	/* nothing may be acted on: one pulse a window is the fastest */
	UNTIL(fx.gate->period_ns == fx.config.window_ns);
	arm();
	heartbeat(60 * SEC_NS);
	feed(HS_CLASS_NORMAL, 2 * MS, 1);
	UNTIL(fx.gate->period_ns == MS);
	/* each calm quarter of a second doubles it: two steps are enough to see */
	UNTIL(fx.gate->period_ns == 4 * MS);
	feed(HS_CLASS_NORMAL, 2 * MS, 1);
	UNTIL(fx.gate->period_ns == MS);
	fx.config.period_max_ns = 2 * MS;
	set_config();
	UNTIL(fx.gate->period_ns == 2 * MS);
	fx.config.stress_switches_hz = 1000;
	set_config();
	WAIT_UNTIL(fx.gate->period_ns == MS, *counter(HS_COUNT_SWITCH) += 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_quantiles), TEST(test_absent),	 TEST(test_few),
		TEST(test_rates),     TEST(test_lease_and_trip), TEST(test_foreign_trip),
		TEST(test_lease_end), TEST(test_heart_rate),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("pulse", tests, NULL, NULL);
}
