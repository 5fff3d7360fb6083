// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Real connections over the loopback: which flow each is of, whom it is driven by, what is set on it and put back. The
 * test plays the daemon and the pulse: the gate is as it says.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
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

/* 0: from port 7001 here, critical; 1: to port 7002; 2: peer ::1, bulk; 3: peer 127.0.0.2. All but the first are taken. */
static void declare(void)
{
	__u32 zero = 0;

	memset(&set, 0, sizeof(set));
	for (__u32 i = 0; i <= HS_FLOWS_MAX; i++) {
		set.class[i] = !i ? HS_FLOW_CRITICAL : i == 2 ? HS_FLOW_BULK : HS_FLOW_NORMAL;
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
	kernel = (struct kernel){.skel = fx.skel, .tcp_look = &fx.skel->data_tcp_look->tcp_look};
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

/* ---- what is seen of connections ---- */

/* One look at all of them, in so many reads. */
static unsigned look(__u32 session, bool first)
{
	unsigned reads = 0;
	int more;

	*kernel.tcp_look = (struct hs_tcp_look){.session = session, .first = first};
	for (more = kernel_look_begin(&kernel); more > 0; reads++)
		more = kernel_look(&kernel);
	assert_int_equal(more, 0);
	return reads;
}

static const struct hs_tcp_class *seen(enum hs_flow_class class)
{
	return &kernel.tcp_look->class[class];
}

/* Looks until so many bytes of that class have been acknowledged: the last ACK may be late. */
static struct hs_tcp_class acked(enum hs_flow_class class, __u64 bytes)
{
	struct hs_tcp_class sum = {0};

	WAIT_UNTIL(sum.acked >= bytes, {
		look(1, false);
		sum.acked += seen(class)->acked;
		sum.delivered += seen(class)->delivered;
		sum.rtt_us += seen(class)->rtt_us;
		sum.sent += seen(class)->sent;
		sum.again += seen(class)->again;
	});
	assert_int_equal(sum.acked, bytes);
	return sum;
}

/* All that either end sent is acknowledged: the last ACK is delayed, by 40 ms. */
static void all_acked(struct pair p)
{
	for (int i = 0; i < 2; i++) {
		int fd = i ? p.server : p.client;
		struct tcp_info info = {.tcpi_unacked = 1};
		socklen_t len = sizeof(info);

		WAIT_UNTIL(!info.tcpi_unacked,
			   assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0));
	}
}

/* By class, as declared: the end with the port is critical, both ends with peer ::1 are bulk. What was before does not count. */
static void measures_by_class(void **state)
{
	struct pair critical = connect_to("127.0.0.1", CRITICAL_PORT, NULL);
	struct pair bulk = connect_to("::1", OTHER_PORT, NULL);
	struct hs_tcp_class sum;

	(void)state;
	talk(critical);
	talk(bulk);
	all_acked(critical);
	all_acked(bulk);
	look(1, true);
	assert_true(kernel.tcp_look->sockets >= 4);
	look(1, false);
	assert_int_equal(seen(HS_FLOW_CRITICAL)->delivered + seen(HS_FLOW_CRITICAL)->acked, 0);
	assert_int_equal(seen(HS_FLOW_BULK)->delivered + seen(HS_FLOW_BULK)->sent, 0);
	talk(critical);
	sum = acked(HS_FLOW_CRITICAL, 3);
	assert_int_equal(sum.sent, 3);
	assert_int_equal(sum.again, 0);
	assert_int_equal(sum.delivered, 3);
	assert_in_range(sum.rtt_us, 1, 3 * 1000000);
	talk(bulk);
	sum = acked(HS_FLOW_BULK, 6);
	assert_int_equal(sum.sent, 6);
	assert_int_equal(kernel.tcp_look->missed, 0);
	/* a session that begins forgets what was between */
	talk(critical);
	look(2, true);
	assert_int_equal(seen(HS_FLOW_CRITICAL)->acked + seen(HS_FLOW_CRITICAL)->delivered, 0);
	hang_up(critical);
	hang_up(bulk);
}

/* Of one that is new its round trips count, and its counters from then on. */
static void measures_new_ones(void **state)
{
	struct pair p;

	(void)state;
	look(1, true);
	p = connect_to("127.0.0.1", CRITICAL_PORT, NULL);
	talk(p);
	look(1, false);
	assert_true(seen(HS_FLOW_CRITICAL)->delivered >= 2);
	assert_true(seen(HS_FLOW_CRITICAL)->rtt_us > 0);
	assert_int_equal(seen(HS_FLOW_CRITICAL)->acked + seen(HS_FLOW_CRITICAL)->sent, 0);
	hang_up(p);
}

/* Nothing comes in any more on a socket, or all does. */
static void deaf(int fd, bool on)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {1, &nothing};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, on ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &prog,
				    sizeof(prog)),
			 0);
}

