// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Changes in a maintenance window: notice, the hooks around one, and how long it stays under watch; and those taken up again. */
#include "tx_fixture.h"

#define LATER(parameter, value)                                                                    \
	"[{\"parameter\":\"" parameter "\",\"value\":\"" value                                     \
	"\",\"reason\":\"r\",\"timing\":\"maintenance\"}]"

/* The operator's hooks, as they are played: each asked for is one letter. */
static char asked[64];
static int code; /* what they come to; 256 = they go on */
static bool refused, let;

static __u32 hook(void *ctx, const struct tx *tx, bool before)
{
	(void)ctx;
	(void)tx;
	strcat(asked, before ? "b" : "a");
	return refused ? 0 : (__u32)strlen(asked);
}

static bool hook_done(void *ctx, __u32 number, int *result)
{
	(void)ctx;
	assert_int_equal(number, strlen(asked)); /* of the latest */
	*result = code;
	return code != 256;
}

static int setup_window(void **state)
{
	if (setup_all(state))
		return -1;
	asked[0] = '\0';
	code = 256;
	refused = false;
	world.hook = hook;
	world.hook_done = hook_done;
	profile.changes.observe_ns = 20 * S;
	strcpy(profile.changes.before, "/before");
	strcpy(profile.changes.after, "/after");
	window = true;
	vital(HS_VITAL_LISTEN_FULL, 100);
	seconds(20);
	return 0;
}

static void hooks_around(void **state)
{
	int id = propose(LATER("net.core.somaxconn", "8192"));

	(void)state;
	seconds(1);
	is(id, TX_PREPARED);
	assert_string_equal(asked, "b");
	holds(SOMAXCONN, "4096");
	seconds(5);
	is(id, TX_PREPARED);
	/* what it does to the host is none of the change's doing: what was before it counts */
	vital(HS_VITAL_LISTEN_FULL, 0);
	code = 0;
	seconds(1);
	is(id, TX_WATCHED);
	holds(SOMAXCONN, "8192");
	assert_string_equal(asked, "ba");
	/* the watch begins when the hook after it has ended */
	code = 256;
	seconds(30);
	is(id, TX_WATCHED);
	code = 0;
	seconds(1);
	is(id, TX_WATCHED);
	seconds(12);
	is(id, TX_OBSERVED);
	why_has(id, "for 20 s: net.listen_full_hz went from 100 /s to 0 /s");
	assert_non_null(tx_active(&table));
	assert_int_equal(live(), 1); /* who dies now has it back */
	seconds(19);
	is(id, TX_OBSERVED);
	seconds(1);
	is(id, TX_COMMITTED);
	assert_int_equal(live(), 0);
	assert_string_equal(asked, "ba");
	assert_string_equal(history, "1:waiting 1:prepared 1:watched 1:observed 1:committed ");
}

static void the_hook_before_fails(void **state)
{
	int id = propose(LATER("net.core.somaxconn", "8192"));

	(void)state;
	code = 3;
	seconds(2);
	is(id, TX_FAILED);
	why_has(id, "the hook before it failed (3): nothing was changed");
	holds(SOMAXCONN, "4096");
	assert_string_equal(asked, "b"); /* what did not begin has no end */
	/* it cannot be run at all */
	refused = true;
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(2);
	is(id, TX_FAILED);
	why_has(id, "was not run, or was killed (-1)");
	/* it never says a word */
	refused = false;
	code = 256;
	profile.trip.hook_limit_ns = 1 * S;
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(1);
	is(id, TX_PREPARED);
	seconds(20);
	is(id, TX_FAILED);
	holds(SOMAXCONN, "4096");
}

/* The window closes while it is run. What has begun has an end, too. */
static void too_late(void **state)
{
	int id = propose(LATER("net.core.somaxconn", "8192"));

	(void)state;
	seconds(1);
	is(id, TX_PREPARED);
	window = false;
	code = 0;
	seconds(1);
	is(id, TX_FAILED);
	why_has(id, "it had to wait again, not now: nothing was changed");
	assert_string_equal(asked, "ba");
	holds(SOMAXCONN, "4096");
	/* somebody else has written it meanwhile */
	window = true;
	code = 256;
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(1);
	tree_put(root, SOMAXCONN, "5000\n");
	code = 0;
	seconds(1);
	is(id, TX_YIELDED);
	assert_string_equal(asked, "baba");
	holds(SOMAXCONN, "5000");
}

static void aborted(void **state)
{
	int id = propose(LATER("net.core.somaxconn", "8192"));

	(void)state;
	seconds(1);
	is(id, TX_PREPARED);
	tx_abort(&table, &world, "tripped");
	is(id, TX_ROLLED_BACK);
	assert_string_equal(asked, "ba");
	/* once for each, also where it goes back after the hook has been run */
	code = 0;
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(2);
	is(id, TX_WATCHED);
	tx_abort(&table, &world, "tripped");
	assert_string_equal(asked, "baba");
	holds(SOMAXCONN, "4096");
}

/* The window closes when one file is changed: the host does not stay so until the next one, nor drained by its hook. */
static void half_made(void **state)
{
	int id = propose(LATER("rps[eth0,*]", "f"));

	(void)state;
	code = 0;
	seconds(2);
	is(id, TX_CANARY);
	holds(RPS("0"), "f");
	window = false;
	seconds(30);
	is(id, TX_ROLLED_BACK);
	assert_non_null(strstr(tx_find(&table, (__u32)id)->why, "before the others could follow"));
	holds(RPS("0"), "0");
	assert_string_equal(asked, "ba");
}

