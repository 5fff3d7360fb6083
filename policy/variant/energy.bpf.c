// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Pack and let idle: a task that runs for a moment goes where somebody is at work already, and the CPU that slept sleeps on. To
 * wake one out of a deep state costs more time, and more energy, than such a run: some 100 us (the exit latencies in
 * /sys/devices/system/cpu/cpu0/cpuidle) against what it has to do. Whoever runs for longer, and whatever is critical, gets
 * an idle CPU as ever.
 */
#include <homeostat/variant.h>

#define SHORT_NS 100000 /* CPU time between two sleeps, on average … */
#define PEAK_NS 500000	/* … and at most, of late */

HOMEOSTAT_VARIANT("energy", "short runs go to CPUs that are at work, so that others sleep",
		  VARIANT_PLACE);

int homeostat_place(struct homeostat_task *task, struct homeostat_wake *wake)
{
	if (!task || !wake || task->class == HS_CLASS_CRITICAL || task->wakeups < 8 ||
	    task->burst_ns > SHORT_NS || task->peak_ns > PEAK_NS)
		return -1;
	return wake->waker;
}
