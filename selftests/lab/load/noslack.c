// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Runs a program without timer slack: noslack PROGRAM [ARG…], and exits as it does. cyclictest asks
 * for the default slack (PR_SET_TIMERSLACK 0), and 50 µs of that would hide what it is to measure.
 * The default is what the parent had at the fork, hence the child.
 */
#include <err.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 2)
		errx(2, "Usage: %s PROGRAM [ARG…]", argv[0]);
	if (prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0))
		err(1, "PR_SET_TIMERSLACK");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
