// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Packets that go out, before the interface's queueing discipline has them: which declared flow they are of; then a
 * priority by class, a departure time for bulk, and a DSCP where the flow states one.
 *
 * Pacing. All of bulk of an interface shares one virtual clock, which each packet moves on by the time that it takes at
 * `net.bulk.pace_kbit`. Where the clock stands is the packet's departure time, and `fq` keeps it until then (earliest
 * departure time: no queue of ours, no timer, no token that somebody must refill). So the queue of bulk stands here, behind
 * `fq`, and not in a buffer further down the path where critical packets would have to wait in it.
 *
 * Example: 20 Mbit/s, packets of 1500 bytes: 600 us each. Ten at once leave at 0 (there was 1 ms of credit: two of them at
 * once), 0.2, 0.8, 1.4 … ms. A critical packet that comes behind them leaves at once.
 *
 * Known limits. Which discipline an interface has the daemon looks at once a second, and an interface that has `fq` has a
 * clock in PACERS: for that long bulk may go unpaced, or be held to the rate by dropping alone. Packets that wait in
 * `fq` when the gate is shut, or when the pace is taken back, may be overtaken by the next of their flow.
 *
 * Gate shut: every packet goes its way, nothing else.
 */
#include "../lib/flow.h"
#include "../lib/knob.h"
#include "../lib/peer.h"
#include "recognise.h"

#define BURST_NS                                                                                   \
	1000000ULL /* what bulk has not used may be made up for: as much as that time brings */
#define HORIZON_NS 1000000000ULL /* a packet that would have to wait for longer is dropped … */
#define HORIZON_BYTES                                                                              \
	(8 << 20) /* … or behind more than that: fq's own limit counts critical packets, too */
#define HEADERS_MAX 128	    /* bytes of a packet that we want to see, if they are not at hand */
#define QUEUES_MAX 64	    /* of an interface, that are looked at */
#define FQ ('f' | 'q' << 8) /* its name, zero-padded */

/* Is it all there, as far as it has to be? Of most packets the headers are; a forwarded one may lie in pages. */
static __always_inline bool is_cut(const struct __sk_buff *skb, const struct packet *p)
{
	return !p->ports && skb->len > skb->data_end - skb->data;
}

static __always_inline void parse(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	__u16 type = kernel->dev->type;

	if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK)
		packet_parse(p, data, end);
	else
		packet_parse_bare(p, data, __builtin_bswap16((__u16)skb->protocol), end);
}

/*
 * A priority that fq, pfifo_fast and mq understand: first band, last band. Larger numbers are somebody's choice of a class
 * of a queueing discipline, or of Wi-Fi: not ours to change.
 */
static __always_inline void prioritise(struct __sk_buff *skb, u32 class,
				       struct hs_egress_stats *stats, u32 packets)
{
	if (skb->priority > TC_PRIO_MAX)
		return;
	skb->priority = class == HS_FLOW_CRITICAL ? TC_PRIO_INTERACTIVE : TC_PRIO_BULK;
	stats->prioritised += packets;
}

/*
 * Moves the clock on by @took_ns. Where it stood: the departure time; 0 = too far ahead, and it stays. CPUs that come at
 * the same time each get a time of their own; who reads the clock just before others move it may go beyond the horizon by
 * what they took: a few packets.
 */
static __always_inline u64 depart(struct hs_pacer *pacer, u64 now, u64 took_ns, u64 kbit)
{
	u64 next = *(volatile u64 *)&pacer->next_ns, wait;

	if (next + BURST_NS < now) {
		/* who loses here has lost to somebody who did the same */
		__sync_bool_compare_and_swap(&pacer->next_ns, next, now - BURST_NS);
	} else if (next > now) {
		wait = next - now;
		/* bytes = ns * kbit / 8e6; 2^23 is near enough, and no division */
		if (wait > HORIZON_NS || wait * kbit >> 23 > HORIZON_BYTES)
			return 0;
	}
	return __sync_fetch_and_add(&pacer->next_ns, took_ns);
}

/* Gives bulk its departure time. false: it is to be dropped. */
static __always_inline bool pace(struct __sk_buff *skb, struct hs_egress_stats *stats, u32 packets)
{
	u64 kbit = knob_bounded(HS_KNOB_BULK_PACE), now, at;
	u32 ifindex = skb->ifindex;
	struct hs_pacer *pacer;

	if (!kbit || kbit >= knob_stock(HS_KNOB_BULK_PACE))
		return true;
	pacer = bpf_map_lookup_elem(&PACERS, &ifindex);
	if (!pacer)
		return true;
	now = bpf_ktime_get_ns();
	/* bits / (1000 * kbit) seconds; of a packet that is yet to be segmented, the bytes that it will be on the wire */
	at = depart(pacer, now, skb->wire_len * 8000000ULL / kbit, kbit);
	stats->paced += packets;
	if (!at) {
		stats->dropped += packets;
		return false;
	}
	/* TCP's own pacing, or an application, may want it later still */
	if (at > now && at > skb->tstamp) {
		skb->tstamp = at;
		stats->delayed += packets;
		stats->delayed_ns += (at - now) * packets;
	}
	return true;
}

