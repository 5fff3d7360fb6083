// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Incoming packets, run through the program one by one: what it makes of each, what it counts, and that a shut
 * gate lets everything pass. Nothing is attached to an interface.
 */
#include "pulse_fixture.h"
#include "../unit/packet_fixture.h"
#include "flows.h"
#include "lib/flow.h"
#include <linux/bpf.h>
#include <net/if.h>

#define FUZZED 100000 /* in the guest; natively some 100 s of millions an hour */

static struct profile_flow flow[HS_FLOWS_MAX];
static struct hs_flow_set set;
static __u32 seed;

static __u32 below(__u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (__u32)((__u64)(seed >> 8) * n >> 24);
}

static struct profile_flow *next_flow(__u32 *nr, enum hs_flow_class class)
{
	flow[*nr] = (struct profile_flow){.protocol = -1, .dscp = -1, .class = class};
	set.class[*nr] = class;
	return &flow[(*nr)++];
}

/* Flow 0: UDP to 9000 … 9010, critical; 1: from 2001:db8::/32, normal; 2: DSCP 8, bulk; 3: ICMP, bulk. */
static void declare(void)
{
	static const __u8 site[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct hs_peer_key key = {.bits = 32 + 32};
	struct profile_flow *f;
	__u32 nr = 0, zero = 0;
	__u64 mask;

	f = next_flow(&nr, HS_FLOW_CRITICAL);
	f->protocol = PROTO_UDP;
	f->port[HS_SIDE_LOCAL].first = 9000;
	f->port[HS_SIDE_LOCAL].last = 9010;
	f = next_flow(&nr, HS_FLOW_NORMAL);
	memcpy(f->peer, site, 16);
	f->peer_bits = 32;
	next_flow(&nr, HS_FLOW_BULK)->dscp = 8;
	next_flow(&nr, HS_FLOW_BULK)->protocol = 1;
	for (; nr < HS_FLOWS_MAX; nr++)
		set.class[nr] = HS_FLOW_NORMAL;
	nr = 4;
	set.class[FLOW_NONE] = HS_FLOW_NORMAL;
	set.recognise = 0;
	set.peers = 1;
	flows_table(flow, nr, &set.table);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.FLOWS), &zero, &set, BPF_ANY), 0);
	memcpy(key.address, site, 16);
	mask = flows_of_peer(flow, nr, site, 32);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.PEERS), &key, &mask, BPF_ANY), 0);
	key.bits = 32;
	mask = flows_of_peer(flow, nr, site, 0);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.PEERS), &key, &mask, BPF_ANY), 0);
}

static __u32 verdict_of(const void *bytes, size_t len, unsigned repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (__u32)len,
		    .repeat = (int)repeat);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fx.skel->progs.xdp_ingress), &opts),
			 0);
	return opts.retval;
}

static __u32 verdict(const struct frame *f)
{
	return verdict_of(f->bytes, f->len, 1);
}

/* Sum over the CPUs. */
static struct hs_flow_stats stats(__u32 which)
{
	static struct hs_flow_stats cpu[HS_CPUS_MAX];
	struct hs_flow_stats sum = {0};

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.FLOW_STATS), &which, cpu),
			 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.packets += cpu[i].packets;
		sum.shed += cpu[i].shed;
	}
	return sum;
}

static void set_knob(__u32 id, __u64 value)
{
	*(volatile __u64 *)&fx.skel->data_knobs->knobs[id].value = value;
}

/* The gate is open and nobody shuts it: the test plays the pulse, too. */
static int setup_xdp(void **state)
{
	with_xdp = true;
	seed = 1;
	if (setup(state))
		return -1;
	declare();
#define X(id, name, unit, stock, min, max, slew, meaning) set_knob(HS_KNOB_##id, stock);
	HS_KNOBS (X)
#undef X
		fx.gate->armed = 1;
	fx.gate->lease_jiffies = ~0ULL;
	return 0;
}

static void to_port(struct frame *f, __u16 port, __u8 dscp)
{
	ethernet(f);
	ipv4(f, 1, 2, dscp, 0, 0);
	ports(f, PROTO_UDP, 1234, port);
}

static void test_classes(void **state)
{
	struct frame f;

	(void)state;
	for (__u16 port = 8999; port <= 9011; port++) {
		to_port(&f, port, 0);
		assert_int_equal(verdict(&f), XDP_PASS);
	}
	assert_int_equal(stats(0).packets, 11);
	assert_int_equal(stats(FLOW_NONE).packets, 2);
	ethernet(&f);
	vlan(&f, 0x8100);
	ipv6(&f, 1, 2, 0);
	extension(&f, PROTO_HOPOPTS, 0);
	ports(&f, PROTO_TCP, 1, 2);
	assert_int_equal(verdict(&f), XDP_PASS);
	assert_int_equal(stats(1).packets, 1);
	to_port(&f, 80, 8);
	assert_int_equal(verdict(&f), XDP_PASS);
	assert_int_equal(stats(2).packets, 1);
	/* a fragment has no port: not flow 0 */
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0x2000);
	ports(&f, PROTO_UDP, 1, 9000);
	assert_int_equal(verdict(&f), XDP_PASS);
	assert_int_equal(stats(0).packets, 11);
	assert_int_equal(stats(FLOW_NONE).packets, 3);
}

