// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "steer.h"

#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include "log.h"

static void put(__u64 *set, __u32 cpu, bool in)
{
	if (in)
		set[cpu / 64] |= 1ULL << cpu % 64;
	else
		set[cpu / 64] &= ~(1ULL << cpu % 64);
}

static bool any(const __u64 *set)
{
	for (int i = 0; i < CPU_WORDS; i++) {
		if (set[i])
			return true;
	}
	return false;
}

static int make_queue(struct steer *steer, struct kernel *k, __u32 cpu)
{
	struct bpf_cpumap_val queue = {.qsize = STEER_QUEUE_PACKETS};

	if (steer->slow)
		steer->slow(steer->ctx);
	return bpf_map_update_elem(k->fd.steer_queues, &cpu, &queue, BPF_ANY);
}

/* One CPU. Returns whether CPUS is to be written. */
static bool follow_one(struct steer *steer, struct kernel *k, struct policy *policy, __u32 cpu,
		       bool may, bool wanted, char *why, size_t size)
{
	bool has = cpu_in(policy->steer_queues, cpu), leaves = cpu_in(steer->leaving, cpu);
	int err = 0;

	put(steer->leaving, cpu, has && !may && wanted && !leaves);
	if (may == has)
		return may && leaves;
	if (may)
		err = make_queue(steer, k, cpu);
	else if (!wanted || leaves)
		err = bpf_map_delete_elem(k->fd.steer_queues, &cpu);
	else
		return true;
	if (err)
		snprintf(why, size, "the queue to CPU %u: %s", cpu, strerror(-err));
	else
		put(policy->steer_queues, cpu, may);
	return !err;
}

void steer_follow(struct steer *steer, struct kernel *k, struct policy *policy,
		  const struct topology *topo, bool wanted)
{
	struct family *f = &k->family[FAMILY_STEER];
	char why[sizeof(steer->why)] = "";
	bool changed = false, asked = wanted && profile_steers(&policy->profile);
	int err = 0;

	if (f->state == FAMILY_UNAVAILABLE)
		return;
	/* the books first: a packet that is handed over before they are kept is under way for ever */
	if (asked && f->state != FAMILY_ON) {
		if (steer->slow)
			steer->slow(steer->ctx);
		if (kernel_steer(k)) {
			snprintf(why, sizeof(why), "%s", f->why);
			asked = false;
		}
	}
	for (__u32 cpu = 0; cpu < k->cpus_nr && cpu < HS_CPUS_MAX; cpu++)
		changed |=
			follow_one(steer, k, policy, cpu, asked && policy_steers(policy, topo, cpu),
				   wanted, why, sizeof(why));
	if (!any(policy->steer_queues) && f->state == FAMILY_ON)
		f->state = FAMILY_OFF;
	if (changed)
		err = policy_write_cpus(policy, k, topo);
	if (err && !why[0])
		snprintf(why, sizeof(why), "%s", strerror(-err));
	if (why[0] && strcmp(why, steer->why))
		log_warn("steering: %s", why);
	strcpy(steer->why, why);
}

const char *steer_why(const struct steer *steer, const struct kernel *k,
		      const struct policy *policy, const struct net *net)
{
	if (!profile_steers(&policy->profile))
		return "the profile has no section `steer`";
	if (k->family[FAMILY_STEER].state == FAMILY_UNAVAILABLE)
		return k->family[FAMILY_STEER].why;
	if (k->knobs[HS_KNOB_STEER_ABOVE].value >=
	    policy->profile.knob[HS_KNOB_STEER_ABOVE].bound.stock)
		return k->gate->armed ? "net.steer.above_permille says never" : "not armed";
	if (steer->why[0])
		return steer->why;
	if (!any(policy->steer_queues))
		return "no CPU that the profile names is free for it";
	if (!net_steers(net))
		return "no interface that the profile names can";
	return "";
}
