// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Steering: lib/steer.h, the same code that runs in BPF; the CPUs that a profile names; and steer_follow() with a kernel that
 * is played.
 */
#include "fixture.h"
#include "packet_fixture.h"

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include "lib/steer.h"
#include "names.h"
#include "profile.h"
#include "steer.h"

static const __u64 key[STEER_KEYS] = {0x8ebc6af09c88c6e3ULL, 0x589965cc75374cc3ULL,
				      0x1d8e4e27c47d124fULL, 0xeb44accab455d165ULL,
				      0x9e6c63d0676a9a99ULL};

static __u64 hash_of(const struct frame *f)
{
	struct packet p = parsed(f);

	return steer_hash(&p, f->bytes + p.l3_at, f->bytes + f->len, key);
}

static __u64 hash4(__u8 from, __u8 to, __u8 protocol, __u16 src, __u16 dst, __u16 fragment)
{
	struct frame f;

	ethernet(&f);
	ipv4(&f, from, to, 0, 0, fragment);
	ports(&f, protocol, src, dst);
	return hash_of(&f);
}

static __u64 hash6(__u8 from, __u8 to, __u16 src, __u16 dst, bool fragment)
{
	struct frame f;

	ethernet(&f);
	ipv6(&f, from, to, 0);
	if (fragment)
		extension(&f, PROTO_FRAGMENT, 0);
	ports(&f, PROTO_UDP, src, dst);
	return hash_of(&f);
}

/* All that makes a flow, and nothing else. */
static void test_hash(void **state)
{
	__u64 one = hash4(1, 2, PROTO_UDP, 7, 9, 0), six = hash6(1, 2, 7, 9, false);
	struct frame f;

	(void)state;
	assert_true(one != hash4(3, 2, PROTO_UDP, 7, 9, 0));
	assert_true(one != hash4(1, 3, PROTO_UDP, 7, 9, 0));
	assert_true(one != hash4(1, 2, PROTO_TCP, 7, 9, 0));
	assert_true(one != hash4(1, 2, PROTO_UDP, 8, 9, 0));
	assert_true(one != hash4(1, 2, PROTO_UDP, 7, 8, 0));
	assert_true(one != hash4(2, 1, PROTO_UDP, 9, 7, 0));
	assert_true(six != hash6(3, 2, 7, 9, false));
	assert_true(six != hash6(1, 3, 7, 9, false));
	assert_true(six != hash6(1, 2, 7, 8, false));
	assert_true(six != one);
	/* a VLAN tag, DSCP, options are of the packet, not of the flow */
	ethernet(&f);
	vlan(&f, 0x8100);
	ipv4(&f, 1, 2, 46, 3, 0);
	ports(&f, PROTO_UDP, 7, 9);
	assert_true(one == hash_of(&f));
	/* all fragments of a datagram, the first and the others: by addresses alone */
	assert_true(hash4(1, 2, PROTO_UDP, 7, 9, 0x2000) == hash4(1, 2, PROTO_UDP, 5, 5, 0x0011));
	assert_true(hash4(1, 2, PROTO_UDP, 7, 9, 0x2000) != hash4(1, 3, PROTO_UDP, 7, 9, 0x2000));
	assert_true(hash6(1, 2, 7, 9, true) == hash6(1, 2, 5, 5, true));
	/* neither IPv4 nor IPv6, or cut short: none */
	ethernet(&f);
	assert_true(hash_of(&f) == 0);
}

/* As evenly as chance: of n balls in n bins, the fullest holds about ln n / ln ln n; 65536 gives 8 or 9. */
static void test_spread(void **state)
{
	static __u8 slot[STEER_FLOWS_NR];
	static unsigned pair[4];
	unsigned most = 0, used = 0;

	(void)state;
	for (__u32 i = 0; i < STEER_FLOWS_NR; i++) {
		__u64 h = hash4((__u8)(i >> 8), 2, PROTO_TCP, (__u16)(32768 + (i & 255)), 443, 0);
		__u32 a, b;

		assert_true(steer_index(h) < STEER_FLOWS_NR);
		used += !slot[steer_index(h)]++;
		if (slot[steer_index(h)] > most)
			most = slot[steer_index(h)];
		steer_two(h, 4, &a, &b);
		pair[a]++;
		pair[b]++;
	}
	assert_in_range(used, STEER_FLOWS_NR * 60 / 100, STEER_FLOWS_NR * 66 / 100); /* 1 - 1/e */
	assert_in_range(most, 5, 12);
	for (int i = 0; i < 4; i++)
		assert_in_range(pair[i], STEER_FLOWS_NR / 2 - 2000, STEER_FLOWS_NR / 2 + 2000);
}

