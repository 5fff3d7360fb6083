// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Steering, packet by packet: where each goes under which conditions, with a judge that is played, and then the judge itself, in the pulse.
 * There is a queue to CPU 0; nothing ever gets into it, as nothing comes from an interface.
 */
#include "pulse_fixture.h"
#include "../unit/packet_fixture.h"
#include "lib/steer.h"
#include <linux/bpf.h>
#include <sched.h>

#define FUZZED 100000 /* or as many as the environment's FUZZED says */
#define FAR 1000000   /* jiffies that do not pass in a test */
#define TICK_MS 10    /* no kernel has longer jiffies */

static __u32 seed;
static struct hs_steer *judge;

static __u32 below(__u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (__u32)((__u64)(seed >> 8) * n >> 24);
}

static __u32 verdict_of(const void *bytes, size_t len, unsigned repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (__u32)len,
		    .repeat = (int)repeat);

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(fx.skel->progs.steer_ingress), &opts), 0);
	return opts.retval;
}

/* A packet of flow @id. */
static __u32 verdict(__u16 id)
{
	struct frame f;

	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0);
	ports(&f, PROTO_UDP, id, 9000);
	return verdict_of(f.bytes, f.len, 1);
}

static struct hs_steer_cpu books(void)
{
	struct hs_steer_cpu c = {0};
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.STEER_CPUS), &zero, &c), 0);
	return c;
}

static void set_books(struct hs_steer_cpu c)
{
	__u32 zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.STEER_CPUS), &zero, &c, BPF_ANY), 0);
}

/* What was handed over has left this CPU, was queued and delivered. */
static void deliver(void)
{
	struct hs_steer_cpu c = books();

	c.flushed = c.queued = c.taken = c.handed;
	set_books(c);
}

static void set_knob(__u32 id, __u64 value)
{
	*(volatile __u64 *)&fx.skel->data_knobs->knobs[id].value = value;
}

static void set_queue(__u32 packets)
{
	struct bpf_cpumap_val queue = {.qsize = packets}; /* 0: none */
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.STEER_QUEUES), &zero, &queue,
					     BPF_ANY),
			 0);
}

/* We are on CPU 0 and take it for CPU 1 or not: it is the same to the program where a packet comes in. */
static void load_is(__u32 load, bool hot, bool target)
{
	judge->cpu[0] = (struct hs_steer_load){load, target, hot};
	judge->list = target;
	judge->target[0][0] = 0;
}

static void gap_is(__u64 jiffies)
{
	*(volatile __u64 *)&judge->gap = jiffies;
}

/* Long enough for gaps of two jiffies. */
static void pause_flow(void)
{
	usleep(4 * TICK_MS * 1000);
}

static int setup_steer(void **state)
{
	struct hs_flow_set *set;
	cpu_set_t first;
	__u32 zero = 0;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	with_steer = true;
	without_counts = true; /* the judge is played */
	seed = 1;
	if (sched_setaffinity(0, sizeof(first), &first) || setup(state))
		return -1;
	set = calloc(1, sizeof(*set)); /* no flow is declared: all are normal */
	for (int i = 0; i <= HS_FLOWS_MAX; i++)
		set->class[i] = HS_FLOW_NORMAL;
	zero = (__u32)bpf_map_update_elem(bpf_map__fd(fx.skel->maps.FLOWS), &zero, set, BPF_ANY);
	free(set);
#define X(id, name, unit, stock, min, max, slew, meaning) set_knob(HS_KNOB_##id, stock);
	HS_KNOBS (X)
#undef X
		set_knob(HS_KNOB_STEER_ABOVE, 500);
	set_queue(64);
	judge = &fx.skel->data_steer->steer;
	fx.gate->armed = 1;
	fx.gate->generation = judge->generation = 7;
	fx.gate->lease_jiffies = ~0ULL;
	judge->since = 1;
	judge->forget = FAR;
	gap_is(FAR);
	load_is(600, true, true);
	/* 0 is as free as itself; the limit's eighth apart would do */
	set_knob(HS_KNOB_STEER_ABOVE, 0);
	*(volatile __u32 *)&judge->state = HS_STEER_ON;
	return (int)zero;
}

/* Off, shut, of another arming: nothing is looked up, counted or remembered. */
static void test_off(void **state)
{
	(void)state;
	judge->state = HS_STEER_OFF;
	assert_int_equal(verdict(1), XDP_PASS);
	judge->state = HS_STEER_ON;
	judge->generation = 6;
	assert_int_equal(verdict(1), XDP_PASS);
	judge->generation = 7;
	fx.gate->armed = 0;
	assert_int_equal(verdict(1), XDP_PASS);
	fx.gate->armed = 1;
	fx.gate->lease_jiffies = 1;
	assert_int_equal(verdict(1), XDP_PASS);
	assert_int_equal(books().kept, 0);
	assert_int_equal(books().handed, 0);
	fx.gate->lease_jiffies = ~0ULL;
	assert_int_equal(verdict(1), XDP_REDIRECT);
}

