// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Outgoing packets, run through the program one by one: priority, departure time and DSCP that each gets, what is
 * counted, and that a shut gate leaves everything alone. Only the last test attaches it, to the loopback of a
 * namespace of its own.
 */
#include "pulse_fixture.h"
#include "../unit/packet_fixture.h"
#include "flows.h"
#include "kernel.h"
#include "lib/flow.h"
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define FUZZED 100000
#define LOOPBACK 1 /* what test runs are on */
#define NEXT ((__u32) - 1)
#define DROP 2U
#define TCX_EGRESS 47
enum {
	CRITICAL,
	SITE,
	BULK,
	MARKED,
	FLOWS
}; /* as declared below */

static struct hs_flow_set set;
static struct profile_flow flow[HS_FLOWS_MAX];
static struct __sk_buff in, out;
static __u8 bytes[1024]; /* the last packet as it went out */
static __u32 seed;

static __u32 below(__u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (__u32)((__u64)(seed >> 8) * n >> 24);
}

static void put_peer(const __u8 *address, __u32 bits)
{
	struct hs_peer_key key = {.bits = 32 + bits};
	__u64 mask = flows_of_peer(flow, FLOWS, address, bits);

	memcpy(key.address, address, 16);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.PEERS), &key, &mask, BPF_ANY), 0);
}

/* From port 9000 … 9010, UDP, critical; to 2001:db8::/32; DSCP 8, bulk; TCP to port 443, normal, to be marked EF. */
static void declare(void)
{
	static const __u8 site[16] = {0x20, 0x01, 0x0d, 0xb8}, anybody[16];
	static const __u8 class[FLOWS] = {HS_FLOW_CRITICAL, HS_FLOW_NORMAL, HS_FLOW_BULK,
					  HS_FLOW_NORMAL};
	__u32 zero = 0;

	for (__u32 i = 0; i <= FLOW_NONE; i++)
		set.class[i] = i < FLOWS ? class[i] : HS_FLOW_NORMAL;
	for (__u32 i = 0; i < FLOWS; i++)
		flow[i] = (struct profile_flow){.protocol = -1, .dscp = -1};
	flow[CRITICAL].protocol = PROTO_UDP;
	flow[CRITICAL].port[HS_SIDE_LOCAL].first = 9000;
	flow[CRITICAL].port[HS_SIDE_LOCAL].last = 9010;
	memcpy(flow[SITE].peer, site, 16);
	flow[SITE].peer_bits = 32;
	flow[BULK].dscp = 8;
	flow[MARKED].protocol = PROTO_TCP;
	flow[MARKED].port[HS_SIDE_PEER].first = flow[MARKED].port[HS_SIDE_PEER].last = 443;
	set.mark[MARKED] = 46 + 1;
	set.peers = 1;
	flows_table(flow, FLOWS, &set.table);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.FLOWS), &zero, &set, BPF_ANY), 0);
	put_peer(site, 32);
	put_peer(anybody, 0);
}

/* What @in says of the packet, and what became of it in @out and @bytes. 0 or negative errno: it cannot be run. */
static int try_run(const void *frame, size_t len, unsigned repeat, __u32 *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len,
		    .data_out = bytes, .data_size_out = sizeof(bytes), .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out),
		    .repeat = (int)repeat);

	int err = bpf_prog_test_run_opts(bpf_program__fd(fx.skel->progs.tc_egress), &opts);

	*verdict = opts.retval;
	return err;
}

static __u32 run(const void *frame, size_t len, unsigned repeat)
{
	__u32 verdict;

	assert_int_equal(try_run(frame, len, repeat, &verdict), 0);
	return verdict;
}

static __u32 send_frame(const struct frame *f)
{
	return run(f->bytes, f->len, 1);
}

