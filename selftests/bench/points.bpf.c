// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Ways for a decision to be somebody else's: what one costs. Each program takes POINTS_LOOKS decisions. They are of a kind that
 * may not sleep, as the scheduler: no other can make a tail call.
 */
#include "ktypes.h"
#include "variant.h"
#include "lib/hist.h"
#include "points.h"

char LICENSE[] SEC("license") = "GPL";

/* what is known of a task, as the scheduler has it: not to be folded into constants */
struct homeostat_task known = {
	.class = HS_CLASS_NORMAL, .weight = 100, .wakeups = 100, .burst_ns = 20000};
__u64 sum;
__u64 took_ns; /* by the last run */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} CALLS SEC(".maps");

/* A rule table: the first row that fits decides. */
struct row {
	__u32 class;
	__u32 cpu;
	__u64 burst_min_ns;
	__u64 burst_max_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POINTS_ROWS);
	__type(key, __u32);
	__type(value, struct row);
} ROWS SEC(".maps");

/* As a variant has it: what is known is copied, a function is called, and what it says is judged. */
__noinline int place(struct homeostat_task *task, struct homeostat_wake *wake)
{
	if (!task || !wake || task->class == HS_CLASS_CRITICAL || task->wakeups < 8 ||
	    task->burst_ns > 100000)
		return -1;
	return wake->waker;
}

/* Each way in a function of its own, which the verifier looks at once. */
__noinline int by_nothing(__u32 i)
{
	return known.wakeups + i;
}

__noinline int by_call(__u32 i)
{
	struct homeostat_wake w = {.prev = i & 1, .waker = i & 1, .cpus = 2};
	struct homeostat_task t = known;
	int cpu = place(&t, &w);

	return cpu < 0 || cpu >= 2 ? -1 : cpu;
}

__noinline int by_table(__u32 i)
{
	HS_NO_UNROLL
	for (__u32 n = 0; n < POINTS_ROWS; n++) {
		__u32 key = n; /* or the verifier forgets the bounds of n */
		struct row *r = bpf_map_lookup_elem(&ROWS, &key);

		if (!r)
			break;
		if (r->class == known.class && known.burst_ns >= r->burst_min_ns &&
		    known.burst_ns < r->burst_max_ns)
			return r->cpu;
	}
	return i;
}

/* Within a function of its own a tail call comes back to where that was called. */
static __noinline int by_tail_call(struct __sk_buff *ctx)
{
	bpf_tail_call(ctx, &CALLS, 0);
	return -1;
}

SEC("tc")
int points_tail(struct __sk_buff *ctx)
{
	(void)ctx;
	return known.burst_ns > 100000 ? -1 : 1;
}

#define LOOKS(name, decision)                                                                      \
	SEC("tc")                                                                                  \
	int name(struct __sk_buff *ctx)                                                            \
	{                                                                                          \
		__u64 from = bpf_ktime_get_ns();                                                   \
                                                                                                   \
		HS_NO_UNROLL                                                                       \
		for (__u32 i = 0; i < POINTS_LOOKS; i++) {                                         \
			sum += decision;                                                           \
			barrier();                                                                 \
		}                                                                                  \
		took_ns = bpf_ktime_get_ns() - from;                                               \
		return 0;                                                                          \
	}

LOOKS(points_none, by_nothing(i))
LOOKS(points_call, by_call(i))
LOOKS(points_table, by_table(i))
LOOKS(points_tailed, by_tail_call(ctx))
