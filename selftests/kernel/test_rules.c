// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The reflex within the pulse: wishes, rules, freeze, advice, events. */
#include "pulse_fixture.h"

static void test_wish(void **state)
{
	struct hs_event *e;
	__u64 start;

	(void)state;
	arm();
	UNTIL(fx.gate->lease_jiffies);
	set_wish(HS_KNOB_SLICE_BATCH, 7000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 7000);
	UNTIL(event(HS_EVENT_KNOB));
	e = event(HS_EVENT_KNOB);
	assert_int_equal(e->id, HS_KNOB_SLICE_BATCH);
	assert_int_equal(e->cause, HS_CAUSE_WISH);
	assert_int_equal(e->from, 5000);
	assert_int_equal(e->to, 7000);
	/* out of bounds: to the bound */
	set_wish(HS_KNOB_SLICE_BATCH, 1000000000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 100000);
	set_wish(HS_KNOB_SLICE_BATCH, 0, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 500);
	/* slew: 10000/s, 5 ms of it in hand at most */
	set_bound(HS_KNOB_SLICE_BATCH, (struct hs_bound){500, 100000, 5000, 10000});
	start = now_ns();
	set_wish(HS_KNOB_SLICE_BATCH, 1500, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 1500);
	assert_true(now_ns() - start >= 90 * MS);
}

static struct hs_rule cut_rule(void)
{
	return (struct hs_rule){
		.vital = HS_VITAL_WAIT_CRITICAL_P99,
		.knob = HS_KNOB_SLICE_BATCH,
		.kind = HS_RULE_AIMD,
		.low = 20000,
		.high = 100000,
		.gain_up = 500,
		.gain_down = 400,
	};
}

static void test_aimd(void **state)
{
	struct hs_rule r = cut_rule();
	struct hs_event *e;

	(void)state;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	/* one bad sample is enough with hold 0; it is not waited for more */
	feed(HS_CLASS_CRITICAL, 500000, 1);
	UNTIL(KNOB(SLICE_BATCH)->value == 4000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_REFLEX);
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 0);
	UNTIL(event(HS_EVENT_REFLEX));
	e = event(HS_EVENT_REFLEX);
	assert_int_equal(e->id, HS_KNOB_SLICE_BATCH);
	assert_int_equal(e->vital, HS_VITAL_WAIT_CRITICAL_P99);
	assert_int_equal(e->cause, HS_CAUSE_REFLEX);
	assert_int_equal(e->from, 8000);
	assert_int_equal(e->to, 4000);
	assert_near(e->value, 500000);
	assert_true(e->latency_ns > 0 && e->latency_ns < 100 * MS);
	/* in between: it rests */
	WAIT_UNTIL(VITAL(WAIT_CRITICAL_P99)->value < 100000, feed(HS_CLASS_CRITICAL, 50000, 50));
	assert_int_equal(KNOB(SLICE_BATCH)->value, 4000);
	/* calm: back to the base, not beyond */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 8000, feed(HS_CLASS_CRITICAL, 5000, 50));
	/* and down to the bound when it never ends */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 500, feed(HS_CLASS_CRITICAL, 5 * MS, 2));
}

/* Distress while the knob is on its way from stock to its base: it gets there all the same. */
static void test_on_its_way(void **state)
{
	struct hs_rule r = cut_rule();

	(void)state;
	r.cooldown_ns = 10 * SEC_NS; /* one step */
	set_bound(HS_KNOB_SLICE_BATCH, (struct hs_bound){500, 100000, 5000, 10000});
	set_rules(&r, 1);
	arm();
	UNTIL(fx.gate->lease_jiffies);
	set_wish(HS_KNOB_SLICE_BATCH, 600, HS_CAUSE_PROFILE);
	UNTIL(KNOB(SLICE_BATCH)->value < 5000);
	assert_true(KNOB(SLICE_BATCH)->value > 4000); /* so half of it is above 600 */
	WAIT_UNTIL(VITAL(WAIT_CRITICAL_P99)->value > r.high, feed(HS_CLASS_CRITICAL, 500000, 5));
	UNTIL(KNOB(SLICE_BATCH)->value == 600);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PROFILE);
}

/* Two rules on one knob: as long as one of them is in distress, the other does not let go. */
static void test_two_rules(void **state)
{
	struct hs_rule r[2] = {cut_rule(), cut_rule()};

	(void)state;
	r[0].vital = HS_VITAL_WAIT_NORMAL_P99; /* calm throughout */
	r[1].cooldown_ns = 10 * SEC_NS;
	set_rules(r, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	feed(HS_CLASS_CRITICAL, 500000, 1);
	UNTIL(KNOB(SLICE_BATCH)->value == 4000);
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 1);
	for (unsigned i = 0; i < 10; i++) {
		__u64 seen = VITAL(SWITCHES)->updated_ns;

		WAIT_UNTIL(VITAL(SWITCHES)->updated_ns != seen, feed(HS_CLASS_CRITICAL, 50000, 5));
		assert_int_equal(KNOB(SLICE_BATCH)->value, 4000);
	}
	/* the second one calm as well, but in its cooldown: the first lets go */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 8000, feed(HS_CLASS_CRITICAL, 5000, 50));
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 0);
}

