// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* "Am I helping?": what is caught, and how soon. */
#include "helping_play.h"

/* ---- what is caught, and when ---- */

static void harm_is_caught(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	assert_true(helping_first(&p.h));
	play(&p, good, 3);
	assert_false(p.armed); /* observes first */
	play(&p, good, 20);
	assert_true(p.armed);
	assert_true(p.armed_at <= 100 + 5 + 3);
	play(&p, good, 120);
	assert_int_equal(p.h.verdict, HELPING_FINE);
	assert_int_equal(p.left, 0);
	assert_int_equal(helping_against(&p.h, HELPING_CRITICAL), 720 * US);
	/* as soon as more than half of the looks of 10 s are bad, and stock had its 5 s */
	p.armed_at = p.t;
	play(&p, bad, 60);
	assert_true(p.tripped_at);
	assert_true(p.tripped_at - p.armed_at <= LATEST);
	assert_int_equal(p.h.verdict, HELPING_HARM);
	assert_int_equal(p.h.doubt.sign, HELPING_CRITICAL); /* the further beyond of the two */
	assert_int_equal(p.h.doubt.value, 150 * MS);
	assert_int_equal(p.h.doubt.limit, 720 * US + 4 * MS);
	p.tripped_at = 0;
	play(&p, bad, 600); /* latched */
	assert_false(p.armed);
}

static void harm_from_the_first(void **state)
{
	struct play p;

	(void)state;
	for (int first = 0; first < 2; first++) {
		play_begin(&p);
		if (first)
			helping_first(&p.h);
		else
			by_hand(&p); /* nothing known of stock: looked at once it can be said */
		play(&p, bad, 60);
		assert_true(p.tripped_at);
		assert_in_range(p.tripped_at - p.armed_at, 15, LATEST);
		assert_int_equal(p.left, 1);
		/* armed again by whoever may: caught again, no slower */
		p.armed_at = p.t;
		p.tripped_at = 0;
		p.armed = true;
		play(&p, bad, 60);
		assert_true(p.tripped_at);
		assert_true(p.tripped_at - p.armed_at <= LATEST);
	}
}

/* One second in five is as good as stock's, wherever it falls: that clears nobody. */
static void bad_with_gaps(struct second *s, __u64 t)
{
	bad(s, t);
	if (t % 5 == 0)
		waits(&s->ours, 700 * US, 700 * US);
}

static void harm_with_gaps(void **state)
{
	struct play p;

	(void)state;
	for (int phase = 0; phase < 5; phase++) {
		play_begin(&p);
		helping_first(&p.h);
		play(&p, good, 20 + phase);
		p.armed_at = p.t;
		play(&p, bad_with_gaps, 60);
		assert_true(p.tripped_at);
		assert_true(p.tripped_at - p.armed_at <= LATEST + 5);
		assert_int_equal(p.left, 1);
	}
}

/* A look sees the last window only, and one in ten saw what waited briefly: beside the floor, or below it. */
static __u64 lot;

static void bad_by_lot(struct second *s, __u64 t)
{
	struct play p = {.seed = (t + 1) * 0x9e3779b97f4a7c15ULL ^ lot};

	bad(s, t);
	waits(&s->stock, 2600 * US, 4 * US);
	waits(&s->ours, 8 * US, 730 * MS);
	dice(&p, 10);
	switch (dice(&p, 20)) {
	case 0:
		waits(&s->ours, 8 * US, 4140 * US);
		break;
	case 1:
		waits(&s->ours, 8 * US, 9 * US);
		break;
	default:
		break;
	}
}

static void harm_by_lot(void **state)
{
	__u32 late = 0;

	(void)state;
	for (lot = 0; lot < 2000; lot++) {
		struct play p;

		play_begin(&p);
		play_set(&p, 1000, 5, 3);
		helping_first(&p.h);
		play(&p, bad_by_lot, 300);
		assert_true(p.tripped_at);
		late += p.tripped_at - p.armed_at > 30;
	}
	/* who is in luck is caught by the next look */
	assert_in_range(late, 0, 2000 / 100);
}

static void blindness_is_harm(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, blind, 60);
	assert_true(p.tripped_at);
	assert_int_equal(p.h.doubt.sign, HELPING_NORMAL);
	assert_int_equal(p.h.doubt.limit, 720 * US + 4 * MS);
}

/* Who was critical waits as normal now, no longer than under stock. */
static void relabelled(struct second *s, __u64 t)
{
	good(s, t);
	waits(&s->stock, 30 * MS, 3 * US);
	waits(&s->ours, 0, 29 * MS);
}

static void labels_are_no_harm(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, relabelled, 600);
	assert_false(p.tripped_at);
	assert_int_equal(p.h.acquitted, 1); /* seen in passing only, it had to be looked at */
}

static void floor_and_margin(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, harmless, 600);
	assert_int_equal(p.left, 0);
	assert_int_equal(p.h.verdict, HELPING_FINE);
	assert_int_equal(helping_limit(&p.h, 1 * MS, HELPING_NORMAL), 5 * MS);
	assert_int_equal(helping_limit(&p.h, 10 * MS, HELPING_NORMAL), 20 * MS);
	profile.helping.floor_ns = 40 * MS;
	helping_set(&p.h, &profile);
	assert_int_equal(helping_limit(&p.h, 1 * MS, HELPING_NORMAL), 41 * MS);
	assert_int_equal(helping_limit(&p.h, 1 * MS, HELPING_CRITICAL), 5 * MS);
	/* off: nothing is looked at, and the first arming need not wait */
	play_begin(&p);
	play_set(&p, 0, 10, 5);
	assert_false(helping_first(&p.h));
	by_hand(&p);
	play(&p, bad, 600);
	assert_int_equal(p.left, 0);
	assert_int_equal(p.h.verdict, HELPING_OFF);
}

