// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The sched_ext scheduler: three classes, four kinds of queue.
 *
 * Critical tasks run at once. A waking one goes to an idle CPU, else it preempts the least important
 * task in its cache domain; only if a critical task with an earlier deadline runs there, it waits in
 * DSQ_CRITICAL, earliest deadline first. What it takes this way is charged to the CPU's critical
 * budget; without budget it competes as a normal task.
 *
 * Normal and batch tasks share each cache domain's DSQ_FAIR by weighted virtual time (a pinned task
 * waits in its CPU's DSQ_PINNED, under the same virtual time). They differ in their slice, and batch
 * can be held to a duty cycle: over it, its tasks wait in DSQ_PARKED and run when nothing else wants
 * the CPU.
 *
 * A preempted task keeps the rest of its slice and the first place in its CPU's own queue: it goes
 * on where it stopped, without a queue, a dispatch or a lock in between, and the interruption costs
 * the neighbours two context switches and nothing else.
 *
 * Age: every eighth of `sched.starvation_ms` each CPU looks at the far end of its queues and takes
 * those that have waited for five eighths of it, whatever their weight: the quarter that is left is
 * for the slice that has to end first.
 *
 * Worked example, one CPU, four hogs, a 1 ms probe: the timer wakes the probe; enqueue() finds a
 * batch task running, puts the probe into the local queue with SCX_ENQ_PREEMPT; the hog's stopping()
 * gives it back the 3.2 ms left of its slice; running(probe) takes the sample; 20 us later the probe
 * sleeps, the pick finds the hog in the local queue: no dispatch.
 *
 * Gate shut: every task goes into one fair queue (DSQ_STOCK), nothing else, and the scheduler asks
 * the kernel to let it go. Until it has gone dispatch() also empties the other queues: no task is lost.
 *
 * Known limits. Virtual time is per cache domain, so fairness between domains comes from idle CPUs
 * stealing alone. cpu.max is not implemented: the daemon does not arm where it is set. Tasks of the
 * realtime and deadline classes are not ours, and a critical task waits for them.
 */
#include "sched_group.h"
#include "sched_place.h"

#define AGE_SCAN 32 /* tasks looked at from the far end of a queue */

/* ---- gate shut ---- */

/* Asks the kernel, once, to end this scheduler; records when the first stock decision was taken. */
static __noinline int leave(void)
{
	static char fmt[] = "homeostat: gate shut";
	unsigned long long none = 0;

	if (!gate.safe_ns)
		gate.safe_ns = bpf_ktime_get_ns();
	if (!__sync_lock_test_and_set(&gate.leaving, 1)) {
		if (gate.armed && !gate.trip_reason) /* nobody shut it: the lease is over */
			gate.trip_reason = HS_TRIP_LEASE;
		gate.armed = 0;
		scx_bpf_exit_bstr(gate.trip_reason, fmt, &none, 0);
	}
	return 0;
}

static __always_inline u64 stock_slice_ns(void)
{
	u32 id = HS_KNOB_SLICE_NORMAL;
	struct hs_bound *b = bpf_map_lookup_elem(&BOUNDS, &id);

	return b ? b->stock * 1000 : 5 * MSEC;
}

static __noinline void stock_enqueue(struct task_struct *p, u64 flags)
{
	struct sense_cpu *sc = sense_this_cpu();

	leave();
	if (sc)
		sense_count(sc, HS_COUNT_STOCK);
	insert_ordered(p, DSQ_STOCK, stock_slice_ns(), p->scx.dsq_vtime, flags);
}

static __noinline void stock_dispatch(s32 cpu)
{
	u32 llc = llc_of(cpu), i;

	leave();
	if (scx_bpf_dsq_move_to_local(DSQ_STOCK) || scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu)) ||
	    scx_bpf_dsq_move_to_local(DSQ_CRITICAL(llc)) ||
	    scx_bpf_dsq_move_to_local(DSQ_FAIR(llc)) || scx_bpf_dsq_move_to_local(DSQ_PARKED(llc)))
		return;
	for (i = 0; i < LLCS_MAX && i < nr_llcs; i++) {
		if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(i)) ||
		    scx_bpf_dsq_move_to_local(DSQ_FAIR(i)) ||
		    scx_bpf_dsq_move_to_local(DSQ_PARKED(i)))
			return;
	}
}

/* ---- admission ---- */

