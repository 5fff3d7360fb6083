/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Which class a task belongs to: declared by the profile, or recognised from behaviour alone.
 *
 * Declared: by pid, command name or cgroup, of the task or of an ancestor, nearest first. Looked up
 * when a task is first seen, executes a program or changes its cgroup; never on the fast path.
 *
 * Recognised: latency-critical work is woken by an event, runs shortly and sleeps, again and again,
 * and takes a small part of a CPU. An event is an interrupt (timer, device, loopback's softirq) or a
 * task that is critical itself, so that the property passes down a chain: timer, client, server,
 * client; or along the stages of a pipeline. A task that a normal one wakes while it goes on with its
 * work (the two ends of a busy pipe, hackbench) waits for throughput, not for latency: giving it
 * precedence would cost a preemption per message and help nobody.
 *
 * So: `sched.recognise.wakeups` such runs in a row not longer than `sched.recognise.burst_us`, with
 * no longer one in recent memory, CPU use below `sched.recognise.util_permille`, and not more than
 * `sched.recognise.rate_hz` wake-ups a second. One run over twice the limit ends it at once, in the
 * middle of the run, and each such end doubles the number of clean runs asked for the next time. A hog
 * that sleeps now and then has long runs; an interactive task with an occasional long burst is thrown
 * out by the burst before it did harm and soon does not come back. Worked example with the limit at
 * 1 ms and 16 runs: a 1 kHz probe is critical after 16 ms; a 100 Hz task with a 50 ms burst every
 * 100 runs is critical for three stretches of at most 84 runs, then needs 128 in a row: never again.
 */
#ifndef HOMEOSTAT_LIB_CLASSIFY_H
#define HOMEOSTAT_LIB_CLASSIFY_H

#include "task_event.h"
#include "knob.h"
#include "../sense/sched.h"
#include "../variant.h"
#include "fault.h"

#define BATCH_AFTER_NS (50 * 1000000ULL) /* one run this long without a sleep: a batch task */
#define ANCESTORS_MAX 16		 /* levels of parents and of cgroups that are looked at */
#define DEMOTIONS_MAX 8
#define FORGET_RUNS 1024 /* after so many runs one demotion is forgotten */
#define NSEC_PER_SEC 1000000000ULL

static __always_inline u32 match_lookup(u32 kind, u64 id)
{
	struct hs_match_key key;
	u32 *w;

	__builtin_memset(&key, 0, sizeof(key)); /* all of the union is part of the key */
	key.kind = kind;
	key.id = id;
	w = bpf_map_lookup_elem(&MATCH, &key);
	return w ? *w : 0;
}

static __always_inline u32 match_comm(struct task_struct *p)
{
	struct hs_match_key key;
	u32 *w;

	__builtin_memset(&key, 0, sizeof(key));
	key.kind = HS_MATCH_COMM;
	/* as strncpy: a key's bytes past the terminator are zero */
	bpf_probe_read_kernel_str(key.comm, sizeof(key.comm), p->comm);
	w = bpf_map_lookup_elem(&MATCH, &key);
	return w ? *w : 0;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ(kn, parent);
}

static __always_inline u32 match_cgroup(struct kernfs_node *kn)
{
	int i;

	for (i = 0; i < ANCESTORS_MAX && kn; i++) {
		u32 w = match_lookup(HS_MATCH_CGROUP, BPF_CORE_READ(kn, id));

		if (w)
			return w;
		kn = kernfs_parent(kn);
	}
	return 0;
}

/* Index + 1 of the workload that @p belongs to, by declaration; 0 = none. */
static __noinline u32 task_match(struct task_struct *p)
{
	struct task_struct *t = p;
	u32 w;
	int i;

	for (i = 0; i < ANCESTORS_MAX; i++) {
		int tgid = BPF_CORE_READ(t, tgid);

		w = match_lookup(HS_MATCH_PID, tgid);
		/* homeostatd has precedence for its heartbeat's sake; what it starts does the paperwork */
		if (i && w == HS_WORKLOAD_SELF + 1)
			w = 0;
		if (!w)
			w = match_comm(t);
		if (w)
			return w;
		if (tgid <= 1)
			break;
		t = BPF_CORE_READ(t, real_parent);
		if (!t)
			break;
	}
	return match_cgroup(BPF_CORE_READ(p, cgroups, dfl_cgrp, kn));
}

static __always_inline void task_set_class(struct task_struct *p, struct task_state *s, u32 class,
					   u64 now)
{
	struct sense_cpu *c = sense_this_cpu();
	u32 from = s->class;

	if (from == class)
		return;
	if (c)
		sense_count(c, HS_COUNT_CLASSIFY);
	s->class = class;
	s->changed_ns = now;
	s->changes++;
	event_class(p, from, class, now - s->first_ns);
}

/* Declaration → class. @w is what task_match() found. */
static __always_inline void task_declare(struct task_struct *p, struct task_state *s, u32 w,
					 u64 now)
{
	u32 i = w - 1;
	struct hs_workload *wl;

	if (s->workload == w)
		return;
	s->workload = w;
	wl = w ? bpf_map_lookup_elem(&WORKLOADS, &i) : NULL;
	task_set_class(p, s, wl ? wl->class : HS_CLASS_NORMAL, now);
}

/*
 * The state of @p, made (all zero) if there is none. NULL: no memory. Task storage is allocated without
 * waiting, and that fails for two reasons that do not last: an interrupt has made it meanwhile (-EEXIST),
 * or somebody holds a lock of the allocator's. To give up at once would end the scheduler: what init_task
 * refuses while it is being attached is an error to sched_ext.
 */
#define STORAGE_TRIES 16

static __always_inline struct task_state *task_state_make(struct task_struct *p)
{
	struct task_state *s = NULL;

	HS_NO_UNROLL
	for (u32 i = 0; i < STORAGE_TRIES && !s; i++) {
		if (!fault_no_storage())
			s = bpf_task_storage_get(&TASKS, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	}
	return s;
}

/* The state of @p, made and classified by declaration if it is new. NULL: no memory. */
static __always_inline struct task_state *task_state_get(struct task_struct *p, u64 now)
{
	struct task_state *s = bpf_task_storage_get(&TASKS, p, NULL, 0);

	if (s)
		return s;
	s = task_state_make(p);
	if (!s)
		return NULL;
	s->class = HS_CLASS_NORMAL;
	s->cpu = -1;
	s->first_ns = now;
	s->sleep_exec_ns = p->se.sum_exec_runtime;
	task_declare(p, s, task_match(p), now);
	return s;
}

/*
 * A run of @p has lasted @burst ns of CPU time and goes on. Called when it is preempted, by the
 * tick, and when its slice ends: a critical task that overstays is thrown out here.
 */
static __always_inline void task_run_goes_on(struct task_struct *p, struct task_state *s, u64 burst,
					     u64 limit, u64 now)
{
	if (s->workload)
		return;
	if (s->class == HS_CLASS_CRITICAL && burst > 2 * limit) {
		s->clean = 0;
		s->peak_ns = burst;
		if (limit && s->demotions < DEMOTIONS_MAX)
			s->demotions++;
		task_set_class(p, s, HS_CLASS_NORMAL, now);
	}
	if (s->class == HS_CLASS_NORMAL && burst > BATCH_AFTER_NS)
		task_set_class(p, s, HS_CLASS_BATCH, now);
}

/* What a variant is told of a task. */
static __always_inline void task_facts(struct task_struct *p, const struct task_state *s,
				       u64 run_ns, struct homeostat_task *t)
{
	t->class = s->class;
	t->kthread = !!(p->flags & PF_KTHREAD);
	t->weight = p->scx.weight;
	t->event = !!(s->flags & TASK_EVENT);
	t->clean = s->clean;
	t->demotions = s->demotions;
	t->wakeups = s->wakeups;
	t->run_ns = run_ns;
	t->burst_ns = s->burst_ns;
	t->peak_ns = s->peak_ns;
	t->cycle_ns = s->cycle_ns;
}

/* Does a variant say of which class a task is? */
static __always_inline bool variant_classifies(struct task_struct *p, struct task_state *s,
					       u64 burst, u64 now)
{
	struct homeostat_task t;
	int class;

	if (!(variant_points & VARIANT_CLASSIFY) || !gate_open())
		return false;
	task_facts(p, s, burst, &t);
	class = homeostat_classify(&t);
	if (class < 0 || class >= HS_CLASS_NR)
		return false;
	task_set_class(p, s, class, now);
	return true;
}

/* Into and out of the critical class, with hysteresis. */
static __always_inline void recognise_critical(struct task_struct *p, struct task_state *s,
					       u64 limit, u64 now)
{
	u64 busy = s->burst_ns * 1000, wakeups;

	if (s->class == HS_CLASS_CRITICAL) {
		wakeups = knob(HS_KNOB_RECOGNISE_WAKEUPS);
		if (s->clean > 2 * wakeups)
			s->clean = 2 * wakeups; /* the memory of a majority */
		if (!s->clean || !limit ||
		    busy > s->cycle_ns * knob(HS_KNOB_RECOGNISE_UTIL) * 3 / 2 ||
		    s->cycle_ns * knob(HS_KNOB_RECOGNISE_RATE) * 3 / 2 < NSEC_PER_SEC)
			task_set_class(p, s, HS_CLASS_NORMAL, now);
		return;
	}
	/* the ends of a busy pipe fail by their rate, others by their peak: a knob costs more than a comparison */
	if (!limit || s->peak_ns > limit ||
	    s->cycle_ns * knob(HS_KNOB_RECOGNISE_RATE) < NSEC_PER_SEC ||
	    s->clean < knob(HS_KNOB_RECOGNISE_WAKEUPS) << (s->demotions & 15))
		return;
	if (busy <= s->cycle_ns * knob(HS_KNOB_RECOGNISE_UTIL))
		task_set_class(p, s, HS_CLASS_CRITICAL, now);
}

/* A run of @p ended in a voluntary sleep after @burst ns of CPU time. */
static __always_inline void task_run_ended(struct task_struct *p, struct task_state *s, u64 burst,
					   u64 limit, u64 now)
{
	u64 cycle = s->sleep_ns && now > s->sleep_ns ? now - s->sleep_ns : burst;

	s->sleep_ns = now;
	s->wakeups++;
	if (!(s->wakeups % FORGET_RUNS) && s->demotions)
		s->demotions--;
	s->burst_ns = s->burst_ns - s->burst_ns / 8 + burst / 8;
	s->cycle_ns = s->cycle_ns - s->cycle_ns / 8 + cycle / 8;
	s->peak_ns -= s->peak_ns / 32;
	if (burst > s->peak_ns)
		s->peak_ns = burst;
	if (s->workload)
		return;
	if (burst > limit) {
		s->clean = 0;
		if (s->class == HS_CLASS_CRITICAL && burst > 2 * limit)
			task_run_goes_on(p, s, burst, limit, now);
	} else if (s->flags & TASK_EVENT) {
		s->clean++;
	} else {
		s->clean -= s->clean > 0; /* mixed company: the majority decides */
	}
	if (variant_classifies(p, s, burst, now))
		return;
	if (s->class == HS_CLASS_BATCH) {
		if (s->burst_ns < BATCH_AFTER_NS / 4)
			task_set_class(p, s, HS_CLASS_NORMAL, now);
		return;
	}
	recognise_critical(p, s, limit, now);
}

#endif
