// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Guard, restorer and hook, with real processes. The daemon is this program again, started by the
 * guard as `test_guard --guard-fd N DIR ROOT DEEDS…`; its gate is a memory file.
 */
#include "fixture.h"

#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "../../user/guard/guard.h"
#include "change.h"
#include "clock.h"
#include "gate.h"
#include "guard_link.h"
#include "log.h"
#include "parse.h"
#include "trust.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

static char root[64], dir[80];
static struct guard g;

/* ---- the daemon ---- */

static volatile sig_atomic_t asked;

static void on_term(int signal)
{
	asked = signal;
}

static struct hs_gate *new_gate(int *fd)
{
	struct hs_gate *gate;

	*fd = memfd_create("gate", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, 4096))
		return NULL;
	gate = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (gate == MAP_FAILED)
		return NULL;
	gate->abi_version = HS_ABI_VERSION;
	gate->heartbeat_ns = clock_ns();
	gate->due_ns = clock_ns() + 60 * NS_PER_S;
	return gate;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static bool there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return !access(path, F_OK);
}

/* One letter, one deed. */
static int fake_daemon(int link, const char *deeds)
{
	struct undo undo = {0};
	struct hs_gate *gate;
	char path[80];
	int fd;

	signal(SIGTERM, on_term);
	gate = new_gate(&fd);
	if (!gate || guard_take(link) || undo_open(&undo, dir, root, false) || undo_lock(&undo, 0))
		return 99;
	for (; *deeds; deeds++) {
		switch (*deeds) {
		case 'c': /* changes something */
			if (change_file(undo.table, root, SWAPPINESS, "10") < 0)
				return 98;
			break;
		case 'a':
			gate->armed = 1;
			break;
		case 'v':
			gate->abi_version++;
			break;
		case 'h':
			if (guard_hello(link, fd, fd))
				return 97;
			break;
		case 'u': /* tells the test that it is up */
			snprintf(path, sizeof(path), "%s/up", root);
			if (creat(path, 0600) < 0)
				return 95;
			break;
		case 't':
			gate_shut(gate, HS_TRIP_OPERATOR, clock_ns());
			undo_set_reason(undo.table, "operator");
			if (guard_tripped(link))
				return 96;
			break;
		case 'p': /* what the daemon before it died of */
			gate_spare(gate, (struct gate_trip){.reason = HS_TRIP_DIED, .ns = 1});
			break;
		case 'x': /* what the kernel does to the scheduler of who dies */
			gate_shut(gate, HS_TRIP_SCHED_EXIT, clock_ns());
			break;
		case 'n': /* nonsense */
			send(link, "nonsense", 8, 0);
			break;
		case 'w': /* waits to be asked */
			while (!asked)
				nap();
			break;
		case 'g': /* waits for the guard's end, and then for a word from the test */
			while (!guard_gone(link) || !there("go"))
				nap();
			break;
		case 'd': /* deaf */
			gate->due_ns = clock_ns();
			for (;;)
				pause();
		case 'k':
			raise(SIGKILL);
			break;
		case 's': /* an orderly end */
			gate_shut(gate, HS_TRIP_SHUTDOWN, clock_ns());
			undo_forget(undo.table, 0);
			return 0;
		default:
			return *deeds - '0';
		}
	}
	return 0;
}

/* ---- the tests ---- */

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(dir, sizeof(dir), "%s/run", root);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "one\n");
	tree_put(root, SWAPPINESS, "60\n");
	g = (struct guard){.dir = dir, .root = root};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	undo_close(&g.undo);
	tree_free(root);
	return 0;
}

static bool holds(const char *path, const char *value)
{
	char now[256];

	return read_file(root, path, now, sizeof(now)) >= 0 && !strcmp(now, value);
}

/* Polls for up to 20 s. */
#define EVENTUALLY(condition)                                                                      \
	do {                                                                                       \
		for (int i = 0; i < 10000 && !(condition); i++)                                    \
			nap();                                                                     \
		assert_true(condition);                                                            \
	} while (0)

