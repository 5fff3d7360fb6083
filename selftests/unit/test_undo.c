// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The undo table: what is refused, what survives a death at any point, what is put back and what is not. */
#include "undo_fixture.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

static void changes_and_puts_back(void **state)
{
	int index = change_file(undo.table, root, 0, SWAPPINESS, "10");

	(void)state;
	assert_true(index >= 0);
	holds(SWAPPINESS, "10");
	assert_int_equal(live(), 1);
	assert_int_equal(change_undo(undo.table, root, index), 0);
	holds(SWAPPINESS, "60");
	assert_int_equal(live(), 0);
}

/* The newest first: two changes of one file, with a slot between that was free again. */
static void newest_first(void **state)
{
	int first, second;

	(void)state;
	first = change_file(undo.table, root, 0, THP, "never");
	second = change_file(undo.table, root, 0, SWAPPINESS, "10");
	undo_forget(undo.table, first);
	tree_put(root, THP, "always madvise [never]\n");
	assert_int_equal(change_file(undo.table, root, 0, SWAPPINESS, "20"), first); /* reused */
	assert_true(second > first);
	assert_int_equal(replay(), 0);
	assert_string_equal(order, "10;60;");
	assert_int_equal(outcomes[UNDO_RESTORED], 2);
	holds(SWAPPINESS, "60");
	assert_int_equal(live(), 0);
}

static void survives_sigkill(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct undo own;

		if (undo_open(&own, dir, root, true) || undo_lock(&own, 0) ||
		    change_file(own.table, root, 0, SWAPPINESS, "1") < 0)
			_exit(1);
		/* entered, and killed before it was written */
		if (undo_enter(own.table, root, 0, "/proc/sys/net/ipv4/tcp_rmem", "1 2 3") < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	holds(SWAPPINESS, "1");
	assert_int_equal(reopen(false), 0);
	assert_int_equal(undo_lock(&undo, 0), 0); /* its lock died with it */
	assert_int_equal(live(), 2);
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_ALREADY], 1);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	holds(SWAPPINESS, "60");
}

static void half_an_entry_is_none(void **state)
{
	(void)state;
	memset(&undo.table->entry[3], 0xff, sizeof(undo.table->entry[3]));
	undo.table->entry[3].state = UNDO_FREE;
	assert_int_equal(reopen(false), 0);
	assert_int_equal(live(), 0);
}

static void spaces_and_choices(void **state)
{
	(void)state;
	assert_true(change_file(undo.table, root, 0, "/proc/sys/net/ipv4/tcp_rmem",
				"4096 100000  200000") >= 0);
	tree_put(root, "/proc/sys/net/ipv4/tcp_rmem", "4096\t100000\t200000\n");
	assert_true(undo_enter(undo.table, root, 0, THP, "never") >= 0);
	assert_int_equal(undo.table->entry[1].kind, UNDO_CHOICE);
	tree_put(root, THP, "always madvise [never]\n");
	undo_wrote(undo.table, root, 1);
	assert_int_equal(undo.table->entry[1].state, UNDO_SHOWN);
	assert_string_equal(undo.table->entry[1].shown, "never");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_RESTORED], 2);
	holds("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456");
	holds(THP, "madvise");
}

/* The kernel shows it differently from what was written: known all the same. */
static void shown_otherwise(void **state)
{
	int index;

	(void)state;
	tree_put(root, "/sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000001\n");
	index = undo_enter(undo.table, root, 0, "/sys/class/net/eth0/queues/rx-0/rps_cpus", "f");
	tree_put(root, "/sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,0000000f\n");
	undo_wrote(undo.table, root, index);
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	holds("/sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000001");
}

static void leaves_the_administrator_alone(void **state)
{
	(void)state;
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	tree_put(root, SWAPPINESS, "42\n");
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "20") >= 0);
	assert_true(change_file(undo.table, root, 0, THP, "never") >= 0);
	tree_put(root, THP, "[always] madvise never\n");
	assert_int_equal(replay(), 0);
	/* back to what he wrote, not beyond */
	holds(SWAPPINESS, "42");
	holds(THP, "[always] madvise never");
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	assert_int_equal(outcomes[UNDO_FOREIGN], 2);
	assert_int_equal(live(), 0);
	/* something that could not stand in a table */
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	tree_put(root, SWAPPINESS, "two\nlines\n");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_FOREIGN], 1);
}

