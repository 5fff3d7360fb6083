/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Events that name a task. Rare by construction, so they may read the clock. */
#ifndef HOMEOSTAT_LIB_TASK_EVENT_H
#define HOMEOSTAT_LIB_TASK_EVENT_H

#include "event.h"

/* The class of @p changed, @latency_ns after it was first seen. */
static __noinline __attribute__((unused)) int event_class(struct task_struct *p, u32 from, u32 to,
							  u64 latency_ns)
{
	struct hs_event *e = event_reserve(HS_EVENT_CLASS, bpf_ktime_get_ns());

	if (!e)
		return 0;
	e->from = from;
	e->to = to;
	e->latency_ns = latency_ns;
	e->pid = p->pid;
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), p->comm);
	event_submit(e);
	return 0;
}

/* DEADLINE, BUDGET, STARVED: @id and @latency_ns as HS_EVENTS says. */
static __noinline __attribute__((unused)) int event_task(u32 type, struct task_struct *p, u32 id,
							 u64 latency_ns)
{
	struct hs_event *e = event_reserve(type, bpf_ktime_get_ns());

	if (!e)
		return 0;
	e->id = id;
	e->latency_ns = latency_ns;
	e->pid = p->pid;
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), p->comm);
	event_submit(e);
	return 0;
}

#endif
