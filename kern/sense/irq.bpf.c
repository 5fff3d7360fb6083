// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * How long a soft interrupt waits from being raised to being run: long where a CPU stays in others of them, in hard ones,
 * or leaves them to ksoftirqd. Two events and two clock reads for each, so attached only while somebody wants to know
 * (struct hs_hooks).
 *
 * Known limit: one that is raised again while it runs counts from the second raising, as the kernel does.
 */
#include "sched.h"

SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raised, unsigned int kind)
{
	struct sense_cpu *c = sense_this_cpu();

	if (c && kind < SOFTIRQS && !c->raised_ns[kind])
		c->raised_ns[kind] = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_run, unsigned int kind)
{
	struct sense_cpu *c = sense_this_cpu();
	struct sense_bank *b;
	u64 raised, now;

	if (!c || kind >= SOFTIRQS)
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
