// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Processes of the daemon's own: what they are left with, how they end, and what is seen of it. */
#include "fixture.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "child.h"

/* What it finds itself to be. */
struct report {
	int fds, other, nice, deaf, filtered, asked;
	long caps, no_new_privs;
	char name[16];
};

static int filter_err, filters;

static int filter(void)
{
	filters++;
	return filter_err;
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int nr = -1; /* the directory itself */

	while (readdir(d))
		nr++;
	closedir(d);
	return nr - 2;
}

static void tell(void *ctx)
{
	struct report r = {.fds = count_fds(), .filtered = filters};
	struct sigaction sa;
	cap_t now = cap_get_proc();
	cap_flag_value_t has;

	r.other = fcntl(CHILD_OTHER_FD, F_GETFD) >= 0;
	r.nice = getpriority(PRIO_PROCESS, 0);
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, 0}; *s; s++)
		r.deaf += !sigaction(*s, NULL, &sa) && sa.sa_handler == SIG_IGN;
	for (cap_value_t cap = 0; cap < 63; cap++) {
		if (!cap_get_flag(now, cap, CAP_PERMITTED, &has) && has == CAP_SET)
			r.caps |= 1L << cap;
	}
	cap_free(now);
	r.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	prctl(PR_GET_NAME, r.name, 0, 0, 0);
	r.asked = *(int *)ctx;
	send(CHILD_FD, &r, sizeof(r), MSG_NOSIGNAL);
	while (read(CHILD_FD, &r, sizeof(r)) > 0) /* until the daemon is gone */
		;
}

static void for_ever(void *ctx)
{
	(void)ctx;
	for (;;)
		pause();
}

static void at_once(void *ctx)
{
	(void)ctx;
}

static const cap_value_t some[] = {CAP_NET_ADMIN, CAP_CHOWN};

static const struct child_role teller = {.name = "teller",
					 .type = SOCK_SEQPACKET,
					 .nice = 7,
					 .caps = some,
					 .caps_nr = 2,
					 .filter = filter,
					 .live = tell};
static const struct child_role bare = {.name = "bare", .type = SOCK_STREAM, .live = tell};
static const struct child_role stubborn = {
	.name = "stubborn", .type = SOCK_STREAM, .live = for_ever};
static const struct child_role brief = {.name = "brief", .type = SOCK_STREAM, .live = at_once};

static bool may(cap_value_t cap)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t now = cap_get_proc();

	cap_get_flag(now, cap, CAP_PERMITTED, &has);
	cap_free(now);
	return has == CAP_SET;
}

static struct report told(struct child *c)
{
	struct report r;

	assert_int_equal(recv(c->fd, &r, sizeof(r), MSG_WAITALL), sizeof(r));
	return r;
}

static void what_it_is(void **state)
{
	int fd = open("/dev/null", O_RDONLY), more = dup(fd), ctx = 4711;
	struct child c;
	struct report r;

	(void)state;
	filters = filter_err = 0;
	assert_int_equal(child_start(&c, &teller, fd, &ctx), 0);
	r = told(&c);
	assert_string_equal(r.name, "teller");
	/* what every process begins with, its socket, and what it was given: neither `more`, nor our end */
	assert_int_equal(r.fds, 5);
	assert_int_equal(r.other, 1);
	assert_int_equal(r.nice, 7);
	assert_int_equal(r.deaf, 5);
	assert_int_equal(r.no_new_privs, 1);
	assert_int_equal(r.filtered, 1);
	assert_int_equal(filters, 0); /* of the child alone */
	assert_int_equal(r.caps, (may(CAP_NET_ADMIN) ? 1L << CAP_NET_ADMIN : 0) |
					 (may(CAP_CHOWN) ? 1L << CAP_CHOWN : 0));
	assert_int_equal(r.asked, 4711);
	assert_true(child_stop(&c, 60000));
	assert_int_equal(c.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
	assert_true(child_stop(&c, 60000));
	assert_int_equal(fcntl(fd, F_GETFD) >= 0, 1); /* ours still */
	close(fd);
	close(more);
}

/* Nothing given, nothing left; no seccomp is no reason not to be. */
static void with_nothing(void **state)
{
	struct child_role role = bare;
	struct child c;
	struct report r;
	int ctx = 0;

	(void)state;
	role.filter = filter;
	filter_err = -ENOSYS;
	assert_int_equal(child_start(&c, &role, -1, &ctx), 0);
	r = told(&c);
	assert_int_equal(r.fds, 4);
	assert_int_equal(r.other, 0);
	assert_int_equal(r.nice, 0);
	assert_int_equal(r.caps, 0);
	assert_true(child_stop(&c, 60000));
	filter_err = 0;
}

/* It dies by itself: seen once, and there is no zombie. */
static void lost(void **state)
{
	struct child c;
	siginfo_t info;
	int ctx = 0;

	(void)state;
	assert_int_equal(child_start(&c, &bare, -1, &ctx), 0);
	told(&c);
	assert_false(child_lost(&c));
	assert_int_equal(kill(c.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(child_lost(&c));
	assert_int_equal(c.pid, 0);
	assert_false(child_lost(&c));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	/* one that ended before it was stopped */
	assert_int_equal(child_start(&c, &brief, -1, NULL), 0);
	assert_true(child_stop(&c, 60000));
}

/* One that does not end is not waited for; given up, it is reaped when it has ended. */
static void goes_on(void **state)
{
	siginfo_t info;
	struct child c;
	pid_t pid;

	(void)state;
	assert_int_equal(child_start(&c, &stubborn, -1, NULL), 0);
	pid = c.pid;
	assert_false(child_stop(&c, 1));
	assert_int_equal(c.pid, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(child_start(&c, &stubborn, -1, NULL), 0);
	pid = c.pid;
	child_lose(&c);
	assert_int_equal(c.pid, 0);
	assert_int_equal(c.ending, pid);
	child_reap(&c);
	assert_int_equal(c.ending, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	child_reap(&c);
	assert_int_equal(c.ending, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void no_socket(void **state)
{
	struct rlimit before, none;
	struct child c;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(child_start(&c, &bare, -1, NULL), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(c.pid, 0);
	assert_false(child_lost(&c));
	assert_true(child_stop(&c, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_is), cmocka_unit_test(with_nothing),
		cmocka_unit_test(lost),	      cmocka_unit_test(goes_on),
		cmocka_unit_test(no_socket),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
