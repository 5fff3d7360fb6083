// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The heart: a timer that watches the heartbeat, renews the lease, makes vital signs out of the
 * sensors' histograms and lets the reflex act on them.
 *
 * A pulse. First the watchdog, always: is the daemon's heartbeat overdue, the gate is shut, else
 * the lease is renewed. This is all that a pulse does as long as the window of samples is open. Once
 * `window_ns` has passed, it folds: takes the sensors' banks, CPU by CPU, into one histogram per
 * class; where the CPUs are many, a part at each pulse (FOLD_WORK), and not so often (FOLD_SHARE): a host
 * of 256 busy CPUs is folded within 10 ms, a few times a second. After the last CPU the vital signs
 * are published, the invariants judged (invariant.h; a broken one shuts the gate), wishes and rules
 * looked at, and the heart rate set.
 *
 * Heart rate. Under stress (a long wait, many switches, a rule above its `high`, a knob on its way)
 * the period is period_min_ns at once; each calm quarter of a second doubles it, up to period_max_ns. The interval is
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
#include "fold.h"
#include "busy.h"
#include "lib/gate.h"
#include "invariant.h"
#include "fault.h"

#define PERIOD_LEAST_NS 100000ULL
#define PERIOD_MOST_NS 500000000ULL
#define ODD_NS 37000ULL
#define DUE_MARGIN_NS 20000ULL /* how long after the heartbeat fell due it is looked at */
#define DUE_FAR_NS NSEC	       /* a promise further away than this counts as this */
#define CALM_NS (NSEC / 4)

/* A fact of the machine, set by the daemon before load: clock_getres(CLOCK_MONOTONIC_COARSE). */
const volatile __u64 tick_ns = 4000000; /* one jiffy */

struct pulse_timer {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pulse_timer);
} PULSE SEC(".maps");

/* ---- heart rate ---- */

static __always_inline void heart_rate(const struct hs_config *c, __u64 least, __u64 most)
{
	bool stress = pulse.wait_max_ns > c->stress_wait_ns ||
		      pulse.rate_max_hz > c->stress_switches_hz || reflex.distress ||
		      reflex.moving || pulse.strained;

	if (stress) {
		pulse.period_ns = least;
		pulse.calm_ns = reflex.now;
	} else if (reflex.now - pulse.calm_ns >= CALM_NS) {
		pulse.period_ns = 2 * pulse.period_ns > most ? most : 2 * pulse.period_ns;
		pulse.calm_ns = reflex.now;
	}
}

/*
 * The pulse at its fastest. Where nothing may be acted on, a pulse between two windows finds nothing
 * to do: then it is one a window.
 */
