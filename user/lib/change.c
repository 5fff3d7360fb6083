// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "change.h"

#include <errno.h>

#include "place.h"

int change_begin(struct undo_table *table, const char *root, __u32 group, const char *path,
		 const char *value, int *index)
{
	int at = undo_enter(table, root, group, path, value), err;

	*index = at < 0 ? -1 : at;
	if (at < 0)
		return at;
	err = place_write(root, path, value);
	if (!err)
		undo_wrote(table, root, at);
	if (!err || err == -EINPROGRESS)
		return err;
	/* the kernel may have taken a part of it: then the old value is written back, or stays noted */
	if (undo_unchanged(table, root, at))
		undo_forget(table, at);
	else
		change_undo(table, root, at);
	*index = -1;
	return err;
}

int change_late(struct undo_table *table, const char *root, int index)
{
	char now[UNDO_VALUE_LEN];
	ssize_t n;

	if (index < 0)
		return 0; /* nothing of it is left to wait for */
	n = place_read(root, table->entry[index].path, now, sizeof(now));

	if (n < 0)
		return n == -EAGAIN ? -EINPROGRESS : (int)n;
	undo_wrote(table, root, index);
	return 0;
}

int change_file(struct undo_table *table, const char *root, __u32 group, const char *path,
		const char *value)
{
	int index, err = change_begin(table, root, group, path, value, &index);

	return err ? err : index;
}

int change_undo(struct undo_table *table, const char *root, int index)
{
	int err = place_write(root, table->entry[index].path, table->entry[index].old);

	if (!err)
		undo_forget(table, index);
	return err;
}
