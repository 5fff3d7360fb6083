// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The sched_ext scheduler: three classes, four kinds of queue.
 *
 * Critical tasks run at once. A waking one goes to an idle CPU, else it preempts the least important
 * task in its cache domain; only if a critical task with an earlier deadline runs there, it waits in
 * DSQ_CRITICAL, earliest deadline first. What it takes this way is charged to the CPU's critical
 * budget; without budget it competes as a normal task. homeostatd's main loop is short and seldom, but has a
 * heartbeat to keep: it has a budget of its own, is first among those that wait, and waits for the critical task
 * that runs until the next tick, no longer.
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
 * stealing alone. A preempted task is not seen by a CPU that becomes idle meanwhile: it goes on where it
 * was, and beside a realtime task that keeps that CPU busy it has what the kernel leaves it. cpu.max is not
 * implemented: the daemon does not arm where it is set. Tasks of the realtime and deadline classes are not
 * ours, and a critical task waits for them.
 */
#include "sched_enqueue.h"
#include "sched_stock.h"

/* ---- a task becomes runnable ---- */

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
	if (fault_lose(p))
		return;
	if (kernel_worker(p)) {
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
	if (variant_points & VARIANT_PLACE)
		s->flags &= ~TASK_PACKED;
	if (s->workload)
		cpu = declared_cpu(p, s, prev, &idle);
	if (cpu < 0)
		cpu = variant_cpu(p, s, prev, &idle);
	if (cpu < 0) {
		cpu = scx_bpf_select_cpu_dfl(p, prev, wake_flags, &idle);
		if (idle && reserved_for_others(s, cpu)) {
			/* it has been claimed: it goes back to sleep, or nobody would find it again */
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
			idle = false;
			cpu = prev;
		}
	}
	c = cpu_state_of(cpu);
	if (!c)
		return cpu;
	if (!idle)
		return s->class == HS_CLASS_CRITICAL ? least_important(p, s, cpu) : cpu;
	l = llc_state_of(llc_of(cpu));
	if (!l)
		return cpu;
	if (s->class == HS_CLASS_CRITICAL && budget_left(s, c) > 0) {
		s->slice_ns = critical_slice_ns(s, c);
		s->flags |= TASK_EXPRESS;
	} else {
		s->slice_ns = fair_slice_ns(p, s->class);
		s->flags &= ~TASK_EXPRESS;
		vtime_rebase(s, llc_of(cpu));
		vtime_bound(s, task_pinned(p) ? c->vtime_now : l->vtime_now, SLEEP_CREDIT_NS);
	}
	group_task_runnable(p, s);
	sense_count(sc, HS_COUNT_DIRECT_IDLE);
	insert(p, SCX_DSQ_LOCAL, s->slice_ns, 0);
	return cpu;
}

/* ---- dispatch ---- */

/* The running task's slice is over. Returns whether it goes on with precedence. */
static __always_inline bool goes_on_express(struct task_struct *prev, struct task_state *s,
					    struct cpu_state *c, u32 cpu, u64 now)
{
	if (!(s->flags & TASK_EXPRESS) || c->endless || !express(prev, s, c, cpu, now))
		return false;
	s->slice_ns = critical_slice_ns(s, c);
	scx_bpf_task_set_slice(prev, s->slice_ns);
	return true;
}

/* The fair queues, once nothing critical waits. @s is the state of @prev if that can go on. */
static __always_inline void dispatch_fair(struct task_struct *prev, struct task_state *s,
					  struct cpu_state *c, struct llc_state *l, s32 cpu,
					  u32 llc, u64 now)
{
	struct hs_cpu_topo *t = topo_of(cpu);
	bool shared = nr_cpus > 1 && !(t && t->reserved);

	if (now && age_all(c, cpu, llc, shared, now))
		return;
	if (parked_due(c, l, cpu, llc, shared) && take_parked(l, cpu, llc, shared))
		return;
	if (take_fair(c, l, cpu, llc, shared, s) == FAIR_TAKEN)
		return;
	if (s)
		keep_prev(prev, s, c, l);
	else if (!take_parked(l, cpu, llc, shared) && shared)
		steal(l, cpu, llc);
}

