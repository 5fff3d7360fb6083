/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The program families: what can be missing by itself. The one place of their names. */
#ifndef HOMEOSTAT_FAMILIES_H
#define HOMEOSTAT_FAMILIES_H

/* X(ID, name, how the section names of its programs begin, what it is). */
#define FAMILIES(X)                                                                                \
	X(SENSE, "sensor", "tp_btf/sched_", "run-queue sensor")                                    \
	X(PULSE, "pulse", "syscall", "pulse timer")                                                \
	X(TASKS, "tasks", "iter/", "task iterator")                                                \
	X(SCHED, "sched_ext", "struct_ops", "scheduler")                                           \
	X(XDP, "xdp", "xdp", "shedding of incoming packets")                                       \
	X(TC, "tc", "tcx/", "priority, pacing and marking of outgoing packets")                    \
	X(TCP, "tcp", "struct_ops/tcp", "congestion control")                                      \
	X(TCP_LOSS, "tcp-loss", "struct_ops/loss", "congestion control where loss is borne")       \
	X(SOCKOPS, "sockops", "sockops", "care for new connections")                               \
	X(SOCKETS, "sockets", "iter/tcp", "connection iterator")                                   \
	X(COUNTS, "counts", "syscall", "pulse that reads the kernel's own counters")               \
	X(DROPS, "drops", "tp_btf/kfree_skb", "hook on dropped packets")                           \
	X(SOFTIRQ, "softirq", "tp_btf/softirq_", "hook on soft interrupts")                        \
	X(RECEIVE, "receive", "tp_btf/sk_data_", "hook on packets that come into their socket")    \
	X(IRQ, "irq", "raw_tp", "hook on how long interrupts take")                                \
	X(STEER, "steer", "tp_btf/xdp_", "handing of incoming packets to other CPUs (cpumap)")
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

/* The family of a program by the name of its section, the longest beginning that fits; FAMILY_NR: of none. Pure. */
enum family_id family_of_section(const char *section);

/* The family of a struct_ops by the name of its map; FAMILY_NR: of none. Pure. */
enum family_id family_of_ops(const char *map);

#endif
