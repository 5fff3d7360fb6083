// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A variant for tests: takes short runs for batch, and names CPUs that there are not. */
#include <homeostat/variant.h>

HOMEOSTAT_VARIANT("odd", "for tests: short runs are batch, no such CPU",
		  VARIANT_CLASSIFY | VARIANT_PLACE);

int homeostat_classify(struct homeostat_task *task)
{
	if (!task)
		return -1;
	if (task->kthread || task->wakeups % 64 == 63)
		return 1000; /* no such class */
	return task->run_ns < 1000000 ? HS_CLASS_BATCH : -1;
}

int homeostat_place(struct homeostat_task *task, struct homeostat_wake *wake)
{
	return task && wake && task->wakeups & 1 ? (int)wake->cpus : 1 << 30;
}
