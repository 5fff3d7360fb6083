// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "nic.h"
#include "parse.h"

/* Index of an interface; 0 = there is none of that name. */
static __u32 ifindex_of(const char *root, const char *name)
{
	char text[32];
	__u64 index;

	if (read_filef(root, text, sizeof(text), "/sys/class/net/%s/ifindex", name) <= 0 ||
	    parse_u64_max(text, 0x7fffffff, &index))
		return 0;
	return (__u32)index;
}

/*
 * The slot of an interface; a new one where it has none. There are as many as a profile may name; KERNEL_INTERFACES_MAX: all are
 * taken, some by interfaces that could not be left yet.
 */
static __u32 slot_of(const struct net *net, const char *name)
{
	__u32 free = KERNEL_INTERFACES_MAX;

	for (__u32 i = 0; i < KERNEL_INTERFACES_MAX; i++) {
		if (!strcmp(net->interface[i].name, name))
			return i;
		if (!net->interface[i].name[0])
			free = i;
	}
	return free;
}

static const enum family_id family_at[NET_END_NR] = {FAMILY_XDP, FAMILY_TC};
static const char *const packets_at[NET_END_NR] = {"incoming", "outgoing"};

static const char *reason(int err, enum net_end end)
{
	if (err == -ENODEV)
		return "there is no such interface";
	if (end == NET_IN && (err == -EBUSY || err == -EEXIST))
		return "another XDP program is attached to it, or to one above or below it";
	if (end == NET_IN && err == -EOPNOTSUPP)
		return "neither its driver nor the kernel's generic XDP can do that";
	return strerror(-err);
}

static void leave(struct net *net, struct kernel *k, __u32 slot, enum net_end end)
{
	struct net_interface *i = &net->interface[slot];
	struct net_hook *hook = &i->hook[end];

	if (!hook->ifindex)
		return;
	if (net->slow)
		net->slow(net->ctx);
	if (end == NET_IN) {
		kernel_detach_xdp(k, slot);
	} else {
		kernel_detach_tc(k, slot);
		kernel_pacer(k, hook->ifindex, false);
		i->qdisc[0] = '\0';
		i->paced = false;
	}
	hook->ifindex = 0;
}

/* Whether packets of an interface may be handed to other CPUs is known before it is attached to, but for its driver. */
static int join_in(struct net_interface *i, struct kernel *k, __u32 slot, __u32 ifindex,
		   const char *root)
{
	i->steer_why = k->family[FAMILY_STEER].state == FAMILY_UNAVAILABLE
			       ? "not available here"
			       : nic_unfit(root, i->name);
	return kernel_attach_xdp(k, slot, ifindex, &i->steer_why, &i->generic);
}

/* Why we are not attached to an interface that is there, "" = we are. */
static const char *join(struct net *net, struct kernel *k, __u32 slot, enum net_end end,
			__u32 ifindex, const char *root)
{
	struct net_interface *i = &net->interface[slot];
	int err;

	if (k->family[family_at[end]].state == FAMILY_UNAVAILABLE)
		return k->family[family_at[end]].why;
	if (net->slow)
		net->slow(net->ctx);
	err = end == NET_IN ? join_in(i, k, slot, ifindex, root)
			    : kernel_attach_tc(k, slot, ifindex);
	if (err) {
		i->hook[end].refused = ifindex;
		return reason(err, end);
	}
	i->hook[end].ifindex = ifindex;
	log_info("%s: looking at %s packets (%s)", i->name, packets_at[end],
		 end == NET_OUT ? "tcx"
		 : i->generic	? "generic XDP"
				: "native XDP");
	return "";
}

static void follow_end(struct net *net, struct kernel *k, __u32 slot, enum net_end end, __u32 now,
		       const char *root, bool retry)
{
	struct net_interface *i = &net->interface[slot];
	struct net_hook *hook = &i->hook[end];
	const char *why;

	if (now && (hook->ifindex == now || (hook->refused == now && !retry)))
		return;
	leave(net, k, slot, end);
	hook->refused = 0;
	why = now ? join(net, k, slot, end, now, root) : reason(-ENODEV, end);
	if (*why && strcmp(hook->why, why))
		log_warn("%s: its %s packets are not looked at: %s", i->name, packets_at[end], why);
	snprintf(hook->why, sizeof(hook->why), "%s", why);
}

/* Bulk has a clock where the queueing discipline can hold packets. An administrator may change it at any time. */
static void follow_qdisc(struct net_interface *i, struct kernel *k, const struct profile *profile)
{
	__u32 ifindex = i->hook[NET_OUT].ifindex;
	char now[16];
	int err;

	if (!ifindex || kernel_qdisc(k, ifindex, now) || !strcmp(now, i->qdisc))
		return;
	strcpy(i->qdisc, now);
	i->paced = !strcmp(now, "fq");
	err = kernel_pacer(k, ifindex, i->paced);
	if (err) {
		log_warn("%s: bulk cannot be paced: %s", i->name, strerror(-err));
		i->paced = false;
		i->qdisc[0] = '\0'; /* tried again */
	} else if (i->paced) {
		log_info("%s: bulk can be paced, by fq", i->name);
	} else if (profile_holds_bulk(profile)) {
		log_warn("%s: its queueing discipline is %s, not fq: bulk is not paced there, its "
			 "priority is all that it gets",
			 i->name, now);
	}
}

