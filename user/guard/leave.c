// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a dead daemon has left in libxdp's dispatchers: that takes libraries which the guard shall not keep in memory, so it is
 * done by the daemon's own program, `homeostatd --leave`. Until then everything passes, as the gate is shut.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dispatcher.h"
#include "hook.h"
#include "log.h"

#define LIMIT_MS 8000 /* within the restorer's own limit; it waits 3 s for other loaders */

void leave_dispatchers(const char *daemon)
{
	char *argv[] = {(char *)daemon, (char *)"--leave", NULL};
	struct pollfd end = {.events = POLLIN};
	pid_t pid;

	if (access(DISPATCHER_DIR, F_OK) && errno == ENOENT) /* nobody has ever made one */
		return;
	pid = fork();
	if (!pid) {
		close_range(3, ~0U, 0);
		execv(daemon, argv);
		_exit(127);
	}
	end.fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (end.fd < 0 || poll(&end, 1, LIMIT_MS) != 1) {
		log_error("restorer: %s --leave: %s; `homeostat restore` does the same", daemon,
			  end.fd < 0 ? strerror(errno) : "its time is over");
		if (pid > 0)
			kill(pid, SIGKILL);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (end.fd >= 0)
		close(end.fd);
}
