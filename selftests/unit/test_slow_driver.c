// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A change of a card whose driver takes its time: under way, made, refused, rejected meanwhile, given up. */
#include "tx_fixture.h"

#define RING "/ethtool:eth0/rings/rx"

/* A driver that takes its time, by a helper that has one request at a time, as the hand. */
static char pending[64], pending_path[64];
static bool busy;

static ssize_t slow_read(const char *r, const char *path, char *buf, size_t size)
{
	if (!*path || (busy && !strncmp(path, "ethtool:", 8)))
		return -EAGAIN; /* of nothing nobody may ask */
	return place_read_self(r, path, buf, size);
}

static int slow_write(const char *r, const char *path, const char *text)
{
	if (strncmp(path, "ethtool:", 8))
		return place_write_self(r, path, text);
	if (busy)
		return -EAGAIN;
	snprintf(pending, sizeof(pending), "%s", text);
	snprintf(pending_path, sizeof(pending_path), "%s", path);
	busy = true;
	return -EINPROGRESS;
}

/* It returns, and has done it, or not. */
static void driver_returns(bool done)
{
	assert_true(busy);
	busy = false;
	if (done)
		assert_int_equal(place_write_self(root, pending_path, pending), 0);
}

static int slow_card(void)
{
	static const struct place_helper slow = {slow_read, slow_write};

	seconds(12);
	strcpy(profile.changes.allow, "rings");
	place_by(&slow);
	return propose_as("person", 0, NULL, ONE("rings[*]", "512"));
}

/* Nobody waits for a driver but the change itself; and it is judged from when it is made. */
static void a_slow_driver(void **state)
{
	int id = slow_card();

	(void)state;
	seconds(5);
	is(id, TX_PREPARED);
	why_has(id, "ethtool:eth0/rings/rx is being written");
	holds(RING, "256");
	driver_returns(true);
	seconds(1);
	is(id, TX_WATCHED);
	holds(RING, "512");
	assert_string_equal(undo.table->entry[0].shown, "512");
	/* and back: it is not said to be before it is */
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "not wanted"), 0);
	is(id, TX_WATCHED);
	why_has(id, "waits for its driver");
	seconds(3);
	is(id, TX_WATCHED);
	driver_returns(true);
	seconds(1);
	is(id, TX_ROLLED_BACK);
	holds(RING, "256");
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 0);
	place_by(NULL);
}

/* It returns without having done it; and one is rejected in the midst of it; and one does not return in time. */
static void a_driver_that_refuses(void **state)
{
	int id = slow_card();

	(void)state;
	seconds(1);
	driver_returns(false);
	seconds(1);
	is(id, TX_FAILED);
	why_has(id, "made it '256', not '512'");
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 0);
	id = propose_as("person", 0, NULL, ONE("rings[*]", "512"));
	seconds(2);
	is(id, TX_PREPARED);
	assert_int_equal(tx_reject(&table, &world, (__u32)id, "not wanted"), 0);
	seconds(2);
	is(id, TX_WATCHED);
	strcpy(pending, "480"); /* what the driver makes of 512: nobody else's */
	driver_returns(true);
	seconds(1);
	driver_returns(true); /* and back */
	seconds(1);
	is(id, TX_ROLLED_BACK);
	holds(RING, "256");
	id = propose_as("person", 0, NULL, ONE("rings[*]", "512"));
	seconds(40);
	is(id, TX_WATCHED);
	why_has(id, "its driver has not answered for 30 s");
	driver_returns(true);
	seconds(1);
	driver_returns(true);
	seconds(1);
	is(id, TX_FAILED);
	holds(RING, "256");
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 0);
	place_by(NULL);
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_all, teardown_all)
	const struct CMUnitTest tests[] = {TEST(a_slow_driver), TEST(a_driver_that_refuses)};

	return cmocka_run_group_tests_name("slow_driver", tests, NULL, NULL);
}
