/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Faults on order, for the tests: what a defect of the kernel side might do. They exist in the fault build
 * only (-DHS_FAULT, build/fault); elsewhere the calls below are nothing, and there is no `.data.fault`.
 */
#ifndef HOMEOSTAT_FAULT_H
#define HOMEOSTAT_FAULT_H

#ifdef HS_FAULT

/* Written by user space (`.data.fault`), which sets the last member to 0. All zero: no fault. */
struct hs_fault {
	__u64 pulse_late_ns; /* each pulse comes that much later than it planned */
	__u32 pulse_dead;    /* 1 = the timer is not started again */
	__u32 lose_pid;	     /* a task that sched_ext gives us to queue, and that we put nowhere */
	__u32 scribble; /* 1 = every window all knobs become 0 and ~0 by turns, past every bound */
	__u32 no_storage; /* so many of the next attempts to make a task's state fail */
	__u32 storm;	  /* so many events with each pulse, STORM_MAX at most */
	__u64 died_ns;	  /* when pulse_dead was first obeyed */
};
#define STORM_MAX 4096

#ifdef __bpf__

#include "lib/event.h"
#include "lib/hist.h"

extern struct hs_fault fault;

static __always_inline __u64 fault_pulse_late(void)
{
	return *(volatile __u64 *)&fault.pulse_late_ns;
}

static __always_inline bool fault_pulse_dead(void)
{
	if (!*(volatile __u32 *)&fault.pulse_dead)
		return false;
	if (!fault.died_ns) /* later beats are somebody's attempts to revive it */
		fault.died_ns = bpf_ktime_get_ns();
	return true;
}

static __always_inline bool fault_no_storage(void)
{
	__u32 n = *(volatile __u32 *)&fault.no_storage;

	if (n)
		*(volatile __u32 *)&fault.no_storage = n - 1;
	return n;
}

static __always_inline bool fault_lose(struct task_struct *p)
{
	__u32 pid = *(volatile __u32 *)&fault.lose_pid;

	return pid && (__u32)p->pid == pid;
}

/* Straight into the knobs, as a write through a bad pointer would. */
static __always_inline void fault_scribble(__u64 now)
{
	static __u64 value;

	if (!*(volatile __u32 *)&fault.scribble)
		return;
	value = ~value;
	HS_NO_UNROLL
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		*(volatile __u64 *)&knobs[id].value = value;
		knobs[id].changed_ns = now;
	}
}

static __attribute__((unused)) long fault_event(__u32 i, void *ctx)
{
	struct hs_event *e = event_reserve(HS_EVENT_STARVED, bpf_ktime_get_ns());

	(void)ctx;
	if (!e)
		return 0;
	e->latency_ns = i;
	__builtin_memcpy(e->comm, "storm", sizeof("storm"));
	event_submit(e);
	return 0;
}

static __always_inline void fault_storm(void)
{
	__u32 n = *(volatile __u32 *)&fault.storm;

	if (n)
		bpf_loop(n < STORM_MAX ? n : STORM_MAX, fault_event, NULL, 0);
}

#endif /* __bpf__ */
#elif defined(__bpf__)

#define fault_pulse_late() 0ULL
#define fault_pulse_dead() false
#define fault_no_storage() false
#define fault_lose(p) false
#define fault_scribble(now) ((void)0)
#define fault_storm() ((void)0)

#endif
#endif