/* New flows: to a target if this CPU is hot, there is one that is freer, and its queue is there. */
static void test_new(void **state)
{
	struct hs_steer_cpu c;

	(void)state;
	load_is(600, false, true);
	assert_int_equal(verdict(1), XDP_PASS); /* not hot */
	load_is(600, true, false);
	assert_int_equal(verdict(2), XDP_PASS); /* no target */
	load_is(600, true, true);
	set_knob(HS_KNOB_STEER_ABOVE, 500);
	assert_int_equal(verdict(3), XDP_PASS); /* a target that is not freer */
	set_knob(HS_KNOB_STEER_ABOVE, 0);
	judge->target[0][0] = 5; /* … that is no CPU of this host */
	judge->cpu[5].target = 1;
	assert_int_equal(verdict(4), XDP_PASS);
	judge->target[0][0] = 0;
	assert_int_equal(books().kept, 4);
	assert_int_equal(books().moved, 0);

	assert_int_equal(verdict(5), XDP_REDIRECT);
	c = books();
	assert_int_equal(c.moved, 1);
	assert_int_equal(c.handed, 1);
	set_queue(0);
	assert_int_equal(verdict(5), XDP_PASS); /* its queue is gone … */
	set_queue(64);
	assert_int_equal(verdict(5), XDP_PASS); /* … and the flow stays where it has been since */
	c = books();
	assert_int_equal(c.missing, 1);
	assert_int_equal(c.handed, 1);
	assert_int_equal(c.kept, 5);
}

/* The watch: flows are remembered, and none moves. */
static void test_watch(void **state)
{
	(void)state;
	judge->state = HS_STEER_WATCH;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(verdict(1), XDP_PASS);
		pause_flow();
	}
	gap_is(2);
	assert_int_equal(verdict(1), XDP_PASS);
	gap_is(FAR);
	judge->state = HS_STEER_ON;
	assert_int_equal(verdict(1), XDP_PASS); /* it was seen less than a gap ago */
	assert_int_equal(verdict(2), XDP_REDIRECT);
	assert_int_equal(books().kept, 5);
	/* what was known before the watch began is void */
	judge->since = ~0ULL >> 17;
	judge->state = HS_STEER_WATCH;
	pause_flow();
	assert_int_equal(verdict(2), XDP_PASS);
}

/* Only after a gap, and for a reason. */
static void test_stays(void **state)
{
	(void)state;
	load_is(0, false, true);
	assert_int_equal(verdict(1), XDP_PASS);
	load_is(600, true, true);
	for (int i = 0; i < 5; i++) {
		pause_flow();
		assert_int_equal(verdict(1), XDP_PASS); /* less than a gap */
	}
	gap_is(2);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT);
	assert_int_equal(books().moved, 1);
	deliver();
	/* the CPU that it is on is not hot: it stays there, silent or not */
	load_is(0, false, true);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT);
	deliver();
	/* no target any more: it goes home, after the gap */
	load_is(0, false, false);
	gap_is(FAR);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT);
	deliver();
	gap_is(2);
	pause_flow();
	assert_int_equal(verdict(1), XDP_PASS);
	assert_int_equal(books().moved, 2);
	/* silent for very long: a new flow */
	load_is(600, true, true);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT);
	deliver();
	load_is(0, false, true);
	judge->forget = 2;
	pause_flow();
	assert_int_equal(verdict(1), XDP_PASS);
}

/* Never while anything that was handed over is under way. */
static void test_drained(void **state)
{
	struct hs_steer_cpu c;

	(void)state;
	gap_is(2);
	assert_int_equal(verdict(1), XDP_REDIRECT);
	load_is(0, false, false); /* it would go home */
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT); /* it is in this CPU's hands still */
	c = books();
	assert_int_equal(c.handed, 2);
	c.flushed = c.queued = 2;
	c.taken = 1;
	set_books(c);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT); /* one is in the queue */
	deliver();
	pause_flow();
	assert_int_equal(verdict(1), XDP_PASS);
	/* another flow's packet that came later is in this CPU's hands: that says nothing of the first one */
	load_is(600, true, true);
	pause_flow();
	assert_int_equal(verdict(1), XDP_REDIRECT);
	deliver();
	pause_flow();
	assert_int_equal(verdict(2), XDP_REDIRECT);
	load_is(0, false, false);
	assert_int_equal(verdict(1), XDP_PASS);
}

