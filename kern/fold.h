/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The pulse's larger half: from the sensors' histograms to vital signs. Part of pulse.bpf.c, and
 * included by nothing else: what is defined here is the pulse's own.
 */
#ifndef HOMEOSTAT_FOLD_H
#define HOMEOSTAT_FOLD_H

#include "counts.h"

#define SAMPLES_ENOUGH 128
#define WINDOW_LONG_NS 100000000ULL
#define RATE_NS 25000000ULL /* rates are taken over this time at least */
#define EVERY_HZ 2000	    /* measured switches per second and CPU that are enough */

/*
 * How large a fold may be. Its cost is counted, not timed: where a host takes the virtual CPU away,
 * time would tell of dear work that was none. The unit is one bucket, about 75 instructions (measured by
 * scripts/lab growth, as are the others).
 */
#define WORK_NS 75
#define WORK_CPU 3    /* of a CPU … */
#define WORK_CLASS 5  /* … and of each class that has samples there */
#define FOLD_WORK 400 /* in one pulse, some 30 us; the rest of the fold at the next */
#define FOLD_CPUS 64  /* and no more CPUs than that */
#define FOLD_STEP_NS                                                                               \
	250000ULL      /* to that next one at most: of 256 CPUs a fold is whole within 50 ms */
#define FOLD_SHARE 256 /* of a CPU's time one part for folding; on a large host … */
#define FOLD_EVERY_MOST_NS 500000000ULL /* … folds come less often for it, but not less than that */
#define FOLD_EVERY_LEAST_NS                                                                        \
	10000000ULL /* a short window on a small host stays what was asked for */

/* Costs of the sensor (docs/overhead.md, pipe), most of both the tracepoint itself. */
#define SENSE_NS 209 /* a measured switch … */
#define PASS_NS 103  /* … and one that is let pass */

/* One switch in so many is measured at least. Only tests and scripts/bench change it: 1 is no sampling. */
__u32 every_max SEC(".data.sense") = 64;

/* What the pulse remembers of a CPU since its last fold. */
struct pulse_cpu {
	__u64 fold_ns;
	__u64 count[HS_COUNT_NR];
	__u64 crit_run_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct pulse_cpu);
} PULSE_CPUS SEC(".maps");

/* One class, all CPUs, since it was last published. */
struct fold_class {
	__u64 used[HS_HIST_BUCKETS / 64];
	__u32 wait[HS_HIST_BUCKETS];
	__u64 n;
	__u64 run_ns, off_ns, sleeps;
	__u64 since_ns; /* start of its first window */
};

/* Written by the timer callback alone, which never runs twice at a time. */
struct pulse_state {
	__u32 flags;	/* of bpf_timer_start() */
	__u32 kicked;	/* pulse_start() was run: look at everything */
	__u32 armed;	/* as of the last pulse */
	__u32 cpu;	/* next to fold; nr_cpus = none */
	__u32 strained; /* a vital sign is above its limit, not yet for long enough */
	__u32 pad;
	__u64 planned_ns;  /* when this pulse should have come */
	__u64 late_max_ns; /* delay of pulses since it was last published */
	__u64 phase_ns;	   /* time of jiffy 0, the least estimate so far */
	__u64 period_ns;
	__u64 calm_ns;	 /* since when there was no stress, or the period last grew */
	__u64 fold_ns;	 /* start of the open window */
	__u64 window_ns; /* start of the window that is being folded */
	__u64 cost_ns;	 /* moving average */
	/* of the present fold, all CPUs */
	__u64 wait_max_ns, worker_max_ns, softirq_max_ns, receive_max_ns, irq_max_ns, waits;
	__u64 rate_max_hz; /* switch rate of the busiest CPU */
	/* sums over the CPUs since the rates were last published */
	__u64 rates_ns;
	__u64 switches, sampled, migrated, missed, dropped, crit_run_ns;
	__u64 lost;	/* gate.events_lost, as of then */
	__u64 spent_ns; /* time taken by pulses */
	struct fold_class class[HS_CLASS_NR];
	struct hist_walk walk; /* scratch */
	__u64 work;	       /* of the present fold */
	__u64 fold_every_ns;   /* from fold to fold, at least */
};
static struct pulse_state pulse
	__attribute__((used)); /* used: or clang splits it, against its BTF */