static int start(const char *deeds)
{
	static char *argv[8];

	argv[2] = (char *)"/proc/self/exe";
	argv[3] = dir;
	argv[4] = root;
	argv[5] = (char *)deeds;
	argv[6] = NULL;
	return guard_start(&g, argv + 2);
}

/* The guard's whole life, without the filter. */
static int guarded(const char *deeds)
{
	if (start(deeds))
		return -1;
	if (!guard_watch(&g, true))
		assert_true(guard_watch(&g, false));
	return guard_end(&g);
}

/* A hook that tells what it was told, and how long it sleeps. */
static void hook(const char *name, const char *sleep, __u32 limit_ms, mode_t mode)
{
	char path[96], text[512];
	struct undo undo;

	snprintf(path, sizeof(path), "%s%s", root, name);
	snprintf(text, sizeof(text),
		 "#!/bin/sh\n"
		 "[ -r /dev/stdin ] && read -r line\n"
		 "echo $(ls /proc/self/fd | wc -l) >%s/fds\n"
		 "echo \"$HOMEOSTAT_REASON\" >%s/reason.new\n"
		 "mv %s/reason.new %s/reason\n"
		 "%s\n",
		 root, root, root, root, sleep);
	tree_put(root, name, text);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_int_equal(undo_set_hook(undo.table, path, limit_ms), 0);
	undo_close(&undo);
}

static void dead(void **state)
{
	(void)state;
	assert_int_equal(guarded("cahk"), 128 + SIGKILL);
	assert_int_equal(g.gate->armed, 0);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_DIED);
	assert_true(holds(SWAPPINESS, "60"));
	assert_int_equal(undo_check(g.undo.table, sizeof(*g.undo.table)), 0);
}

/* Its scheduler's end is not why, and an earlier trip that was told of is not told again. */
static void dead_of_what(void **state)
{
	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(guarded("ahxk"), 128 + SIGKILL);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_DIED);
	assert_true(holds("/reason", "died"));
	undo_close(&g.undo);
	g = (struct guard){.dir = dir, .root = root};
	assert_int_equal(guarded("ahtk"), 128 + SIGKILL);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_OPERATOR);
	assert_true(holds("/reason", "operator"));
}

/* That of the daemon before has been told: by the guard of that time. */
static void told_long_ago(void **state)
{
	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(start("phws"), 0);
	assert_false(guard_watch(&g, true));
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_true(guard_watch(&g, false));
	assert_int_equal(guard_end(&g), 0);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_DIED);
	assert_false(there("reason"));
}

/* As some start their children: their ends are waited for all the same. */
static void children_ignored(void **state)
{
	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	assert_int_equal(guarded("cah3"), 3);
	assert_true(signal(SIGCHLD, SIG_DFL) == SIG_DFL);
	assert_true(holds(SWAPPINESS, "60"));
}

/* Restorer and hook may take longer than systemd's watchdog does. */
static void says_that_it_stops(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char got[64];

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", root);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	assert_int_equal(guarded("c2"), 2);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(recv(fd, got, sizeof(got), 0), 10);
	assert_memory_equal(got, "STOPPING=1", 10);
	close(fd);
	/* nobody wants to know */
	undo_close(&g.undo);
	g = (struct guard){.dir = dir, .root = root};
	assert_int_equal(guarded("c2"), 2);
}

/* poll() that is stopped and continued becomes restart_syscall(), of which the filter knows nothing. */
static void logs_without_poll(void **state)
{
	int status, ends[2];
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

		if (pipe2(ends, O_NONBLOCK) || dup2(ends[1], STDERR_FILENO) < 0 ||
		    seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(poll), 0) ||
		    seccomp_load(ctx))
			_exit(1);
		for (int i = 0; i < 100000; i++) /* the pipe is full long before */
			log_error("one of many lines");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void dead_before_hello(void **state)
{
	(void)state;
	assert_int_equal(guarded("c2"), 2);
	assert_null(g.gate);
	assert_true(holds(SWAPPINESS, "60"));
}

