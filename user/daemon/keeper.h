/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The keeper: a process that does nothing but put the file of what waits (kept.h) on the disk, for the reasons for which there is a
 * scribe: no disk may keep the main loop waiting for longer than it is willing to. Its text is in memory that both share.
 */
#ifndef HOMEOSTAT_KEEPER_H
#define HOMEOSTAT_KEEPER_H

#include <stdbool.h>

#include "child.h"

struct keeper {
	struct child child;
	char *text; /* shared, KEPT_TEXT_MAX bytes */
	bool busy;  /* it was asked to write and has not answered */
};

/* Forks it, with the directory, which stays the caller's. Before anything is loaded. 0 or negative errno. */
int keeper_start(struct keeper *k, int dir_fd);

/*
 * Has it write a text, and waits for that. 0: it is on the disk. -EINPROGRESS: not within wait_ms; it goes on. -EBUSY: it is still at the one
 * before, and this one is not taken. -EFBIG; -ECHILD: there is no keeper (any more); other negative errno: it failed to.
 */
int keeper_write(struct keeper *k, const char *text, int wait_ms);

/* What it answers to the latest within a time: as keeper_write(). Only where it is busy. */
int keeper_hear(struct keeper *k, int wait_ms);

/* Lets it end; a slow disk is not waited for. */
void keeper_stop(struct keeper *k);

#endif
