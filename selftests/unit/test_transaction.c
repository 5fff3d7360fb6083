// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The course of a change: made, watched, kept or put back. */
#include "tx_fixture.h"

static void helps_and_stays(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_LISTEN_FULL, 100);
	seconds(20);
	id = propose(ONE("net.core.somaxconn", "8192"));
	assert_int_equal(id, 1);
	is(id, TX_WAITING);
	holds(SOMAXCONN, "4096");
	seconds(1);
	is(id, TX_WATCHED);
	holds(SOMAXCONN, "8192");
	assert_int_equal(live(), 1);
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(13);
	is(id, TX_COMMITTED);
	why_has(id, "net.listen_full_hz went from 100 /s to 0 /s");
	assert_int_equal(live(), 0);
	assert_int_equal(replay(), 0);
	holds(SOMAXCONN, "8192");
	assert_string_equal(history, "1:waiting 1:watched 1:committed ");
	/* and down again, as there is no need any more: neither harm nor good is enough for that */
	id = propose(ONE("net.core.somaxconn", "4096"));
	seconds(14);
	is(id, TX_COMMITTED);
	holds(SOMAXCONN, "4096");
	/* it is where it was: nothing is left to put back */
	for (int i = 0; i < UNDO_ENTRIES; i++)
		assert_int_equal(undo.table->entry[i].state, UNDO_FREE);
}

static void of_no_use_goes_back(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_LISTEN_FULL, 100);
	seconds(20);
	id = propose(ONE("net.core.somaxconn", "8192"));
	seconds(14);
	is(id, TX_ROLLED_BACK);
	why_has(id, "has not helped: net.listen_full_hz went from 100 /s to 100 /s");
	holds(SOMAXCONN, "4096");
	assert_int_equal(live(), 0);
	/* a person wants it all the same */
	id = propose_as("person", 0, NULL, ONE("net.core.somaxconn", "8192"));
	seconds(14);
	is(id, TX_COMMITTED);
	/* whoever says so of himself is believed if he is root */
	id = propose_as("person", 1000, NULL, ONE("net.core.somaxconn", "9000"));
	seconds(14);
	is(id, TX_ROLLED_BACK);
}

static void harm_goes_back_at_once(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_PSI_MEMORY, 10);
	seconds(20);
	id = propose(ONE("vm.swappiness", "0"));
	seconds(2);
	is(id, TX_WATCHED);
	vital(HS_VITAL_PSI_MEMORY, 500);
	seconds(2);
	is(id, TX_WATCHED);
	vital(HS_VITAL_PSI_MEMORY, 10); /* not three in a row */
	seconds(1);
	vital(HS_VITAL_PSI_MEMORY, 500);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "psi.memory.some_permille went from 1 % to 50 %");
	holds(SWAPPINESS, "60");
}

/* Memory that is too small shows by what is read again, however fast the disk is: also where there was none of it before. */
static void read_again(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_MEM_REFAULTS, 0);
	seconds(20);
	id = propose(ONE("vm.swappiness", "0"));
	seconds(2);
	vital(HS_VITAL_MEM_REFAULTS, 999); /* a program that starts */
	seconds(5);
	is(id, TX_WATCHED);
	vital(HS_VITAL_MEM_REFAULTS, 1000);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "mem.refaults_hz went from 0 /s to 1000 /s");
	holds(SWAPPINESS, "60");
}

/* What is counted since the start is worse by one more, however many there were. */
static void counts_count(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_MEM_OOM_KILLS, 7);
	seconds(20);
	id = propose(ONE("vm.swappiness", "0"));
	seconds(5);
	is(id, TX_WATCHED);
	vital(HS_VITAL_MEM_OOM_KILLS, 8);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "mem.oom_kills went from 7 to 8");
}

