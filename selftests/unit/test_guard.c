// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The guard: whom it watches, and what it does when that one is dead or deaf. */
#include "guard_fixture.h"

#include <seccomp.h>
#include <sys/un.h>

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
	assert_int_equal(g.undo.table->trip.reason, HS_TRIP_DIED);
	assert_true(holds("/reason", "died"));
	undo_close(&g.undo);
	g = (struct guard){.dir = dir, .root = root};
	assert_int_equal(guarded("ahbk"),
			 128 + SIGKILL); /* nor is that its heart stood still then */
	assert_int_equal(g.gate->trip_reason, HS_TRIP_DIED);
	undo_close(&g.undo);
	g = (struct guard){.dir = dir, .root = root};
	assert_int_equal(guarded("ahlk"), 128 + SIGKILL); /* a limit was before it */
	assert_int_equal(g.undo.table->trip.reason, HS_TRIP_LIMIT);
	assert_int_equal(g.undo.table->trip.vital, 3);
	assert_int_equal(g.undo.table->trip.value, 7);
	assert_int_equal(g.undo.table->trip.limit, 5);
	assert_true(holds("/reason", "limit"));
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
	/* for the next start */
	assert_int_equal(g.undo.table->trip.reason, HS_TRIP_HEARTBEAT);
	assert_int_equal(g.undo.table->trip.trip_ns, g.gate->trip_ns);
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
	/* signals that are passed on make it look more often, but not count faster */
	for (int i = 0; i < 100; i++)
		guard_look(&g, now += GUARD_LOOK_NS / 200);
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

/* What could not be put back is no good end. */
static void restorer_fails(void **state)
{
	char path[160];

	(void)state;
	assert_int_equal(start("cahw0"), 0);
	assert_false(guard_watch(&g, true));
	snprintf(path, sizeof(path), "%s%s", root, SWAPPINESS);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_true(guard_watch(&g, false));
	assert_int_equal(guard_end(&g), 1);
	assert_int_equal(rmdir(path), 0);
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

static const struct CMUnitTest tests[] = {
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
	TEST(restorer_fails),
	TEST(restorer_dies),
	TEST(guard_dies),
	TEST(link_is_checked),
};

GUARD_MAIN("guard", tests)
