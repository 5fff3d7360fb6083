/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The one way in which a file of /proc/sys, /proc/irq or /sys, or a card's setting (place.h), is changed (law 8): the old value stands in the undo
 * table before the new one is written. A change stays there until change_undo(), or undo_commit() of its group.
 */
#ifndef HOMEOSTAT_CHANGE_H
#define HOMEOSTAT_CHANGE_H

#include "undo.h"

/* An index for change_undo() or undo_forget(), or negative errno: the file is as it was. @group: 0 = it is of none. */
int change_file(struct undo_table *table, const char *root, __u32 group, const char *path,
		const char *value);

/* Writes the old value back and forgets it. 0, or negative errno: the entry stays. */
int change_undo(struct undo_table *table, const char *root, int index);

#endif
