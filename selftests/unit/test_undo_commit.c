// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What is committed in the undo table: stays, is known, is put back when asked for; and a death at any instruction of it. */
#include "undo_fixture.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

static int revert(struct undo_which which)
{
	memset(outcomes, 0, sizeof(outcomes));
	order[0] = '\0';
	return undo_revert(undo.table, root, &which, note, &undo);
}

/* Committed: stays, and is not undone but when it is asked for. */
static void committed_stays(void **state)
{
	__u32 group = undo_group(undo.table);

	(void)state;
	assert_int_equal(group, 1);
	assert_true(change_file(undo.table, root, group, SWAPPINESS, "20") >= 0);
	assert_int_equal(undo_group(undo.table), 2);
	assert_true(change_file(undo.table, root, group, THP, "never") >= 0);
	tree_put(root, THP, "always madvise [never]\n");
	undo_wrote(undo.table, root, 1);
	assert_true(change_file(undo.table, root, 2, "/proc/sys/net/ipv4/tcp_rmem", "1 2 3") >= 0);
	undo_commit(undo.table, group, 100);
	assert_int_equal(live(), 1);
	assert_int_equal(reopen(false), 0);
	assert_int_equal(replay(), 0);
	assert_string_equal(order, "4096\t131072\t6291456;");
	holds(SWAPPINESS, "20");
	/* of these, what is asked for */
	assert_int_equal(revert((struct undo_which){0}), 0);
	assert_int_equal(revert((struct undo_which){.since_ns = 101}), 0);
	assert_string_equal(order, "");
	tree_put(root, DIRTY, "50\n");
	assert_true(change_file(undo.table, root, 7, DIRTY, "40") >= 0);
	undo_commit(undo.table, 7, 50);
	assert_int_equal(undo_group(undo.table), 8);
	assert_int_equal(revert((struct undo_which){.group = 7}), 0);
	assert_string_equal(order, "50;");
	holds(DIRTY, "50");
	holds(SWAPPINESS, "20");
	assert_int_equal(revert((struct undo_which){.since_ns = 100}), 0);
	assert_string_equal(order, "madvise;60;");
	holds(SWAPPINESS, "60");
	holds(THP, "madvise");
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	assert_string_equal(order, "");
}

static void commit(const char *value)
{
	__u32 group = undo_group(undo.table);

	assert_true(change_file(undo.table, root, group, SWAPPINESS, value) >= 0);
	undo_commit(undo.table, group, 100);
}

static int in_use(void)
{
	int nr = 0;

	for (int i = 0; i < UNDO_ENTRIES; i++)
		nr += undo.table->entry[i].state != UNDO_FREE;
	return nr;
}

/* A path that is changed again and again has one entry, which knows the value from before the first of them. */
static void one_entry_for_a_path(void **state)
{
	(void)state;
	commit("20");
	commit("30");
	commit("40");
	assert_int_equal(in_use(), 1);
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	assert_string_equal(order, "60;");
	holds(SWAPPINESS, "60");
	/* back where it was: nothing is left to put back */
	commit("20");
	commit("60");
	assert_int_equal(in_use(), 0);
	/* one more is under way, and goes back to what is committed */
	commit("20");
	assert_true(change_file(undo.table, root, 7, SWAPPINESS, "30") >= 0);
	assert_int_equal(replay(), 0);
	holds(SWAPPINESS, "20");
	/* somebody else's value is nobody's to put back */
	tree_put(root, SWAPPINESS, "42\n");
	assert_true(undo_foreign(undo.table, root, 0));
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	assert_int_equal(outcomes[UNDO_FOREIGN], 1);
	holds(SWAPPINESS, "42");
}

/* The kernel shows it differently from what was written: ours all the same, also when it is committed. */
static void shown_otherwise(void **state)
{
	static const char rps[] = "/sys/class/net/eth0/queues/rx-0/rps_cpus";

	(void)state;
	tree_put(root, rps, "00000000,00000001\n");
	assert_int_equal(undo_enter(undo.table, root, 1, rps, "f"), 0);
	tree_put(root, rps, "00000000,0000000f\n");
	undo_wrote(undo.table, root, 0);
	undo_commit(undo.table, 1, 100);
	assert_false(undo_foreign(undo.table, root, 0));
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	holds(rps, "00000000,00000001");
}

static int takes_a_part(const char *r, const char *path, const char *text)
{
	if (strcmp(text, "1 2 3"))
		return write_file(r, path, text);
	assert_int_equal(write_file(r, path, "1 2 6291456"), 0);
	return -EINVAL;
}

static int takes_nothing(const char *r, const char *path, const char *text)
{
	(void)r;
	(void)path;
	(void)text;
	return -EIO;
}

/* A write that fails may have taken effect in part: the old value comes back, or stays noted. */
static void a_write_in_part(void **state)
{
	static const char rmem[] = "/proc/sys/net/ipv4/tcp_rmem";

	(void)state;
	place_by(&(const struct place_helper){place_read_self, takes_a_part});
	assert_int_equal(change_file(undo.table, root, 0, rmem, "1 2 3"), -EINVAL);
	holds(rmem, "4096\t131072\t6291456");
	assert_int_equal(in_use(), 0);
	place_by(&(const struct place_helper){place_read_self, takes_nothing});
	assert_int_equal(change_file(undo.table, root, 0, rmem, "1 2 3"), -EIO);
	assert_int_equal(in_use(), 0); /* it is as it was */
	place_by(NULL);
}

