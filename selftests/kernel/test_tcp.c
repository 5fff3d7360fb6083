// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Real connections over the loopback: which flow each is of, whom it is driven by, what is set on it and put back. The
 * test plays the daemon and the pulse: the gate is as it says.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "pulse_fixture.h"
#include "flows.h"
#include "kernel.h"

#define CRITICAL_PORT 7001
#define TAKEN_PORT 7002
#define OTHER_PORT 7003

static struct profile_flow flow[HS_FLOWS_MAX];
static struct hs_flow_set set;
static struct kernel kernel;
static struct bpf_link *ops_link, *sockops_link;

static void add_peer(const char *address, __u32 bits)
{
	struct hs_peer_key key = {.bits = 32 + bits};
	__u64 mask;

	if (address)
		assert_int_equal(inet_pton(AF_INET6, address, key.address), 1);
	mask = flows_of_peer(flow, 4, key.address, bits);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.PEERS), &key, &mask, BPF_ANY), 0);
}

/* 0: from port 7001 here, critical; 1: to port 7002; 2: peer ::1; 3: peer 127.0.0.2. All but the first are taken. */
static void declare(void)
{
	__u32 zero = 0;

	memset(&set, 0, sizeof(set));
	for (__u32 i = 0; i <= HS_FLOWS_MAX; i++) {
		set.class[i] = i ? HS_FLOW_NORMAL : HS_FLOW_CRITICAL;
		set.tcp[i] = i && i < 4;
		if (i < HS_FLOWS_MAX)
			flow[i] = (struct profile_flow){.protocol = -1, .dscp = -1};
	}
	flow[0].port[HS_SIDE_LOCAL].first = flow[0].port[HS_SIDE_LOCAL].last = CRITICAL_PORT;
	flow[1].port[HS_SIDE_PEER].first = flow[1].port[HS_SIDE_PEER].last = TAKEN_PORT;
	assert_int_equal(inet_pton(AF_INET6, "::1", flow[2].peer), 1);
	flow[2].peer_bits = 128;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.2", flow[3].peer), 1);
	flow[3].peer_bits = 128;
	set.peers = 1;
	flows_table(flow, 4, &set.table);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.FLOWS), &zero, &set, BPF_ANY), 0);
	add_peer(NULL, 0);
	add_peer("::1", 128);
	add_peer("::ffff:127.0.0.2", 128);
}

static void set_knob(__u32 id, __u64 value)
{
	*(volatile __u64 *)&fx.skel->data_knobs->knobs[id].value = value;
}

static void gate_is(bool open)
{
	fx.gate->lease_jiffies = ~0ULL;
	*(volatile __u32 *)&fx.gate->armed = open;
}

static int setup_tcp(void **state)
{
	int cgroup;

	with_tcp = true;
	if (setup(state))
		return -1;
	declare();
#define X(id, name, unit, stock, min, max, slew, meaning) set_knob(HS_KNOB_##id, stock);
	HS_KNOBS (X)
#undef X
		gate_is(true);
	kernel = (struct kernel){.skel = fx.skel};
	cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	ops_link = bpf_map__attach_struct_ops(fx.skel->maps.tcp_ops);
	sockops_link = bpf_program__attach_cgroup(fx.skel->progs.sockops_connection, cgroup);
	close(cgroup);
	return ops_link && sockops_link ? 0 : -1;
}

static int teardown_tcp(void **state)
{
	bpf_link__destroy(sockops_link);
	bpf_link__destroy(ops_link);
	sockops_link = ops_link = NULL;
	with_tcp = false;
	return teardown(state);
}

/* A connection: the end that asked for it, and the other. */
struct pair {
	int client, server;
};

/* To @address, as the client sees it; the listener takes both kinds. @chosen: what the client chooses before, or NULL. */
static struct pair connect_to(const char *address, __u16 port, const char *chosen)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(port)},
			    there = here;
	struct sockaddr_in there4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool ipv4 = inet_pton(AF_INET, address, &there4.sin_addr) == 1;
	int one = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
	struct pair p;

	assert_true(ipv4 || inet_pton(AF_INET6, address, &there.sin6_addr) == 1);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(listener, 1), 0);
	p.client = socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	if (chosen)
		assert_int_equal(setsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, chosen,
					    (socklen_t)strlen(chosen)),
				 0);
	assert_int_equal(connect(p.client,
				 ipv4 ? (struct sockaddr *)&there4 : (struct sockaddr *)&there,
				 ipv4 ? sizeof(there4) : sizeof(there)),
			 0);
	p.server = accept(listener, NULL, NULL);
	assert_true(p.server >= 0);
	close(listener);
	return p;
}