/* ---- vital signs ---- */

static __always_inline bool above_rule(__u32 id, __u64 value)
{
	return reflex.high[id] && value > reflex.high[id];
}

static __always_inline void class_expire(__u32 c)
{
	for (__u32 q = 0; q < 3; q++)
		vital_expire(WAIT_VITAL(c, q));
	if (c == HS_CLASS_BATCH)
		return;
	vital_expire(CLASS_VITAL(HS_VITAL_JITTER_CRITICAL, c));
	vital_expire(CLASS_VITAL(HS_VITAL_STABILITY_CRITICAL, c));
	vital_expire(CLASS_VITAL(HS_VITAL_RUN_CRITICAL, c));
	vital_expire(CLASS_VITAL(HS_VITAL_OFFCPU_CRITICAL, c));
}

/* A histogram, for the steps of bpf_loop() over its buckets in use; the walk itself is pulse.walk. */
struct buckets {
	__u32 *count;
	__u32 *sum; /* bucket_move() adds to this one */
};

static long bucket_count(__u32 k, struct buckets *at)
{
	__u32 i = hist_walk_next(&pulse.walk);

	(void)k;
	if (i >= HS_HIST_BUCKETS)
		return 1;
	hist_walk_count(&pulse.walk, i, at->count[i]);
	return 0;
}

static long bucket_move(__u32 k, struct buckets *at)
{
	__u32 i = hist_walk_next(&pulse.walk), here;

	(void)k;
	if (i >= HS_HIST_BUCKETS)
		return 1;
	here = at->count[i];
	at->count[i] = 0;
	at->sum[i] += here;
	hist_walk_count(&pulse.walk, i, here);
	return 0;
}

/* Publishes a class where it has samples enough, is old enough, or bad news; then starts it anew. */
__noinline int class_publish(__u32 c)
{
	struct hist_walk *q = &pulse.walk;
	struct fold_class *f;
	struct buckets at = {};
	__u64 from;
	bool few;

	if (c >= HS_CLASS_NR)
		return 0;
	f = &pulse.class[c];
	/* a crossing with few samples is published at once, so one that shows now is no older than this fold */
	from = pulse.window_ns;
	if (!f->n) {
		class_expire(c);
		return 0;
	}
	few = f->n < SAMPLES_ENOUGH && reflex.now - f->since_ns < WINDOW_LONG_NS;
	if (few && !hist_any_from(f->used, reflex.alarm[c]))
		return 0;
	hist_walk_start(q, f->used, f->n);
	at.count = f->wait;
	bpf_loop(HS_HIST_BUCKETS, bucket_count, &at, 0);
	if (few && !above_rule(WAIT_VITAL(c, 0), q->p50) && !above_rule(WAIT_VITAL(c, 1), q->p95) &&
	    !above_rule(WAIT_VITAL(c, 2), q->p99) &&
	    (c == HS_CLASS_BATCH ||
	     !above_rule(CLASS_VITAL(HS_VITAL_JITTER_CRITICAL, c), q->p99 - q->p50)))
		return 0;
	vital_set(WAIT_VITAL(c, 0), q->p50, from);
	vital_set(WAIT_VITAL(c, 1), q->p95, from);
	vital_set(WAIT_VITAL(c, 2), q->p99, from);
	if (c != HS_CLASS_BATCH) {
		vital_set(CLASS_VITAL(HS_VITAL_JITTER_CRITICAL, c), q->p99 - q->p50, from);
		vital_set(CLASS_VITAL(HS_VITAL_STABILITY_CRITICAL, c),
			  q->p99 ? q->p50 * 1000 / q->p99 : 1000, from);
		if (f->sleeps) {
			vital_set(CLASS_VITAL(HS_VITAL_RUN_CRITICAL, c), f->run_ns / f->sleeps,
				  from);
			vital_set(CLASS_VITAL(HS_VITAL_OFFCPU_CRITICAL, c), f->off_ns / f->sleeps,
				  from);
		}
	}
	__builtin_memset(f->wait, 0, sizeof(f->wait));
	f->used[0] = 0;
	f->used[1] = 0;
	f->n = 0;
	f->run_ns = 0;
	f->off_ns = 0;
	f->sleeps = 0;
	return 0;
}