/* Fragments go where their datagram's others go, whatever the ports are; flows of any kind are told apart. */
static void test_fragments(void **state)
{
	struct hs_steer_cpu c;
	struct frame f;

	(void)state;
	load_is(600, true, true);
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0x2000);
	ports(&f, PROTO_UDP, 1, 2);
	assert_int_equal(verdict_of(f.bytes, f.len, 1), XDP_REDIRECT);
	load_is(0, false, true);
	ethernet(&f);
	ipv4(&f, 1, 2, 0, 0, 0x0010);
	ports(&f, PROTO_UDP, 3, 4);
	assert_int_equal(verdict_of(f.bytes, f.len, 1), XDP_REDIRECT);
	c = books();
	assert_int_equal(c.moved, 1);
	assert_int_equal(verdict(1), XDP_PASS); /* whole: another flow */
	ethernet(&f);
	f.bytes[12] = 8;
	f.bytes[13] = 6; /* ARP */
	load_is(600, true, true);
	assert_int_equal(verdict_of(f.bytes, 60, 1), XDP_PASS);
	assert_int_equal(books().kept, c.kept + 1); /* not of steering at all */
}

static size_t any_frame(struct frame *f)
{
	ethernet(f);
	for (__u32 tags = below(4) ? 0 : below(4); tags; tags--)
		vlan(f, below(2) ? 0x8100 : 0x88a8);
	if (below(2))
		ipv4(f, (__u8)below(256), 2, (__u8)(below(2) * 8), (__u8)below(11),
		     below(4) ? 0 : 0x2000);
	else
		ipv6(f, (__u8)below(256), 2, (__u8)(below(2) * 8));
	for (__u32 more = below(4) ? 0 : below(7); more; more--)
		extension(f, (__u8)below(61), (__u8)below(3));
	ports(f, below(2) ? PROTO_UDP : PROTO_TCP, (__u16)below(65536), (__u16)(8990 + below(30)));
	for (__u32 flips = below(8); flips; flips--)
		f->bytes[below((__u32)f->len)] = (__u8)below(256);
	return below(2) ? f->len : ETH_LEN + below((__u32)f->len - ETH_LEN + 1);
}

/* Any bytes, loads changing under them: what has no IP header passes, and each other packet is counted once. */
static void test_fuzzed(void **state)
{
	const char *wanted = getenv("FUZZED");
	unsigned rounds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : FUZZED;
	unsigned known = 0, redirected = 0;
	struct hs_steer_cpu c;
	struct frame f;

	(void)state;
	gap_is(2);
	judge->forget = 4;
	for (unsigned i = 0; i < rounds; i++) {
		size_t len = any_frame(&f);
		struct packet p;
		__u32 verdict;

		if (!below(64))
			load_is(below(1001), below(2), below(2));
		if (!below(1000))
			deliver();
		packet_parse(&p, f.bytes, f.bytes + len);
		verdict = verdict_of(f.bytes, len, 1);
		if (!p.l3)
			assert_int_equal(verdict, XDP_PASS);
		else
			assert_true(verdict == XDP_PASS || verdict == XDP_REDIRECT);
		known += p.l3 != 0;
		redirected += verdict == XDP_REDIRECT;
	}
	c = books();
	print_message("# %u of %u packets have an IP header; %u were handed over\n", known, rounds,
		      redirected);
	assert_int_equal(c.handed, redirected);
	assert_int_equal(c.handed + c.kept, known);
	assert_int_equal(c.missing, 0);
	assert_int_equal(c.refused, 0);
	assert_in_range(redirected, known / 10, known - known / 10);
}

/* ---- the judge ---- */

static int setup_judge(void **state)
{
	with_steer = false;
	without_counts = false;
	if (setup(state))
		return -1;
	judge = &fx.skel->data_steer->steer;
	return 0;
}

static void cpu_is(struct hs_cpu_topo topo)
{
	__u32 zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.CPUS), &zero, &topo, BPF_ANY), 0);
}

static void target_is(bool steer, bool isolated)
{
	cpu_is((struct hs_cpu_topo){.steer = steer, .isolated = isolated, .online = 1});
}

#define SEEN(what) (*(volatile typeof(what) *)&(what))

static void busy(void)
{
	for (__u64 end = now_ns() + 20 * MS; now_ns() < end;)
		;
}

static void above_is(__u64 permille)
{
	set_wish(HS_KNOB_STEER_ABOVE, permille, HS_CAUSE_WISH);
	UNTIL(KNOB(STEER_ABOVE)->value == permille);
}