/*
 * Is what wakes a task right now an event: an interrupt, a critical task, or a task that is not ours
 * (realtime)? Not one: a normal or batch task that goes on with its work.
 */
static __always_inline bool woken_by_event(void)
{
	struct cpu_state *here = cpu_state_of(bpf_get_smp_processor_id());
	const unsigned long *count;

	if (!here || (here->class != HS_CLASS_NORMAL && here->class != HS_CLASS_BATCH))
		return true;
	if (!bpf_ksym_exists(&__preempt_count))
		return true;
	count = bpf_this_cpu_ptr(&__preempt_count);
	return *count & PREEMPT_COUNT_INTERRUPT;
}

static __always_inline void note_wakeup(struct task_state *s)
{
	if (s->workload)
		return;
	if (woken_by_event())
		s->flags |= TASK_EVENT;
	else
		s->flags &= ~TASK_EVENT;
}

/* May @p run with precedence on @cpu? Refused: it competes as normal, and that is counted. */
static __always_inline bool express(struct task_struct *p, struct task_state *s,
				    struct cpu_state *c, u32 cpu, u64 now)
{
	struct sense_cpu *sc;

	if (s->class != HS_CLASS_CRITICAL)
		return false;
	refill(c, now);
	if (c->budget_ns > 0)
		return true;
	sc = sense_this_cpu();
	if (sc)
		sense_count(sc, HS_COUNT_OVER_BUDGET);
	if (now - c->reported_ns > BUDGET_WINDOW_NS && knob_bounded(HS_KNOB_CRITICAL_BUDGET)) {
		c->reported_ns = now;
		event_task(HS_EVENT_BUDGET, p, cpu, 0);
	}
	return false;
}

static __always_inline u64 critical_slice_ns(struct cpu_state *c)
{
	u64 slice = knob_bounded(HS_KNOB_SLICE_CRITICAL) * 1000;

	return c->budget_ns > 0 && slice > (u64)c->budget_ns ? (u64)c->budget_ns : slice;
}

/* First into the queue of the CPU that @p is on, ahead of what runs there. */
static __always_inline void insert_ahead(struct task_struct *p, u64 slice_ns, u64 flags)
{
	insert(p, SCX_DSQ_LOCAL, slice_ns, flags | SCX_ENQ_PREEMPT);
}

static __always_inline void enqueue_critical(struct task_struct *p, struct task_state *s,
					     struct cpu_state *c, struct sense_cpu *sc, u32 cpu,
					     u64 flags, u64 now)
{
	u64 deadline = deadline_of(s, flags & SCX_ENQ_WAKEUP || !s->wake_ns ? now : s->wake_ns);
	u32 llc = llc_of(cpu);
	struct llc_state *l = llc_state_of(llc);

	s->slice_ns = critical_slice_ns(c);
	s->flags |= TASK_EXPRESS;
	if (c->class != HS_CLASS_CRITICAL || deadline < c->deadline_ns) {
		c->class = HS_CLASS_CRITICAL;
		c->deadline_ns = deadline;
		sense_count(sc, HS_COUNT_CRITICAL_PREEMPT);
		insert_ahead(p, s->slice_ns, flags);
		return;
	}
	if (l)
		l->hint = 1;
	sense_count(sc, HS_COUNT_CRITICAL_QUEUED);
	insert_ordered(p, DSQ_CRITICAL(llc), s->slice_ns, deadline, flags);
}

