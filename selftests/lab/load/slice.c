// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * slice USEC COMMAND…: runs the command, and what it starts, with a slice of its own: what EEVDF (since
 * Linux 6.12) offers to those who want to run soon and not for long.
 */
#include <sys/syscall.h>

#include "load.h"

/* struct sched_attr of the kernel's version 0; not every libc has it. */
struct slice_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

int main(int argc, char **argv)
{
	struct slice_attr a = {.size = sizeof(a)}; /* policy 0 = SCHED_OTHER */

	if (argc < 3)
		errx(2, "usage: slice USEC COMMAND [ARGUMENT…]");
	a.runtime_ns = number(argv[1], 's', 100, 100000) * 1000;
	if (syscall(SYS_sched_setattr, 0, &a, 0))
		err(1, "sched_setattr, slice of %s us", argv[1]);
	execvp(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