/* The books of CPU 0 say one packet more. */
static void hand_one(void)
{
	struct hs_steer_cpu c = books();

	c.handed++;
	set_books(c);
}

static void test_judge(void **state)
{
	__u32 generation;

	(void)state;
	set_wish(HS_KNOB_STEER_ABOVE, 500, HS_CAUSE_WISH);
	set_wish(HS_KNOB_STEER_GAP, 1000, HS_CAUSE_WISH);
	target_is(true, false);
	beat_now();
	for (int i = 0; i < 10; i++)
		busy();
	assert_int_equal(SEEN(judge->state), HS_STEER_OFF); /* not armed: it does not even look */
	assert_int_equal(SEEN(judge->cpu[0].load_permille), 0);
	arm();
	/* a busy CPU is hot, and flows are watched for a gap before they move */
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_ON, busy());
	assert_int_equal(SEEN(judge->generation), fx.gate->generation);
	assert_true(judge->cpu[0].hot && judge->cpu[0].target);
	assert_true(judge->cpu[0].load_permille > 500);
	assert_int_equal(judge->list & 0xffff, 1);
	assert_true(judge->gap >= 2 && judge->forget >= judge->gap);
	/* an idle one is not, and after a second all is off */
	heartbeat(60 * SEC_NS);
	UNTIL(!SEEN(judge->cpu[0].hot));
	UNTIL(SEEN(judge->state) == HS_STEER_OFF);
	assert_true(judge->cpu[0].load_permille < 400);
	/* not as long as packets are handed over */
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_ON, busy());
	for (int i = 0; i < 200; i++) {
		hand_one();
		usleep(10000);
	}
	assert_int_equal(SEEN(judge->state), HS_STEER_ON);
	/* stock: nobody is ever hot or a target, and what is still handed over does not keep it on */
	above_is(1000);
	WAIT_UNTIL(!SEEN(judge->cpu[0].hot) && !SEEN(judge->cpu[0].target), busy());
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_OFF, (busy(), hand_one()));
	/* kept for somebody: no target, whatever the daemon says else, and without targets nothing is on */
	above_is(500);
	target_is(true, true);
	WAIT_UNTIL(SEEN(judge->cpu[0].hot), busy());
	assert_int_equal(SEEN(judge->cpu[0].target), 0);
	assert_int_equal(SEEN(judge->state), HS_STEER_OFF);
	target_is(true, false);
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_ON, busy());
	/* another arming: from the beginning; what is of another one is as off to who reads it */
	generation = fx.gate->generation;
	fx.gate->armed = 0;
	UNTIL(SEEN(judge->state) == HS_STEER_OFF);
	arm();
	UNTIL(SEEN(judge->generation) == generation + 1);
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_ON, busy());
}

/* The idle time of a CPU that is offline stands still: it is not busy for that. */
static void test_offline(void **state)
{
	(void)state;
	set_wish(HS_KNOB_STEER_ABOVE, 500, HS_CAUSE_WISH);
	target_is(true, false);
	arm();
	WAIT_UNTIL(SEEN(judge->cpu[0].hot), busy());
	cpu_is((struct hs_cpu_topo){.steer = 1});
	WAIT_UNTIL(!SEEN(judge->cpu[0].hot) && !SEEN(judge->cpu[0].target), busy());
	WAIT_UNTIL(SEEN(judge->state) == HS_STEER_OFF, busy());
	assert_true(judge->cpu[0].load_permille > 500);
}

/* While packets may be handed over the heart beats often enough to see who gets hot; else it comes to rest. */
static void test_rest(void **state)
{
	(void)state;
	target_is(true, false);
	arm();
	heartbeat(60 * SEC_NS);
	UNTIL(SEEN(fx.gate->period_ns) > 25 * MS);
	above_is(500);
	UNTIL(SEEN(fx.gate->period_ns) <= 25 * MS);
	usleep(500000);
	assert_true(SEEN(fx.gate->period_ns) <= 25 * MS);
	above_is(1000);
	UNTIL(SEEN(fx.gate->period_ns) > 25 * MS);
}

#define STEER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_steer, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEER_TEST(test_off),
		STEER_TEST(test_new),
		STEER_TEST(test_watch),
		STEER_TEST(test_stays),
		STEER_TEST(test_drained),
		STEER_TEST(test_fragments),
		STEER_TEST(test_fuzzed),
		cmocka_unit_test_setup_teardown(test_judge, setup_judge, teardown),
		cmocka_unit_test_setup_teardown(test_offline, setup_judge, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup_judge, teardown),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
