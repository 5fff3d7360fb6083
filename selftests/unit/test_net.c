// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* net_follow(): to which interfaces our program is attached, with a kernel that is played and a tree of /sys. */
#include "fixture.h"

#include <errno.h>

#include "net.h"
#include "nic.h"

static struct {
	__u32 at[KERNEL_INTERFACES_MAX]; /* ifindex that a slot is attached to */
	int err;			 /* what attaching says */
	bool generic, steers;
	unsigned attached, detached;	  /* how often */
	__u32 out[KERNEL_INTERFACES_MAX]; /* the same of what goes out … */
	int out_err;
	const char *qdisc; /* … the queueing discipline, NULL = none can be found … */
	__u32 paced;	   /* … and the interface whose bulk has a clock, 0 = none */
	unsigned pacers;   /* how often that was said */
} played;

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic);
void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot);

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic)
{
	(void)k;
	assert_int_equal(played.at[slot], 0);
	if (played.err)
		return played.err;
	played.at[slot] = ifindex;
	played.attached++;
	if (!*unfit && played.generic)
		*unfit = "its driver, as played";
	played.steers = !*unfit;
	*generic = played.generic;
	return 0;
}

void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot)
{
	(void)k;
	assert_int_not_equal(played.at[slot], 0);
	played.at[slot] = 0;
	played.detached++;
}

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex);
void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot);
int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16]);
int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced);

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex)
{
	(void)k;
	assert_int_equal(played.out[slot], 0);
	if (!played.out_err)
		played.out[slot] = ifindex;
	return played.out_err;
}

void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot)
{
	(void)k;
	assert_int_not_equal(played.out[slot], 0);
	played.out[slot] = 0;
}

int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16])
{
	(void)k, (void)ifindex;
	if (!played.qdisc)
		return -ENODEV;
	strcpy(name, played.qdisc);
	return 0;
}

int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced)
{
	(void)k;
	played.pacers++;
	played.paced = paced ? ifindex : 0;
	return 0;
}

static char root[64];
static struct kernel kernel;
static struct profile profile;
static struct net net;
static bool retry;

static int setup(void **state)
{
	(void)state;
	retry = false;
	memset(&played, 0, sizeof(played));
	memset(&kernel, 0, sizeof(kernel));
	memset(&net, 0, sizeof(net));
	memset(&profile, 0, sizeof(profile));
	tree_make(root);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

static void there_is(const char *name, const char *ifindex)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name);
	tree_put(root, path, ifindex);
}

static void ask_for(const char *name)
{
	strcpy(profile.interface[profile.interface_nr++].name, name);
}

static void follow(void)
{
	net_follow(&net, &kernel, &profile, root, retry);
}

/* Is our program on the interface with that index, once? */
static bool on(__u32 ifindex)
{
	unsigned n = 0;

	for (int i = 0; i < KERNEL_INTERFACES_MAX; i++)
		n += played.at[i] == ifindex;
	assert_in_range(n, 0, 1);
	return n;
}

static void test_follows(void **state)
{
	(void)state;
	there_is("a", "3\n");
	there_is("b", "4\n");
	there_is("c", "5\n");
	ask_for("a");
	ask_for("b");
	follow();
	assert_true(on(3) && on(4) && !on(5));
	follow(); /* nothing to be done */
	assert_int_equal(played.attached, 2);
	assert_false(net_interface(&net, "a")->generic);
	strcpy(profile.interface[0].name, "c");
	played.generic = true;
	follow();
	assert_true(!on(3) && on(4) && on(5));
	assert_int_equal(played.detached, 1);
	assert_true(net_interface(&net, "c")->generic);
	assert_null(net_interface(&net, "a"));
	net_follow(&net, &kernel, NULL, root, false);
	assert_true(!on(4) && !on(5));
	assert_null(net_interface(&net, "b"));
}

/* What is not there is waited for; what is another one now is taken anew. */
static void test_comes_and_goes(void **state)
{
	(void)state;
	ask_for("a");
	follow();
	assert_int_equal(played.attached, 0);
	assert_non_null(strstr(net_interface(&net, "a")->hook[NET_IN].why, "no such interface"));
	there_is("a", "3\n");
	follow();
	assert_true(on(3));
	assert_string_equal(net_interface(&net, "a")->hook[NET_IN].why, "");
	there_is("a", "9\n");
	follow();
	assert_true(!on(3) && on(9));
	there_is("a", "rubbish\n");
	follow();
	assert_true(!on(9));
	assert_int_equal(net_interface(&net, "a")->hook[NET_IN].ifindex, 0);
}

