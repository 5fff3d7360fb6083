// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* ---- in the child; what fails here ends it: who has too much does nothing with it ---- */

/* All else is the daemon's: a lock, a socket or a link that we kept would outlive it. */
static void keep_only(int fd, int other_fd)
{
	int last = other_fd < 0 ? CHILD_FD : CHILD_OTHER_FD;

	/* out of the way of one another first */
	fd = fcntl(fd, F_DUPFD, CHILD_OTHER_FD + 1);
	if (other_fd >= 0)
		other_fd = fcntl(other_fd, F_DUPFD, CHILD_OTHER_FD + 1);
	if (fd < 0 || dup2(fd, CHILD_FD) < 0 ||
	    (last == CHILD_OTHER_FD && (other_fd < 0 || dup2(other_fd, CHILD_OTHER_FD) < 0)) ||
	    close_range((unsigned int)last + 1, ~0U, 0))
		_exit(1);
}

static void keep_caps(const struct child_role *role)
{
	cap_t now = cap_get_proc(), caps = cap_init();

	if (!now || !caps)
		_exit(1);
	for (size_t i = 0; i < role->caps_nr; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, role->caps[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue; /* what it is for will fail, and say so */
		cap_set_flag(caps, CAP_PERMITTED, 1, &role->caps[i], CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &role->caps[i], CAP_SET);
	}
	if (cap_set_proc(caps) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(1);
	cap_free(now);
	cap_free(caps);
}

static void settle(const struct child_role *role, pid_t daemon, int fd, int other_fd)
{
	int err;

	if (role->mortal && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != daemon))
		_exit(1);
	prctl(PR_SET_NAME, role->name, 0, 0, 0);
	/* it ends when the daemon does, and not before */
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, 0}; *s; s++)
		signal(*s, SIG_IGN);
	/* the daemon's precedence is for its main loop */
	setpriority(PRIO_PROCESS, 0, role->nice);
	keep_only(fd, other_fd);
	keep_caps(role);
	err = role->filter ? role->filter() : 0;
	if (err) /* of a kernel without seccomp the daemon says so, too */
		log_debug("%s: no system call filter: %s", role->name, strerror(-err));
}

/* ---- in the daemon ---- */

int child_start(struct child *c, const struct child_role *role, int other_fd, void *ctx)
{
	pid_t daemon = getpid();
	int pair[2], err;

	*c = (struct child){.fd = -1};
	if (socketpair(AF_UNIX, role->type | SOCK_CLOEXEC, 0, pair))
		return -errno;
	c->pid = fork();
	err = c->pid < 0 ? -errno : 0;
	if (!c->pid) {
		settle(role, daemon, pair[1], other_fd);
		role->live(ctx);
		_exit(0);
	}
	close(pair[1]);
	c->fd = pair[0];
	if (err) {
		close(c->fd);
		*c = (struct child){.fd = -1};
	}
	return err;
}

void child_lose(struct child *c)
{
	close(c->fd);
	*c = (struct child){.fd = -1, .ending = c->pid};
	child_reap(c);
}

void child_reap(struct child *c)
{
	if (c->ending && waitpid(c->ending, NULL, WNOHANG))
		c->ending = 0;
}

bool child_lost(struct child *c)
{
	char byte;

	child_reap(c);
	if (!c->pid || recv(c->fd, &byte, 1, MSG_DONTWAIT))
		return false;
	child_lose(c);
	return true;
}

bool child_stop(struct child *c, int patience_ms)
{
	__u64 end = clock_ns() + (__u64)patience_ms * NS_PER_MS, now;
	bool ended = false;
	char said[64];

	if (!c->pid)
		return true;
	shutdown(c->fd, SHUT_WR);
	/* an answer may be there still; then comes its end */
	while (!ended && (now = clock_ns()) < end) {
		struct pollfd gone = {.fd = c->fd, .events = POLLIN};

		if (poll(&gone, 1, (int)((end - now) / NS_PER_MS) + 1) == 1)
			ended = recv(c->fd, said, sizeof(said), MSG_DONTWAIT) <= 0;
	}
	if (ended)
		waitpid(c->pid, NULL, 0);
	close(c->fd);
	*c = (struct child){.fd = -1};
	return ended;
}
