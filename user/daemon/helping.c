// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "helping.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define LOOK_NS NS_PER_S
#define SETTLE 1		    /* looks after a change of scheduler: their windows saw both */
#define KNOWN_NS (3600 * NS_PER_S)  /* so long a baseline counts */
#define BACK_OFF_NS (60 * NS_PER_S) /* after a look without harm … */
#define BACK_OFF_MAX_NS (3600 * NS_PER_S) /* … doubled each time, up to this */
#define PATIENCE 3	  /* times their looks: the longest look at stock, the longest proof */
#define PROOF 5		  /* looks that a proof takes at least */
#define BUSY_PERMILLE 900 /* from here on the CPUs count as taken */
/*
 * For critical tasks a difference of less is noise, whatever the ratio: one tick at HZ=250, which is how finely both schedulers
 * share a busy CPU (sched_ext has no hrtick). Measured on one CPU, medians: messages (hackbench) 0.2 ms under
 * stock, 1.7 ms under balanced for what happens to be critical in them; hogs and a probe 0.7 ms and 6 us.
 */
#define FLOOR_NS (4 * NS_PER_MS)

const struct name_text helping_verdicts[HELPING_VERDICT_NR] = {
#define X(id, name, meaning) {name, meaning},
	HELPING_VERDICTS(X)
#undef X
};

/* ---- series ---- */

/* Looks that a time takes: every stride-th of them, no more than HELPING_LOOKS. */
static __u32 stride_of(__u64 span_ns)
{
	return (__u32)((span_ns / LOOK_NS + HELPING_LOOKS - 1) / HELPING_LOOKS);
}

static __u32 looks_of(__u64 span_ns)
{
	__u32 n = (__u32)(span_ns / LOOK_NS) / stride_of(span_ns);

	return n ? n : 1;
}

static void series_reset(struct helping *h)
{
	h->nr = 0;
	h->seen = 0;
}

static void series_add(struct helping *h, const struct helping_figure *look, __u64 span_ns)
{
	h->seen++;
	if (h->seen <= SETTLE || (h->seen - SETTLE) % stride_of(span_ns))
		return;
	h->look[h->nr++ % HELPING_LOOKS] = *look;
}

static int by_size(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}

/* Of sorted looks: who is to be accused gets what most of them exceed, or all; who accuses what most do not. */
enum doubt {
	ALL_FOR_US,
	FOR_US,
	FOR_STOCK,
	MIDDLE
};

static __u64 quantile(__u64 *value, __u32 nr, enum doubt doubt)
{
	__u32 third = nr ? (nr - 1) * 3 / 10 : 0;

	if (!nr)
		return 0;
	qsort(value, nr, sizeof(*value), by_size);
	if (doubt == ALL_FOR_US)
		return value[0];
	return value[doubt == FOR_US ? third : doubt == FOR_STOCK ? nr - 1 - third : (nr - 1) / 2];
}

/* The last `nr` looks of the series. Present is what most of them saw. */
static struct helping_figure figure(const struct helping *h, __u32 nr, enum doubt doubt)
{
	__u64 running[HELPING_LOOKS], busy[HELPING_LOOKS], switches[HELPING_LOOKS];
	__u64 wait[HELPING_SIGNS][HELPING_LOOKS];
	__u32 waits[HELPING_SIGNS] = {0};
	struct helping_figure f = {0};

	for (__u32 i = 0; i < nr; i++) {
		const struct helping_figure *l = &h->look[(h->nr - 1 - i) % HELPING_LOOKS];

		running[i] = l->load.running;
		busy[i] = l->load.busy_permille;
		switches[i] = l->load.switches_hz;
		for (int s = 0; s < HELPING_SIGNS; s++) {
			if (l->present[s])
				wait[s][waits[s]++] = l->wait_ns[s];
		}
	}
	f.load.running = quantile(running, nr, MIDDLE);
	f.load.busy_permille = quantile(busy, nr, MIDDLE);
	f.load.switches_hz = quantile(switches, nr, MIDDLE);
	for (int s = 0; s < HELPING_SIGNS; s++) {
		f.present[s] = 2 * waits[s] > nr;
		f.wait_ns[s] = quantile(wait[s], waits[s], doubt);
	}
	return f;
}

/* ---- load ---- */