/* Sum over the CPUs. */
static struct hs_egress_stats stats(__u32 which)
{
	static struct hs_egress_stats all[HS_FLOW_ROWS];
	struct kernel k = {.fd.egress_stats = bpf_map__fd(fx.skel->maps.EGRESS_STATS)};

	assert_int_equal(flows_egress(&k, 0, all), 0);
	return all[which];
}

static void set_knob(__u32 id, __u64 value)
{
	*(volatile __u64 *)&fx.skel->data_knobs->knobs[id].value = value;
}

/* Bulk of the loopback has a clock that begins now. */
static void with_clock(__u64 kbit)
{
	struct kernel k = {.fd.pacers = bpf_map__fd(fx.skel->maps.PACERS)};

	assert_int_equal(kernel_pacer(&k, LOOPBACK, true), 0);
	set_knob(HS_KNOB_BULK_PACE, kbit);
}

static int setup_tc(void **state)
{
	with_tc = true;
	seed = 1;
	memset(&in, 0, sizeof(in));
	memset(&set, 0, sizeof(set));
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

static void udp4(struct frame *f, __u16 from, __u8 dscp)
{
	ethernet(f);
	ipv4(f, 1, 2, dscp, 0, 0);
	ports(f, PROTO_UDP, from, 1234);
}

static void tcp_to_443(struct frame *f, int six, __u8 dscp)
{
	ethernet(f);
	vlan(f, 0x8100);
	if (six)
		ipv6(f, 1, 2, dscp);
	else
		ipv4(f, 1, 2, dscp, 3, 0);
	ports(f, PROTO_TCP, 1234, 443);
}

static void test_priority(void **state)
{
	struct frame f;

	(void)state;
	for (__u16 port = 8999; port <= 9011; port++) {
		bool critical = port >= 9000 && port <= 9010;

		udp4(&f, port, 0);
		in.priority = 1;
		assert_int_equal(send_frame(&f), NEXT);
		assert_int_equal(out.priority, critical ? 6 : 1);
	}
	assert_int_equal(stats(CRITICAL).packets, 11);
	assert_int_equal(stats(CRITICAL).prioritised, 11);
	assert_int_equal(stats(FLOW_NONE).packets, 2);
	assert_int_equal(stats(FLOW_NONE).prioritised, 0);
	/* the port of the other end is not ours */
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0);
	ports(&f, PROTO_UDP, 1234, 9000);
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(stats(FLOW_NONE).packets, 3);
	udp4(&f, 80, 8);
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(out.priority, 2);
	/* a class of a queueing discipline stays */
	in.priority = 0x10002;
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(out.priority, 0x10002);
	assert_int_equal(stats(BULK).packets, 2);
	assert_int_equal(stats(BULK).prioritised, 1);
	assert_int_equal(stats(BULK).paced, 0); /* as nobody has said a pace */
	/* by peer: the destination */
	in.priority = 0;
	ethernet(&f);
	ipv6(&f, 1, 2, 0);
	ports(&f, PROTO_TCP, 1, 2);
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(stats(SITE).packets, 1);
	memset(f.bytes + ETH_LEN + 24, 0, 4); /* from there, and to elsewhere */
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(stats(SITE).packets, 1);
}

static void test_gate(void **state)
{
	struct frame f;

	(void)state;
	with_clock(100);
	for (int i = 0; i < 4; i++) {
		fx.gate->armed = i & 1;
		fx.gate->lease_jiffies = i & 1 ? 1 : ~0ULL; /* a lease of the past */
		if (i & 2)
			tcp_to_443(&f, 0, 0);
		else
			udp4(&f, 80, 8);
		assert_int_equal(run(f.bytes, f.len, 1000), NEXT);
		assert_memory_equal(bytes, f.bytes, f.len);
		assert_int_equal(out.priority, 0);
		assert_int_equal(out.tstamp, 0);
		assert_int_equal(stats(BULK).packets + stats(MARKED).packets, 0);
	}
}

