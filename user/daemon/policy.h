/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The profile in force, and its way into the kernel maps: by difference, never half. */
#ifndef HOMEOSTAT_POLICY_H
#define HOMEOSTAT_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel.h"
#include "profile.h"

/* One entry of MATCH. */
struct match_entry {
	struct hs_match_key key;
	__u32 workload; /* index into WORKLOADS + 1 */
};

struct match_set {
	struct match_entry *entry; /* owned; sorted by key, no key twice */
	__u32 nr;
};

struct policy {
	struct profile profile;
	bool loaded;		       /* the maps hold `profile`; false = they hold nothing yet */
	__u64 stock_ns[2];	       /* what `times` of limits counts in: policy_limits() */
	bool wished[HS_KNOB_NR];       /* a person's wish stands above the profile's base */
	__u32 rules_base;	       /* half of RULES in force */
	__u32 flows_base;	       /* half of FLOWS in force */
	__u64 steer_queues[CPU_WORDS]; /* CPUs with a queue for packets: steer.c's */
	struct match_set match;
	struct hs_slot_config slot[HS_SLOTS]; /* plug-ins: plugins.c's, by policy_take_slots() */
};

/* The profile's workloads have the slots from here on: HS_WORKLOAD_SELF is before them. */
#define WORKLOAD_FIRST 1

/*
 * Gives each workload of `fresh` its slot. Tasks bear the index of theirs until they are matched anew,
 * so it must not come to mean another workload: a name keeps the slot that it has in `old` (may be
 * empty), new ones take slots that are free in both; only where there are none left, those of names
 * that are gone.
 */
void policy_slots(const struct profile *old, struct profile *fresh);

/* The workload in a slot, or NULL. */
const struct profile_workload *policy_workload(const struct profile *profile, __u32 slot);

/*
 * Puts `fresh` in force: what differs from the present profile is written. Takes over its memory on
 * success. Otherwise the running profile stays, `error` says why, and `fresh` is still the caller's.
 * `root` is where cgroups are looked up. 0 or negative errno.
 */
int policy_apply(struct policy *p, struct kernel *k, const struct topology *topo,
		 struct profile *fresh, const char *root, char *error, size_t error_size);

/*
 * Declared cgroups come and go: looks them up again and writes what changed. 1 if anything did,
 * 0 if not, or negative errno.
 */
int policy_refresh(struct policy *p, struct kernel *k, const char *root);

/*
 * What is in the slots for plug-ins from now on, by one write; a profile that is loaded later leaves it so. 0 or negative errno, and
 * it is as before. -EAGAIN: the profile itself is not whole in the maps.
 */
int policy_take_slots(struct policy *p, struct kernel *k,
		      const struct hs_slot_config slot[HS_SLOTS]);

/* May packets be handed to a CPU? If the profile names it, and it is online and kept for nothing else. */
bool policy_steers(const struct policy *p, const struct topology *topo, __u32 cpu);

/* Writes CPUS anew, after CPUs or their use changed. 0 or negative errno. */
int policy_write_cpus(const struct policy *p, struct kernel *k, const struct topology *topo);

/* A person's wish for a knob, in its unit. 0, or -ERANGE: outside the profile's bounds. */
int policy_wish(struct policy *p, struct kernel *k, enum hs_knob_id knob, __u64 value);

/* Back to the profile's base. */
void policy_unwish(struct policy *p, struct kernel *k, enum hs_knob_id knob);

/* What declarations resolve to now. set->entry is the caller's. 0, -ENOMEM, -E2BIG. */
int match_build(struct match_set *set, const struct profile *profile, const char *root);

/*
 * Stock's 99th percentile of the wait of critical and normal tasks, as observed (0 = not known): writes the
 * limits anew that are multiples of it. 0 or negative errno.
 */
int policy_limits(struct policy *p, struct kernel *k, __u64 critical_ns, __u64 normal_ns);

/* Limit `i` of a profile as it is in force: max, or `times` what stock gave, if that is more. */
__u64 policy_limit(const struct policy *p, const struct profile *profile, __u32 i);

void policy_free(struct policy *p);

/*
 * Rule @i as the kernel is to see it. One that limits bulk where no interface or no bulk flow is declared would move what
 * nobody uses, keep the heart beating fast for it, and in the end be found not to settle: it is never above. Pure.
 */
struct hs_rule policy_rule(const struct profile *profile, __u32 i);

#endif