static void what_fails_stays(void **state)
{
	char full[128];

	(void)state;
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "20") >= 0);
	assert_true(change_file(undo.table, root, 0, THP, "never") >= 0);
	snprintf(full, sizeof(full), "%s" SWAPPINESS, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(mkdir(full, 0755), 0);
	snprintf(full, sizeof(full), "%s" THP, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(replay(), 2);
	assert_int_equal(outcomes[UNDO_FAILED], 2);
	assert_int_equal(outcomes[UNDO_GONE], 1);
	assert_int_equal(live(), 2);
	/* the next try succeeds, though the newer one of the two is what the file holds */
	snprintf(full, sizeof(full), "%s" SWAPPINESS, root);
	assert_int_equal(rmdir(full), 0);
	tree_put(root, SWAPPINESS, "20\n");
	assert_int_equal(replay(), 0);
	holds(SWAPPINESS, "60");
}

static void a_failed_write_is_forgotten(void **state)
{
	char full[128];

	(void)state;
	assert_int_equal(change_file(undo.table, root, 0, "/proc/sys/vm/none", "1"), -ENOENT);
	snprintf(full, sizeof(full), "%s/proc/sys/vm/link", root);
	assert_int_equal(symlink("swappiness", full), 0);
	assert_int_equal(change_file(undo.table, root, 0, "/proc/sys/vm/link", "1"), -ELOOP);
	holds(SWAPPINESS, "60");
	assert_int_equal(live(), 0);
}

static int card_says;

static ssize_t says(const char *r, const char *path, char *buf, size_t size)
{
	(void)r;
	(void)path;
	(void)size;
	buf[0] = '\0';
	return card_says;
}

static void strict_paths_and_values(void **state)
{
	static const char *const paths[] = {"",
					    "/",
					    "proc/sys/vm/swappiness",
					    "/etc/passwd",
					    "/proc/sys",
					    "/proc/sys/",
					    "/proc/sysrq-trigger",
					    "/sys/",
					    "/sys/../etc/passwd",
					    "/proc/sys/vm/../../../etc/x",
					    "/proc/sys/vm/./swappiness",
					    "/proc/sys//vm/swappiness",
					    "/proc/sys/vm/swappiness/",
					    "/proc/sys/vm/swap\npiness",
					    "/sys/a\x80",
					    "/ethtool:eth0/rings/rx",
					    "ethtool:eth0/rings/rx-max",
					    "ethtool:eth0/pause/rx",
					    "ethtool:eth0/rings",
					    "ethtool:eth0/../rings/rx",
					    "ethtool:../rings/rx",
					    "ethtool:eth0:1/rings/rx"};
	char text[UNDO_PATH_LEN + 16];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_int_equal(undo_enter(undo.table, root, 0, paths[i], "1"), -EINVAL);
	snprintf(text, sizeof(text), "/proc/sys/%0*d", UNDO_PATH_LEN - 10, 0);
	assert_int_equal(undo_enter(undo.table, root, 0, text, "1"), -EINVAL);
	assert_int_equal(undo_enter(undo.table, root, 0, SWAPPINESS, "1\n"), -EINVAL);
	snprintf(text, sizeof(text), "%0*d", UNDO_VALUE_LEN, 0);
	assert_int_equal(undo_enter(undo.table, root, 0, SWAPPINESS, text), -EINVAL);
	/* a present value that could not be put back */
	tree_put(root, SWAPPINESS, text);
	assert_int_equal(undo_enter(undo.table, root, 0, SWAPPINESS, "1"), -EFBIG);
	tree_put(root, SWAPPINESS, "two\nlines\n");
	assert_int_equal(undo_enter(undo.table, root, 0, SWAPPINESS, "1"), -EINVAL);
	/* dots in names are names */
	tree_put(root, "/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "1\n");
	tree_put(root, "/sys/..a", "1\n");
	assert_true(change_file(undo.table, root, 0, "/proc/sys/net/ipv4/conf/eth0.100/rp_filter",
				"2") >= 0);
	assert_true(change_file(undo.table, root, 0, "/sys/..a", "2") >= 0);
	assert_int_equal(live(), 2);
}

/* A setting of a card stands there by its name, and goes back by it; a driver that has lost it has lost it for good. */
static void a_card(void **state)
{
	static const char ring[] = "/ethtool:eth0/rings/rx";

	(void)state;
	assert_int_equal(change_file(undo.table, root, 0, "ethtool:eth0/rings/rx", "512"), -ENOENT);
	tree_put(root, ring, "256\n");
	assert_true(change_file(undo.table, root, 0, "ethtool:eth0/rings/rx", "512") >= 0);
	holds(ring, "512");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	holds(ring, "256");
	assert_true(change_file(undo.table, root, 0, "ethtool:eth0/rings/rx", "512") >= 0);
	tree_put(root, ring, "128\n");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_FOREIGN], 1);
	holds(ring, "128");
	for (int i = 0; i < 2; i++) {
		card_says = i ? -ENODEV : -EOPNOTSUPP;
		tree_put(root, ring, "128\n");
		assert_true(change_file(undo.table, root, 0, "ethtool:eth0/rings/rx", "512") >= 0);
		place_by(&(const struct place_helper){says, place_write_self});
		assert_int_equal(replay(), 0);
		assert_int_equal(outcomes[UNDO_GONE], 1);
		place_by(NULL);
	}
	/* taken from its driver for now, or nobody there who may ask: it stays noted */
	tree_put(root, ring, "128\n");
	assert_true(change_file(undo.table, root, 0, "ethtool:eth0/rings/rx", "512") >= 0);
	card_says = -ENETDOWN;
	place_by(&(const struct place_helper){says, place_write_self});
	assert_int_equal(replay(), 1);
	card_says = -EPIPE;
	assert_int_equal(replay(), 1);
	place_by(NULL);
	assert_int_equal(replay(), 0);
	holds(ring, "128");
}

