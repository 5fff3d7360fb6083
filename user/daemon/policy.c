// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "flows.h"
#include "log.h"
#include "names.h"

static int write_bounds(struct kernel *k, const struct profile *old, const struct profile *fresh)
{
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		const struct hs_bound *bound = &fresh->knob[id].bound;
		int err;

		if (old && !memcmp(&old->knob[id].bound, bound, sizeof(*bound)))
			continue;
		err = bpf_map_update_elem(k->fd.bounds, &id, bound, BPF_ANY);
		if (err)
			return err;
	}
	return 0;
}

struct hs_rule policy_rule(const struct profile *profile, __u32 i)
{
	struct hs_rule rule = profile->rule[i];

	if ((rule.knob == HS_KNOB_BULK_LIMIT || rule.knob == HS_KNOB_BULK_PACE) &&
	    !profile_holds_bulk(profile))
		rule.high = ~0ULL;
	return rule;
}

/* Into the half that is not in force; the flip comes with CONFIG. */
static int write_rules(struct policy *p, struct kernel *k, const struct profile *fresh, __u32 *base)
{
	if (p->loaded && p->profile.config.rules_nr == fresh->config.rules_nr &&
	    profile_holds_bulk(&p->profile) == profile_holds_bulk(fresh) &&
	    !memcmp(p->profile.rule, fresh->rule, sizeof(fresh->rule)))
		return 0;
	if (p->loaded)
		*base = p->rules_base ? 0 : HS_RULES_MAX;
	for (__u32 i = 0; i < fresh->config.rules_nr; i++) {
		__u32 key = *base + i;
		struct hs_rule rule = policy_rule(fresh, i);
		int err = bpf_map_update_elem(k->fd.rules, &key, &rule, BPF_ANY);

		if (err)
			return err;
	}
	return 0;
}

__u64 policy_limit(const struct policy *p, const struct profile *profile, __u32 i)
{
	const struct hs_limit *limit = &profile->config.limit[i];
	__u64 stock = p->stock_ns[limit->vital != HS_VITAL_WAIT_CRITICAL_P99], multiple;

	if (__builtin_mul_overflow(stock, profile->limit_times[i], &multiple))
		multiple = ~0ULL;
	return multiple > limit->max ? multiple : limit->max;
}

static int write_config(struct policy *p, struct kernel *k, const struct profile *fresh, __u32 base,
			__u32 flows)
{
	struct hs_config config = fresh->config;
	__u32 key = 0;
	int err;

	config.rules_base = base;
	config.flows_base = flows;
	memcpy(config.slot, p->slot, sizeof(config.slot));
	for (__u32 i = 0; i < config.limits_nr; i++)
		config.limit[i].max = policy_limit(p, fresh, i);
	err = bpf_map_update_elem(k->fd.config, &key, &config, BPF_ANY);
	if (err)
		return err;
	p->rules_base = base;
	p->flows_base = flows;
	return 0;
}

/* The daemon's own declaration: its main loop is to be scheduled promptly by our own scheduler. */
static const struct hs_workload self = {
	.name = "homeostatd",
	.class = HS_CLASS_CRITICAL,
	.runtime_ns = 5000000,
	.criticality = 1000,
};

const struct profile_workload *policy_workload(const struct profile *profile, __u32 slot)
{
	for (__u32 i = 0; i < profile->workload_nr; i++) {
		if (profile->workload[i].slot == slot)
			return &profile->workload[i];
	}
	return NULL;
}

void policy_slots(const struct profile *old, struct profile *fresh)
{
	bool taken[HS_WORKLOADS_MAX] = {[HS_WORKLOAD_SELF] = true}; /* by a name of `fresh` */
	__u32 next = WORKLOAD_FIRST, gone = WORKLOAD_FIRST;

	for (__u32 i = 0; i < fresh->workload_nr; i++) {
		struct profile_workload *w = &fresh->workload[i];

		w->slot = HS_WORKLOAD_SELF; /* none yet */
		for (__u32 j = 0; j < old->workload_nr; j++) {
			if (!strcmp(w->workload.name, old->workload[j].workload.name))
				w->slot = old->workload[j].slot;
		}
		taken[w->slot] = true;
	}
	for (__u32 i = 0; i < fresh->workload_nr; i++) {
		struct profile_workload *w = &fresh->workload[i];

		if (w->slot != HS_WORKLOAD_SELF)
			continue;
		while (next < HS_WORKLOADS_MAX && (taken[next] || policy_workload(old, next)))
			next++;
		while (next == HS_WORKLOADS_MAX && taken[gone])
			gone++; /* ends: there are no more names than slots */
		w->slot = next < HS_WORKLOADS_MAX ? next : gone;
		taken[w->slot] = true;
	}
}

