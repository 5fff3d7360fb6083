// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The restorer: what it puts back, and the hook that it runs. */
#include "guard_fixture.h"

#define QUEUE "/sys/class/net/eth0/tx_queue_len"

static void tables_refused(void **state)
{
	char file[96];

	(void)state;
	tree_put(root, "/run/" UNDO_FILE, "rubbish");
	snprintf(file, sizeof(file), "%s/" UNDO_FILE, dir);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(start("ahk"), -EBADMSG);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(start("ahk"), -ELOOP);
	assert_int_equal(restorer_main(-1, dir, root, "/nonexistent"), 1);
	/* and a directory that is one */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
	snprintf(file, sizeof(file), "%s/elsewhere", root);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(symlink(file, dir), 0);
	assert_int_equal(start("ahk"), -ENOTDIR);
	assert_int_equal(restorer_main(-1, dir, root, "/nonexistent"), 1);
	assert_int_equal(rmdir(file), 0); /* nothing was made in it */
}

/* The restorer in this process: obeys these letters, then sees its pipe's end. */
static int restorer(const char *letters)
{
	int ends[2], code;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], letters, strlen(letters)), strlen(letters));
	close(ends[1]);
	code = restorer_main(ends[0], dir, root, "/nonexistent");
	close(ends[0]);
	return code;
}

static void restores(void **state)
{
	struct undo undo;
	char full[128];

	(void)state;
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_int_equal(restorer("?q"), 0);
	assert_true(holds(SWAPPINESS, "10"));
	assert_int_equal(restorer("uq"), 0);
	assert_true(holds(SWAPPINESS, "60"));
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_int_equal(restorer(""), 0);
	assert_true(holds(SWAPPINESS, "60"));
	/* what could not be put back is a failure, and stays */
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	snprintf(full, sizeof(full), "%s" SWAPPINESS, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(mkdir(full, 0755), 0);
	hook("/hook", "", 10000, 0755);
	hook_due("limit");
	assert_int_equal(restorer("uhq"), 1);
	assert_true(holds("/reason", "limit"));
	/* once for each trip */
	tree_put(root, "/reason", "none\n");
	assert_int_equal(restorer("uhq"), 1);
	assert_true(holds("/reason", "none"));
	/* nobody asks for it, as the guard is dead */
	hook_due("guard");
	assert_int_equal(restorer(""), 1);
	assert_true(holds("/reason", "guard"));
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 1);
	/* damaged meanwhile */
	undo.table->entry[0].kind = 77;
	assert_int_equal(undo_replay(undo.table, root, NULL, NULL), -EBADMSG);
	undo_close(&undo);
}

/*
 * The daemon's hand is at a driver that hangs: all but network interfaces is put back at once, the hook runs when it has
 * waited long enough, and the rest is put back when the hand is gone.
 */
static void hand_hangs(void **state)
{
	struct undo undo;
	int mark, code;
	pid_t pid;

	(void)state;
	tree_put(root, QUEUE, "1000\n");
	hook("/hook", "", 10000, 0755);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_true(change_file(undo.table, root, 0, QUEUE, "500") >= 0);
	mark = undo_mark(&undo);
	assert_true(mark >= 0);
	hook_due("died");
	pid = fork();
	if (!pid) {
		close(mark);
		_exit(restorer("uq"));
	}
	EVENTUALLY(holds(SWAPPINESS, "60"));
	assert_true(holds(QUEUE, "500"));
	EVENTUALLY(holds("/reason", "died"));
	assert_true(holds(QUEUE, "500"));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	close(mark);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_int_equal(code, 0);
	assert_true(holds(QUEUE, "1000"));
	undo_close(&undo);
}

static void hook_runs(void **state)
{
	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(start("ahtws"), 0);
	assert_false(guard_watch(&g, true));
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_true(guard_watch(&g, false));
	assert_int_equal(guard_end(&g), 0);
	assert_true(holds("/reason", "operator"));
	/* nothing but stdin, stdout, stderr, and what ls itself opened */
	assert_true(holds("/fds", "4"));
}