static __always_inline void enqueue_fair(struct task_struct *p, struct task_state *s,
					 struct cpu_state *c, struct sense_cpu *sc, u32 cpu,
					 u64 flags, u64 now)
{
	u32 llc = llc_of(cpu),
	    class = s->class == HS_CLASS_BATCH ? HS_CLASS_BATCH : HS_CLASS_NORMAL;
	struct llc_state *l = llc_state_of(llc);
	bool pinned = task_pinned(p);
	u64 slice, guard;
	s32 idle;

	if (!l)
		return;
	slice = fair_slice_ns(p, class, cpu);
	s->slice_ns = slice;
	s->flags &= ~TASK_EXPRESS;
	if (flags & SCX_ENQ_WAKEUP)
		vtime_bound(s, l, slice);

	/* alone with what runs: nothing to order it against */
	if (pinned && p->se.cfs_rq->rq->nr_running <= 2 && c->class != NOTHING) {
		sense_count(sc, HS_COUNT_DIRECT_LOCAL);
		insert(p, SCX_DSQ_LOCAL, slice, flags);
		return;
	}
	if (flags & SCX_ENQ_WAKEUP && (c->class == HS_CLASS_NORMAL || c->class == HS_CLASS_BATCH)) {
		guard = class < c->class ? 0 : knob_bounded(HS_KNOB_PREEMPT_THRESHOLD) * 1000;
		if ((s64)(c->vtime - s->vtime) > 0 && (s64)(now - c->since_ns) > (s64)guard) {
			sense_count(sc, HS_COUNT_NORMAL_PREEMPT);
			insert_ahead(p, slice, flags);
			return;
		}
	}
	sense_count(sc, HS_COUNT_NORMAL_QUEUED);
	if (class == HS_CLASS_BATCH && c->duty_ns <= 0 && !pinned) {
		refill(c, now);
		if (c->duty_ns <= 0) {
			sense_count(sc, HS_COUNT_PARKED);
			insert(p, DSQ_PARKED(llc), slice, flags);
			return;
		}
	}
	insert_ordered(p, pinned ? DSQ_PINNED(cpu) : DSQ_FAIR(llc), slice, s->vtime, flags);
	if (nr_cpus > 1 && !pinned) {
		idle = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
		if (idle >= 0)
			scx_bpf_kick_cpu(idle, SCX_KICK_IDLE);
	}
}

SEC("struct_ops/enqueue")
void BPF_PROG(sched_enqueue, struct task_struct *p, u64 flags)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = p->thread_info.cpu;
	struct cpu_state *c = cpu_state_of(cpu);
	struct sense_cpu *sc = sense_this_cpu();
	u64 now;

	if (!s || !c || !sc || !gate_open()) {
		stock_enqueue(p, flags);
		return;
	}
	/* the kernel's own per-CPU workers: others wait for them */
	if (p->flags & PF_KTHREAD && task_pinned(p) && nr_cpus > 1) {
		s->slice_ns = stock_slice_ns();
		insert_ahead(p, s->slice_ns, flags);
		return;
	}
	/* where select_cpu() was asked it has noted it: this may be another CPU, in an interrupt */
	if (flags & SCX_ENQ_WAKEUP &&
	    !(flags & bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_CPU_SELECTED)))
		note_wakeup(s);
	group_task_runnable(p, s);
	now = rq_clock_of(p);
	if (express(p, s, c, cpu, now))
		enqueue_critical(p, s, c, sc, cpu, flags, now);
	else
		enqueue_fair(p, s, c, sc, cpu, flags, now);
}

/* ---- placement ---- */

SEC("struct_ops/select_cpu")
s32 BPF_PROG(sched_select_cpu, struct task_struct *p, s32 prev, u64 wake_flags)
{
	struct task_state *s = task_state_of(p);
	struct sense_cpu *sc = sense_this_cpu();
	struct llc_state *l;
	struct cpu_state *c;
	bool idle = false;
	s32 cpu = -1;

	if (!s || !sc || !gate_open()) {
		cpu = scx_bpf_select_cpu_dfl(p, prev, wake_flags, &idle);
		leave();
		if (idle)
			insert(p, SCX_DSQ_LOCAL, stock_slice_ns(), 0);
		return cpu;
	}
	note_wakeup(s);
	if (s->workload)
		cpu = declared_cpu(p, s, &idle);
	if (cpu < 0) {
		cpu = scx_bpf_select_cpu_dfl(p, prev, wake_flags, &idle);
		if (idle && reserved_for_others(s, cpu)) {
			idle = false;
			cpu = prev;
		}
	}
	c = cpu_state_of(cpu);
	if (!c)
		return cpu;
	if (!idle)
		return s->class == HS_CLASS_CRITICAL ? least_important(p, cpu) : cpu;
	l = llc_state_of(llc_of(cpu));
	if (!l)
		return cpu;
	if (s->class == HS_CLASS_CRITICAL) {
		s->slice_ns = critical_slice_ns(c);
		s->flags |= TASK_EXPRESS;
	} else {
		s->slice_ns = fair_slice_ns(p, s->class, cpu);
		s->flags &= ~TASK_EXPRESS;
		vtime_bound(s, l, s->slice_ns);
	}
	group_task_runnable(p, s);
	sense_count(sc, HS_COUNT_DIRECT_IDLE);
	insert(p, SCX_DSQ_LOCAL, s->slice_ns, 0);
	return cpu;
}