/* A millisecond for each packet: from the third on (one at once, one for the credit) they leave a millisecond apart. */
static void test_pace(void **state)
{
	enum {
		KBIT = 8000,
		BYTES = 1000,
		NR = 500
	};
	struct hs_egress_stats s;
	__u64 last = 0, delayed = 0, ns = 0, begin;
	struct frame f;

	(void)state;
	udp4(&f, 80, 8);
	in.wire_len = BYTES;
	set_knob(HS_KNOB_BULK_PACE, KBIT);
	assert_int_equal(send_frame(&f), NEXT); /* no clock: where fq is not */
	assert_int_equal(stats(BULK).paced, 0);
	with_clock(KBIT);
	begin = now_ns();
	for (int i = 0; i < NR; i++) {
		__u64 now = now_ns();

		assert_int_equal(send_frame(&f), NEXT);
		if (!out.tstamp)
			continue;
		delayed++;
		assert_true(out.tstamp > now);
		ns += out.tstamp - now;
		/* or a busy machine let more pass than it had to */
		if (last)
			assert_true(out.tstamp - last == MS || out.tstamp > begin + NR * MS);
		last = out.tstamp;
	}
	s = stats(BULK);
	assert_int_equal(s.paced, NR);
	assert_int_equal(s.delayed, delayed);
	assert_int_equal(s.dropped, 0);
	assert_in_range(s.delayed_ns, 1, ns);
	assert_true(delayed > 0);
	/* who wants to leave later still does so; critical and normal packets never wait */
	in.tstamp = now_ns() + 100 * SEC_NS;
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(out.tstamp, in.tstamp);
	in.tstamp = 0;
	udp4(&f, 9000, 8);
	assert_int_equal(run(f.bytes, f.len, 1000), NEXT);
	assert_int_equal(out.tstamp, 0);
	udp4(&f, 80, 0);
	assert_int_equal(run(f.bytes, f.len, 1000), NEXT);
	assert_int_equal(out.tstamp, 0);
	assert_int_equal(stats(BULK).paced, NR + 1);
	assert_int_equal(stats(CRITICAL).paced + stats(FLOW_NONE).paced, 0);
}

/* Beyond a second, or 8 MiB, bulk is dropped, and the clock stays; what is yet to be segmented counts as what it will be. */
static void test_horizon(void **state)
{
	struct hs_egress_stats s;
	struct frame f;
	__u64 last = 0;
	unsigned n;

	(void)state;
	udp4(&f, 80, 8);
	in.wire_len = 50000;
	in.gso_segs = 40;
	with_clock(4000); /* 100 ms each */
	for (n = 0; n < 1000 && send_frame(&f) == NEXT; n++)
		last = out.tstamp;
	assert_in_range(n, 11, 100);
	assert_true(last > now_ns() + SEC_NS / 2);
	assert_true(last < now_ns() + SEC_NS + 150 * MS);
	s = stats(BULK);
	assert_int_equal(s.packets, 40 * (n + 1));
	assert_int_equal(s.paced, 40 * (n + 1));
	assert_int_equal(s.dropped, 40);
	assert_int_equal(run(f.bytes, f.len, 5), DROP);
	WAIT_UNTIL(send_frame(&f) == NEXT, (void)0); /* it moves on by itself */
	/* 10 Gbit/s: 8 MiB are 6.7 ms */
	with_clock(10000000);
	in.wire_len = 65536;
	for (n = 0; n < 100000 && send_frame(&f) == NEXT; n++)
		last = out.tstamp;
	assert_in_range(n, 120, 99999);
	assert_true(last < now_ns() + 8 * MS);
	/* the bounds hold at the point of use: a knob of 0 is the least, and no division by it */
	with_clock(0);
	assert_int_equal(send_frame(&f), NEXT);
	assert_int_equal(send_frame(&f), DROP);
}