static __always_inline __u64 period_least(const struct hs_config *c)
{
	if (!gate.armed && c->period_min_ns < c->window_ns)
		return c->window_ns;
	return c->period_min_ns;
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

/* Is a trip for this reason about a vital sign? */
static __always_inline bool trip_measured(__u32 reason)
{
	return reason == HS_TRIP_LIMIT || reason == HS_TRIP_SLO || reason == HS_TRIP_HARM;
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
	e->vital = HS_VITAL_NR; /* none */
	if (trip_measured(gate.trip_reason)) {
		e->vital = gate.trip_vital;
		e->value = gate.trip_value;
		e->to = gate.trip_limit;
	}
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
		gate_shut(HS_TRIP_HEARTBEAT, HS_VITAL_NR, 0, 0);
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
	decide(HS_DECISION_RESET, run);
	limits_begin();
	pulse.kicked = 1; /* take the wishes at once */
}

/*
 * The invariants. Returns whether one was broken: then the gate is shut, and everything stock, in this
 * very pulse.
 */
static __noinline int limits_watch(const struct hs_config *c)
{
	int state;

	pulse.strained = 0;
	reflex.near = 0;
	if (!pulse.armed)
		return 0;
	HS_NO_UNROLL
	for (__u32 i = 0; i < HS_LIMITS_MAX && i < c->limits_nr; i++) {
		state = limit_watch(i);
		if (state == 2)
			pulse.strained = 1; /* a fast heart finds out sooner */
		if (state != 1)
			continue;
		pulse.armed = 0;
		gate.lease_jiffies = 0;
		gate_report();
		run_set();
		return 1;
	}
	return 0;
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
	extremes_publish();
	if (reflex.now - pulse.rates_ns >= RATE_NS)
		rates_publish();
	counts_publish();
	if (!limits_watch(c))
		decide(HS_DECISION_RULES, 0);
	heart_rate(c, period_least(c), c->period_max_ns);
	fault_scribble(reflex.now);
	return 0;
}

/* ---- the timer ---- */

/* Time to the next pulse, from now. */
static __always_inline __u64 pulse_next(__u64 rem)
{
	__u64 period = pulse.period_ns, odd = period / 8;
	__u64 next = period + period / 16 + (odd < ODD_NS ? odd : ODD_NS);

	if (pulse.cpu < nr_cpus) { /* a fold is under way */
		next /= 8;
		if (next > FOLD_STEP_NS)
			next = FOLD_STEP_NS;
	}
	if (rem && rem + DUE_MARGIN_NS < next)
		next = rem + DUE_MARGIN_NS;
	return next < PERIOD_LEAST_NS ? PERIOD_LEAST_NS : next;
}

static __always_inline void period_bound(const struct hs_config *c)
{
	__u64 least = period_least(c), most = c->period_max_ns;

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

/* @counting: also reads what the kernel counts. A constant: what is not called is not in the program. */
static __always_inline int beat(struct pulse_timer *t, bool counting)
{
	__u64 now = bpf_ktime_get_ns(), rem, cost;
	__u32 zero = 0;
	struct hs_config *c = bpf_map_lookup_elem(&CONFIG, &zero);

	if (!c)
		return 0;
	reflex.now = now;
	if (now > pulse.planned_ns && now - pulse.planned_ns > pulse.late_max_ns)
		pulse.late_max_ns = now - pulse.planned_ns;
	rem = watch(now);
	run_set();
	if (pulse.kicked) {
		pulse.kicked = 0;
		decide(HS_DECISION_WISHES, 0);
		if (reflex.moving)
			pulse.period_ns = 0; /* to be bounded: the least */
	}
	if (fold_due(now, c->window_ns)) {
		decide(HS_DECISION_WISHES, 0);
		fold_begin(now);
	}
	if (pulse.cpu < nr_cpus) {
		int whole = fold_some(counting ? counts_work() : 0);

		if (counting)
			counts_upto(pulse.cpu, FOLD_CPUS);
		if (whole) {
			fold_paid();
			pulse_publish();
		}
	}
	if (counting)
		steer_judge();
	if (reflex.moving)
		decide(HS_DECISION_MOVE, 0);
	fault_storm();
	period_bound(c);

	rem = pulse_next(rem);
	cost = bpf_ktime_get_ns() - now;
	pulse.spent_ns += cost;
	pulse.cost_ns += ((__s64)(cost - pulse.cost_ns)) >> 3;
	if (*(volatile __u32 *)&pulse.kicked)
		rem = 1000; /* by pulse_start(), meanwhile: what it set is lost with the next line */
	pulse.planned_ns = now + cost + rem;
	if (fault_pulse_dead())
		return 0;
	bpf_timer_start(&t->timer, rem + fault_pulse_late(), pulse.flags);
	return 0;
}

static int pulse_beat(void *map, __u32 *key, struct pulse_timer *t)
{
	(void)map;
	(void)key;
	return beat(t, false);
}

static int counts_beat(void *map, __u32 *key, struct pulse_timer *t)
{
	(void)map;
	(void)key;
	return beat(t, true);
}

static __always_inline int start(int (*callback)(void *, __u32 *, struct pulse_timer *))
{
	__u32 zero = 0;
	struct pulse_timer *t = bpf_map_lookup_elem(&PULSE, &zero);
	int err;

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
		decide(HS_DECISION_RESET, REFLEX_OFF);
		bpf_timer_set_callback(&t->timer, callback);
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

/*
 * Starts the pulse on the CPU that this is run on, or, if it runs, makes it beat at once (and there
 * from now on): after arming, a change of mode or a wish the daemon does so instead of waiting for
 * the next beat. Returns 0 or a negative errno.
 */
SEC("syscall")
int pulse_start(void *ctx)
{
	(void)ctx;
	return start(pulse_beat);
}

/* The same with what the kernel counts (counts.h). One of the two is loaded. */
SEC("syscall")
int counts_start(void *ctx)
{
	(void)ctx;
	counts_find();
	return start(counts_beat);
}
