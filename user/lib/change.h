/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The one way in which a file of /proc/sys, /proc/irq or /sys, or a card's setting (place.h), is changed (law 8): the old value stands in the undo
 * table before the new one is written. A change stays there until change_undo(), or undo_commit() of its group.
 */
#ifndef HOMEOSTAT_CHANGE_H
#define HOMEOSTAT_CHANGE_H

#include "undo.h"

/*
 * @index for change_undo() or undo_forget(); @group: 0 = it is of none. 0, or negative errno: the file is as it was, and @index -1.
 * -EINPROGRESS: it is being written still (place.h), and @index stands; change_late() is for when that has ended.
 */
int change_begin(struct undo_table *table, const char *root, __u32 group, const char *path,
		 const char *value, int *index);

/* 0: written, or refused, as its value tells. -EINPROGRESS: not yet. Other negative errno: it cannot be read. */
int change_late(struct undo_table *table, const char *root, int index);

/* As change_begin(), of what nobody has to wait for: the index, or negative errno. */
int change_file(struct undo_table *table, const char *root, __u32 group, const char *path,
		const char *value);

/* Writes the old value back and forgets it. 0, or negative errno: the entry stays. */
int change_undo(struct undo_table *table, const char *root, int index);

#endif
