// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define PORTS 65536

static __u64 bit(__u32 i)
{
	return 1ULL << i;
}

/* Flows that a port on that side leaves. */
static __u64 of_port(const struct profile_flow *flow, __u32 nr, enum hs_side side, __u32 port)
{
	__u64 mask = 0;

	for (__u32 i = 0; i < nr; i++) {
		if (!flow[i].port[side].last ||
		    (port >= flow[i].port[side].first && port <= flow[i].port[side].last))
			mask |= bit(i);
	}
	return mask;
}

static int ascending(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

/*
 * From one end of a range to the next one all ports leave the same flows. There are two ends for each flow, so there are
 * no more than 2 × 64 + 1 stretches, and each may have a mask of its own.
 */
static void port_table(const struct profile_flow *flow, __u32 nr, enum hs_side side,
		       struct hs_port_table *table)
{
	__u32 begin[2 * HS_FLOWS_MAX + 2], n = 0, sets = 0;

	begin[n++] = 0;
	for (__u32 i = 0; i < nr; i++) {
		if (!flow[i].port[side].last)
			continue;
		begin[n++] = flow[i].port[side].first;
		begin[n++] = flow[i].port[side].last + 1U;
	}
	qsort(begin, n, sizeof(begin[0]), ascending);
	begin[n] = PORTS;
	for (__u32 i = 0; i < n; i++) {
		if (begin[i] == begin[i + 1])
			continue;
		table->mask[sets] = of_port(flow, nr, side, begin[i]);
		memset(table->set + begin[i], (int)sets++, begin[i + 1] - begin[i]);
	}
}

void flows_table(const struct profile_flow *flow, __u32 nr, struct hs_flow_table *table)
{
	memset(table, 0, sizeof(*table));
	for (__u32 i = 0; i < nr; i++) {
		for (int v = 0; v < 256; v++) {
			if (flow[i].protocol < 0 || flow[i].protocol == v)
				table->protocol[v] |= bit(i);
		}
		for (int v = 0; v < 64; v++) {
			if (flow[i].dscp < 0 || flow[i].dscp == v)
				table->dscp[v] |= bit(i);
		}
		if (!flow[i].port[HS_SIDE_LOCAL].last && !flow[i].port[HS_SIDE_PEER].last)
			table->portless |= bit(i);
	}
	for (int side = 0; side < HS_SIDE_NR; side++)
		port_table(flow, nr, (enum hs_side)side, &table->port[side]);
}

__u64 flows_of_peer(const struct profile_flow *flow, __u32 nr, const __u8 peer[16], __u32 bits)
{
	__u64 mask = 0;

	for (__u32 i = 0; i < nr; i++) {
		if (!flow[i].peer_bits ||
		    (flow[i].peer_bits <= bits &&
		     profile_same_prefix(flow[i].peer, peer, flow[i].peer_bits)))
			mask |= bit(i);
	}
	return mask;
}

/* What an earlier profile has left in this half. */
static int clear_peers(struct kernel *k, __u32 base)
{
	struct hs_peer_key key, next;
	bool first = true;
	int err;

	/* an entry that is taken away takes the walk back to the beginning: fewer each time */
	while (!(err = bpf_map_get_next_key(k->fd.peers, first ? NULL : &key, &next))) {
		key = next;
		first = key.base == base;
		if (first)
			err = bpf_map_delete_elem(k->fd.peers, &key);
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

static int write_peer(struct kernel *k, const struct profile *profile, __u32 base,
		      const __u8 peer[16], __u32 bits)
{
	struct hs_peer_key key = {.bits = 32 + bits, .base = base};
	__u64 mask = flows_of_peer(profile->flow, profile->flow_nr, peer, bits);

	memcpy(key.address, peer, sizeof(key.address));
	return bpf_map_update_elem(k->fd.peers, &key, &mask, BPF_ANY);
}

static int write_peers(struct kernel *k, const struct profile *profile, __u32 base)
{
	static const __u8 anybody[16];
	int err = write_peer(k, profile, base, anybody, 0);

	for (__u32 i = 0; i < profile->flow_nr && !err; i++) {
		const struct profile_flow *flow = &profile->flow[i];

		if (flow->peer_bits)
			err = write_peer(k, profile, base, flow->peer, flow->peer_bits);
	}
	return err;
}

static int write_set(struct kernel *k, const struct profile *profile, __u32 base)
{
	struct hs_flow_set *set = calloc(1, sizeof(*set)); /* 138 KB: too large for a stack */
	int err;

	if (!set)
		return -ENOMEM;
	flows_table(profile->flow, profile->flow_nr, &set->table);
	for (__u32 i = 0; i <= HS_FLOWS_MAX; i++) {
		set->class[i] = i < profile->flow_nr ? profile->flow[i].class : HS_FLOW_NORMAL;
		set->tcp[i] = i < profile->flow_nr && profile->flow[i].tcp;
		set->peers |= i < profile->flow_nr && profile->flow[i].peer_bits;
		set->mark[i] = i < profile->flow_nr ? profile->flow[i].mark : 0;
	}
	set->class[HS_FLOW_SEEN_BULK] = HS_FLOW_BULK;
	set->class[HS_FLOW_SEEN_REQUEST] = HS_FLOW_CRITICAL;
	set->recognise = profile->recognise;
	err = bpf_map_update_elem(k->fd.flows, &base, set, BPF_ANY);
	free(set);
	return err;
}

/* One entry of FLOW_STATS or EGRESS_STATS, @size each: what each CPU has counted. The caller's. */
static void *stats_entry(size_t size)
{
	/* as many as the kernel believes in, or it would write behind the end */
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? calloc((size_t)cpus, size) : NULL;
}

static int clear_stats(struct kernel *k, __u32 base)
{
	void *none = stats_entry(sizeof(struct hs_egress_stats)); /* the larger one */
	int err = none ? 0 : -ENOMEM;

	_Static_assert(sizeof(struct hs_egress_stats) >= sizeof(struct hs_flow_stats), "larger");
	for (__u32 i = 0; i < HS_FLOW_ROWS && !err; i++) {
		__u32 at = HS_FLOW_STATS_AT(base, i);

		err = bpf_map_update_elem(k->fd.flow_stats, &at, none, BPF_ANY);
		if (!err)
			err = bpf_map_update_elem(k->fd.egress_stats, &at, none, BPF_ANY);
	}
	free(none);
	return err;
}

int flows_write(struct kernel *k, const struct profile *old, const struct profile *fresh,
		__u32 *base)
{
	__u32 half = !*base;
	int err;

	if (old && old->flow_nr == fresh->flow_nr && old->recognise == fresh->recognise &&
	    !memcmp(old->flow, fresh->flow, sizeof(fresh->flow)))
		return 0;
	err = clear_peers(k, half);
	if (!err)
		err = write_peers(k, fresh, half);
	if (!err)
		err = write_set(k, fresh, half);
	if (!err)
		err = clear_stats(k, half);
	if (!err)
		*base = half;
	return err;
}

/*
 * Sums up the half @base of a map of counters, all of them of 64 bits: `words` to a flow, to @sum one behind the other.
 */
static int sum_up(int map, __u32 base, __u64 *sum, size_t words)
{
	__u64 *cpu = stats_entry(words * sizeof(__u64));
	int err = cpu ? 0 : -ENOMEM;
	size_t nr = words * (size_t)(cpu ? libbpf_num_possible_cpus() : 0);

	memset(sum, 0, HS_FLOW_ROWS * words * sizeof(__u64));
	for (__u32 i = 0; i < HS_FLOW_ROWS && !err; i++) {
		__u32 at = HS_FLOW_STATS_AT(base, i);

		err = bpf_map_lookup_elem(map, &at, cpu);
		for (size_t w = 0; w < nr && !err; w++)
			sum[i * words + w % words] += cpu[w];
	}
	free(cpu);
	return err;
}

int flows_stats(struct kernel *k, __u32 base, struct hs_flow_stats stats[HS_FLOW_ROWS])
{
	return sum_up(k->fd.flow_stats, base, &stats->packets, sizeof(*stats) / sizeof(__u64));
}

int flows_egress(struct kernel *k, __u32 base, struct hs_egress_stats stats[HS_FLOW_ROWS])
{
	return sum_up(k->fd.egress_stats, base, &stats->packets, sizeof(*stats) / sizeof(__u64));
}
