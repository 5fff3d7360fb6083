// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What our programs for incoming and outgoing packets cost, by BPF_PROG_TEST_RUN: no interface is touched. The arms take turns, a
 * million packets each; differences are taken within a round, and of the rounds the median with an interval of 95 %
 * (order statistics). Then what steering costs when the packets are of many connections: each packet by itself, as the kernel
 * repeats only one and the same, so that the clock's price is in these figures. Needs root. Exit code 1 where a limit is missed.
 */
#include <err.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../unit/packet_fixture.h"
#include "flows.h"
#include "kernel.h"
#include "log.h"
#include "names.h"
#include "steer.h"
#include "homeostat.skel.h" /* after the types that it uses */

#define PACKETS 1000000
#define ROUNDS 21
#define LOW 5 /* the 6th and the 16th of 21 enclose the median with 97 % */
#define HIGH 15
#define CONNECTIONS_MAX 100000 /* and as many packets for each number of connections */
#define GROWTH_ROUNDS 7

static struct kernel kernel;

static void gate(bool open)
{
	kernel.gate->lease_jiffies = ~0ULL;
	kernel.gate->armed = open;
}

/* Orders by port, backup by DSCP; a site by its peer, or two marks to and fro, where asked for. */
enum more {
	NO_MORE,
	PEERS,
	MARKS,
	SEEN /* … or what is of none is recognised */
};
static void flows(enum more more)
{
	static __u32 base;
	static struct profile now;
	struct profile before = now;

	memset(&now, 0, sizeof(now));
	now.flow_nr = more == PEERS ? 3 : 2;
	now.recognise = more == SEEN;
	now.flow[0] = (struct profile_flow){
		.class = HS_FLOW_CRITICAL,
		.protocol = PROTO_UDP,
		.dscp = -1,
		.port[HS_SIDE_LOCAL] = {9000, 9010},
	};
	now.flow[1] = (struct profile_flow){.class = HS_FLOW_BULK, .protocol = -1, .dscp = 8};
	now.flow[2] = (struct profile_flow){
		.class = HS_FLOW_NORMAL,
		.protocol = -1,
		.dscp = -1,
		.peer = {[10] = 0xff, [11] = 0xff, [12] = 10},
		.peer_bits = 104,
	};
	if (more == MARKS) {
		now.flow[0] = (struct profile_flow){
			.class = HS_FLOW_NORMAL, .protocol = -1, .dscp = 0, .mark = 46 + 1};
		now.flow[1] = (struct profile_flow){
			.class = HS_FLOW_NORMAL, .protocol = -1, .dscp = 46, .mark = 0 + 1};
	}
	struct hs_config config = {0};
	__u32 zero = 0;

	if (flows_write(&kernel, before.flow_nr ? &before : NULL, &now, &base))
		err(1, "writing flows");
	config.flows_base = base;
	if (bpf_map_update_elem(kernel.fd.config, &zero, &config, BPF_ANY))
		err(1, "writing the configuration");
}

/* Nobody is busy, and whatever comes in is handed to CPU 0, or with @state OFF to nobody. */
static void steering(enum hs_steer_state state)
{
	struct hs_steer *steer = &kernel.skel->data_steer->steer;

	*(volatile __u64 *)&kernel.knobs[HS_KNOB_STEER_ABOVE].value = 0;
	steer->list = 1;
	steer->target[0][0] = 0;
	steer->since = 1;
	steer->gap = steer->forget = 1ULL << 40;
	steer->generation = kernel.gate->generation;
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++)
		steer->cpu[cpu] = (struct hs_steer_load){.target = !cpu, .hot = 1};
	*(volatile __u32 *)&steer->state = state;
}

static void shut(struct frame *f)
{
	(void)f;
	gate(false);
}

static void udp4(struct frame *f, __u16 port, __u8 dscp)
{
	ipv4(f, 1, 2, dscp, 0, 0);
	ports(f, PROTO_UDP, 1234, port);
}

static void of_ipv4(struct frame *f)
{
	ethernet(f);
	udp4(f, 9000, 0);
}

static void of_vlan(struct frame *f)
{
	ethernet(f);
	vlan(f, 0x8100);
	udp4(f, 9000, 0);
}

static void of_ipv6(struct frame *f)
{
	ethernet(f);
	ipv6(f, 1, 2, 0);
	ports(f, PROTO_UDP, 1234, 9000);
}