static void hang_up(struct pair p)
{
	struct linger reset = {.l_onoff = 1};

	/* no TIME_WAIT: the port is wanted again */
	setsockopt(p.client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(p.client);
	close(p.server);
}

static void is_driven_by(int fd, const char *name)
{
	char buf[16] = "";
	socklen_t len = sizeof(buf);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, buf, &len), 0);
	assert_string_equal(buf, name);
}

/* Each end says something, and the other acknowledges it. */
static void talk(struct pair p)
{
	char byte = 1;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(p.client, &byte, 1, 0), 1);
		assert_int_equal(recv(p.server, &byte, 1, 0), 1);
		assert_int_equal(send(p.server, &byte, 1, 0), 1);
		assert_int_equal(recv(p.client, &byte, 1, 0), 1);
	}
}

static int last(void *ctx, const struct hs_connection *c)
{
	struct hs_connection *to = ctx;

	if (c->local_port == CRITICAL_PORT || c->peer_port == TAKEN_PORT)
		*to = *c;
	return 0;
}

static void takes_by_flow(void **state)
{
	__u64 before = *counter(HS_COUNT_TCP_TAKEN);
	static const struct {
		const char *address;
		__u16 port;
		const char *client, *server;
	} cases[] = {
		{"127.0.0.1", TAKEN_PORT, "homeostat",
		 "cubic"}, /* the port is the peer's there only */
		{"127.0.0.1", OTHER_PORT, "cubic", "cubic"},
		{"127.0.0.2", OTHER_PORT, "homeostat", "cubic"}, /* its peer is 127.0.0.1 */
		{"::ffff:127.0.0.2", OTHER_PORT, "homeostat", "cubic"},
		{"::ffff:127.0.0.1", TAKEN_PORT, "homeostat", "cubic"},
		{"::1", OTHER_PORT, "homeostat", "homeostat"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p = connect_to(cases[i].address, cases[i].port, NULL);

		is_driven_by(p.client, cases[i].client);
		is_driven_by(p.server, cases[i].server);
		talk(p);
		is_driven_by(p.client, cases[i].client);
		hang_up(p);
	}
	assert_int_equal(*counter(HS_COUNT_TCP_TAKEN) - before, 6);
}

static void leaves_the_choice(void **state)
{
	__u64 before = *counter(HS_COUNT_TCP_TAKEN);
	struct pair p = connect_to("127.0.0.1", TAKEN_PORT, "reno");

	(void)state;
	is_driven_by(p.client, "reno");
	hang_up(p);
	p = connect_to("127.0.0.1", TAKEN_PORT,
		       "cubic"); /* even where it is what it would have anyway */
	is_driven_by(p.client, "cubic");
	hang_up(p);
	assert_int_equal(*counter(HS_COUNT_TCP_TAKEN) - before, 0);
}

static void shut_gate_takes_nothing(void **state)
{
	struct pair p;

	(void)state;
	gate_is(false);
	p = connect_to("127.0.0.1", TAKEN_PORT, NULL);
	is_driven_by(p.client, "cubic");
	hang_up(p);
}

static void shut_gate_lets_go(void **state)
{
	__u64 before = *counter(HS_COUNT_TCP_LEFT);
	struct pair p = connect_to("127.0.0.1", TAKEN_PORT, NULL);

	(void)state;
	talk(p);
	is_driven_by(p.client, "homeostat");
	fx.gate->lease_jiffies = 0; /* armed, but the lease is over */
	talk(p);
	is_driven_by(p.client, "cubic");
	assert_int_equal(*counter(HS_COUNT_TCP_LEFT) - before, 1);
	hang_up(p);
}

/* With the links gone the kernel keeps the programs for those that have them: these leave as well. */
static void outlived_lets_go(void **state)
{
	struct pair p = connect_to("127.0.0.1", TAKEN_PORT, NULL);

	(void)state;
	bpf_link__destroy(sockops_link);
	bpf_link__destroy(ops_link);
	sockops_link = ops_link = NULL;
	talk(p);
	is_driven_by(p.client, "homeostat");
	gate_is(false);
	talk(p);
	is_driven_by(p.client, "cubic");
	hang_up(p);
}

static void puts_back(void **state)
{
	__u64 before = *counter(HS_COUNT_TCP_LEFT);
	struct pair p = connect_to("127.0.0.1", TAKEN_PORT, NULL);
	struct hs_connection c = {0};

	(void)state;
	assert_int_equal(kernel_connections(&kernel, false, last, &c), 0);
	assert_string_equal(c.congestion, "homeostat");
	assert_int_equal(c.flow, 1);
	memset(&c, 0, sizeof(c));
	assert_int_equal(kernel_connections(&kernel, true, last, &c), 0);
	assert_int_equal(c.peer_port, 0); /* nothing is left to tell of */
	is_driven_by(p.client, "cubic");
	assert_int_equal(*counter(HS_COUNT_TCP_LEFT) - before, 1);
	talk(p);
	hang_up(p);
}

static __u32 number(int fd, int option)
{
	__u32 value = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, option, &value, &len), 0);
	return value;
}