SEC("struct_ops/dispatch")
void BPF_PROG(sched_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 llc = llc_of(cpu);
	struct cpu_state *c = cpu_state_of(cpu);
	struct llc_state *l = llc_state_of(llc);
	struct sense_cpu *sc = sense_this_cpu();
	struct task_state *s = NULL;
	u64 now = prev ? rq_clock_of(prev) : 0;

	if (!c || !l || !sc || !gate_open()) {
		stock_dispatch(cpu);
		return;
	}
	c->hint = c->own_waits = 0; /* before the look: who comes later sets it again */
	if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(llc))) {
		/* more of them: @prev is put back after this and must not keep its place before them */
		if (scx_bpf_dsq_nr_queued(DSQ_CRITICAL(llc)) > 0)
			c->hint = 1;
		return;
	}
	if (prev && prev->scx.flags & SCX_TASK_QUEUED) {
		s = task_state_of(prev);
		if (s) {
			charge(prev, s, c, sc);
			if (goes_on_express(prev, s, c, cpu, now))
				return;
			s->slice_ns =
				0; /* nothing is left for keep_slice(): it waits for its turn where all see it */
			if (s->flags & TASK_EXPRESS) {
				s->flags &= ~TASK_EXPRESS;
				vtime_bound(s, task_pinned(prev) ? c->vtime_now : l->vtime_now, 0);
			}
		}
	}
	dispatch_fair(prev, s, c, l, cpu, llc, now);
}

/*
 * ---- a task gets and leaves the CPU ----
 *
 * Which is not always the one that these programs run on: who changes an attribute of a task that runs elsewhere takes
 * it from its CPU and gives it back, and a CPU without a tick has its own made for it by another one. What is counted is
 * counted where the program runs.
 */

/*
 * A finite slice needs the tick. On a nohz_full CPU the only task has one without end; enqueue_fair()
 * ends it when another comes. The tick is back when another task gets the CPU: the present one does not go on.
 */
static __always_inline bool leave_alone(struct task_struct *p, u32 cpu)
{
	struct hs_cpu_topo *t = topo_of(cpu);

	return t && t->nohz_full && p->se.cfs_rq->rq->nr_running < 2;
}

SEC("struct_ops/running")
void BPF_PROG(sched_running, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = p->thread_info.cpu; /* see above */
	struct cpu_state *c = cpu_state_of(cpu);
	struct sense_cpu *sc = sense_this_cpu();
	struct llc_state *l;
	u32 llc, class;
	u64 now;

	if (!s || !c || !sc)
		return;
	/* who shut the gate has just left the CPU: what was preempted by it goes on without a dispatch */
	if (!gate_open())
		leave();
	now = rq_clock_of(p);
	sense_count(sc, HS_COUNT_SWITCH);
	class = s->flags & TASK_EXPRESS ? HS_CLASS_CRITICAL : fair_class(s);
	if (sense_sample(sc)) {
		sense_queued(sc, p, class, now);
		sense_look(sc, p, s, now);
	}
	c->since_ns = now;
	s->run_exec_ns = task_exec_ns(p);
	if (s->flags & TASK_SLEPT) {
		s->flags &= ~TASK_SLEPT;
		s->wake_ns = p->sched_info.last_queued;
	}
	s->flags &= ~TASK_YIELDED;
	if (is_self(s))
		c->own_waits = 0;
	c->endless = nr_cpus > 1 && leave_alone(p, cpu);
	if (c->endless)
		scx_bpf_task_set_slice(p, SCX_SLICE_INF);
	c->class = class;
	if (class == HS_CLASS_CRITICAL) {
		c->deadline_ns = deadline_of(s, s->wake_ns);
		return;
	}
	llc = llc_of(cpu);
	l = llc_state_of(llc);
	if (!l)
		return;
	vtime_rebase(s, llc); /* it was stolen */
	c->vtime = s->vtime;
	/* where others wait, dispatch() knows better: this one may be out of turn, by age */
	if (p->se.cfs_rq->rq->nr_running <= 2)
		clock_advance(task_pinned(p) ? &c->vtime_now : &l->vtime_now, s->vtime);
	/*
	 * A critical task came while another one ran, and this one was first in the local queue. Not a
	 * kernel worker: that would go first again, and again, without a dispatch in between.
	 */
	if (c->hint && !kernel_worker(p))
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

/*
 * What is left of the slice is kept across a preemption: with a slice, the kernel puts @p first into
 * the local queue. Not where a critical task waits in DSQ_CRITICAL (@p would run before it), and not
 * where one stands in the local queue while another gets the CPU first, a realtime task or a critical one that
 * woke after it and is more urgent: @p would be put before it, and it would wait for the rest of @p's slice.
 * (Seen: 1 in 1 000 probes, 8 ms.)
 */
static __always_inline void keep_slice(struct task_struct *p, struct task_state *s,
				       struct cpu_state *c, struct sense_cpu *sc, u32 cpu, u64 used,
				       bool critical_ahead)
{
	struct rq *rq = p->se.cfs_rq->rq;

	s->slice_ns = s->slice_ns > used ? s->slice_ns - used : 0;
	if (s->slice_ns < SLICE_LEFT_MIN_NS || c->hint)
		return;
	/* who comes next stands in the local queue still, if it is ours */
	if (critical_ahead && (rq->nr_running != rq->scx.nr_running ||
			       scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) > 1))
		return;
	sense_count(sc, HS_COUNT_RESUMED);
	scx_bpf_task_set_slice(p, s->slice_ns);
}