static void hook_is_killed(void **state)
{
	__u64 before = clock_ns();

	(void)state;
	hook("/hook", "sleep 1000 & sleep 1000; echo >survived", 3000, 0755);
	assert_int_equal(guarded("cahk"), 128 + SIGKILL);
	assert_true(holds("/reason", "died"));
	assert_true(holds(SWAPPINESS, "60"));
	assert_true(clock_ns() - before >= 3000 * NS_PER_MS);
	assert_true(clock_ns() - before < 100 * NS_PER_S);
}

/* How many lines a file below the root has that are @text, or of whatever text (NULL). */
static int lines(const char *name, const char *text)
{
	char line[128], path[128];
	int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		nr += !text || !strcmp(line, text);
	}
	if (f)
		fclose(f);
	return nr;
}

/* One at a time, and none is lost, that of a trip least of all; and an undo does not wait for it. */
static void hook_in_the_way_of_nobody(void **state)
{
	struct undo undo;
	int ends[2], code;
	char path[128];
	__u32 job;
	pid_t pid;

	(void)state;
	hook("/hook",
	     "[ ! -e ${0%/*}/runs.now ] || echo two >>${0%/*}/runs; : >${0%/*}/runs.now; "
	     "while [ ! -e ${0%/*}/go ]; do :; done; echo $HOMEOSTAT_REASON >>${0%/*}/runs; "
	     "rm ${0%/*}/runs.now; exit 3",
	     30000, 0755);
	snprintf(path, sizeof(path), "%s/hook", root);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(restorer_main(ends[0], dir, root, "/nonexistent"));
	}
	undo_set_reason(undo.table, "pending");
	assert_int_equal(write(ends[1], "h", 1), 1);
	EVENTUALLY(!undo.table->hook_due);
	EVENTUALLY(there("runs.now"));
	/* trips, while the hook of what is pending runs, and the hook of a change */
	undo_set_reason(undo.table, "trip");
	assert_int_equal(write(ends[1], "h", 1), 1);
	EVENTUALLY(!undo.table->hook_due);
	job = undo_ask_job(undo.table, path, 30000, "before");
	undo_set_reason(undo.table, "again");
	assert_int_equal(write(ends[1], "huq", 3), 3);
	EVENTUALLY(holds(SWAPPINESS, "60"));
	/* nor do the next daemon and `homeostat restore` */
	assert_int_equal(undo_lock(&undo, 5000), 0);
	assert_int_equal(undo_unlock(&undo), 0);
	assert_false(there("runs"));
	assert_false(undo_job_done(undo.table, job, &code));
	tree_put(root, "/go", "");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(lines("runs", NULL), 4);
	assert_int_equal(lines("runs", "pending"), 1);
	assert_int_equal(lines("runs", "trip"), 1);
	assert_int_equal(lines("runs", "again"), 1);
	assert_int_equal(lines("runs", "before"), 1);
	assert_true(undo_job_done(undo.table, job, &code));
	assert_int_equal(code, 3);
	close(ends[0]);
	close(ends[1]);
	undo_close(&undo);
}

