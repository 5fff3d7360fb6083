/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The daemon's side of the hand (hand/hand.h): what we are refused is asked of it. */
#ifndef HOMEOSTAT_BY_HAND_H
#define HOMEOSTAT_BY_HAND_H

#include <stdbool.h>

#include "undo.h"

/*
 * Starts it, with the open undo table, while this process still has its capabilities and one thread. From then on place_read() and
 * place_write() ask it for what we are refused. 0, or negative errno: without it such files and settings are refused.
 */
int by_hand_start(const struct undo *undo);

/* Where it is still at something, and what is asked of it meanwhile is refused at once (-EAGAIN): waits for the end of that, @ms at most. */
void by_hand_wait(int ms);

/* Says goodbye. Harmless if there is none. */
void by_hand_stop(void);

/* Was there one that is dead? What it has changed is put back by the restorer only. */
bool by_hand_lost(void);

#endif
