// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a user-space controller that reacts to events needs in the kernel: the textbook measure of how long each
 * task waited from its wake-up on, and a word to user space when that was too long. Load controller uses it.
 */
#include "ktypes.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u64 limit_ns;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} WOKEN SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} WAITS SEC(".maps");

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *p)
{
	u64 *woken = bpf_task_storage_get(&WOKEN, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (woken)
		*woken = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 *woken = bpf_task_storage_get(&WOKEN, next, NULL, 0), wait;

	if (!woken || !*woken)
		return 0;
	wait = bpf_ktime_get_ns() - *woken;
	*woken = 0;
	if (wait > limit_ns)
		bpf_ringbuf_output(&WAITS, &wait, sizeof(wait), BPF_RB_FORCE_WAKEUP);
	return 0;
}
