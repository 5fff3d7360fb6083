/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Which flow a packet is of, as a number; what is remembered of a flow; which CPU is freer. Pure, as packet.h.
 *
 * A slot of the flow table is one word: the jiffies at which the flow was last seen, above the place where its packets go
 * (HERE, or CPU + 1). So who changes it does so by one compare-and-exchange.
 *
 * Flows whose numbers collide share a slot. They are then as one: they go to the same place, and only move when all of them
 * have been silent. Never more than that: order within each holds, as it holds within the one that they are taken for.
 */
#ifndef HOMEOSTAT_LIB_STEER_H
#define HOMEOSTAT_LIB_STEER_H

#include "packet.h"

#define STEER_FLOWS_BITS 16
#define STEER_FLOWS_NR (1U << STEER_FLOWS_BITS) /* slots: 512 KB */
#define STEER_KEYS 5

#define STEER_HERE 0U /* the place of a flow that stays on the CPU that it comes in on */
#define STEER_PLACE_BITS 16
#define STEER_PLACE_MASK 0xffffU

HS_PURE __u64 steer_slot(__u64 seen, __u32 place)
{
	return seen << STEER_PLACE_BITS | place;
}

HS_PURE __u64 steer_seen(__u64 slot)
{
	return slot >> STEER_PLACE_BITS;
}

HS_PURE __u32 steer_place(__u64 slot)
{
	return slot & STEER_PLACE_MASK;
}

/* Eight bytes as they lie there. */
HS_PURE __u64 steer_word(const __u8 *p)
{
#ifdef __bpf__
	return *(const __u64 *)p;
#else
	__u64 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
#endif
}

/*
 * The number of a packet's flow: of addresses, ports and protocol; of addresses alone where there are no ports, so that all
 * fragments of a datagram have the same. A sum of products with secret factors (multilinear hashing: Lemire and Kaser,
 * 2014; the products wait for nobody), its bits then mixed: who does not know @key cannot aim at a slot. @ip is the IP
 * header that @p was parsed from. 0 where there is none.
 */
HS_PURE __u64 steer_hash(const struct packet *p, const __u8 *ip, const __u8 *end,
			 const __u64 key[STEER_KEYS])
{
	__u64 sum = 0;

	if (p->ports)
		sum = ((__u64)p->protocol << 32 | (__u32)p->src_port << 16 | p->dst_port) * key[0];
	if (p->l3 == 4 && ip + IPV4_LEN <= end)
		sum += steer_word(ip + 12) * key[1];
	else if (p->l3 == 6 && ip + IPV6_LEN <= end)
		sum += steer_word(ip + 8) * key[1] + steer_word(ip + 16) * key[2] +
		       steer_word(ip + 24) * key[3] + steer_word(ip + 32) * key[4];
	else
		return 0;
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
	return sum ^ sum >> 29;
}

/* Its slot. The upper bits: those of the sum are the better mixed ones. */
HS_PURE __u32 steer_index(__u64 hash)
{
	return hash >> (64 - STEER_FLOWS_BITS);
}

/*
 * Two different ones of @nr > 0 (1: the same one twice), by bits of the hash that the slot has not used. The freer of two that
 * chance has named is nearly as good as the freest of all, and not all flows of 25 ms run to the same one (Mitzenmacher,
 * 2001).
 */
HS_PURE void steer_two(__u64 hash, __u32 nr, __u32 *a, __u32 *b)
{
	__u32 one = (__u32)hash & 0xffff, two = (__u32)hash >> 16;

	*a = one * nr >> 16;
	*b = *a;
	if (nr > 1)
		*b += 1 + (two * (nr - 1) >> 16);
	if (*b >= nr)
		*b -= nr;
}

/* Is a CPU with load @to enough freer than one with @from to be worth a move: by an eighth of what makes it hot? */
HS_PURE bool steer_freer(__u32 to, __u32 from, __u32 above)
{
	return to + above / 8 <= from;
}

/* Hot from @above on, and until the load is a quarter below it. */
HS_PURE bool steer_hot(bool was, __u32 load, __u32 above)
{
	return load >= (was ? above - above / 4 : above);
}

/* Moving average of the load: busy_ns of dt_ns > 0, half of it the newest. */
HS_PURE __u32 steer_load(__u32 before, __u64 busy_ns, __u64 dt_ns)
{
	__u64 now = busy_ns >= dt_ns ? 1000 : busy_ns * 1000 / dt_ns;

	return (before + (__u32)now + 1) / 2;
}

#endif
