// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* From declarations to tables to the flow of a packet; and what a profile may not declare. */
#include "fixture.h"

#include "flows.h"
#include "lib/flow.h"
#include "packet_fixture.h"
#include "profile.h"

static __u32 seed = 1;

static __u32 below(__u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (__u32)((__u64)(seed >> 8) * n >> 24);
}

static bool port_fits(const struct profile_flow *f, enum hs_side side, const struct packet *p,
		      __u16 port)
{
	return !f->port[side].last ||
	       (p->ports && port >= f->port[side].first && port <= f->port[side].last);
}

/* The definition: one after the other. Who sends has its own port as the source. */
static __u32 by_definition(const struct profile_flow *flow, __u32 nr, const struct packet *p,
			   enum direction way)
{
	__u16 here = way == OUTGOING ? p->src_port : p->dst_port;
	__u16 there = way == OUTGOING ? p->dst_port : p->src_port;

	for (__u32 i = 0; p->l3 && i < nr; i++) {
		const struct profile_flow *f = &flow[i];

		if ((f->protocol < 0 || f->protocol == p->protocol) &&
		    (f->dscp < 0 || f->dscp == p->dscp) && port_fits(f, HS_SIDE_LOCAL, p, here) &&
		    port_fits(f, HS_SIDE_PEER, p, there))
			return i;
	}
	return FLOW_NONE;
}

static void any_flow(struct profile_flow *f)
{
	*f = (struct profile_flow){.protocol = -1, .dscp = -1};
	if (below(2))
		f->protocol = below(2) ? PROTO_UDP : PROTO_TCP;
	if (!below(4))
		f->dscp = (__s16)below(3);
	for (int side = 0; side < HS_SIDE_NR; side++) {
		if (!below(2))
			continue;
		f->port[side].first = (__u16)(1 + below(40));
		f->port[side].last = (__u16)(f->port[side].first + below(10));
		if (!below(8))
			f->port[side].last = 65535;
	}
}

static struct packet any_packet(void)
{
	static const __u8 protocols[] = {PROTO_TCP, PROTO_UDP, 1, 47};
	struct packet p = {
		.l3 = below(20) ? 4 : 0, .protocol = protocols[below(4)], .dscp = (__u8)below(4)};

	if ((p.protocol == PROTO_TCP || p.protocol == PROTO_UDP) && below(8)) {
		p.ports = 1;
		p.src_port = (__u16)below(below(8) ? 60 : 65536);
		p.dst_port = (__u16)below(below(8) ? 60 : 65536);
	}
	return p;
}

static void test_as_defined(void **state)
{
	static struct hs_flow_table table;
	struct profile_flow flow[HS_FLOWS_MAX];
	unsigned found = 0, none = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		__u32 nr = round < 10 ? HS_FLOWS_MAX : below(HS_FLOWS_MAX + 1);

		for (__u32 i = 0; i < nr; i++)
			any_flow(&flow[i]);
		flows_table(flow, nr, &table);
		for (int i = 0; i < 1000; i++) {
			struct packet p = any_packet();
			enum direction way = i % 2 ? OUTGOING : INCOMING;
			__u32 is = flow_of(&table, &p, ~0ULL, way);

			assert_int_equal(is, by_definition(flow, nr, &p, way));
			found += is != FLOW_NONE;
			none += is == FLOW_NONE;
		}
	}
	assert_true(found > 10000 && none > 10000);
}

/* As many stretches of ports as there can be. */
static void test_most_stretches(void **state)
{
	static struct hs_flow_table table;
	struct profile_flow flow[HS_FLOWS_MAX];
	struct packet p = {.l3 = 4, .protocol = PROTO_UDP, .ports = 1};

	(void)state;
	for (__u32 i = 0; i < HS_FLOWS_MAX; i++) {
		flow[i] = (struct profile_flow){.protocol = -1, .dscp = -1};
		flow[i].port[HS_SIDE_LOCAL].first = (__u16)(1 + i);
		flow[i].port[HS_SIDE_LOCAL].last = (__u16)(65535 - i);
	}
	flows_table(flow, HS_FLOWS_MAX, &table);
	assert_int_equal(table.port[HS_SIDE_LOCAL].set[65535], 2 * HS_FLOWS_MAX - 1);
	for (p.dst_port = 0; p.dst_port < 65535; p.dst_port++)
		assert_int_equal(flow_of(&table, &p, ~0ULL, INCOMING), p.dst_port ? 0 : FLOW_NONE);
	p.dst_port = 100;
	assert_int_equal(flow_of(&table, &p, ~1ULL, INCOMING),
			 1); /* its peer is none of flow 0's */
}

