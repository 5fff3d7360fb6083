// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* connections_follow(): when new connections are looked after, and what becomes of live ones, with a kernel that is played. */
#include "fixture.h"

#include <errno.h>
#include <netinet/in.h>

#include "connections.h"
#include "families.h"

static struct {
	bool attached;
	int err;	/* what attaching says … */
	int list_err;	/* … and the list of connections */
	unsigned tries; /* to attach */
	unsigned restores;
	__u32 left; /* connections that have something of ours still */
	char cgroup[64];
} played;

int __wrap_kernel_attach_tcp(struct kernel *k, const char *cgroup);
void __wrap_kernel_detach_tcp(struct kernel *k);
int __wrap_kernel_connections(struct kernel *k, bool restore,
			      int (*fn)(void *ctx, const struct hs_connection *connection),
			      void *ctx);

int __wrap_kernel_attach_tcp(struct kernel *k, const char *cgroup)
{
	(void)k;
	assert_false(played.attached);
	played.tries++;
	snprintf(played.cgroup, sizeof(played.cgroup), "%s", cgroup);
	played.attached = !played.err;
	return played.err;
}

void __wrap_kernel_detach_tcp(struct kernel *k)
{
	(void)k;
	assert_true(played.attached);
	played.attached = false;
}

int __wrap_kernel_connections(struct kernel *k, bool restore,
			      int (*fn)(void *ctx, const struct hs_connection *connection),
			      void *ctx)
{
	static const struct hs_connection one;

	(void)k;
	assert_true(restore);
	assert_false(played.attached); /* nothing new is made, by then */
	played.restores++;
	for (__u32 i = 0; i < played.left && !played.list_err; i++)
		fn(ctx, &one);
	return played.list_err;
}

static struct connections c;
static struct kernel kernel;
static struct profile profile;
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_wish wishes[HS_KNOB_NR];

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	kernel = (struct kernel){.knobs = knobs, .wishes = wishes};
	memset(knobs, 0, sizeof(knobs));
	memset(wishes, 0, sizeof(wishes));
	memset(&played, 0, sizeof(played));
	memset(&profile, 0, sizeof(profile));
	profile.flow_nr = 1;
	profile.flow[0] = (struct profile_flow){
		.class = HS_FLOW_NORMAL, .protocol = -1, .dscp = -1, .tcp = 1};
	return 0;
}

static void follow(const struct profile *p, bool retry)
{
	connections_follow(&c, &kernel, p, "/root", retry);
}

static bool wanted(void)
{
	return connections_wanted(&kernel, &profile);
}

static void test_wanted(void **state)
{
	(void)state;
	assert_false(connections_wanted(&kernel, NULL));
	assert_true(wanted());
	profile.flow[0].protocol = IPPROTO_TCP;
	assert_true(wanted());
	profile.flow[0].tcp = 0;
	assert_false(wanted());
	profile.flow_nr = 0;
	assert_false(wanted());
}

/* Critical connections are looked after where there is, or may be, something to set on them. */
static void test_wanted_by_a_knob(void **state)
{
	(void)state;
	profile.flow[0] = (struct profile_flow){
		.class = HS_FLOW_CRITICAL, .protocol = IPPROTO_TCP, .dscp = -1};
	assert_false(wanted());
	knobs[HS_KNOB_TCP_LOSS].value = wishes[HS_KNOB_BULK_LIMIT].value = 1; /* not these */
	assert_false(wanted());
	wishes[HS_KNOB_SOCKOPS_WINDOW].value = 10; /* the profile, or a person */
	assert_true(wanted());
	profile.flow[0].protocol = -1;
	assert_true(wanted());
	profile.flow[0].protocol = IPPROTO_UDP;
	assert_false(wanted());
	profile.flow[0].protocol = -1;
	profile.flow[0].class = HS_FLOW_NORMAL;
	assert_false(wanted());
	profile.flow[0].class = HS_FLOW_CRITICAL;
	wishes[HS_KNOB_SOCKOPS_WINDOW].value = 0;
	assert_false(wanted());
	knobs[HS_KNOB_SOCKOPS_UNSENT].value = 1; /* a plug-in */
	assert_true(wanted());
	knobs[HS_KNOB_SOCKOPS_UNSENT].value = 0;
	profile.config.rules_nr = 1;
	profile.rule[0].knob = HS_KNOB_SOCKOPS_DELACK; /* at any moment */
	assert_true(wanted());
	profile.rule[0].knob = HS_KNOB_TCP_QUEUE;
	assert_false(wanted());
}

