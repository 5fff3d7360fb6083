// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Packets that come in, before the host's network stack has touched them: which declared flow they are of, whether
 * there is room for them, and which CPU goes on with them (steer.h). What is of no flow may be recognised (recognise.h).
 * Bulk alone is shed, above `net.bulk.limit_hz`, by a token bucket for the whole host.
 *
 * Gate shut: every packet passes, nothing else.
 */
#include "../lib/flow.h"
#include "../lib/knob.h"
#include "../lib/peer.h"
#include "recognise.h"
#include "steer.h"

#define BUCKET_NS 10000000ULL /* what may have been saved up: as much as that time brings */
#define NS_PER_S 1000000000ULL

extern const volatile __u64 tick_ns; /* a jiffy: pulse.bpf.c */

/*
 * The bucket of bulk. Tokens are packets × NS_PER_S, so that no refill loses a fraction: 10^14 at most. Its own cache line:
 * every CPU that bulk comes in on takes from it.
 */
static struct {
	u64 filled; /* jiffies */
	s64 tokens;
} __attribute__((aligned(64))) bucket;

/*
 * What has come since the last look, up to what the bucket holds. Who is first in a jiffy fills it; another CPU may have
 * gone on to the next one since we read ours. What others take while the bucket is found full is lost to them: a few
 * packets too many, where there is room anyway.
 */
static __always_inline void refill_bucket(u64 limit_hz)
{
	u64 now = bpf_jiffies64(), before = *(volatile u64 *)&bucket.filled, ns;
	s64 most = limit_hz * BUCKET_NS;

	if ((s64)(now - before) <= 0 || !__sync_bool_compare_and_swap(&bucket.filled, before, now))
		return;
	ns = now - before < BUCKET_NS / tick_ns + 1 ? (now - before) * tick_ns : BUCKET_NS;
	if (*(volatile s64 *)&bucket.tokens + (s64)(ns * limit_hz) > most)
		*(volatile s64 *)&bucket.tokens = most;
	else
		__sync_fetch_and_add(&bucket.tokens, ns * limit_hz);
}

/* May one more packet of bulk in? */
static __always_inline bool admitted(u64 limit_hz)
{
	refill_bucket(limit_hz);
	if (*(volatile s64 *)&bucket.tokens < (s64)NS_PER_S)
		return false;
	__sync_fetch_and_sub(&bucket.tokens, NS_PER_S);
	return true;
}

/* @steers: a constant. */
static __always_inline int ingress(struct xdp_md *ctx, bool steers)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct hs_flow_stats *stats;
	struct hs_config *config;
	struct hs_flow_set *set;
	struct packet p;
	u32 zero = 0, base, flow, key;
	u64 limit, hash = 0;

	if (!gate_open())
		return XDP_PASS;
	config = bpf_map_lookup_elem(&CONFIG, &zero);
	if (!config)
		return XDP_PASS;
	base = config->flows_base;
	set = bpf_map_lookup_elem(&FLOWS, &base);
	if (!set)
		return XDP_PASS;
	packet_parse(&p, data, end);
	flow = flow_of(&set->table, &p,
		       set->peers ? peers_of(&p, data + p.l3_at, end, base, INCOMING) : ~0ULL,
		       INCOMING);
	if (flow == FLOW_NONE && set->recognise && p.ports) {
		hash = steer_hash(&p, data + p.l3_at, end, (const u64 *)steer_key);
		flow = recognised(&p, hash, bpf_xdp_get_buff_len(ctx), 1, INCOMING);
	}
	key = HS_FLOW_STATS_AT(base, flow); /* what has its address taken loses its bounds */
	stats = bpf_map_lookup_elem(&FLOW_STATS, &key);
	if (!stats)
		return XDP_PASS;
	stats->packets++;
	/* clang knows its bounds; said again for the verifier */
	asm volatile("" : "+r"(flow));
	if (flow >= HS_FLOW_ROWS)
		return XDP_PASS;
	if (set->class[flow] == HS_FLOW_BULK) {
		limit = knob_bounded(HS_KNOB_BULK_LIMIT);
		if (limit < knob_stock(HS_KNOB_BULK_LIMIT) && !admitted(limit)) {
			stats->shed++;
			return XDP_DROP;
		}
	}
	if (steers && p.l3 && steer_on())
		return steer_packet(
			hash ?: steer_hash(&p, data + p.l3_at, end, (const u64 *)steer_key));
	return XDP_PASS;
}

SEC("xdp.frags")
int xdp_ingress(struct xdp_md *ctx)
{
	return ingress(ctx, false);
}

/*
 * The same as one of several programs under libxdp's dispatcher, which takes its place there by a number: before those that
 * say nothing of it (50), so that they are spared what is shed. What passes goes on to the next. libxdp reads that from the type
 * of a variable.
 */
struct {
	__uint(priority, 10);
	__uint(XDP_PASS, 1);
} _xdp_beside SEC(".xdp_run_config");

SEC("?freplace")
int xdp_beside(struct xdp_md *ctx)
{
	return ingress(ctx, false);
}

/* The same for interfaces whose packets may be handed to other CPUs (user/daemon/net.c says which). */
SEC("xdp.frags")
int steer_ingress(struct xdp_md *ctx)
{
	return ingress(ctx, true);
}
