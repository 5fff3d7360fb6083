/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* How the pulse enters a FAST vital sign. Part of pulse.bpf.c, and included by its other parts alone. */
#ifndef HOMEOSTAT_VITAL_H
#define HOMEOSTAT_VITAL_H

#include "state.h"
#include "reflex.h"

#define NSEC 1000000000ULL
#define ABSENT_NS NSEC /* not measured for so long: absent */

static __always_inline __u64 rate_hz(__u64 events, __u64 dt_ns)
{
	return dt_ns ? events * NSEC / dt_ns : 0;
}

/* One measurement, of a window that began at from_ns. */
static __noinline int vital_set(__u32 id, __u64 value, __u64 from_ns)
{
	__u64 span = (reflex.now - from_ns) >> 10;
	struct hs_vital *v;

	if (id >= HS_VITAL_NR)
		return 0;
	v = &vitals[id];
	v->value = value;
	if (v->updated_ns)
		v->ewma = v->ewma - v->ewma / 8 + value / 8;
	else
		v->ewma = value;
	if (value > v->peak)
		v->peak = value;
	if (span < ABSENT_NS >> 8) { /* after a pause of seconds nobody knows of what time it is */
		v->integral += value * span;
		v->span += span;
	}
	reflex.from_ns[id] = from_ns;
	v->updated_ns = reflex.now;
	v->present = 1;
	return 0;
}

/* Not measured for long: absent. The last value stays for who wants to know what it was. */
static __always_inline void vital_expire(__u32 id)
{
	if (vitals[id].present && reflex.now - vitals[id].updated_ns > ABSENT_NS)
		vitals[id].present = 0;
}

#endif
