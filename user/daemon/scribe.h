/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The scribe: a process that does nothing but write incident records to the disk.
 *
 * Why a process. A disk can block for minutes, and nothing may wait for it: not the main loop (it would
 * trip for want of progress), but no thread of the daemon either, for a process that is killed ends, and
 * lets go of its descriptors and locks, only when its last thread has come back from the disk. Why one that
 * is forked at the start: it is forked before anything is loaded, holds nothing of the kernel's, can
 * have given up every privilege, and a trip takes no fork, which may fail when memory is short.
 *
 * It reads the recorder, which it shares with the daemon, is woken by a byte, and ends with the daemon.
 */
#ifndef HOMEOSTAT_SCRIBE_H
#define HOMEOSTAT_SCRIBE_H

#include "child.h"
#include "recorder.h"

/*
 * Forks it. It begins with the trips that an earlier daemon left in the recorder. dir_fd (where records go) stays the
 * caller's. 0 or negative errno. Whether it has died is said by child_lost().
 */
int scribe_start(struct child *scribe, struct recorder *shared, int dir_fd);

/* There is a trip to be written up. Never waits. 0, or negative errno: there is no scribe any more. */
int scribe_wake(struct child *scribe);

/* Lets it end, and waits for that a second at most: it goes on alone if the disk is slower. */
void scribe_stop(struct child *scribe);

/* Writes up all trips that are not yet: what the scribe does when woken. Tests call it. */
void scribe_write(struct recorder *shared, int dir_fd);

#endif