static __u32 retransmits(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_total_retrans;
}

/* What the client says is lost, until it has had its timeout: a tail loss probe may come before. */
static void lose(struct pair p)
{
	char byte = 1;

	deaf(p.server, true);
	assert_int_equal(send(p.client, &byte, 1, 0), 1);
	UNTIL(retransmits(p.client) >= 2);
	deaf(p.server, false);
	assert_int_equal(recv(p.server, &byte, 1, 0), 1);
}

static void measures_what_is_sent_again(void **state)
{
	struct pair p = connect_to("::1", OTHER_PORT, "cubic");
	struct hs_tcp_class sum;

	(void)state;
	look(1, true);
	lose(p);
	sum = acked(HS_FLOW_BULK, 1);
	assert_int_equal(sum.again, retransmits(p.client));
	assert_int_equal(sum.sent, sum.again + 1);
	hang_up(p);
}

/* More sockets than one read looks at. */
static void measures_in_pieces(void **state)
{
	struct pair p[HS_TCP_PIECE];

	(void)state;
	for (int i = 0; i < HS_TCP_PIECE; i++)
		p[i] = connect_to("::1", OTHER_PORT, NULL);
	look(1, true);
	for (int i = 0; i < HS_TCP_PIECE; i++)
		talk(p[i]);
	for (int i = 0; i < HS_TCP_PIECE; i++)
		all_acked(p[i]);
	assert_in_range(look(1, false), 3, 4); /* two pieces, and the end */
	assert_int_equal(seen(HS_FLOW_BULK)->acked, 6 * HS_TCP_PIECE);
	for (int i = 0; i < HS_TCP_PIECE; i++)
		hang_up(p[i]);
}

/* ---- the host's own losses ---- */

/* A loss without a queue, with the host that congested, as measured so long ago. Returns how often it was taken for the host's. */
static __u64 lose_congested(__u64 permille, __u64 ago_ns, bool present)
{
	__u64 before = *counter(HS_COUNT_TCP_HOST);
	struct pair p = connect_to("127.0.0.1", TAKEN_PORT, NULL);

	*VITAL(CONGESTION) = (struct hs_vital){
		.value = permille, .present = present, .updated_ns = now_ns() - ago_ns};
	talk(p);
	lose(p);
	is_driven_by(p.client, "homeostat");
	hang_up(p);
	return *counter(HS_COUNT_TCP_HOST) - before;
}

static void host_is_congested(void **state)
{
	(void)state;
	set_knob(HS_KNOB_TCP_LOSS, 200);
	set_knob(HS_KNOB_TCP_QUEUE, 4000); /* round trips of this guest vary */
	set_knob(HS_KNOB_TCP_HOST, 500);
	assert_int_equal(lose_congested(501, 0, true), 1);
	assert_int_equal(lose_congested(500, 0, true), 0);
	assert_int_equal(lose_congested(1000, 60 * SEC_NS, true), 0);
	assert_int_equal(lose_congested(1000, 0, false), 0);
	set_knob(HS_KNOB_TCP_HOST, 1000); /* never */
	assert_int_equal(lose_congested(1000, 0, true), 0);
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
		TCP_TEST(measures_by_class),
		TCP_TEST(measures_new_ones),
		TCP_TEST(measures_what_is_sent_again),
		TCP_TEST(measures_in_pieces),
		TCP_TEST(host_is_congested),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