static void only_in_a_window(void **state)
{
	int id = propose(ONE("net.core.somaxconn", "8192"));

	(void)state;
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(14);
	is(id, TX_COMMITTED); /* no hooks, no more watch than ever */
	assert_string_equal(asked, "");
	profile.changes.before[0] = '\0';
	code = 5;
	id = propose(LATER("net.core.somaxconn", "4096"));
	seconds(1);
	is(id, TX_WATCHED);
	assert_string_equal(asked, "a");
	seconds(1);
	why_has(id, "the hook after it has failed (5)");
	is(id, TX_WATCHED);
	seconds(12);
	is(id, TX_OBSERVED);
}

/* By the same judge: at once what is bad, and over each stretch what is not good any more. */
static void observed_and_back(void **state)
{
	int id;

	(void)state;
	code = 0;
	vital(HS_VITAL_PSI_MEMORY, 10);
	seconds(20);
	id = propose(LATER("vm.swappiness", "0"));
	seconds(15);
	is(id, TX_OBSERVED);
	vital(HS_VITAL_PSI_MEMORY, 500);
	seconds(3);
	is(id, TX_ROLLED_BACK);
	why_has(id, "psi.memory.some_permille went from 1 % to 50 %");
	holds(SWAPPINESS, "60");
	vital(HS_VITAL_PSI_MEMORY, 10);
	seconds(20);
	/* what it was to cure comes back, worse than before, by less than would be harm at once */
	vital(HS_VITAL_LISTEN_FULL, 2);
	seconds(20);
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(14);
	is(id, TX_OBSERVED);
	vital(HS_VITAL_LISTEN_FULL, 4);
	seconds(18);
	is(id, TX_ROLLED_BACK);
	why_has(id, "while it was observed: net.listen_full_hz went from 2 /s to 4 /s");
	holds(SOMAXCONN, "4096");
	/* homeostat ends meanwhile: it is under watch still, and goes back */
	vital(HS_VITAL_LISTEN_FULL, 100);
	seconds(20);
	id = propose(LATER("net.core.somaxconn", "8192"));
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(15);
	is(id, TX_OBSERVED);
	assert_int_equal(replay(), 0);
	holds(SOMAXCONN, "4096");
}

static void notice(void **state)
{
	int id;

	(void)state;
	profile.changes.before[0] = profile.changes.after[0] = '\0';
	profile.changes.notice_ns = 60 * S;
	id = propose(LATER("net.core.somaxconn", "8192"));
	seconds(5);
	is(id, TX_WAITING);
	why_has(id, "until notice was given of it");
	table.tx[0].noticed_ns = world.boot_ns;
	seconds(59);
	is(id, TX_WAITING);
	why_has(id, "until 60 s after notice was given of it");
	seconds(1);
	is(id, TX_WATCHED);
	/* of what needs no window, none is given */
	tx_abort(&table, &world, "enough");
	id = propose(ONE("net.core.somaxconn", "8192"));
	seconds(1);
	is(id, TX_WATCHED);
}

/* A host that sleeps makes nothing younger. */
static void sleeps(void **state)
{
	int id;

	(void)state;
	window = false;
	id = propose(LATER("net.core.somaxconn", "8192"));
	world.boot_ns += TX_MAINTENANCE_NS - 2 * S;
	seconds(1);
	is(id, TX_WAITING);
	seconds(1);
	is(id, TX_EXPIRED);
}

/* ---- what outlives the daemon ---- */

static bool begins(void *ctx, struct tx *tx)
{
	(void)ctx;
	snprintf(tx->why, sizeof(tx->why), "the disk is slow");
	return let;
}

/* It is begun only when it does not stand in the file as one that waits. */
static void begins_when_it_may(void **state)
{
	int id = propose(ONE("net.core.somaxconn", "8192"));

	(void)state;
	world.begins = begins;
	let = false;
	seconds(5);
	is(id, TX_WAITING);
	why_has(id, "the disk is slow");
	holds(SOMAXCONN, "4096");
	let = true;
	seconds(1);
	is(id, TX_WATCHED);
}

static void taken_up(void **state)
{
	struct json_object *request;
	struct ask_list list;
	struct tx *tx;
	int id = propose(ONE("net.core.somaxconn", "8192"));

	(void)state;
	request = json_tokener_parse(table.tx[0].asked);
	assert_non_null(request);
	list = (struct ask_list){.source = PROPOSAL_RULES};
	{
		struct json_object *whole = json_object_new_object();

		json_object_object_add(whole, "source", json_object_new_string("rules"));
		json_object_object_add(whole, "proposals", request);
		assert_int_equal(ask_read(&list, whole, error, sizeof(error)), 0);
		tx_free(&table);
		assert_int_equal(
			tx_take_up(&table, &world, &list, 1000, 77, &tx, error, sizeof(error)), 0);
		json_object_put(whole);
	}
	assert_non_null(tx);
	assert_int_equal(tx->id, 77);
	assert_int_equal(tx->uid, 1000);
	assert_int_equal(tx->files_nr, 1);
	assert_string_equal(tx->file[0].to, "8192");
	assert_string_equal(tx->file[0].from, "4096");
	is(77, TX_PENDING);
	/* somebody has written it since it was proposed, as the file says */
	strcpy(tx->file[0].from, "2048");
	assert_int_equal(tx_approve(&table, &world, 77), 0);
	seconds(1);
	is(77, TX_YIELDED);
	holds(SOMAXCONN, "4096");
	assert_int_equal(undo.table->last_id, id); /* whoever takes up sets it */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_window, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hooks_around),
		TEST(the_hook_before_fails),
		TEST(too_late),
		TEST(half_made),
		TEST(aborted),
		TEST(only_in_a_window),
		TEST(observed_and_back),
		TEST(notice),
		TEST(sleeps),
		TEST(begins_when_it_may),
		TEST(taken_up),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
