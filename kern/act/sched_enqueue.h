/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Admission: who has precedence, and into which queue a runnable task goes. */
#ifndef HOMEOSTAT_ACT_SCHED_ENQUEUE_H
#define HOMEOSTAT_ACT_SCHED_ENQUEUE_H

#include "sched_fair.h"

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

/*
 * What is left of the critical budget for @s. homeostatd has one of its own beside it: critical tasks may have
 * used up theirs, and a crowd of them that was let in at the same moment leaves a debt of many ticks, but its
 * main loop has the heartbeat's limit to keep, which no queue of normal tasks does. What it uses is charged to
 * both; a main loop that runs on and on trips.
 */
static __always_inline s64 budget_left(const struct task_state *s, const struct cpu_state *c)
{
	return is_self(s) && c->own_ns > c->budget_ns ? c->own_ns : c->budget_ns;
}

/* May @p run with precedence on @cpu? Refused: it competes as normal, and that is counted. */
static __always_inline bool express(struct task_struct *p, struct task_state *s,
				    struct cpu_state *c, u32 cpu, u64 now)
{
	struct sense_cpu *sc;

	if (s->class != HS_CLASS_CRITICAL)
		return false;
	refill(c, now);
	if (budget_left(s, c) > 0)
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

static __always_inline u64 critical_slice_ns(const struct task_state *s, const struct cpu_state *c)
{
	u64 slice = knob_bounded(HS_KNOB_SLICE_CRITICAL) * 1000;
	s64 left = budget_left(s, c);

	return left > 0 && slice > (u64)left ? (u64)left : slice;
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
	bool others_wait = c->hint || (c->own_waits && !is_self(s));

	s->slice_ns = critical_slice_ns(s, c);
	s->flags |= TASK_EXPRESS;
	if (is_self(s))
		c->own_waits = 1;
	/*
	 * Put back while others wait: among them, or it would go on before them, again and again. homeostatd may stand in
	 * the local queue: where a kernel worker goes first, who has used its tick up would be put in there before it.
	 * (Seen: 8 ms instead of 6.)
	 */
	if ((flags & SCX_ENQ_WAKEUP || !others_wait) &&
	    (c->class != HS_CLASS_CRITICAL || deadline < c->deadline_ns)) {
		c->class = HS_CLASS_CRITICAL;
		c->deadline_ns = deadline;
		sense_count(sc, HS_COUNT_CRITICAL_PREEMPT);
		insert_ahead(p, s->slice_ns, flags);
		return;
	}
	c->hint = 1;
	sense_count(sc, HS_COUNT_CRITICAL_QUEUED);
	/* homeostatd first: not after a crowd that was let in together */
	insert_ordered(p, DSQ_CRITICAL(llc_of(cpu)), s->slice_ns, is_self(s) ? 0 : deadline, flags);
}

/* Batch over its duty cycle waits behind. Returns whether it does. */
static __always_inline bool park(struct task_struct *p, struct task_state *s, struct cpu_state *c,
				 struct llc_state *l, u64 dsq, u64 flags, u64 now)
{
	struct sense_cpu *sc = sense_this_cpu();

	if (s->class != HS_CLASS_BATCH || c->duty_ns > 0 ||
	    knob_bounded(HS_KNOB_BATCH_DUTY) >= 1000)
		return false;
	refill(c, now);
	if (c->duty_ns > 0 || !sc)
		return false;
	sense_count(sc, HS_COUNT_PARKED);
	l->parked = 1;
	insert_ordered(p, dsq, s->slice_ns, s->vtime, flags);
	return true;
}

static __always_inline void enqueue_fair(struct task_struct *p, struct task_state *s,
					 struct cpu_state *c, struct sense_cpu *sc, u32 cpu,
					 u64 flags, u64 now)
{
	u32 llc = llc_of(cpu);
	struct llc_state *l = llc_state_of(llc);
	bool pinned = task_pinned(p) || (nr_cpus > 1 && confined(p, s, cpu));
	u64 guard;

	if (!l)
		return;
	vtime_rebase(s, llc);
	s->slice_ns = fair_slice_ns(p, s->class);
	/* precedence has ended, or sleep: it joins where the others are */
	if (s->flags & TASK_EXPRESS)
		vtime_bound(s, pinned ? c->vtime_now : l->vtime_now, 0);
	else if (flags & SCX_ENQ_WAKEUP)
		vtime_bound(s, pinned ? c->vtime_now : l->vtime_now, SLEEP_CREDIT_NS);
	s->flags &= ~TASK_EXPRESS;

	if (c->endless)
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
	if (flags & SCX_ENQ_WAKEUP && (c->class == HS_CLASS_NORMAL || c->class == HS_CLASS_BATCH)) {
		guard = s->class < c->class ? 0 : knob_bounded(HS_KNOB_PREEMPT_THRESHOLD) * 1000;
		if ((s64)(c->vtime - s->vtime) > 0 && (s64)(now - c->since_ns) > (s64)guard) {
			sense_count(sc, HS_COUNT_NORMAL_PREEMPT);
			insert_ahead(p, s->slice_ns, flags);
			return;
		}
	}
	/* alone with what runs: nothing to order it against */
	if (pinned && p->se.cfs_rq->rq->nr_running <= 2 && c->class != NOTHING) {
		sense_count(sc, HS_COUNT_DIRECT_LOCAL);
		insert(p, SCX_DSQ_LOCAL, s->slice_ns, flags);
		return;
	}
	sense_count(sc, HS_COUNT_NORMAL_QUEUED);
	if (!park(p, s, c, l, pinned ? DSQ_PARKED_PINNED(cpu) : DSQ_PARKED(llc), flags, now))
		insert_ordered(p, pinned ? DSQ_PINNED(cpu) : DSQ_FAIR(llc), s->slice_ns, s->vtime,
			       flags);
	if (packed(s, c, flags)) /* it may have gone to sleep since it was chosen */
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	else if (nr_cpus > 1 && !pinned)
		wake_idle(p, s, cpu);
}

#endif
