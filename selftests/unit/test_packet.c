// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* lib/packet.h, the same code that runs in BPF: what is understood, and what is left alone. */
#include "fixture.h"
#include "packet_fixture.h"

static void test_ipv4(void **state)
{
	struct packet p;
	struct frame f;

	(void)state;
	for (__u8 words = 0; words <= 10; words++) {
		ethernet(&f);
		ipv4(&f, 1, 2, 46, words, 0x4000); /* not to be fragmented: whole */
		ports(&f, PROTO_UDP, 1234, 9000);
		p = parsed(&f);
		assert_int_equal(p.l3, 4);
		assert_int_equal(p.l3_at, ETH_LEN);
		assert_int_equal(p.protocol, PROTO_UDP);
		assert_int_equal(p.dscp, 46);
		assert_int_equal(p.ports, 1);
		assert_int_equal(p.src_port, 1234);
		assert_int_equal(p.dst_port, 9000);
	}
}

static void test_ipv6(void **state)
{
	static const __u8 kinds[] = {PROTO_HOPOPTS, PROTO_ROUTING, PROTO_DSTOPTS, PROTO_HOPOPTS};
	struct packet p;
	struct frame f;

	(void)state;
	for (int nr = 0; nr <= EXTENSIONS_MAX; nr++) {
		ethernet(&f);
		ipv6(&f, 1, 2, 10);
		for (int i = 0; i < nr; i++)
			extension(&f, kinds[i], (__u8)i);
		ports(&f, PROTO_TCP, 443, 50000);
		p = parsed(&f);
		assert_int_equal(p.l3, 6);
		assert_int_equal(p.protocol, PROTO_TCP);
		assert_int_equal(p.dscp, 10);
		assert_int_equal(p.ports, 1);
		assert_int_equal(p.src_port, 443);
		assert_int_equal(p.dst_port, 50000);
	}
	/* one more than we look at: it is IPv6, and that is all */
	ethernet(&f);
	ipv6(&f, 1, 2, 10);
	for (int i = 0; i <= EXTENSIONS_MAX; i++)
		extension(&f, PROTO_DSTOPTS, 0);
	ports(&f, PROTO_TCP, 443, 50000);
	p = parsed(&f);
	assert_int_equal(p.l3, 6);
	assert_int_equal(p.ports, 0);
}

static void test_vlan(void **state)
{
	struct packet p;
	struct frame f;

	(void)state;
	for (int tags = 0; tags <= 3; tags++) {
		ethernet(&f);
		for (int i = 0; i < tags; i++)
			vlan(&f, i ? 0x8100 : 0x88a8);
		ipv4(&f, 1, 2, 0, 0, 0);
		ports(&f, PROTO_UDP, 1, 2);
		p = parsed(&f);
		assert_int_equal(p.l3, tags <= 2 ? 4 : 0);
		assert_int_equal(p.ports, tags <= 2);
		if (tags <= 2)
			assert_int_equal(p.l3_at, ETH_LEN + VLAN_LEN * tags);
	}
}

/* All fragments of a datagram are alike, the first one with its ports, too. */
static void test_fragments(void **state)
{
	static const __u16 v4[] = {0x2000, 0x2001, 0x0001, 0x1fff};
	struct packet p[4];
	struct frame f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		ethernet(&f);
		ipv4(&f, 1, 2, 0, 0, v4[i]);
		ports(&f, PROTO_UDP, (__u16)(i * 1000), 53); /* behind the first: payload */
		p[i] = parsed(&f);
		assert_int_equal(p[i].l3, 4);
		assert_int_equal(p[i].protocol, PROTO_UDP);
		assert_int_equal(p[i].ports, 0);
	}
	for (int i = 0; i < 2; i++) {
		ethernet(&f);
		ipv6(&f, 1, 2, 0);
		extension(&f, PROTO_FRAGMENT, 0);
		ports(&f, PROTO_UDP, (__u16)(i * 1000), 53);
		p[i] = parsed(&f);
		assert_int_equal(p[i].l3, 6);
		assert_int_equal(p[i].protocol, PROTO_UDP);
		assert_int_equal(p[i].ports, 0);
	}
}