/* A wish comes, and is taken back. */
static void test_follows_a_knob(void **state)
{
	(void)state;
	profile.flow[0] =
		(struct profile_flow){.class = HS_FLOW_CRITICAL, .protocol = -1, .dscp = -1};
	follow(&profile, false);
	assert_int_equal(played.tries, 0);
	wishes[HS_KNOB_SOCKOPS_RTO_MIN].value = 20000;
	follow(&profile, false);
	assert_true(c.attached);
	wishes[HS_KNOB_SOCKOPS_RTO_MIN].value = 0;
	follow(&profile, false);
	assert_false(c.attached);
	assert_int_equal(played.restores, 1);
}

static void test_comes_and_goes(void **state)
{
	(void)state;
	follow(NULL, false);
	assert_int_equal(played.tries + played.restores, 0);
	follow(&profile, false);
	follow(&profile, true);
	assert_int_equal(played.tries, 1);
	assert_string_equal(played.cgroup, "/root/sys/fs/cgroup");
	follow(NULL, false);
	assert_int_equal(played.restores, 1);
	follow(NULL, false);
	assert_int_equal(played.restores, 1); /* nothing was left */
	follow(&profile, false);
	assert_int_equal(played.tries, 2);
}

/* Who does not leave at once is looked after until he has, or until we are back. */
static void test_some_stay(void **state)
{
	(void)state;
	follow(&profile, false);
	played.left = 2;
	follow(NULL, false);
	assert_int_equal(c.left, 2);
	follow(NULL, false);
	assert_int_equal(played.restores, 2);
	played.left = 0;
	follow(NULL, false);
	follow(NULL, false);
	assert_int_equal(played.restores, 3);
	assert_int_equal(c.left, 0);
}

static void test_refused(void **state)
{
	(void)state;
	played.err = -EPERM;
	snprintf(kernel.family[FAMILY_SOCKOPS].why, sizeof(kernel.family[FAMILY_SOCKOPS].why),
		 "attaching: not allowed");
	follow(&profile, false);
	assert_string_equal(c.why, "attaching: not allowed");
	follow(&profile, false);
	assert_int_equal(played.tries, 1);
	follow(&profile, true);
	assert_int_equal(played.tries, 2);
	follow(NULL, false);
	assert_string_equal(c.why, "");
	assert_int_equal(played.restores, 0);
	played.err = 0;
	follow(&profile, false);
	assert_true(c.attached);
}

/* Without the iterator they leave by themselves. */
static void test_no_list(void **state)
{
	(void)state;
	follow(&profile, false);
	played.list_err = -EOPNOTSUPP;
	follow(NULL, false);
	follow(NULL, false);
	assert_int_equal(played.restores, 1);
}

/* What failed for now is tried again. And whatever takes its time is told before. */
static unsigned slow_told;
static void slow(void *ctx)
{
	(void)ctx;
	slow_told++;
}

static void test_list_fails(void **state)
{
	(void)state;
	c.slow = slow;
	slow_told = 0;
	follow(&profile, false);
	assert_int_equal(slow_told, 1);
	played.list_err = -EINTR;
	follow(NULL, false);
	assert_int_equal(played.restores, 1);
	assert_int_equal(slow_told, 3); /* detaching, and the list */
	played.list_err = 0;
	follow(NULL, false);
	follow(NULL, false);
	assert_int_equal(played.restores, 2);
}

static void test_families(void **state)
{
	(void)state;
	assert_int_equal(family_of_section("struct_ops/tcp_acked"), FAMILY_TCP);
	assert_int_equal(family_of_section("struct_ops/loss_main"), FAMILY_TCP_LOSS);
	assert_int_equal(family_of_section("struct_ops/enqueue"), FAMILY_SCHED);
	assert_int_equal(family_of_section("iter/tcp"), FAMILY_SOCKETS);
	assert_int_equal(family_of_section("iter/task"), FAMILY_TASKS);
	assert_int_equal(family_of_section("sockops"), FAMILY_SOCKOPS);
	assert_int_equal(family_of_section("nothing"), FAMILY_NR);
	assert_int_equal(family_of_ops("homeostat_ops"), FAMILY_SCHED);
	assert_int_equal(family_of_ops("tcp_ops"), FAMILY_TCP);
	assert_int_equal(family_of_ops("loss_ops"), FAMILY_TCP_LOSS);
	assert_int_equal(family_of_ops("ops"), FAMILY_NR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wanted, setup),
		cmocka_unit_test_setup(test_wanted_by_a_knob, setup),
		cmocka_unit_test_setup(test_follows_a_knob, setup),
		cmocka_unit_test_setup(test_comes_and_goes, setup),
		cmocka_unit_test_setup(test_some_stay, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_no_list, setup),
		cmocka_unit_test_setup(test_list_fails, setup),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
