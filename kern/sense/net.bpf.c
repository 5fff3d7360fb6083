// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Two hooks with an event for each packet, so attached only while somebody wants to know (struct hs_hooks).
 *
 * Packets that the network stack drops, by the reason that it gives; what is dropped for lack of room is counted by the kernel anyway and read without a
 * hook (kern/counts.h).
 *
 * The kernel calls a packet that was used up "consumed" and does not come by here with it. What is dropped without a
 * reason, and what an XDP or an outgoing tc program (perhaps ours) has dropped, is listed, but not part of the rate.
 *
 * And for how long they were on their way through the stack. While a socket asks for it (the daemon has one, for this), the kernel
 * stamps each packet when it comes in; here the last one in a socket's queue is looked at when the socket's owner is
 * told of it. Of what was merged into one (GRO, TCP) that is the youngest part. What waited in the card is not seen.
 */
#include "sched.h"

#define IS(reason, name)                                                                           \
	(bpf_core_enum_value_exists(enum skb_drop_reason, name) &&                                 \
	 (reason) == bpf_core_enum_value(enum skb_drop_reason, name))

SEC("tp_btf/kfree_skb")
int BPF_PROG(drops_kfree, struct sk_buff *skb, void *location, enum skb_drop_reason reason)
{
	u32 key = reason < HS_DROPS_MAX ? reason : HS_DROPS_MAX - 1;
	struct sense_cpu *c;
	u64 *n;

	if (reason <= bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
		return 0;
	n = bpf_map_lookup_elem(&DROPS, &key);
	if (n)
		__sync_fetch_and_add(n, 1); /* a softirq may come between */
	if (IS(reason, SKB_DROP_REASON_NOT_SPECIFIED) || IS(reason, SKB_DROP_REASON_XDP) ||
	    IS(reason, SKB_DROP_REASON_TC_EGRESS))
		return 0;
	c = sense_this_cpu();
	if (c)
		__sync_fetch_and_add(&c->count[HS_COUNT_DROP], 1);
	return 0;
}

#define RECEIVE_MAX_NS 10000000000ULL /* more is no stamp: the queue was emptied while we looked */

SEC("tp_btf/sk_data_ready")
int BPF_PROG(receive_ready, struct sock *sk)
{
	struct sk_buff *last = sk->sk_receive_queue.prev;
	u64 came, delay;
	struct sense_cpu *c;
	struct sense_bank *b;

	/* an empty queue is its own last one */
	if (!sk->sk_receive_queue.qlen || (void *)last == (void *)&sk->sk_receive_queue)
		return 0;
	came = last->tstamp;
	if (!came)
		return 0;
	delay = bpf_ktime_get_tai_ns() - hooks.tai_ahead_ns - came;
	c = sense_this_cpu();
	if (!c || delay > RECEIVE_MAX_NS)
		return 0;
	b = &c->bank[c->epoch & 1];
	if (delay > b->receive_max_ns)
		b->receive_max_ns = delay;
	return 0;
}
