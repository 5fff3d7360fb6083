// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Kills processes at a certain system call of one of them: the Nth stop (each call has two: before and after) from the first
 * that opens a certain file, or from the first of all. So what is done to a file, and to whatever is done beside it, is cut off at each place in turn.
 */
#include "load.h"

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

static const char usage[] =
	"Kills processes by SIGKILL at the Nth stop of the first of them.\n"
	"  -f PATH   from the first opening of this file on (default: from the beginning)\n"
	"  -k N      which stop (from 1)\n"
	"  -p PID    whose calls are counted; further ones are killed with it: -p PID -p PID …\n";

static bool opens(pid_t pid, const struct user_regs_struct *regs, const char *path)
{
	char text[256] = "";
	struct iovec to = {text, sizeof(text) - 1},
		     from = {(void *)(regs->orig_rax == SYS_openat ? regs->rsi : regs->rdi),
			     sizeof(text) - 1};

	if (regs->orig_rax != SYS_openat && regs->orig_rax != SYS_open)
		return false;
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0)
		return false;
	return !strcmp(text, path);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "killat", .usage = usage, .seconds = 60};
	uint64_t at = 0, stops = 0, calls = 0;
	pid_t pids[8];
	const char *path = NULL;
	int c, nr = 0, status;
	bool counts;
	struct line line;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "f:k:p:")) != -1) {
		if (c == 'f')
			path = optarg;
		else if (c == 'k')
			at = number(optarg, c, 1, 100000);
		else if (c == 'p' && nr < 8)
			pids[nr++] = (pid_t)number(optarg, c, 1, 1 << 22);
		else
			load_option(&l, c, optarg);
	}
	if (!at || !nr)
		errx(2, "what? see -h");
	counts = !path;
	load_begin();
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = load_on_stop}, NULL);
	alarm((unsigned int)l.seconds); /* what never comes is not waited for */
	if (ptrace(PTRACE_SEIZE, pids[0], NULL, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, pids[0], NULL, NULL))
		err(1, "ptrace %d", pids[0]);
	while (!load_stop && waitpid(pids[0], &status, __WALL) == pids[0] && WIFSTOPPED(status)) {
		struct user_regs_struct regs;
		int sig = WSTOPSIG(status);

		if (sig == (SIGTRAP | 0x80)) {
			ptrace(PTRACE_GETREGS, pids[0], NULL, &regs);
			counts = counts || opens(pids[0], &regs, path);
			stops += counts;
			calls++;
			if (stops == at) {
				/* the last first: who watches another must not see it go */
				for (int i = nr - 1; i >= 0; i--)
					kill(pids[i], SIGKILL);
				break;
			}
			sig = 0;
		} else if (status >> 16) {
			sig = 0; /* our interrupt, or a group stop */
		}
		ptrace(PTRACE_SYSCALL, pids[0], NULL, sig);
	}
	line_begin(&line, l.name);
	line_u64(&line, "stops", stops);
	line_u64(&line, "calls", calls);
	line_end(&line, l.out);
	return stops != at;
}
