/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The gate is shut, or sched_ext ends us: stock rules until we are gone, and the reason.
 *
 * Who ended it. sched_ext takes the first reason for an exit and no other (scx_claim_exit()); from that
 * moment on it calls none of our ops for a decision. What it calls: on an error ops.dump at once, from an
 * interrupt on the CPU that found it; in every case ops.exit, but only when all tasks are back with the
 * kernel's own scheduler, tens of milliseconds later on a busy host. In between the daemon may get no
 * CPU, and its watchdogs shut the gate for that: the consequence before the cause. Therefore an error is
 * taken down in ops.dump. What remains: a scheduler that the kernel ends without an error (sysrq-S,
 * hotplug of a CPU during our init) is named by ops.exit alone, and a watchdog that trips before it keeps
 * its reason. Struct hs_exit has the kernel's word in that case, too.
 *
 * The other way round, a gate that was shut first keeps its reason (gate_shut()): leave() asks the kernel
 * to end us, and ops.exit comes with SCX_EXIT_UNREG_BPF.
 */
#ifndef HOMEOSTAT_ACT_SCHED_STOCK_H
#define HOMEOSTAT_ACT_SCHED_STOCK_H

#include "sched_fair.h"
#include "../fault.h"

static __always_inline void bell_ring(void)
{
	u32 rung = 1;

	bpf_ringbuf_output(&BELL, &rung, sizeof(rung), BPF_RB_FORCE_WAKEUP);
}

/* Asks the kernel, once, to end this scheduler; records when the first stock decision was taken. */
static __noinline int leave(void)
{
	static char fmt[] = "homeostat: gate shut";
	unsigned long long none = 0;

	if (!gate.safe_ns)
		gate.safe_ns = bpf_ktime_get_ns();
	if (!__sync_lock_test_and_set(&gate.leaving, 1)) {
		gate_shut(HS_TRIP_LEASE, HS_VITAL_NR, 0, 0); /* open yet: the lease is over */
		scx_bpf_exit_bstr(gate.trip_reason, fmt, &none, 0);
		bell_ring();
	}
	return 0;
}

static __always_inline u64 stock_slice_ns(void)
{
	u32 id = HS_KNOB_SLICE_NORMAL;
	struct hs_bound *b = bpf_map_lookup_elem(&BOUNDS, &id);

	return b ? b->stock * 1000 : 5 * MSEC;
}

static __noinline void stock_enqueue(struct task_struct *p, u64 flags)
{
	struct sense_cpu *sc = sense_this_cpu();

	leave();
	if (sc)
		sense_count(sc, HS_COUNT_STOCK);
	insert_ordered(p, DSQ_STOCK, stock_slice_ns(), p->scx.dsq_vtime, flags);
}

static __noinline void stock_dispatch(s32 cpu)
{
	u32 llc = llc_of(cpu), i;

	leave();
	if (scx_bpf_dsq_move_to_local(DSQ_STOCK) || scx_bpf_dsq_move_to_local(DSQ_PINNED(cpu)) ||
	    scx_bpf_dsq_move_to_local(DSQ_PARKED_PINNED(cpu)) ||
	    scx_bpf_dsq_move_to_local(DSQ_CRITICAL(llc)) ||
	    scx_bpf_dsq_move_to_local(DSQ_FAIR(llc)) || scx_bpf_dsq_move_to_local(DSQ_PARKED(llc)))
		return;
	for (i = 0; i < LLCS_MAX && i < nr_llcs; i++) {
		if (scx_bpf_dsq_move_to_local(DSQ_CRITICAL(i)) ||
		    scx_bpf_dsq_move_to_local(DSQ_FAIR(i)) ||
		    scx_bpf_dsq_move_to_local(DSQ_PARKED(i)))
			return;
	}
}

/* What an exit of sched_ext's own making is called. A link is destroyed, gate open, by death alone. */
static __always_inline u32 exit_reason(u32 kind, u64 code)
{
	if (kind == bpf_core_enum_value(enum scx_exit_kind, SCX_EXIT_ERROR_STALL))
		return HS_TRIP_SCHED_STALL;
	if (kind >= bpf_core_enum_value(enum scx_exit_kind, SCX_EXIT_ERROR))
		return HS_TRIP_SCHED_ERROR;
	if (code & bpf_core_enum_value(enum scx_exit_code, SCX_ECODE_RSN_HOTPLUG))
		return HS_TRIP_SCHED_HOTPLUG;
	if (kind == bpf_core_enum_value(enum scx_exit_kind, SCX_EXIT_UNREG))
		return HS_TRIP_DIED;
	return HS_TRIP_SCHED_EXIT;
}

static __always_inline void kernel_ends_us(u32 kind, u64 code)
{
	gate_shut(exit_reason(kind, code), HS_VITAL_NR, 0, 0);
}

#endif