/* No place for the joined entry: both stay, and end at the same value. */
static void joined_in_a_full_table(void **state)
{
	(void)state;
	commit("20");
	for (int i = in_use(); i < UNDO_ENTRIES - 1; i++)
		assert_true(undo_enter(undo.table, root, 0, THP, "never") >= 0);
	commit("30");
	assert_int_equal(in_use(), UNDO_ENTRIES);
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	assert_string_equal(order, "20;60;");
	holds(SWAPPINESS, "60");
}

/* ---- killed at each instruction ---- */

/* What is killed: two files are changed as one; twice, the second time to be joined with the first. */
static void work(struct undo_table *table, bool commits)
{
	__u32 group = undo_group(table);

	if (change_file(table, root, group, SWAPPINESS, "20") < 0 ||
	    change_file(table, root, group, DIRTY, "30") < 0)
		_exit(1);
	if (commits)
		undo_commit(table, group, 100);
}

/* What would whoever comes after a death now leave in the files? Judged on a copy of all. */
static void after_death(const char *other, char swappiness[32], char dirty[32])
{
	static struct undo_table copy;
	char now[32];

	memcpy(&copy, undo.table, sizeof(copy));
	assert_true(read_file(root, SWAPPINESS, now, sizeof(now)) >= 0);
	tree_put(other, SWAPPINESS, now);
	assert_true(read_file(root, DIRTY, now, sizeof(now)) >= 0);
	tree_put(other, DIRTY, now);
	assert_int_equal(undo_replay(&copy, other, NULL, NULL), 0);
	assert_true(read_file(other, SWAPPINESS, swappiness, 32) >= 0);
	assert_true(read_file(other, DIRTY, dirty, 32) >= 0);
	/* and one more change, and then all of it back: nothing has been forgotten of how it was at first */
	for (int i = 0; i < 2; i++) {
		__u32 group = undo_group(&copy) + (__u32)i;

		assert_true(change_file(&copy, other, group, SWAPPINESS, i ? "78" : "77") >= 0);
		undo_commit(&copy, group, 100);
	}
	assert_int_equal(undo_revert(&copy, other, &(struct undo_which){.all = true}, NULL, NULL),
			 0);
	assert_true(read_file(other, SWAPPINESS, now, sizeof(now)) >= 0);
	assert_string_equal(now, "60");
	assert_true(read_file(other, DIRTY, now, sizeof(now)) >= 0);
	assert_string_equal(now, "50");
}

/*
 * Runs work() one instruction at a time. Wherever the table or a file has changed, a death there and then must leave both old
 * values or both new ones: old ones only before new ones, and new ones only if it commits. How many such places there were.
 */
static int step(bool commits, const char *old_swappiness, const char *old_dirty)
{
	static struct undo_table last;
	char other[64], swappiness[32], dirty[32], now[64], before[64] = "";
	bool committed = false;
	int status, places = 0, steps = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work(undo.table, commits);
		_exit(0);
	}
	tree_make(other);
	memset(&last, 0, sizeof(last));
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		char a[32] = "", b[32] = "";

		/* a file keeps what it was given for hundreds of instructions */
		if (steps++ % 16 == 0 ||
		    memcmp(&last, undo.table, offsetof(struct undo_table, entry[6]))) {
			read_file(root, SWAPPINESS, a, sizeof(a));
			read_file(root, DIRTY, b, sizeof(b));
		}
		snprintf(now, sizeof(now), "%s %s", a, b);
		/* the first entries are all that is used; a file that is just being written is empty for a moment */
		if (*a && *b &&
		    (memcmp(&last, undo.table, offsetof(struct undo_table, entry[6])) ||
		     strcmp(now, before))) {
			memcpy(&last, undo.table, sizeof(last));
			strcpy(before, now);
			after_death(other, swappiness, dirty);
			committed = committed || !strcmp(swappiness, "20");
			assert_true(!committed || commits);
			assert_string_equal(swappiness, committed ? "20" : old_swappiness);
			assert_string_equal(dirty, committed ? "30" : old_dirty);
			places++;
		}
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	}
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	assert_int_equal(committed, commits);
	tree_free(other);
	return places;
}

static void killed_anywhere(void **state)
{
	(void)state;
	tree_put(root, DIRTY, "50\n");
	/* not committed: back where it was; committed; committed over what is committed, which is joined */
	assert_true(step(false, "60", "50") > 10);
	assert_int_equal(replay(), 0);
	holds(SWAPPINESS, "60");
	assert_true(step(true, "60", "50") > 10);
	commit("40");
	assert_true(step(true, "40", "30") > 10);
	assert_int_equal(revert((struct undo_which){.all = true}), 0);
	holds(SWAPPINESS, "60");
	holds(DIRTY, "50");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(committed_stays), TEST(one_entry_for_a_path),   TEST(shown_otherwise),
		TEST(a_write_in_part), TEST(joined_in_a_full_table), TEST(killed_anywhere),
	};

	return cmocka_run_group_tests_name("undo_commit", tests, NULL, NULL);
}
