// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verbs about packets. `flows`: interfaces that are looked at, and what became of the packets of each declared flow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "control.h"
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

/* With `for_ns`: somebody begins to look, so the hook is attached for that long. */
static int look(struct call *call)
{
	struct homeostatd *d = call->d;
	__u64 for_ns, now = clock_ns();
	int err = js_get_u64(call->request, "for_ns", &for_ns);

	if (err == -ENOENT)
		return 0;
	if (err || for_ns > CONTROL_LOOK_MAX_NS + NS_PER_S) {
		snprintf(call->error, sizeof(call->error), "expected for_ns: up to %llu",
			 CONTROL_LOOK_MAX_NS + NS_PER_S);
		return -EINVAL;
	}
	if (call->peer->uid != 0) {
		snprintf(call->error, sizeof(call->error), "looking at drops is for root");
		return -EPERM;
	}
	if (now + for_ns > d->hooks.until_ns[HS_HOOK_DROPS])
		d->hooks.until_ns[HS_HOOK_DROPS] = now + for_ns;
	hooks_follow(&d->hooks, &d->kernel, &d->policy.profile, now, true);
	if (!(d->kernel.hooks->on & 1U << HS_HOOK_DROPS)) {
		snprintf(call->error, sizeof(call->error), "drops cannot be looked at: %.256s",
			 d->kernel.family[FAMILY_DROPS].why);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Dropped packets by the kernel's reason, as it numbers them, since the daemon was started and while the hook was on. */
int verb_drops(struct call *call)
{
	__u64 packets[HS_DROPS_MAX];
	struct json_object *array;
	int err = look(call);

	if (!err)
		err = kernel_drops(&call->d->kernel, packets);
	if (err)
		return err;
	js_add_bool(call->reply, "looking", call->d->kernel.hooks->on & 1U << HS_HOOK_DROPS);
	array = js_add_array(call->reply, "drops");
	for (__u32 i = 0; i < HS_DROPS_MAX; i++) {
		struct json_object *row = packets[i] ? js_push_obj(array) : NULL;

		if (!row)
			continue;
		js_add_u64(row, "reason", i);
		js_add_u64(row, "packets", packets[i]);
	}
	return 0;
}