/* ---- books ---- */

/* CPU time since @p got the CPU or was last charged, put down to all that want to know. Returns it. */
static __always_inline u64 charge(struct task_struct *p, struct task_state *s, struct cpu_state *c,
				  struct sense_cpu *sc)
{
	u64 used = task_exec_ns(p) - s->run_exec_ns;

	s->run_exec_ns = task_exec_ns(p);
	if (s->flags & TASK_EXPRESS) { /* paid for from the budget, not with virtual time */
		c->budget_ns -= used;
		sc->crit_run_ns += used;
		return used;
	}
	if (s->group)
		s->vtime += used * 100 * 1024 / group_flat_weight(p, s);
	else
		s->vtime += p->scx.weight == 100 ? used : used * 100 / (p->scx.weight ?: 1);
	if (s->class == HS_CLASS_BATCH)
		c->duty_ns -= used;
	return used;
}

/* ---- dispatch ---- */

/*
 * Takes tasks out of @dsq that have waited longer than the starvation bound, from its far end. The
 * count of tasks looked at stands in the map, not in a register: the verifier then sees one state of
 * the loop instead of AGE_SCAN.
 */
static __noinline void age(struct cpu_state *c, u64 dsq, s32 cpu, u64 bound_ns)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	struct sense_cpu *sc;
	u64 waited;

	c->scanned = 0;
	bpf_rcu_read_lock();
	bpf_iter_scx_dsq_new(&it, dsq, SCX_DSQ_ITER_REV);
	while ((p = bpf_iter_scx_dsq_next(&it)) && c->scanned++ < AGE_SCAN) {
		waited = rq_clock_of(p) - p->sched_info.last_queued;
		if (!p->sched_info.last_queued || (s64)waited < (s64)bound_ns)
			continue;
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		if (!scx_bpf_dsq_move(&it, p, SCX_DSQ_LOCAL_ON | cpu, 0))
			continue;
		sc = sense_this_cpu();
		if (sc)
			sense_count(sc, HS_COUNT_AGED);
		event_task(HS_EVENT_STARVED, p, cpu, waited);
	}
	bpf_iter_scx_dsq_destroy(&it);
	bpf_rcu_read_unlock();
}

/* How a dispatch of the fair queues came out. */
enum fair_choice {
	FAIR_NONE,  /* they are empty */
	FAIR_TAKEN, /* a task was taken */
	FAIR_KEPT,  /* the running task is further behind in virtual time than all that wait */
};

/*
 * The task that is furthest behind in virtual time, of both fair queues and the running one, whose
 * state @s is and which is not in a queue yet: without this look a task of great weight could never run twice in a row.
 */
static __always_inline enum fair_choice take_fair(struct cpu_state *c, struct llc_state *l, s32 cpu,
						  u32 llc, struct task_state *s)
{
	struct task_struct *a, *b = NULL, *first;
	bool pinned_first = c->turn++ & 1; /* before 6.19 there is no peek: they take turns */
	struct hs_cpu_topo *t = topo_of(cpu);
	bool shared = nr_cpus > 1 && !(t && t->reserved), kept;

	if (bpf_ksym_exists(scx_bpf_dsq_peek)) {
		bpf_rcu_read_lock();
		a = scx_bpf_dsq_peek(DSQ_PINNED(cpu));
		if (shared)
			b = scx_bpf_dsq_peek(DSQ_FAIR(llc));
		pinned_first = a && (!b || (s64)(a->scx.dsq_vtime - b->scx.dsq_vtime) < 0);
		first = pinned_first ? a : b;
		kept = first && s && (s64)(s->vtime - first->scx.dsq_vtime) < 0;
		if (first && !kept)
			vtime_advance(l, first->scx.dsq_vtime);
		bpf_rcu_read_unlock();
		if (kept)
			return FAIR_KEPT;
		if (!first)
			return FAIR_NONE;
	}
	if (pinned_first && scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu)))
		return FAIR_TAKEN;
	if (shared && scx_bpf_dsq_move_to_local(DSQ_FAIR(llc)))
		return FAIR_TAKEN;
	return scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu)) ? FAIR_TAKEN : FAIR_NONE;
}

/* @prev goes on, with a new slice that we know of. */
static __always_inline void keep_prev(struct task_struct *prev, struct task_state *s,
				      struct llc_state *l, s32 cpu)
{
	vtime_advance(l, s->vtime);
	s->slice_ns = fair_slice_ns(prev, s->class, cpu);
	s->flags &= ~TASK_EXPRESS;
	scx_bpf_task_set_slice(prev, s->slice_ns);
}

