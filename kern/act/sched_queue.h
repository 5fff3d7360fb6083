/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Queues, clocks and books of the sched_ext scheduler; the model is described in sched.bpf.c. */
#ifndef HOMEOSTAT_ACT_SCHED_QUEUE_H
#define HOMEOSTAT_ACT_SCHED_QUEUE_H

#include "../lib/classify.h"

#define MSEC 1000000ULL
#define BUDGET_WINDOW_NS (20 * MSEC) /* over which budget and duty cycle are balanced */
#define OWN_PERMILLE 250 /* of a CPU, that homeostatd may take with precedence: 5 ms at a time */
#define SLICE_LEFT_MIN_NS 200000ULL /* a rest shorter than this is not worth going on with */
#define SLICE_MIN_NS (1 * MSEC)	    /* shorter rounds than this are not made for fairness */
#define SLEEP_CREDIT_NS                                                                            \
	(1 * MSEC) /* virtual time that a sleeper may have saved up: enough to go first */
#define DEADLINE_RECOGNISED_NS (5 * MSEC) /* of critical tasks that declare none */
#define NOTHING HS_CLASS_NR		  /* class of what runs on a CPU that runs none of ours */

/* Dispatch queues. Critical by deadline, fair by virtual time, parked first come first served. */
#define DSQ_STOCK 1ULL
#define DSQ_CRITICAL(llc) (0x10000ULL + (llc))
#define DSQ_FAIR(llc) (0x20000ULL + (llc))
#define DSQ_PARKED(llc) (0x30000ULL + (llc))
#define DSQ_PARKED_PINNED(cpu) (0x50000ULL + (cpu))
#define DSQ_PINNED(cpu)                                                                            \
	(0x40000ULL + (cpu)) /* tasks that can run on this CPU only, by virtual time */

/*
 * What each CPU is doing. Written by that CPU, but for `class` and `deadline_ns`, which a critical
 * task on its way there sets ahead so that the next one sees it. Others read without a lock: a stale
 * answer costs one preemption too many or too few, never a task.
 */
struct cpu_state {
	u32 class; /* enum hs_class of the running task, NOTHING for idle or another scheduler's */
	u32 turn;
	u64 deadline_ns;
	u64 vtime;     /* of the running task, when it began */
	u64 vtime_now; /* clock of the tasks that can run here only: of the one furthest behind */
	u64 since_ns;  /* when it got the CPU */
	s64 budget_ns; /* CPU time that critical tasks may still take with precedence here */
	s64 own_ns;    /* … and homeostatd */
	s64 duty_ns;   /* CPU time that batch tasks may still take while others wait */
	u64 refilled_ns;
	u64 aged_ns;	 /* last look for starving tasks */
	u64 reported_ns; /* last BUDGET event */
	u32 scanned;	 /* tasks that age() has looked at */
	u32 hint;	 /* a critical task of this CPU may wait in DSQ_CRITICAL */
	u32 endless;	 /* the running task has a slice without end (nohz_full) */
	u32 own_waits; /* homeostatd may wait behind a critical task of this CPU: until the next tick, no longer */
} __attribute__((aligned(64)));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* page-aligned: no two CPUs share a line */
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, u32);
	__type(value, struct cpu_state);
} SCHED_CPUS SEC(".maps");

/* One per last-level cache. */
struct llc_state {
	u64 vtime_now; /* of the shared task that is furthest behind; only grows. Races cost a slice */
	u32 node;      /* NUMA node */
	u32 parked;    /* batch tasks may wait in DSQ_PARKED; cleared when it was found empty */
} __attribute__((aligned(64)));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LLCS_MAX);
	__type(key, u32);
	__type(value, struct llc_state);
} SCHED_LLCS SEC(".maps");

static __always_inline struct cpu_state *cpu_state_of(u32 cpu)
{
	return bpf_map_lookup_elem(&SCHED_CPUS, &cpu);
}

static __always_inline struct hs_cpu_topo *topo_of(u32 cpu)
{
	return bpf_map_lookup_elem(&CPUS, &cpu);
}

static __always_inline u32 llc_of(u32 cpu)
{
	struct hs_cpu_topo *t;

	if (nr_llcs == 1)
		return 0;
	t = topo_of(cpu);
	return t ? t->llc % LLCS_MAX : 0;
}

static __always_inline struct llc_state *llc_state_of(u32 llc)
{
	return bpf_map_lookup_elem(&SCHED_LLCS, &llc);
}

static __always_inline struct task_state *task_state_of(struct task_struct *p)
{
	return bpf_task_storage_get(&TASKS, p, NULL, 0);
}