static void orderly(void **state)
{
	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(guarded("cahs"), 0);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_SHUTDOWN);
	assert_true(holds(SWAPPINESS, "10")); /* committed */
	assert_false(there("reason"));
}

static void deaf(void **state)
{
	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(guarded("cahd"), 128 + SIGKILL);
	assert_int_equal(g.gate->armed, 0);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_HEARTBEAT);
	assert_true(g.gate->trip_ns >= g.gate->due_ns + GUARD_GRACE_NS);
	assert_true(g.killed);
	assert_true(clock_ns() - g.gate->trip_ns >= (GUARD_LOOKS_ACTING - 1) * GUARD_LOOK_NS);
	assert_true(holds(SWAPPINESS, "60"));
	/* which it could not tell of itself; guard_end() has waited for it */
	assert_true(holds("/reason", "heartbeat"));
}

/* What a look does, at times of our own. */
static void looks(void **state)
{
	struct hs_gate gate = {.abi_version = HS_ABI_VERSION, .due_ns = 1000 * NS_PER_MS};
	__u64 now = 900 * NS_PER_MS;
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		for (;;)
			pause();
	}
	g.gate = &gate;
	g.daemon_fd = pidfd_open(pid, 0);
	gate.armed = 1;
	gate.heartbeat_ns = now;
	assert_int_equal(guard_look(&g, now), 101 * NS_PER_MS);
	gate.armed = 0;
	assert_int_equal(guard_look(&g, now), GUARD_REST_NS);
	gate.armed = 1;
	gate.heartbeat_ns = gate.due_ns - GUARD_RESTING_NS; /* the heart rests, so do we */
	assert_int_equal(guard_look(&g, now), GUARD_REST_NS);
	gate.heartbeat_ns = now;
	now = 1001 * NS_PER_MS - 1;
	assert_int_equal(guard_look(&g, now), 1);
	assert_int_equal(gate.armed, 1);
	/* a pause of a minute is one look, and the gate shut */
	now += 60 * NS_PER_S;
	assert_int_equal(guard_look(&g, now), GUARD_LOOK_NS);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_ns, now);
	for (int i = 1; i < GUARD_LOOKS_ACTING; i++)
		guard_look(&g, now += GUARD_LOOK_NS);
	assert_false(g.killed);
	/* it beats again: all is forgiven */
	gate.heartbeat_ns = now;
	gate.due_ns = now + 10 * NS_PER_MS;
	assert_int_equal(guard_look(&g, now), GUARD_REST_NS);
	/* it did not act this time, so there is no hurry */
	now += NS_PER_S;
	for (int i = 0; i < GUARD_LOOKS_LOOKING; i++)
		guard_look(&g, now += GUARD_LOOK_NS);
	assert_false(g.killed);
	guard_look(&g, now += GUARD_LOOK_NS);
	assert_true(g.killed);
	guard_look(&g, now += GUARD_LOOK_NS); /* once is enough */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	close(g.daemon_fd);
}

static void never_says_hello(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		for (;;)
			pause();
	}
	g.daemon_fd = pidfd_open(pid, 0);
	g.start_ns = NS_PER_S;
	assert_int_equal(guard_look(&g, NS_PER_S), GUARD_HELLO_NS + GUARD_GRACE_NS);
	assert_false(g.killed);
	guard_look(&g, 2 * NS_PER_S + GUARD_HELLO_NS);
	assert_true(g.killed);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* and a signal to who is gone is no more than a line in the log */
	g.killed = false;
	guard_look(&g, 2 * NS_PER_S + GUARD_HELLO_NS);
	close(g.daemon_fd);
}

static void strangers(void **state)
{
	(void)state;
	/* nonsense is not listened to; the gate and the pidfd still count */
	assert_int_equal(guarded("ahnk"), 128 + SIGKILL);
	assert_int_equal(g.gate->trip_reason, HS_TRIP_DIED);
	undo_close(&g.undo);
	g = (struct guard){.dir = dir, .root = root};
	/* another version: killed before anything is believed */
	assert_int_equal(guarded("vhw"), 128 + SIGKILL);
	assert_null(g.gate);
}

