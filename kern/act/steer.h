/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Steering: a flow that comes in on a hot CPU is handed to a freer one, which goes on with it as if it had come in there.
 * Part of xdp.bpf.c.
 *
 * Model. Each flow has a place: the CPU that it comes in on, or another one; the flow table remembers it. A packet goes
 * where its flow is, whatever the loads are. A flow is placed anew only if
 *	- it has been silent for net.steer.gap_us,
 *	- the CPU where it is is hot, or is no target any more, or the flow was silent for so long that it counts as new, and
 *	- all that was ever handed to that CPU has been delivered: its books are even.
 * It then stays where it comes in if that is not hot, else it goes to the freer of two targets that its hash names.
 *
 * Why nothing is reordered. The flow's last packet was seen on this CPU (a flow that comes in on two CPUs at once has no
 * order to lose). If it was handed over, it has since gone three ways: out of this CPU's bulk (`since`: no move while packets
 * from that time on are in it), into the queue (`queued` has counted it, on this CPU), and through the other CPU's thread, as
 * `taken` has reached `queued`. From 6.15 on the thread counts a batch (8 packets) just before it delivers it, with soft
 * interrupts off, and holds nothing back when its queue is empty; that is what the gap has to cover. If it stayed here, it was
 * delivered in the same poll of the driver, or from GRO at its end, or at the next tick; that, too, the gap covers, of two
 * ticks at least. So order can only break where a poll or a batch is interrupted for longer than the gap, with the flow's next
 * packet in the same poll or on its way.
 *
 * Example: 16 flows come in on CPU 0, of 4, and make it hot. The first that pauses for 10 ms goes to CPU 2 or 3, whichever
 * is freer, the next to 1 or 3 …, until CPU 0 is a quarter below the limit. What never pauses stays.
 *
 * Known limits. Flows that are new while their CPU is not yet known to be hot begin there, and have to pause before they go. When
 * the gate is shut, packets stay here from the next one on: it may overtake one that is in a queue still.
 */
#ifndef HOMEOSTAT_ACT_STEER_H
#define HOMEOSTAT_ACT_STEER_H

#include "../lib/gate.h"
#include "../lib/steer.h"

/* Factors of the hash; the daemon sets others before load. Odd ones, so that no bit gets lost. */
const volatile __u64 steer_key[STEER_KEYS] = {
	0x8ebc6af09c88c6e3ULL, 0x589965cc75374cc3ULL, 0x1d8e4e27c47d124fULL,
	0xeb44accab455d165ULL, 0x9e6c63d0676a9a99ULL,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_FLOWS_NR);
	__type(key, u32);
	__type(value, u64);
} STEER_FLOWS SEC(".maps");

static __always_inline bool steer_on(void)
{
	return *(volatile u32 *)&steer.state != HS_STEER_OFF &&
	       *(volatile u32 *)&steer.generation == *(volatile u32 *)&gate.generation;
}

static __always_inline struct hs_steer_load *load_of(u32 cpu)
{
	return &steer.cpu[cpu & (HS_CPUS_MAX - 1)];
}

/*
 * The freer of two targets, as a place; HERE where there is none, or none that is freer than @from. Two that are about as free
 * are taken by chance: all flows of 25 ms see the same loads, and would all run to the one that was the freer by a hair.
 */
static __always_inline u32 target_for(u64 hash, u32 from)
{
	u32 list = *(volatile u32 *)&steer.list, nr = list & 0xffff, a, b;
	u32 half = list >> 16 & 1;
	u64 above = knob_bounded(HS_KNOB_STEER_ABOVE);

	if (!nr)
		return STEER_HERE;
	steer_two(hash, nr, &a, &b);
	a = steer.target[half][a & (HS_CPUS_MAX - 1)];
	b = steer.target[half][b & (HS_CPUS_MAX - 1)];
	if (steer_freer(load_of(b)->load_permille, load_of(a)->load_permille, above))
		a = b;
	if (a >= nr_cpus || !load_of(a)->target ||
	    !steer_freer(load_of(a)->load_permille, from, above))
		return STEER_HERE;
	return a + 1;
}

