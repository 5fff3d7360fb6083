// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The beginning of a change: what is refused, what waits for whom. */
#include "tx_fixture.h"

#include "ethtool.h"

static void nobody_keeps_others_out(void **state)
{
	int his, ours;

	(void)state;
	seconds(12);
	his = propose_as("rules", 1000, "no such adviser", ONE("vm.swappiness", "1"));
	is(his, TX_PENDING);
	assert_int_equal(propose_as("rules", 1000, "no such adviser", ONE("vm.swappiness", "2")),
			 -EBUSY);
	ours = propose(ONE("vm.swappiness", "10"));
	assert_true(ours > 0);
	seconds(1);
	/* approved all the same: one after the other */
	assert_int_equal(tx_approve(&table, &world, (__u32)his), 0);
	while (state_of_tx(ours) == TX_WATCHED)
		seconds(1);
	is(ours, TX_COMMITTED);
	holds(SWAPPINESS, "10");
	seconds(14);
	is(his, TX_COMMITTED);
	holds(SWAPPINESS, "1");
	assert_int_equal(
		undo_revert(undo.table, root, &(struct undo_which){.all = true}, NULL, NULL), 0);
	holds(SWAPPINESS, "60");
}

static void approval_and_time(void **state)
{
	int id;

	(void)state;
	seconds(12);
	id = propose_as("model", 0, NULL, ONE("vm.dirty", "10"));
	is(id, TX_PENDING);
	why_has(id, "risk 7, and the profile allows 3");
	seconds(100);
	holds("/proc/sys/vm/dirty_ratio", "20");
	assert_int_equal(tx_approve(&table, &world, (__u32)id), 0);
	assert_int_equal(tx_approve(&table, &world, (__u32)id), -EINVAL);
	seconds(10);
	is(id, TX_WAITING);
	why_has(id, "not now");
	window = true;
	seconds(1);
	is(id, TX_WATCHED);
	tx_abort(&table, &world, "the gate was shut");
	is(id, TX_ROLLED_BACK);
	why_has(id, "the gate was shut");
	holds("/proc/sys/vm/dirty_ratio", "20");
	/* the reasons why a person has to look */
	why_has(propose_as("rules", 5, "no such adviser", ONE("net.core.somaxconn", "8192")),
		"no such adviser");
	id = propose("[{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\",\"can_"
		     "auto_apply\":false}]");
	is(id, TX_PENDING);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "no"), 0);
	is(id, TX_REJECTED);
	strcpy(profile.changes.allow, "net.*");
	id = propose(ONE("vm.swappiness", "10"));
	why_has(id, "vm.swappiness is not in the profile's list");
	seconds(3601);
	is(id, TX_EXPIRED);
}

static void only_while_it_acts(void **state)
{
	int alone, approved;

	(void)state;
	seconds(12);
	world.may_alone = false;
	alone = propose(ONE("vm.swappiness", "10"));
	approved = propose(ONE("thp", "madvise"));
	assert_int_equal(approved, -EALREADY);
	approved = propose("[{\"parameter\":\"net.core.somaxconn\",\"value\":\"8192\",\"reason\":"
			   "\"r\",\"risk\":9}]");
	assert_int_equal(tx_approve(&table, &world, (__u32)approved), 0);
	seconds(3);
	is(alone, TX_WAITING);
	is(approved, TX_WATCHED);
	/* a look at stock: nothing that is seen then counts */
	world.looks = false;
	vital(HS_VITAL_PSI_MEMORY, 900);
	seconds(5);
	is(approved, TX_WATCHED);
}