static void full_table(void **state)
{
	(void)state;
	for (int i = 0; i < UNDO_ENTRIES; i++)
		assert_int_equal(undo_enter(undo.table, root, 0, SWAPPINESS, "1"), i);
	assert_int_equal(change_file(undo.table, root, 0, SWAPPINESS, "1"), -ENOSPC);
	holds(SWAPPINESS, "60");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_ALREADY], UNDO_ENTRIES);
}

/* Damages the one entry, or what is around it, in the i-th way; false: there is none. */
static bool damage(struct undo_table *t, int i)
{
	struct undo_entry *e = &t->entry[0];

	switch (i) {
	case 0:
		t->magic++;
		return true;
	case 1:
		t->version++;
		return true;
	case 2:
		memset(t->boot_id, 'x', sizeof(t->boot_id));
		return true;
	case 3:
		e->state = UNDO_COMMITTED + 1;
		return true;
	case 4:
		e->kind = UNDO_CHOICE + 1;
		return true;
	case 5:
		e->seq = 0;
		return true;
	case 6:
		e->seq = t->seq + 1;
		return true;
	case 7:
		memset(e->path, 'x', sizeof(e->path));
		return true;
	case 8:
		strcpy(e->path, "/proc/sys/../../etc/passwd");
		return true;
	case 9:
		memset(e->old, '1', sizeof(e->old));
		return true;
	case 10:
		e->written[0] = '\n';
		return true;
	case 11:
		memset(e->shown, '1', sizeof(e->shown));
		return true;
	}
	return false;
}

/* Nothing is put back from a table that is wrong in any way. */
static void damaged(void **state)
{
	struct undo_table good;
	struct undo other;
	int ways = 0;

	(void)state;
	assert_int_equal(change_file(undo.table, root, 0, SWAPPINESS, "10"), 0);
	good = *undo.table;
	assert_int_equal(undo_check(&good, sizeof(good)), 1);
	assert_int_equal(undo_check(&good, sizeof(good) - 1), -EBADMSG);
	while (damage(undo.table, ways)) {
		assert_int_equal(undo_check(undo.table, sizeof(good)), -EBADMSG);
		assert_int_equal(replay(), -EBADMSG);
		assert_string_equal(order, "");
		assert_int_equal(undo_open(&other, dir, root, true), -EBADMSG);
		assert_null(other.table);
		*undo.table = good;
		ways++;
	}
	assert_int_equal(ways, 12);
	holds(SWAPPINESS, "10");
	assert_int_equal(replay(), 0);
	holds(SWAPPINESS, "60");
}