static void with_peers(struct frame *f)
{
	flows(PEERS);
	of_ipv4(f);
}

static void of_bulk(struct frame *f)
{
	ethernet(f);
	udp4(f, 80, 8);
}

static void held(struct frame *f)
{
	*(volatile __u64 *)&kernel.knobs[HS_KNOB_BULK_LIMIT].value = 1000;
	of_bulk(f);
}

/* The same, going out: from port 9000. */
static void out_ipv4(struct frame *f)
{
	ethernet(f);
	ipv4(f, 1, 2, 0, 0, 0);
	ports(f, PROTO_UDP, 9000, 1234);
}

static void out_vlan(struct frame *f)
{
	ethernet(f);
	vlan(f, 0x8100);
	ipv4(f, 1, 2, 0, 0, 0);
	ports(f, PROTO_UDP, 9000, 1234);
}

static void out_ipv6(struct frame *f)
{
	ethernet(f);
	ipv6(f, 1, 2, 0);
	ports(f, PROTO_UDP, 9000, 1234);
}

static void out_peers(struct frame *f)
{
	flows(PEERS);
	out_ipv4(f);
}

/* Bulk whose clock begins now; all runs are on the loopback. */
static void pace(struct frame *f, __u64 kbit)
{
	if (kernel_pacer(&kernel, 1, true))
		err(1, "the clock of bulk");
	*(volatile __u64 *)&kernel.knobs[HS_KNOB_BULK_PACE].value = kbit;
	of_bulk(f);
}

/* A microsecond each: they come faster, and a million of them is never a second ahead. */
static void out_paced(struct frame *f)
{
	pace(f, 42 * 8 * 1000);
}

static void out_dropped(struct frame *f)
{
	pace(f, 100);
}

static void out_marked(struct frame *f)
{
	flows(MARKS);
	out_ipv4(f);
}

static void steer_ipv4(struct frame *f)
{
	steering(HS_STEER_ON);
	of_ipv4(f);
}

static void steer_vlan(struct frame *f)
{
	steering(HS_STEER_ON);
	of_vlan(f);
}

static void steer_ipv6(struct frame *f)
{
	steering(HS_STEER_ON);
	of_ipv6(f);
}

/* It comes in on a CPU that is not hot: the flow is known, and stays. */
static void steer_kept(struct frame *f)
{
	steering(HS_STEER_WATCH);
	of_ipv4(f);
	f->bytes[ETH_LEN + 15] = 77; /* a flow that nobody has handed over */
}

static void of_none(struct frame *f)
{
	ethernet(f);
	udp4(f, 80, 0);
}

static void seen(struct frame *f)
{
	flows(SEEN);
	of_none(f);
}

static void seen_ipv6(struct frame *f)
{
	flows(SEEN);
	ethernet(f);
	ipv6(f, 1, 2, 0);
	ports(f, PROTO_UDP, 1234, 80);
}

static void steer_none(struct frame *f)
{
	steering(HS_STEER_ON);
	of_none(f);
}

static void steer_seen(struct frame *f)
{
	steering(HS_STEER_ON);
	seen(f);
}