static void its_own_conditions(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_SWITCHES, 100);
	seconds(12);
	id = propose("[{\"parameter\":\"vm.swappiness\",\"value\":\"0\",\"reason\":\"r\","
		     "\"rollback_if\":[\"sched.switches_hz > 200\",\"sched.switches_hz < 50\"]}]");
	seconds(5);
	is(id, TX_WATCHED);
	vital(HS_VITAL_SWITCHES, 20);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "rollback_if: sched.switches_hz is 20, below 50");
	id = propose("[{\"parameter\":\"vm.swappiness\",\"value\":\"0\",\"reason\":\"r\","
		     "\"rollback_if\":[\"sched.switches_hz > 200\"]}]");
	vital(HS_VITAL_SWITCHES, 201);
	seconds(4);
	why_has(id, "rollback_if: sched.switches_hz is 201, above 200");
}

static void service_levels(void **state)
{
	int id;

	(void)state;
	seconds(12);
	world.missed = 1; /* before, too: not its doing */
	id = propose(ONE("vm.swappiness", "0"));
	seconds(5);
	is(id, TX_WATCHED);
	world.missed = 3;
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "service level 2 is missed");
}

static void several_move_as_one(void **state)
{
	char path[256];
	int id;

	(void)state;
	seconds(12);
	strcpy(profile.changes.allow, "*");
	id = propose("[{\"parameter\":\"net.core.somaxconn\",\"value\":\"8192\",\"reason\":\"r\"},"
		     "{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\"},"
		     "{\"parameter\":\"thp\",\"value\":\"never\",\"reason\":\"r\",\"risk\":2}]");
	is(id, TX_PENDING);
	why_has(id, "risk 4, and the profile allows 3");
	profile.changes.risk = 10;
	assert_int_equal(tx_approve(&table, &world, (__u32)id), 0);
	/* the last of the three is gone when its time has come */
	snprintf(path, sizeof(path), "%s" THP, root);
	assert_int_equal(unlink(path), 0);
	seconds(1);
	is(id, TX_FAILED);
	why_has(id, THP ": No such file or directory");
	assert_int_equal(live(), 0);
	holds(SOMAXCONN, "4096");
	holds(SWAPPINESS, "60");
}

static void a_canary_first(void **state)
{
	int id;

	(void)state;
	seconds(12);
	id = propose(ONE("rps[eth0,*]", "f"));
	seconds(1);
	is(id, TX_CANARY);
	holds(RPS("0"), "f");
	holds(RPS("1"), "0");
	seconds(5);
	is(id, TX_WATCHED);
	holds(RPS("1"), "f");
	holds(RPS("2"), "f");
	seconds(5);
	is(id, TX_CONFIRM);
	assert_int_equal(live(), 3);
	assert_int_equal(tx_confirm(&table, &world, (__u32)id), 0);
	is(id, TX_COMMITTED);
	assert_int_equal(live(), 0);
	assert_string_equal(history, "1:waiting 1:canary 1:watched 1:confirm 1:committed ");
	vital(HS_VITAL_BACKLOG_DROPS, 0);
	seconds(12);
	/* the canary's harm spares the others; the canary is of what has several files, wherever it stands */
	id = propose("[{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\"},"
		     "{\"parameter\":\"rps[eth0,*]\",\"value\":\"0000000c\",\"reason\":\"r\"}]");
	seconds(2);
	is(id, TX_CANARY);
	holds(RPS("0"), "0000000c");
	holds(SWAPPINESS, "60");
	vital(HS_VITAL_BACKLOG_DROPS, 1000);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	holds(RPS("0"), "f");
	assert_string_equal(strstr(history, "2:"), "2:waiting 2:canary 2:rolled_back ");
	/* what is so already, however it is written, is left out */
	assert_int_equal(propose(ONE("rps[eth0,1]", "00000000,0000000f")), -EALREADY);
}

/*
 * What was there before our first change: at once in all files, and it need not help. By the table, whoever asks; a value that was never
 * there has to.
 */
