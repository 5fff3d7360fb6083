// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "names.h"

#include <errno.h>
#include <string.h>

#include "families.h"

enum {
	FAST,
	SLOW
};

const struct vital_info vital_infos[HS_VITAL_NR] = {
#define X(id, dotted, units, writer, text)                                                         \
	[HS_VITAL_##id] = {.name = dotted, .unit = units, .meaning = text, .slow = writer == SLOW},
	HS_VITALS (X)
#undef X
};

const struct knob_info knob_infos[HS_KNOB_NR] = {
#define X(id, dotted, units, at_rest, least, most, per_s, text)                                    \
	[HS_KNOB_##id] = {                                                                         \
		.name = dotted,                                                                    \
		.unit = units,                                                                     \
		.meaning = text,                                                                   \
		.bound = {.min = least, .max = most, .stock = at_rest, .slew_per_s = per_s}},
	HS_KNOBS (X)
#undef X
};

#define X(id, dotted, vital, text) [HS_HOOK_##id] = {dotted, text, HS_VITAL_##vital},
const struct hook_info hook_infos[HS_HOOK_NR] = {HS_HOOKS(X)};
#undef X
#define X(id, dotted, row, number, text) [HS_IRQ_##id] = {dotted, text, row, number},
const struct irq_kind_info irq_kind_infos[HS_IRQ_KIND_NR] = {HS_IRQ_KINDS(X)};
#undef X
#define X(id, dotted, text) [HS_CLASS_##id] = {dotted, text},
const struct name_info class_infos[HS_CLASS_NR] = {HS_CLASSES(X)};
#undef X
#define X(id, dotted, text) [HS_FLOW_##id] = {dotted, text},
const struct name_info flow_class_infos[HS_FLOW_CLASS_NR] = {HS_FLOW_CLASSES(X)};
#undef X
#define X(id, dotted) [HS_CAUSE_##id] = {dotted, ""},
const struct name_info cause_infos[HS_CAUSE_NR] = {HS_CAUSES(X)};
#undef X
#define X(id, dotted, text) [HS_TRIP_##id] = {dotted, text},
const struct name_info trip_infos[HS_TRIP_NR] = {HS_TRIPS(X)};
#undef X
#define X(id, dotted, text) [HS_SLOT_END_##id] = {dotted, text},
const struct name_info slot_end_infos[HS_SLOT_END_NR] = {HS_SLOT_ENDS(X)};
#undef X
#define X(id, dotted, text) [HS_SLOT_RUN_##id] = {dotted, text},
const struct name_info slot_run_infos[HS_SLOT_RUN_NR] = {HS_SLOT_RUNS(X)};
#undef X
#define X(id, dotted, text) [HS_MODE_##id] = {dotted, text},
const struct name_info mode_infos[HS_MODE_NR] = {HS_MODES(X)};
#undef X
#define X(id, dotted, text) [HS_EVENT_##id] = {dotted, text},
const struct name_info event_infos[HS_EVENT_NR] = {HS_EVENTS(X)};
#undef X
#define X(id, dotted, text) [HS_COUNT_##id] = {dotted, text},
const struct name_info counter_infos[HS_COUNT_NR] = {HS_COUNTERS(X)};
#undef X
#define X(id, dotted, start, text) [FAMILY_##id] = {dotted, start, text},
const struct family_info family_infos[FAMILY_NR] = {FAMILIES(X)};
#undef X

static int find(const struct name_info *infos, int nr, const char *name)
{
	for (int i = 0; i < nr; i++) {
		if (!strcmp(infos[i].name, name))
			return i;
	}
	return -ENOENT;
}

int vital_find(const char *name)
{
	for (int i = 0; i < HS_VITAL_NR; i++) {
		if (!strcmp(vital_infos[i].name, name))
			return i;
	}
	return -ENOENT;
}

int knob_find(const char *name)
{
	for (int i = 0; i < HS_KNOB_NR; i++) {
		if (!strcmp(knob_infos[i].name, name))
			return i;
	}
	return -ENOENT;
}

int class_find(const char *name)
{
	return find(class_infos, HS_CLASS_NR, name);
}

int flow_class_find(const char *name)
{
	return find(flow_class_infos, HS_FLOW_CLASS_NR, name);
}

int mode_find(const char *name)
{
	return find(mode_infos, HS_MODE_NR, name);
}

const char *vital_name(__u32 id)
{
	return id < HS_VITAL_NR ? vital_infos[id].name : "?";
}

const char *knob_name(__u32 id)
{
	return id < HS_KNOB_NR ? knob_infos[id].name : "?";
}

const char *class_name(__u32 id)
{
	return id < HS_CLASS_NR ? class_infos[id].name : "?";
}

const char *cause_name(__u32 id)
{
	return id < HS_CAUSE_NR ? cause_infos[id].name : "?";
}

const char *trip_name(__u32 id)
{
	return id < HS_TRIP_NR ? trip_infos[id].name : "?";
}

const char *slot_end_name(__u32 id)
{
	return id < HS_SLOT_END_NR ? slot_end_infos[id].name : "?";
}

const char *slot_run_name(__u32 id)
{
	return id < HS_SLOT_RUN_NR ? slot_run_infos[id].name : "?";
}

const char *mode_name(__u32 id)
{
	return id < HS_MODE_NR ? mode_infos[id].name : "?";
}

const char *event_name(__u32 id)
{
	return id < HS_EVENT_NR ? event_infos[id].name : "?";
}

enum family_id family_of_section(const char *section)
{
	enum family_id found = FAMILY_NR;
	size_t longest = 0;

	for (int i = 0; i < FAMILY_NR; i++) {
		size_t len = strlen(family_infos[i].section);

		if (len > longest && !strncmp(section, family_infos[i].section, len)) {
			found = (enum family_id)i;
			longest = len;
		}
	}
	return found;
}

enum family_id family_of_ops(const char *map)
{
	return !strcmp(map, "homeostat_ops") ? FAMILY_SCHED
	       : !strcmp(map, "tcp_ops")     ? FAMILY_TCP
	       : !strcmp(map, "loss_ops")    ? FAMILY_TCP_LOSS
					     : FAMILY_NR;
}