static const struct arm {
	const char *name;
	void (*make)(struct frame *f);
	unsigned limit_ns; /* above the empty program; 0 = none is set */
	bool out;	   /* a packet that goes out */
	__u32 steers;	   /* by the program that hands packets over: its verdict */
} arms[] = {
	{"empty program", NULL, 0},
	{"gate shut", shut, 2},
	{"IPv4, UDP, critical", of_ipv4, 20},
	{"the same, one VLAN tag", of_vlan, 0},
	{"the same, IPv6", of_ipv6, 0},
	{"the same, flows by peer", with_peers, 0},
	{"IPv4, bulk, no limit", of_bulk, 20},
	{"IPv4, bulk, shed", held, 20},
	{"IPv4, undeclared", of_none, 20},
	{"the same, looked up", seen, 20},
	{"the same, IPv6", seen_ipv6, 0},
	{"steering, nobody is hot", of_ipv4, 20, .steers = XDP_PASS},
	{"to another CPU: IPv4", steer_ipv4, 20, .steers = XDP_REDIRECT},
	{"the same, one VLAN tag", steer_vlan, 0, .steers = XDP_REDIRECT},
	{"the same, IPv6", steer_ipv6, 0, .steers = XDP_REDIRECT},
	{"IPv4, known and kept", steer_kept, 20, .steers = XDP_PASS},
	{"IPv4, undeclared, handed", steer_none, 20, .steers = XDP_REDIRECT},
	{"the same, looked up", steer_seen, 20, .steers = XDP_REDIRECT},
	{"out: empty program", NULL, 0, true},
	{"gate shut", shut, 2, true},
	{"IPv4, UDP, critical", out_ipv4, 25, true},
	{"the same, one VLAN tag", out_vlan, 25, true},
	{"the same, IPv6", out_ipv6, 25, true},
	{"the same, flows by peer", out_peers, 0, true},
	{"IPv4, bulk, no pace", of_bulk, 25, true},
	{"IPv4, bulk, paced", out_paced, 0, true},
	{"IPv4, bulk, dropped", out_dropped, 0, true},
	{"IPv4, undeclared", of_none, 25, true},
	{"the same, looked up", seen, 25, true},
	{"the same, IPv6", seen_ipv6, 25, true},
	{"IPv4, another DSCP", out_marked, 0, true},
};
#define ARMS (sizeof(arms) / sizeof(arms[0]))

static int empty_program(enum bpf_prog_type type)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	int fd = bpf_prog_load(type, "empty", "GPL", insns, 2, NULL);

	if (fd < 0)
		err(1, "the empty program");
	return fd;
}

static int program_of(const struct arm *arm, const int empty[2])
{
	if (!arm->make)
		return empty[arm->out];
	return bpf_program__fd(arm->out	     ? kernel.skel->progs.tc_egress
			       : arm->steers ? kernel.skel->progs.steer_ingress
					     : kernel.skel->progs.xdp_ingress);
}

/* An open gate, two flows, no limit, nobody hot. */
static void begin(void)
{
	gate(true);
	flows(NO_MORE);
	*(volatile __u64 *)&kernel.knobs[HS_KNOB_BULK_PACE].value =
		knob_infos[HS_KNOB_BULK_PACE].bound.stock;
	*(volatile __u64 *)&kernel.knobs[HS_KNOB_BULK_LIMIT].value =
		knob_infos[HS_KNOB_BULK_LIMIT].bound.stock;
	steering(HS_STEER_OFF);
}

static double ns_of(const struct arm *arm, const int empty[2])
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = PACKETS);
	struct __sk_buff skb = {0}; /* as a context it says how long the packet is on the wire */
	struct frame f;

	begin();
	of_ipv4(&f);
	if (arm->make)
		arm->make(&f);
	opts.data_in = f.bytes;
	opts.data_size_in = (__u32)f.len;
	if (arm->out) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	if (bpf_prog_test_run_opts(program_of(arm, empty), &opts))
		err(1, "%s", arm->name);
	if (arm->steers && opts.retval != arm->steers)
		errx(1, "%s: verdict %u", arm->name, opts.retval);
	return opts.duration; /* the kernel gives whole nanoseconds */
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ns for each packet by itself, the packets being of so many connections by turns. */
static double ns_of_many(int prog, unsigned connections)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
	double sum = 0;
	struct frame f;

	of_ipv4(&f);
	opts.data_in = f.bytes;
	opts.data_size_in = (__u32)f.len;
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		__u32 which = i % connections;

		memcpy(f.bytes + ETH_LEN + 12, &which, sizeof(which));
		if (bpf_prog_test_run_opts(prog, &opts))
			err(1, "%u connections", connections);
		sum += opts.duration;
	}
	return sum / CONNECTIONS_MAX;
}

static void growth(int empty)
{
	static const unsigned connections[] = {10, 1000, CONNECTIONS_MAX};
	double took[3][GROWTH_ROUNDS], more[3][GROWTH_ROUNDS], none;
	int prog = bpf_program__fd(kernel.skel->progs.steer_ingress);

	for (int round = 0; round < GROWTH_ROUNDS; round++) {
		begin();
		steering(HS_STEER_ON);
		none = ns_of_many(empty, CONNECTIONS_MAX);
		for (int i = 0; i < 3; i++) {
			took[i][round] = ns_of_many(prog, connections[i]);
			more[i][round] = took[i][round] - none;
		}
	}
	printf("\n| %-24s | %8s | %12s |\n| :--- | ---: | ---: |\n", "connections, steered", "ns",
	       "above empty");
	for (int i = 0; i < 3; i++) {
		qsort(took[i], GROWTH_ROUNDS, sizeof(double), ascending);
		qsort(more[i], GROWTH_ROUNDS, sizeof(double), ascending);
		printf("| %-24u | %8.0f | %12.0f |\n", connections[i], took[i][GROWTH_ROUNDS / 2],
		       more[i][GROWTH_ROUNDS / 2]);
	}
}

