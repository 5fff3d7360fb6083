// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Our programs for outgoing packets: attached to interfaces, and asked about them. And how those for either way are taken off. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */

/* What older headers lack. */
#define TCX_EGRESS ((enum bpf_attach_type)47) /* BPF_TCX_EGRESS */
#define TCX_BEFORE (1U << 3)		      /* BPF_F_BEFORE */
#define XDP_ACT_REDIRECT 2U		      /* NETDEV_XDP_ACT_REDIRECT */

/* Before all others: ours lets them have their say, they might not let ours. */
static int link_tc(struct kernel *k, __u32 ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_BEFORE);

	return bpf_link_create(bpf_program__fd(k->skel->progs.tc_egress), (int)ifindex, TCX_EGRESS,
			       &opts);
}

int kernel_probe_tc(struct kernel *k)
{
	/* no interface has index 0; who knows tcx finds that out, who does not refuses the kind of link */
	return link_tc(k, 0) == -ENODEV ? 0 : -EOPNOTSUPP;
}

int kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex)
{
	int fd;

	if (k->family[FAMILY_TC].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	fd = link_tc(k, ifindex);
	if (fd < 0)
		return fd;
	k->tc_fd[slot] = fd + 1;
	k->family[FAMILY_TC].state = FAMILY_ON;
	return 0;
}

/* @fd: links + 1 of the family, by slot. It is off once the last is gone. */
static void detach(struct kernel *k, enum family_id id, int fd[KERNEL_INTERFACES_MAX], __u32 slot)
{
	bool any = false;

	if (!fd[slot])
		return;
	close(fd[slot] - 1);
	fd[slot] = 0;
	for (__u32 i = 0; i < KERNEL_INTERFACES_MAX; i++)
		any |= fd[i] != 0;
	if (!any)
		k->family[id].state = FAMILY_OFF;
}

void kernel_detach_xdp(struct kernel *k, __u32 slot)
{
	detach(k, FAMILY_XDP, k->xdp_fd, slot);
}

void kernel_detach_tc(struct kernel *k, __u32 slot)
{
	detach(k, FAMILY_TC, k->tc_fd, slot);
}

static int ask(struct kernel *k, __u32 ifindex, struct __sk_buff *out)
{
	struct __sk_buff in = {.ifindex = ifindex};
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &in, .ctx_size_in = sizeof(in), .ctx_out = out,
		    .ctx_size_out = sizeof(*out));

	return bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.tc_qdisc), &opts);
}

const char *kernel_unfit(struct kernel *k, __u32 ifindex)
{
	struct __sk_buff out;

	if (k->family[FAMILY_TC].state == FAMILY_UNAVAILABLE || ask(k, ifindex, &out))
		return "what its driver can is not known: that takes tcx";
	if (!(out.cb[4] & XDP_ACT_REDIRECT)) /* it would drop the packet */
		return "its driver has no XDP that redirects";
	if (out.cb[4] &
	    HS_NIC_STRIPS_TAGS) /* XDP does not see the tag, and who gets the packet then would not either */
		return "it takes VLAN tags out of packets; `ethtool -K` with rxvlan off ends that";
	return NULL;
}

int kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16])
{
	struct __sk_buff out;
	int err = ask(k, ifindex, &out);

	if (err)
		return err;
	memcpy(name, out.cb, 16);
	name[15] = '\0';
	return 0;
}

int kernel_pacer(struct kernel *k, __u32 ifindex, bool paced)
{
	struct hs_pacer pacer = {0}; /* long ago: as much credit as there can be */
	int err;

	if (paced)
		return bpf_map_update_elem(k->fd.pacers, &ifindex, &pacer, BPF_ANY);
	err = bpf_map_delete_elem(k->fd.pacers, &ifindex);
	return err == -ENOENT ? 0 : err;
}
