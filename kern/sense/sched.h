/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The run-queue sensor. It has two hooks, of which one is attached at a time: the sched_switch
 * tracepoint (sense/sched.bpf.c), and ops.running of our scheduler while that one is loaded, so
 * that an armed host does not pay for both.
 *
 * The recipe: when a task gets the CPU, the kernel's own sched_info.last_queued still holds the run
 * queue's clock at the moment it became runnable, and rq->clock has just been updated. Their
 * difference is the wait: no clock is read, nothing is stored at wake-up. Measured against a
 * textbook sensor (time stamps at wake-up and switch) it differs by 62 ns on average.
 *
 * All else comes from counters that the kernel keeps anyway (sum_exec_runtime, nvcsw): they lose
 * nothing when only one switch in many is looked at.
 */
#ifndef HOMEOSTAT_SENSE_SCHED_H
#define HOMEOSTAT_SENSE_SCHED_H

#include "../state.h"
#include "../lib/hist.h"

#define WORKER_LONG_NS 1000000ULL /* a kernel thread's wait is not looked at below this */

/*
 * A task that on average wakes more often than this is looked at once in so long, or when it comes to another CPU. The
 * wait of each measured switch is counted; what belongs to the task comes from the kernel's counters and would be half of
 * the price where two tasks pass the CPU to and fro. Runs between two looks appear as equal ones, which those of
 * such a task do anyway: on its CPU the pulse has one switch in several measured (EVERY_HZ in fold.h). What a task did
 * after the last look before it ended is missing.
 */
#define LOOK_NS 100000ULL

/*
 * Clock of the run queue that @p is on, ns; 0 without CONFIG_FAIR_GROUP_SCHED, and the sensor is off.
 * The way over the task's cfs_rq is open for tasks of every class and costs two loads; the per-CPU
 * variable `runqueues` would do as well, but not every kernel lets BPF see it.
 */
static __always_inline u64 rq_clock_of(struct task_struct *p)
{
	return bpf_core_field_exists(struct cfs_rq, rq) ? p->se.cfs_rq->rq->clock : 0;
}

static __always_inline struct sense_cpu *sense_this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&SENSE, &cpu);
}

static __always_inline void sense_count(struct sense_cpu *c, enum hs_counter id)
{
	c->count[id]++; /* only this CPU writes it, with preemption off */
}

/*
 * Is this switch to be measured? Each one with the same chance, one in c->every, whatever came before. A fixed distance
 * would, with two tasks taking turns, always see the same one; a random distance with an upper bound sees two switches in
 * a row too seldom, and so too few of those waits that are long because the switch before was measured. (Seen: half of
 * them, and p99 of two tasks that take turns 6 % too low.)
 */
static __always_inline bool sense_sample(struct sense_cpu *c)
{
	c->seed = c->seed * 1664525 + 1013904223; /* Numerical Recipes' LCG */
	return !((u64)c->seed * c->every >> 32);
}

/* One of the kernel's own per-CPU threads (ksoftirqd, kworker …): others wait for what it does. */
static __always_inline bool kernel_worker(struct task_struct *p)
{
	return p->flags & PF_KTHREAD && p->flags & PF_NO_SETAFFINITY && p->nr_cpus_allowed == 1;
}

static __always_inline void sense_wait(struct sense_cpu *c, struct task_struct *p, u32 class,
				       u64 wait_ns)
{
	struct sense_bank *b = &c->bank[c->epoch & 1];
	u32 i = hist_index(wait_ns);

	if (class >= HS_CLASS_NR || i >= HS_HIST_BUCKETS)
		return; /* for the verifier */
	b->used[class][i / 64] |= 1ULL << (i % 64);
	b->wait[class][i]++;
	b->n[class]++;
	if (wait_ns > b->wait_max_ns)
		b->wait_max_ns = wait_ns;
	if (wait_ns > WORKER_LONG_NS && kernel_worker(p) && wait_ns > b->worker_max_ns)
		b->worker_max_ns = wait_ns;
}

/* What @p did since it was last looked at: CPU time, time off the CPU, voluntary sleeps. */
static __always_inline void sense_usage(struct sense_cpu *c, struct task_struct *p,
					struct task_state *s, u64 now)
{
	struct sense_bank *b = &c->bank[c->epoch & 1];
	u64 exec = p->se.sum_exec_runtime, sleeps = p->nvcsw, run;
	u32 class = s->class;

	if (class >= HS_CLASS_NR)
		return;
	if (s->seen_ns && now > s->seen_ns && exec >= s->seen_exec_ns) {
		run = exec - s->seen_exec_ns;
		b->run_ns[class] += run;
		if (now - s->seen_ns > run)
			b->off_ns[class] += now - s->seen_ns - run;
		b->sleeps[class] += sleeps - s->seen_sleeps;
	}
	s->seen_ns = now;
	s->seen_exec_ns = exec;
	s->seen_sleeps = sleeps;
}

/* @p is about to get the CPU and has waited as a task of @class: one measured switch. */
static __always_inline void sense_queued(struct sense_cpu *c, struct task_struct *p, u32 class,
					 u64 now)
{
	u64 queued = p->sched_info.last_queued;

	sense_count(c, HS_COUNT_SAMPLED);
	/* equal: it was put back and picked again in the same breath, and has not waited */
	if (queued && now > queued)
		sense_wait(c, p, class, now - queued);
}

/*
 * Where @p runs, and what it did since the last look. False: it is too soon for another one. (A clock that went back
 * looks like a long time.)
 */
static __always_inline bool sense_look(struct sense_cpu *c, struct task_struct *p,
				       struct task_state *s, u64 now)
{
	s32 cpu = bpf_get_smp_processor_id();

	if (s->cpu != cpu) {
		if (s->cpu >= 0)
			sense_count(c, HS_COUNT_MIGRATE);
		s->cpu = cpu;
	} else if (s->cycle_ns && s->cycle_ns < LOOK_NS && now - s->seen_ns < LOOK_NS) {
		return false;
	}
	sense_usage(c, p, s, now);
	return true;
}

#endif
