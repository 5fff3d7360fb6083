/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The program families: what can be missing by itself. The one place of their names. */
#ifndef HOMEOSTAT_FAMILIES_H
#define HOMEOSTAT_FAMILIES_H

/* X(ID, name, how the section names of its programs begin (steer: their own names), what it is). */
#define FAMILIES(X)                                                                                \
	X(SENSE, "sensor", "tp_btf/", "run-queue sensor")                                          \
	X(PULSE, "pulse", "syscall", "pulse timer")                                                \
	X(TASKS, "tasks", "iter/", "task iterator")                                                \
	X(SCHED, "sched_ext", "struct_ops", "scheduler")                                           \
	X(XDP, "xdp", "xdp", "shedding of incoming packets")                                       \
	X(STEER, "steer", "steer_", "handing of incoming packets to other CPUs (cpumap)")
enum family_id {
#define X(id, ...) FAMILY_##id,
	FAMILIES(X)
#undef X
	FAMILY_NR
};

struct family_info {
	const char *name; /* "sched_ext" … */
	const char *section;
	const char *what;
};

extern const struct family_info family_infos[FAMILY_NR];

static inline const char *family_name(enum family_id id)
{
	return family_infos[id].name;
}

#endif
