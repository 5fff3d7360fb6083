// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* net_follow(): to which interfaces our program is attached, with a kernel that is played and a tree of /sys. */
#include "fixture.h"

#include <errno.h>

#include "net.h"

static struct {
	__u32 at[KERNEL_INTERFACES_MAX]; /* ifindex that a slot is attached to */
	int err;			 /* what attaching says */
	bool generic;
	unsigned attached, detached; /* how often */
} played;

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, bool *generic);
void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot);

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, bool *generic)
{
	(void)k;
	assert_int_equal(played.at[slot], 0);
	if (played.err)
		return played.err;
	played.at[slot] = ifindex;
	played.attached++;
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
	assert_non_null(strstr(net_interface(&net, "a")->why, "no such interface"));
	there_is("a", "3\n");
	follow();
	assert_true(on(3));
	assert_string_equal(net_interface(&net, "a")->why, "");
	there_is("a", "9\n");
	follow();
	assert_true(!on(3) && on(9));
	there_is("a", "rubbish\n");
	follow();
	assert_true(!on(9));
	assert_int_equal(net_interface(&net, "a")->ifindex, 0);
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
	there_is("a", "3\n");
	ask_for("a");
	played.err = -EBUSY;
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->why, "another XDP program"));
	assert_int_equal(slow, 1);
	played.err = 0;
	follow();
	assert_int_equal(slow, 1);
	assert_int_equal(played.attached, 0);
	played.err = -EOPNOTSUPP;
	retry = true;
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->why, "neither its driver"));
	played.err = 0;
	follow();
	retry = false;
	assert_true(on(3));
	assert_string_equal(net_interface(&net, "a")->why, "");
	assert_int_equal(slow, 3);
	/* refused, and then there is another one */
	played.err = -EEXIST;
	there_is("a", "4\n");
	follow();
	assert_non_null(strstr(net_interface(&net, "a")->why, "another XDP program"));
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
	assert_string_equal(net_interface(&net, "a")->why, "the kernel has no XDP");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* An interface that is there, and has no device; one that is not there may get one. */
static void test_device(void **state)
{
	(void)state;
	assert_null(net_without_device(&profile, root));
	strcpy(profile.interface[0].name, "eth7");
	profile.interface_nr = 1;
	assert_null(net_without_device(&profile, root));
	tree_put(root, "/sys/class/net/eth7/ifindex", "7\n");
	assert_string_equal(net_without_device(&profile, root), "eth7");
	tree_put(root, "/sys/class/net/eth7/device", NULL);
	assert_null(net_without_device(&profile, root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device, setup, teardown),
		TEST(test_follows),
		TEST(test_comes_and_goes),
		TEST(test_refused),
		TEST(test_unavailable),
		TEST(test_all_slots),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
