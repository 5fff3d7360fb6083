/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The one way in which a file of /proc/sys or /sys is changed (law 8): the old value stands in the undo
 * table before the new one is written. A change stays there until undo_forget() (committed) or
 * change_undo().
 */
#ifndef HOMEOSTAT_CHANGE_H
#define HOMEOSTAT_CHANGE_H

#include "undo.h"

/* An index for change_undo() or undo_forget(), or negative errno: the file is as it was. */
int change_file(struct undo_table *table, const char *root, const char *path, const char *value);

/* Writes the old value back and forgets it. 0, or negative errno: the entry stays. */
int change_undo(struct undo_table *table, const char *root, int index);

#endif
