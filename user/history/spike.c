// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Spikes: a sample that stands far out of the five minutes before it, and what surrounded it. It is judged once the samples behind it are there,
 * so that only the top of it is noted.
 */
#include "feed.h"

#define DEVIATIONS 6 /* above the average, in standard deviations, and at least twice the average */

struct usual {
	__u64 nr, average, deviation;
};

/* What a vital sign was like in the samples [from, to). */
static struct usual usual_of(struct feed_vital *v, __u64 from, __u64 to)
{
	unsigned __int128 squares = 0, rest = 0, sum = 0;
	struct usual u = {0};

	for (__u64 n = from; n < to; n++) {
		__u64 value = *feed_slot(v, n);

		if (value == AGGREGATE_ABSENT)
			continue;
		sum += value;
		u.nr++;
	}
	if (!u.nr)
		return u;
	u.average = (__u64)(sum / u.nr);
	for (__u64 n = from; n < to; n++) {
		__u64 value = *feed_slot(v, n);
		unsigned __int128 off = value > u.average ? value - u.average : u.average - value;

		if (value == AGGREGATE_ABSENT)
			continue;
		squares += off * off / u.nr;
		rest += off * off % u.nr;
	}
	squares += rest / u.nr;
	u.deviation = aggregate_root(squares > AGGREGATE_VALUE_MAX ? AGGREGATE_VALUE_MAX
								   : (__u64)squares);
	return u;
}

/* Mean of the samples [from, to) that are present; AGGREGATE_ABSENT: none is. */
static __u64 mean_of(struct feed_vital *v, __u64 from, __u64 to)
{
	struct usual u = usual_of(v, from, to);

	return u.nr ? u.average : AGGREGATE_ABSENT;
}

static struct feed_side side_of(struct feed *f, size_t vital, __u64 at, const struct usual *u)
{
	struct feed_vital *v = f->vital[vital];

	return (struct feed_side){
		.vital = vital,
		.average = u->average,
		.before = mean_of(v, at - FEED_SIDE, at),
		.at = *feed_slot(v, at),
		.after = mean_of(v, at + 1, at + 1 + FEED_SIDE),
	};
}

/* How far out of what is usual, in permille of the deviation, softened where that is next to nothing. */
static __u64 strangeness(__u64 value, const struct usual *u)
{
	__u64 off = value > u->average ? value - u->average : u->average - value;

	return (__u64)((unsigned __int128)off * 1000 / (u->deviation + u->average / 8 + 1));
}

/* The vital signs that stood out most at that time, the spike's own first. */
static void look_around(struct feed *f, struct feed_spike *s, __u64 from, __u64 at)
{
	__u64 score[FEED_AROUND] = {0};

	for (size_t i = 0; i < f->vitals_nr; i++) {
		__u64 value = *feed_slot(f->vital[i], at), strange;
		struct usual u;
		unsigned int place;

		if (i == s->vital || value == AGGREGATE_ABSENT)
			continue;
		u = usual_of(f->vital[i], from, at);
		strange = strangeness(value, &u);
		if (u.nr < FEED_LEARN || strange < 1000)
			continue;
		for (place = s->around_nr; place > 1 && score[place - 1] < strange; place--)
			if (place < FEED_AROUND) {
				s->around[place] = s->around[place - 1];
				score[place] = score[place - 1];
			}
		if (place >= FEED_AROUND)
			continue;
		s->around[place] = side_of(f, i, at, &u);
		score[place] = strange;
		s->around_nr += s->around_nr < FEED_AROUND;
	}
}

static bool is_spike(struct feed_vital *v, __u64 value, __u64 at, const struct usual *u)
{
	if (u->nr < FEED_LEARN || value / 2 <= u->average ||
	    value <= u->average + DEVIATIONS * u->deviation)
		return false;
	/* what is higher right behind it is the spike */
	for (__u64 n = at + 1; n <= at + FEED_SIDE; n++)
		if (*feed_slot(v, n) != AGGREGATE_ABSENT && *feed_slot(v, n) > value)
			return false;
	return true;
}

void feed_spikes(struct feed *f)
{
	__u64 at, from;

	if (f->next - f->first < FEED_LEARN + FEED_SIDE + 1)
		return;
	at = f->next - 1 - FEED_SIDE;
	from = f->first + FEED_RING > f->next ? f->first : f->next - FEED_RING;
	for (size_t i = 0; i < f->vitals_nr; i++) {
		struct feed_vital *v = f->vital[i];
		__u64 value = *feed_slot(v, at), at_s = f->at_s[at % FEED_RING];
		struct feed_spike *s = &f->spike[f->spikes_nr];
		struct usual u;

		/* cheap first: most are no higher than what is usual by the daemon's own average */
		if (value == AGGREGATE_ABSENT || value / 2 <= v->ewma / 2 ||
		    (v->spike_s && at_s < v->spike_s + FEED_QUIET_S))
			continue;
		u = usual_of(v, from, at);
		if (!is_spike(v, value, at, &u) || f->spikes_nr == FEED_SPIKES)
			continue;
		v->spike_s = at_s;
		*s = (struct feed_spike){.at_s = at_s,
					 .value = value,
					 .average = u.average,
					 .deviation = u.deviation,
					 .vital = i,
					 .around_nr = 1};
		s->around[0] = side_of(f, i, at, &u);
		look_around(f, s, from, at);
		f->spikes_nr++;
	}
}