/* What cannot be shut off has no counters, no verdict and no memory. */
static void test_gate(void **state)
{
	struct frame f;

	(void)state;
	set_knob(HS_KNOB_BULK_LIMIT, 1000);
	to_port(&f, 80, 8);
	for (int i = 0; i < 2; i++) {
		fx.gate->armed = i;
		fx.gate->lease_jiffies = i ? 1 : ~0ULL; /* a lease of the past */
		assert_int_equal(verdict_of(f.bytes, f.len, 1000), XDP_PASS);
		assert_int_equal(stats(2).packets, 0);
	}
}

/*
 * Bulk is held to the knob, and what the bucket may have saved; nobody else is. A limit that no tick divides: a fraction
 * that each refill lost would show.
 */
static void test_shed(void **state)
{
	enum {
		HZ_LIMIT = 1249,
		BUCKET_MS = 10,
		TICK_MS = 10 /* no kernel has longer ones */
	};
	__u64 begin, last, now, span, let_in, earned = 0;
	struct frame bulk, critical;
	struct hs_flow_stats before, s;

	(void)state;
	to_port(&bulk, 80, 8);
	to_port(&critical, 9000, 8); /* the first flow that fits has it */
	assert_int_equal(verdict_of(bulk.bytes, bulk.len, 10000), XDP_PASS);
	before = stats(2);
	assert_int_equal(before.shed, 0);

	set_knob(HS_KNOB_BULK_LIMIT, HZ_LIMIT);
	begin = last = now_ns();
	while ((now = now_ns()) - begin < SEC_NS) {
		verdict(&bulk); /* one by one: a call with many takes the bucket's time to begin */
		earned += now - last < BUCKET_MS * MS ? now - last : BUCKET_MS * MS;
		last = now;
	}
	span = now_ns() - begin;
	s = stats(2);
	let_in = s.packets - before.packets - s.shed;
	print_message("# bulk: %llu of %llu let in, in %llu us\n", let_in,
		      s.packets - before.packets, span / 1000);
	/* who comes late, on a busy machine, finds a bucket that is full since long; a lost fraction would be a fifth */
	assert_in_range(let_in, earned * HZ_LIMIT / SEC_NS * 9 / 10 - HZ_LIMIT * TICK_MS / 1000,
			span * HZ_LIMIT / SEC_NS + HZ_LIMIT * (BUCKET_MS + TICK_MS) / 1000 + 1);

	assert_int_equal(verdict_of(critical.bytes, critical.len, 10000), XDP_PASS);
	assert_int_equal(stats(0).shed, 0);
	/* the bounds hold at the point of use: a knob of 0 is the least, and not none */
	set_knob(HS_KNOB_BULK_LIMIT, 0);
	WAIT_UNTIL(verdict(&bulk) == XDP_PASS, (void)0);
}

/* What the maps say, put there by the daemon's own function. */
static void put_in_force(const struct profile *old, const struct profile *fresh, __u32 *base)
{
	struct kernel k = {.fd = {.flows = bpf_map__fd(fx.skel->maps.FLOWS),
				  .peers = bpf_map__fd(fx.skel->maps.PEERS),
				  .flow_stats = bpf_map__fd(fx.skel->maps.FLOW_STATS),
				  .egress_stats = bpf_map__fd(fx.skel->maps.EGRESS_STATS)}};

	assert_int_equal(flows_write(&k, old, fresh, base), 0);
	fx.config.flows_base = *base;
	set_config();
}

static unsigned peers_nr(__u32 base)
{
	struct hs_peer_key key, *last = NULL;
	unsigned n = 0;

	while (!bpf_map_get_next_key(bpf_map__fd(fx.skel->maps.PEERS), last, &key)) {
		last = &key;
		n += key.base == base;
	}
	return n;
}