/* Who still bears the index of a workload that is gone is nobody special. */
static const struct hs_workload *workload_at(const struct profile *profile, __u32 slot)
{
	static const struct hs_workload none = {.class = HS_CLASS_NORMAL};
	const struct profile_workload *w = policy_workload(profile, slot);

	return slot == HS_WORKLOAD_SELF ? &self : w ? &w->workload : &none;
}

/* A declaration that changed starts its books anew. `gone`: those that fall away, or the others. */
static int write_workloads(struct kernel *k, const struct profile *old, const struct profile *fresh,
			   bool gone)
{
	static const struct hs_workload_stats no_stats;

	for (__u32 i = 0; i < HS_WORKLOADS_MAX; i++) {
		const struct hs_workload *w = workload_at(fresh, i);
		int err;

		if (gone != !w->name[0] || (old && !memcmp(workload_at(old, i), w, sizeof(*w))))
			continue;
		err = bpf_map_update_elem(k->fd.workloads, &i, w, BPF_ANY);
		if (!err)
			err = bpf_map_update_elem(k->fd.workload_stats, &i, &no_stats, BPF_ANY);
		if (err)
			return err;
	}
	return 0;
}

/* Both sets are sorted: one pass finds what goes and what comes. Returns how many changed. */
static int write_match(struct kernel *k, const struct match_set *old, const struct match_set *fresh)
{
	__u32 i = 0, j = 0;
	int changed = 0;

	while (i < old->nr || j < fresh->nr) {
		int order = i == old->nr     ? 1
			    : j == fresh->nr ? -1
					     : memcmp(&old->entry[i].key, &fresh->entry[j].key,
						      sizeof(struct hs_match_key));
		int err = 0;

		if (order < 0) {
			err = bpf_map_delete_elem(k->fd.match, &old->entry[i].key);
			changed++;
		} else if (order > 0 || old->entry[i].workload != fresh->entry[j].workload) {
			err = bpf_map_update_elem(k->fd.match, &fresh->entry[j].key,
						  &fresh->entry[j].workload, BPF_ANY);
			changed++;
		}
		if (err && err != -ENOENT)
			return err;
		i += order <= 0;
		j += order >= 0;
	}
	return changed;
}

/* Index + 1 of the workload that a CPU is kept for; 0 = none. */
static __u32 reserved_for(const struct profile *profile, __u32 cpu)
{
	__u32 slot = 0;

	for (__u32 i = 0; i < profile->workload_nr; i++) {
		const struct hs_workload *w = &profile->workload[i].workload;

		if (w->isolation && cpu_in(w->cpus, cpu))
			slot = profile->workload[i].slot + 1;
	}
	return slot;
}

bool policy_steers(const struct policy *p, const struct topology *topo, __u32 cpu)
{
	return cpu_in(p->profile.steer_cpus, cpu) && topology_housekeeping(topo, cpu) &&
	       !reserved_for(&p->profile, cpu);
}

int policy_write_cpus(const struct policy *p, struct kernel *k, const struct topology *topo)
{
	for (__u32 cpu = 0; cpu < k->cpus_nr && cpu < HS_CPUS_MAX; cpu++) {
		struct hs_cpu_topo entry = topo->cpu[cpu];
		int err;

		entry.reserved = reserved_for(&p->profile, cpu);
		entry.online = cpu_in(topo->online, cpu);
		entry.steer = cpu_in(p->steer_queues, cpu) && policy_steers(p, topo, cpu);
		err = bpf_map_update_elem(k->fd.cpus, &cpu, &entry, BPF_ANY);
		if (err)
			return err;
	}
	return 0;
}

/* gen is written last: the pulse takes over a wish when it sees a new one. */
static void write_wish(struct kernel *k, __u32 id, __u64 value, enum hs_cause cause)
{
	struct hs_wish *wish = &k->wishes[id];
	__u32 gen = wish->gen + 1;

	__atomic_store_n(&wish->value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&wish->cause, cause, __ATOMIC_RELAXED);
	__atomic_store_n(&wish->gen, gen ? gen : 1, __ATOMIC_RELEASE);
}

