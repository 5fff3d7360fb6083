/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The tables of abi.h as data: names, units, meanings, and the way back from a name to its id. */
#ifndef HOMEOSTAT_NAMES_H
#define HOMEOSTAT_NAMES_H

#include <stdbool.h>

#include "../../kern/abi.h"

struct vital_info {
	const char *name; /* dotted */
	const char *unit; /* "ns", "permille", "hz", "bytes" */
	const char *meaning;
	bool slow; /* written by the daemon, not by the pulse */
};

struct knob_info {
	const char *name;
	const char *unit; /* "us", "ms", "permille", "count" */
	const char *meaning;
	struct hs_bound bound; /* widest bounds, stock value, slew */
};

struct hook_info {
	const char *name;
	const char *meaning;
	enum hs_vital_id feeds;
};

struct irq_kind_info {
	const char *name; /* "soft", "vector", "device" */
	const char *meaning;
	__u32 first; /* row of IRQS … */
	__u32 from;  /* … and the number of what is there */
};

/* For every other table: `meaning` is "" where the table has none. */
struct name_info {
	const char *name;
	const char *meaning;
};

extern const struct vital_info vital_infos[HS_VITAL_NR];
extern const struct knob_info knob_infos[HS_KNOB_NR];
extern const struct hook_info hook_infos[HS_HOOK_NR];
extern const struct irq_kind_info irq_kind_infos[HS_IRQ_KIND_NR];
extern const struct name_info class_infos[HS_CLASS_NR];
extern const struct name_info flow_class_infos[HS_FLOW_CLASS_NR];
extern const struct name_info cause_infos[HS_CAUSE_NR];
extern const struct name_info trip_infos[HS_TRIP_NR];
extern const struct name_info slot_end_infos[HS_SLOT_END_NR];
extern const struct name_info slot_run_infos[HS_SLOT_RUN_NR];
extern const struct name_info mode_infos[HS_MODE_NR];
extern const struct name_info event_infos[HS_EVENT_NR];
extern const struct name_info counter_infos[HS_COUNT_NR];

/* Id of a name, or -ENOENT. */
int vital_find(const char *name);
int knob_find(const char *name);
int class_find(const char *name);
int flow_class_find(const char *name);
int mode_find(const char *name);

/* Name of an id read from shared memory, thus perhaps out of range: "?" then. Never NULL. */
const char *vital_name(__u32 id);
const char *knob_name(__u32 id);
const char *class_name(__u32 id);
const char *cause_name(__u32 id);
const char *trip_name(__u32 id);
const char *slot_end_name(__u32 id);
const char *slot_run_name(__u32 id);
const char *mode_name(__u32 id);
const char *event_name(__u32 id);

#endif