int helping_bucket(const struct helping_load *load)
{
	int bucket = 4;

	if (load->busy_permille < BUSY_PERMILLE)
		return load->busy_permille < 125   ? 0
		       : load->busy_permille < 250 ? 1
		       : load->busy_permille < 500 ? 2
						   : 3;
	for (__u64 n = load->running; n > 1 && bucket < HELPING_BUCKETS - 1; n /= 2)
		bucket++;
	return bucket;
}

/* Does about as much want the CPUs under `a` as under `b`, or more? */
static bool as_heavy(const struct helping_load *a, const struct helping_load *b)
{
	return a->busy_permille + 100 >= b->busy_permille && 3 * a->running + 2 >= b->running;
}

/*
 * Is stock's load to be compared with ours? Ours may well be the heavier one, because of us: what waits too
 * long piles up. And what runs on is not switched, so that few switches of ours say nothing.
 */
static bool heavy_enough(const struct helping_load *stock, const struct helping_load *ours)
{
	return as_heavy(stock, ours) && 4 * stock->switches_hz + 1000 >= ours->switches_hz;
}

/* ---- baselines ---- */

static bool known(const struct helping_baseline *base, __u64 now)
{
	return base->at_ns && now - base->at_ns < KNOWN_NS;
}

static void learn(struct helping *h, const struct helping_figure *stock, int bucket, bool looked,
		  __u64 now)
{
	/* what was looked for is worth more than what came along */
	if (!looked && h->base[bucket].looked && known(&h->base[bucket], now))
		return;
	h->base[bucket].looked = looked;
	h->base[bucket].stock = *stock;
	h->base[bucket].at_ns = now;
}

/* The bucket to compare with: its own, else the next lighter one that is known, else the next heavier. */
static int nearest(const struct helping *h, int bucket, __u64 now)
{
	for (int i = bucket; i >= 0; i--) {
		if (known(&h->base[i], now))
			return i;
	}
	for (int i = bucket + 1; i < HELPING_BUCKETS; i++) {
		if (known(&h->base[i], now))
			return i;
	}
	return -1;
}

/* What stock let tasks of `sign` wait, for comparison; 0 = it had none of them. */
static __u64 stock_wait(const struct helping_figure *stock, int sign)
{
	__u64 wait = stock->present[sign] ? stock->wait_ns[sign] : 0;

	/* see helping.h: normal may be what critical was */
	if (sign == HELPING_NORMAL && stock->present[HELPING_CRITICAL] &&
	    stock->wait_ns[HELPING_CRITICAL] > wait)
		wait = stock->wait_ns[HELPING_CRITICAL];
	return wait;
}

__u64 helping_stock(const struct helping *h, enum helping_sign sign, __u64 now_ns)
{
	__u64 most = 0;

	for (int i = 0; i < HELPING_BUCKETS; i++) {
		const struct helping_baseline *b = &h->base[i];

		if (known(b, now_ns) && b->stock.present[sign] && b->stock.wait_ns[sign] > most)
			most = b->stock.wait_ns[sign];
	}
	return most;
}

__u64 helping_against(const struct helping *h, enum helping_sign sign)
{
	return h->against < 0 ? 0 : stock_wait(&h->base[h->against].stock, sign);
}

/* ---- judgement ---- */

__u64 helping_limit(const struct helping *h, __u64 stock, enum helping_sign sign)
{
	__u64 more = stock * h->rule.margin_permille / 1000;

	return stock + (more > h->floor_ns[sign] ? more : h->floor_ns[sign]);
}

/*
 * What stock had none of cannot be compared; but who was critical there, and is not any more, waits as
 * normal now.
 */
static bool comparable(const struct helping_figure *ours, const struct helping_figure *stock,
		       int sign)
{
	if (!ours->present[sign])
		return false;
	return stock->present[sign] ||
	       (sign == HELPING_NORMAL && stock->present[HELPING_CRITICAL] &&
		!ours->present[HELPING_CRITICAL]);
}

/* Are we worse than stock? The sign that is furthest beyond is kept in h->doubt. */
static bool worse(struct helping *h, const struct helping_figure *ours,
		  const struct helping_figure *stock)
{
	__u64 most = 0;

	for (int s = 0; s < HELPING_SIGNS; s++) {
		__u64 limit = helping_limit(h, stock_wait(stock, s), (enum helping_sign)s), excess;

		if (!comparable(ours, stock, s) || ours->wait_ns[s] <= limit)
			continue;
		excess = ours->wait_ns[s] * 1000 / limit;
		if (excess <= most)
			continue;
		most = excess;
		h->doubt = (struct helping_harm){(enum helping_sign)s, ours->wait_ns[s], limit};
	}
	return most;
}

