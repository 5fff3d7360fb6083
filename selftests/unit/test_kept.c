// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The file of what waits: its text, strictly; the process that writes it; and what a daemon makes of it at its start. */
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

static char why[200];

/* ---- the text ---- */

static const struct kept_row first = {.id = 3,
				      .uid = 1000,
				      .state = TX_PENDING,
				      .made_s = 100,
				      .due_s = 3700,
				      .due_boot_ns = 3600 * S,
				      .why = "mode advise"};

static struct json_object *whole_of(const struct kept_row *row)
{
	struct json_object *whole = kept_begin(BOOT, 200, 7), *files;

	assert_non_null(whole);
	files = kept_add(whole, row, "rules", PROPOSALS);
	assert_non_null(files);
	assert_true(kept_file(files, SOMAXCONN, "4096"));
	return whole;
}

static void reads_what_it_writes(void **state)
{
	struct json_object *whole = whole_of(&first);
	const char *text = js_line(whole);
	struct kept kept;

	(void)state;
	assert_null(kept_add(whole, &first, "rules", "no json"));
	assert_int_equal(kept_parse(&kept, text, strlen(text), why, sizeof(why)), 0);
	assert_string_equal(kept.boot_id, BOOT);
	assert_int_equal(kept.saved_s, 200);
	assert_int_equal(kept.last_id, 7);
	assert_int_equal(kept.nr, 1);
	assert_int_equal(kept.row[0].id, 3);
	assert_int_equal(kept.row[0].uid, 1000);
	assert_int_equal(kept.row[0].state, TX_PENDING);
	assert_false(kept.row[0].approved);
	assert_string_equal(kept.row[0].why, "mode advise");
	assert_string_equal(kept_held(&kept.row[0], SOMAXCONN), "4096");
	assert_null(kept_held(&kept.row[0], "/proc/sys/vm/none"));
	assert_string_equal(js_str(kept.row[0].asked, "source"), "rules");
	/* when it expires: by the boot's clock; of another boot by the wall's, if that can be right */
	assert_int_equal(kept_due(&kept, &kept.row[0], BOOT, 5 * S, 9999999), 3600 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 700), 3005 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 9999999), 5 * S);
	assert_int_equal(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 0), 3505 * S);
	kept.row[0].due_s = ~0ULL;
	assert_true(kept_due(&kept, &kept.row[0], OTHER, 5 * S, 700) == ~0ULL);
	kept_free(&kept);
	json_object_put(whole);
}

