// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Two hooks on interrupts, with two events and two clock reads for each of them, so attached only while somebody wants to
 * know (struct hs_hooks).
 *
 * `softirq`: how long a soft interrupt waits from being raised to being run: long where a CPU stays in others of them, in
 * hard ones, or leaves them to ksoftirqd. Known limit: one that is raised again while it runs counts from the second
 * raising, as the kernel does.
 *
 * `irq`: how long each of them keeps its CPU, hard ones by device, and on x86 those by which a CPU's timer and other CPUs
 * call it. A hard one may come within a soft one, or within another hard one (the handler of a bridge calls those of what is
 * behind it); each has its own time only. Known limits: the kernel's own way into the handler and out of it is not in it,
 * nor is what a handler leaves to a thread; what has no tracepoint (TLB shootdowns, say) counts to what it came within; with
 * PREEMPT_RT a task may preempt a soft interrupt, whose time then has that task's.
 */
#include "sched.h"

SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raised, unsigned int kind)
{
	struct sense_cpu *c = sense_this_cpu();

	if (c && kind < HS_SOFTIRQS && !c->raised_ns[kind])
		c->raised_ns[kind] = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_run, unsigned int kind)
{
	struct sense_cpu *c = sense_this_cpu();
	struct sense_bank *b;
	u64 raised, now;

	if (!c || kind >= HS_SOFTIRQS)
		return 0;
	raised = c->raised_ns[kind];
	c->raised_ns[kind] = 0;
	/* left from when we were last attached */
	if (!raised || raised < hooks.since_ns[HS_HOOK_SOFTIRQ])
		return 0;
	now = bpf_ktime_get_ns();
	b = &c->bank[c->epoch & 1];
	if (now > raised && now - raised > b->softirq_max_ns)
		b->softirq_max_ns = now - raised;
	return 0;
}

/* What this CPU has spent in hard interrupts by now, and now: none came between the two readings (or two in a row did). */
static __always_inline u64 irq_clock(struct sense_cpu *c, u64 *hard_ns)
{
	u64 now;

	*hard_ns = *(volatile u64 *)&c->hard_ns;
	now = bpf_ktime_get_ns();
	if (*(volatile u64 *)&c->hard_ns != *hard_ns) {
		*hard_ns = *(volatile u64 *)&c->hard_ns;
		now = bpf_ktime_get_ns();
	}
	return now;
}

static __always_inline struct hs_irq *irq_row(u32 row)
{
	if (row >= HS_IRQS_MAX)
		row = HS_IRQS_MAX - 1;
	return bpf_map_lookup_elem(&IRQS, &row);
}

static __always_inline int irq_begins(u32 row)
{
	struct sense_cpu *c = sense_this_cpu();
	struct hs_irq *irq = irq_row(row);
	u64 from = hooks.irq_from_ns;

	if (!c || !irq)
		return 0;
	if (irq->from_ns != from) { /* of an earlier look; who reads it sees from_ns first */
		irq->runs = 0;
		irq->time_ns = 0;
		irq->longest_ns = 0;
		barrier();
		*(volatile u64 *)&irq->from_ns = from;
	}
	irq->begun_ns = irq_clock(c, &irq->before_ns);
	return 0;
}

/* How long it kept this CPU itself; 0: its beginning was not seen in this look. */
static __always_inline u64 irq_ends(struct sense_cpu *c, u32 row)
{
	struct hs_irq *irq = irq_row(row);
	u64 now, hard_ns, ns;

	if (!irq || !irq->begun_ns || irq->from_ns != hooks.irq_from_ns)
		return 0;
	now = irq_clock(c, &hard_ns);
	ns = now - irq->begun_ns - (hard_ns - irq->before_ns);
	irq->begun_ns = 0;
	if ((s64)ns < 0)
		return 0;
	irq->runs++;
	irq->time_ns += ns;
	if (ns > irq->longest_ns)
		irq->longest_ns = ns;
	return ns;
}

static __always_inline int hard_ends(u32 row)
{
	struct sense_cpu *c = sense_this_cpu();
	struct sense_bank *b;
	u64 ns;

	if (!c)
		return 0;
	ns = irq_ends(c, row);
	c->hard_ns += ns;
	b = &c->bank[c->epoch & 1];
	if (ns > b->hard_max_ns)
		b->hard_max_ns = ns;
	return 0;
}

static __always_inline u32 vector_row(int vector)
{
	return HS_SOFTIRQS + ((u32)vector - HS_VECTOR_FIRST) % HS_VECTORS;
}

/* Raw tracepoints: of their arguments only a number is looked at. */
SEC("raw_tp/irq_handler_entry")
int BPF_PROG(irq_device_begins, int irq)
{
	return irq_begins(HS_SOFTIRQS + HS_VECTORS + (u32)irq);
}

SEC("raw_tp/irq_handler_exit")
int BPF_PROG(irq_device_ends, int irq)
{
	return hard_ends(HS_SOFTIRQS + HS_VECTORS + (u32)irq);
}

/* Attached to several, all with the same argument: user/daemon/kernel_hooks.c. */
SEC("raw_tp")
int BPF_PROG(irq_vector_begins, int vector)
{
	return irq_begins(vector_row(vector));
}

SEC("raw_tp")
int BPF_PROG(irq_vector_ends, int vector)
{
	return hard_ends(vector_row(vector));
}

SEC("raw_tp/softirq_entry")
int BPF_PROG(irq_soft_begins, unsigned int kind)
{
	return kind < HS_SOFTIRQS ? irq_begins(kind) : 0;
}

SEC("raw_tp/softirq_exit")
int BPF_PROG(irq_soft_ends, unsigned int kind)
{
	struct sense_cpu *c = sense_this_cpu();
	struct sense_bank *b;
	u64 ns;

	if (!c || kind >= HS_SOFTIRQS)
		return 0;
	ns = irq_ends(c, kind);
	b = &c->bank[c->epoch & 1];
	if (ns > b->soft_max_ns)
		b->soft_max_ns = ns;
	return 0;
}
