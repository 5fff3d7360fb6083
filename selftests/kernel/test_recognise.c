// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Recognition by the programs for incoming and outgoing packets, run one by one: what undeclared flows are taken for, what is
 * done to them then, and that nobody looks where nobody asked. Nothing is attached to an interface.
 */
#include "pulse_fixture.h"
#include "../unit/packet_fixture.h"
#include "flows.h"
#include "lib/flow.h"
#include "lib/recognise.h"
#include <linux/bpf.h>

#define LARGE 1400    /* bytes of a large frame */
#define KBIT 2000     /* makes bulk: a dozen large frames in a window */
#define FLOOD_HZ 1000 /* some 64 in a window */
#define COPIED 50     /* frames in a run, which takes 20 ms and more on some kernels */
#define LOOPBACK 1
#define NEXT ((__u32) - 1) /* TCX_NEXT */

enum port {
	DECLARED = 9000,
	COPY,
	QUESTION,
	FLOOD
};

static struct profile profile;
static __u32 base;

static void set_knob(__u32 id, __u64 value)
{
	*(volatile __u64 *)&fx.skel->data_knobs->knobs[id].value = value;
}

static struct kernel maps(void)
{
	return (struct kernel){.fd = {.flows = bpf_map__fd(fx.skel->maps.FLOWS),
				      .peers = bpf_map__fd(fx.skel->maps.PEERS),
				      .flow_stats = bpf_map__fd(fx.skel->maps.FLOW_STATS),
				      .egress_stats = bpf_map__fd(fx.skel->maps.EGRESS_STATS)}};
}

/* By the daemon's own function; @asked: the profile's `recognise`. */
static void in_force(__u32 asked)
{
	struct kernel k = maps();
	struct profile before = profile;

	profile.recognise = asked;
	assert_int_equal(flows_write(&k, before.flow_nr ? &before : NULL, &profile, &base), 0);
	fx.config.flows_base = base;
	set_config();
}

static int setup_recognise(void **state)
{
	with_xdp = with_steer = with_tc = without_counts = true;
	if (setup(state))
		return -1;
#define X(id, name, unit, stock, min, max, slew, meaning) set_knob(HS_KNOB_##id, stock);
	HS_KNOBS (X)
#undef X
		set_knob(HS_KNOB_RECOGNISE_BULK, KBIT);
	set_knob(HS_KNOB_RECOGNISE_FLOOD, FLOOD_HZ);
	memset(&profile, 0, sizeof(profile));
	base = 0;
	in_force(0);
	profile.flow_nr = 1;
	profile.flow[0] = (struct profile_flow){.class = HS_FLOW_NORMAL,
						.protocol = -1,
						.dscp = -1,
						.port[HS_SIDE_LOCAL] = {DECLARED, DECLARED}};
	in_force(1);
	fx.gate->armed = 1;
	fx.gate->lease_jiffies = ~0ULL;
	return 0;
}

static struct hs_flow_stats came(__u32 row)
{
	static struct hs_flow_stats all[HS_FLOW_ROWS];
	struct kernel k = maps();

	assert_int_equal(flows_stats(&k, base, all), 0);
	return all[row];
}

static struct hs_egress_stats went(__u32 row)
{
	static struct hs_egress_stats all[HS_FLOW_ROWS];
	struct kernel k = maps();

	assert_int_equal(flows_egress(&k, base, all), 0);
	return all[row];
}

/* Slots of one direction that have ever been written to. */
static unsigned used(enum direction way)
{
	unsigned n = 0;
	__u64 slot;

	for (__u32 i = way * RECOGNISE_FLOWS_NR; i < (way + 1) * RECOGNISE_FLOWS_NR; i++) {
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.RECOGNISED), &i, &slot), 0);
		n += slot != 0;
	}
	return n;
}

/* A frame of @len bytes between the peer's port 1234 and ours. */
static struct frame of(__u8 protocol, __u16 port, enum direction way)
{
	struct frame f;

	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0);
	ports(&f, protocol, way == INCOMING ? 1234 : port, way == INCOMING ? port : 1234);
	return f;
}

static __u32 run(const struct bpf_program *prog, const struct frame *f, size_t len, unsigned times,
		 __u32 *priority)
{
	static __u8 bytes[LARGE], back[LARGE];
	struct __sk_buff in = {.ifindex = LOOPBACK}, out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (__u32)len,
		    .data_out = back, .data_size_out = sizeof(back), .repeat = (int)times);

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, f->bytes, f->len);
	if (priority) {
		opts.ctx_in = &in;
		opts.ctx_out = &out;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(in);
	}
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	if (priority)
		*priority = out.priority;
	return opts.retval;
}