/* A knob whose rule is gone has nobody else who would bring it back. */
static void write_wishes(struct policy *p, struct kernel *k, const struct profile *old,
			 const struct profile *fresh)
{
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		const struct profile_knob *knob = &fresh->knob[id];
		bool left = old && profile_moves(old, id) && !profile_moves(fresh, id);

		bool same = old ? old->knob[id].value == knob->value &&
					    old->knob[id].stated == knob->stated
				: !knob->stated;

		if (same && !left)
			continue;
		if (!p->wished[id])
			write_wish(k, id, knob->value, HS_CAUSE_PROFILE);
		else if (left)
			write_wish(k, id, k->wishes[id].value, HS_CAUSE_WISH);
	}
}

int policy_apply(struct policy *p, struct kernel *k, const struct topology *topo,
		 struct profile *fresh, const char *root, char *error, size_t error_size)
{
	const struct profile *old = p->loaded ? &p->profile : NULL;
	__u32 base = p->rules_base, flows = p->flows_base;
	struct match_set match;
	int err;

	policy_slots(&p->profile, fresh);
	err = match_build(&match, fresh, root);
	if (!err)
		err = write_bounds(k, old, fresh);
	if (!err)
		err = write_rules(p, k, fresh, &base);
	if (!err)
		err = flows_write(k, old, fresh, &flows);
	if (!err)
		err = write_workloads(k, old, fresh, false);
	if (!err) {
		int changed = write_match(k, &p->match, &match);

		err = changed < 0 ? changed : 0;
	}
	/* once nothing is matched to them any more */
	if (!err)
		err = write_workloads(k, old, fresh, true);
	if (!err)
		err = write_config(p, k, fresh, base, flows);
	if (err) {
		/*
		 * Only the kernel's lack of memory gets here. What is in the maps may be a mixture:
		 * `loaded` makes the next profile be written whole.
		 */
		free(match.entry);
		p->loaded = false;
		snprintf(error, error_size,
			 "profile %s: writing it to the kernel maps: %s; load it "
			 "again once there is memory",
			 fresh->name, strerror(-err));
		return err;
	}
	write_wishes(p, k, old, fresh);
	free(p->match.entry);
	p->match = match;
	profile_free(&p->profile);
	p->profile = *fresh;
	memset(fresh, 0, sizeof(*fresh));
	p->loaded = true;
	/* whole and in force by now; an array entry that is there cannot fail to be written */
	policy_write_cpus(p, k, topo);
	return 0;
}

int policy_refresh(struct policy *p, struct kernel *k, const char *root)
{
	struct match_set match;
	int changed;

	changed = match_build(&match, &p->profile, root);
	if (changed)
		return changed;
	changed = write_match(k, &p->match, &match);
	if (changed < 0) {
		free(match.entry);
		return changed;
	}
	free(p->match.entry);
	p->match = match;
	return changed > 0;
}

int policy_limits(struct policy *p, struct kernel *k, __u64 critical_ns, __u64 normal_ns)
{
	bool same = p->stock_ns[0] == critical_ns && p->stock_ns[1] == normal_ns;
	bool any = false;

	p->stock_ns[0] = critical_ns;
	p->stock_ns[1] = normal_ns;
	for (__u32 i = 0; i < p->profile.config.limits_nr; i++)
		any |= p->profile.limit_times[i] != 0;
	return same || !any || !p->loaded
		       ? 0
		       : write_config(p, k, &p->profile, p->rules_base, p->flows_base);
}

int policy_take_slots(struct policy *p, struct kernel *k,
		      const struct hs_slot_config slot[HS_SLOTS])
{
	struct hs_slot_config before[HS_SLOTS];
	int err;

	if (!p->loaded)
		return -EAGAIN;
	memcpy(before, p->slot, sizeof(before));
	memcpy(p->slot, slot, sizeof(p->slot));
	err = write_config(p, k, &p->profile, p->rules_base, p->flows_base);
	if (err)
		memcpy(p->slot, before, sizeof(p->slot));
	return err;
}

int policy_wish(struct policy *p, struct kernel *k, enum hs_knob_id knob, __u64 value)
{
	const struct hs_bound *bound = &p->profile.knob[knob].bound;

	if (value < bound->min || value > bound->max)
		return -ERANGE;
	p->wished[knob] = true;
	write_wish(k, knob, value, HS_CAUSE_WISH);
	return 0;
}

void policy_unwish(struct policy *p, struct kernel *k, enum hs_knob_id knob)
{
	p->wished[knob] = false;
	write_wish(k, knob, p->profile.knob[knob].value, HS_CAUSE_PROFILE);
}

void policy_free(struct policy *p)
{
	profile_free(&p->profile);
	free(p->match.entry);
	memset(p, 0, sizeof(*p));
}
