// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "change.h"

#include "place.h"

int change_file(struct undo_table *table, const char *root, __u32 group, const char *path,
		const char *value)
{
	int index = undo_enter(table, root, group, path, value), err;

	if (index < 0)
		return index;
	err = place_write(root, path, value);
	if (err) { /* the kernel may have taken a part of it: then the old value is written back, or stays noted */
		if (undo_unchanged(table, root, index))
			undo_forget(table, index);
		else
			change_undo(table, root, index);
		return err;
	}
	undo_wrote(table, root, index);
	return index;
}

int change_undo(struct undo_table *table, const char *root, int index)
{
	int err = place_write(root, table->entry[index].path, table->entry[index].old);

	if (!err)
		undo_forget(table, index);
	return err;
}