static __u16 checksum(const __u8 *ip, size_t len)
{
	__u32 sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (__u32)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static void test_mark(void **state)
{
	struct frame f;
	struct packet p;

	(void)state;
	for (int six = 0; six < 2; six++) {
		for (__u8 dscp = 0; dscp < 64; dscp++) {
			__u64 before = stats(MARKED).marked;
			size_t ip = ETH_LEN + VLAN_LEN, len = IPV4_LEN + 12;
			__u16 sum;

			if (dscp == 8)
				continue; /* another flow */
			/* to elsewhere, or it would be of the site's flow */
			tcp_to_443(&f, six, dscp);
			if (six) {
				f.bytes[ip + 24] = 0x30;
			} else {
				sum = checksum(f.bytes + ip, len);
				f.bytes[ip + 10] = (__u8)(sum >> 8);
				f.bytes[ip + 11] = (__u8)sum;
			}
			assert_int_equal(send_frame(&f), NEXT);
			packet_parse(&p, bytes, bytes + f.len);
			assert_int_equal(p.dscp, 46);
			assert_int_equal(p.dst_port, 443);
			if (six)
				assert_int_equal(bytes[ip + 1] & 0x3f, f.bytes[ip + 1] & 0x3f);
			else
				assert_int_equal(bytes[ip + 1] & 3, f.bytes[ip + 1] & 3);
			if (!six)
				assert_int_equal(checksum(bytes + ip, len), 0);
			memcpy(bytes + ip, f.bytes + ip, 2);
			if (!six)
				memcpy(bytes + ip + 10, f.bytes + ip + 10, 2);
			assert_memory_equal(bytes, f.bytes, f.len); /* and nothing else */
			assert_int_equal(stats(MARKED).marked - before, dscp != 46);
		}
	}
}

/*
 * Any bytes: they go on, and are counted once, as of the flow that the same code finds here. Those of none are looked up, too, and
 * may get a priority for it.
 */
static void test_fuzzed(void **state)
{
	__u64 expected[HS_FLOWS_MAX + 1] = {0}, all = 0, refused = 0, seen[8] = {0};

	(void)state;
	set_knob(HS_KNOB_RECOGNISE_BULK, 100);
	set_knob(HS_KNOB_RECOGNISE_FLOOD, 100);
	recognise(&set);
	for (int round = 0; round < FUZZED; round++) {
		struct packet p, after;
		struct frame f;
		__u32 of, verdict;
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
		ports(&f, below(2) ? PROTO_UDP : PROTO_TCP, (__u16)(8990 + below(30)),
		      below(2) ? 443 : (__u16)below(65536));
		for (__u32 flips = below(8); flips; flips--)
			f.bytes[below((__u32)f.len)] = (__u8)below(256);
		len = below(2) ? f.len : ETH_LEN + below((__u32)f.len - ETH_LEN + 1);
		packet_parse(&p, f.bytes, f.bytes + len);
		if (try_run(f.bytes, len, 1, &verdict)) {
			/* newer kernels hand over no IP packet whose header is cut: the unit tests do */
			assert_false(p.l3);
			refused++;
			continue;
		}
		assert_int_equal(verdict, NEXT);
		packet_parse(&after, bytes, bytes + len);
		/* all but the peer's: is it in 2001:db8::/32? */
		of = flow_of(&set.table, &p,
			     flows_of_peer(flow, FLOWS,
					   p.l3 == 6 ? f.bytes + p.l3_at + 24 : (const __u8[16]){0},
					   128),
			     OUTGOING);
		expected[of]++;
		assert_int_equal(out.tstamp, 0);
		if (of == FLOW_NONE)
			seen[out.priority & 7]++;
		else
			assert_int_equal(out.priority, of == CRITICAL ? 6 : of == BULK ? 2 : 0);
		if (of == MARKED)
			p.dscp = 46;
		else
			assert_memory_equal(bytes, f.bytes, len);
		assert_memory_equal(&after, &p, sizeof(p));
	}
	for (__u32 i = 0; i <= HS_FLOWS_MAX; i++) {
		struct hs_egress_stats s = stats(i);

		assert_int_equal(s.packets, i == FLOW_NONE ? seen[0] : expected[i]);
		assert_int_equal(s.paced + s.dropped, 0);
		all += expected[i];
	}
	assert_int_equal(stats(HS_FLOW_SEEN_BULK).packets, seen[2]);
	assert_int_equal(stats(HS_FLOW_SEEN_REQUEST).packets, seen[6]);
	assert_int_equal(seen[0] + seen[2] + seen[6], expected[FLOW_NONE]);
	print_message("# of each flow: %llu %llu %llu %llu, of none %llu, recognised %llu and "
		      "%llu, not run %llu\n",
		      expected[0], expected[1], expected[2], expected[3], seen[0], seen[2], seen[6],
		      refused);
	assert_int_equal(all + refused, FUZZED);
	assert_true(refused < FUZZED / 4);
	for (__u32 i = 0; i < FLOWS; i++)
		assert_true(expected[i] > FUZZED / 200);
}

/* Asked by the daemon: of the loopback, and of nobody. */
static void test_qdisc(void **state)
{
	struct kernel k = {.skel = fx.skel};
	char name[16];

	(void)state;
	assert_int_equal(kernel_qdisc(&k, LOOPBACK, name), 0);
	assert_string_equal(name, "noqueue");
	assert_int_equal(kernel_qdisc(&k, 4711, name), -ENODEV);
	assert_int_equal(kernel_probe_tc(&k), 0);
}

/* Somebody else's program on the loopback's way out, who has the last word. Its link. */
static int another_program(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0}, /* TCX_PASS */
		{.code = BPF_JMP | BPF_EXIT},
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pass", "GPL", insns, 2, NULL), link;

	assert_true(prog >= 0);
	link = bpf_link_create(prog, LOOPBACK, (enum bpf_attach_type)TCX_EGRESS, NULL);
	assert_true(link >= 0);
	close(prog);
	return link;
}

