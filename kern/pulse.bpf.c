// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The heart: a timer that watches the heartbeat, renews the lease, makes vital signs out of the
 * sensors' histograms and lets the reflex act on them.
 *
 * A pulse. First the watchdog, always: is the daemon's heartbeat overdue, then the gate is shut, else
 * the lease is renewed. This is all that a pulse does as long as the window of samples is open. Once
 * `window_ns` has passed, it folds: takes the sensors' banks, CPU by CPU, into one histogram per
 * class; where the CPUs are many, a part at each pulse (FOLD_WORK). After the last CPU the vital signs
 * are published, wishes and rules looked at, and the heart rate set.
 *
 * Heart rate. Under stress (a long wait, many switches, a rule above its `high`, a knob on its way)
 * the period is period_min_ns at once; each calm second doubles it, up to period_max_ns. The interval is
 * 1/16 and 37 us longer than the period, so that it does not beat in step with a task of 1 ms: such a
 * pulse would add its whole cost to every one of the task's samples. It is shorter where the heartbeat
 * falls due earlier: then the pulse comes just after that.
 *
 * Few samples. A 99th percentile of ten samples is their maximum. So the samples of a class are kept
 * over several windows, until there are SAMPLES_ENOUGH or WINDOW_LONG_NS have passed; published at once
 * is only what lies above the `high` of a rule.
 *
 * Worked example: balanced, 1 CPU, one 1 ms probe under hogs. Period 1 ms: 900 pulses/s, of which each
 * 10th folds. 10 critical samples per window: their quantiles come out 10 times a second; one wait of
 * 4 ms is seen after 11 ms at most, and with hold 0 the knob moves in that same pulse.
 *
 * Known limits. A stress that begins while the heart is at rest is seen up to period_max_ns later. The
 * quantiles are those of bucket and rank: up to 1/8 of their value off. A sensor that is writing while
 * its bank is taken may lose or misplace a sample.
 */
#include "state.h"
#include "lib/event.h"
#include "reflex.h"

#define NSEC 1000000000ULL
#define PERIOD_LEAST_NS 100000ULL
#define PERIOD_MOST_NS 500000000ULL
#define ODD_NS 37000ULL
#define DUE_MARGIN_NS 20000ULL    /* how long after the heartbeat fell due it is looked at */
#define DUE_FAR_NS NSEC           /* a promise further away than this counts as this */
#define FOLD_WORK 160             /* per pulse; a CPU costs 1 + a quarter of its used buckets */
#define FOLD_CPUS 64              /* and no more CPUs than that */
#define SAMPLES_ENOUGH 128
#define WINDOW_LONG_NS 100000000ULL
#define RATE_NS 25000000ULL       /* rates are taken over this time at least */
#define ABSENT_NS NSEC            /* a class without samples for so long has no quantiles */
#define CALM_NS NSEC
#define EVERY_HZ 2000             /* measured switches per second and CPU that are enough */
#define EVERY_MAX 64

/* Facts of the machine and figures of the sensor, set by the daemon before load. */
const volatile __u64 tick_ns = 4000000;  /* clock_getres(CLOCK_MONOTONIC_COARSE): 1 jiffy */
const volatile __u32 sense_ns = 95;      /* cost of a measured switch … */
const volatile __u32 pass_ns = 26;       /* … and of one that is let pass */

struct pulse_timer {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pulse_timer);
} PULSE SEC(".maps");

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
	__u64 since_ns;     /* start of its first window */
};

/* Written by the timer callback alone, which never runs twice at a time. */
struct pulse_state {
	__u32 flags;        /* of bpf_timer_start() */
	__u32 kicked;       /* pulse_start() was run: look at everything */
	__u32 armed;        /* as of the last pulse */
	__u32 cpu;          /* next to fold; nr_cpus = none */
	__u64 planned_ns;   /* when this pulse should have come */
	__u64 late_ns;
	__u64 phase_ns;     /* time of jiffy 0, the least estimate so far */
	__u64 period_ns;
	__u64 calm_ns;      /* since when there was no stress, or the period last grew */
	__u64 fold_ns;      /* start of the open window */
	__u64 window_ns;    /* start of the window that is being folded */
	__u64 cost_ns;      /* moving average */
	/* of the present fold, all CPUs */
	__u64 wait_max_ns, waits;
	__u64 rate_max_hz;  /* switch rate of the busiest CPU */
	/* sums over the CPUs since the rates were last published */
	__u64 rates_ns;
	__u64 switches, sampled, migrated, missed, crit_run_ns;
	__u64 spent_ns;     /* time taken by pulses */
	struct fold_class class[HS_CLASS_NR];
	struct hist_quantiles q; /* scratch */
};
static struct pulse_state pulse __attribute__((used)); /* used: or clang splits it, against its BTF */