/* Has a hook been attached since before that time? */
static __always_inline bool hook_covers(enum hs_hook id, __u64 from_ns)
{
	return *(volatile __u32 *)&hooks.on & (1U << id) && hooks.since_ns[id] <= from_ns;
}

/* The vital signs that are the worst of the window. */
static __noinline int extremes_publish(void)
{
	__u64 from = pulse.window_ns;

	if (pulse.waits) {
		vital_set(HS_VITAL_STARVED, pulse.wait_max_ns, from);
		vital_set(HS_VITAL_SOFTIRQ_STARVED, pulse.worker_max_ns, from);
	} else {
		vital_expire(HS_VITAL_STARVED);
		vital_expire(HS_VITAL_SOFTIRQ_STARVED);
	}
	if (hook_covers(HS_HOOK_SOFTIRQ, from))
		vital_set(HS_VITAL_SOFTIRQ_DELAY, pulse.softirq_max_ns, from);
	else
		vital_expire(HS_VITAL_SOFTIRQ_DELAY);
	if (hook_covers(HS_HOOK_RECEIVE, from))
		vital_set(HS_VITAL_RECEIVE_DELAY, pulse.receive_max_ns, from);
	else
		vital_expire(HS_VITAL_RECEIVE_DELAY);
	if (hook_covers(HS_HOOK_IRQ, from))
		vital_set(HS_VITAL_IRQ_LONGEST, pulse.irq_max_ns, from);
	else
		vital_expire(HS_VITAL_IRQ_LONGEST);
	vital_set(HS_VITAL_PULSE_LATE, pulse.late_max_ns, from);
	pulse.late_max_ns = 0;
	return 0;
}

/* The vital signs that are rates and shares: less often, as few events make a poor rate. */
static __noinline int rates_publish(void)
{
	__u64 from = pulse.rates_ns, dt = reflex.now - from, hz = rate_hz(pulse.switches, dt);
	__u64 usual = vitals[HS_VITAL_SWITCHES].ewma, cpu_us = dt * nr_cpus / 1000, sense;

	vital_set(HS_VITAL_BURST, usual ? hz * 1000 / usual : 1000, from);
	vital_set(HS_VITAL_SWITCHES, hz, from);
	/* only measured switches know where a task ran last */
	vital_set(HS_VITAL_MIGRATIONS, pulse.sampled ? hz * pulse.migrated / pulse.sampled : 0,
		  from);
	if (reflex.run == REFLEX_LIVE) {
		vital_set(HS_VITAL_SHARE_CRITICAL, cpu_us ? pulse.crit_run_ns / cpu_us : 0, from);
		vital_set(HS_VITAL_DEADLINE_MISS, rate_hz(pulse.missed, dt), from);
	} else {
		vital_expire(HS_VITAL_SHARE_CRITICAL);
		vital_expire(HS_VITAL_DEADLINE_MISS);
	}
	if (hook_covers(HS_HOOK_DROPS, from))
		vital_set(HS_VITAL_DROPS, rate_hz(pulse.dropped, dt), from);
	else
		vital_expire(HS_VITAL_DROPS);
	vital_set(HS_VITAL_PULSE_PERIOD, pulse.period_ns, from);
	vital_set(HS_VITAL_PULSE_COST, pulse.cost_ns, from);
	vital_set(HS_VITAL_EVENTS_LOST, rate_hz(gate.events_lost - pulse.lost, dt), from);
	if (reflex.run == REFLEX_OFF)
		vital_expire(HS_VITAL_REFLEX_FROZEN);
	else
		vital_set(HS_VITAL_REFLEX_FROZEN, reflex.frozen, from);
	sense = pulse.spent_ns + pulse.sampled * SENSE_NS;
	if (pulse.switches > pulse.sampled)
		sense += (pulse.switches - pulse.sampled) * PASS_NS;
	vital_set(HS_VITAL_SENSE_COST, cpu_us ? sense / cpu_us : 0, from);

	pulse.rates_ns = reflex.now;
	pulse.lost = gate.events_lost;
	pulse.switches = 0;
	pulse.sampled = 0;
	pulse.migrated = 0;
	pulse.missed = 0;
	pulse.dropped = 0;
	pulse.crit_run_ns = 0;
	pulse.spent_ns = 0;
	return 0;
}