/* That of a change: what came of it is told; one that may not be run, or is not there any more, has failed. */
static void jobs(void **state)
{
	char path[128], longer[UNDO_HOOK_LEN + 2] = "";
	struct undo undo;
	__u32 job;
	int code;

	(void)state;
	hook("/hook", "sleep 1000 & exit 0", 1, 0755); /* the limit is the job's own */
	snprintf(path, sizeof(path), "%s/hook", root);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	job = undo_ask_job(undo.table, path, 30000, "before 7:\x1b net.core.somaxconn");
	assert_false(undo_job_done(undo.table, job, &code));
	assert_int_equal(restorer("hhq"), 0);
	assert_true(holds("/reason", "before 7:? net.core.somaxconn"));
	assert_true(undo_job_done(undo.table, job, &code));
	assert_int_equal(code, 0);
	/* once: it stands there still */
	tree_put(root, "/reason", "none\n");
	assert_int_equal(restorer("hq"), 0);
	assert_true(holds("/reason", "none"));
	assert_int_equal(undo_ask_job(undo.table, path, 30000, "after 7"), job + 1);
	assert_false(undo_job_done(undo.table, job + 1, &code));
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(restorer("hq"), 0);
	assert_true(undo_job_done(undo.table, job + 1, &code));
	assert_int_equal(code, -1);
	hook("/hook", "sleep 1000", 1, 0755);
	job = undo_ask_job(undo.table, path, 100, "after 8");
	assert_int_equal(restorer("hq"), 0);
	assert_true(undo_job_done(undo.table, job, &code));
	assert_int_equal(code, -1);
	memset(longer, 'x', UNDO_HOOK_LEN);
	assert_int_equal(undo_ask_job(undo.table, longer, 100, ""), 0);
	assert_int_equal(undo_hooks_ms(undo.table), 3 * 1 + 100);
	undo.table->job.asked = ~0U; /* never 0 */
	assert_int_equal(undo_ask_job(undo.table, path, 100, ""), 1);
	undo_close(&undo);
}

static void hook_refusals(void **state)
{
	char path[128];

	(void)state;
	hook("/hook", "", 10000, 0775);
	hook_due("limit");
	assert_int_equal(restorer("hq"), 0);
	assert_false(there("reason"));
	snprintf(path, sizeof(path), "%s/hook", root);
	assert_non_null(untrusted_program(path));
	assert_int_equal(chmod(path, 0644), 0);
	assert_non_null(untrusted_program(path));
	assert_int_equal(chmod(path, 0755), 0);
	assert_null(untrusted_program(path));
	assert_int_equal(chmod(root, 0777), 0);
	assert_non_null(untrusted_program(path));
	assert_int_equal(chmod(root, 0700), 0);
	if (!geteuid()) {
		assert_int_equal(chown(path, 1, 1), 0);
		assert_non_null(untrusted_program(path));
	}
	assert_non_null(untrusted_program("hook"));
	assert_non_null(untrusted_program("/nonexistent"));
	assert_non_null(untrusted_program("/tmp"));
	snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("/bin/sh", path), 0);
	assert_non_null(untrusted_program(path));
}

/* A directory that is a link, in one that is nobody else's: what counts is the way that it leads, too. */
static void hook_behind_a_link(void **state)
{
	char path[128], to[128];

	(void)state;
	tree_put(root, "/open/dir", NULL);
	hook("/open/dir/hook", "", 10000, 0755);
	snprintf(to, sizeof(to), "%s/open/dir", root);
	snprintf(path, sizeof(path), "%s/way", root);
	assert_int_equal(symlink(to, path), 0);
	strcat(path, "/hook");
	assert_null(untrusted_program(path));
	snprintf(to, sizeof(to), "%s/open", root);
	assert_int_equal(chmod(to, 0777), 0);
	assert_non_null(untrusted_program(path));
	assert_int_equal(chmod(to, 0755), 0);
	/* the same by a relative one, and by one to it */
	snprintf(path, sizeof(path), "%s/again", root);
	assert_int_equal(symlink("./way/../dir", path), 0);
	strcat(path, "/hook");
	assert_null(untrusted_program(path));
	assert_int_equal(chmod(to, 0777), 0);
	assert_non_null(untrusted_program(path));
	/* one that leads in a circle */
	snprintf(path, sizeof(path), "%s/circle", root);
	assert_int_equal(symlink("circle", path), 0);
	strcat(path, "/hook");
	assert_non_null(untrusted_program(path));
}

static const struct CMUnitTest tests[] = {
	TEST(tables_refused), TEST(restores),	    TEST(hand_hangs),
	TEST(hook_runs),      TEST(hook_is_killed), TEST(hook_in_the_way_of_nobody),
	TEST(jobs),	      TEST(hook_refusals),  TEST(hook_behind_a_link),
};

GUARD_MAIN("restorer", tests)
