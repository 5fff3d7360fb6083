/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Played hosts for "Am I helping?": a world says what each second would be like under stock and under us.
 */
#ifndef HOMEOSTAT_HELPING_PLAY_H
#define HOMEOSTAT_HELPING_PLAY_H

#include "fixture.h"

#include "helping.h"

#define S 1000000000ULL
#define MS 1000000ULL
#define US 1000ULL
/* seconds from harm to trip: for, observe, proof, each with one to settle */
#define LATEST (11 + 6 + 6)

static __u64 flap_period, flap_heavy; /* seconds: a world that comes and goes */

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
static inline __u64 dice(struct play *p, __u64 faces)
{
	p->seed ^= p->seed >> 12;
	p->seed ^= p->seed << 25;
	p->seed ^= p->seed >> 27;
	return (p->seed * 2685821657736338717ULL >> 32) % faces;
}

static inline void play_begin(struct play *p)
{
	memset(p, 0, sizeof(*p));
	p->seed = 7;
	p->t = 100;
	profile_stock(&profile);
	helping_set(&p->h, &profile);
}

static inline void play_set(struct play *p, __u64 margin, __u64 for_s, __u64 observe_s)
{
	profile.helping = (struct profile_helping){margin, 4 * MS, for_s * S, observe_s * S};
	helping_set(&p->h, &profile);
}

/* Goes on for so many seconds, or until a trip. */
static inline void play(struct play *p, world_fn world, __u64 seconds)
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

static inline void by_hand(struct play *p)
{
	p->armed = true;
	p->armed_at = p->t;
}

static inline void waits(struct helping_figure *f, __u64 critical, __u64 normal)
{
	f->present[HELPING_CRITICAL] = critical;
	f->present[HELPING_NORMAL] = normal;
	f->wait_ns[HELPING_CRITICAL] = critical;
	f->wait_ns[HELPING_NORMAL] = normal;
}

static inline void both_load(struct second *s, __u64 running, __u64 busy, __u64 switches)
{
	s->stock.load = s->ours.load = (struct helping_load){running, busy, switches};
}

/* ---- worlds ---- */

static inline void idle(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 0, 10, 50);
	waits(&s->stock, 300 * US, 100 * US);
	waits(&s->ours, 5 * US, 100 * US);
}

/* Four hogs and a probe, which stock lets wait a little and we do not. */
static inline void good(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 4, 1000, 3500);
	waits(&s->stock, 720 * US, 3 * MS);
	waits(&s->ours, 8 * US, 3 * MS);
}

/* The same, and we let everybody wait. */
static inline void bad(struct second *s, __u64 t)
{
	good(s, t);
	waits(&s->ours, 150 * MS, 170 * MS);
	s->ours.load.running = 5; /* the probe, too */
	s->ours.load.switches_hz = 40;
}

/* Bad, and nothing is critical any more. */
static inline void blind(struct second *s, __u64 t)
{
	bad(s, t);
	waits(&s->stock, 720 * US, 0);
	waits(&s->ours, 0, 60 * MS);
}

/* A load under which everybody waits long, whoever schedules. */
static inline void heavy(struct second *s, __u64 t)
{
	(void)t;
	both_load(s, 40, 1000, 20000);
	waits(&s->stock, 30 * MS, 90 * MS);
	waits(&s->ours, 28 * MS, 95 * MS);
}

static inline void harmless(struct second *s, __u64 t)
{
	good(s, t);
	waits(&s->stock, 5 * US, 5 * US);
	waits(&s->ours, 900 * US, 900 * US); /* 180 times as long, and still nobody's harm */
}

static inline void step_up(struct second *s, __u64 t)
{
	if (t < 150)
		idle(s, t);
	else
		heavy(s, t);
}

#endif
