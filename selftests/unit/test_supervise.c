// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * `homeostatd --supervise` with real processes: the guard is this program again, called as
 * `test_supervise --rundir DIR -- ROOT LIVES`, where each life takes one letter of LIVES. And
 * `homeostat restore`, which comes after all of them.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "../../user/cli/cli.h"
#include "change.h"
#include "clock.h"
#include "daemon.h"
#include "notify.h"
#include "parse.h"
#include "supervise.h"
#include "undo.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

static char root[64], dir[80], runs[80];

/* ---- the guard, and its daemon ---- */

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Takes the table's lock, changes something; the guard goes on once that is done. */
static void change(bool hang)
{
	struct undo undo;
	int done[2];
	char ok = 0;

	if (pipe(done) || undo_open(&undo, dir, root, true))
		_exit(90);
	if (!hang) { /* our own, gone with us */
		if (undo_lock(&undo, 0) || change_file(undo.table, root, 0, SWAPPINESS, "10") < 0)
			_exit(91);
		return;
	}
	undo_close(&undo);
	if (!fork()) {
		if (undo_open(&undo, dir, root, true) || undo_lock(&undo, 0) ||
		    change_file(undo.table, root, 0, SWAPPINESS, "10") < 0 ||
		    write(done[1], "y", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(done[0], &ok, 1) != 1)
		_exit(92);
}

static volatile sig_atomic_t asked;

static void on_signal(int signal)
{
	asked = signal;
}

static int fake_guard(char **argv)
{
	FILE *f;
	long life;
	int fd;

	snprintf(dir, sizeof(dir), "%s", argv[2]);
	snprintf(root, sizeof(root), "%s", argv[4]);
	snprintf(runs, sizeof(runs), "%s/runs", root);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	f = fopen(runs, "a");
	if (!f || fseek(f, 0, SEEK_END))
		return 93;
	life = ftell(f);
	fputc('x', f);
	fclose(f);
	switch (argv[5][life]) {
	case 'k': /* killed with something changed */
		change(false);
		raise(SIGKILL);
		return 94;
	case 'o': /* killed, its daemon hangs */
		change(true);
		raise(SIGKILL);
		return 94;
	case 's': /* guard and daemon are stopped, with something changed */
		change(true);
		notify_send(notify_open(), "READY=1");
		notify_send(notify_open(), "WATCHDOG=1");
		kill(0, SIGSTOP);
		return 94;
	case 'l': /* says often enough that it lives */
		fd = notify_open();
		notify_send(fd, "READY=1");
		for (int i = 0; i < 1000; i++, nap()) {
			if (i % 100 == 0) /* no more than the socket takes */
				notify_watchdog(fd);
		}
		notify_send(fd, "STOPPING=1"); /* from now on nothing is expected of it */
		for (int i = 0; i < 1000; i++)
			nap();
		return 0;
	case 'w': /* runs until asked, says which way */
		while (!asked)
			nap();
		return asked == SIGTERM ? 0 : 3;
	default:
		return argv[5][life] - '0';
	}
}

/* ---- the tests ---- */

static int setup(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET"); /* of an earlier test's supervisor */
	tree_make(root);
	snprintf(dir, sizeof(dir), "%s/run", root);
	snprintf(runs, sizeof(runs), "%s/runs", root);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "one\n");
	tree_put(root, SWAPPINESS, "60\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

static bool holds(const char *path, const char *value)
{
	char now[256];

	return read_file(root, path, now, sizeof(now)) >= 0 && !strcmp(now, value);
}

static struct supervise subject(const char *guard, char **argv)
{
	return (struct supervise){.guard = guard,
				  .argv = argv,
				  .dir = dir,
				  .root = root,
				  .pause_ns = NS_PER_MS,
				  .patience_ms = 100,
				  .watchdog_ns = NS_PER_S};
}

static void lives(const char *letters, int code, const char *ran)
{
	char *argv[] = {root, (char *)letters, NULL};
	struct supervise s = subject("/proc/self/exe", argv);

	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(supervise(&s), code);
	assert_true(holds("/runs", ran));
}

static void ends_for_good(void **state)
{
	(void)state;
	lives("0", 0, "x");
	unlink(runs);
	lives("2", 2, "x");
	unlink(runs);
	lives("10", 0, "xx");
	unlink(runs);
	lives("111000", 1, "xxx");
}

/* As some start their children: their ends are waited for all the same. */
static void children_ignored(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		char *argv[] = {root, (char *)"10", NULL};
		struct supervise s = subject("/proc/self/exe", argv);

		signal(SIGCHLD, SIG_IGN);
		alarm(20);
		_exit(supervise(&s));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(holds("/runs", "xx"));
}

static void puts_back(void **state)
{
	(void)state;
	lives("k0", 0, "xx");
	assert_true(holds(SWAPPINESS, "60"));
	/* the daemon that a killed guard left hanging is killed, too */
	unlink(runs);
	lives("o0", 0, "xx");
	assert_true(holds(SWAPPINESS, "60"));
}

/* Neither guard nor daemon sees to the other: the watchdog does, and to nobody who speaks. */
static void deaf(void **state)
{
	struct stat st;
	char path[96];

	(void)state;
	lives("s0", 0, "xx");
	assert_true(holds(SWAPPINESS, "60"));
	unlink(runs);
	lives("l", 0, "x");
	/* nobody else may fill it up, so that the daemon is not heard */
	snprintf(path, sizeof(path), "%s/notify", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void damaged_table(void **state)
{
	char file[96];

	(void)state;
	tree_put(root, "/run/" UNDO_FILE, "rubbish");
	snprintf(file, sizeof(file), "%s/" UNDO_FILE, dir);
	assert_int_equal(chmod(file, 0600), 0);
	lives("10", 0, "xx"); /* said in the log; the daemon itself refuses to start on it */
}

static void no_guard(void **state)
{
	char *argv[] = {root, NULL};
	struct supervise s = subject("/nonexistent", argv);

	(void)state;
	assert_int_equal(supervise(&s), 1);
}

/* Signals reach the guard; a reload does not end it, being told to stop does. */
static void passes_signals_on(void **state)
{
	char *argv[] = {root, (char *)"ww0", NULL};
	struct supervise s = subject("/proc/self/exe", argv);
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(supervise(&s));
	for (int i = 0; i < 10000 && !holds("/runs", "x"); i++)
		nap();
	assert_int_equal(kill(pid, SIGHUP), 0); /* ends this guard with 3: started again */
	for (int i = 0; i < 10000 && !holds("/runs", "xx"); i++)
		nap();
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(holds("/runs", "xx"));
}

static void stops_between_two_lives(void **state)
{
	char *argv[] = {root, (char *)"10", NULL};
	struct supervise s = {.guard = "/proc/self/exe",
			      .argv = argv,
			      .dir = dir,
			      .root = root,
			      .pause_ns = 60 * NS_PER_S,
			      .patience_ms = 100,
			      .watchdog_ns = NS_PER_S};
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(supervise(&s));
	for (int i = 0; i < 10000 && !holds("/runs", "x"); i++)
		nap();
	/* in its first life it is passed on, in the pause it ends it: either way it stops */
	do {
		kill(pid, SIGTERM);
		nap();
	} while (!waitpid(pid, &status, WNOHANG));
	assert_true(WIFEXITED(status));
	assert_true(holds("/runs", "x"));
}

/* Called as homeostatd itself would: the guard is looked for beside this program, where there is none. */
static void as_itself(void **state)
{
	struct options opt = {.root = root};
	char socket[96], *argv[] = {(char *)"homeostatd", (char *)"--supervise", NULL};
	sigset_t set, before;

	(void)state;
	snprintf(socket, sizeof(socket), "%s/control.sock", dir);
	opt.socket = socket;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0); /* so once is enough */
	assert_true(supervise_self(&opt, 2, argv) >= 127);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void pauses(void **state)
{
	struct supervise s = {.pause_ns = NS_PER_S};
	__u64 now = 5 * NS_PER_S;

	(void)state;
	assert_int_equal(supervise_pause(&s, now), NS_PER_S);
	assert_int_equal(supervise_pause(&s, now += NS_PER_S), 2 * NS_PER_S);
	/* the third within ten minutes */
	assert_int_equal(supervise_pause(&s, now += 599 * NS_PER_S), 0);
	/* two in any ten minutes are borne, at growing pauses */
	s = (struct supervise){.pause_ns = NS_PER_S};
	for (int i = 0; i < 10; i++) {
		__u64 want = NS_PER_S << i;

		assert_int_equal(supervise_pause(&s, now += 301 * NS_PER_S),
				 want > SUPERVISE_PAUSE_MAX_NS ? SUPERVISE_PAUSE_MAX_NS : want);
	}
	/* a long life is forgiven all */
	assert_int_equal(supervise_pause(&s, now += 601 * NS_PER_S), NS_PER_S);
}

/* ---- homeostat restore ---- */

static void restore(int rc, const char *out, const char *err, bool json)
{
	char socket[96], said[2][4096] = {""};
	char *argv[] = {(char *)"homeostat",
			(char *)"restore",
			(char *)"--root",
			root,
			(char *)"--socket",
			socket,
			json ? (char *)"--json" : NULL,
			NULL};
	FILE *o = fmemopen(said[0], sizeof(said[0]), "w");
	FILE *e = fmemopen(said[1], sizeof(said[1]), "w");

	snprintf(socket, sizeof(socket), "%s/control.sock", dir);
	assert_int_equal(cli_main(json ? 7 : 6, argv, o, e), rc);
	fclose(o);
	fclose(e);
	assert_non_null(strstr(said[0], out));
	assert_non_null(strstr(said[1], err));
	assert_true(!*out == !said[0][0] && !*err == !said[1][0]);
}

static void restores(void **state)
{
	char full[128];
	struct undo undo;

	(void)state;
	restore(CLI_OK, "nothing to put back", "", false);
	restore(CLI_OK,
		"{\"restored\":0,\"left\":0,\"values\":[],\"programs_left\":0,\"programs\":[]}", "",
		true);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	restore(CLI_OK, SWAPPINESS ": put back (60)", "", false);
	assert_true(holds(SWAPPINESS, "60"));
	restore(CLI_OK, "nothing to put back", "", false);
	/* what cannot be is said, and stays */
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	snprintf(full, sizeof(full), "%s" SWAPPINESS, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(mkdir(full, 0755), 0);
	restore(CLI_FAILED, "not put back: Is a directory", "1 values could not", false);
	restore(CLI_FAILED, "\"error\":\"Is a directory\"", "", true);
	assert_int_equal(rmdir(full), 0);
	tree_put(root, SWAPPINESS, "42\n");
	restore(CLI_OK, "left alone", "", false);
	assert_true(holds(SWAPPINESS, "42"));
	undo.table->magic++;
	restore(CLI_FAILED, "", "damaged", false);
	undo.table->magic--;
	assert_int_equal(undo_lock(&undo, 0), 0);
	restore(CLI_REFUSED, "", "lives", false);
	undo_close(&undo);
}

/* ---- sd_notify ---- */

static void notifies(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), to;
	char name[sizeof(addr.sun_path) + 2], got[64];
	socklen_t size;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_open(), -ENOENT);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_open(), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), -EINVAL);
	snprintf(name, sizeof(name), "%s/notify", root);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), -ENOENT);
	notify_send(-ENOENT, "READY=1");
	/* an abstract name, as containers have it */
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "homeostat-%d",
				    getpid()) +
			   1);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	snprintf(name, sizeof(name), "@%s", addr.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	to = notify_open();
	assert_true(to >= 0);
	notify_send(to, "READY=1");
	unsetenv("WATCHDOG_USEC");
	notify_watchdog(to);
	setenv("WATCHDOG_USEC", "10000000", 1);
	notify_watchdog(to);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
	assert_memory_equal(got, "READY=1", 7);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 10);
	assert_memory_equal(got, "WATCHDOG=1", 10);
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	close(fd);
	notify_send(to, "nobody hears this");
	close(to);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ends_for_good),	 TEST(children_ignored),
		TEST(puts_back),	 TEST(deaf),
		TEST(damaged_table),	 TEST(no_guard),
		TEST(passes_signals_on), TEST(stops_between_two_lives),
		TEST(as_itself),	 TEST(pauses),
		TEST(restores),		 TEST(notifies),
	};

	if (argc == 6 && !strcmp(argv[1], "--rundir"))
		return fake_guard(argv);
	return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