static const char text[] =
	"name: a\ninterfaces:\n  - { name: eth0 }\n  - { name: bond0.7, xdp: beside }\nflows:\n"
	"  - { name: orders, class: critical, protocol: udp, port: 9000-9010 }\n"
	"  - { name: exchange, class: critical, peer: 10.1.0.0/16, peer_port: 443 }\n"
	"  - { name: site, class: normal, peer: \"2001:db8::/32\" }\n"
	"  - { name: backup, class: bulk, dscp: CS1 }\n"
	"  - { name: voice, class: critical, dscp: EF, mark: CS5 }\n"
	"  - { name: video, class: normal, dscp: AF41 }\n"
	"  - { name: tunnel, class: normal, protocol: 47 }\n"
	"  - { name: one, class: normal, peer: 10.1.2.3 }\n"
	"  - { name: six, class: normal, peer: \"8000::/1\" }\n";

static void test_profile(void **state)
{
	static const __u8 exchange[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1};
	static const __u8 site[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	__u8 one[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 2, [15] = 3};
	struct profile p;
	char error[256];

	(void)state;
	if (profile_parse(&p, "p.yaml", text, strlen(text), error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(p.interface_nr, 2);
	assert_string_equal(p.interface[1].name, "bond0.7");
	assert_true(!p.interface[0].beside && p.interface[1].beside);
	assert_true(profile_beside(&p) && profile_looks_at(&p, "eth0") &&
		    !profile_looks_at(&p, "eth"));
	assert_int_equal(p.flow_nr, 9);
	assert_string_equal(p.flow[0].name, "orders");
	assert_int_equal(p.flow[0].class, HS_FLOW_CRITICAL);
	assert_int_equal(p.flow[0].protocol, 17);
	assert_int_equal(p.flow[0].port[HS_SIDE_LOCAL].first, 9000);
	assert_int_equal(p.flow[0].port[HS_SIDE_LOCAL].last, 9010);
	assert_int_equal(p.flow[0].port[HS_SIDE_PEER].last, 0);
	assert_int_equal(p.flow[0].peer_bits, 0);
	assert_int_equal(p.flow[1].peer_bits, 112);
	assert_memory_equal(p.flow[1].peer, exchange, 16);
	assert_int_equal(p.flow[1].port[HS_SIDE_PEER].first, 443);
	assert_int_equal(p.flow[2].peer_bits, 32);
	assert_int_equal(p.flow[3].class, HS_FLOW_BULK);
	assert_int_equal(p.flow[3].dscp, 8);
	assert_int_equal(p.flow[4].dscp, 46);
	assert_int_equal(p.flow[4].mark, 40 + 1);
	assert_int_equal(p.flow[3].mark, 0);
	assert_int_equal(p.flow[5].dscp, 34);
	assert_int_equal(p.flow[6].protocol, 47);
	assert_int_equal(p.flow[6].dscp, -1);
	assert_int_equal(p.flow[7].peer_bits, 128);
	assert_int_equal(p.flow[8].peer_bits, 1);
	/* 0, 3, 4, 5 and 6 state no peer */
	assert_int_equal(flows_of_peer(p.flow, 9, site, 128), 0x7d);
	assert_int_equal(flows_of_peer(p.flow, 9, one, 128), 0xfb);
	one[15] = 4;
	assert_int_equal(flows_of_peer(p.flow, 9, one, 128), 0x7b);
	assert_int_equal(flows_of_peer(p.flow, 9, exchange, 112), 0x7b);
	assert_int_equal(flows_of_peer(p.flow, 9, exchange, 96), 0x79);
	profile_free(&p);
}

#define CRITICAL(rest) "name: a\nflows:\n  - { name: f, class: critical, " rest " }\n"
#define SET "knobs:\n  - { name: sockops.rto.min_us, value: 20ms }\n"
#define FLOW(rest) "name: a\nflows:\n  - { name: f, class: bulk, " rest " }\n"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{"name: a\nflows:\n  - { name: f, class: bulk }\n",
		 "p.yaml:3: flow 'f' states nothing"},
		{"name: a\nflows:\n  - { name: f, class: batch, port: 1 }\n",
		 "3: unknown class 'batch'"},
		{"name: a\nflows:\n  - { name: F, class: bulk, port: 1 }\n",
		 "3: bad flow name 'F'"},
		{FLOW("port: 1") "  - { name: f, class: bulk, port: 2 }\n",
		 "4: flow 'f' stands twice, first in line 3"},
		{FLOW("port: 0"), "3: 'port: 0'; expected a port"},
		{FLOW("port: 65536"), "3: 'port: 65536'"},
		{FLOW("port: 9-8"), "3: 'port: 9-8'"},
		{FLOW("port: 8-"), "3: 'port: 8-'"},
		{FLOW("peer_port: http"), "3: 'peer_port: http'"},
		{FLOW("protocol: icmp"), "3: 'protocol: icmp'"},
		{FLOW("protocol: 256"), "3: 'protocol: 256'"},
		{FLOW("protocol: 1, port: 7"), "3: protocol 1 has no ports"},
		{FLOW("dscp: 64"), "3: 'dscp: 64'; expected EF"},
		{FLOW("dscp: AF14"), "3: 'dscp: AF14'"},
		{FLOW("dscp: CS8"), "3: 'dscp: CS8'"},
		{FLOW("port: 1, mark: 64"), "3: 'mark: 64'; expected EF"},
		{FLOW("port: 1, mark: ef"), "3: 'mark: ef'; expected EF"},
		{FLOW("port: 1, mark: -1"), "3: 'mark: -1'"},
		{FLOW("dscp: CS1, mark: 8"), "3: 'mark: 8' is what the flow's packets have"},
		{FLOW("mark: EF"), "3: flow 'f' states nothing"},
		{FLOW("peer: 10.0.0.1/8"), "3: 'peer: 10.0.0.1/8' has bits behind its prefix"},
		{FLOW("peer: 10.0.0.0/33"), "3: 'peer: 10.0.0.0/33'; expected an address"},
		{FLOW("peer: 0.0.0.0/0"), "3: 'peer: 0.0.0.0/0'"},
		{FLOW("peer: example.com"), "3: 'peer: example.com'"},
		{FLOW("peer: \"2001:db8::/129\""), "3: 'peer: 2001:db8::/129'"},
		{FLOW("peer: \"::/1\""), "3: 'peer: ::/1' would take in all of IPv4"},
		{FLOW("peer: \"::fffe:0:0/95\""), "3: 'peer: ::fffe:0:0/95' would take in"},
		{FLOW("port: 1"), "3: flows without interfaces"},
		{CRITICAL("port: 1"), "3: flows without interfaces"},
		{FLOW("port: 1") SET, "3: flows without interfaces"},
		{CRITICAL("port: 1, protocol: udp") SET, "3: flows without interfaces"},
		{FLOW("port: 1, tcp: cubic"), "3: 'tcp: cubic'; expected homeostat"},
		{FLOW("protocol: udp, tcp: homeostat"),
		 "3: protocol 17 has no TCP congestion control"},
		{"name: a\ninterfaces:\n  - { name: a/b }\n", "3: bad interface name 'a/b'"},
		{"name: a\ninterfaces:\n  - { name: .. }\n", "3: bad interface name '..'"},
		{"name: a\ninterfaces:\n  - { name: abcdefghijklmnop }\n", "3: bad interface name"},
		{"name: a\ninterfaces:\n  - { name: e, xdp: alone }\n",
		 "3: 'xdp: alone'; expected beside"},
		{"name: a\ninterfaces:\n  - { name: e }\n  - { name: e }\n",
		 "4: interface 'e' stands twice"},
		{FLOW("port: 1, prefix: 10.0.0.0/8"), "3: unknown key 'prefix' in flow"},
	};
	struct profile p;
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(profile_parse(&p, "p.yaml", wrong[i].text, strlen(wrong[i].text),
					       error, sizeof(error)),
				 -EINVAL);
		if (!strstr(error, wrong[i].says))
			fail_msg("'%s' is not in '%s'", wrong[i].says, error);
	}
}

