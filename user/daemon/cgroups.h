/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The cgroup tree (version 2): ids of subtrees, and limits that our scheduler does not implement. */
#ifndef HOMEOSTAT_CGROUPS_H
#define HOMEOSTAT_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_DEPTH_MAX 32

/* Called for each cgroup, parents first. Non-zero ends the walk and is returned. */
typedef int (*cgroup_visit)(void *ctx, const char *path, __u64 id);

/*
 * Visits `path` ("/a/b", from the cgroup root below `root`) and its descendants. Cgroups that vanish
 * meanwhile are passed over. 0, what `visit` returned, or -ENOENT where `path` does not exist.
 */
int cgroups_walk(const char *root, const char *path, cgroup_visit visit, void *ctx);

/*
 * Looks for a cgroup with cpu.max or cpu.idle set, which a sched_ext scheduler must implement itself
 * and ours does not. 1: found, `why` says which and what to do; 0: none; negative errno: could not
 * look. `progress` (may be NULL) is called now and then.
 */
int cgroups_limited(const char *root, char *why, size_t size, void (*progress)(void *), void *ctx);

#endif