static __always_inline bool steal(s32 cpu, u32 llc)
{
	u32 i;

	for (i = 1; i < LLCS_MAX && i < nr_llcs; i++) {
		u32 from = (llc + i) % nr_llcs;

		if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(from)) ||
		    scx_bpf_dsq_move_to_local(DSQ_FAIR(from)))
			return true;
	}
	return scx_bpf_dsq_move_to_local(DSQ_PARKED(llc));
}

SEC("struct_ops/dispatch")
void BPF_PROG(sched_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 llc = llc_of(cpu);
	struct cpu_state *c = cpu_state_of(cpu);
	struct llc_state *l = llc_state_of(llc);
	struct sense_cpu *sc = sense_this_cpu();
	struct task_state *s = NULL;
	enum fair_choice choice;
	u64 now, bound;

	if (!c || !l || !sc || !gate_open()) {
		stock_dispatch(cpu);
		return;
	}
	if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(llc)))
		return;
	if (l->hint)
		l->hint = 0;
	now = prev ? rq_clock_of(prev) : 0;
	bound = knob_bounded(HS_KNOB_STARVATION) * MSEC;
	if (now - c->aged_ns > bound / 8) {
		c->aged_ns = now;
		age(c, DSQ_PINNED(cpu), cpu, bound * 5 / 8);
		age(c, DSQ_FAIR(llc), cpu, bound * 5 / 8);
		age(c, DSQ_PARKED(llc), cpu, bound * 5 / 8);
	}
	if (prev && prev->scx.flags & SCX_TASK_QUEUED) {
		s = task_state_of(prev);
		if (s)
			charge(prev, s, c, sc);
	}
	choice = take_fair(c, l, cpu, llc, s);
	if (choice == FAIR_TAKEN)
		return;
	if (s) {
		keep_prev(prev, s, l, cpu);
		return;
	}
	steal(cpu, llc);
}

/* ---- a task gets and leaves the CPU ---- */

