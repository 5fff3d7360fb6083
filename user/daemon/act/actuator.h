/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What changes the machine for the mid and slow loops: one actuator for each kind of the knowledge base. Its undo is the undo table:
 * write() enters the old value there before anything else, and whoever rolls back replays it.
 */
#ifndef HOMEOSTAT_ACTUATOR_H
#define HOMEOSTAT_ACTUATOR_H

#include "kb.h"
#include "undo.h"

/* One file that one parameter stands for. */
struct act_file {
	const struct kb_parameter *p;
	char path[UNDO_PATH_LEN];
	char from
		[UNDO_VALUE_LEN]; /* as it was when the change was asked for, then when it was made */
	char to[UNDO_VALUE_LEN];
	int index; /* into the undo table; -1 = it is not changed */
};

struct actuator {
	/* Can it be changed on this host? 0, or negative errno with one clause in `why`. */
	int (*probe)(const struct act_file *file, const char *root, char *why, size_t size);
	/* What it is now. 0 or negative errno. */
	int (*read)(const struct act_file *file, const char *root, char *value, size_t size);
	/* May it be file->to on this host? 0, or negative errno with one clause in `why`. */
	int (*check)(const struct act_file *file, const char *root,
		     const struct kb_machine *machine, char *why, size_t size);
	/*
	 * Makes it file->to, and reads it back: what the kernel shows otherwise is refused, and as it was. Fills file->from and
	 * file->index. 0, or negative errno with one clause in `why`. -EINPROGRESS: a driver is at it; finish() tells what came of it.
	 */
	int (*write)(struct act_file *file, const char *root, struct undo_table *undo, __u32 group,
		     char *why, size_t size);
	/* After -EINPROGRESS: likewise. */
	int (*finish)(struct act_file *file, const char *root, struct undo_table *undo, char *why,
		      size_t size);
};

/* NULL: nothing changes parameters of that kind yet. */
const struct actuator *actuator_of(enum kb_actuator kind);

#endif
