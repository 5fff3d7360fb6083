/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Of the course of a change (transaction.h): how its files are written and put back, and the hooks around that. */
#ifndef HOMEOSTAT_MAKING_H
#define HOMEOSTAT_MAKING_H

#include "transaction.h"

/* It is in that state now, for that reason; whoever listens is told. */
void tx_become(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* May it be made now, as far as the host is concerned? Why not, in tx->why. */
bool tx_may_begin(struct tx *tx, const struct tx_world *w);

/* Its hook before it, or its first files. */
void tx_begin(struct tx_table *t, struct tx *tx, const struct tx_world *w);

/* Its hook before it is run, or has ended: what it waited for may be over by now. */
void tx_prepared(struct tx_table *t, struct tx *tx, const struct tx_world *w);

/* The next files, as far as tx->upto, get their new values, or none of the whole change has one. Goes on where a driver was at one. */
void tx_make(struct tx *tx, const struct tx_world *w);

/* Is its hook over? Then *code is what it has come to: 0 is well. */
bool tx_hook_ended(struct tx *tx, const struct tx_world *w, int *code);

/*
 * All of its files have their old values, and it is in that state, for that reason. What cannot be put back now is tried again each
 * second, and nothing else is changed meanwhile.
 */
void tx_roll_back(struct tx *tx, const struct tx_world *w, enum tx_state state, const char *why);

#endif