/* Is there anything that could be worse than some stock? */
static bool worth_asking(struct helping *h)
{
	for (int s = HELPING_SIGNS - 1; s >= 0; s--) {
		if (!h->ours.present[s] || h->ours.wait_ns[s] <= h->floor_ns[s])
			continue;
		h->doubt = (struct helping_harm){(enum helping_sign)s, h->ours.wait_ns[s],
						 h->floor_ns[s]};
		return true;
	}
	return false;
}

/* A look without harm: the next one of this bucket comes later. */
static void back_off(struct helping *h, int bucket, __u64 now)
{
	struct helping_baseline *b = &h->base[bucket];
	__u64 since = b->next_ns && now > b->next_ns ? now - b->next_ns : 0;

	/* long quiet: a new story */
	if (!b->back_off_ns || since > 4 * b->back_off_ns)
		b->back_off_ns = BACK_OFF_NS;
	else if (b->back_off_ns < BACK_OFF_MAX_NS / 2)
		b->back_off_ns *= 2;
	else
		b->back_off_ns = BACK_OFF_MAX_NS;
	b->next_ns = now + b->back_off_ns;
	h->look_next_ns = now + BACK_OFF_NS;
}

/* ---- phases ---- */

static void enter(struct helping *h, enum helping_phase phase)
{
	h->phase = phase;
	series_reset(h);
}

static bool acts(enum helping_phase phase)
{
	return phase == PHASE_ARMED || phase == PHASE_PROOF;
}

static enum helping_order look_rest(struct helping *h, __u64 now)
{
	__u32 need = looks_of(h->rule.observe_ns);
	struct helping_figure stock;

	if (h->verdict != HELPING_HARM || h->phase == PHASE_FIRST)
		h->verdict = HELPING_STOCK;
	if (h->nr < need)
		return HELPING_STAY;
	stock = figure(h, need, FOR_STOCK);
	learn(h, &stock, helping_bucket(&stock.load), false, now);
	series_reset(h);
	h->seen = SETTLE; /* nothing has changed */
	return h->phase == PHASE_FIRST ? HELPING_ARM : HELPING_STAY;
}

static enum helping_order look_armed(struct helping *h, __u64 now)
{
	__u32 need = looks_of(h->rule.for_ns);
	int bucket;

	if (h->nr < need) {
		h->verdict = HELPING_SOON;
		return HELPING_STAY;
	}
	h->ours = figure(h, need, FOR_US);
	h->worst = figure(h, need, FOR_STOCK);
	h->judged = true;
	bucket = helping_bucket(&h->ours.load);
	h->against = nearest(h, bucket, now);
	h->verdict = HELPING_FINE;
	if (h->against >= 0 && worse(h, &h->ours, &h->base[h->against].stock))
		h->verdict = HELPING_WORSE;
	else if ((h->against < 0 || !h->base[h->against].looked) && worth_asking(h))
		h->verdict = HELPING_UNKNOWN;
	if (h->verdict == HELPING_FINE || now < h->look_next_ns || now < h->base[bucket].next_ns)
		return HELPING_STAY;
	h->looks++;
	h->suspect = bucket;
	enter(h, PHASE_LOOK);
	h->verdict = HELPING_LOOKING;
	return HELPING_LEAVE;
}

/* The suspicion came to nothing. */
static void drop(struct helping *h, __u64 *count, __u64 now)
{
	(*count)++;
	back_off(h, h->suspect, now);
}

static enum helping_order look_stock(struct helping *h, const struct helping_figure *look,
				     __u64 now)
{
	__u32 need = looks_of(h->rule.observe_ns);
	struct helping_figure stock;

	if (heavy_enough(&look->load, &h->ours.load))
		series_add(h, look, h->rule.observe_ns);
	else
		h->seen++;
	if (h->nr < need && h->seen < SETTLE + PATIENCE * need * stride_of(h->rule.observe_ns))
		return HELPING_STAY;
	h->proof = false;
	if (h->nr < need) {
		drop(h, &h->undecided, now);
	} else {
		stock = figure(h, need, FOR_STOCK);
		learn(h, &stock, h->suspect, true, now);
		learn(h, &stock, helping_bucket(&stock.load), true, now);
		h->against = h->suspect;
		h->doubt.limit = helping_limit(h, stock_wait(&stock, h->doubt.sign), h->doubt.sign);
		/* a few good looks among bad ones clear nobody: the proof decides */
		h->proof = worse(h, &h->worst, &stock);
		if (!h->proof)
			drop(h, &h->acquitted, now);
	}
	h->verdict = h->proof ? HELPING_PROVING : HELPING_FINE;
	enter(h, PHASE_BACK);
	return HELPING_ARM;
}

