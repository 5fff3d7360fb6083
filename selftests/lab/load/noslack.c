// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Runs a program without timer slack: noslack PROGRAM [ARG…]. cyclictest leaves the default of
 * 50 µs where it is not SCHED_FIFO, which would hide what it is to measure. Slack survives exec.
 */
#include <err.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "Usage: %s PROGRAM [ARG…]", argv[0]);
	if (prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0))
		err(1, "PR_SET_TIMERSLACK");
	execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