static __u32 comes(__u8 protocol, __u16 port, size_t len, unsigned times)
{
	struct frame f = of(protocol, port, INCOMING);

	return run(fx.skel->progs.xdp_ingress, &f, len < f.len ? f.len : len, times, NULL);
}

/* Its priority. */
static __u32 goes(__u16 port, size_t len, unsigned times)
{
	struct frame f = of(PROTO_UDP, port, OUTGOING);
	__u32 priority;

	assert_int_equal(
		run(fx.skel->progs.tc_egress, &f, len < f.len ? f.len : len, times, &priority),
		NEXT);
	return priority;
}

/*
 * Slowly: a few packets in a window. The sleeps here are the pace of the packets, which is what is judged; nothing is waited for by
 * them. A run of several packets takes some 10 ms by itself.
 */
#define SLOWLY_UNTIL(cond, work) WAIT_UNTIL(cond, (work, usleep(4000)))

static void for_a_while(__u64 ns, void (*each)(void))
{
	__u64 end = now_ns() + ns;

	while (now_ns() < end) {
		each();
		usleep(4000);
	}
}

static void copy_in(void)
{
	comes(PROTO_TCP, COPY, LARGE, COPIED);
}

static void acks_in(void)
{
	comes(PROTO_TCP, COPY, 0, 500);
}

static void flood_in(void)
{
	comes(PROTO_UDP, FLOOD, 0, 500);
}

static void question_in(void)
{
	comes(PROTO_UDP, QUESTION, 0, 1);
}

static void copy_out(void)
{
	goes(COPY, LARGE, 4);
}

static void question_out(void)
{
	goes(QUESTION, 0, 1);
}

/* Bulk is recognised, then shed as declared bulk is; others are not; and when it is slow it is bulk no longer. */
static void test_bulk(void **state)
{
	struct hs_flow_stats before;

	(void)state;
	copy_in();
	assert_int_equal(came(HS_FLOW_OTHERS).packets, COPIED); /* as new as it is, it is neither */
	WAIT_UNTIL(came(HS_FLOW_SEEN_BULK).packets, copy_in());
	assert_int_equal(came(HS_FLOW_SEEN_BULK).shed, 0);
	set_knob(HS_KNOB_BULK_LIMIT, 1000);
	WAIT_UNTIL(came(HS_FLOW_SEEN_BULK).shed > 100, comes(PROTO_TCP, COPY, LARGE, 200));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(comes(PROTO_UDP, QUESTION, 0, 1), XDP_PASS);
	assert_int_equal(comes(PROTO_UDP, DECLARED, LARGE, 1000), XDP_PASS);
	assert_int_equal(came(0).packets, 1000);
	assert_int_equal(came(HS_FLOW_OTHERS).shed + came(HS_FLOW_SEEN_REQUEST).shed + came(0).shed,
			 0);
	/* one packet now and then */
	before = came(HS_FLOW_OTHERS);
	SLOWLY_UNTIL(came(HS_FLOW_OTHERS).packets > before.packets,
		     (comes(PROTO_TCP, COPY, LARGE, 1), usleep(16000)));
}

/* Small packets: datagrams are bulk if they are many, TCP's never. */
static void test_flood(void **state)
{
	__u64 others, before;

	(void)state;
	for_a_while(600 * MS, acks_in);
	assert_int_equal(came(HS_FLOW_SEEN_BULK).packets + came(HS_FLOW_SEEN_REQUEST).packets, 0);
	assert_true(came(HS_FLOW_OTHERS).packets > 1000);
	WAIT_UNTIL(came(HS_FLOW_SEEN_BULK).packets, flood_in());
	/* stock: never */
	set_knob(HS_KNOB_RECOGNISE_FLOOD, 1200000);
	others = came(HS_FLOW_OTHERS).packets;
	WAIT_UNTIL(came(HS_FLOW_OTHERS).packets >= others + 1000, flood_in());
	before = came(HS_FLOW_SEEN_BULK).packets;
	for_a_while(300 * MS, flood_in);
	assert_int_equal(came(HS_FLOW_SEEN_BULK).packets, before);
}

static void test_requests(void **state)
{
	__u64 others;

	(void)state;
	SLOWLY_UNTIL(came(HS_FLOW_SEEN_REQUEST).packets > 5, question_in());
	assert_int_equal(came(HS_FLOW_SEEN_BULK).packets, 0);
	/* with the packet that is too many it is that no longer */
	others = came(HS_FLOW_OTHERS).packets;
	comes(PROTO_UDP, QUESTION, 0, 1000);
	assert_true(came(HS_FLOW_OTHERS).packets - others >= 1000 - RECOGNISE_REQUESTS);
}