static void another_boot(void **state)
{
	(void)state;
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "another\n");
	assert_int_equal(undo_lock(&undo, 0), 0);
	{
		struct undo other; /* not under a living owner */

		assert_int_equal(undo_open(&other, dir, root, true), -EBUSY);
	}
	assert_int_equal(reopen(false), 0);
	assert_int_equal(live(), 0);
	assert_string_equal(undo.table->boot_id, "another");
	holds(SWAPPINESS, "10");
	tree_put(root, "/proc/sys/kernel/random/boot_id", "");
	assert_int_equal(reopen(false), 0);
}

static int refused(void)
{
	struct undo other;
	int err = undo_open(&other, dir, root, true);

	if (!err)
		undo_close(&other);
	assert_null(other.table);
	return err;
}

static void not_ours(void **state)
{
	char target[96];

	(void)state;
	undo_close(&undo);
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(refused(), -EPERM);
	assert_int_equal(chmod(file, 0600), 0);
	snprintf(target, sizeof(target), "%s/other", dir);
	assert_int_equal(link(file, target), 0);
	assert_int_equal(refused(), -EPERM);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("other", file), 0);
	assert_int_equal(refused(), -ELOOP);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(refused(), -EPERM);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rename(target, file), 0);
	assert_int_equal(refused(), 0);
	if (!geteuid()) {
		assert_int_equal(chown(file, 1, 1), 0);
		assert_int_equal(refused(), -EPERM);
		assert_int_equal(chown(file, 0, 0), 0);
	}
	assert_int_equal(chmod(dir, 0775), 0);
	assert_int_equal(refused(), -EPERM);
	assert_int_equal(chmod(dir, 0755), 0);
	/* another size; but an empty one was left by somebody who did not get further */
	assert_int_equal(truncate(file, 100), 0);
	assert_int_equal(refused(), -EBADMSG);
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(undo_open(&undo, dir, root, false), -EBADMSG);
	assert_int_equal(refused(), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(undo_open(&undo, dir, root, false), -ENOENT);
	assert_null(undo.table);
	snprintf(dir, sizeof(dir), "%s/no/such", root);
	assert_int_equal(undo_open(&undo, dir, root, true), -ENOENT);
	undo_close(&undo);
}

/* What a driver has made of a value that nobody came to read back is not held to be somebody else's; a file's is. */
static void rounded(void **state)
{
	const char *ring = "ethtool:eth0/rings/rx";
	int index;

	(void)state;
	tree_put(root, "/ethtool:eth0/rings/rx", "256\n");
	index = undo_enter(undo.table, root, 0, ring, "1000");
	assert_true(index >= 0);
	tree_put(root, "/ethtool:eth0/rings/rx", "1024\n");
	assert_int_equal(undo_replay(undo.table, root, NULL, NULL), 0);
	holds("/ethtool:eth0/rings/rx", "256");
	index = undo_enter(undo.table, root, 0, ring, "1000");
	undo_wrote(undo.table, root, index);
	tree_put(root, "/ethtool:eth0/rings/rx", "512\n");
	assert_int_equal(undo_replay(undo.table, root, NULL, NULL), 0);
	holds("/ethtool:eth0/rings/rx", "512");
	assert_true(undo_enter(undo.table, root, 0, SWAPPINESS, "1000") >= 0);
	tree_put(root, SWAPPINESS, "100\n");
	assert_int_equal(undo_replay(undo.table, root, NULL, NULL), 0);
	holds(SWAPPINESS, "100");
}