/* ---- fold ---- */

/* One class of one CPU: into the class's own histogram, and into the CPU's vital signs. */
__noinline int fold_class(__u32 cpu, __u32 c, __u32 side)
{
	struct sense_cpu *s = bpf_map_lookup_elem(&SENSE, &cpu);
	struct hs_cpu_vitals *cv = bpf_map_lookup_elem(&CPU_VITALS, &cpu);
	struct hist_walk *q = &pulse.walk;
	struct buckets at;
	struct sense_bank *b;
	struct fold_class *f;
	__u64 n, said;
	long work;

	if (!s || !cv || c >= HS_CLASS_NR || side > 1)
		return 0;
	b = &s->bank[side];
	f = &pulse.class[c];
	if (!f->n)
		f->since_ns = pulse.window_ns;
	at.count = b->wait[c];
	at.sum = f->wait;
	said = b->n[c];
	hist_walk_start(q, b->used[c], said);
	work = bpf_loop(HS_HIST_BUCKETS, bucket_move, &at, 0);
	n = q->before;
	f->n += n;
	f->used[0] |= b->used[c][0];
	f->used[1] |= b->used[c][1];
	f->run_ns += b->run_ns[c];
	f->off_ns += b->off_ns[c];
	f->sleeps += b->sleeps[c];

	b->n[c] = 0;
	b->used[c][0] = 0;
	b->used[c][1] = 0;
	b->run_ns[c] = 0;
	b->off_ns[c] = 0;
	b->sleeps[c] = 0;
	cv->p50_ns[c] = q->p50;
	cv->p95_ns[c] = q->p95;
	cv->p99_ns[c] = q->p99;
	/* the sensor wrote meanwhile: the ranks were those of another number of samples, so no quantiles this time */
	cv->samples[c] = n == said ? n : 0;
	cv->updated_ns = reflex.now;
	pulse.waits += n;
	return WORK_CLASS + work;
}

/* How many switches of a CPU to let pass for each that is measured. */
static __always_inline __u32 every_for(__u64 hz)
{
	__u64 every = hz / EVERY_HZ;

	return every < 1 ? 1 : every > every_max ? every_max : every;
}