/* Who asks for steering is told where there will be none. */
static void follow_steering(struct net_interface *i, const struct profile *profile)
{
	bool asked = profile_steers(profile) && i->hook[NET_IN].ifindex && i->steer_why;

	if (asked && !i->steer_said)
		log_warn("%s: its packets are not handed to other CPUs: %s", i->name, i->steer_why);
	i->steer_said = asked;
}

static void say_beside(struct net_interface *i, const struct beside_place *p)
{
	struct net_hook *hook = &i->hook[NET_IN];

	if (p->ifindex && hook->ifindex != p->ifindex)
		log_info("%s: looking at incoming packets (%s XDP, beside others)", i->name,
			 p->generic ? "generic" : "native");
	if (!p->ifindex && hook->ifindex)
		log_info("%s: left libxdp's dispatcher", i->name);
	if (*p->why && strcmp(hook->why, p->why) && p->asked != BESIDE_JOIN)
		log_warn("%s: beside other XDP programs: %s", i->name, p->why);
	hook->ifindex = p->ifindex;
	i->generic = p->generic;
	snprintf(hook->why, sizeof(hook->why), "%s", p->why);
}

/* Under a dispatcher, by the usher. */
static void follow_beside(struct net *net, struct kernel *k, __u32 slot, __u32 now, bool retry)
{
	struct net_interface *i = &net->interface[slot];
	const struct family *f = &k->family[FAMILY_XDP];

	if (!i->beside) /* a link of our own, of an earlier profile */
		leave(net, k, slot, NET_IN);
	i->beside = true;
	i->steer_why = "a program under libxdp's dispatcher cannot hand packets over";
	beside_follow(&net->beside, slot, i->name, f->state == FAMILY_UNAVAILABLE ? 0 : now, retry,
		      clock_ns());
	say_beside(i, &net->beside.place[slot]);
	if (!now || f->state == FAMILY_UNAVAILABLE)
		snprintf(i->hook[NET_IN].why, sizeof(i->hook[NET_IN].why), "%s",
			 i->hook[NET_IN].ifindex ? net->beside.place[slot].why
			 : now			 ? f->why
						 : reason(-ENODEV, NET_IN));
}

static void follow_in(struct net *net, struct kernel *k, __u32 slot, bool beside, __u32 now,
		      const char *root, bool retry)
{
	struct net_interface *i = &net->interface[slot];

	if (beside || i->beside)
		follow_beside(net, k, slot, beside ? now : 0, retry);
	if (beside || beside_there(&net->beside, slot))
		return;
	i->beside = false;
	follow_end(net, k, slot, NET_IN, now, root, retry);
}

static void follow_one(struct net *net, struct kernel *k, __u32 slot, const struct profile *profile,
		       bool beside, const char *root, bool retry)
{
	struct net_interface *i = &net->interface[slot];
	__u32 now = ifindex_of(root, i->name);

	follow_in(net, k, slot, beside, now, root, retry);
	follow_end(net, k, slot, NET_OUT, now, root, retry);
	follow_qdisc(i, k, profile);
	follow_steering(i, profile);
}

void net_follow(struct net *net, struct kernel *k, const struct profile *profile, const char *root,
		bool retry)
{
	beside_hear(&net->beside);
	for (__u32 slot = 0; slot < KERNEL_INTERFACES_MAX; slot++) {
		struct net_interface *i = &net->interface[slot];

		if (!i->name[0] || (profile && profile_looks_at(profile, i->name)))
			continue;
		leave(net, k, slot, NET_OUT);
		if (i->beside)
			follow_beside(net, k, slot, 0, false);
		else
			leave(net, k, slot, NET_IN);
		if (!beside_there(&net->beside, slot)) /* else it is not forgotten */
			memset(i, 0, sizeof(*i));
	}
	for (__u32 n = 0; profile && n < profile->interface_nr; n++) {
		const struct profile_interface *p = &profile->interface[n];
		__u32 slot = slot_of(net, p->name);

		if (slot == KERNEL_INTERFACES_MAX)
			continue;
		strcpy(net->interface[slot].name, p->name);
		follow_one(net, k, slot, profile, p->beside, root, retry);
	}
}

bool net_steers(const struct net *net)
{
	for (__u32 slot = 0; slot < KERNEL_INTERFACES_MAX; slot++) {
		const struct net_interface *i = &net->interface[slot];

		if (i->hook[NET_IN].ifindex && !i->steer_why)
			return true;
	}
	return false;
}

const struct net_interface *net_interface(const struct net *net, const char *name)
{
	__u32 slot = slot_of(net, name);

	return slot == KERNEL_INTERFACES_MAX || !net->interface[slot].name[0]
		       ? NULL
		       : &net->interface[slot];
}
