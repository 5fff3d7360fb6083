// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* "Am I helping?" against played hosts: a world says what each second would be like under stock and us. */
#include "fixture.h"

#include "helping.h"

#define S 1000000000ULL
#define MS 1000000ULL
#define US 1000ULL
/* seconds from harm to trip: for, observe, proof, each with one to settle */
#define LATEST (11 + 6 + 5)

static struct profile profile; /* stock's: margin 100 %, for 10 s, observe 5 s */

/* One played second. */
struct second {
	struct helping_figure stock, ours;
};
typedef void (*world_fn)(struct second *s, __u64 t);

struct play {
	struct helping h;
	bool armed, wants; /* wants: we are to act, whoever looks at stock in between */
	__u64 t;
	__u64 armed_at, tripped_at, left; /* seconds; how often we left */
	__u64 out;			  /* seconds without us after the first arming */
	__u64 seed;			  /* not 0 */
};

/* xorshift64*: every so many draws of a plain congruential generator are alike. */
static __u64 dice(struct play *p, __u64 faces)
{
	p->seed ^= p->seed >> 12;
	p->seed ^= p->seed << 25;
	p->seed ^= p->seed >> 27;
	return (p->seed * 2685821657736338717ULL >> 32) % faces;
}

static void play_begin(struct play *p)
{
	memset(p, 0, sizeof(*p));
	p->seed = 7;
	p->t = 100;
	profile_stock(&profile);
	helping_set(&p->h, &profile);
}

static void play_set(struct play *p, __u64 margin, __u64 for_s, __u64 observe_s)
{
	profile.helping = (struct profile_helping){margin, for_s * S, observe_s * S};
	helping_set(&p->h, &profile);
}

/* Goes on for so many seconds, or until a trip. */
static void play(struct play *p, world_fn world, __u64 seconds)
{
	for (__u64 end = p->t + seconds; p->t < end && !p->tripped_at; p->t++) {
		struct second s = {0};

		world(&s, p->t);
		p->out += p->armed_at && !p->armed;
		switch (helping_look(&p->h, p->armed ? &s.ours : &s.stock, p->armed, p->t * S)) {
		case HELPING_ARM:
			assert_false(p->armed);
			p->armed = true;
			if (!p->armed_at)
				p->armed_at = p->t;
			break;
		case HELPING_LEAVE:
			assert_true(p->armed);
			p->armed = false;
			p->left++;
			break;
		case HELPING_TRIP:
			assert_true(p->armed);
			p->armed = false;
			p->tripped_at = p->t;
			break;
		default:
			break;
		}
	}
}

static void by_hand(struct play *p)
{
	p->armed = true;
	p->armed_at = p->t;
}

static void waits(struct helping_figure *f, __u64 critical, __u64 normal)
{
	f->present[HELPING_CRITICAL] = critical;
	f->present[HELPING_NORMAL] = normal;
	f->wait_ns[HELPING_CRITICAL] = critical;
	f->wait_ns[HELPING_NORMAL] = normal;
}

static void both_load(struct second *s, __u64 running, __u64 busy, __u64 switches)
{
	s->stock.load = s->ours.load = (struct helping_load){running, busy, switches};
}

/* ---- worlds ---- */

static void idle(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 0, 10, 50);
	waits(&s->stock, 300 * US, 100 * US);
	waits(&s->ours, 5 * US, 100 * US);
}

/* Four hogs and a probe, which stock lets wait a little and we do not. */
static void good(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 4, 1000, 3500);
	waits(&s->stock, 720 * US, 3 * MS);
	waits(&s->ours, 8 * US, 3 * MS);
}

/* The same, and we let everybody wait. */
static void bad(struct second *s, __u64 t)
{
	good(s, t);
	waits(&s->ours, 150 * MS, 170 * MS);
	s->ours.load.running = 5; /* the probe, too */
	s->ours.load.switches_hz = 40;
}

/* Bad, and nothing is critical any more. */
static void blind(struct second *s, __u64 t)
{
	bad(s, t);
	waits(&s->stock, 720 * US, 0);
	waits(&s->ours, 0, 60 * MS);
}

/* A load under which everybody waits long, whoever schedules. */
static void heavy(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 40, 1000, 20000);
	waits(&s->stock, 30 * MS, 90 * MS);
	waits(&s->ours, 28 * MS, 95 * MS);
}