static enum helping_order look_proof(struct helping *h, const struct helping_figure *look,
				     __u64 now)
{
	const struct helping_figure *stock = &h->base[h->suspect].stock;
	struct helping_figure ours, worst;
	bool open, harm;

	if (heavy_enough(&stock->load, &look->load) && as_heavy(&look->load, &stock->load))
		series_add(h, look, LOOK_NS);
	else
		h->seen++;
	worst = figure(h, h->nr, FOR_STOCK);
	/* each look is another chance to be found harmful by bad luck: the first ones have to be clear */
	ours = figure(h, h->nr, h->nr < 2 * PROOF ? ALL_FOR_US : FOR_US);
	open = h->nr < PROOF || worse(h, &worst, stock);
	harm = h->nr >= PROOF && worse(h, &ours, stock);
	if (open && !harm && h->seen < SETTLE + PATIENCE * PROOF)
		return HELPING_STAY;
	if (!harm) {
		drop(h, open ? &h->undecided : &h->acquitted, now);
		enter(h, PHASE_ARMED);
		return HELPING_STAY;
	}
	h->ours = ours;
	h->verdict = HELPING_HARM;
	h->base[h->suspect].back_off_ns = 0;
	enter(h, PHASE_REST);
	return HELPING_TRIP;
}

/* Somebody armed or disarmed since the last look: us, as it was ordered, or not. */
static void follow(struct helping *h, bool armed)
{
	if (armed == acts(h->phase))
		return;
	if (!armed) {
		enter(h, PHASE_REST);
	} else if (h->phase == PHASE_BACK) {
		enter(h, h->proof ? PHASE_PROOF : PHASE_ARMED);
	} else {
		enter(h, PHASE_ARMED);
		h->judged = false;
	}
}

enum helping_order helping_look(struct helping *h, const struct helping_figure *look, bool armed,
				__u64 now_ns)
{
	follow(h, armed);
	if (!h->rule.margin_permille) {
		h->verdict = HELPING_OFF;
		/* switched off while somebody waited for a look to end */
		return h->phase == PHASE_FIRST ? HELPING_ARM : HELPING_STAY;
	}
	switch (h->phase) {
	case PHASE_ARMED:
		series_add(h, look, h->rule.for_ns);
		return look_armed(h, now_ns);
	case PHASE_PROOF:
		return look_proof(h, look, now_ns);
	case PHASE_LOOK:
		return look_stock(h, look, now_ns);
	case PHASE_BACK:
		return HELPING_ARM;
	default:
		series_add(h, look, h->rule.observe_ns);
		return look_rest(h, now_ns);
	}
}

/* ---- from outside ---- */

void helping_set(struct helping *h, const struct profile *profile)
{
	h->rule = profile->helping;
	h->floor_ns[HELPING_CRITICAL] = FLOOR_NS;
	h->floor_ns[HELPING_NORMAL] = h->rule.floor_ns;
	h->look_next_ns = 0;
	h->against = -1;
	h->judged = false;
	if (h->phase == PHASE_LOOK || h->phase == PHASE_BACK) /* at what the other profile did */
		h->phase = PHASE_FIRST;
	else if (h->phase == PHASE_PROOF)
		h->phase = PHASE_ARMED;
	for (int i = 0; i < HELPING_BUCKETS; i++) {
		h->base[i].next_ns = 0;
		h->base[i].back_off_ns = 0;
	}
	series_reset(h);
}

bool helping_first(struct helping *h)
{
	if (!h->rule.margin_permille)
		return false;
	enter(h, PHASE_FIRST);
	return true;
}

bool helping_rest(struct helping *h)
{
	if (h->phase != PHASE_FIRST && h->phase != PHASE_LOOK && h->phase != PHASE_BACK)
		return false;
	enter(h, PHASE_REST);
	return true;
}
