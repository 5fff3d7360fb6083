// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The run-queue sensor's tracepoint hook; see sense/sched.h for the recipe. Needs BTF and tp_btf
 * (5.5), no sched_ext. Known limit: CPU time and sleeps are seen at sampled switches only, so a
 * task's runs between two samples appear as that many equal ones.
 */
#include "../lib/classify.h"

/* Runs that @s has completed since it was last looked at, as if all were equally long. */
static __always_inline void recognise(struct task_struct *p, struct task_state *s, u64 sleeps,
				      u64 now)
{
	u64 exec = p->se.sum_exec_runtime, burst = exec - s->sleep_exec_ns;
	u64 limit = knob(HS_KNOB_RECOGNISE_BURST) * 1000;

	if (!sleeps) {
		task_run_goes_on(p, s, burst, limit, now);
		return;
	}
	s->sleep_exec_ns = exec;
	s->flags |= TASK_EVENT; /* who woke it is not seen from here */
	if (sleeps > 1) {	/* two divisions that every switch would pay for */
		burst /= sleeps;
		s->clean += sleeps - 1;
		s->wakeups += sleeps - 1;
		if (s->sleep_ns && now > s->sleep_ns)
			s->sleep_ns = now - (now - s->sleep_ns) / sleeps;
	}
	task_run_ended(p, s, burst, limit, now);
}

/* A function of its own, so that a switch that is not measured does not save its registers. */
static __noinline int measure(struct sense_cpu *c, struct task_struct *next)
{
	struct task_state *s;
	u64 now, sleeps;

	if (!next->pid) /* the idle task waits for nothing */
		return 0;
	now = rq_clock_of(next);
	if (!now)
		return 0;
	s = task_state_get(next, now);
	if (!s)
		return 0;
	sense_queued(c, next, s->class, now);
	sleeps = s->seen_ns ? next->nvcsw - s->seen_sleeps : 0;
	if (sense_look(c, next, s, now))
		recognise(next, s, sleeps, now);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sense_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct sense_cpu *c = sense_this_cpu();

	if (!c)
		return 0;
	sense_count(c, HS_COUNT_SWITCH);
	return sense_sample(c) ? measure(c, next) : 0;
}

/* A new program: the declaration by command name may be another one now. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sense_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct task_state *s = bpf_task_storage_get(&TASKS, p, NULL, 0);

	if (s)
		task_declare(p, s, task_match(p), rq_clock_of(p));
	return 0;
}

/* All tasks with what is known of them, as a stream of struct hs_task_record. */
SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *p = ctx->task;
	struct hs_task_record r = {};
	struct task_state *s;

	if (!p)
		return 0;
	s = bpf_task_storage_get(&TASKS, p, NULL, 0);
	if (!s)
		return 0;
	r.pid = p->pid;
	r.tgid = p->tgid;
	bpf_probe_read_kernel_str(r.comm, sizeof(r.comm), p->comm);
	r.class = s->class;
	r.workload = s->workload;
	r.burst_ns = s->burst_ns;
	r.wakeups = s->wakeups;
	r.changes = s->changes;
	r.classified_ns = s->changes ? s->changed_ns - s->first_ns : 0;
	r.cpu = s->cpu;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

/* The daemon has changed the declarations: every task that is known is matched again. */
SEC("iter/task")
int rematch(struct bpf_iter__task *ctx)
{
	struct task_struct *p = ctx->task;
	struct task_state *s = p ? bpf_task_storage_get(&TASKS, p, NULL, 0) : NULL;

	if (s)
		task_declare(p, s, task_match(p), rq_clock_of(p));
	return 0;
}
