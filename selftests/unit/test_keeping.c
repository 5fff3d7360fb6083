// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What waits outlives the daemon: the process that writes its file, and what a daemon makes of that at its start. */
#include "tx_fixture.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "clock.h"
#include "daemon.h"
#include "private_file.h"

#define OTHER "99999999-2222-3333-4444-555555555555"
#define PROPOSALS ONE("net.core.somaxconn", "8192")
#define LATER                                                                                      \
	"[{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\",\"timing\":"          \
	"\"maintenance\"}]"

/* ---- the keeper ---- */

static char state_dir[96];

static bool file_has(const char *name, const char *text)
{
	char path[160], buf[4096] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/" KEPT_DIR "/%s", state_dir, name);
	f = fopen(path, "r");
	if (f) {
		buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
		fclose(f);
	}
	return strstr(buf, text);
}

static void the_keeper(void **state)
{
	char why[200];
	static char longer[KEPT_TEXT_MAX + 1];
	struct keeper k;
	struct stat st;
	char path[160];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/" KEPT_DIR, state_dir);
	fd = private_dir(AT_FDCWD, path, 0700, why, sizeof(why));
	assert_true(fd >= 0);
	assert_int_equal(keeper_start(&k, fd), 0);
	assert_int_equal(keeper_write(&k, "one", 10000), 0);
	assert_true(file_has(KEPT_FILE, "one\n"));
	assert_int_equal(keeper_write(&k, "two", 10000), 0);
	assert_true(file_has(KEPT_FILE, "two\n"));
	assert_int_equal(fstatat(fd, KEPT_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	memset(longer, 'x', KEPT_TEXT_MAX);
	assert_int_equal(keeper_write(&k, longer, 10000), -EFBIG);
	/* a disk that hangs: nobody waits, and what is under way is not written over */
	assert_true(k.child.pid > 0);
	assert_int_equal(kill(k.child.pid, SIGSTOP), 0);
	assert_int_equal(keeper_write(&k, "three", 0), -EINPROGRESS);
	assert_int_equal(keeper_write(&k, "four", 0), -EBUSY);
	assert_string_equal(k.text, "three");
	assert_int_equal(kill(k.child.pid, SIGCONT), 0);
	assert_int_equal(keeper_hear(&k, 10000), 0);
	assert_true(file_has(KEPT_FILE, "three\n"));
	assert_int_equal(keeper_write(&k, "four", 10000), 0);
	/* one that cannot be written is as it was */
	snprintf(path, sizeof(path), "%s/" KEPT_DIR "/.new", state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(keeper_write(&k, "five", 10000), -EISDIR);
	assert_true(file_has(KEPT_FILE, "four\n"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(kill(k.child.pid, SIGKILL), 0);
	assert_int_equal(waitpid(k.child.pid, NULL, 0), k.child.pid);
	assert_int_equal(keeper_write(&k, "six", 10000), -ECHILD);
	assert_int_equal(keeper_write(&k, "six", 10000), -ECHILD);
	keeper_stop(&k);
	close(fd);
}

/* ---- the daemon ---- */

static struct homeostatd d;
static const char *kb_refusal = "";

/* A daemon as far as it takes, over the fixture's tree and undo table. */
static void begin(const char *mode_boot)
{
	char path[160];

	memset(&d, 0, sizeof(d));
	d.opt.root = root;
	d.opt.state = state_dir;
	d.opt.guard_fd = -1;
	d.undo = undo;
	strcpy(d.undo.table->boot_id, mode_boot);
	d.mode = HS_MODE_ADVISE;
	profile_stock(&d.policy.profile);
	d.changes.machine = (struct kb_machine){.memory_bytes = 1ULL << 30, .cpus = 4};
	assert_int_equal(
		kb_parse(&d.changes.kb, "kb", kb_text, sizeof(kb_text) - 1, error, sizeof(error)),
		0);
	snprintf(path, sizeof(path), "%s/sock", root); /* events go to who follows */
	d.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(server_open(&d.server, path, d.epoll_fd, 5, verb_answer, &d), 0);
	strcpy(d.changes.refusal, kb_refusal);
	keeping_open(&d);
	keeping_take_up(&d);
}

static void end(void)
{
	keeping_close(&d);
	server_close(d.server);
	close(d.epoll_fd);
	tx_free(&d.changes.table);
	kb_free(&d.changes.kb);
}

/* Without a word to a disk: as by SIGKILL. */
static void dies(void)
{
	d.changes.saved = d.changes.changed;
	d.changes.begins = 0;
	end();
}

static int ask_for(const char *proposals)
{
	struct tx_world w = changes_world(&d);
	char text[1024];
	struct json_object *request;
	struct ask_list list;
	int id;

	snprintf(text, sizeof(text), "{\"source\":\"person\",\"proposals\":%s}", proposals);
	request = json_tokener_parse(text);
	id = ask_read(&list, request, error, sizeof(error));
	if (!id)
		id = tx_propose(&d.changes.table, &w, &list, 0, "a test", error, sizeof(error));
	json_object_put(request);
	assert_int_equal(keeping_save(&d), 0);
	return id;
}

static const struct tx *found(int id)
{
	return tx_find(&d.changes.table, (__u32)id);
}

/* As a person does, and kept. */
static void approve(int id)
{
	struct tx *tx = (struct tx *)found(id);

	tx->state = TX_WAITING;
	tx->approved = true;
	assert_int_equal(keeping_save(&d), 0);
}

static void outlives(void **state)
{
	const struct tx *tx;
	int id, later;
	__u64 due_ns;

	(void)state;
	begin(BOOT);
	id = ask_for(PROPOSALS);
	later = ask_for(LATER);
	assert_int_equal(later, id + 1);
	due_ns = found(id)->due_ns;
	dies();
	undo.table->last_id = 0; /* a new boot's table begins anew; the file knows */
	begin(BOOT);
	assert_int_equal(undo.table->last_id, later);
	tx = found(id);
	assert_non_null(tx);
	assert_int_equal(tx->state, TX_PENDING);
	assert_string_equal(tx->why, "a test");
	assert_string_equal(tx->file[0].from, "4096");
	assert_true(tx->due_ns == due_ns);
	assert_true(tx->made_ns <= clock_ns());
	assert_int_equal(found(later)->timing, KB_TIMING_MAINTENANCE);
	/* somebody writes it while nobody looks: what it held counts, in the same boot */
	dies();
	tree_put(root, SOMAXCONN, "5000\n");
	begin(BOOT);
	assert_string_equal(found(id)->file[0].from, "4096");
	dies();
	/* of an earlier boot: what was for at once has expired, what is for a window waits with what is there now */
	tree_put(root, SWAPPINESS, "61\n");
	begin(OTHER);
	assert_int_equal(found(id)->state, TX_EXPIRED);
	assert_non_null(strstr(found(id)->why, "the host was booted since"));
	assert_int_equal(found(later)->state, TX_PENDING);
	assert_string_equal(found(later)->file[0].from, "61");
	end();
}

static void under_way(void **state)
{
	struct tx *tx;
	int id, other;

	(void)state;
	begin(BOOT);
	id = ask_for(PROPOSALS);
	tx = (struct tx *)found(id);
	approve(id);
	assert_true(tx->filed);
	assert_true(file_has(KEPT_FILE, "\"state\":\"waiting\""));
	/* before a value is written the file says so: whoever comes after a crash does not make it again */
	assert_true(keeping_begins(&d, tx));
	assert_false(tx->filed);
	assert_false(file_has(KEPT_FILE, "\"state\":\"waiting\""));
	dies();
	begin(BOOT);
	assert_int_equal(found(id)->state, TX_ROLLED_BACK);
	assert_non_null(strstr(found(id)->why, "ended while it was under way"));
	/* one whose row cannot be taken back is not begun; one that has none is */
	other = ask_for(LATER);
	tx = (struct tx *)found(other);
	assert_true(d.changes.keeper.child.pid > 0);
	assert_int_equal(kill(d.changes.keeper.child.pid, SIGKILL), 0);
	assert_int_equal(waitpid(d.changes.keeper.child.pid, NULL, 0), d.changes.keeper.child.pid);
	assert_false(keeping_begins(&d, tx));
	assert_non_null(strstr(tx->why, KEPT_FILE " can be written"));
	tx->filed = false;
	assert_true(keeping_begins(&d, tx));
	end();
	/* that it was approved is remembered */
	begin(BOOT);
	((struct tx *)found(other))->approved = true;
	assert_int_equal(keeping_save(&d), 0);
	dies();
	begin(BOOT);
	assert_true(found(other)->approved);
	assert_false(found(other)->must_help); /* a person's */
	end();
}

/*
 * A disk that takes longer than is waited for: the change begins when its row is there, not with a text given away anew each time; and one that did
 * not begin after all is not taken for one that did.
 */
static void a_slow_disk(void **state)
{
	pid_t keeper;
	struct tx *tx;
	int id;

	(void)state;
	begin(BOOT);
	id = ask_for(PROPOSALS);
	tx = (struct tx *)found(id);
	keeper = d.changes.keeper.child.pid;
	assert_true(tx->filed);
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_false(keeping_begins(&d, tx));
	assert_int_equal(kill(keeper, SIGCONT), 0);
	if (d.changes.keeper.busy) {
		assert_int_equal(keeper_hear(&d.changes.keeper, 10000), 0);
		d.changes.saved = d.changes.sent; /* as a tick does */
	}
	assert_true(file_has(KEPT_FILE, "\"prepared\""));
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_true(keeping_begins(&d, tx));
	assert_int_equal(kill(keeper, SIGCONT), 0);
	/* the next one: asked for, and then the daemon ends in good order before it began */
	id = ask_for(ONE("vm.swappiness", "10"));
	tx = (struct tx *)found(id);
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_false(keeping_begins(&d, tx));
	assert_int_equal(kill(keeper, SIGCONT), 0);
	end();
	begin(BOOT);
	assert_int_equal(found(id)->state, TX_PENDING);
	end();
}

/* Each change of what waits comes to the disk with the next looks, without anybody waiting for it. */
static void follows(void **state)
{
	struct tx_world w;
	int id;

	(void)state;
	begin(BOOT);
	id = ask_for(PROPOSALS);
	w = changes_world(&d);
	assert_int_equal(tx_reject(&d.changes.table, &w, (__u32)id, "no"), 0);
	assert_true(d.changes.saved != d.changes.changed);
	for (int i = 0; i < 1000 && d.changes.saved != d.changes.changed; i++) {
		keeping_tick(&d);
		if (d.changes.keeper.busy)
			assert_int_equal(keeper_hear(&d.changes.keeper, 10000), 0),
				d.changes.saved = d.changes.sent;
	}
	assert_int_equal(d.changes.saved, d.changes.changed);
	assert_true(file_has(KEPT_FILE, "\"rows\":[]"));
	assert_true(file_has(KEPT_FILE, "\"last_id\":1")); /* no number comes twice */
	end();
}

static void damaged_file(void **state)
{
	char path[160];

	(void)state;
	begin(BOOT);
	ask_for(PROPOSALS);
	end();
	snprintf(path, sizeof(path), "%s/" KEPT_DIR "/" KEPT_FILE, state_dir);
	assert_int_equal(truncate(path, 50), 0);
	begin(BOOT);
	assert_null(found(1));
	assert_true(file_has(KEPT_DAMAGED, "{\"version\":1"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ask_for(PROPOSALS), 2); /* the undo table knows */
	end();
	/* what others may write is not read */
	assert_int_equal(chmod(path, 0666), 0);
	begin(BOOT);
	assert_null(found(2));
	end();
	/* a row whose parameter there is no more is left out; the others are not */
	begin(BOOT);
	ask_for(PROPOSALS);
	ask_for(LATER);
	dies();
	tree_put(root, SWAPPINESS, "10\n");
	begin(BOOT);
	assert_non_null(found(3));
	assert_null(found(4)); /* it is so already */
	assert_false(file_has(KEPT_REFUSED, "{"));
	end();
}

/* What this host has not, or not yet, and all of it where there is no knowledge base: it stands beside the file that is written next. */
static void refused_rows(void **state)
{
	char path[160];

	(void)state;
	begin(BOOT);
	ask_for(LATER);
	ask_for(PROPOSALS);
	dies();
	snprintf(path, sizeof(path), "%s" SWAPPINESS, root);
	assert_int_equal(unlink(path), 0);
	begin(BOOT);
	assert_null(found(1));
	assert_non_null(found(2));
	assert_true(file_has(KEPT_REFUSED, "vm.swappiness"));
	assert_int_equal(keeping_save(&d), 0);
	assert_false(file_has(KEPT_FILE, "vm.swappiness"));
	assert_true(file_has(KEPT_FILE, "net.core.somaxconn"));
	dies();
	kb_refusal = "line 7: no such thing";
	begin(BOOT);
	kb_refusal = "";
	assert_null(found(2));
	assert_true(file_has(KEPT_REFUSED, "net.core.somaxconn"));
	assert_false(file_has(KEPT_REFUSED, "vm.swappiness"));
	end();
}

/* `*` stands for what is there: what has come since a person approved it, he has not seen. What has gone does not matter. */
static void approved_without(void **state)
{
	char path[160];
	int id;

	(void)state;
	begin(BOOT);
	id = ask_for("[{\"parameter\":\"rps[eth0,*]\",\"value\":\"1\",\"reason\":\"r\","
		     "\"timing\":\"maintenance\"}]");
	assert_int_equal(found(id)->files_nr, 3);
	approve(id);
	dies();
	snprintf(path, sizeof(path), "%s" RPS("2"), root);
	assert_int_equal(unlink(path), 0);
	begin(OTHER);
	assert_int_equal(found(id)->files_nr, 2);
	assert_true(found(id)->approved);
	assert_int_equal(found(id)->state, TX_WAITING);
	assert_int_equal(keeping_save(&d), 0);
	dies();
	tree_put(root, RPS("3"), "0\n");
	begin(OTHER);
	assert_int_equal(found(id)->files_nr, 3);
	assert_false(found(id)->approved);
	assert_int_equal(found(id)->state, TX_PENDING);
	assert_non_null(strstr(found(id)->why, RPS("3")));
	/* named, it is approved, also where it was so already when that was done */
	tree_put(root, SWAPPINESS, "10\n");
	id = ask_for("[{\"parameter\":\"net.core.somaxconn\",\"value\":\"8192\",\"reason\":\"r\","
		     "\"timing\":\"maintenance\"},{\"parameter\":\"vm.swappiness\",\"value\":"
		     "\"10\",\"reason\":\"r\",\"timing\":\"maintenance\"}]");
	assert_int_equal(found(id)->files_nr, 1);
	approve(id);
	dies();
	tree_put(root, SWAPPINESS, "60\n");
	begin(OTHER);
	assert_int_equal(found(id)->files_nr, 2);
	assert_true(found(id)->approved);
	end();
}

/* The keeper of one that was killed is still at a write: nobody reads or writes beside it. */
static void the_last_keeper(void **state)
{
	struct keeper old;

	(void)state;
	begin(BOOT);
	ask_for(PROPOSALS);
	old = d.changes.keeper;
	assert_true(old.child.pid > 0);
	assert_int_equal(kill(old.child.pid, SIGSTOP), 0);
	memset(&d.changes.keeper, 0, sizeof(d.changes.keeper));
	dies();
	begin(BOOT);
	assert_null(found(1));
	assert_int_equal(d.changes.keeper.child.pid, 0);
	end();
	assert_int_equal(kill(old.child.pid, SIGCONT), 0);
	keeper_stop(&old);
	begin(BOOT);
	assert_non_null(found(1));
	end();
}

static void no_place(void **state)
{
	(void)state;
	assert_int_equal(chmod(state_dir, 0777), 0);
	begin(BOOT);
	assert_int_equal(d.changes.keeper.child.pid, 0);
	assert_int_equal(keeping_save(&d), -ECHILD);
	keeping_tick(&d);
	end();
}

/* A child that a disk keeps busy does not keep the undo table from who comes next. */
static void no_child_has_the_lock(void **state)
{
	struct undo next;
	char path[96];
	pid_t pid;

	(void)state;
	memset(&d, 0, sizeof(d));
	snprintf(path, sizeof(path), "%s/lock", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/lock/sock", root);
	d.opt.socket = path;
	d.opt.root = root;
	assert_int_equal(undo_take(&d), 0);
	pid = fork();
	if (!pid) { /* as the scribe and the keeper are: no descriptors but their own */
		close_range(3, ~0U, 0);
		for (;;)
			pause();
	}
	snprintf(dir, sizeof(dir), "%s/lock", root);
	assert_int_equal(undo_open(&next, dir, "", false), 0);
	assert_int_equal(undo_lock(&next, 0), -EBUSY);
	undo_close(&d.undo);
	assert_int_equal(undo_lock(&next, 10000), 0);
	undo_close(&next);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int setup_keeping(void **state)
{
	if (setup_all(state))
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", root);
	return mkdir(state_dir, 0700);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_keeping, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_keeper),
		TEST(outlives),
		TEST(under_way),
		TEST(follows),
		TEST(a_slow_disk),
		TEST(damaged_file),
		TEST(refused_rows),
		TEST(approved_without),
		TEST(no_place),
		TEST(the_last_keeper),
		TEST(no_child_has_the_lock),
	};

	return cmocka_run_group_tests_name("keeping", tests, NULL, NULL);
}
