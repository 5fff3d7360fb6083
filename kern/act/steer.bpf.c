// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The books of steering (act/steer.h): what each queue took, what its thread has delivered, and what got lost on the way.
 * By the kernel's own tracepoints of cpumap, of which one is met for up to eight packets; nobody pays where nothing is
 * handed over. Other programs may have queues of the same kind: ours are known by the map's id, which the daemon writes down;
 * we cannot ask the map for it, as a map of this kind is there for programs of one kind only, and has XDP's.
 */
#include "../state.h"

__u32 steer_queues_id SEC(".data.steer_queues_id") = 0;

static __always_inline bool ours(u32 map_id)
{
	return map_id == *(volatile __u32 *)&steer_queues_id;
}

/*
 * On the CPU that hands over. In a driver @processed holds @drops; behind it (generic XDP) one of both is 1, and a drop is
 * told to steer_failed, too.
 */
SEC("tp_btf/xdp_cpumap_enqueue")
int BPF_PROG(steer_queued, int map_id, unsigned int processed, unsigned int drops, int to_cpu)
{
	u32 here = bpf_get_smp_processor_id(), there = to_cpu;
	struct hs_steer_cpu *me, *c;

	if (!ours(map_id) || !processed)
		return 0;
	me = bpf_map_lookup_elem(&STEER_CPUS, &here);
	c = bpf_map_lookup_elem(&STEER_CPUS, &there);
	if (!me || !c)
		return 0;
	me->flushed += processed;
	me->refused += drops;
	__sync_fetch_and_add(&c->queued, processed - drops);
	return 0;
}

/* The driver, or the kernel, could not hand a packet over: it is lost. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(steer_failed, const struct net_device *dev, const struct bpf_prog *xdp, const void *to,
	     int err, int map_type, u32 map_id, u32 index)
{
	u32 here = bpf_get_smp_processor_id();
	struct hs_steer_cpu *me;

	if (map_type != BPF_MAP_TYPE_CPUMAP || !ours(map_id))
		return 0;
	me = bpf_map_lookup_elem(&STEER_CPUS, &here);
	if (!me)
		return 0;
	me->flushed++;
	me->refused++;
	return 0;
}

/*
 * Whose queue this thread serves: "cpumap/3/map:17". It runs there, unless that CPU went offline: then it delivers what is
 * left wherever it is put.
 */
static __always_inline u32 queue_of(struct task_struct *p)
{
	char comm[16];
	u32 cpu = 0;

	if (p->nr_cpus_allowed == 1)
		return bpf_get_smp_processor_id();
	bpf_probe_read_kernel_str(comm, sizeof(comm), p->comm);
	for (int i = 7; i < 11 && comm[i] >= '0' && comm[i] <= '9'; i++)
		cpu = cpu * 10 + comm[i] - '0';
	return cpu;
}

/* In the thread of a queue. */
SEC("tp_btf/xdp_cpumap_kthread")
int BPF_PROG(steer_taken, int map_id, unsigned int processed)
{
	struct hs_steer_cpu *c;
	u32 cpu;

	if (!ours(map_id) || !processed)
		return 0;
	cpu = queue_of(bpf_get_current_task_btf());
	c = bpf_map_lookup_elem(&STEER_CPUS, &cpu);
	if (c) /* an old thread and its successor may both be at it for a moment */
		__sync_fetch_and_add(&c->taken, processed);
	return 0;
}