static void back_to_what_was(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_LISTEN_FULL, 1000);
	seconds(12);
	id = propose("[{\"parameter\":\"rps[eth0,*]\",\"value\":\"f\",\"reason\":\"r\"}]");
	seconds(12);
	assert_int_equal(tx_confirm(&table, &world, (__u32)id), 0);
	id = propose(
		"[{\"parameter\":\"rps\",\"values\":{\"eth0,0\":\"00000000\",\"eth0,1\":\"0\"},"
		"\"reason\":\"r\"}]");
	seconds(1);
	is(id, TX_WATCHED);
	holds(RPS("0"), "00000000");
	holds(RPS("1"), "0");
	holds(RPS("2"), "f");
	seconds(6);
	assert_int_equal(tx_confirm(&table, &world, (__u32)id), 0);
	/* a vital sign to be moved, which is not */
	id = propose(ONE("net.core.somaxconn", "8192"));
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 100);
	seconds(14);
	is(id, TX_COMMITTED);
	id = propose(ONE("net.core.somaxconn", "5000"));
	seconds(14);
	is(id, TX_ROLLED_BACK);
	id = propose(ONE("net.core.somaxconn", "4096"));
	seconds(14);
	is(id, TX_COMMITTED);
	holds(SOMAXCONN, "4096");
	/* now nothing of ours is there: it is a change like any other */
	id = propose(ONE("net.core.somaxconn", "8192"));
	seconds(14);
	is(id, TX_ROLLED_BACK);
	/* and back is not good whatever it does */
	id = propose(ONE("net.core.somaxconn", "8192"));
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 10);
	seconds(14);
	is(id, TX_COMMITTED);
	id = propose(ONE("net.core.somaxconn", "4096"));
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 1000);
	seconds(14);
	is(id, TX_ROLLED_BACK);
	holds(SOMAXCONN, "8192");
}

/* What the canary waited for is over: the others wait. */
static void the_second_step_asks_again(void **state)
{
	int id;

	(void)state;
	seconds(12);
	window = true;
	strcpy(profile.changes.allow, "*");
	profile.changes.risk = 10;
	id = propose("[{\"parameter\":\"rps[eth0,*]\",\"value\":\"f\",\"reason\":\"r\",\"timing\":"
		     "\"idle\"}]");
	seconds(2);
	is(id, TX_CANARY);
	window = false;
	seconds(20);
	is(id, TX_CANARY);
	holds(RPS("1"), "0");
	window = true;
	seconds(1);
	is(id, TX_WATCHED);
	holds(RPS("1"), "f");
}

/* Stock is looked at meanwhile: what is seen then is not its doing, and the watch begins anew. */
static void a_look_at_stock(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_PSI_MEMORY, 10);
	seconds(12);
	id = propose(ONE("vm.swappiness", "0"));
	seconds(12);
	is(id, TX_WATCHED);
	world.looks = false;
	vital(HS_VITAL_PSI_MEMORY, 900);
	seconds(20);
	is(id, TX_WATCHED);
	world.looks = true;
	vital(HS_VITAL_PSI_MEMORY, 10);
	seconds(11);
	is(id, TX_WATCHED);
	seconds(2);
	is(id, TX_COMMITTED);
}

static bool stubborn;

static int writes(const char *r, const char *path, const char *text)
{
	return stubborn ? -EIO : write_file(r, path, text);
}

/* What cannot be put back is tried again, and keeps others out until it is. */
static void stuck(void **state)
{
	int id, next;

	(void)state;
	seconds(12);
	place_by(&(const struct place_helper){place_read_self, writes});
	id = propose(ONE("vm.swappiness", "0"));
	seconds(3);
	is(id, TX_WATCHED);
	stubborn = true;
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "not wanted"), 0);
	next = propose(ONE("net.core.somaxconn", "8192"));
	seconds(20);
	is(id, TX_WATCHED);
	is(next, TX_WAITING);
	why_has(id, "which is not done; " SWAPPINESS " not put back");
	holds(SWAPPINESS, "0");
	stubborn = false;
	seconds(1);
	is(id, TX_ROLLED_BACK);
	holds(SWAPPINESS, "60");
	seconds(1);
	is(next, TX_WATCHED);
	place_by(NULL);
}

