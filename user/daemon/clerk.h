/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The clerk: a process of its own that writes the log of decisions in certified mode, as a disk may make whoever writes to it
 * wait for as long as it likes. What it finds out about the log the daemon sees in the kernel's memory (struct hs_decisions).
 */
#ifndef HOMEOSTAT_CLERK_H
#define HOMEOSTAT_CLERK_H

#include <linux/types.h>

#include "child.h"
#include "decision_log.h"

#define DECISIONS_DIR "decisions" /* in the state directory */
#define CLERK_NAME_LEN 64

/*
 * Makes a new log in the directory `decisions` of @state and starts its clerk, with the two maps; waits until it records. While
 * this process has one thread. 0 and the log's name; or negative errno and one clause in `why`.
 */
int clerk_start(struct child *clerk, const char *state, int decisions_fd, int ring_fd,
		const __u8 manifest[DECISION_HASH_LEN], char name[CLERK_NAME_LEN], char *why,
		size_t size);

/* Has it take the rest, and end the log. */
void clerk_stop(struct child *clerk);

#endif