/* Who sets something on critical connections, now or by a rule, needs no interface. */
static void test_critical_connections(void **state)
{
	static const char *const right[] = {
		CRITICAL("port: 1") SET,
		CRITICAL("port: 1, protocol: tcp") SET,
		CRITICAL("port: 1, protocol: tcp") "rules:\n  - { when: net.congestion_permille, "
						   "low: 100permille, high: 300permille, "
						   "knob: sockops.window.initial, kind: "
						   "proportional, up: 4, down: 1, hold: 0ms, "
						   "cooldown: 100ms }\n",
	};
	struct profile p;
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (profile_parse(&p, "p.yaml", right[i], strlen(right[i]), error, sizeof(error)))
			fail_msg("%s", error);
		assert_int_equal(p.flow_nr, 1);
		profile_free(&p);
	}
}

/* Who looks at connections needs no interface, and gets more than another CUBIC unless it says so. */
static void test_tcp(void **state)
{
	static const char flows[] =
		FLOW("port: 1, tcp: homeostat") "  - { name: g, class: normal, port: 2 }\n";
	static const char knob[] = "knobs:\n  - { name: tcp.loss.tolerance_permille, value: 0% }\n";
	char both[sizeof(flows) + sizeof(knob)], error[512];
	struct profile p;

	(void)state;
	assert_int_equal(profile_parse(&p, "p.yaml", flows, strlen(flows), error, sizeof(error)),
			 0);
	assert_int_equal(p.flow[0].tcp, 1);
	assert_int_equal(p.flow[1].tcp, 0);
	assert_int_equal(p.knob[HS_KNOB_TCP_LOSS].value, 200);
	assert_true(p.knob[HS_KNOB_TCP_LOSS].stated);
	assert_int_equal(p.knob[HS_KNOB_TCP_HOST].value, 500);
	profile_free(&p);
	snprintf(both, sizeof(both), "%s%s", flows, knob);
	assert_int_equal(profile_parse(&p, "p.yaml", both, strlen(both), error, sizeof(error)), 0);
	assert_int_equal(p.knob[HS_KNOB_TCP_LOSS].value, 0);
	profile_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_defined), cmocka_unit_test(test_most_stretches),
		cmocka_unit_test(test_profile),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tcp),	   cmocka_unit_test(test_critical_connections),
	};

	return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