static void no_such_daemon(void **state)
{
	char *argv[] = {NULL, NULL, (char *)"/nonexistent/homeostatd", NULL};

	(void)state;
	assert_int_equal(guard_start(&g, argv + 2), 0);
	assert_true(guard_watch(&g, true));
	assert_int_equal(guard_end(&g), 127);
}

static void passes_signals_on(void **state)
{
	(void)state;
	assert_int_equal(start("ahws"), 0);
	assert_false(guard_watch(&g, true));
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_true(guard_watch(&g, false));
	assert_int_equal(guard_end(&g), 0);
}

static void restorer_dies(void **state)
{
	__u64 before;

	(void)state;
	hook("/hook", "", 10000, 0755);
	assert_int_equal(start("ahws"), 0);
	assert_false(guard_watch(&g, true));
	assert_int_equal(kill(g.restorer, SIGKILL), 0);
	assert_true(guard_watch(&g, false));
	/* not an end to be content with, but to wait for nobody would not make it better */
	before = clock_ns();
	assert_int_equal(guard_end(&g), 1);
	assert_true(clock_ns() - before < NS_PER_S);
}

/* The guard is killed: the restorer waits until the daemon is dead, then undoes. */
static void guard_dies(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(start("cahugk") || guard_watch(&g, true) || guard_watch(&g, false));
	EVENTUALLY(there("up"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 20; i++) { /* not under a living daemon */
		assert_true(holds(SWAPPINESS, "10"));
		nap();
	}
	tree_put(root, "/go", "");
	EVENTUALLY(holds(SWAPPINESS, "60"));
}

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
	assert_int_equal(restorer_main(-1, dir, root), 1);
	/* and a directory that is one */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
	snprintf(file, sizeof(file), "%s/elsewhere", root);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(symlink(file, dir), 0);
	assert_int_equal(start("ahk"), -ENOTDIR);
	assert_int_equal(restorer_main(-1, dir, root), 1);
	assert_int_equal(rmdir(file), 0); /* nothing was made in it */
}

/* The restorer in this process: obeys these letters, then sees its pipe's end. */
static int restorer(const char *letters)
{
	int ends[2], code;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], letters, strlen(letters)), strlen(letters));
	close(ends[1]);
	code = restorer_main(ends[0], dir, root);
	close(ends[0]);
	return code;
}

static void restores(void **state)
{
	struct undo undo;
	char full[128];

	(void)state;
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, SWAPPINESS, "10") >= 0);
	assert_int_equal(restorer("?q"), 0);
	assert_true(holds(SWAPPINESS, "10"));
	assert_int_equal(restorer("uq"), 0);
	assert_true(holds(SWAPPINESS, "60"));
	assert_true(change_file(undo.table, root, SWAPPINESS, "10") >= 0);
	assert_int_equal(restorer(""), 0);
	assert_true(holds(SWAPPINESS, "60"));
	/* what could not be put back is a failure, and stays */
	assert_true(change_file(undo.table, root, SWAPPINESS, "10") >= 0);
	snprintf(full, sizeof(full), "%s" SWAPPINESS, root);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(mkdir(full, 0755), 0);
	hook("/hook", "", 10000, 0755);
	assert_int_equal(restorer("uhq"), 1);
	assert_true(there("reason"));
	assert_int_equal(undo_check(undo.table, sizeof(*undo.table)), 1);
	/* damaged meanwhile */
	undo.table->entry[0].kind = 77;
	assert_int_equal(undo_replay(undo.table, root, NULL, NULL), -EBADMSG);
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
	hook("/hook", "sleep 1000 & sleep 1000; echo >survived", 300, 0755);
	assert_int_equal(guarded("cahk"), 128 + SIGKILL);
	assert_true(holds("/reason", "died"));
	assert_true(holds(SWAPPINESS, "60"));
	assert_true(clock_ns() - before >= 300 * NS_PER_MS);
	assert_true(clock_ns() - before < 100 * NS_PER_S);
}

