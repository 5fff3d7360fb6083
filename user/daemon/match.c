// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Declarations → entries of MATCH. A cgroup is one entry: the kernel side looks its ancestors up, so
 * descendants, also those that come later, need none. Where a declared cgroup lies in another, the
 * nearer one is thus found first.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups.h"
#include "parse.h"
#include "policy.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hs_match_key));
}

/* The id of a cgroup; -ENOENT while it does not exist. */
static int cgroup_id(const char *root, const char *path, __u64 *id)
{
	char full[PATH_MAX];
	struct stat st;
	int n;

	n = snprintf(full, sizeof(full), "%s" CGROUP_ROOT "%s", root ? root : "", path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	if (stat(full, &st) || !S_ISDIR(st.st_mode))
		return -ENOENT;
	*id = st.st_ino; /* 64-bit kernels: the same number */
	return 0;
}

static int make_key(struct hs_match_key *key, const struct profile_match *match, const char *root)
{
	__u64 id;
	int err;

	memset(key, 0, sizeof(*key)); /* padding is part of a map key */
	key->kind = match->kind;
	switch (match->kind) {
	case HS_MATCH_CGROUP:
		err = cgroup_id(root, match->text, &id);
		if (!err)
			key->id = id;
		return err;
	case HS_MATCH_COMM:
		memcpy(key->comm, match->text, strnlen(match->text, sizeof(key->comm) - 1));
		return 0;
	default:
		key->id = match->pid;
		return 0;
	}
}

int match_build(struct match_set *set, const struct profile *profile, const char *root)
{
	size_t max = 1;

	for (__u32 i = 0; i < profile->workload_nr; i++)
		max += profile->workload[i].match_nr;
	set->nr = 0;
	set->entry = NULL;
	if (max > HS_MATCHES_MAX)
		return -E2BIG;
	set->entry = calloc(max, sizeof(*set->entry));
	if (!set->entry)
		return -ENOMEM;
	set->entry[set->nr++] = (struct match_entry){
		.key = {.kind = HS_MATCH_PID, .id = (__u64)getpid()},
		.workload = HS_WORKLOAD_SELF + 1,
	};
	for (__u32 i = 0; i < profile->workload_nr; i++) {
		const struct profile_workload *w = &profile->workload[i];

		for (__u32 j = 0; j < w->match_nr; j++) {
			struct match_entry *entry = &set->entry[set->nr];

			if (make_key(&entry->key, &w->match[j], root))
				continue; /* not there yet: policy_refresh() looks again */
			entry->workload = w->slot + 1;
			set->nr++;
		}
	}
	qsort(set->entry, set->nr, sizeof(*set->entry), compare);
	return 0;
}
