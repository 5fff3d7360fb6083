/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * cgroup cpu.weight. sched_ext tells us of every group that has the cpu controller, but shares
 * nothing out itself. We flatten the hierarchy: a task's weight, seen from the root, is
 *
 *	w = weight of the task
 *	for each group g from its own up to the root:  w = w * weight(g) / active(g)
 *
 * where active(g) is the sum of the weights of what is runnable in g: its tasks and its active child
 * groups. Virtual time advances by that weight, so a group gets its share however many tasks it has.
 * Worked example: groups A (100) with two hogs and B (300) with one. active(A) = 200, active(B) = 100;
 * each hog in A weighs 100 * 100 / 200 = 50, the one in B 100 * 300 / 100 = 300: shares 1/8, 1/8, 3/4.
 *
 * Races: the sums are atomic, but a weight changed while its group is active is taken over in the
 * parent's sum at the group's next activation. More than GROUPS_MAX groups, or an unlucky clash of
 * more than PROBES ids, and a group has no slot: its tasks compete at the root.
 */
#ifndef HOMEOSTAT_ACT_SCHED_GROUP_H
#define HOMEOSTAT_ACT_SCHED_GROUP_H

#include "sched_queue.h"

#define GROUPS_MAX 4096
#define GROUP_PROBES 16
#define GROUP_LEVELS 8

struct group {
	u64 id;	     /* cgroup id; 0 = free slot */
	u32 parent;  /* slot + 1; 0 = the root */
	u32 weight;  /* cpu.weight; 100 = default */
	u64 active;  /* sum of weights of what is runnable in it */
	u64 counted; /* its weight as counted in the parent's sum */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GROUPS_MAX);
	__type(key, u32);
	__type(value, struct group);
} SCHED_GROUPS SEC(".maps");

/* @slot is slot + 1, as kept in task_state.group and group.parent. */
static __always_inline struct group *group_of(u32 slot)
{
	u32 i = slot - 1;

	return slot ? bpf_map_lookup_elem(&SCHED_GROUPS, &i) : NULL;
}

/* Slot + 1 of cgroup @id, 0 if it has none; with @claim, a free one is taken. */
static __noinline u32 group_find(u64 id, bool claim)
{
	u32 i, n;

	for (n = 0; n < GROUP_PROBES; n++) {
		struct group *g;

		i = ((id * 0x9E3779B97F4A7C15ULL >> 52) + n) % GROUPS_MAX;
		g = bpf_map_lookup_elem(&SCHED_GROUPS, &i);
		if (!g)
			return 0;
		if (g->id == id)
			return i + 1;
		if (claim && !g->id && !__sync_val_compare_and_swap(&g->id, 0, id))
			return i + 1;
	}
	return 0;
}

static __always_inline u64 cgroup_id(struct cgroup *cgrp)
{
	return cgrp->kn->id;
}

/* As the kernel counts them: the group above, with or without a controller. NULL for the root. */
static __always_inline struct cgroup *cgroup_parent(struct cgroup *cgrp)
{
	return cgrp->self.parent ? cgrp->self.parent->cgroup : NULL;
}

/* The root competes with nobody. */
static __always_inline u32 group_slot(struct cgroup *cgrp)
{
	return cgrp && cgrp->level ? group_find(cgroup_id(cgrp), false) : 0;
}

/* @weight more is runnable in group @slot; a group that wakes up is counted in its parent. */
static __always_inline void group_add(u32 slot, u64 weight)
{
	struct group *g;
	int i;

	for (i = 0; i < GROUP_LEVELS; i++) {
		g = group_of(slot);
		if (!g || __sync_fetch_and_add(&g->active, weight))
			return;
		weight = g->counted = g->weight;
		slot = g->parent;
	}
}

static __always_inline void group_sub(u32 slot, u64 weight)
{
	struct group *g;
	int i;

	for (i = 0; i < GROUP_LEVELS; i++) {
		g = group_of(slot);
		if (!g || __sync_fetch_and_add(&g->active, -weight) != weight)
			return;
		weight = g->counted;
		slot = g->parent;
	}
}

/* A task of ours is runnable, or no longer is. Free of cost outside groups. */
static __always_inline void group_task_runnable(struct task_struct *p, struct task_state *s)
{
	if (!s->group || s->counted)
		return;
	s->counted = p->scx.weight;
	group_add(s->group, s->counted);
}

static __always_inline void group_task_quiescent(struct task_state *s)
{
	if (!s->counted)
		return;
	group_sub(s->group, s->counted);
	s->counted = 0;
}

/* Weight of @p in 1/1024, seen from the root; at least 1. */
static __always_inline u64 group_flat_weight(struct task_struct *p, struct task_state *s)
{
	u64 w = (u64)p->scx.weight << 10;
	u32 slot = s->group;
	int i;

	for (i = 0; i < GROUP_LEVELS; i++) {
		struct group *g = group_of(slot);

		if (!g)
			break;
		if ((s64)g->active > 0)
			w = w * g->weight / g->active;
		slot = g->parent;
	}
	return w ?: 1;
}

#endif
