// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "net.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
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

static bool wanted(const struct profile *profile, const char *name)
{
	for (__u32 i = 0; profile && i < profile->interface_nr; i++) {
		if (!strcmp(profile->interface[i].name, name))
			return true;
	}
	return false;
}

/* The slot of an interface; a new one where it has none. There are as many as a profile may name. */
static __u32 slot_of(const struct net *net, const char *name)
{
	__u32 free = 0;

	for (__u32 i = 0; i < KERNEL_INTERFACES_MAX; i++) {
		if (!strcmp(net->interface[i].name, name))
			return i;
		if (!net->interface[i].name[0])
			free = i;
	}
	return free;
}

static const char *reason(int err)
{
	switch (err) {
	case -ENODEV:
		return "there is no such interface";
	case -EBUSY:
	case -EEXIST:
		return "another XDP program is attached to it, or to one above or below it";
	case -EOPNOTSUPP:
		return "neither its driver nor the kernel's generic XDP can do that";
	default:
		return strerror(-err);
	}
}

static void leave(struct net *net, struct kernel *k, __u32 slot)
{
	struct net_interface *i = &net->interface[slot];

	if (!i->ifindex)
		return;
	if (net->slow)
		net->slow(net->ctx);
	kernel_detach_xdp(k, slot);
	i->ifindex = 0;
}

/* Why we are not attached to an interface that is there, "" = we are. */
static const char *join(struct net *net, struct kernel *k, __u32 slot, __u32 ifindex)
{
	struct net_interface *i = &net->interface[slot];
	int err;

	if (k->family[FAMILY_XDP].state == FAMILY_UNAVAILABLE)
		return k->family[FAMILY_XDP].why;
	if (net->slow)
		net->slow(net->ctx);
	err = kernel_attach_xdp(k, slot, ifindex, &i->generic);
	if (err) {
		i->refused = ifindex;
		return reason(err);
	}
	i->ifindex = ifindex;
	log_info("%s: looking at incoming packets (%s XDP)", i->name,
		 i->generic ? "generic" : "native");
	return "";
}

static void follow_one(struct net *net, struct kernel *k, __u32 slot, const char *root, bool retry)
{
	struct net_interface *i = &net->interface[slot];
	__u32 now = ifindex_of(root, i->name);
	const char *why;

	if (now && (i->ifindex == now || (i->refused == now && !retry)))
		return;
	leave(net, k, slot);
	i->refused = 0;
	why = now ? join(net, k, slot, now) : reason(-ENODEV);
	if (*why && strcmp(i->why, why))
		log_warn("%s: its packets are not looked at: %s", i->name, why);
	snprintf(i->why, sizeof(i->why), "%s", why);
}

void net_follow(struct net *net, struct kernel *k, const struct profile *profile, const char *root,
		bool retry)
{
	for (__u32 slot = 0; slot < KERNEL_INTERFACES_MAX; slot++) {
		struct net_interface *i = &net->interface[slot];

		if (!i->name[0] || wanted(profile, i->name))
			continue;
		leave(net, k, slot);
		memset(i, 0, sizeof(*i));
	}
	for (__u32 n = 0; profile && n < profile->interface_nr; n++) {
		__u32 slot = slot_of(net, profile->interface[n].name);

		strcpy(net->interface[slot].name, profile->interface[n].name);
		follow_one(net, k, slot, root, retry);
	}
}

const char *net_without_device(const struct profile *profile, const char *root)
{
	char path[PATH_MAX], device[64];

	for (__u32 i = 0; i < profile->interface_nr; i++) {
		const char *name = profile->interface[i].name;

		snprintf(device, sizeof(device), "/sys/class/net/%s/device", name);
		if (ifindex_of(root, name) &&
		    (root_path(path, sizeof(path), root, device) || access(path, F_OK)))
			return name;
	}
	return NULL;
}

const struct net_interface *net_interface(const struct net *net, const char *name)
{
	const struct net_interface *i = &net->interface[slot_of(net, name)];

	return strcmp(i->name, name) ? NULL : i;
}