/* Has all that was handed to @cpu up to @seen been delivered? */
static __always_inline bool drained(u32 cpu, const struct hs_steer_cpu *me, u64 seen)
{
	struct hs_steer_cpu *c = bpf_map_lookup_elem(&STEER_CPUS, &cpu);

	if (!c || (me->handed != me->flushed && seen >= me->since))
		return false;
	return *(volatile u64 *)&c->queued == *(volatile u64 *)&c->taken;
}

/* The place of a flow that has been silent for a gap, and was at @place. */
static __always_inline u32 placed_anew(u64 hash, u32 place, const struct hs_steer_cpu *me, u32 cpu,
				       u64 seen, bool forgotten)
{
	bool hot = load_of(cpu)->hot;
	u32 from = load_of(cpu)->load_permille, next;

	if (place != STEER_HERE) {
		struct hs_steer_load *there = load_of(place - 1);

		if (there->target && !there->hot && !forgotten)
			return place;
		if (!drained(place - 1, me, seen))
			return place;
		if (!hot)
			return STEER_HERE;
		if (there->target && !forgotten) {
			from = there->load_permille;
			next = target_for(hash, from);
			return next == STEER_HERE ? place : next;
		}
	}
	return hot ? target_for(hash, from) : STEER_HERE;
}

/*
 * The first packet of its flow in this jiffy: looks whether it may move, and writes down that it was seen. Another CPU may do
 * the same for a flow that shares the slot: then what it says holds.
 */
static __noinline int flow_look(u64 *slot, u64 hash, struct hs_steer_cpu *me, u32 cpu)
{
	u64 before, seen, now = bpf_jiffies64(), since, was;
	u32 place, next;
	bool void_;

	if (!slot || !me)
		return STEER_HERE;
	before = *(volatile u64 *)slot;
	seen = steer_seen(before);
	place = next = steer_place(before);
	since = *(volatile u64 *)&steer.since;
	void_ = (s64)(seen - since) < 0;
	if (*(volatile u32 *)&steer.state != HS_STEER_ON)
		next = void_ ? STEER_HERE : place;
	else if (void_) /* nothing since the watch began: new, or silent for a gap at least */
		next = load_of(cpu)->hot ? target_for(hash, load_of(cpu)->load_permille)
					 : STEER_HERE;
	else if (now - seen >= *(volatile u64 *)&steer.gap)
		next = placed_anew(hash, place, me, cpu, seen,
				   now - seen >= *(volatile u64 *)&steer.forget);
	was = __sync_val_compare_and_swap(slot, before, steer_slot(now, next));
	if (was != before)
		return steer_place(was);
	if (next != (void_ ? STEER_HERE : place))
		me->moved++;
	return next;
}

/* What becomes of a packet of the flow @hash that is let in: PASS, or REDIRECT to where its flow is. */
static __always_inline int steer_packet(u64 hash)
{
	u64 now = bpf_jiffies64(), *slot, old;
	u32 cpu = bpf_get_smp_processor_id(), index, place;
	struct hs_steer_cpu *me;

	index = steer_index(hash);
	slot = bpf_map_lookup_elem(&STEER_FLOWS, &index);
	me = bpf_map_lookup_elem(&STEER_CPUS, &cpu);
	if (!slot || !me)
		return XDP_PASS;
	old = *(volatile u64 *)slot;
	place = steer_place(old);
	if ((s64)(now - steer_seen(old)) > 0)
		place = flow_look(slot, hash, me, cpu);
	if (place == STEER_HERE) {
		me->kept++;
		return XDP_PASS;
	}
	if (bpf_redirect_map(&STEER_QUEUES, place - 1, XDP_PASS) != XDP_REDIRECT) {
		me->missing++;
		*(volatile u64 *)slot = steer_slot(now, STEER_HERE);
		return XDP_PASS;
	}
	if (me->handed == me->flushed)
		me->since = now;
	me->handed++;
	return XDP_REDIRECT;
}

#endif