/* The same for scripts/lab growth, in the lab guest, where each run gives the same: lines of JSON. */
static void growth_lines(int empty)
{
	static const unsigned connections[] = {10, 100, 1000, 10000, CONNECTIONS_MAX};
	int prog = bpf_program__fd(kernel.skel->progs.steer_ingress);
	double none;

	begin();
	steering(HS_STEER_ON);
	none = ns_of_many(empty, CONNECTIONS_MAX);
	for (int i = 0; i < 5; i++)
		printf("{\"what\":\"verdict\",\"connections\":%u,\"verdict_ns\":%.1f}\n",
		       connections[i], ns_of_many(prog, connections[i]) - none);
}

/* A queue that the program may name; nothing ever gets there. */
static void make_queue(void)
{
	struct bpf_cpumap_val queue = {.qsize = STEER_QUEUE_PACKETS};
	__u32 cpu = 0;

	if (bpf_map_update_elem(kernel.fd.steer_queues, &cpu, &queue, BPF_ANY))
		err(1, "a queue to CPU 0");
}

int main(int argc, char **argv)
{
	static double took[ARMS][ROUNDS], more[ARMS][ROUNDS];
	char error[512];
	struct topology topo;
	int empty[2], missed = 0;

	log_set_level(LOG_LEVEL_ERROR);
	if (topology_read(&topo, ""))
		errx(1, "the host's CPUs cannot be read from /sys");
	if (kernel_load(&kernel, &topo, "", NULL, error, sizeof(error)))
		errx(1, "%s", error);
	if (kernel.family[FAMILY_XDP].state == FAMILY_UNAVAILABLE)
		errx(1, "%s", kernel.family[FAMILY_XDP].why);
	for (__u32 i = 0; i < HS_KNOB_NR; i++) {
		if (bpf_map_update_elem(kernel.fd.bounds, &i, &knob_infos[i].bound, BPF_ANY))
			err(1, "bounds");
	}
	if (kernel.family[FAMILY_TC].state == FAMILY_UNAVAILABLE)
		errx(1, "%s", kernel.family[FAMILY_TC].why);
	make_queue();
	empty[0] = empty_program(BPF_PROG_TYPE_XDP);
	empty[1] = empty_program(BPF_PROG_TYPE_SCHED_CLS);
	if (argc > 1 && !strcmp(argv[1], "--growth")) {
		growth_lines(empty[0]);
		kernel_close(&kernel);
		return 0;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t a = 0, base = 0; a < ARMS; a++) {
			base = arms[a].make ? base : a;
			took[a][round] = ns_of(&arms[a], empty);
			more[a][round] = took[a][round] - took[base][round];
		}
	}
	printf("| %-24s | %8s | %12s | %12s | %5s |\n", "packet", "ns", "above empty", "95 %",
	       "limit");
	printf("| :--- | ---: | ---: | ---: | ---: |\n");
	for (size_t a = 0; a < ARMS; a++) {
		char limit[16] = "-", interval[32];

		qsort(took[a], ROUNDS, sizeof(double), ascending);
		qsort(more[a], ROUNDS, sizeof(double), ascending);
		if (arms[a].limit_ns)
			snprintf(limit, sizeof(limit), "%u", arms[a].limit_ns);
		snprintf(interval, sizeof(interval), "%.0f … %.0f", more[a][LOW], more[a][HIGH]);
		printf("| %-24s | %8.0f | %12.0f | %12s | %5s |\n", arms[a].name,
		       took[a][ROUNDS / 2], more[a][ROUNDS / 2], interval, limit);
		missed += arms[a].limit_ns && more[a][ROUNDS / 2] > arms[a].limit_ns;
	}
	growth(empty[0]);
	kernel_close(&kernel);
	return missed > 0;
}