static void test_two(void **state)
{
	__u32 a, b;

	(void)state;
	for (__u32 nr = 1; nr <= HS_CPUS_MAX; nr = nr < 8 ? nr + 1 : nr * 2) {
		for (__u64 h = 0; h < 1ULL << 32; h += 0x10101 * 7 + 1) {
			steer_two(h, nr, &a, &b);
			if (a >= nr || b >= nr || (nr > 1 && a == b))
				fail_msg("%u of %u and %u", a, nr, b);
		}
		steer_two(~0ULL, nr, &a, &b);
		assert_true(a < nr && b < nr && (nr == 1 || a != b));
	}
}

static void test_loads(void **state)
{
	__u32 load = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		load = steer_load(load, 50, 100);
	assert_in_range(load, 499, 501);
	for (int i = 0; i < 20; i++)
		load = steer_load(load, 200, 100); /* ticks may say more than there was */
	assert_int_equal(load, 1000);
	for (int i = 0; i < 20; i++)
		load = steer_load(load, 0, 100);
	assert_in_range(load, 0, 1);
	assert_true(steer_load(0, ~0ULL, 1) == 500);

	assert_false(steer_hot(false, 799, 800));
	assert_true(steer_hot(false, 800, 800));
	assert_true(steer_hot(true, 600, 800));
	assert_false(steer_hot(true, 599, 800));
	assert_true(steer_hot(false, 0, 0));

	assert_true(steer_freer(500, 600, 800));
	assert_false(steer_freer(501, 600, 800));
	assert_true(steer_freer(0, 0, 0));
}

static void test_slot(void **state)
{
	__u64 s = steer_slot(4294937296ULL + 12345, HS_CPUS_MAX);

	(void)state;
	assert_int_equal(steer_place(s), HS_CPUS_MAX);
	assert_true(steer_seen(s) == 4294937296ULL + 12345);
	assert_int_equal(steer_place(steer_slot(1, STEER_HERE)), STEER_HERE);
}

#define HEAD "name: a\ninterfaces:\n  - { name: eth0 }\n"
#define STATED                                                                                     \
	HEAD "steer: { cpus: 1 }\n"                                                                \
	     "knobs:\n  - { name: net.steer.above_permille, value: 500permille }\n"

static void test_profile(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{HEAD "steer: { cpus: x }\n", "p:4: 'cpus: x' is not a list of CPUs; expected"},
		{HEAD "steer:\n  cpus: 1-4096\n", "p:5: 'cpus: 1-4096' is out of bounds; expected"},
		{HEAD "steer: { cpus: \"\" }\n", "p:4: 'cpus' has no plain value"},
		{HEAD "steer: {}\n", "p:4: "},
		{HEAD "steer: { cpus: 1, gap: 2 }\n", "p:4: "},
		{"name: a\nsteer: { cpus: 1 }\n", "p:2: steer without interfaces"},
	};
	static struct profile p;
	char error[256];

	(void)state;
	assert_int_equal(profile_parse(&p, "p", HEAD "steer: { cpus: \"1-3,70\" }\n",
				       strlen(HEAD "steer: { cpus: \"1-3,70\" }\n"), error,
				       sizeof(error)),
			 0);
	assert_true(p.steer_cpus[0] == 0xe && p.steer_cpus[1] == 1 << 6);
	/* who asks for it has it, if nothing else is stated */
	assert_int_equal(p.knob[HS_KNOB_STEER_ABOVE].value, 800);
	profile_free(&p);
	assert_int_equal(profile_parse(&p, "p", STATED, strlen(STATED), error, sizeof(error)), 0);
	assert_int_equal(p.knob[HS_KNOB_STEER_ABOVE].value, 500);
	profile_free(&p);
	assert_int_equal(profile_parse(&p, "p", HEAD, strlen(HEAD), error, sizeof(error)), 0);
	assert_true(p.steer_cpus[0] == 0);
	assert_false(p.knob[HS_KNOB_STEER_ABOVE].stated);
	profile_free(&p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(profile_parse(&p, "p", bad[i].text, strlen(bad[i].text), error,
					       sizeof(error)),
				 -EINVAL);
		if (strncmp(error, bad[i].why, strlen(bad[i].why)))
			fail_msg("'%s', not '%s'", error, bad[i].why);
	}
}