SEC("struct_ops/stopping")
void BPF_PROG(sched_stopping, struct task_struct *p, bool runnable)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = p->thread_info.cpu; /* see above */
	struct cpu_state *c = cpu_state_of(cpu);
	struct sense_cpu *sc = sense_this_cpu();
	u64 used, burst, limit, now;
	bool critical_ahead;

	if (!s || !c || !sc)
		return;
	/* an attribute of the running task is being changed: it leaves and comes back, awake */
	if (p->__state == TASK_RUNNING)
		runnable = true;
	used = charge(p, s, c, sc);
	critical_ahead = c->class == HS_CLASS_CRITICAL; /* as enqueue_critical() has set it */
	c->class = NOTHING;
	if (!runnable)
		group_task_quiescent(s);
	if (!gate_open()) { /* noticed here, too: a tick that finds a realtime task running is none of ours */
		leave();
		return;
	}
	burst = task_exec_ns(p) - s->sleep_exec_ns;
	limit = knob_bounded(HS_KNOB_RECOGNISE_BURST) * 1000;
	if (runnable) {
		if (burst > limit)
			task_run_goes_on(p, s, burst, limit, rq_clock_of(p));
		if (c->endless) /* who has the CPU now may be realtime, and see nobody come: no slice is kept */
			scx_bpf_task_set_slice(p, 0);
		else if (!(s->flags & TASK_EXPRESS))
			keep_slice(p, s, c, sc, cpu, used, critical_ahead);
		c->endless = 0;
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

	if (s) {
		s->slice_ns = 0;
		s->flags |= TASK_YIELDED; /* or, furthest behind, it would be chosen again */
	}
	scx_bpf_task_set_slice(from, 0);
	return false;
}

/* Every tick (4 ms at HZ=250): where a long run is looked at, and where a shut gate is noticed. */
SEC("struct_ops/tick")
void BPF_PROG(sched_tick, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = p->thread_info.cpu; /* see above */
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
	if (!(s->flags & TASK_EXPRESS)) {
		c->class = fair_class(s);
		return;
	}
	run = task_exec_ns(p) - s->run_exec_ns;
	refill(c, rq_clock_of(p));
	if (s->class != HS_CLASS_CRITICAL || budget_left(s, c) < (s64)run || c->own_waits)
		scx_bpf_task_set_slice(p, 0);
}

/* ---- tasks come, change and go ---- */