/* In a runtime directory without room for it: refused, instead of a SIGBUS at the first store. */
static void no_room(void **state)
{
	char tiny[80];
	int status, err;
	pid_t pid;

	(void)state;
	snprintf(tiny, sizeof(tiny), "%s/tiny", root);
	assert_int_equal(mkdir(tiny, 0755), 0);
	pid = fork();
	if (!pid) { /* a mount that nobody else sees, and that goes with us */
		if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("tiny", tiny, "tmpfs", 0, "size=64k,mode=0755"))
			_exit(77);
		for (int i = 0; i < 2; i++) { /* nor does what the first left mislead the second */
			err = undo_open(&undo, tiny, root, true);
			if (err != -ENOSPC)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void hook_and_reason(void **state)
{
	char text[UNDO_HOOK_LEN + 1], reason[UNDO_REASON_LEN];

	(void)state;
	assert_int_equal(undo_set_hook(undo.table, "/usr/bin/true", 500), 0);
	assert_string_equal(undo.table->hook, "/usr/bin/true");
	assert_int_equal(undo.table->hook_limit_ms, 500);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(undo_set_hook(undo.table, text, 500), -ENAMETOOLONG);
	assert_int_equal(undo.table->hook_limit_ms, 500);
	assert_int_equal(undo_get_hook(undo.table, text, reason), 500);
	assert_string_equal(text, "/usr/bin/true");
	undo.table->hook_seq |= 1; /* it just changes */
	assert_int_equal(undo_get_hook(undo.table, text, reason), 0);
	assert_int_equal(undo_set_hook(undo.table, NULL, 500), 0);
	assert_int_equal(undo.table->hook_seq % 2, 0);
	assert_int_equal(undo_get_hook(undo.table, text, reason), 0);
	assert_int_equal(undo.table->hook_limit_ms, 0);
	undo_set_reason(undo.table, "heart\nbeat");
	assert_string_equal(undo.table->reason, "heart?beat");
	memset(text, 'x', sizeof(text) - 1);
	undo_set_reason(undo.table, text);
	assert_int_equal(strlen(undo.table->reason), UNDO_REASON_LEN - 1);
	assert_int_equal(live(), 0);
}

/* What the restorer did, a daemon hears of at its start: once. */
static void told_later(void **state)
{
	(void)state;
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_true(change_file(undo.table, root, 0, THP, "never") >= 0);
	undo_told(undo.table, note, &undo);
	tree_put(root, THP, "[always] madvise never\n");
	assert_int_equal(replay(), 0);
	assert_int_equal(outcomes[UNDO_FAILED], 0);
	memset(outcomes, 0, sizeof(outcomes));
	order[0] = '\0';
	undo_told(undo.table, note, &undo);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	assert_int_equal(outcomes[UNDO_ALREADY] + outcomes[UNDO_FOREIGN], 1);
	undo_told(undo.table, note, &undo);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
	/* a slot that is used again has nothing to tell, and nobody need listen */
	assert_int_equal(change_file(undo.table, root, 0, SWAPPINESS, "10"), 0);
	assert_int_equal(replay(), 0);
	undo_forget(undo.table, change_file(undo.table, root, 0, SWAPPINESS, "10"));
	undo_told(undo.table, NULL, NULL);
	undo_told(undo.table, note, &undo);
	assert_int_equal(outcomes[UNDO_RESTORED], 1);
}

/* A kernel that does not know the value for a while: that is a failure, and stays. */
static void unreadable_for_a_while(void **state)
{
	char path[128];

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(change_file(undo.table, root, 0, SWAPPINESS, "10"), 0);
	snprintf(path, sizeof(path), "%s%s", root, SWAPPINESS);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/proc/self/clear_refs", path), 0); /* read() gives EINVAL */
	assert_int_equal(read_file(root, SWAPPINESS, path, sizeof(path)), -EINVAL);
	assert_int_equal(replay(), 1);
	assert_int_equal(outcomes[UNDO_FAILED], 1);
	assert_int_equal(live(), 1);
}

static void words(void **state)
{
	static const int errors[] = {-EBADMSG, -ELOOP, -EPERM, -EBUSY, -EIO};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		assert_true(strlen(undo_error(errors[i])) > 5);
	for (int i = 0; i <= UNDO_FAILED; i++)
		assert_true(strlen(undo_outcome_name(i)) > 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(changes_and_puts_back),
		TEST(newest_first),
		TEST(survives_sigkill),
		TEST(half_an_entry_is_none),
		TEST(spaces_and_choices),
		TEST(shown_otherwise),
		TEST(leaves_the_administrator_alone),
		TEST(what_fails_stays),
		TEST(a_failed_write_is_forgotten),
		TEST(strict_paths_and_values),
		TEST(a_card),
		TEST(full_table),
		TEST(damaged),
		TEST(another_boot),
		TEST(not_ours),
		TEST(rounded),
		TEST(no_room),
		TEST(hook_and_reason),
		TEST(told_later),
		TEST(unreadable_for_a_while),
		TEST(words),
	};

	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