static void told(void *ctx)
{
	++*(unsigned *)ctx;
}

/* Who was refused is not asked again each second; who waits for a driver is told. */
static void test_refused(void **state)
{
	unsigned slow = 0;

	(void)state;
	net.slow = told;
	net.ctx = &slow;
	kernel.family[FAMILY_TC].state = FAMILY_UNAVAILABLE; /* one end is enough here */
	there_is("a", "3\n");
	ask_for("a");
	played.err = -EBUSY;
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->hook[NET_IN].why, "another XDP program"));
	assert_int_equal(slow, 1);
	played.err = 0;
	follow();
	assert_int_equal(slow, 1);
	assert_int_equal(played.attached, 0);
	played.err = -EOPNOTSUPP;
	retry = true;
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->hook[NET_IN].why, "neither its driver"));
	played.err = 0;
	follow();
	retry = false;
	assert_true(on(3));
	assert_string_equal(net_interface(&net, "a")->hook[NET_IN].why, "");
	assert_int_equal(slow, 3);
	/* refused, and then there is another one */
	played.err = -EEXIST;
	there_is("a", "4\n");
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->hook[NET_IN].why, "another XDP program"));
	played.err = 0;
	there_is("a", "5\n");
	follow();
	assert_true(on(5));
	assert_int_equal(slow, 3 + 2 + 1);
}

static void test_unavailable(void **state)
{
	(void)state;
	there_is("a", "3\n");
	ask_for("a");
	kernel.family[FAMILY_XDP].state = FAMILY_UNAVAILABLE;
	strcpy(kernel.family[FAMILY_XDP].why, "the kernel has no XDP");
	follow();
	assert_int_equal(played.attached, 0);
	assert_string_equal(net_interface(&net, "a")->hook[NET_IN].why, "the kernel has no XDP");
}

/* As many as a profile may name, and then as many others. */
static void test_all_slots(void **state)
{
	char name[16], index[16];

	(void)state;
	for (int round = 0; round < 2; round++) {
		profile.interface_nr = 0;
		for (unsigned i = 0; i < PROFILE_INTERFACES_MAX; i++) {
			snprintf(name, sizeof(name), "%c%u", 'a' + round, i);
			snprintf(index, sizeof(index), "%u\n", 100 * (unsigned)(round + 1) + i);
			there_is(name, index);
			ask_for(name);
		}
		follow();
		for (__u32 i = 0; i < PROFILE_INTERFACES_MAX; i++)
			assert_true(on(100 * (unsigned)(round + 1) + i));
	}
	assert_int_equal(played.attached, 2 * PROFILE_INTERFACES_MAX);
	assert_int_equal(played.detached, PROFILE_INTERFACES_MAX);
}

/* Both ends of an interface, each by itself. */
static void test_ends(void **state)
{
	const struct net_interface *i;

	(void)state;
	there_is("a", "3\n");
	ask_for("a");
	played.out_err = -EPERM;
	follow();
	i = net_interface(&net, "a");
	assert_true(on(3));
	assert_int_equal(i->hook[NET_OUT].ifindex, 0);
	assert_string_equal(i->hook[NET_OUT].why, "Operation not permitted");
	assert_string_equal(i->hook[NET_IN].why, "");
	played.out_err = 0;
	follow(); /* not asked again */
	assert_int_equal(i->hook[NET_OUT].ifindex, 0);
	retry = true;
	played.err = -EBUSY;
	follow();
	assert_int_equal(i->hook[NET_OUT].ifindex, 3);
	assert_int_equal(played.attached, 1); /* who is attached stays so */
	there_is("a", "4\n");
	follow();
	assert_int_equal(i->hook[NET_OUT].ifindex, 4);
	assert_int_equal(i->hook[NET_IN].ifindex, 0);
	kernel.family[FAMILY_TC].state = FAMILY_UNAVAILABLE;
	strcpy(kernel.family[FAMILY_TC].why, "the kernel has no tcx");
	there_is("a", "5\n");
	follow();
	assert_string_equal(i->hook[NET_OUT].why, "the kernel has no tcx");
}