/* Cut at every byte: what is known is right, and no byte behind the end is looked at (ASan sees it). */
static void test_cut(void **state)
{
	struct packet whole, p;
	struct frame f;

	(void)state;
	for (int six = 0; six < 2; six++) {
		ethernet(&f);
		vlan(&f, 0x8100);
		if (six) {
			ipv6(&f, 1, 2, 8);
			extension(&f, PROTO_HOPOPTS, 2);
		} else {
			ipv4(&f, 1, 2, 8, 3, 0);
		}
		ports(&f, PROTO_UDP, 7, 9);
		whole = parsed(&f);
		assert_int_equal(whole.ports, 1);
		for (size_t len = 0; len < f.len; len++) {
			__u8 *exact = malloc(len ? len : 1);

			memcpy(exact, f.bytes, len);
			packet_parse(&p, exact, exact + len);
			free(exact);
			assert_true(!p.l3 || p.l3 == whole.l3);
			assert_int_equal(p.ports, len >= f.len - 4);
			assert_true(!p.l3 || p.dscp == whole.dscp);
		}
	}
}

static void test_others(void **state)
{
	static const __u16 types[] = {0x0806, 0x88cc, 0x05ff, 0x86dd, 0x0800};
	struct frame f;

	(void)state;
	for (int i = 0; i < 5; i++) {
		ethernet(&f);
		ipv4(&f, 1, 2, 0, 0, 0);
		ports(&f, PROTO_UDP, 7, 9);
		f.bytes[12] = (__u8)(types[i] >> 8);
		f.bytes[13] = (__u8)types[i];
		/* IPv4 that calls itself IPv6 is neither */
		assert_int_equal(parsed(&f).l3, types[i] == 0x0800 ? 4 : 0);
	}
	/* a header that says it is shorter than it can be */
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0);
	ports(&f, PROTO_UDP, 7, 9);
	f.bytes[ETH_LEN] = 0x44;
	assert_int_equal(parsed(&f).l3, 0);
	/* ICMP has no ports */
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0);
	ports(&f, 1, 7, 9);
	assert_int_equal(parsed(&f).l3, 4);
	assert_int_equal(parsed(&f).ports, 0);
}

/* Without a link header: what the stack says it is, if it is; nothing else is looked for. */
static void test_bare(void **state)
{
	static const __u16 types[] = {0x0800, 0x86dd, 0x0806};
	struct packet p;
	struct frame f;

	(void)state;
	for (int six = 0; six < 2; six++) {
		ethernet(&f);
		if (six)
			ipv6(&f, 1, 2, 46);
		else
			ipv4(&f, 1, 2, 46, 0, 0);
		ports(&f, PROTO_TCP, 7, 9);
		for (int i = 0; i < 3; i++) {
			packet_parse_bare(&p, f.bytes + ETH_LEN, types[i], f.bytes + f.len);
			assert_int_equal(p.l3, i != six ? 0 : six ? 6 : 4);
			assert_int_equal(p.ports, i == six);
			assert_int_equal(p.l3_at, 0);
			assert_int_equal(p.dscp, i == six ? 46 : 0);
		}
		for (size_t len = 0; len < f.len - ETH_LEN; len++) {
			__u8 *exact = malloc(len ? len : 1);

			memcpy(exact, f.bytes + ETH_LEN, len);
			packet_parse_bare(&p, exact, types[six], exact + len);
			free(exact);
			assert_int_equal(p.ports, len >= f.len - ETH_LEN - 4);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4), cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_vlan), cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_cut),  cmocka_unit_test(test_others),
		cmocka_unit_test(test_bare),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
