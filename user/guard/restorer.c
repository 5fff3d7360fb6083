// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The restorer: puts back what the undo table holds, and runs the operator's hook beside it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"
#include "parse.h"
#include "trust.h"

#define OOM_SCORE "/proc/self/oom_score_adj"

static char oom_score[16]; /* what it was: the hook gets it back; "" = not changed */

void restorer_settle(void)
{
	/* what fails here makes it weaker, no less right */
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (read_file("", OOM_SCORE, oom_score, sizeof(oom_score)) > 0)
		write_file("", OOM_SCORE, "-1000");
}

/* ---- hook ---- */

/* In the child: an ordinary process of a session of its own, with nothing of ours. Never returns. */
static void become_hook(const char *path, const char *reason)
{
	char *const argv[] = {(char *)path, NULL};
	char *const envp[] = {(char *)reason, (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct sched_param normal = {0};
	sigset_t none;

	setsid();
	sched_setscheduler(0, SCHED_OTHER, &normal);
	if (oom_score[0])
		write_file("", OOM_SCORE, oom_score);
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
	pid_t pid = fork();
	struct pollfd end = {.events = POLLIN};
	int status = 0;

	if (!pid)
		become_hook(path, reason);
	end.fd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (end.fd < 0 || poll(&end, 1, limit_ms) <= 0)
		log_error("hook %s: killed, its %d ms are over", path, limit_ms);
	if (pid > 0) {
		kill(-pid, SIGKILL); /* what it left behind in its group, too */
		kill(pid, SIGKILL);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		log_info("hook %s: ended with %d", path, WEXITSTATUS(status));
	return 0;
}

static void run_hook(const struct undo_table *table)
{
	__u32 limit_ms = __atomic_load_n(&table->hook_limit_ms, __ATOMIC_ACQUIRE);
	char path[UNDO_HOOK_LEN], reason[UNDO_REASON_LEN + 32];
	const char *why;
	pid_t pid;

	if (!limit_ms)
		return;
	snprintf(path, sizeof(path), "%.*s", UNDO_HOOK_LEN - 1, table->hook);
	snprintf(reason, sizeof(reason), "HOMEOSTAT_REASON=%.*s", UNDO_REASON_LEN - 1,
		 table->reason);
	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	why = pid ? untrusted_program(path) : "the last one still runs";
	if (why)
		log_error("hook %s: not run: %s", path, why);
	else if (!fork())
		_exit(keep_hook(path, reason, limit_ms > INT_MAX ? INT_MAX : (int)limit_ms));
}

/* ---- undo ---- */

static void report(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	(void)ctx;
	log_warn("restorer: %s: %s%s%s (%s)", e->path, undo_outcome_name(outcome), err ? ": " : "",
		 err ? strerror(-err) : "", e->old);
}

int restorer_main(int pipe, const char *dir, const char *root)
{
	struct undo undo;
	int left = 0, err = undo_open(&undo, dir, root, false);
	char what = err ? 'q' : 'h';

	while (what != 'q') {
		ssize_t n = read(pipe, &what, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && what == 'h')
			run_hook(undo.table);
		if (n > 0 && what != 'u')
			continue;
		if (n <= 0) { /* the daemon may still live: until its death it has the lock */
			log_error("restorer: the guard is dead");
			what = 'q';
		}
		err = undo_lock(&undo, -1);
		left = err ? 0 : undo_replay(undo.table, root, report, NULL);
	}
	if (err || left < 0)
		log_error("restorer: undo table: %s", undo_error(err ? err : left));
	while (waitpid(-1, NULL, 0) > 0) /* a hook, which has its limit */
		;
	undo_close(&undo);
	return err || left;
}