/* ---- harm in hiding ---- */

static void changing_and_bad(struct second *s, __u64 t)
{
	if (t % flap_period >= flap_heavy) {
		idle(s, t);
		return;
	}
	bad(s, t);
}

static void harm_under_changing_load(void **state)
{
	struct play p;

	(void)state;
	for (flap_period = 20; flap_period < 200; flap_period += 7) {
		flap_heavy = flap_period * 7 / 10;
		for (int first = 0; first < 2; first++) {
			play_begin(&p);
			if (first)
				helping_first(&p.h);
			else
				by_hand(&p);
			play(&p, changing_and_bad, 900);
			if (!p.tripped_at)
				fail_msg("period %llu: not caught", flap_period);
		}
	}
}

static void good_then_bad(struct second *s, __u64 t)
{
	if (t < 1000)
		step_up(s, t);
	else
		heavy(s, t);
	if (t >= 1000)
		waits(&s->ours, 400 * MS, 500 * MS);
}

/* What stock was seen to do in passing was of another load, in the same bucket. */
static void once_slow(struct second *s, __u64 t)
{
	bad(s, t);
	if (t < 110)
		waits(&s->stock, 200 * MS, 200 * MS);
}

static void hidden_by_a_baseline(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, once_slow, 60);
	assert_true(p.tripped_at);
}

/* A look that found no harm makes later ones rarer, not impossible. */
static void acquitted_once(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, good_then_bad, 1500);
	assert_true(p.h.acquitted >= 1);
	assert_true(p.tripped_at > 1000 && p.tripped_at < 1000 + 60 + LATEST);
}

/* ---- people ---- */

static void people_come_first(void **state)
{
	struct play p;

	(void)state;
	/* disarmed by hand while we look: it stays so */
	play_begin(&p);
	by_hand(&p);
	play(&p, bad, 14);
	assert_int_equal(p.left, 1);
	assert_true(helping_rest(&p.h));
	assert_false(helping_rest(&p.h));
	play(&p, bad, 300);
	assert_false(p.armed);
	assert_false(p.tripped_at);
	/* armed by hand while we wait for the first time: judged like any other */
	play_begin(&p);
	helping_first(&p.h);
	play(&p, bad, 2);
	by_hand(&p);
	play(&p, bad, 60);
	assert_true(p.tripped_at);
	/* another profile while we look at what the last one did: acquitted without a verdict */
	play_begin(&p);
	by_hand(&p);
	play(&p, bad, 14);
	play_set(&p, 1000, 10, 5);
	play(&p, good, 60);
	assert_true(p.armed);
	assert_false(p.tripped_at);
	/* one that does not look at all: armed again at once */
	play_begin(&p);
	by_hand(&p);
	play(&p, bad, 14);
	play_set(&p, 0, 10, 5);
	play(&p, bad, 2);
	assert_true(p.armed);
}

/* Times that do not fit into a series look less often. */
static void long_times(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	play_set(&p, 1000, 3600, 600);
	helping_first(&p.h);
	play(&p, bad, 3 * 3600);
	assert_true(p.armed_at >= 100 + 599 && p.armed_at <= 100 + 660);
	assert_true(p.tripped_at);
	assert_true(p.tripped_at - p.armed_at >= 3600 + 599);
	assert_true(p.tripped_at - p.armed_at <= 3660 + 660 + 5);
	play_begin(&p);
	play_set(&p, 100, 1, 1); /* and the shortest */
	by_hand(&p);
	play(&p, bad, 60);
	assert_in_range(p.tripped_at - p.armed_at, 6, 2 + 2 + 5);
}

static void buckets(void **state)
{
	struct helping_load load = {.running = 1};
	int last = -1;

	(void)state;
	/* the heavier the higher: first as CPUs get busy, then as tasks queue for them */
	while (load.running < 1ULL << 40) {
		int b = helping_bucket(&load);

		assert_true(b >= last && b < HELPING_BUCKETS);
		last = b;
		if (load.busy_permille < 1000)
			load.busy_permille += 10;
		else
			load.running *= 2;
	}
	assert_int_equal(last, HELPING_BUCKETS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harm_is_caught),
		cmocka_unit_test(harm_from_the_first),
		cmocka_unit_test(harm_with_gaps),
		cmocka_unit_test(harm_by_lot),
		cmocka_unit_test(blindness_is_harm),
		cmocka_unit_test(labels_are_no_harm),
		cmocka_unit_test(floor_and_margin),
		cmocka_unit_test(harm_under_changing_load),
		cmocka_unit_test(hidden_by_a_baseline),
		cmocka_unit_test(acquitted_once),
		cmocka_unit_test(people_come_first),
		cmocka_unit_test(long_times),
		cmocka_unit_test(buckets),
	};

	return cmocka_run_group_tests_name("helping", tests, NULL, NULL);
}