#define RING "/ethtool:eth0/rings/rx"

/* A card's ring is changed as a file is: by its name in the undo table, confirmed, or back; left to others; and gone with its card. */
static void a_ring(void **state)
{
	char full[96];
	int id;

	(void)state;
	seconds(12);
	profile.changes.risk = 1;
	strcpy(profile.changes.allow, "rings");
	id = propose(ONE("rings[*]", "512"));
	assert_true(id > 0);
	seconds(2);
	is(id, TX_WATCHED);
	holds(RING, "512");
	assert_string_equal(undo.table->entry[0].path, "ethtool:eth0/rings/rx");
	assert_string_equal(undo.table->entry[0].old, "256");
	seconds(6);
	is(id, TX_CONFIRM);
	assert_int_equal(tx_confirm(&table, &world, (__u32)id), 0);
	holds(RING, "512");
	assert_int_equal(
		undo_revert(undo.table, root, &(struct undo_which){.all = true}, NULL, NULL), 0);
	holds(RING, "256");
	id = propose(ONE("rings[eth0]", "512"));
	seconds(2);
	tree_put(root, "/sys/class/net/eth0/carrier", "0\n");
	seconds(3);
	is(id, TX_ROLLED_BACK);
	holds(RING, "256");
	tree_put(root, "/sys/class/net/eth0/carrier", "1\n");
	id = propose(ONE("rings[eth0]", "512"));
	seconds(2);
	tree_put(root, RING, "1024\n");
	seconds(1);
	is(id, TX_YIELDED);
	holds(RING, "1024");
	id = propose_as("person", 0, NULL, ONE("rings[eth0]", "512"));
	seconds(2);
	holds(RING, "512");
	snprintf(full, sizeof(full), "%s" RING, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "the card is gone"), 0);
	is(id, TX_ROLLED_BACK);
	why_has(id, "ethtool:eth0/rings/rx is gone");
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 0);
}

static void confirmed_or_back(void **state)
{
	int id;

	(void)state;
	seconds(12);
	id = propose(ONE("rps[eth0,0]", "f"));
	seconds(6);
	is(id, TX_CONFIRM);
	seconds(60);
	is(id, TX_ROLLED_BACK);
	why_has(id, "nobody has confirmed it");
	holds(RPS("0"), "0");
	/* the link: a moment is nothing */
	id = propose(ONE("rps[eth0,0]", "f"));
	seconds(2);
	tree_put(root, "/sys/class/net/eth0/carrier", "0\n");
	seconds(2);
	tree_put(root, "/sys/class/net/eth0/carrier", "1\n");
	seconds(4);
	is(id, TX_CONFIRM);
	tree_put(root, "/sys/class/net/eth0/carrier", "0\n");
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "eth0 has lost its link");
	holds(RPS("0"), "0");
	tree_put(root, "/sys/class/net/eth0/carrier", "1\n");
	/* a container's link is nobody's way in */
	tree_put(root, "/sys/class/net/veth1/carrier", "1\n");
	id = propose(ONE("rps[eth0,0]", "f"));
	seconds(2);
	tree_put(root, "/sys/class/net/veth1/carrier", "0\n");
	seconds(4);
	is(id, TX_CONFIRM);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "enough"), 0);
	/* the default route */
	tree_put(root, "/proc/net/route",
		 "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n"
		 "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\n");
	id = propose(ONE("rps[eth0,0]", "f"));
	seconds(2);
	tree_put(root, "/proc/net/route", "Iface\n");
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "the default route is gone");
	assert_int_equal(tx_confirm(&table, &world, (__u32)id), -EINVAL);
	assert_int_equal(tx_confirm(&table, &world, 99), -ENOENT);
}

