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