/* ---- the daemon's side ---- */

enum {
	QUEUES = 1001, /* descriptors that are played */
	CPUS
};

static struct {
	bool queue[8];
	struct hs_cpu_topo cpu[8];
	unsigned made, unmade, slow;
	bool books;
	int err, books_err; /* what making a queue, and keeping the books, says */
} played;

int __wrap_kernel_steer(struct kernel *k);
int __wrap_bpf_map_update_elem(int fd, const void *at, const void *value, __u64 flags);
int __wrap_bpf_map_delete_elem(int fd, const void *at);

static struct hs_gate gate;
static struct hs_knob knobs[HS_KNOB_NR];
static struct kernel kernel;
static struct policy policy;
static struct topology topo;
static struct steer steer;
static struct net net;

int __wrap_kernel_steer(struct kernel *k)
{
	if (played.books_err) {
		strcpy(k->family[FAMILY_STEER].why, "no books");
		return played.books_err;
	}
	k->family[FAMILY_STEER].state = FAMILY_ON;
	played.books = true;
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *at, const void *value, __u64 flags)
{
	__u32 cpu = *(const __u32 *)at;

	(void)flags;
	assert_true(cpu < 8);
	if (fd == CPUS) {
		played.cpu[cpu] = *(const struct hs_cpu_topo *)value;
		/* nobody is sent where there is no queue */
		assert_true(!played.cpu[cpu].steer || (played.queue[cpu] && played.books));
		return 0;
	}
	assert_int_equal(fd, QUEUES);
	assert_int_equal(((const struct bpf_cpumap_val *)value)->qsize, STEER_QUEUE_PACKETS);
	assert_false(played.queue[cpu]);
	if (played.err)
		return played.err;
	played.queue[cpu] = true;
	played.made++;
	return 0;
}

int __wrap_bpf_map_delete_elem(int fd, const void *at)
{
	__u32 cpu = *(const __u32 *)at;

	assert_int_equal(fd, QUEUES);
	assert_true(played.queue[cpu]);
	/* who is asked to go has been told before, as long as packets come */
	assert_true(!gate.armed || !played.cpu[cpu].steer);
	played.queue[cpu] = false;
	played.unmade++;
	return 0;
}

static void slow(void *ctx)
{
	(void)ctx;
	played.slow++;
}

static int setup(void **state)
{
	(void)state;
	memset(&played, 0, sizeof(played));
	memset(&kernel, 0, sizeof(kernel));
	memset(&policy, 0, sizeof(policy));
	memset(&topo, 0, sizeof(topo));
	memset(&steer, 0, sizeof(steer));
	memset(&net, 0, sizeof(net));
	net.interface[2].hook[NET_IN].ifindex = 7;
	gate = (struct hs_gate){.armed = 1};
	knobs[HS_KNOB_STEER_ABOVE].value = 500;
	steer.slow = slow;
	kernel.gate = &gate;
	kernel.knobs = knobs;
	kernel.cpus_nr = 8;
	kernel.fd.steer_queues = QUEUES;
	kernel.fd.cpus = CPUS;
	topo.possible_nr = 8;
	topo.online[0] = 0xff;
	policy.profile.steer_cpus[0] = 0x0e;
	policy.profile.knob[HS_KNOB_STEER_ABOVE].bound.stock = 1000;
	return 0;
}

static void follow(bool wanted)
{
	steer_follow(&steer, &kernel, &policy, &topo, wanted);
}

/* Queues in the order of the bits. */
static unsigned queues(void)
{
	unsigned bits = 0;

	for (int i = 0; i < 8; i++)
		bits |= (unsigned)played.queue[i] << i;
	assert_true(policy.steer_queues[0] == bits);
	return bits;
}

static unsigned targets(void)
{
	unsigned bits = 0;

	for (int i = 0; i < 8; i++)
		bits |= played.cpu[i].steer << i;
	return bits;
}

static const char *why(void)
{
	return steer_why(&steer, &kernel, &policy, &net);
}

