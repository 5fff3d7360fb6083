/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Fair sharing: slices, virtual time, who comes next, and age.
 *
 * All virtual times are on one scale, and there is a clock for each group of tasks that compete with
 * each other: one for each cache domain's shared queue, and one for each CPU's pinned tasks. A task
 * that wakes up is put near the clock of its own group, so that a lone hog that races ahead on one
 * CPU does not set back those that wait on another.
 */
#ifndef HOMEOSTAT_ACT_SCHED_FAIR_H
#define HOMEOSTAT_ACT_SCHED_FAIR_H

#include "sched_group.h"
#include "sched_place.h"

#define AGE_SCAN 32 /* tasks looked at from the far end of a queue */

/* As what a task competes that has no precedence: a critical one over budget is a normal one. */
static __always_inline u32 fair_class(struct task_state *s)
{
	return s->class == HS_CLASS_BATCH ? HS_CLASS_BATCH : HS_CLASS_NORMAL;
}

/*
 * Slice of fair task @p: a quarter of the starvation bound at most, as who waits is looked at when it ends (age_all). With many
 * tasks on its CPU it is cut so that one round, stretched by critical work that uses all of its budget, takes a third of the
 * bound, as far as SLICE_MIN_NS allows; the rest is for the grain of the tick.
 */
static __always_inline u64 fair_slice_ns(struct task_struct *p, u32 class)
{
	u64 slice, round, bound = knob_bounded(HS_KNOB_STARVATION) * MSEC;
	u32 nr = p->se.cfs_rq->rq->nr_running;

	slice = knob_bounded(class == HS_CLASS_BATCH ? HS_KNOB_SLICE_BATCH : HS_KNOB_SLICE_NORMAL) *
		1000;
	if (slice > bound / 4)
		slice = bound / 4;
	if (nr < 3)
		return slice;
	round = bound / 1000 / 3 / nr *
		(1000 - knob_bounded(HS_KNOB_CRITICAL_BUDGET)); /* its bound is below 1000 */
	if (round < SLICE_MIN_NS)
		round = SLICE_MIN_NS;
	return slice < round ? slice : round;
}

static __always_inline void clock_advance(u64 *clock, u64 vtime)
{
	if ((s64)(*clock - vtime) < 0)
		*clock = vtime;
}

/*
 * Where a task joins those that compete by @clock. One that slept may not have saved up more than
 * @credit_ns, and one that ran alone for long does not owe more than the starvation bound.
 */
static __always_inline void vtime_bound(struct task_state *s, u64 clock, u64 credit_ns)
{
	u64 floor = clock - credit_ns;
	u64 ceiling = clock + knob_bounded(HS_KNOB_STARVATION) * MSEC;

	if ((s64)(s->vtime - floor) < 0)
		s->vtime = floor;
	else if ((s64)(s->vtime - ceiling) > 0)
		s->vtime = ceiling;
}

/* @s comes from another cache domain: its virtual time is carried over from clock to clock. */
static __always_inline void vtime_rebase(struct task_state *s, u32 llc)
{
	struct llc_state *from, *to;

	if (s->llc == llc + 1)
		return;
	from = s->llc ? llc_state_of(s->llc - 1) : NULL;
	to = llc_state_of(llc);
	s->llc = llc + 1;
	if (from && to)
		s->vtime += to->vtime_now - from->vtime_now;
}

/* CPU time since @p got the CPU or was last charged, put down to all that want to know. Returns it. */
static __always_inline u64 charge(struct task_struct *p, struct task_state *s, struct cpu_state *c,
				  struct sense_cpu *sc)
{
	u64 used = task_exec_ns(p) - s->run_exec_ns;

	s->run_exec_ns = task_exec_ns(p);
	if (s->flags & TASK_EXPRESS) { /* paid for from the budget, not with virtual time */
		refill(c, rq_clock_of(p));
		c->budget_ns -= used;
		if (is_self(s))
			c->own_ns -= used;
		sc->crit_run_ns += used;
		return used;
	}
	if (s->group)
		s->vtime += used * 100 * 1024 / group_flat_weight(p, s);
	else
		s->vtime += p->scx.weight == 100 ? used : used * 100 / (p->scx.weight ?: 1);
	if (s->class == HS_CLASS_BATCH) {
		refill(c, rq_clock_of(p));
		c->duty_ns -= used;
	}
	return used;
}

