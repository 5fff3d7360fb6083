/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What both variants of the congestion control, and those who look at sockets, have in common. */
#ifndef HOMEOSTAT_ACT_TCP_H
#define HOMEOSTAT_ACT_TCP_H

#include "../lib/knob.h"
#include "../sense/sched.h"

#define SOL_TCP 6
#define TCP_CONGESTION 13
#define TCP_NOTSENT_LOWAT 25
#define TCP_INFINITE_SSTHRESH 0x7fffffff
#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4 /* after a timeout */

/* Also from where preemption is on: two of them at once on one CPU must not count as one. */
static __always_inline void tcp_count(enum hs_counter id)
{
	struct sense_cpu *c = sense_this_cpu();

	if (c)
		__sync_fetch_and_add(&c->count[id], 1);
}

/* To the congestion control of that name, from the current window. 0 or negative errno. */
#define tcp_move(sk, name) bpf_setsockopt(sk, SOL_TCP, TCP_CONGESTION, name, sizeof(name) - 1)

/* One of our two variants? Both begin with "homeostat". */
static __always_inline bool tcp_ours(const struct tcp_congestion_ops *ca)
{
	u64 name;

	__builtin_memcpy(&name, ca->name, sizeof(name));
	return name == 0x736f656d6f68ULL + (0x6174ULL << 48); /* "homeosta" */
}

#endif
