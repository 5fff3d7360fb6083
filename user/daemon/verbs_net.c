// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The verbs `flows` and `steer`: interfaces that are looked at, what became of the packets of each declared flow, and which
 * CPUs went on with them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "flows.h"
#include "names.h"
#include "verbs.h"

static void list_interfaces(struct call *call)
{
	struct json_object *array = js_add_array(call->reply, "interfaces");
	const struct profile *profile = &call->d->policy.profile;
	const struct net *net = &call->d->net;

	for (__u32 n = 0; n < profile->interface_nr; n++) {
		struct json_object *row = js_push_obj(array);
		const struct net_interface *i = net_interface(net, profile->interface[n].name);

		js_add_str(row, "name", profile->interface[n].name);
		js_add_str(row, "xdp",
			   !i || !i->ifindex ? "off"
			   : i->generic	     ? "generic"
					     : "native");
		js_add_str(row, "why",
			   i		       ? i->why
			   : call->d->armed    ? ""
			   : *call->d->refusal ? call->d->refusal
					       : "not armed");
	}
}

int verb_flows(struct call *call)
{
	const struct profile *profile = &call->d->policy.profile;
	struct json_object *array = js_add_array(call->reply, "flows");
	struct hs_flow_stats stats[HS_FLOWS_MAX + 1];
	int err;

	list_interfaces(call);
	err = flows_stats(&call->d->kernel, call->d->policy.flows_base, stats);
	if (err)
		return err;
	for (__u32 i = 0; i <= profile->flow_nr; i++) {
		bool declared = i < profile->flow_nr;
		__u32 at = declared ? i : HS_FLOWS_MAX;
		struct json_object *row = js_push_obj(array);

		js_add_str(row, "name", declared ? profile->flow[i].name : "(others)");
		js_add_str(
			row, "class",
			flow_class_infos[declared ? profile->flow[i].class : HS_FLOW_NORMAL].name);
		js_add_u64(row, "packets", stats[at].packets);
		js_add_u64(row, "shed", stats[at].shed);
	}
	return 0;
}

static void list_cpu(struct json_object *row, __u32 cpu, const struct hs_steer_load *load,
		     const struct hs_steer_cpu *books)
{
	static const char *const roles[] = {"", "target", "hot", "hot target"};

	js_add_u64(row, "cpu", cpu);
	js_add_str(row, "role", roles[(load->target != 0) | (load->hot != 0) << 1]);
	js_add_bool(row, "target", load->target);
	js_add_bool(row, "hot", load->hot);
	js_add_u64(row, "load_permille", load->load_permille);
	js_add_u64(row, "handed", books->handed);
	js_add_u64(row, "kept", books->kept);
	js_add_u64(row, "moved", books->moved);
	js_add_u64(row, "refused", books->refused);
	js_add_u64(row, "missing", books->missing);
	js_add_u64(row, "delivered", books->taken);
	/* read one after the other, while both grow */
	js_add_u64(row, "waiting", books->queued > books->taken ? books->queued - books->taken : 0);
}

int verb_steer(struct call *call)
{
	static const char *const states[] = {"off", "watch", "on"};
	const struct kernel *k = &call->d->kernel;
	const struct hs_steer *steer = k->steer;
	bool runs = call->d->armed && steer->generation == k->gate->generation;
	struct json_object *array;
	const char *name;
	char why[256];

	js_add_str(call->reply, "state", runs ? states[steer->state % 3] : "off");
	snprintf(why, sizeof(why), "%s", steer_why(&call->d->steer, k, &call->d->policy));
	name = net_without_device(&call->d->policy.profile, call->d->opt.root);
	if (name)
		snprintf(why, sizeof(why), "%s has no device: its packets may lack checksums",
			 name);
	js_add_str(call->reply, "why", why);
	list_interfaces(call);
	array = js_add_array(call->reply, "cpus");
	for (__u32 cpu = 0; cpu < k->cpus_nr && cpu < HS_CPUS_MAX; cpu++) {
		struct hs_steer_cpu books;
		int err = bpf_map_lookup_elem(k->fd.steer_cpus, &cpu, &books);

		if (err)
			return err;
		if (cpu_in(call->d->topo.online, cpu))
			list_cpu(js_push_obj(array), cpu, &steer->cpu[cpu], &books);
	}
	return 0;
}