static void test_follow(void **state)
{
	(void)state;
	follow(false);
	assert_int_equal(played.made, 0);
	follow(true);
	assert_int_equal(queues(), 0x0e);
	assert_int_equal(targets(), 0x0e);
	assert_int_equal(played.slow, 1 + 3);
	assert_int_equal(kernel.family[FAMILY_STEER].state, FAMILY_ON);
	assert_string_equal(why(), "");
	follow(true); /* nothing to do */
	assert_int_equal(played.made, 3);
	/* disarmed: at once */
	gate.armed = 0;
	follow(false);
	assert_int_equal(queues(), 0);
	assert_int_equal(played.unmade, 3);
	assert_int_equal(targets(), 0);
	assert_int_equal(kernel.family[FAMILY_STEER].state, FAMILY_OFF);
	/* armed with a profile that does not ask for it any more */
	gate.armed = 1;
	follow(true);
	assert_int_equal(queues(), 0x0e);
	policy.profile.steer_cpus[0] = 0;
	follow(true);
	assert_int_equal(queues(), 0x0e);
	assert_int_equal(targets(), 0);
	follow(true);
	assert_int_equal(queues(), 0);
	assert_int_equal(kernel.family[FAMILY_STEER].state, FAMILY_OFF);
}

/* Only who is online and free; who is not any more is told first and loses its queue at the next look. */
static void test_leaves(void **state)
{
	(void)state;
	topo.isolated[0] = 1 << 1;
	topo.nohz_full[0] = 1 << 2;
	policy.profile.steer_cpus[0] = 0xfe;
	topo.online[0] = 0x7f;
	follow(true);
	assert_int_equal(queues(), 0x78);
	topo.online[0] = 0x3f; /* CPU 6 goes */
	follow(true);
	assert_int_equal(queues(), 0x78);
	assert_int_equal(targets(), 0x38);
	follow(true);
	assert_int_equal(queues(), 0x38);
	topo.online[0] = 0xff; /* … and is back: a new queue */
	follow(true);
	assert_int_equal(queues(), 0xf8);
	assert_int_equal(targets(), 0xf8);
	/* it changes its mind in between: the queue stays */
	policy.profile.steer_cpus[0] = 0x7e;
	follow(true);
	assert_int_equal(targets(), 0x78);
	policy.profile.steer_cpus[0] = 0xfe;
	follow(true);
	assert_int_equal(queues(), 0xf8);
	assert_int_equal(targets(), 0xf8);
	follow(true);
	assert_int_equal(queues(), 0xf8);
	/* kept for a workload */
	policy.profile.workload = calloc(1, sizeof(struct profile_workload));
	policy.profile.workload_nr = 1;
	policy.profile.workload[0].workload.isolation = 1;
	policy.profile.workload[0].workload.cpus[0] = 1 << 4;
	follow(true);
	assert_int_equal(targets(), 0xe8);
	follow(true);
	assert_int_equal(queues(), 0xe8);
	free(policy.profile.workload);
}

static void test_cannot(void **state)
{
	(void)state;
	played.books_err = -EPERM; /* nobody hands over what cannot be accounted for */
	follow(true);
	assert_int_equal(queues(), 0);
	assert_string_equal(why(), "no books");
	played.books_err = 0;
	played.err = -ENOMEM;
	follow(true);
	assert_int_equal(queues(), 0);
	assert_int_equal(targets(), 0);
	assert_string_equal(why(), "the queue to CPU 3: Cannot allocate memory");
	played.err = 0;
	follow(true);
	assert_int_equal(queues(), 0x0e);
	assert_string_equal(why(), "");
	net.interface[2].steer_why = "no";
	assert_string_equal(why(), "no interface that the profile names can");
	net.interface[2].steer_why = NULL;
	topo.online[0] = 1;
	follow(true);
	follow(true);
	assert_string_equal(why(), "no CPU that the profile names is free for it");
	knobs[HS_KNOB_STEER_ABOVE].value = 1000;
	assert_string_equal(why(), "net.steer.above_permille says never");
	gate.armed = 0;
	assert_string_equal(why(), "not armed");
	gate.armed = 1;
	kernel.family[FAMILY_STEER].state = FAMILY_UNAVAILABLE;
	strcpy(kernel.family[FAMILY_STEER].why, "no such thing");
	assert_string_equal(why(), "no such thing");
	played.unmade = 0;
	gate.armed = 0;
	follow(false); /* nothing was ever made in such a kernel, and nothing is touched */
	assert_int_equal(played.unmade, 0);
	policy.profile.steer_cpus[0] = 0;
	assert_string_equal(why(), "the profile has no section `steer`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_profile),
		cmocka_unit_test_setup(test_follow, setup),
		cmocka_unit_test_setup(test_leaves, setup),
		cmocka_unit_test_setup(test_cannot, setup),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
