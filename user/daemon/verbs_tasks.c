// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verb `workloads`: declared ones with their books, and the tasks that something is known of. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "control.h"
#include "names.h"
#include "verbs.h"

struct listing {
	struct call *call;
	struct json_object *tasks;
	__u64 from; /* tasks to pass over */
	__u64 seen;
	__u64 next;			 /* first task that found no place, 0 = all did */
	__u32 members[HS_WORKLOADS_MAX]; /* tasks of each workload */
};

/* Floor of the square root. */
static __u64 root_of(__u64 v)
{
	__u64 root = 0;

	for (__u64 bit = 1ULL << 31; bit; bit >>= 1) {
		if ((root | bit) * (root | bit) <= v)
			root |= bit;
	}
	return root;
}

static const char *workload_name(const struct call *call, __u32 workload)
{
	const struct profile_workload *w;

	if (!workload)
		return "";
	if (workload == HS_WORKLOAD_SELF + 1)
		return "homeostatd";
	w = policy_workload(&call->d->policy.profile, workload - 1);
	return w ? w->workload.name : "?";
}

static int list_task(void *ctx, const struct hs_task_record *task)
{
	struct listing *l = ctx;
	char comm[HS_COMM_LEN + 1] = "";
	struct json_object *row;

	heartbeat_progress(&l->call->d->heartbeat);
	if (task->workload && task->workload <= HS_WORKLOADS_MAX)
		l->members[task->workload - 1]++;
	if (l->seen++ < l->from)
		return 0;
	if (l->seen - l->from > CONTROL_TASKS_MAX) {
		if (!l->next)
			l->next = l->seen - 1;
		return 0; /* counted on, for the members */
	}
	memcpy(comm, task->comm, HS_COMM_LEN);
	row = js_push_obj(l->tasks);
	js_add_u64(row, "pid", task->pid);
	js_add_str(row, "comm", comm);
	js_add_str(row, "class", class_name(task->class));
	js_add_str(row, "workload", workload_name(l->call, task->workload));
	js_add_u64(row, "burst_ns", task->burst_ns);
	js_add_u64(row, "wakeups", task->wakeups);
	js_add_u64(row, "classified_after_ns", task->classified_ns);
	js_add_u64(row, "changes", task->changes);
	js_add_u64(row, "cpu", task->cpu);
	return 0;
}

/* Variance from sums that were read one after the other may come out slightly negative: 0 then. */
static void stats_members(struct json_object *row, const struct hs_workload_stats *s)
{
	__u64 n = s->wakeups, mean = n ? s->run_sum_ns / n : 0, mean_us = mean / 1000;
	__u64 square = n ? s->run_sq_us2 / n : 0;
	__u64 variance = square > mean_us * mean_us ? square - mean_us * mean_us : 0;

	js_add_u64(row, "wakeups", n);
	js_add_u64(row, "misses", s->misses);
	js_add_u64(row, "overruns", s->overruns);
	js_add_u64(row, "run_mean_ns", mean);
	js_add_u64(row, "run_max_ns", s->run_max_ns);
	js_add_u64(row, "run_stddev_ns", root_of(variance) * 1000);
	js_add_u64(row, "resp_max_ns", s->resp_max_ns);
}

static void list_declared(struct call *call, const struct listing *l)
{
	struct json_object *array = js_add_array(call->reply, "declared");
	const struct profile *profile = &call->d->policy.profile;

	for (__u32 i = 0; i < HS_WORKLOADS_MAX; i++) {
		struct hs_workload_stats stats;
		struct hs_workload w;
		struct json_object *row;

		if ((i != HS_WORKLOAD_SELF && !policy_workload(profile, i)) ||
		    bpf_map_lookup_elem(call->d->kernel.fd.workloads, &i, &w) ||
		    bpf_map_lookup_elem(call->d->kernel.fd.workload_stats, &i, &stats))
			continue;
		w.name[sizeof(w.name) - 1] = '\0';
		row = js_push_obj(array);
		js_add_str(row, "name", w.name);
		js_add_str(row, "class", class_name(w.class));
		js_add_u64(row, "period_ns", w.period_ns);
		js_add_u64(row, "deadline_ns", w.deadline_ns);
		js_add_u64(row, "runtime_ns", w.runtime_ns);
		js_add_u64(row, "tasks", l->members[i]);
		stats_members(row, &stats);
	}
}

int verb_workloads(struct call *call)
{
	struct listing l = {.call = call};
	int err = js_get_u64(call->request, "from", &l.from);

	if (err && err != -ENOENT) {
		snprintf(call->error, sizeof(call->error), "expected from: number");
		return err;
	}
	l.tasks = js_add_array(call->reply, "tasks");
	err = kernel_tasks(&call->d->kernel, list_task, &l);
	/* without the iterator the declared ones are still worth an answer */
	if (err && err != -EOPNOTSUPP)
		return err;
	js_add_u64(call->reply, "tasks_total", l.seen);
	if (l.next)
		js_add_u64(call->reply, "next", l.next);
	list_declared(call, &l);
	return 0;
}
