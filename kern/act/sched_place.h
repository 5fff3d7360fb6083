/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Where a waking task may go, beyond what the kernel's own idle search knows. */
#ifndef HOMEOSTAT_ACT_SCHED_PLACE_H
#define HOMEOSTAT_ACT_SCHED_PLACE_H

#include "sched_queue.h"

#define PLACE_SCAN 64 /* CPUs looked at */

/* Kept for the workload of @s … */
static __always_inline bool reserved_for(struct task_state *s, s32 cpu)
{
	struct hs_cpu_topo *t = topo_of(cpu);

	return t && t->reserved && t->reserved == s->workload;
}

/* … or for another one. */
static __always_inline bool reserved_for_others(struct task_state *s, s32 cpu)
{
	struct hs_cpu_topo *t = topo_of(cpu);

	return t && t->reserved && t->reserved != s->workload;
}

/*
 * @p is on reserved @cpu, where the shared queue is not served, and belongs there: it is of the
 * workload that the CPU is kept for, or may run on no other kind of CPU.
 */
static __noinline bool confined(struct task_struct *p, struct task_state *s, s32 cpu)
{
	struct hs_cpu_topo *t = topo_of(cpu);
	u32 i;

	if (!t || !t->reserved)
		return false;
	if (t->reserved == s->workload)
		return true;
	for (i = 0; i < HS_CPUS_MAX && i < nr_cpus; i++) {
		t = topo_of(i);
		if (t && !t->reserved && bpf_cpumask_test_cpu(i, p->cpus_ptr))
			return false;
	}
	return true;
}

/*
 * Wakes an idle CPU for @p, near @prev if there is one: same cache, same node, anywhere. One that is
 * kept for others goes back to sleep and is not asked again in this search.
 */
static __always_inline void wake_idle(struct task_struct *p, struct task_state *s, s32 prev)
{
	struct scx_bpf_select_cpu_and_args args = {.prev_cpu = prev};
	s32 cpu, i;

	for (i = 0; i < 4; i++) {
		cpu = __scx_bpf_select_cpu_and(p, p->cpus_ptr, &args);
		if (cpu < 0)
			return;
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (!reserved_for_others(s, cpu))
			return;
	}
}

/*
 * The CPU in the cache domain of @prev whose running task matters least, @prev itself if nothing
 * critical runs there (its cache is warm).
 */
static __noinline s32 least_important(struct task_struct *p, struct task_state *s, s32 prev)
{
	struct cpu_state *c = cpu_state_of(prev);
	u32 llc = llc_of(prev), worst = c ? c->class : 0, i;
	s32 best = prev;

	if (!c || (c->class != HS_CLASS_CRITICAL && c->class != NOTHING))
		return prev;
	if (reserved_for(s, prev))
		return prev;
	if (worst == NOTHING)
		worst = HS_CLASS_CRITICAL; /* idle was looked for before: a realtime task runs there */
	for (i = 1; i < PLACE_SCAN && i < nr_cpus; i++) {
		u32 cpu = (prev + i) % nr_cpus;

		c = cpu_state_of(cpu);
		if (!c || c->class == NOTHING || c->class <= worst || llc_of(cpu) != llc ||
		    reserved_for_others(s, cpu) || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		worst = c->class;
		best = cpu;
	}
	return best;
}

/* A CPU among those that the workload of @s names, an idle one if there is; -1 if it names none. */
static __noinline s32 declared_cpu(struct task_struct *p, struct task_state *s, s32 prev,
				   bool *idle)
{
	u32 w = s->workload - 1, i;
	struct hs_workload *wl = s->workload ? bpf_map_lookup_elem(&WORKLOADS, &w) : NULL;
	s32 any = -1;

	if (!wl)
		return -1;
	/* where it ran last its cache is warm */
	if (prev >= 0 && prev < HS_CPUS_MAX && wl->cpus[prev / 64] & (1ULL << (prev % 64)) &&
	    bpf_cpumask_test_cpu(prev, p->cpus_ptr)) {
		any = prev;
		if (scx_bpf_test_and_clear_cpu_idle(prev)) {
			*idle = true;
			return prev;
		}
	}
	for (i = 0; i < HS_CPUS_MAX && i < nr_cpus; i++) {
		if (!(wl->cpus[i / 64] & (1ULL << (i % 64))) ||
		    !bpf_cpumask_test_cpu(i, p->cpus_ptr))
			continue;
		if (scx_bpf_test_and_clear_cpu_idle(i)) {
			*idle = true;
			return i;
		}
		if (any < 0)
			any = i;
	}
	return any;
}

/* The CPU that a variant names for a waking task, and whether that was idle and is claimed; -1 if it names none that will do. */
static __always_inline s32 variant_cpu(struct task_struct *p, struct task_state *s, s32 prev,
				       bool *idle)
{
	struct homeostat_wake w = {
		.prev = prev, .waker = bpf_get_smp_processor_id(), .cpus = nr_cpus};
	struct homeostat_task t;
	s32 cpu;

	if (!(variant_points & VARIANT_PLACE))
		return -1;
	task_facts(p, s, 0, &t);
	cpu = homeostat_place(&t, &w);
	if (cpu < 0 || cpu >= (s32)nr_cpus || reserved_for_others(s, cpu) ||
	    !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
		return -1;
	*idle = scx_bpf_test_and_clear_cpu_idle(cpu);
	if (!*idle)
		s->flags |= TASK_PACKED;
	return cpu;
}

/*
 * Is no idle CPU to be woken for a task that wakes, as a variant has named this one, and a task of ours is at work there? It
 * waits among the others of its cache domain, for whoever comes by first; where nothing of ours runs, a realtime task or an
 * interrupt might keep the CPU for ever, and nobody would come.
 */
static __always_inline bool packed(const struct task_state *s, const struct cpu_state *c, u64 flags)
{
	return variant_points & VARIANT_PLACE && s->flags & TASK_PACKED && flags & SCX_ENQ_WAKEUP &&
	       c->class != NOTHING;
}

#endif
