// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* "Am I helping?": noise and changes of load are not taken for harm. */
#include "helping_play.h"

/* ---- what is no harm ---- */

static void step_down(struct second *s, __u64 t)
{
	if (t < 150)
		heavy(s, t);
	else
		idle(s, t);
}

static void load_change_is_no_harm(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	helping_first(&p.h);
	play(&p, step_up, 600);
	assert_false(p.tripped_at);
	assert_true(p.armed);
	assert_int_equal(p.left, 1); /* stock was looked at once: now it is known */
	assert_int_equal(p.h.acquitted, 1);
	assert_int_equal(p.h.verdict, HELPING_FINE);
	assert_int_equal(helping_stock(&p.h, HELPING_NORMAL, p.t * S), 90 * MS);
	play_begin(&p);
	helping_first(&p.h);
	play(&p, step_down, 600);
	assert_int_equal(p.left, 1);
	assert_int_equal(helping_stock(&p.h, HELPING_NORMAL, (p.t + 3700) * S), 0); /* forgotten */
}

static void flapping(struct second *s, __u64 t)
{
	if (t % flap_period < flap_heavy)
		heavy(s, t);
	else
		idle(s, t);
}

/* At whatever rhythm, in whatever phase: no trip, and little time away. */
static void flapping_is_no_harm(void **state)
{
	struct play p;

	(void)state;
	for (flap_period = 2; flap_period < 130; flap_period += 3) {
		for (int tenth = 1; tenth < 10; tenth++) {
			flap_heavy = flap_period * tenth / 10;
			play_begin(&p);
			if (flap_period & 1)
				helping_first(&p.h);
			else
				by_hand(&p);
			play(&p, flapping, 3600);
			if (p.tripped_at || p.left > 12 || p.out > 36 * 4)
				fail_msg("period %llu, heavy %llu: tripped at %llu, left %llu",
					 flap_period, flap_heavy, p.tripped_at, p.left);
		}
	}
}

static struct play *noisy_play;

/* Loads that come and go, each figure with its own noise and now and then far out, ours like stock's. */
static void noisy(struct second *s, __u64 t)
{
	static const world_fn worlds[] = {idle, good, heavy, good};
	struct play *p = noisy_play;
	struct helping_figure *f[2] = {&s->stock, &s->ours};

	worlds[(t / 37 + t / 91) % 4](s, t);
	for (int i = 0; i < 2; i++) {
		for (int sign = 0; sign < HELPING_SIGNS; sign++) {
			__u64 *wait = &f[i]->wait_ns[sign];

			*wait = *wait * (700 + dice(p, 700)) / 1000;
			if (!dice(p, 8))
				*wait = *wait * 20 + 20 * MS;
			f[i]->present[sign] = dice(p, 6);
		}
		f[i]->load.running = f[i]->load.running * (500 + dice(p, 1000)) / 1000;
	}
}

static void noise_is_no_harm(void **state)
{
	__u64 left = 0;
	struct play p;

	(void)state;
	for (__u32 seed = 1; seed <= 40; seed++) {
		play_begin(&p);
		p.seed = seed;
		noisy_play = &p;
		helping_first(&p.h);
		play(&p, noisy, 3600);
		if (p.tripped_at)
			fail_msg("seed %u: tripped after %llu s", seed, p.tripped_at);
		assert_true(p.out < 180); /* of an hour */
		left += p.left;
	}
	assert_true(left); /* or nothing was tried */
}

/* Figures of a service that is mostly quick and now and then very slow: each doubling half as often. */
static __u64 tailed(struct play *p, __u64 least_ns)
{
	__u64 doublings = 0;

	while (doublings < 8 && dice(p, 2))
		doublings++;
	return (least_ns << doublings) * (700 + dice(p, 600)) / 1000;
}

static __u64 tails_times; /* ours are that much longer, permille */

static void tails(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 4, 1000, 3500);
	waits(&s->stock, tailed(noisy_play, 10 * MS), tailed(noisy_play, 20 * MS));
	waits(&s->ours, tailed(noisy_play, 10 * MS) * tails_times / 1000,
	      tailed(noisy_play, 20 * MS) * tails_times / 1000);
}

#define TAILED_HOURS 100

/* Played hours that end in a trip. */
static int tripped_hours(__u64 times, __u64 margin, __u64 observe_s)
{
	struct play p;
	int tripped = 0;

	tails_times = times;
	for (__u32 seed = 1; seed <= TAILED_HOURS; seed++) {
		play_begin(&p);
		play_set(&p, margin, 10, observe_s);
		p.seed = seed * 0x9E3779B97F4A7C15ULL;
		noisy_play = &p;
		helping_first(&p.h);
		play(&p, tails, 3600);
		tripped += p.tripped_at != 0;
	}
	return tripped;
}

/* No proof is free of error under such tails: it is to be rare without harm, and to find out what harms much. */
static void tails_are_seldom_harm(void **state)
{
	(void)state;
	assert_in_range(tripped_hours(1000, 1000, 5), 0, 4);
	assert_in_range(tripped_hours(1000, 500, 3), 0, 4);
	assert_in_range(tripped_hours(3000, 1000, 5), 70, TAILED_HOURS);
	assert_in_range(tripped_hours(8000, 1000, 5), 95, TAILED_HOURS);
}

static void ends_at_the_look(struct second *s, __u64 t)
{
	if (t < 112)
		heavy(s, t);
	else
		idle(s, t);
	waits(&s->stock, 5 * US, 5 * US);
}

/* The load is gone when stock is looked at: that stock is better then says nothing. */
static void lighter_is_no_proof(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	by_hand(&p);
	play(&p, ends_at_the_look, 300);
	assert_false(p.tripped_at);
	assert_true(p.armed);
	assert_int_equal(p.left, 1);
	assert_int_equal(p.h.undecided, 1);
	assert_true(p.out <= 3 * 5 + 3);
}

/* Rationed: a minute, two, four … for a load under which stock swings, worse one day and better the next. */
static void swinging(struct second *s, __u64 t)
{
	heavy(s, t);
	waits(&s->ours, 200 * MS, 500 * MS);
	if (!noisy_play->armed)
		waits(&s->stock, 150 * MS, 400 * MS);
	if (noisy_play->h.phase == PHASE_ARMED) /* what was learnt is far below */
		for (int i = 0; i < HELPING_BUCKETS; i++)
			noisy_play->h.base[i].stock.wait_ns[HELPING_NORMAL] = 1 * MS,
			noisy_play->h.base[i].stock.wait_ns[HELPING_CRITICAL] = 1 * MS;
}

static void looks_are_rationed(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p);
	noisy_play = &p;
	helping_first(&p.h);
	play(&p, swinging, 3600);
	assert_false(p.tripped_at);
	assert_int_equal(p.left, 6); /* at 0, 1, 3, 7, 15, 31 minutes, and a little */
	assert_int_equal(p.h.verdict, HELPING_WORSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_change_is_no_harm), cmocka_unit_test(flapping_is_no_harm),
		cmocka_unit_test(noise_is_no_harm),	  cmocka_unit_test(lighter_is_no_proof),
		cmocka_unit_test(looks_are_rationed),	  cmocka_unit_test(tails_are_seldom_harm),
	};

	return cmocka_run_group_tests_name("helping, calm", tests, NULL, NULL);
}