static void test_proportional(void **state)
{
	struct hs_rule r = cut_rule();

	(void)state;
	r.kind = HS_RULE_PROPORTIONAL;
	r.gain_up = -1000;
	r.cooldown_ns = 10 * SEC_NS; /* one step */
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 50000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 50000);
	feed(HS_CLASS_CRITICAL, 300000, 200); /* excess 2: bucket 262144 … 327679, so 1.6 … 2.3 */
	UNTIL(event(HS_EVENT_REFLEX));
	assert_in_range(event(HS_EVENT_REFLEX)->to, 50000 - 2300, 50000 - 1600);
	UNTIL(KNOB(SLICE_BATCH)->value == event(HS_EVENT_REFLEX)->to);
}

static void test_hold_and_cooldown(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 start, first;

	(void)state;
	r.hold_ns = 40 * MS;
	r.cooldown_ns = 60 * MS;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 64000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 64000);
	start = now_ns();
	WAIT_UNTIL(event_count(HS_EVENT_REFLEX) >= 1, feed(HS_CLASS_CRITICAL, 500000, 1));
	first = event(HS_EVENT_REFLEX)->ts_ns;
	assert_true(first - start >= 40 * MS);
	/* the reaction time counts from the window of the crossing, hold included */
	assert_true(event(HS_EVENT_REFLEX)->latency_ns >= 40 * MS);
	WAIT_UNTIL(event_count(HS_EVENT_REFLEX) >= 2, feed(HS_CLASS_CRITICAL, 500000, 1));
	assert_true(now_ns() - first >= 60 * MS);
}

static void test_freeze(void **state)
{
	struct hs_rule r = cut_rule();
	bool bad = true;

	(void)state;
	fx.config.freeze_turns = 3;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	WAIT_UNTIL(KNOB(SLICE_BATCH)->frozen, {
		if (KNOB(SLICE_BATCH)->value <= 4000)
			bad = false;
		if (KNOB(SLICE_BATCH)->value >= 7900)
			bad = true;
		feed(HS_CLASS_CRITICAL, bad ? 500000 : 5000, bad ? 1 : 50);
	});
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_FROZEN);
	UNTIL(event(HS_EVENT_FREEZE));
	assert_int_equal(event(HS_EVENT_FREEZE)->to, 5000);
	/* neither wish nor rule moves it … */
	set_wish(HS_KNOB_SLICE_BATCH, 9000, HS_CAUSE_WISH);
	set_wish(HS_KNOB_SLICE_NORMAL, 9000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_NORMAL)->value == 9000);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	/* … until the next arming */
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 9000);
	assert_int_equal(KNOB(SLICE_BATCH)->frozen, 0);
}

/* Advise: the same steps, as advice; no knob moves. Observe: not even that. */
static void test_advise(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 seen;

	(void)state;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	beat_now();
	feed(HS_CLASS_CRITICAL, 500000, 200);
	UNTIL(VITAL(WAIT_CRITICAL_P99)->present);
	seen = VITAL(SWITCHES)->updated_ns;
	UNTIL(VITAL(SWITCHES)->updated_ns != seen);
	ring_buffer__consume(fx.rb);
	assert_int_equal(fx.events_nr, 0);
	fx.gate->mode = HS_MODE_ADVISE;
	beat_now();
	WAIT_UNTIL(event_count(HS_EVENT_ADVICE) >= 2, feed(HS_CLASS_CRITICAL, 500000, 1));
	assert_int_equal(event(HS_EVENT_ADVICE)->cause, HS_CAUSE_PROFILE);
	assert_int_equal(event_count(HS_EVENT_REFLEX) + event_count(HS_EVENT_KNOB), 0);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_STOCK);
}

/* A full ring loses events and counts them; the pulse goes on. */
static void test_events_lost(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 lost;

	(void)state;
	r.kind = HS_RULE_PROPORTIONAL;
	r.gain_up = 1;
	r.gain_down = 100000;
	set_rules(&r, 1);
	arm();
	fx.gate->mode = HS_MODE_ADVISE; /* no matter which; every step is an event */
	for (unsigned i = 0; i < 6000 && !fx.gate->events_lost; i++) {
		set_wish(HS_KNOB_SLICE_BATCH, 1000 + i % 2, HS_CAUSE_WISH);
		set_wish(HS_KNOB_SLICE_NORMAL, 1000 + i % 2, HS_CAUSE_WISH);
		beat_now();
		lost = VITAL(SWITCHES)->updated_ns;
		if (i % 16 == 0)
			UNTIL(VITAL(SWITCHES)->updated_ns != lost);
		usleep(20);
	}
	assert_true(fx.gate->events_lost > 0);
	lost = VITAL(SWITCHES)->updated_ns;
	UNTIL(VITAL(SWITCHES)->updated_ns != lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wish),
		TEST(test_aimd),
		TEST(test_proportional),
		TEST(test_on_its_way),
		TEST(test_two_rules),
		TEST(test_freeze),
		TEST(test_hold_and_cooldown),
		TEST(test_advise),
		TEST(test_events_lost),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