SEC("struct_ops/running")
void BPF_PROG(sched_running, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state_of(cpu);
	struct sense_cpu *sc = sense_this_cpu();
	struct llc_state *l;
	u64 now;

	if (!s || !c || !sc)
		return;
	now = rq_clock_of(p);
	sense_count(sc, HS_COUNT_SWITCH);
	if (sense_sample(sc))
		sense_run(sc, p, s, now);
	c->since_ns = now;
	s->run_exec_ns = task_exec_ns(p);
	if (s->flags & TASK_SLEPT) {
		s->flags &= ~TASK_SLEPT;
		s->wake_ns = p->sched_info.last_queued;
	}
	c->vtime = s->vtime;
	if (s->flags & TASK_EXPRESS) {
		c->class = HS_CLASS_CRITICAL;
		c->deadline_ns = deadline_of(s, s->wake_ns);
		return;
	}
	c->class = s->class == HS_CLASS_BATCH ? HS_CLASS_BATCH : HS_CLASS_NORMAL;
	l = llc_state_of(llc_of(cpu));
	if (!l)
		return;
	/* where others wait, dispatch() knows better: this one may be out of turn, by age */
	if (p->se.cfs_rq->rq->nr_running <= 2)
		vtime_advance(l, s->vtime);
	/* a critical task came while another one ran, and this one was first in the local queue */
	if (l->hint)
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

/*
 * What is left of the slice is kept across a preemption: with a slice, the kernel puts @p first into
 * the local queue. Not where a critical task waits in DSQ_CRITICAL (@p would run before it), and not
 * where one stands in the local queue while a realtime task gets the CPU first: @p would be put
 * before it, and it would wait for the rest of @p's slice. (Seen: 1 in 1 000 probes, 8 ms.)
 */
static __always_inline void keep_slice(struct task_struct *p, struct task_state *s, u32 cpu,
				       u64 used, bool critical_ahead)
{
	struct llc_state *l = llc_state_of(llc_of(cpu));
	struct sense_cpu *sc = sense_this_cpu();
	struct rq *rq = p->se.cfs_rq->rq;

	if (s->slice_ns == SCX_SLICE_INF || !l || !sc)
		return;
	s->slice_ns = s->slice_ns > used ? s->slice_ns - used : 0;
	if (s->slice_ns < SLICE_LEFT_MIN_NS || l->hint)
		return;
	if (critical_ahead && rq->nr_running != rq->scx.nr_running)
		return;
	sense_count(sc, HS_COUNT_RESUMED);
	scx_bpf_task_set_slice(p, s->slice_ns);
}

SEC("struct_ops/stopping")
void BPF_PROG(sched_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state_of(cpu);
	struct sense_cpu *sc = sense_this_cpu();
	u64 used, burst, limit, now;
	bool critical_ahead;

	if (!s || !c || !sc)
		return;
	used = charge(p, s, c, sc);
	critical_ahead = c->class == HS_CLASS_CRITICAL; /* as enqueue_critical() has set it */
	c->class = NOTHING;
	if (!runnable)
		group_task_quiescent(s);
	if (!gate_open())
		return;
	burst = task_exec_ns(p) - s->sleep_exec_ns;
	limit = knob_bounded(HS_KNOB_RECOGNISE_BURST) * 1000;
	if (runnable) {
		if (burst > limit)
			task_run_goes_on(p, s, burst, limit, rq_clock_of(p));
		if (!(s->flags & TASK_EXPRESS))
			keep_slice(p, s, cpu, used, critical_ahead);
		return;
	}
	now = rq_clock_of(p);
	if (s->workload)
		workload_account(p, s, sc, burst, now);
	task_run_ended(p, s, burst, limit, now);
	s->sleep_exec_ns = task_exec_ns(p);
	s->flags |= TASK_SLEPT;
}

/* A yielding task gives up the rest of its slice, or stopping() would let it go on. */
SEC("struct_ops/yield")
bool BPF_PROG(sched_yield_to, struct task_struct *from, struct task_struct *to)
{
	struct task_state *s = task_state_of(from);

	if (s)
		s->slice_ns = 0;
	scx_bpf_task_set_slice(from, 0);
	return false;
}

/* Every tick (4 ms at HZ=250): where a long run is looked at, and where a shut gate is noticed. */
SEC("struct_ops/tick")
void BPF_PROG(sched_tick, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state_of(cpu);
	u64 run;

	if (!gate_open()) {
		leave();
		return;
	}
	if (!s || !c)
		return;
	task_run_goes_on(p, s, task_exec_ns(p) - s->sleep_exec_ns,
			 knob_bounded(HS_KNOB_RECOGNISE_BURST) * 1000, rq_clock_of(p));
	if (!(s->flags & TASK_EXPRESS))
		return;
	run = task_exec_ns(p) - s->run_exec_ns;
	refill(c, rq_clock_of(p));
	if (s->class != HS_CLASS_CRITICAL || c->budget_ns < (s64)run)
		scx_bpf_task_set_slice(p, 0);
}

/* ---- tasks come, change and go ---- */

SEC("struct_ops.s/init_task")
s32 BPF_PROG(sched_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_state *s, *parent;
	struct task_struct *current;

	s = bpf_task_storage_get(&TASKS, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s)
		return -12; /* ENOMEM: the fork fails, as it would for any other lack of memory */
	if (s->first_ns) {  /* the sensor knows it */
		s->group = group_slot(args->cgroup);
		return 0;
	}
	s->class = HS_CLASS_NORMAL;
	s->cpu = -1;
	s->first_ns = rq_clock_of(p);
	s->sleep_exec_ns = task_exec_ns(p);
	s->group = group_slot(args->cgroup);
	if (!args->fork) {
		task_declare(p, s, task_match(p), s->first_ns);
		return 0;
	}
	/* a child of a declared task belongs to the same workload */
	current = bpf_get_current_task_btf();
	parent = bpf_task_storage_get(&TASKS, current, NULL, 0);
	if (parent && parent->workload)
		task_declare(p, s, parent->workload, s->first_ns);
	return 0;
}

SEC("struct_ops/enable")
void BPF_PROG(sched_enable, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	struct llc_state *l = llc_state_of(llc_of(p->thread_info.cpu));

	if (s && l) {
		s->vtime = l->vtime_now;
		s->sleep_exec_ns = task_exec_ns(p);
	}
}

/* It leaves for another class (realtime, say), or we leave: it may be runnable and not running. */
SEC("struct_ops/disable")
void BPF_PROG(sched_disable, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);

	if (s)
		group_task_quiescent(s);
}

