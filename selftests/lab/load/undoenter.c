// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Stands in for the daemon's actuators, from outside: changes a file of /proc/sys or /sys through the undo
 * table, though the daemon holds its lock. For tests of what comes after the daemon's death.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../user/lib/change.h"

int main(int argc, char **argv)
{
	bool hook = argc == 5 && !strcmp(argv[1], "-k");
	struct undo undo;
	int rc;

	if (argc != 4 && !hook)
		errx(2, "usage: undoenter RUNDIR PATH VALUE | undoenter -k HOOK LIMIT_MS RUNDIR");
	rc = undo_open(&undo, argv[hook ? 4 : 1], "", false);
	if (rc)
		errx(1, "%s", undo_error(rc));
	rc = hook ? undo_set_hook(undo.table, argv[2], (__u32)strtoul(argv[3], NULL, 10))
		  : change_file(undo.table, "", 0, argv[2], argv[3]);
	if (rc < 0)
		errx(1, "%s", strerror(-rc));
	return 0;
}