static void route6(void **state)
{
	int id;

	(void)state;
	tree_put(root, "/proc/net/ipv6_route",
		 "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		 "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n");
	seconds(12);
	id = propose(ONE("rps[eth0,0]", "f"));
	seconds(2);
	tree_put(root, "/proc/net/ipv6_route",
		 "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		 "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n");
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "the default route is gone");
}

static void told_path(void *ctx, const char *path)
{
	snprintf(ctx, 256, "%s", path);
}

static void yields_to_others(void **state)
{
	char path[256] = "";
	int id;

	(void)state;
	seconds(12);
	id = propose("[{\"parameter\":\"net.core.somaxconn\",\"value\":\"8192\",\"reason\":\"r\"},"
		     "{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\"}]");
	seconds(3);
	is(id, TX_WATCHED);
	tree_put(root, SWAPPINESS, "42\n");
	seconds(1);
	is(id, TX_YIELDED);
	why_has(id, "somebody else has written " SWAPPINESS);
	holds(SWAPPINESS, "42");
	holds(SOMAXCONN, "4096");
	assert_int_equal(live(), 0);
	/* it is his for an hour, but a person's word counts */
	assert_int_equal(propose(ONE("vm.swappiness", "10")), -EPERM);
	assert_non_null(strstr(error, "written by somebody else"));
	id = propose_as("person", 0, NULL, ONE("vm.swappiness", "10"));
	seconds(14);
	is(id, TX_COMMITTED);
	/* the same of what is committed */
	tx_yield(&table, &world, told_path, path);
	assert_string_equal(path, "");
	tree_put(root, SWAPPINESS, "43\n");
	tx_yield(&table, &world, told_path, path);
	assert_string_equal(path, SWAPPINESS);
	assert_int_equal(
		undo_revert(undo.table, root, &(struct undo_which){.all = true}, NULL, NULL), 0);
	holds(SWAPPINESS, "43");
	assert_int_equal(propose(ONE("vm.swappiness", "10")), -EPERM);
	seconds(3600);
	assert_true(propose(ONE("vm.swappiness", "10")) > 0);
}

static void one_at_a_time(void **state)
{
	int a, b;

	(void)state;
	seconds(12);
	a = propose(ONE("net.core.somaxconn", "8192"));
	b = propose(ONE("vm.swappiness", "10"));
	assert_int_equal(propose(ONE("net.core.somaxconn", "9000")), -EBUSY);
	assert_non_null(strstr(error, "is in change 1, which is waiting"));
	seconds(2);
	is(a, TX_WATCHED);
	is(b, TX_WAITING);
	assert_int_equal(tx_active(&table)->id, a);
	seconds(12);
	is(a, TX_COMMITTED);
	seconds(1);
	is(b, TX_WATCHED);
	assert_int_equal(tx_reject(&table, &world, (__u32)b, "not wanted"), 0);
	is(b, TX_ROLLED_BACK);
	holds(SWAPPINESS, "60");
	assert_int_equal(tx_reject(&table, &world, (__u32)b, "x"), -EINVAL);
	assert_int_equal(tx_reject(&table, &world, 77, "x"), -ENOENT);
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_all, teardown_all)
	const struct CMUnitTest tests[] = {
		TEST(helps_and_stays),
		TEST(of_no_use_goes_back),
		TEST(harm_goes_back_at_once),
		TEST(counts_count),
		TEST(read_again),
		TEST(its_own_conditions),
		TEST(service_levels),
		TEST(several_move_as_one),
		TEST(a_canary_first),
		TEST(back_to_what_was),
		TEST(the_second_step_asks_again),
		TEST(a_look_at_stock),
		TEST(stuck),
		TEST(confirmed_or_back),
		TEST(a_ring),
		TEST(route6),
		TEST(yields_to_others),
		TEST(one_at_a_time),
	};

	return cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
