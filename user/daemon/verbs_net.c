// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verb `flows`: interfaces that are looked at, and what became of the packets of each declared flow. */
#include <errno.h>
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
	const char *unarmed = call->d->armed	  ? ""
			      : *call->d->refusal ? call->d->refusal
						  : "not armed";

	for (__u32 n = 0; n < profile->interface_nr; n++) {
		struct json_object *row = js_push_obj(array);
		const struct net_interface *i = net_interface(net, profile->interface[n].name);

		js_add_str(row, "name", profile->interface[n].name);
		js_add_str(row, "xdp",
			   !i || !i->hook[NET_IN].ifindex ? "off"
			   : i->generic			  ? "generic"
							  : "native");
		js_add_str(row, "why", i ? i->hook[NET_IN].why : unarmed);
		js_add_str(row, "egress",
			   !i || !i->hook[NET_OUT].ifindex ? "off"
			   : i->paced			   ? "paced"
							   : "priority only");
		js_add_str(row, "qdisc", i ? i->qdisc : "");
		js_add_str(row, "egress_why", i ? i->hook[NET_OUT].why : unarmed);
	}
}

static void add_egress(struct json_object *row, const struct hs_egress_stats *stats)
{
	js_add_u64(row, "sent", stats->packets);
	js_add_u64(row, "prioritised", stats->prioritised);
	js_add_u64(row, "marked", stats->marked);
	js_add_u64(row, "paced", stats->paced);
	js_add_u64(row, "delayed", stats->delayed);
	js_add_u64(row, "delayed_ns", stats->delayed_ns);
	js_add_u64(row, "delay_mean_ns", stats->delayed ? stats->delayed_ns / stats->delayed : 0);
	js_add_u64(row, "dropped", stats->dropped);
}

int verb_flows(struct call *call)
{
	const struct profile *profile = &call->d->policy.profile;
	struct json_object *array = js_add_array(call->reply, "flows");
	__u32 base = call->d->policy.flows_base;
	struct hs_egress_stats out[HS_FLOWS_MAX + 1];
	struct hs_flow_stats in[HS_FLOWS_MAX + 1];
	int err;

	list_interfaces(call);
	err = flows_stats(&call->d->kernel, base, in);
	if (!err)
		err = flows_egress(&call->d->kernel, base, out);
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
		js_add_u64(row, "packets", in[at].packets);
		js_add_u64(row, "shed", in[at].shed);
		add_egress(row, &out[at]);
	}
	return 0;
}