static void refusals(void **state)
{
	static const struct {
		const char *proposals;
		int err;
		const char *says;
	} bad[] = {
		{"[]", -EINVAL, "/proposals: expected a list of 1 to 8"},
		{"{}", -EINVAL, "/proposals: expected a list"},
		{"[1]", -EINVAL, "/proposals/0: expected an object"},
		{"[{\"value\":\"1\",\"reason\":\"r\"}]", -EINVAL,
		 "/proposals/0/parameter: expected a text"},
		{"[{\"parameter\":\"a\",\"value\":1,\"reason\":\"r\"}]", -EINVAL,
		 "/proposals/0/value"},
		{"[{\"parameter\":\"a\",\"value\":\"1\"}]", -EINVAL, "/proposals/0/reason"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"x\":1}]", -EINVAL,
		 "/proposals/0: unknown member 'x'"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"risk\":11}]", -EINVAL,
		 "/proposals/0/risk: expected 1 to 10"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"timing\":\"soon\"}]",
		 -EINVAL, "/proposals/0/timing: expected immediate"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"can_auto_apply\":"
		 "\"yes\"}]",
		 -EINVAL, "/proposals/0/can_auto_apply: expected true or false"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"rollback_if\":\"x\"}]",
		 -EINVAL, "/proposals/0/rollback_if: expected a list of texts"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"rollback_if\":[\"it "
		 "hurts\"]}]",
		 -EINVAL, "/proposals/0/rollback_if: 'it hurts'; expected VITAL > NUMBER"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"rollback_if\":[\"x > "
		 "1\"]}]",
		 -EINVAL, "unknown vital sign 'x'"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\",\"rollback_if\":[\"sched."
		 "switches_hz > 1\","
		 "\"sched.switches_hz > 1\",\"sched.switches_hz > 1\",\"sched.switches_hz > "
		 "1\",\"sched.switches_hz > "
		 "4702111234474983745\"]}]",
		 -EINVAL, "more than 4 conditions in all"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"r\\u001b[2J\"}]", -EINVAL,
		 "/proposals/0/reason: expected a text without control characters"},
		{"[{\"parameter\":\"a\",\"value\":\"1\\n2\",\"reason\":\"r\"}]", -EINVAL,
		 "/proposals/0/value: expected a text without control characters"},
		{"[{\"parameter\":\"a\",\"value\":\"1\",\"reason\":\"\\u009b\"}]", -EINVAL,
		 "/proposals/0/reason: expected a text without control characters"},
		{ONE("net.core.somaxconn", "08192"), -EINVAL, "expected a whole number"},
		{ONE("net.core.none", "1"), -EINVAL, "unknown parameter 'net.core.none'"},
		{ONE("net.core.somaxconn", "127"), -ERANGE,
		 "out of its range; expected 128 to 65535 count"},
		{ONE("net.core.somaxconn", "8k"), -EINVAL, "expected a whole number"},
		{ONE("net.core.somaxconn[x]", "8192"), -EINVAL, "more objects than"},
		{ONE("thp", "sometimes"), -EINVAL, "expected one of: always madvise never"},
		{ONE("rps", "f"), -EINVAL, "expected rps[…] with one object for each place"},
		{ONE("rps[eth0]", "f"), -EINVAL, "expected rps[…]"},
		{ONE("rps[eth0,0", "f"), -EINVAL, "ill formed"},
		{ONE("rps[../eth0,0]", "f"), -EINVAL, "expected rps[…]"},
		{ONE("rps[eth0/x,0]", "f"), -EINVAL, "expected rps[…]"},
		{ONE("rps[eth1,*]", "f"), -ENOENT, "there is no /sys/class/net/eth1"},
		{ONE("rps[eth0,0]", "xyz"), -EINVAL, "expected a set of CPUs"},
		{ONE("seen", "5"), -EOPNOTSUPP, "is only ever looked at"},
		{ONE("qdisc[eth0]", "fq"), -EOPNOTSUPP, "nothing changes parameters of its kind"},
		{ONE("rings", "512"), -EINVAL, "expected rings[…] with one object"},
		{ONE("rings[eth0]", "63"), -ERANGE, "out of its range; expected 64 to 8192"},
		{ONE("rings[eth0]", "4097"), -ERANGE, "its driver takes 4096 at most"},
		{ONE("rings[eth0]", "256"), -EALREADY, "is so already"},
		{ONE("rings[lo]", "512"), -ENOENT,
		 "there is no ethtool:lo/rings/rx here, or its driver has no such setting"},
		{ONE("rings[eth9]", "512"), -ENOENT, "there is no ethtool:eth9/rings/rx"},
		{ONE("rings[eth0,1]", "512"), -EINVAL, "more objects than"},
		{ONE("vm.swappiness", "60"), -EALREADY, "is so already"},
		{"[{\"parameter\":\"vm.swappiness\",\"value\":\"1\",\"reason\":\"r\"},"
		 "{\"parameter\":\"vm.swappiness\",\"value\":\"2\",\"reason\":\"r\"}]",
		 -EINVAL, "is in it twice"},
		{"[{\"parameter\":\"vm.swappiness\",\"value\":\"1\",\"reason\":\"r\"},"
		 "{\"parameter\":\"vm.dirty\",\"value\":\"2\",\"reason\":\"r\"}]",
		 -EINVAL, "are not to be changed together"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int err = propose(bad[i].proposals);

		if (err != bad[i].err || !strstr(error, bad[i].says))
			fail_msg("%s: %d '%s', not %d '%s'", bad[i].proposals, err, error,
				 bad[i].err, bad[i].says);
	}
	assert_int_equal(propose_as("oracle", 0, NULL, ONE("vm.swappiness", "1")), -EINVAL);
	assert_non_null(strstr(error, "/source"));
	seconds(3);
	assert_string_equal(history, "");
	holds(SWAPPINESS, "60");
}

/* What it is now could not be put back: 0, where another parameter is in force, means something else. */
#define EACH(values) "[{\"parameter\":\"rps\",\"values\":{" values "},\"reason\":\"r\"}]"

/* A value for each object: its first file goes first, then the others, or none has changed. */
static void a_value_for_each(void **state)
{
	int id;

	(void)state;
	seconds(12);
	id = propose(EACH("\"eth0,0\":\"1\",\"eth0,1\":\"2\",\"eth0,2\":\"4\""));
	assert_true(id > 0);
	seconds(1);
	is(id, TX_CANARY);
	holds(RPS("0"), "1");
	holds(RPS("1"), "0");
	seconds(5);
	is(id, TX_WATCHED);
	holds(RPS("1"), "2");
	holds(RPS("2"), "4");
	tx_abort(&table, &world, "enough");
	holds(RPS("0"), "0");
	holds(RPS("2"), "0");
	/* one object is wrong: nothing is taken */
	assert_int_equal(propose(EACH("\"eth0,0\":\"1\",\"eth0,7\":\"2\"")), -ENOENT);
	assert_int_equal(propose(EACH("\"eth0,0\":\"1\",\"eth0,1\":\"g\"")), -EINVAL);
	assert_int_equal(propose(EACH("\"eth0,0\":\"1\",\"eth0\":\"2\"")), -EINVAL);
	assert_int_equal(propose("[{\"parameter\":\"rps[eth0,0]\",\"values\":{\"eth0,0\":\"1\"},"
				 "\"reason\":\"r\"}]"),
			 -EINVAL);
	assert_non_null(strstr(error, "objects beside 'values'; expected rps alone"));
	assert_int_equal(propose(EACH("\"eth0,0\":\"0\",\"eth0,1\":\"0\"")), -EALREADY);
	/* ill formed: before anything is looked at */
	assert_int_equal(propose(EACH("")), -EINVAL);
	assert_string_equal(error, "/proposals/0/values: expected an object of 1 to 64 values");
	assert_int_equal(propose(EACH("\"eth0,*\":\"1\"")), -EINVAL);
	assert_string_equal(error, "/proposals/0/values: expected objects by their names");
	assert_int_equal(propose(EACH("\"eth0,0\":1")), -EINVAL);
	assert_string_equal(error,
			    "/proposals/0/values: expected texts without control characters");
	assert_int_equal(propose("[{\"parameter\":\"rps\",\"values\":{\"eth0,0\":\"1\"},\"value\":"
				 "\"1\",\"reason\":\"r\"}]"),
			 -EINVAL);
	assert_string_equal(error, "/proposals/0/values: expected one of value and values");
}

static void what_could_not_be_put_back(void **state)
{
	(void)state;
	tree_put(root, "/proc/sys/vm/dirty_ratio", "0\n");
	assert_int_equal(propose(ONE("vm.dirty", "10")), -ERANGE);
	assert_non_null(strstr(error, "what it is now, '0', could not be put back"));
}

/* Somebody writes it while it waits: his. */
static void late(void **state)
{
	int id;

	(void)state;
	seconds(12);
	world.may_alone = false;
	id = propose(ONE("vm.swappiness", "10"));
	tree_put(root, SWAPPINESS, "33\n");
	world.may_alone = true;
	seconds(1);
	is(id, TX_YIELDED);
	why_has(id, "has written " SWAPPINESS " while it waited");
	holds(SWAPPINESS, "33");
	assert_int_equal(propose(ONE("vm.swappiness", "10")), -EPERM);
}

/* The profile is another one by the time that it is its turn. */
static void not_allowed_any_more(void **state)
{
	int id;

	(void)state;
	seconds(12);
	world.may_alone = false;
	id = propose(ONE("vm.swappiness", "10"));
	is(id, TX_WAITING);
	profile.changes.risk = 2;
	world.may_alone = true;
	seconds(1);
	is(id, TX_PENDING);
	why_has(id, "risk 3, and the profile allows 2");
	holds(SWAPPINESS, "60");
}

/* Whatever all others do, root finds room. */
static void room_for_root(void **state)
{
	(void)state;
	assert_true(propose_as("rules", 1000, "no", ONE("vm.swappiness", "1")) > 0);
	for (int i = 1; i < TX_OF_OTHERS_MAX; i++) {
		table.tx[i] = table.tx[0];
		table.tx[i].id = ++undo.table->last_id;
		table.tx[i].uid = 1000 + (uid_t)i;
		table.tx[i].file = NULL;
		table.tx[i].asked = NULL;
		table.tx[i].files_nr = 0;
	}
	assert_int_equal(propose_as("rules", 2000, "no", ONE("net.core.somaxconn", "8192")),
			 -ENOSPC);
	assert_true(propose_as("rules", 0, "no", ONE("net.core.somaxconn", "8192")) > 0);
}

static void a_few_of_each(void **state)
{
	char text[256];

	(void)state;
	for (int i = 0; i < TX_OF_UID_MAX; i++) {
		snprintf(text, sizeof(text), "/proc/sys/net/core/p%d", i);
		assert_true(i || propose_as("rules", 1000, "no", ONE("vm.swappiness", "1")) > 0);
		if (i) { /* one each of different files is enough: tell the table so */
			table.tx[i] = table.tx[0];
			table.tx[i].id = ++undo.table->last_id;
			table.tx[i].file = NULL;
			table.tx[i].asked = NULL;
			table.tx[i].files_nr = 0;
		}
	}
	assert_int_equal(propose_as("rules", 1000, "no", ONE("net.core.somaxconn", "8192")),
			 -ENOSPC);
	assert_true(propose_as("rules", 0, "no", ONE("net.core.somaxconn", "8192")) > 0);
	/* those that have ended make room, the oldest first */
	for (int i = 0; i < TX_MAX; i++)
		table.tx[i].state = TX_REJECTED, table.tx[i].id = table.tx[i].id ?: 100 + (__u32)i;
	table.tx[5].changed_ns = 0;
	table.tx[0].changed_ns = 5;
	for (int i = 0; i < TX_MAX; i++)
		table.tx[i].changed_ns = i == 5 ? 1 : 10;
	assert_true(propose(ONE("vm.swappiness", "1")) > 0);
	assert_int_equal(table.tx[5].id, undo.table->last_id);
}

static int card_says;

static ssize_t says(const char *r, const char *path, char *buf, size_t size)
{
	(void)size;
	buf[0] = '\0';
	return ethtool_is(path) ? card_says : read_file(r, path, buf, size);
}

/* Nobody there who may ask a card: refused, and why. */
static void cards_that_nobody_may_ask(void **state)
{
	static const struct place_helper helper = {says, place_write_self};

	(void)state;
	place_by(&helper);
	card_says = -EPERM;
	assert_int_equal(propose(ONE("rings[eth0]", "512")), -EPERM);
	assert_non_null(strstr(error, "homeostatd was started without CAP_NET_ADMIN"));
	card_says = -EAFNOSUPPORT;
	assert_int_equal(propose(ONE("rings[*]", "512")), -EAFNOSUPPORT);
	assert_non_null(strstr(error, "netlink is not allowed here"));
	card_says = -EPIPE;
	assert_int_equal(propose(ONE("rings[*]", "512")), -EPIPE);
	assert_non_null(strstr(error, "ethtool:eth0/rings/rx: Broken pipe"));
	place_by(NULL);
	assert_true(propose(ONE("rings[*]", "512")) > 0);
}

/* A person approves what a rule asks for; when its need is gone it goes back without him. Not what somebody else asks for, nor to another value. */
static void approved_with_its_way_back(void **state)
{
	int id;

	(void)state;
	vital(HS_VITAL_LISTEN_FULL, 1000);
	seconds(12);
	id = propose_as("rules", 900, "a test", ONE("net.core.somaxconn", "8192"));
	is(id, TX_PENDING);
	assert_int_equal(tx_approve(&table, &world, (__u32)id), 0);
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(14);
	is(id, TX_COMMITTED);
	id = propose_as("rules", 901, "a test", ONE("net.core.somaxconn", "4096"));
	is(id, TX_PENDING);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "no"), 0);
	id = propose_as("rules", 900, "a test", ONE("net.core.somaxconn", "5000"));
	is(id, TX_PENDING);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "no"), 0);
	world.may_alone = false; /* mode advise */
	id = propose_as("rules", 900, "a test", ONE("net.core.somaxconn", "4096"));
	is(id, TX_WAITING);
	seconds(20);
	is(id, TX_COMMITTED);
	holds(SOMAXCONN, "4096");
	/* it is back: what is asked for now is anew */
	is(propose_as("rules", 900, "a test", ONE("net.core.somaxconn", "8192")), TX_PENDING);
}

