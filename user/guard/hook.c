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

/* A process of its own keeps the hook's time, so that it never stands in the way of an undo. */
static int keep_hook(const char *path, const char *reason, int limit_ms)
{
	struct pollfd end = {.fd = -1, .events = POLLIN};
	const char *why = NULL;
	int status = 0;
	pid_t pid;

	close_range(3, ~0U, 0); /* pipe and lock are the restorer's, and may outlive it in nobody */
	pid = fork();
	if (!pid)
		become_hook(path, reason);
	if (pid > 0)
		end.fd = pidfd_open(pid, 0);
	if (end.fd < 0)
		why = strerror(errno);
	else if (poll(&end, 1, limit_ms) <= 0)
		why = "its time is over";
	if (pid > 0) {
		kill(-pid, SIGKILL); /* what it left behind in its group, too */
		kill(pid, SIGKILL);
	}
	if (why)
		log_error("hook %s: %s: %s (limit %d ms)", path, pid > 0 ? "killed" : "not run",
			  why, limit_ms);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		log_info("hook %s: ended with %d", path, WEXITSTATUS(status));
	return 0;
}

void hook_run(struct undo_table *table)
{
	char path[UNDO_HOOK_LEN], text[UNDO_REASON_LEN], reason[UNDO_REASON_LEN + 32];
	__u32 limit_ms = undo_get_hook(table, path, text);
	const char *why;
	pid_t pid;

	if (!table->hook_due)
		return;
	table->hook_due = 0;
	if (!limit_ms)
		return;
	snprintf(reason, sizeof(reason), "HOMEOSTAT_REASON=%s", text);
	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	why = pid ? untrusted_program(path) : "the last one still runs";
	if (why)
		log_error("hook %s: not run: %s", path, why);
	else if (!fork())
		_exit(keep_hook(path, reason, limit_ms > INT_MAX ? INT_MAX : (int)limit_ms));
}