SEC("struct_ops.s/cgroup_init")
s32 BPF_PROG(sched_cgroup_init, struct cgroup *cgrp, struct scx_cgroup_init_args *args)
{
	struct cgroup *up = cgroup_parent(cgrp);
	struct group *g;

	if (!cgrp->level)
		return 0;
	g = group_of(group_find(cgroup_id(cgrp), true));
	if (!g)
		return 0;
	g->weight = args->weight;
	g->active = 0;
	g->parent = up ? group_slot(up) : 0;
	return 0;
}

SEC("struct_ops.s/cgroup_exit")
void BPF_PROG(sched_cgroup_exit, struct cgroup *cgrp)
{
	struct group *g = group_of(group_slot(cgrp));

	if (g)
		g->id = 0;
}

SEC("struct_ops/cgroup_set_weight")
void BPF_PROG(sched_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	struct group *g = group_of(group_slot(cgrp));

	if (g)
		g->weight = weight;
}

SEC("struct_ops/cgroup_move")
void BPF_PROG(sched_cgroup_move, struct task_struct *p, struct cgroup *from, struct cgroup *to)
{
	struct task_state *s = task_state_of(p);
	bool runnable;

	if (!s)
		return;
	runnable = s->counted;
	group_task_quiescent(s);
	s->group = group_slot(to);
	if (runnable)
		group_task_runnable(p, s);
	task_declare(p, s, task_match(p), rq_clock_of(p));
}

/* Without both of these a hotplugged CPU would end the scheduler. There is nothing to do. */
SEC("struct_ops/cpu_online")
void BPF_PROG(sched_cpu_online, s32 cpu)
{
}

SEC("struct_ops/cpu_offline")
void BPF_PROG(sched_cpu_offline, s32 cpu)
{
}

static int init_cpu(u32 cpu, void *unused)
{
	struct cpu_state *c = cpu_state_of(cpu);

	if (!c || scx_bpf_create_dsq(DSQ_PINNED(cpu), -1))
		return 1;
	c->class = NOTHING;
	return 0;
}

SEC("struct_ops.s/init")
s32 BPF_PROG(sched_init)
{
	s32 err = scx_bpf_create_dsq(DSQ_STOCK, -1);
	u32 i;

	for (i = 0; !err && i < nr_llcs && i < LLCS_MAX; i++) {
		err = scx_bpf_create_dsq(DSQ_CRITICAL(i), -1);
		if (!err)
			err = scx_bpf_create_dsq(DSQ_FAIR(i), -1);
		if (!err)
			err = scx_bpf_create_dsq(DSQ_PARKED(i), -1);
	}
	for (i = 0; !err && i < nr_cpus && i < HS_CPUS_MAX; i++)
		err = init_cpu(i, NULL) ? -12 : 0;
	return err;
}

/* The kernel let us go, asked or not: nothing may count on us any more. */
SEC("struct_ops.s/exit")
void BPF_PROG(sched_exit, struct scx_exit_info *info)
{
	if (gate.armed && !gate.trip_reason) {
		gate.trip_reason = HS_TRIP_SCHED_EXIT;
		gate.trip_ns = bpf_ktime_get_ns();
	}
	gate.armed = 0;
	gate.leaving = 1;
}

SEC(".struct_ops.link")
struct sched_ext_ops homeostat_ops = {
	.select_cpu = (void *)sched_select_cpu,
	.enqueue = (void *)sched_enqueue,
	.dispatch = (void *)sched_dispatch,
	.tick = (void *)sched_tick,
	.running = (void *)sched_running,
	.stopping = (void *)sched_stopping,
	.yield = (void *)sched_yield_to,
	.enable = (void *)sched_enable,
	.init_task = (void *)sched_init_task,
	.disable = (void *)sched_disable,
	.cgroup_init = (void *)sched_cgroup_init,
	.cgroup_exit = (void *)sched_cgroup_exit,
	.cgroup_set_weight = (void *)sched_cgroup_set_weight,
	.cgroup_move = (void *)sched_cgroup_move,
	.cpu_online = (void *)sched_cpu_online,
	.cpu_offline = (void *)sched_cpu_offline,
	.init = (void *)sched_init,
	.exit = (void *)sched_exit,
	.flags = SCX_OPS_ENQ_EXITING | SCX_OPS_ENQ_MIGRATION_DISABLED,
	.timeout_ms = 5000, /* beneath our own watchdogs; the kernel's default is 30 s */
	.name = "homeostat",
};