static const char *nobody(void *ctx, uid_t uid)
{
	(void)ctx;
	return uid ? "named no more" : NULL;
}

/* The profile is reloaded while it waits, and names its adviser no more: a person has to approve it, and may. */
static void named_no_more(void **state)
{
	int id, approved;

	(void)state;
	id = propose_as("rules", 900, NULL, ONE("net.core.somaxconn", "8192"));
	approved = propose_as("rules", 900, NULL, ONE("vm.swappiness", "10"));
	assert_true(id > 0 && approved > 0);
	seconds(1);
	is(id, TX_WAITING);
	world.untrusted = nobody;
	seconds(1);
	is(id, TX_PENDING);
	assert_string_equal(tx_find(&table, (__u32)id)->why, "named no more");
	is(approved, TX_PENDING);
	assert_int_equal(tx_approve(&table, &world, (__u32)approved), 0);
	seconds(20);
	is(id, TX_PENDING);
	assert_int_not_equal(tx_find(&table, (__u32)approved)->state, TX_PENDING);
	holds(SOMAXCONN, "4096");
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_all, teardown_all)
	const struct CMUnitTest tests[] = {
		TEST(nobody_keeps_others_out),
		TEST(approval_and_time),
		TEST(only_while_it_acts),
		TEST(refusals),
		TEST(cards_that_nobody_may_ask),
		TEST(what_could_not_be_put_back),
		TEST(late),
		TEST(not_allowed_any_more),
		TEST(room_for_root),
		TEST(a_few_of_each),
		TEST(a_value_for_each),
		TEST(named_no_more),
		TEST(approved_with_its_way_back),
	};

	return cmocka_run_group_tests_name("propose", tests, NULL, NULL);
}