/*
 * @p cannot run elsewhere. On a host with one CPU this is every task. Where RCU is preemptible,
 * entering a BPF program counts in the current task's own migration_disabled: that one is not meant.
 */
static __always_inline bool task_pinned(struct task_struct *p)
{
	return p->nr_cpus_allowed == 1 || p->migration_disabled > (bpf_get_current_task_btf() == p);
}

static __always_inline u64 task_exec_ns(struct task_struct *p)
{
	return p->se.sum_exec_runtime;
}

static __always_inline void insert(struct task_struct *p, u64 dsq, u64 slice_ns, u64 flags)
{
	scx_bpf_dsq_insert(p, dsq, slice_ns, flags);
}

static __always_inline void insert_ordered(struct task_struct *p, u64 dsq, u64 slice_ns, u64 key,
					   u64 flags)
{
	struct scx_bpf_dsq_insert_vtime_args args = {
		.dsq_id = dsq,
		.slice = slice_ns,
		.vtime = key,
		.enq_flags = flags,
	};

	__scx_bpf_dsq_insert_vtime(p, &args);
}

/* @tokens after @past ns at a rate, within one window's worth either way: credit and debt. */
static __always_inline s64 refilled(s64 tokens, u64 past, u64 permille)
{
	s64 most = BUDGET_WINDOW_NS * permille / 1000;

	tokens += past * permille / 1000;
	if (tokens < -(s64)BUDGET_WINDOW_NS)
		return -(s64)BUDGET_WINDOW_NS;
	return tokens > most ? most : tokens;
}

/* Tokens for critical budget and batch duty cycle of one CPU. */
static __always_inline void refill(struct cpu_state *c, u64 now)
{
	u64 past = now - c->refilled_ns;

	if (past < MSEC / 4 || (s64)past < 0)
		return;
	if (past > 2 * BUDGET_WINDOW_NS)
		past = 2 * BUDGET_WINDOW_NS;
	c->refilled_ns = now;
	c->budget_ns = refilled(c->budget_ns, past, knob_bounded(HS_KNOB_CRITICAL_BUDGET));
	c->own_ns = refilled(c->own_ns, past, OWN_PERMILLE);
	c->duty_ns = refilled(c->duty_ns, past, knob_bounded(HS_KNOB_BATCH_DUTY));
}

static __always_inline bool is_self(const struct task_state *s)
{
	return s->workload == HS_WORKLOAD_SELF + 1;
}

static __always_inline u64 deadline_of(struct task_state *s, u64 now)
{
	u32 i = s->workload - 1;
	struct hs_workload *w;

	if (!s->workload)
		return now + DEADLINE_RECOGNISED_NS;
	w = bpf_map_lookup_elem(&WORKLOADS, &i);
	if (!w)
		return now + DEADLINE_RECOGNISED_NS;
	/* criticality only breaks ties: at most 1 us of 1000 */
	if (w->deadline_ns)
		return now + w->deadline_ns - w->criticality;
	if (w->period_ns)
		return now + w->period_ns - w->criticality;
	return now + DEADLINE_RECOGNISED_NS - w->criticality;
}

/* The books of a declared workload, when one of its tasks goes to sleep after @run_ns of CPU time. */
static __always_inline void workload_account(struct task_struct *p, struct task_state *s,
					     struct sense_cpu *sc, u64 run_ns, u64 now)
{
	u32 i = s->workload - 1;
	struct hs_workload *w = bpf_map_lookup_elem(&WORKLOADS, &i);
	struct hs_workload_stats *st = bpf_map_lookup_elem(&WORKLOAD_STATS, &i);
	u64 resp = now - s->wake_ns, deadline;

	if (!w || !st || !s->wake_ns || (s64)resp < 0)
		return;
	__sync_fetch_and_add(&st->wakeups, 1);
	__sync_fetch_and_add(&st->run_sum_ns, run_ns);
	__sync_fetch_and_add(&st->run_sq_us2, (run_ns / 1000) * (run_ns / 1000));
	/* two maxima at the same moment on two CPUs: the smaller may win, until the next one */
	if (run_ns > st->run_max_ns)
		st->run_max_ns = run_ns;
	if (resp > st->resp_max_ns)
		st->resp_max_ns = resp;
	if (w->runtime_ns && run_ns > w->runtime_ns)
		__sync_fetch_and_add(&st->overruns, 1);
	deadline = w->deadline_ns ? w->deadline_ns : w->period_ns;
	if (deadline && resp > deadline) {
		__sync_fetch_and_add(&st->misses, 1);
		if (sc)
			sense_count(sc, HS_COUNT_DEADLINE_MISS);
		event_task(HS_EVENT_DEADLINE, p, i, resp - deadline);
	}
}

#endif
