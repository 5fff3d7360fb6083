/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Where a waking task may go, beyond what the kernel's own idle search knows. */
#ifndef HOMEOSTAT_ACT_SCHED_PLACE_H
#define HOMEOSTAT_ACT_SCHED_PLACE_H

#include "sched_queue.h"

#define PLACE_SCAN 64 /* CPUs looked at */

/* Kept for another workload than that of @s, and @p could run elsewhere. */
static __always_inline bool reserved_for_others(struct task_state *s, s32 cpu)
{
	struct hs_cpu_topo *t = topo_of(cpu);

	return t && t->reserved && t->reserved != s->workload;
}

/*
 * The CPU in the cache domain of @prev whose running task matters least, @prev itself if nothing
 * critical runs there (its cache is warm).
 */
static __noinline s32 least_important(struct task_struct *p, s32 prev)
{
	struct cpu_state *c = cpu_state_of(prev);
	u32 llc = llc_of(prev), worst = c ? c->class : 0, i;
	s32 best = prev;

	if (!c || (c->class != HS_CLASS_CRITICAL && c->class != NOTHING))
		return prev;
	if (worst == NOTHING)
		worst = HS_CLASS_CRITICAL; /* idle was looked for before: a realtime task runs there */
	for (i = 1; i < PLACE_SCAN && i < nr_cpus; i++) {
		u32 cpu = (prev + i) % nr_cpus;

		c = cpu_state_of(cpu);
		if (!c || c->class == NOTHING || c->class <= worst || llc_of(cpu) != llc ||
		    !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		worst = c->class;
		best = cpu;
	}
	return best;
}

/* An idle CPU among those that the workload of @s names; -1 if there is none or it names none. */
static __noinline s32 declared_cpu(struct task_struct *p, struct task_state *s, bool *idle)
{
	u32 w = s->workload - 1, i;
	struct hs_workload *wl = s->workload ? bpf_map_lookup_elem(&WORKLOADS, &w) : NULL;
	s32 any = -1;

	if (!wl)
		return -1;
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

#endif