/* One at a time; and an undo does not wait for it. */
static void hook_in_the_way_of_nobody(void **state)
{
	struct undo undo;
	int ends[2];
	pid_t pid;

	(void)state;
	hook("/hook", "while [ ! -e ${0%/*}/go ]; do :; done; echo >>${0%/*}/runs", 30000, 0755);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_true(change_file(undo.table, root, SWAPPINESS, "10") >= 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(restorer_main(ends[0], dir, root));
	}
	assert_int_equal(write(ends[1], "hhuq", 4), 4);
	EVENTUALLY(holds(SWAPPINESS, "60"));
	/* nor do the next daemon and `homeostat restore` */
	assert_int_equal(undo_lock(&undo, 5000), 0);
	assert_int_equal(undo_unlock(&undo), 0);
	assert_false(there("runs"));
	tree_put(root, "/go", "");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(holds("/runs", "")); /* one line */
	close(ends[0]);
	close(ends[1]);
	undo_close(&undo);
}

static void hook_refusals(void **state)
{
	char path[128];

	(void)state;
	hook("/hook", "", 10000, 0775);
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

/* A hello with one descriptor instead of two. */
static void send_one(int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	int hello = GUARD_HELLO;
	struct iovec iov = {&hello, sizeof(hello)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	assert_int_equal(sendmsg(fd, &msg, 0), sizeof(hello));
}

/* Descriptors that are none of a guard's. */
static void link_is_checked(void **state)
{
	int pair[2], fds[2];

	(void)state;
	assert_int_equal(guard_take(STDIN_FILENO) < 0, 1);
	assert_int_equal(guard_take(9999), -EBADF);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(guard_take(pair[0]), -EPROTOTYPE);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(guard_tripped(-1), -ENOTCONN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(guard_take(pair[0]), 0);
	assert_int_equal(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
	assert_false(guard_gone(pair[0]));
	assert_int_equal(guard_hear(pair[1], fds), -EAGAIN);
	/* a hello that brings nothing */
	assert_int_equal(send(pair[0], &(int){GUARD_HELLO}, sizeof(int), 0), sizeof(int));
	assert_int_equal(guard_hear(pair[1], fds), -EPROTO);
	send_one(pair[0]);
	assert_int_equal(guard_hear(pair[1], fds), -EPROTO);
	assert_int_equal(fds[0], -1);
	assert_int_equal(guard_hello(pair[0], -1, -1), -EBADF);
	assert_int_equal(guard_hello(pair[0], pair[0], pair[0]), 0);
	assert_int_equal(guard_hear(pair[1], fds), GUARD_HELLO);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	close(pair[1]);
	assert_true(guard_gone(pair[0]));
	assert_int_equal(guard_tripped(pair[0]), -EPIPE);
	close(pair[0]);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(dead),
		TEST(dead_of_what),
		TEST(told_long_ago),
		TEST(children_ignored),
		TEST(says_that_it_stops),
		TEST(logs_without_poll),
		TEST(dead_before_hello),
		TEST(orderly),
		TEST(deaf),
		TEST(looks),
		TEST(never_says_hello),
		TEST(strangers),
		TEST(no_such_daemon),
		TEST(passes_signals_on),
		TEST(restorer_dies),
		TEST(guard_dies),
		TEST(tables_refused),
		TEST(restores),
		TEST(hook_runs),
		TEST(hook_is_killed),
		TEST(hook_in_the_way_of_nobody),
		TEST(hook_refusals),
		TEST(link_is_checked),
	};

	if (argc == 6 && !strcmp(argv[1], "--guard-fd")) {
		snprintf(dir, sizeof(dir), "%s", argv[3]);
		snprintf(root, sizeof(root), "%s", argv[4]);
		return fake_daemon(atoi(argv[2]), argv[5]);
	}
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