/* The virtual time of who comes next in @dsq; that of @p, just taken out, where nobody can be seen. */
static __always_inline u64 front_vtime(u64 dsq, struct task_struct *p)
{
	struct task_struct *first = NULL;

	if (bpf_ksym_exists(scx_bpf_dsq_peek))
		first = scx_bpf_dsq_peek(dsq);
	return first ? first->scx.dsq_vtime : p->scx.dsq_vtime;
}

/*
 * Takes tasks out of @dsq that have waited longer than the starvation bound, from its far end.
 * Returns whether any. The count of tasks looked at stands in the map, not in a register: the verifier
 * then sees one state of the loop instead of AGE_SCAN.
 *
 * Who is taken is let off what it was ahead. Back at the far end it would be looked at again and again,
 * and hide those that wait before it. (Seen: of 3 000 threads that began at once, the last 90 were up to
 * 1 ms of CPU time ahead, which among so many is 3 s; those out of sight starved until sched_ext ended us.)
 */
static __noinline int age(struct cpu_state *c, u64 dsq, s32 cpu, u64 bound_ns)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	struct task_state *s;
	struct sense_cpu *sc;
	u64 waited, vtime;
	int moved = 0;

	c->scanned = 0;
	bpf_rcu_read_lock();
	bpf_iter_scx_dsq_new(&it, dsq, SCX_DSQ_ITER_REV);
	while ((p = bpf_iter_scx_dsq_next(&it)) && c->scanned++ < AGE_SCAN) {
		waited = rq_clock_of(p) - p->sched_info.last_queued;
		if (!p->sched_info.last_queued || (s64)waited < (s64)bound_ns)
			continue;
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		if (p->migration_disabled && p->thread_info.cpu != (u32)cpu)
			continue; /* the kernel would end a scheduler that moves it */
		if (!scx_bpf_dsq_move(&it, p, SCX_DSQ_LOCAL_ON | cpu, 0))
			continue;
		moved = 1;
		s = task_state_of(p);
		vtime = front_vtime(dsq, p);
		if (s && (s64)(s->vtime - vtime) > 0)
			s->vtime = vtime;
		sc = sense_this_cpu();
		if (sc)
			sense_count(sc, HS_COUNT_AGED);
		event_task(HS_EVENT_STARVED, p, cpu, waited);
	}
	bpf_iter_scx_dsq_destroy(&it);
	bpf_rcu_read_unlock();
	return moved;
}

/* All queues that @cpu serves, every eighth of the bound. Returns whether a task was moved ahead. */
static __always_inline bool age_all(struct cpu_state *c, s32 cpu, u32 llc, bool shared, u64 now)
{
	u64 bound = knob_bounded(HS_KNOB_STARVATION) * MSEC;
	int moved;

	if (now - c->aged_ns < bound / 8)
		return false;
	c->aged_ns = now;
	bound = bound * 5 / 8;
	moved = age(c, DSQ_PINNED(cpu), cpu, bound);
	moved |= age(c, DSQ_PARKED_PINNED(cpu), cpu, bound);
	if (shared) {
		moved |= age(c, DSQ_FAIR(llc), cpu, bound);
		moved |= age(c, DSQ_PARKED(llc), cpu, bound);
	}
	return moved;
}

/* How a look into the fair queues came out. */
enum fair_choice {
	FAIR_NONE,  /* they are empty */
	FAIR_TAKEN, /* a task was taken */
	FAIR_KEPT,  /* the running task is further behind in virtual time than all that wait */
};

/*
 * The task that is furthest behind in virtual time, of both fair queues and the running one, whose
 * state @s is and which is not in a queue yet: without this look a task of great weight could never
 * run twice in a row. A pinned task that raced ahead while it was alone counts as at most the
 * starvation bound ahead of the shared ones.
 */
