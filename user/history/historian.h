/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* homeostat-historian: asks the daemon, and writes down what it says. A client like any other; it decides nothing. */
#ifndef HOMEOSTAT_HISTORIAN_H
#define HOMEOSTAT_HISTORIAN_H

#include "history.h"

#define HISTORIAN_CHANGES_S 2 /* how often it asks for changes; for vital signs each second */
#define HISTORIAN_AGAIN_S 5   /* until it tries a daemon again that could not be reached */
#define HISTORIAN_FAILURES 60 /* in a row, of writing: then it ends, and is started anew */

struct control;

struct historian {
	const char *db, *socket, *root; /* root: where boot_id is read below (law 7) */
	char boot_id[40];
	struct history *history;
	struct feed *feed;
	struct control *control;
	__u64 again_s, changes_s; /* by CLOCK_MONOTONIC */
	unsigned int failures;
	bool away; /* that the daemon cannot be reached has been said */
};

/* Opens the database. 0 or negative errno, told. */
int historian_open(struct historian *h);

/* What is to be done each second. 0, or negative errno that it does not get over, told. */
int historian_step(struct historian *h, struct history_time now);

/* Writes what is left. */
void historian_close(struct historian *h);

#endif
