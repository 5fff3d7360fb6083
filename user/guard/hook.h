/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What the restorer starts, after all that matters: each in a process of its own, within a limit. */
#ifndef HOMEOSTAT_GUARD_HOOK_H
#define HOMEOSTAT_GUARD_HOOK_H

#include "undo.h"

/* What the restorer's oom_score_adj was before it was made hard to kill: a hook gets it back; "" = not changed. */
extern char restorer_oom_score[16];

/* Has our programs taken out of libxdp's dispatchers, by the program at @daemon. For a daemon that is dead. */
void leave_dispatchers(const char *daemon);

/* Starts what the table names and is due: the hook, and that of a change. Each waits for those before it; those that ended are reaped. */
void hook_run(struct undo_table *table);

#endif
