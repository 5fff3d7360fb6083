// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The operator's hook, run by the restorer beside its work. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "hook.h"
#include "log.h"
#include "parse.h"
#include "trust.h"

/* In the child: an ordinary process of a session of its own, with nothing of ours. Never returns. */
static void become_hook(const char *path, const char *reason)
{
	char *const argv[] = {(char *)path, NULL};
	char *const envp[] = {(char *)reason, (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct sched_param normal = {0};
	sigset_t none;

	setsid();
	sched_setscheduler(0, SCHED_OTHER, &normal);
	if (restorer_oom_score[0])
		write_file("", OOM_SCORE, restorer_oom_score);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(STDIN_FILENO);
	if (open("/dev/null", O_RDONLY) == STDIN_FILENO && !close_range(3, ~0U, 0))
		execve(path, argv, envp);
	_exit(127);
}

/* One that is to be run: of a trip, of what waits for a person, of a change. */
struct hook {
	char path[UNDO_HOOK_LEN];
	char reason[UNDO_REASON_LEN + 32]; /* as it stands in the environment */
	int limit_ms;
	__u32 job; /* its number; 0 = it is none of a change, and nobody waits for what comes of it */
};

/* Of who keeps the time of the latest one, or -1. */
static int latest = -1;

/* One at a time, in the order in which they were asked for: none is lost, and an operator's program never meets itself. */
static void wait_for_turn(void)
{
	struct pollfd end = {.events = POLLIN};

	/* pipe and lock are the restorer's, and may outlive it in nobody */
	end.fd = latest < 0 ? -1 : dup2(latest, STDERR_FILENO + 1);
	close_range(end.fd < 0 ? STDERR_FILENO + 1 : STDERR_FILENO + 2, ~0U, 0);
	if (end.fd < 0)
		return;
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	close(end.fd);
}

/* Its exit code, or -1. */
static int run(const struct hook *h)
{
	struct pollfd end = {.fd = -1, .events = POLLIN};
	const char *why = NULL;
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		become_hook(h->path, h->reason);
	if (pid > 0)
		end.fd = pidfd_open(pid, 0);
	if (end.fd < 0)
		why = strerror(errno);
	else if (poll(&end, 1, h->limit_ms) <= 0)
		why = "its time is over";
	if (pid > 0) {
		kill(-pid, SIGKILL); /* what it left behind in its group, too */
		kill(pid, SIGKILL);
	}
	if (why)
		log_error("hook %s: %s: %s (limit %d ms)", h->path, pid > 0 ? "killed" : "not run",
			  why, h->limit_ms);
	if (pid <= 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	log_info("hook %s: ended with %d", h->path, WEXITSTATUS(status));
	return why ? -1 : WEXITSTATUS(status);
}

/* A process of its own keeps the hook's time, so that it never stands in the way of an undo. */
static void begin(struct undo_table *table, const struct hook *h)
{
	const char *why = untrusted_program(h->path);
	pid_t pid = why ? -1 : fork();

	if (!pid) {
		int code;

		wait_for_turn();
		code = run(h);
		if (h->job)
			undo_end_job(table, h->job, code);
		_exit(0);
	}
	if (pid < 0) {
		log_error("hook %s: not run: %s", h->path, why ? why : strerror(errno));
		if (h->job)
			undo_end_job(table, h->job, -1);
		return;
	}
	if (latest >= 0)
		close(latest);
	latest = pidfd_open(pid, 0);
}

static int limit_of(__u32 ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void hook_run(struct undo_table *table)
{
	struct hook h = {0};
	struct undo_job job;
	char text[UNDO_REASON_LEN];

	while (waitpid(-1, NULL, WNOHANG) > 0) /* those that have ended */
		;
	/* taken before it is read: what is written meanwhile is told the next time, and not lost */
	if (__atomic_exchange_n(&table->hook_due, 0, __ATOMIC_ACQ_REL)) {
		h.limit_ms = limit_of(undo_get_hook(table, h.path, text));
		snprintf(h.reason, sizeof(h.reason), "HOMEOSTAT_REASON=%s", text);
		if (h.limit_ms)
			begin(table, &h);
	}
	h.job = undo_take_job(table, &job);
	if (h.job) {
		memcpy(h.path, job.path, sizeof(h.path));
		snprintf(h.reason, sizeof(h.reason), "HOMEOSTAT_REASON=%s", job.text);
		h.limit_ms = limit_of(job.limit_ms);
		begin(table, &h);
	}
}