static void harmless(struct second *s, __u64 t)
{
	good(s, t);
	waits(&s->stock, 5 * US, 5 * US);
	waits(&s->ours, 900 * US, 900 * US); /* 180 times as long, and still nobody's harm */
}

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
	/* latched: nothing is done by itself any more, and stock is learnt on */
	p.tripped_at = 0;
	play(&p, bad, 600);
	assert_false(p.armed);
	assert_int_equal(p.h.verdict, HELPING_HARM);
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
	assert_int_equal(p.left, 0);
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
	/* off: nothing is looked at, and the first arming need not wait */
	play_begin(&p);
	play_set(&p, 0, 10, 5);
	assert_false(helping_first(&p.h));
	by_hand(&p);
	play(&p, bad, 600);
	assert_int_equal(p.left, 0);
	assert_int_equal(p.h.verdict, HELPING_OFF);
	/* margin 1000 %: ten times as bad is not enough more */
	play_begin(&p);
	play_set(&p, 10000, 10, 5);
	by_hand(&p);
	play(&p, heavy, 600);
	assert_int_equal(p.left, 1);
	assert_int_equal(p.h.acquitted, 1);
}

/* ---- what is no harm ---- */

static void step_up(struct second *s, __u64 t)
{
	if (t < 150)
		idle(s, t);
	else
		heavy(s, t);
}

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
	assert_int_equal(p.left, 0);
	/* an hour later nobody knows any more what stock would do */
	play(&p, heavy, 10);
	assert_int_equal(helping_stock(&p.h, HELPING_NORMAL, (p.t + 3700) * S), 0);
}

static __u64 flap_period, flap_heavy;

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
				fail_msg("period %llu, heavy %llu: tripped at %llu, left %llu "
					 "times, away %llu s",
					 flap_period, flap_heavy, p.tripped_at, p.left, p.out);
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
			fail_msg("seed %u: tripped after %llu s: sign %d, %llu ns above %llu, as "
				 "for stock %llu",
				 seed, p.tripped_at, p.h.doubt.sign, p.h.doubt.value,
				 p.h.doubt.limit, helping_against(&p.h, p.h.doubt.sign));
		assert_true(p.out < 180); /* of an hour */
		left += p.left;
	}
	assert_true(left); /* or nothing was tried here */
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
				fail_msg("period %llu: not caught; left %llu, undecided %llu",
					 flap_period, p.left, p.h.undecided);
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
	/* armed by hand while we look: judged anew */
	play_begin(&p);
	by_hand(&p);
	play(&p, bad, 14);
	p.armed = true;
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
	/* and the shortest */
	play_begin(&p);
	play_set(&p, 100, 1, 1);
	helping_first(&p.h);
	play(&p, bad, 60);
	assert_true(p.tripped_at && p.tripped_at - p.armed_at <= 2 + 2 + 5);
}

static void buckets(void **state)
{
	int last = -1;

	(void)state;
	for (__u64 busy = 0; busy <= 1000; busy += 10) {
		struct helping_load load = {.running = 1, .busy_permille = busy};
		int b = helping_bucket(&load);

		assert_true(b >= last && b <= 4);
		last = b;
	}
	for (__u64 running = 1; running < 1ULL << 40; running *= 2) {
		struct helping_load load = {running, 1000, 0};
		int b = helping_bucket(&load);

		assert_true(b >= last && b < HELPING_BUCKETS);
		last = b;
	}
	assert_int_equal(last, HELPING_BUCKETS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harm_is_caught),
		cmocka_unit_test(harm_from_the_first),
		cmocka_unit_test(blindness_is_harm),
		cmocka_unit_test(labels_are_no_harm),
		cmocka_unit_test(floor_and_margin),
		cmocka_unit_test(load_change_is_no_harm),
		cmocka_unit_test(flapping_is_no_harm),
		cmocka_unit_test(noise_is_no_harm),
		cmocka_unit_test(harm_under_changing_load),
		cmocka_unit_test(acquitted_once),
		cmocka_unit_test(lighter_is_no_proof),
		cmocka_unit_test(looks_are_rationed),
		cmocka_unit_test(people_come_first),
		cmocka_unit_test(long_times),
		cmocka_unit_test(buckets),
	};

	return cmocka_run_group_tests_name("helping", tests, NULL, NULL);
}