/* Bulk has a clock where fq is, for as long as it is. */
static void test_qdisc(void **state)
{
	const struct net_interface *i;

	(void)state;
	there_is("a", "3\n");
	ask_for("a");
	profile.flow_nr = 1;
	profile.flow[0].class = HS_FLOW_BULK;
	follow(); /* there is none to be found yet */
	i = net_interface(&net, "a");
	assert_true(!i->paced && !i->qdisc[0] && !played.pacers);
	played.qdisc = "fq_codel";
	follow();
	assert_true(!i->paced && !played.paced);
	assert_string_equal(i->qdisc, "fq_codel");
	played.qdisc = "fq";
	follow();
	follow();
	assert_true(i->paced);
	assert_int_equal(played.paced, 3);
	assert_int_equal(played.pacers, 2);
	played.qdisc = "noqueue";
	follow();
	assert_true(!i->paced && !played.paced);
	played.qdisc = "fq";
	there_is("a", "4\n"); /* another one */
	follow();
	assert_int_equal(played.paced, 4);
	net_follow(&net, &kernel, NULL, root, false);
	assert_int_equal(played.paced, 0);
	assert_int_equal(played.out[0], 0);
}

/* Packets are handed to other CPUs only where a network card brought them, and by its own driver. */
static void test_steers(void **state)
{
	const struct net_interface *i;

	(void)state;
	assert_non_null(nic_unfit(root, "a"));
	there_is("a", "3\n");
	assert_non_null(strstr(nic_unfit(root, "a"), "no network card"));
	ask_for("a");
	follow();
	i = net_interface(&net, "a");
	assert_true(on(3));
	assert_false(played.steers);
	assert_ptr_equal(i->steer_why, nic_unfit(root, "a"));
	assert_false(net_steers(&net));
	assert_false(i->steer_said); /* nobody asked */
	profile.steer_cpus[0] = 2;
	follow();
	assert_true(i->steer_said);

	/* another one of that name, with a device */
	there_is("a", "4\n");
	tree_put(root, "/sys/class/net/a/device/vendor", "0x1af4\n");
	follow();
	assert_true(on(4) && played.steers && net_steers(&net));
	assert_null(i->steer_why);
	assert_false(i->steer_said);
	/* its driver has no XDP */
	there_is("a", "5\n");
	played.generic = true;
	follow();
	assert_non_null(strstr(i->steer_why, "driver"));
	assert_false(net_steers(&net));
	played.generic = false;
	kernel.family[FAMILY_STEER].state = FAMILY_UNAVAILABLE;
	there_is("a", "6\n");
	follow();
	assert_true(on(6) && !played.steers);
	assert_false(net_steers(&net));
}

/* Xen's driver, and a bond, which is as good as its cards are. */
static void test_nics(void **state)
{
	char path[128];

	(void)state;
	there_is("bond", "3\n");
	tree_put(root, "/sys/class/net/bond/bonding/slaves", "a b\n");
	tree_put(root, "/sys/class/net/a/device/vendor", "0x1af4\n");
	there_is("b", "5\n");
	assert_non_null(nic_unfit(root, "bond"));
	tree_put(root, "/sys/class/net/b/device/vendor", "0x1af4\n");
	assert_null(nic_unfit(root, "bond"));
	snprintf(path, sizeof(path), "%s/sys/class/net/b/device/driver", root);
	assert_int_equal(symlink("../../bus/xen/drivers/vif", path), 0);
	assert_non_null(strstr(nic_unfit(root, "b"), "Xen"));
	assert_non_null(nic_unfit(root, "bond"));
	assert_null(nic_unfit(root, "a"));
	tree_put(root, "/sys/class/net/bond/bonding/slaves", "");
	assert_non_null(nic_unfit(root, "bond")); /* none yet */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follows),	TEST(test_comes_and_goes), TEST(test_refused),
		TEST(test_unavailable), TEST(test_all_slots),	   TEST(test_ends),
		TEST(test_qdisc),	TEST(test_steers),	   TEST(test_nics),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