SEC("struct_ops.s/init_task")
s32 BPF_PROG(sched_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_state *s, *parent;
	struct task_struct *current;

	s = task_state_make(p);
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
	/* a child of a declared task belongs to the same workload; of homeostatd only its threads do */
	current = bpf_get_current_task_btf();
	parent = bpf_task_storage_get(&TASKS, current, NULL, 0);
	if (parent && parent->workload &&
	    (parent->workload != HS_WORKLOAD_SELF + 1 || p->tgid == current->tgid))
		task_declare(p, s, parent->workload, s->first_ns);
	return 0;
}

SEC("struct_ops/enable")
void BPF_PROG(sched_enable, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);
	u32 cpu = p->thread_info.cpu, llc = llc_of(cpu);
	struct llc_state *l = llc_state_of(llc);
	struct cpu_state *c = cpu_state_of(cpu);

	if (s && l && c) {
		s->vtime = task_pinned(p) ? c->vtime_now : l->vtime_now;
		s->llc = llc + 1;
		s->sleep_exec_ns = task_exec_ns(p);
	}
}

/*
 * It leaves for another class (realtime, say), or we leave: it may be runnable and not running. When we leave,
 * sched_ext calls this for each task of the host in turn: the last one has the kernel's own scheduler back.
 */
SEC("struct_ops/disable")
void BPF_PROG(sched_disable, struct task_struct *p)
{
	struct task_state *s = task_state_of(p);

	gate.off_ns = bpf_ktime_get_ns();
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

static __always_inline s32 init_cpu(u32 cpu)
{
	struct cpu_state *c = cpu_state_of(cpu);
	struct hs_cpu_topo *t = topo_of(cpu);
	struct llc_state *l = llc_state_of(llc_of(cpu));
	s32 err;

	if (!c || !t || !l)
		return -22;
	c->class = NOTHING;
	/* no debt and no credit of the last arming, with its knobs */
	c->budget_ns = 0;
	c->own_ns = BUDGET_WINDOW_NS * OWN_PERMILLE / 1000; /* it has a heartbeat to keep at once */
	c->duty_ns = 0;
	l->node = t->node;
	err = scx_bpf_create_dsq(DSQ_PINNED(cpu), -1);
	return err ? err : scx_bpf_create_dsq(DSQ_PARKED_PINNED(cpu), -1);
}

SEC("struct_ops.s/init")
s32 BPF_PROG(sched_init)
{
	s32 err = scx_bpf_create_dsq(DSQ_STOCK, -1);
	u32 i;

	exited.kind = 0;
	exited.msg[0] = 0;
	for (i = 0; !err && i < nr_llcs && i < LLCS_MAX; i++) {
		err = scx_bpf_create_dsq(DSQ_CRITICAL(i), -1);
		if (!err)
			err = scx_bpf_create_dsq(DSQ_FAIR(i), -1);
		if (!err)
			err = scx_bpf_create_dsq(DSQ_PARKED(i), -1);
	}
	for (i = 0; !err && i < nr_cpus && i < HS_CPUS_MAX; i++)
		err = init_cpu(i);
	return err;
}

/* sched_ext has found an error and begins to end us: see sched_stock.h. SysRq-D comes here, too. */
SEC("struct_ops/dump")
void BPF_PROG(sched_dump, struct scx_dump_ctx *dump)
{
	if (dump->kind < bpf_core_enum_value(enum scx_exit_kind, SCX_EXIT_ERROR))
		return;
	kernel_ends_us(dump->kind, dump->exit_code);
	bell_ring();
}

/* The kernel let us go, asked or not: nothing may count on us any more. */
SEC("struct_ops.s/exit")
void BPF_PROG(sched_exit, struct scx_exit_info *info)
{
	exited.code = info->exit_code;
	bpf_probe_read_kernel_str(exited.msg, sizeof(exited.msg), info->msg);
	barrier();
	*(volatile u32 *)&exited.kind = info->kind;
	kernel_ends_us(info->kind, info->exit_code);
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
	.dump = (void *)sched_dump,
	.exit = (void *)sched_exit,
	.flags = SCX_OPS_ENQ_EXITING | SCX_OPS_ENQ_MIGRATION_DISABLED,
	/* beneath our own watchdogs: twice the longest wait that a profile may allow (default 30 s) */
	.timeout_ms = 2000,
	.name = "homeostat",
};