static __always_inline __u64 rate_hz(__u64 events, __u64 dt_ns)
{
	return dt_ns ? events * NSEC / dt_ns : 0;
}

/* ---- vital signs ---- */

/* One measurement, of a window that began at from_ns. */
static __noinline int vital_set(__u32 id, __u64 value, __u64 from_ns)
{
	struct hs_vital *v;

	if (id >= HS_VITAL_NR)
		return 0;
	v = &vitals[id];
	v->value = value;
	if (v->updated_ns)
		v->ewma = v->ewma - v->ewma / 8 + value / 8;
	else
		v->ewma = value;
	if (value > v->peak)
		v->peak = value;
	reflex.from_ns[id] = from_ns;
	v->updated_ns = reflex.now;
	v->present = 1;
	return 0;
}

/* Not measured for long: absent. The last value stays for who wants to know what it was. */
static __always_inline void vital_expire(__u32 id)
{
	if (vitals[id].present && reflex.now - vitals[id].updated_ns > ABSENT_NS)
		vitals[id].present = 0;
}

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

/* Publishes a class where it has samples enough, is old enough, or bad news; then starts it anew. */
__noinline int class_publish(__u32 c)
{
	struct hist_quantiles *q = &pulse.q;
	struct fold_class *f;
	__u64 from;
	bool few;

	if (c >= HS_CLASS_NR)
		return 0;
	f = &pulse.class[c];
	from = f->since_ns;
	if (!f->n) {
		class_expire(c);
		return 0;
	}
	few = f->n < SAMPLES_ENOUGH && reflex.now - from < WINDOW_LONG_NS;
	if (few && !hist_any_from(f->used, reflex.alarm[c]))
		return 0;
	hist_quantiles(f->wait, f->used, f->n, 0, q);
	if (few && !above_rule(WAIT_VITAL(c, 0), q->p50) &&
	    !above_rule(WAIT_VITAL(c, 1), q->p95) && !above_rule(WAIT_VITAL(c, 2), q->p99) &&
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
			vital_set(CLASS_VITAL(HS_VITAL_RUN_CRITICAL, c), f->run_ns / f->sleeps, from);
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

static __always_inline void starved_publish(void)
{
	if (pulse.waits)
		vital_set(HS_VITAL_STARVED, pulse.wait_max_ns, pulse.window_ns);
	else
		vital_expire(HS_VITAL_STARVED);
}

/* The vital signs that are rates and shares: less often, as few events make a poor rate. */
static __noinline int rates_publish(void)
{
	__u64 from = pulse.rates_ns, dt = reflex.now - from, hz = rate_hz(pulse.switches, dt);
	__u64 usual = vitals[HS_VITAL_SWITCHES].ewma, cpu_us = dt * nr_cpus / 1000, sense;

	vital_set(HS_VITAL_BURST, usual ? hz * 1000 / usual : 1000, from);
	vital_set(HS_VITAL_SWITCHES, hz, from);
	/* only measured switches know where a task ran last */
	vital_set(HS_VITAL_MIGRATIONS,
		  pulse.sampled ? hz * pulse.migrated / pulse.sampled : 0, from);
	if (reflex.run == REFLEX_LIVE) {
		vital_set(HS_VITAL_SHARE_CRITICAL, cpu_us ? pulse.crit_run_ns / cpu_us : 0, from);
		vital_set(HS_VITAL_DEADLINE_MISS, rate_hz(pulse.missed, dt), from);
	} else {
		vital_expire(HS_VITAL_SHARE_CRITICAL);
		vital_expire(HS_VITAL_DEADLINE_MISS);
	}
	vital_set(HS_VITAL_PULSE_PERIOD, pulse.period_ns, from);
	vital_set(HS_VITAL_PULSE_COST, pulse.cost_ns, from);
	vital_set(HS_VITAL_PULSE_LATE, pulse.late_ns, from);
	sense = pulse.spent_ns + pulse.sampled * sense_ns;
	if (pulse.switches > pulse.sampled)
		sense += (pulse.switches - pulse.sampled) * pass_ns;
	vital_set(HS_VITAL_SENSE_COST, cpu_us ? sense / cpu_us : 0, from);

	pulse.rates_ns = reflex.now;
	pulse.switches = 0;
	pulse.sampled = 0;
	pulse.migrated = 0;
	pulse.missed = 0;
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
	struct hist_quantiles *q = &pulse.q;
	struct sense_bank *b;
	struct fold_class *f;
	__u64 n = 0;
	int work = 0;

	if (!s || !cv || c >= HS_CLASS_NR || side > 1)
		return 0;
	b = &s->bank[side];
	f = &pulse.class[c];
	HS_NO_UNROLL
	for (__u32 w = 0; w < HS_HIST_BUCKETS / 64; w++) {
		__u64 bits = b->used[c][w];

		f->used[w] |= bits;
		HS_NO_UNROLL
		for (__u32 k = 0; k < 64 && bits; k++) {
			__u32 i = w * 64 + hist_lowest(bits);
			__u32 here = b->wait[c][i];

			bits &= bits - 1;
			f->wait[i] += here;
			n += here;
			work++;
		}
	}
	if (!f->n)
		f->since_ns = pulse.window_ns;
	f->n += n;
	f->run_ns += b->run_ns[c];
	f->off_ns += b->off_ns[c];
	f->sleeps += b->sleeps[c];
	hist_quantiles(b->wait[c], b->used[c], n, 1, q);
	b->used[c][0] = 0;
	b->used[c][1] = 0;
	b->run_ns[c] = 0;
	b->off_ns[c] = 0;
	b->sleeps[c] = 0;
	cv->p50_ns[c] = q->p50;
	cv->p95_ns[c] = q->p95;
	cv->p99_ns[c] = q->p99;
	cv->samples[c] = n;
	cv->updated_ns = reflex.now;
	pulse.waits += n;
	return work;
}

/* How many switches of a CPU to let pass for each that is measured. */
static __always_inline __u32 every_for(__u64 hz)
{
	__u64 every = hz / EVERY_HZ;

	return every < 1 ? 1 : every > EVERY_MAX ? EVERY_MAX : every;
}

/* Takes what one CPU has gathered. Returns the work that it was. */
__noinline int fold_cpu(__u32 cpu)
{
	struct sense_cpu *s = bpf_map_lookup_elem(&SENSE, &cpu);
	struct pulse_cpu *p = bpf_map_lookup_elem(&PULSE_CPUS, &cpu);
	__u64 switches, hz, dt;
	int work = 4;
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
	DELTA(pulse.crit_run_ns, s->crit_run_ns, p->crit_run_ns);
#undef DELTA
	if (s->bank[side].wait_max_ns > pulse.wait_max_ns)
		pulse.wait_max_ns = s->bank[side].wait_max_ns;
	s->bank[side].wait_max_ns = 0;
	HS_NO_UNROLL
	for (__u32 c = 0; c < HS_CLASS_NR; c++) {
		if (s->bank[side].used[c][0] | s->bank[side].used[c][1])
			work += fold_class(cpu, c, side);
	}
	return work;
}

/* Goes on with the fold. Returns 1 when the last CPU is done. */
__noinline int fold_some(void)
{
	int work = 0;

	HS_NO_UNROLL
	for (__u32 i = 0; i < FOLD_CPUS; i++) {
		if (pulse.cpu >= nr_cpus || work > 4 * FOLD_WORK)
			break;
		work += fold_cpu(pulse.cpu);
		pulse.cpu++;
	}
	return pulse.cpu >= nr_cpus;
}

static __always_inline void fold_begin(__u64 now)
{
	pulse.window_ns = pulse.fold_ns;
	pulse.fold_ns = now;
	pulse.cpu = 0;
	pulse.wait_max_ns = 0;
	pulse.waits = 0;
	pulse.rate_max_hz = 0;
}

/* ---- heart rate ---- */

static __always_inline void heart_rate(const struct hs_config *c, __u64 least, __u64 most)
{
	bool stress = pulse.wait_max_ns > c->stress_wait_ns ||
		      pulse.rate_max_hz > c->stress_switches_hz || reflex.distress ||
		      reflex.moving;

	if (stress) {
		pulse.period_ns = least;
		pulse.calm_ns = reflex.now;
	} else if (reflex.now - pulse.calm_ns >= CALM_NS) {
		pulse.period_ns = 2 * pulse.period_ns > most ? most : 2 * pulse.period_ns;
		pulse.calm_ns = reflex.now;
	}
}

/* All that happens once per window. */
__noinline int pulse_publish(void)
{
	__u32 zero = 0;
	struct hs_config *c = bpf_map_lookup_elem(&CONFIG, &zero);

	if (!c)
		return 0;
	class_publish(HS_CLASS_CRITICAL);
	class_publish(HS_CLASS_NORMAL);
	class_publish(HS_CLASS_BATCH);
	starved_publish();
	if (reflex.now - pulse.rates_ns >= RATE_NS)
		rates_publish();
	reflex_rules();
	heart_rate(c, c->period_min_ns, c->period_max_ns);
	return 0;
}

/* ---- watchdog ---- */

/*
 * Lease. Actuators compare it with jiffies64, so it has to name the first jiffy that begins after
 * `due_ns`: not earlier, or a healthy host would be stock for a moment between two pulses; not much
 * later, or a host with a dead pulse would not be. Jiffies advance every tick_ns of CLOCK_MONOTONIC,
 * so their phase is a constant, and the least (now - jiffies * tick) ever seen is close to it from above:
 * at an interval that is odd to the tick, to within 1/4 tick after a few pulses. With that quarter as
 * margin the lease ends 0 … 1 1/4 ticks after due_ns.
 */
static __always_inline void lease_renew(__u64 now, __u64 due)
{
	__u64 phase = now - bpf_jiffies64() * tick_ns;

	/* signed: jiffies start below zero, the phase may lie before the clock's start */
	if ((__s64)(phase - pulse.phase_ns) < 0 || pulse.phase_ns == ~0ULL)
		pulse.phase_ns = phase;
	gate.lease_jiffies = (due + tick_ns / 4 - pulse.phase_ns) / tick_ns + 1;
}

/* The gate was shut, by us or by somebody else: say so. The knobs follow in run_set(). */
static __noinline int gate_report(void)
{
	struct hs_event *e;

	if (!gate.trip_reason) /* disarmed in good order */
		return 0;
	e = event_reserve(HS_EVENT_TRIP, reflex.now);
	if (!e)
		return 0;
	e->id = gate.trip_reason;
	e->from = gate.heartbeat_ns;
	if (reflex.now > gate.trip_ns)
		e->latency_ns = reflex.now - gate.trip_ns;
	event_submit_now(e);
	return 0;
}

/*
 * Returns the time until the heartbeat falls due, 0 where the gate is shut. The heartbeat may be
 * renewed between our look and our verdict only if it was overdue already: then the trip is right.
 */
static __always_inline __u64 watch(__u64 now)
{
	__u32 armed = *(volatile __u32 *)&gate.armed;
	__u64 due = *(volatile __u64 *)&gate.due_ns, rem = 0;

	if (armed && now > due) {
		gate.trip_reason = HS_TRIP_HEARTBEAT;
		gate.trip_ns = now;
		barrier();
		*(volatile __u32 *)&gate.armed = 0;
		armed = 0;
	}
	if (armed) {
		rem = due - now;
		if (rem > DUE_FAR_NS)
			rem = DUE_FAR_NS;
		lease_renew(now, now + rem);
		rem++; /* not 0 */
	} else if (pulse.armed) {
		gate.lease_jiffies = 0;
		gate_report();
	}
	pulse.armed = armed;
	return rem;
}

/* Starts or stops the reflex as mode and gate say. Every arming begins from stock. */
static __always_inline void run_set(void)
{
	__u32 mode = gate.mode, run = REFLEX_OFF;

	if (mode == HS_MODE_ADVISE)
		run = REFLEX_SHADOW;
	else if (mode == HS_MODE_ACT && pulse.armed)
		run = REFLEX_LIVE;
	if (run == reflex.run && gate.generation == reflex.generation)
		return;
	reflex.generation = gate.generation;
	reflex_reset(run);
	pulse.kicked = 1; /* take the wishes at once */
}

/* ---- the timer ---- */

/* Time to the next pulse, from now. */
static __always_inline __u64 pulse_next(__u64 rem)
{
	__u64 period = pulse.period_ns, odd = period / 8;
	__u64 next = period + period / 16 + (odd < ODD_NS ? odd : ODD_NS);

	if (pulse.cpu < nr_cpus) /* a fold is under way */
		next /= 8;
	if (rem && rem + DUE_MARGIN_NS < next)
		next = rem + DUE_MARGIN_NS;
	return next < PERIOD_LEAST_NS ? PERIOD_LEAST_NS : next;
}

static __always_inline void period_bound(const struct hs_config *c)
{
	__u64 least = c->period_min_ns, most = c->period_max_ns;

	if (least < PERIOD_LEAST_NS)
		least = PERIOD_LEAST_NS;
	if (most > PERIOD_MOST_NS)
		most = PERIOD_MOST_NS;
	if (pulse.period_ns > most)
		pulse.period_ns = most;
	if (pulse.period_ns < least)
		pulse.period_ns = least;
	gate.period_ns = pulse.period_ns;
}

static int pulse_beat(void *map, __u32 *key, struct pulse_timer *t)
{
	__u64 now = bpf_ktime_get_ns(), rem, cost;
	__u32 zero = 0;
	struct hs_config *c = bpf_map_lookup_elem(&CONFIG, &zero);

	(void)map;
	(void)key;
	if (!c)
		return 0;
	reflex.now = now;
	pulse.late_ns = now > pulse.planned_ns ? now - pulse.planned_ns : 0;
	rem = watch(now);
	run_set();
	if (pulse.kicked) {
		pulse.kicked = 0;
		reflex_wishes();
		if (reflex.moving)
			pulse.period_ns = 0; /* to be bounded: the least */
	}
	if (pulse.cpu >= nr_cpus && now - pulse.fold_ns >= c->window_ns) {
		reflex_wishes();
		fold_begin(now);
	}
	if (pulse.cpu < nr_cpus && fold_some())
		pulse_publish();
	if (reflex.moving)
		reflex_move();
	period_bound(c);

	rem = pulse_next(rem);
	cost = bpf_ktime_get_ns() - now;
	pulse.spent_ns += cost;
	pulse.cost_ns += ((__s64)(cost - pulse.cost_ns)) >> 3;
	pulse.planned_ns = now + cost + rem;
	bpf_timer_start(&t->timer, rem, pulse.flags);
	return 0;
}

/*
 * Starts the pulse on the CPU that this is run on, or, if it runs, makes it beat at once (and there
 * from now on): after arming, a change of mode or a wish the daemon does so instead of waiting for
 * the next beat. Returns 0 or a negative errno.
 */
SEC("syscall")
int pulse_start(void *ctx)
{
	__u32 zero = 0;
	struct pulse_timer *t = bpf_map_lookup_elem(&PULSE, &zero);
	int err;

	(void)ctx;
	if (!t)
		return -2; /* ENOENT: cannot happen */
	err = bpf_timer_init(&t->timer, &PULSE, CLOCK_MONOTONIC);
	if (!err) {
		__u64 now = bpf_ktime_get_ns();

		pulse.flags = BPF_F_TIMER_CPU_PIN;
		pulse.phase_ns = ~0ULL;
		pulse.fold_ns = now;
		pulse.rates_ns = now;
		pulse.calm_ns = now;
		pulse.cpu = nr_cpus;
		pulse.planned_ns = ~0ULL;
		reflex.now = now;
		reflex_reset(REFLEX_OFF);
		bpf_timer_set_callback(&t->timer, pulse_beat);
	} else if (err != -16) { /* EBUSY: made before */
		return err;
	}
	pulse.kicked = 1;
	err = bpf_timer_start(&t->timer, 1000, pulse.flags);
	if (err == -22 && pulse.flags) { /* EINVAL: kernel before 6.7 cannot pin */
		pulse.flags = 0;
		err = bpf_timer_start(&t->timer, 1000, 0);
	}
	return err;
}
