// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Whose the undo table is: its lock, and the mark of who may still be at a write. */
#include "undo_fixture.h"

static void one_owner(void **state)
{
	struct undo other;

	(void)state;
	assert_int_equal(undo_lock(&undo, -1), 0);
	assert_int_equal(undo_open(&other, dir, root, true), 0);
	assert_int_equal(undo_lock(&other, 0), -EBUSY);
	assert_int_equal(undo_lock(&other, 20), -EBUSY);
	undo_close(&undo);
	assert_int_equal(undo_lock(&other, 1000), 0);
	undo_close(&other);
	undo_close(&other);
}

/*
 * Who may still be at a write keeps all others out. What is not at a network interface is put back all the same, and nobody keeps
 * the lock while he waits for the rest.
 */
static void a_mark(void **state)
{
	const char *queue = "/sys/class/net/eth0/tx_queue_len";
	int mark = undo_mark(&undo), copy = dup(mark);
	struct undo other;

	(void)state;
	assert_true(mark >= 0 && copy >= 0);
	tree_put(root, queue, "1000\n");
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "0") >= 0);
	assert_true(change_file(undo.table, root, 0, queue, "500") >= 0);
	assert_int_equal(undo_open(&other, dir, root, true), 0);
	close(mark);
	assert_int_equal(undo_lock(&other, 20), -EINPROGRESS);
	assert_int_equal(undo_settle(&other, root, 0, 20, NULL, NULL), -EINPROGRESS);
	holds(SWAPPINESS, "60");
	holds(queue, "500");
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 1);
	close(copy);
	assert_int_equal(undo_settle(&other, root, 0, 0, NULL, NULL), 0);
	holds(queue, "1000");
	assert_int_equal(undo_lock(&undo, 0), -EBUSY); /* no mark, and a lock */
	assert_int_equal(undo_settle(&undo, root, 0, 0, NULL, NULL), -EBUSY);
	undo_close(&other);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(one_owner), TEST(a_mark)};

	return cmocka_run_group_tests_name("undo_lock", tests, NULL, NULL);
}