/* What goes out: first, last, and paced. */
static void test_egress(void **state)
{
	struct kernel k = {.fd.pacers = bpf_map__fd(fx.skel->maps.PACERS)};

	(void)state;
	assert_int_equal(goes(QUESTION, 0, 1), 0);
	SLOWLY_UNTIL(goes(QUESTION, 0, 1) == 6, (void)0);
	WAIT_UNTIL(goes(COPY, LARGE, 4) == 2, (void)0);
	assert_true(went(HS_FLOW_SEEN_REQUEST).prioritised && went(HS_FLOW_SEEN_BULK).prioritised);
	assert_int_equal(went(HS_FLOW_SEEN_REQUEST).prioritised,
			 went(HS_FLOW_SEEN_REQUEST).packets);
	assert_int_equal(went(HS_FLOW_OTHERS).prioritised, 0);
	assert_int_equal(went(HS_FLOW_SEEN_BULK).paced, 0);
	assert_int_equal(kernel_pacer(&k, LOOPBACK, true), 0);
	set_knob(HS_KNOB_BULK_PACE, 100000);
	WAIT_UNTIL(went(HS_FLOW_SEEN_BULK).delayed, copy_out());
	SLOWLY_UNTIL(goes(QUESTION, 0, 1) == 6, (void)0);
	assert_int_equal(went(HS_FLOW_SEEN_REQUEST).paced + went(HS_FLOW_OTHERS).paced, 0);
	/* as long as it stays small */
	goes(QUESTION, LARGE, 100);
	assert_int_equal(goes(QUESTION, 0, 1), 0);
	for_a_while(600 * MS, question_out);
	assert_int_equal(goes(QUESTION, 0, 1), 6);
	assert_int_equal(went(HS_FLOW_SEEN_REQUEST).prioritised,
			 went(HS_FLOW_SEEN_REQUEST).packets);
}

/* Either way is judged by itself, and either program for what comes in does it. */
static void test_directions(void **state)
{
	struct frame f = of(PROTO_UDP, QUESTION, INCOMING);
	__u32 priority;

	(void)state;
	comes(PROTO_UDP, QUESTION, 0, 1);
	assert_true(used(INCOMING) == 1 && used(OUTGOING) == 0);
	run(fx.skel->progs.tc_egress, &f, f.len, 1, &priority); /* forwarded: the same packet */
	assert_true(used(INCOMING) == 1 && used(OUTGOING) == 1);
	SLOWLY_UNTIL(came(HS_FLOW_SEEN_REQUEST).packets,
		     run(fx.skel->progs.steer_ingress, &f, f.len, 1, NULL));
	assert_int_equal(used(INCOMING), 1);
}

/* Nobody asked, or the gate is shut, or it is nothing that has ports, or it is declared: the table is not touched. */
static void test_untouched(void **state)
{
	struct frame f;
	__u32 priority;

	(void)state;
	in_force(0);
	for_a_while(400 * MS, copy_in);
	for_a_while(400 * MS, question_out);
	assert_true(came(HS_FLOW_OTHERS).packets > 20 && went(HS_FLOW_OTHERS).packets > 10);
	assert_int_equal(came(HS_FLOW_SEEN_BULK).packets + went(HS_FLOW_SEEN_REQUEST).packets, 0);
	in_force(1);
	fx.gate->armed = 0;
	copy_in();
	question_out();
	fx.gate->armed = 1;
	fx.gate->lease_jiffies = 1;
	copy_in();
	question_out();
	fx.gate->lease_jiffies = ~0ULL;
	assert_int_equal(came(HS_FLOW_OTHERS).packets + went(HS_FLOW_OTHERS).packets, 0);
	comes(PROTO_TCP, DECLARED, LARGE, 10);
	goes(DECLARED, LARGE, 10);
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0x2000); /* a fragment */
	ports(&f, PROTO_UDP, 1234, COPY);
	run(fx.skel->progs.xdp_ingress, &f, LARGE, 10, NULL);
	run(fx.skel->progs.tc_egress, &f, LARGE, 10, &priority);
	comes(1, COPY, LARGE, 10); /* ICMP */
	assert_int_equal(came(HS_FLOW_OTHERS).packets, 20);
	assert_int_equal(used(INCOMING) + used(OUTGOING), 0);
	copy_in();
	question_out();
	assert_true(used(INCOMING) == 1 && used(OUTGOING) == 1);
}

#define SEEN_TEST(name) cmocka_unit_test_setup_teardown(name, setup_recognise, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEEN_TEST(test_bulk),	SEEN_TEST(test_flood),	    SEEN_TEST(test_requests),
		SEEN_TEST(test_egress), SEEN_TEST(test_directions), SEEN_TEST(test_untouched),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("recognise", tests, NULL, NULL);
}