/* Writes the DSCP; ECN, which shares its bytes, stays. Pointers into the packet are void afterwards. */
static __always_inline void mark(struct __sk_buff *skb, const struct packet *p, u32 dscp,
				 struct hs_egress_stats *stats, u32 packets)
{
	u8 old[2] __attribute__((aligned(2))), fresh[2] __attribute__((aligned(2)));

	if (!p->l3 || p->dscp == dscp || bpf_skb_load_bytes(skb, p->l3_at, old, sizeof(old)))
		return;
	/* version, traffic class and flow label in IPv6; version, length and type of service in IPv4 */
	if (p->l3 == 6) {
		fresh[0] = (old[0] & 0xf0) | dscp >> 2;
		fresh[1] = (old[1] & 0x3f) | (dscp & 3) << 6;
	} else {
		fresh[0] = old[0];
		fresh[1] = (old[1] & 3) | dscp << 2;
	}
	if (bpf_skb_store_bytes(skb, p->l3_at, fresh, sizeof(fresh), 0))
		return;
	if (p->l3 == 4)
		bpf_l3_csum_replace(skb, p->l3_at + 10, *(__u16 *)old, *(__u16 *)fresh, 2);
	stats->marked += packets;
}

SEC("tcx/egress")
int tc_egress(struct __sk_buff *skb)
{
	struct hs_egress_stats *stats;
	struct hs_config *config;
	struct hs_flow_set *set;
	struct packet p;
	u32 zero = 0, base, flow, key, packets;
	u64 peers = ~0ULL;

	if (!gate_open())
		return TCX_NEXT;
	config = bpf_map_lookup_elem(&CONFIG, &zero);
	if (!config)
		return TCX_NEXT;
	base = config->flows_base;
	set = bpf_map_lookup_elem(&FLOWS, &base);
	if (!set)
		return TCX_NEXT;
	parse(skb, &p);
	if (is_cut(skb, &p)) {
		bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
		parse(skb, &p);
	}
	if (set->peers)
		peers = peers_of(&p, (void *)(long)skb->data + p.l3_at, (void *)(long)skb->data_end,
				 base, OUTGOING);
	flow = flow_of(&set->table, &p, peers, OUTGOING);
	packets = skb->gso_segs ?: 1; /* as the wire will have them */
	if (flow == FLOW_NONE && set->recognise && p.ports)
		flow = recognised(&p,
				  steer_hash(&p, (void *)(long)skb->data + p.l3_at,
					     (void *)(long)skb->data_end, (const u64 *)steer_key),
				  skb->wire_len, packets, OUTGOING);
	key = HS_FLOW_STATS_AT(base, flow); /* what has its address taken loses its bounds */
	stats = bpf_map_lookup_elem(&EGRESS_STATS, &key);
	if (!stats)
		return TCX_NEXT;
	stats->packets += packets;
	/* clang knows its bounds; said again for the verifier */
	asm volatile("" : "+r"(flow));
	if (flow >= HS_FLOW_ROWS)
		return TCX_NEXT;
	if (set->class[flow] != HS_FLOW_NORMAL)
		prioritise(skb, set->class[flow], stats, packets);
	if (set->class[flow] == HS_FLOW_BULK && !pace(skb, stats, packets))
		return TCX_DROP;
	if (set->mark[flow])
		mark(skb, &p, set->mark[flow] - 1, stats, packets);
	return TCX_NEXT;
}

/*
 * Run by the daemon with an interface as skb->ifindex, never attached: the name of its queueing discipline, and what XDP its
 * driver has, in skb->cb. With several transmit queues that is the first one's, or the first that is not fq: what is above them (mq) only
 * hands out, and a discipline that is not mq is that of all queues.
 */
SEC("tcx/egress")
int tc_qdisc(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	struct net_device *dev = kernel->dev;
	u32 name[4] = {}, nr = dev->real_num_tx_queues, i;
	void *queue = dev->_tx;

	HS_NO_UNROLL
	for (i = 0; i < QUEUES_MAX && i < nr; i++) {
		struct Qdisc *qdisc = BPF_CORE_READ((struct netdev_queue *)queue, qdisc_sleeping);

		BPF_CORE_READ_INTO(&name, qdisc, ops, id);
		if (name[0] != FQ)
			break;
		queue += bpf_core_type_size(struct netdev_queue);
	}
	for (i = 0; i < 4; i++)
		skb->cb[i] = name[i];
	skb->cb[4] = bpf_core_field_exists(dev->xdp_features) ? dev->xdp_features : 0;
	if (dev->features & NETIF_F_HW_VLAN_CTAG_RX)
		skb->cb[4] |= HS_NIC_STRIPS_TAGS;
	return TCX_NEXT;
}