static __u32 window(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_snd_cwnd;
}

static void critical_has_its_parameters(void **state)
{
	__u64 done = *counter(HS_COUNT_SOCKOPS_SET), refused = *counter(HS_COUNT_SOCKOPS_REFUSED);
	__u64 back = *counter(HS_COUNT_SOCKOPS_BACK);
	struct hs_connection c = {0};
	struct pair p;

	(void)state;
	set_knob(HS_KNOB_SOCKOPS_WINDOW, 33);
	set_knob(HS_KNOB_SOCKOPS_RTO_MIN, 20000);
	set_knob(HS_KNOB_SOCKOPS_DELACK, 1); /* shorter than the kernel takes */
	set_knob(HS_KNOB_SOCKOPS_UNSENT, 4096);
	p = connect_to("127.0.0.1", CRITICAL_PORT, NULL);
	is_driven_by(p.server, "cubic");
	assert_int_equal(window(p.server), 33);
	assert_int_not_equal(window(p.client), 33);
	assert_int_equal(number(p.server, TCP_NOTSENT_LOWAT), 4096);
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_SET) - done, 3);
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_REFUSED) - refused, 1);
	assert_int_equal(kernel_connections(&kernel, false, last, &c), 0);
	assert_int_equal(c.flow, 0);
	assert_int_equal(c.set, HS_SOCKET_WINDOW | HS_SOCKET_RTO_MIN | HS_SOCKET_UNSENT);
	gate_is(false);
	memset(&c, 0, sizeof(c));
	assert_int_equal(kernel_connections(&kernel, true, last, &c), 0);
	assert_int_equal(c.local_port, 0);
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_BACK) - back, 2);
	assert_int_equal(number(p.server, TCP_NOTSENT_LOWAT), 0);
	talk(p);
	hang_up(p);
}

/*
 * Another network namespace: the daemon would not find its connections again, so nothing is set there. The same connection
 * here, after it, is cared for.
 */
static void another_namespace_is_left_alone(void **state)
{
	__u64 taken = *counter(HS_COUNT_TCP_TAKEN), done = *counter(HS_COUNT_SOCKOPS_SET);
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), s;
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct pair critical, p;

	(void)state;
	set_knob(HS_KNOB_SOCKOPS_UNSENT, 4096);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &lo), 0);
	close(s);
	critical = connect_to("127.0.0.1", CRITICAL_PORT, NULL);
	p = connect_to("127.0.0.1", TAKEN_PORT, NULL);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
	assert_int_equal(number(critical.server, TCP_NOTSENT_LOWAT), 0);
	is_driven_by(p.client, "cubic");
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_SET) - done, 0);
	assert_int_equal(*counter(HS_COUNT_TCP_TAKEN) - taken, 0);
	hang_up(critical);
	hang_up(p);
	critical = connect_to("127.0.0.1", CRITICAL_PORT, NULL);
	assert_int_equal(number(critical.server, TCP_NOTSENT_LOWAT), 4096);
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_SET) - done, 1);
	hang_up(critical);
}

/* With all knobs at stock a critical connection is as any other. */
static void stock_sets_nothing(void **state)
{
	__u64 done = *counter(HS_COUNT_SOCKOPS_SET);
	struct pair p = connect_to("127.0.0.1", CRITICAL_PORT, NULL);

	(void)state;
	assert_int_equal(window(p.server), window(p.client));
	assert_int_equal(*counter(HS_COUNT_SOCKOPS_SET) - done, 0);
	hang_up(p);
}

#define TCP_TEST(name) cmocka_unit_test_setup_teardown(name, setup_tcp, teardown_tcp)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TEST(takes_by_flow),
		TCP_TEST(leaves_the_choice),
		TCP_TEST(shut_gate_takes_nothing),
		TCP_TEST(shut_gate_lets_go),
		TCP_TEST(outlived_lets_go),
		TCP_TEST(puts_back),
		TCP_TEST(critical_has_its_parameters),
		TCP_TEST(another_namespace_is_left_alone),
		TCP_TEST(stock_sets_nothing),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