/* Any part of it, and any change of it that says something else. */
static void refuses_damage(void **state)
{
	static const struct {
		const char *what, *with, *says;
	} bad[] = {
		{"\"version\":1", "\"version\":2", "version: expected 1"},
		{"\"version\":1,", "", "version: expected 1"},
		{BOOT, "1", "boot_id"},
		{"\"last_id\":7", "\"last_id\":2", "rules: id"},
		{"\"last_id\":7", "\"last_id\":\"7\"", "last_id"},
		{"\"last_id\":7", "\"last_id\":4294967295", "leaves room"},
		{"\"saved_s\":200", "\"saved_s\":-1", "saved_s"},
		{"\"saved_s\":200", "\"saved_s\":200,\"more\":1", "nothing more in it"},
		{"\"id\":3", "\"id\":0", "rows: id, uid"},
		{"\"uid\":1000", "\"uid\":4294967296", "rows: id, uid"},
		{"\"state\":\"pending\"", "\"state\":\"committed\"", "rows: state"},
		{"\"state\":\"pending\"", "\"state\":7", "rows: state"},
		{"\"approved\":false", "\"approved\":0", "rows: approved"},
		{"\"due_s\":3700", "\"due\":3700", "due_s"},
		{"\"why\":\"mode advise\"", "\"why\":null", "rows: why"},
		{"\"source\":\"rules\"", "\"source\":1", "rows: source"},
		{"\"files\":[[", "\"files\":[1,[", "rows: files"},
		{",\"4096\"]", "]", "rows: files"},
		{",\"4096\"]", ",4096]", "rows: files"},
		{"\"id\":3,", "\"id\":3,\"id\":4,", "one JSON object"},
		{"\"id\":3,", "\"id\":3,\"x\":4,", "eleven members"},
		{"\"rows\":[", "\"rows\":[7,", "eleven members"},
	};
	struct json_object *whole = whole_of(&first);
	const char *text = js_line(whole);
	struct kept kept;
	char damaged[1024];

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(kept_parse(&kept, text, len, why, sizeof(why)), -EBADMSG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *at = strstr(text, bad[i].what);

		assert_non_null(at);
		snprintf(damaged, sizeof(damaged), "%.*s%s%s", (int)(at - text), text, bad[i].with,
			 at + strlen(bad[i].what));
		if (kept_parse(&kept, damaged, strlen(damaged), why, sizeof(why)) != -EBADMSG)
			fail_msg("taken: %s", damaged);
		if (!strstr(why, bad[i].says) && strcmp(bad[i].says, "rules: id"))
			fail_msg("%s: '%s' has no '%s'", bad[i].with, why, bad[i].says);
		assert_int_equal(kept.nr, 0);
		assert_null(kept.whole);
	}
	json_object_put(whole);
	/* twice the same number */
	whole = whole_of(&first);
	assert_non_null(kept_add(whole, &first, "rules", PROPOSALS));
	text = js_line(whole);
	assert_int_equal(kept_parse(&kept, text, strlen(text), why, sizeof(why)), -EBADMSG);
	json_object_put(whole);
}

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
	tx->state = TX_WAITING;
	tx->approved = true;
	assert_int_equal(keeping_save(&d), 0);
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
	((struct tx *)found(id))->approved = true;
	((struct tx *)found(id))->state = TX_WAITING;
	assert_int_equal(keeping_save(&d), 0);
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
	((struct tx *)found(id))->approved = true;
	((struct tx *)found(id))->state = TX_WAITING;
	assert_int_equal(keeping_save(&d), 0);
	dies();
	tree_put(root, SWAPPINESS, "60\n");
	begin(OTHER);
	assert_int_equal(found(id)->files_nr, 2);
	assert_true(found(id)->approved);
	end();
}

/* As much as clients may have wait at all, every byte of it escaped, has room in the file. */
static void largest_rows(void **state)
{
	struct kept_row row = first;
	struct json_object *whole = kept_begin(BOOT, 200, KEPT_ROWS_MAX + first.id), *files;
	static char text[CONTROL_REQUEST_MAX], asked[CONTROL_REQUEST_MAX * 2 + 8];
	char path[UNDO_PATH_LEN] = "", value[UNDO_VALUE_LEN] = "";
	struct kept kept;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	memset(path, '"', sizeof(path) - 1);
	memset(value, '"', sizeof(value) - 1);
	memset(row.why, '"', sizeof(row.why) - 1);
	asked[0] = '[', asked[1] = '"';
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		memcpy(asked + 2 + 2 * i, "\\\"", 2);
	strcpy(asked + 2 + 2 * (sizeof(text) - 1), "\"]");
	for (unsigned int i = 0; i < KEPT_ROWS_MAX; i++, row.id++) {
		files = kept_add(whole, &row, "person", asked);
		assert_non_null(files);
		for (int f = 0; f < TX_FILES_MAX; f++)
			assert_true(kept_file(files, path, value));
	}
	assert_true(strlen(js_line(whole)) < KEPT_TEXT_MAX);
	assert_int_equal(
		kept_parse(&kept, js_line(whole), strlen(js_line(whole)), why, sizeof(why)), 0);
	assert_int_equal(kept.nr, KEPT_ROWS_MAX);
	kept_free(&kept);
	json_object_put(whole);
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

static int setup_kept(void **state)
{
	if (setup_all(state))
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", root);
	return mkdir(state_dir, 0700);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_kept, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_what_it_writes),
		TEST(refuses_damage),
		TEST(the_keeper),
		TEST(outlives),
		TEST(under_way),
		TEST(follows),
		TEST(a_slow_disk),
		TEST(damaged_file),
		TEST(refused_rows),
		TEST(largest_rows),
		TEST(approved_without),
		TEST(no_place),
		TEST(the_last_keeper),
		TEST(no_child_has_the_lock),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