static __always_inline enum fair_choice take_fair(struct cpu_state *c, struct llc_state *l, s32 cpu,
						  u32 llc, bool shared, struct task_state *s)
{
	struct task_struct *a, *b = NULL;
	bool pinned_first = c->turn++ & 1; /* before 6.19 there is no peek: they take turns */
	u64 va = 0, vb = 0, ceiling;

	if (bpf_ksym_exists(scx_bpf_dsq_peek)) {
		bpf_rcu_read_lock();
		a = scx_bpf_dsq_peek(DSQ_PINNED(cpu));
		if (a)
			va = a->scx.dsq_vtime;
		if (shared)
			b = scx_bpf_dsq_peek(DSQ_FAIR(llc));
		if (b) {
			vb = b->scx.dsq_vtime;
			ceiling = l->vtime_now + knob_bounded(HS_KNOB_STARVATION) * MSEC;
			if ((s64)(va - ceiling) > 0)
				va = ceiling;
		}
		bpf_rcu_read_unlock();
		if (!a && !b)
			return FAIR_NONE;
		pinned_first = a && (!b || (s64)(va - vb) < 0);
		if (s && !c->endless && !(s->flags & TASK_YIELDED) &&
		    (s64)(s->vtime - (pinned_first ? va : vb)) < 0)
			return FAIR_KEPT;
	}
	if (pinned_first && scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu))) {
		clock_advance(&c->vtime_now, va);
		return FAIR_TAKEN;
	}
	if (shared && scx_bpf_dsq_move_to_local(DSQ_FAIR(llc))) {
		clock_advance(&l->vtime_now, vb);
		return FAIR_TAKEN;
	}
	return scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu)) ? FAIR_TAKEN : FAIR_NONE;
}

/* Has parked work the next turn, by virtual time, as if it had waited among the others? */
static __always_inline bool parked_due(struct cpu_state *c, struct llc_state *l, s32 cpu, u32 llc,
				       bool shared)
{
	struct task_struct *p;
	bool due = false;

	if (!l->parked || c->duty_ns <= 0 || !bpf_ksym_exists(scx_bpf_dsq_peek))
		return false;
	bpf_rcu_read_lock();
	p = scx_bpf_dsq_peek(DSQ_PARKED_PINNED(cpu));
	if (p)
		due = (s64)(p->scx.dsq_vtime - c->vtime_now) <= 0;
	if (!due && shared) {
		p = scx_bpf_dsq_peek(DSQ_PARKED(llc));
		due = p && (s64)(p->scx.dsq_vtime - l->vtime_now) <= 0;
	}
	bpf_rcu_read_unlock();
	return due;
}

static __always_inline bool take_parked(struct llc_state *l, s32 cpu, u32 llc, bool shared)
{
	if (scx_bpf_dsq_move_to_local(DSQ_PARKED_PINNED(cpu)) ||
	    (shared && scx_bpf_dsq_move_to_local(DSQ_PARKED(llc))))
		return true;
	l->parked = 0;
	return false;
}

/* @prev goes on as a fair task, with a new slice that we know of. ops.running is not called for it. */
static __always_inline void keep_prev(struct task_struct *prev, struct task_state *s,
				      struct cpu_state *c, struct llc_state *l)
{
	clock_advance(task_pinned(prev) ? &c->vtime_now : &l->vtime_now, s->vtime);
	s->slice_ns = fair_slice_ns(prev, s->class);
	s->flags &= ~(TASK_EXPRESS | TASK_YIELDED);
	c->class = fair_class(s);
	c->vtime = s->vtime;
	scx_bpf_task_set_slice(prev, s->slice_ns);
}

/* From the other cache domains: those of the same node first. Parked work is better than none. */
static __always_inline bool steal(struct llc_state *l, s32 cpu, u32 llc)
{
	u32 i, pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 1; i < LLCS_MAX && i < nr_llcs; i++) {
			u32 from = (llc + i) % nr_llcs;
			struct llc_state *other = llc_state_of(from);

			if (!other || (other->node != l->node) != pass)
				continue;
			if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(from)) ||
			    scx_bpf_dsq_move_to_local(DSQ_FAIR(from)) ||
			    scx_bpf_dsq_move_to_local(DSQ_PARKED(from)))
				return true;
		}
	}
	return false;
}

#endif