/* Takes what one CPU has gathered. Returns the work that it was. */
__noinline int fold_cpu(__u32 cpu)
{
	struct sense_cpu *s = bpf_map_lookup_elem(&SENSE, &cpu);
	struct pulse_cpu *p = bpf_map_lookup_elem(&PULSE_CPUS, &cpu);
	__u64 switches, hz, dt;
	int work = WORK_CPU;
	__u32 side;

	if (!s || !p)
		return work;
	side = s->epoch & 1;
	*(volatile __u32 *)&s->epoch = s->epoch + 1;

	dt = reflex.now - p->fold_ns;
	p->fold_ns = reflex.now;
	switches = s->count[HS_COUNT_SWITCH] - p->count[HS_COUNT_SWITCH];
	p->count[HS_COUNT_SWITCH] += switches;
	pulse.switches += switches;
	hz = rate_hz(switches, dt);
	if (hz > pulse.rate_max_hz)
		pulse.rate_max_hz = hz;
	s->every = every_for(hz);
#define DELTA(sum, now, before)                                                                    \
	do {                                                                                       \
		__u64 v = (now);                                                                   \
		(sum) += v - (before);                                                             \
		(before) = v;                                                                      \
	} while (0)
	DELTA(pulse.sampled, s->count[HS_COUNT_SAMPLED], p->count[HS_COUNT_SAMPLED]);
	DELTA(pulse.migrated, s->count[HS_COUNT_MIGRATE], p->count[HS_COUNT_MIGRATE]);
	DELTA(pulse.missed, s->count[HS_COUNT_DEADLINE_MISS], p->count[HS_COUNT_DEADLINE_MISS]);
	DELTA(pulse.dropped, s->count[HS_COUNT_DROP], p->count[HS_COUNT_DROP]);
	DELTA(pulse.crit_run_ns, s->crit_run_ns, p->crit_run_ns);
#undef DELTA
	if (s->bank[side].wait_max_ns > pulse.wait_max_ns)
		pulse.wait_max_ns = s->bank[side].wait_max_ns;
	s->bank[side].wait_max_ns = 0;
	if (s->bank[side].worker_max_ns > pulse.worker_max_ns)
		pulse.worker_max_ns = s->bank[side].worker_max_ns;
	s->bank[side].worker_max_ns = 0;
	if (s->bank[side].softirq_max_ns > pulse.softirq_max_ns)
		pulse.softirq_max_ns = s->bank[side].softirq_max_ns;
	s->bank[side].softirq_max_ns = 0;
	if (s->bank[side].receive_max_ns > pulse.receive_max_ns)
		pulse.receive_max_ns = s->bank[side].receive_max_ns;
	s->bank[side].receive_max_ns = 0;
	if (s->bank[side].hard_max_ns > pulse.irq_max_ns)
		pulse.irq_max_ns = s->bank[side].hard_max_ns;
	s->bank[side].hard_max_ns = 0;
	if (s->bank[side].soft_max_ns > pulse.irq_max_ns)
		pulse.irq_max_ns = s->bank[side].soft_max_ns;
	s->bank[side].soft_max_ns = 0;
	HS_NO_UNROLL
	for (__u32 c = 0; c < HS_CLASS_NR; c++) {
		if (s->bank[side].used[c][0] | s->bank[side].used[c][1])
			work += fold_class(cpu, c, side);
	}
	return work;
}

/* Goes on with the fold; each CPU is @besides more work. Returns 1 when the last CPU is done. */
__noinline int fold_some(__u32 besides)
{
	int work = 0;

	HS_NO_UNROLL
	for (__u32 i = 0; i < FOLD_CPUS; i++) {
		if (pulse.cpu >= nr_cpus || work > FOLD_WORK)
			break;
		work += fold_cpu(pulse.cpu) + besides;
		pulse.cpu++;
	}
	pulse.work += work;
	return pulse.cpu >= nr_cpus;
}

/* A fold is whole: until when is the next one to wait? */
static __always_inline void fold_paid(void)
{
	pulse.fold_every_ns = pulse.work * WORK_NS * FOLD_SHARE;
	if (pulse.fold_every_ns > FOLD_EVERY_MOST_NS)
		pulse.fold_every_ns = FOLD_EVERY_MOST_NS;
	if (pulse.fold_every_ns < FOLD_EVERY_LEAST_NS)
		pulse.fold_every_ns = 0;
}

/* Is the open window to be folded? Not before the last fold has been paid for. */
static __always_inline bool fold_due(__u64 now, __u64 window_ns)
{
	__u64 open = now - pulse.fold_ns;

	return pulse.cpu >= nr_cpus && open >= window_ns && open >= pulse.fold_every_ns;
}

static __always_inline void fold_begin(__u64 now)
{
	pulse.window_ns = pulse.fold_ns;
	pulse.fold_ns = now;
	pulse.cpu = 0;
	pulse.work = 0;
	pulse.wait_max_ns = 0;
	pulse.worker_max_ns = 0;
	pulse.softirq_max_ns = 0;
	pulse.receive_max_ns = 0;
	pulse.irq_max_ns = 0;
	pulse.waits = 0;
	pulse.rate_max_hz = 0;
	counts_begin(now, RATE_NS, now - pulse.rates_ns >= RATE_NS);
}

#endif
