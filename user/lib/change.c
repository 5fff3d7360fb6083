// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "change.h"

#include "parse.h"

int change_file(struct undo_table *table, const char *root, const char *path, const char *value)
{
	int index = undo_enter(table, root, path, value), err;

	if (index < 0)
		return index;
	err = write_file(root, path, value);
	if (err) {
		undo_forget(table, index);
		return err;
	}
	undo_wrote(table, root, index);
	return index;
}

int change_undo(struct undo_table *table, const char *root, int index)
{
	int err = write_file(root, table->entry[index].path, table->entry[index].old);

	if (!err)
		undo_forget(table, index);
	return err;
}