/* A packet whose headers lie in pages (all but Ethernet's) is looked at all the same, on a real way out. */
static void test_attached(void **state)
{
	enum {
		LEN = 6000
	};
	static struct {
		struct virtio_net_hdr how; /* what it says: nothing has to be in one piece */
		__u8 bytes[LEN];
	} __attribute__((packed)) packet;
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = LOOPBACK};
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct kernel k = {.skel = fx.skel};
	struct frame f;
	int fd, other, one = 1;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	other = another_program();
	assert_int_equal(kernel_attach_tc(&k, 3, LOOPBACK), 0);
	assert_int_equal(k.family[FAMILY_TC].state, FAMILY_ON);
	udp4(&f, 9000, 0);
	memcpy(packet.bytes, f.bytes, f.len);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sendto(fd, &packet, sizeof(packet), 0, (void *)&to, sizeof(to)),
				 sizeof(packet));
	assert_int_equal(stats(CRITICAL).packets, 3);
	kernel_detach_tc(&k, 3);
	assert_int_equal(k.family[FAMILY_TC].state, FAMILY_OFF);
	assert_int_equal(sendto(fd, &packet, sizeof(packet), 0, (void *)&to, sizeof(to)),
			 sizeof(packet));
	assert_int_equal(stats(CRITICAL).packets, 3);
	assert_int_equal(kernel_attach_tc(&k, 3, 4711), -ENODEV);
	close(other);
	close(fd);
}

#define TC_TEST(name) cmocka_unit_test_setup_teardown(name, setup_tc, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TC_TEST(test_priority), TC_TEST(test_gate),	TC_TEST(test_pace),
		TC_TEST(test_horizon),	TC_TEST(test_mark),	TC_TEST(test_fuzzed),
		TC_TEST(test_qdisc),	TC_TEST(test_attached),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("tc", tests, NULL, NULL);
}
