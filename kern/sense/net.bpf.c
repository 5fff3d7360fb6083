// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Packets that the network stack drops, by the reason that it gives. An event for each of them, so attached only while
 * somebody wants to know (struct hs_hooks); what is dropped for lack of room is counted by the kernel anyway and read
 * without a hook (kern/counts.h).
 *
 * The kernel calls a packet that was used up "consumed" and does not come by here with it. What is dropped without a
 * reason, and what an XDP or an outgoing tc program (perhaps ours) has dropped, is listed, but not part of the rate.
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
