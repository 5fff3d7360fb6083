/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Recognition of what is of no declared flow (lib/recognise.h), where the profile asks for it: part of xdp.bpf.c and tc.bpf.c.
 *
 * Either way has slots of its own: what is forwarded is seen by both, and is not to count twice. Slots are written without a lock.
 * Two CPUs that have packets of one flow at a time may lose one of them, or begin a window twice, which then speaks twice: no
 * verdict hangs on one packet or one window. Eight slots share a cache line, so of 1000 flows at a time one in nine
 * has a neighbour that may be written by another CPU: it pays for the line, and no more.
 */
#ifndef HOMEOSTAT_ACT_RECOGNISE_H
#define HOMEOSTAT_ACT_RECOGNISE_H

#include "../lib/knob.h"
#include "../lib/recognise.h"

extern const volatile __u64 tick_ns; /* a jiffy: pulse.bpf.c */
extern const volatile __u64 steer_key[STEER_KEYS];

/* What @slot is in @window (recognise.bpf.c): once in a window of a flow. */
extern u64 recognise_next(u64 slot, u32 window, u32 tcp);

/* The row of a packet that is of no declared flow, by its flow's hash: enum hs_flow_row. */
static __always_inline u32 recognised(const struct packet *p, u64 hash, u32 bytes, u32 packets,
				      enum direction way)
{
	u32 index = way * RECOGNISE_FLOWS_NR + steer_index(hash);
	u32 window = bpf_jiffies64() >> recognise_shift(tick_ns) & RECOGNISE_WINDOW;
	u64 *at = bpf_map_lookup_elem(&RECOGNISED, &index), slot;

	if (!at)
		return HS_FLOW_OTHERS;
	slot = *(volatile u64 *)at;
	if (recognise_window(slot) != window)
		slot = recognise_next(slot, window, p->protocol == PROTO_TCP);
	slot = recognise_count(slot, bytes, packets);
	*(volatile u64 *)at = slot;
	return HS_FLOW_OTHERS + recognise_verdict(slot);
}

#endif