/* Reloads: half by half, with nothing left of the profile before the last; also where nobody knows what the maps hold. */
static void test_reload(void **state)
{
	static struct profile none, near, far;
	__u32 base = 0, was;
	struct frame f;

	(void)state;
	near.flow_nr = far.flow_nr = 1;
	near.flow[0] = (struct profile_flow){.class = HS_FLOW_BULK,
					     .protocol = -1,
					     .dscp = -1,
					     .peer = {[10] = 0xff, 0xff, 10},
					     .peer_bits = 96 + 24};
	far.flow[0] = near.flow[0];
	far.flow[0].peer[13] = 9; /* 10.9.0.0/24; packets are from 10.0.0.1 */
	to_port(&f, 80, 0);

	put_in_force(NULL, &near, &base);
	assert_int_equal(verdict_of(f.bytes, f.len, 7), XDP_PASS);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, 0)).packets, 7);
	was = base;
	put_in_force(&near, &near,
		     &base); /* the same: nothing is written, what was counted stays */
	assert_int_equal(base, was);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, 0)).packets, 7);
	put_in_force(&near, &far, &base);
	assert_int_not_equal(base, was);
	assert_int_equal(verdict_of(f.bytes, f.len, 5), XDP_PASS);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, 0)).packets, 0);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, FLOW_NONE)).packets, 5);
	put_in_force(&far, &near, &base);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, 0)).packets, 0); /* anew */
	assert_int_equal(verdict_of(f.bytes, f.len, 3), XDP_PASS);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, 0)).packets, 3);
	/* a load has failed, and then comes a profile without flows */
	put_in_force(NULL, &none, &base);
	assert_int_equal(verdict_of(f.bytes, f.len, 2), XDP_PASS);
	assert_int_equal(stats(HS_FLOW_STATS_AT(base, FLOW_NONE)).packets, 2);
	for (int i = 0; i < 4; i++) {
		put_in_force(NULL, i % 2 ? &near : &far, &base);
		assert_int_equal(peers_nr(base), 2); /* anybody, and the prefix */
	}
}

/*
 * Any bytes: they pass, and are counted once, as of the flow that the same code finds here. Those of none are looked up, too: what
 * is then thought of them is chance.
 */
static void test_fuzzed(void **state)
{
	__u64 expected[HS_FLOWS_MAX + 1] = {0}, all = 0, none, seen;

	(void)state;
	set_knob(HS_KNOB_RECOGNISE_BULK, 100);
	set_knob(HS_KNOB_RECOGNISE_FLOOD, 100);
	recognise(&set);
	for (int round = 0; round < FUZZED; round++) {
		struct packet p;
		struct frame f;
		size_t len;

		ethernet(&f);
		for (__u32 tags = below(4) ? 0 : below(4); tags; tags--)
			vlan(&f, below(2) ? 0x8100 : 0x88a8);
		if (below(2))
			ipv4(&f, 1, 2, (__u8)(below(2) * 8), (__u8)below(11),
			     below(4) ? 0 : 0x2000);
		else
			ipv6(&f, 1, 2, (__u8)(below(2) * 8));
		for (__u32 more = below(4) ? 0 : below(7); more; more--)
			extension(&f, (__u8)below(61), (__u8)below(3));
		ports(&f, below(2) ? PROTO_UDP : PROTO_TCP, (__u16)below(65536),
		      (__u16)(8990 + below(30)));
		for (__u32 flips = below(8); flips; flips--)
			f.bytes[below((__u32)f.len)] = (__u8)below(256);
		len = below(2) ? f.len : ETH_LEN + below((__u32)f.len - ETH_LEN + 1);
		assert_int_equal(verdict_of(f.bytes, len, 1), XDP_PASS);
		packet_parse(&p, f.bytes, f.bytes + len);
		/* all but the peer's: is it in 2001:db8::/32? */
		expected[flow_of(
			&set.table, &p,
			flows_of_peer(flow, 4,
				      p.l3 == 6 ? f.bytes + p.l3_at + 8 : (const __u8[16]){0}, 128),
			INCOMING)]++;
	}
	for (__u32 i = 0; i < HS_FLOW_ROWS; i++) {
		if (i < FLOW_NONE)
			assert_int_equal(stats(i).packets, expected[i]);
		assert_int_equal(stats(i).shed, 0);
	}
	for (__u32 i = 0; i <= HS_FLOWS_MAX; i++)
		all += expected[i];
	none = stats(FLOW_NONE).packets;
	seen = stats(HS_FLOW_SEEN_BULK).packets + stats(HS_FLOW_SEEN_REQUEST).packets;
	assert_int_equal(none + seen, expected[FLOW_NONE]);
	print_message("# of each flow: %llu %llu %llu %llu, of none %llu, recognised %llu\n",
		      expected[0], expected[1], expected[2], expected[3], none, seen);
	assert_int_equal(all, FUZZED);
	for (__u32 i = 0; i < 3; i++)
		assert_true(expected[i] > FUZZED / 100);
}

#define XDP_TEST(name) cmocka_unit_test_setup_teardown(name, setup_xdp, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		XDP_TEST(test_classes), XDP_TEST(test_gate),   XDP_TEST(test_shed),
		XDP_TEST(test_reload),	XDP_TEST(test_fuzzed),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("xdp", tests, NULL, NULL);
}
