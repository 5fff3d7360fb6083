// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a client says to be a plug-in in one of our slots, as the kernel knows it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../../kern/plugin.h"
#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */

int kernel_pulse_prog(const struct kernel *k)
{
	/* as kernel_pulse() */
	return bpf_program__fd(k->family[FAMILY_COUNTS].state != FAMILY_UNAVAILABLE
				       ? k->skel->progs.counts_start
				       : k->skel->progs.pulse_start);
}

int kernel_decisions(const struct kernel *k, int *ring_fd)
{
	*ring_fd = bpf_map__fd(k->skel->maps.DECISIONS);
	return bpf_map__fd(k->skel->maps.data_decisions);
}

void kernel_plugin_targets(struct kernel *k)
{
	const struct btf *btf = bpf_object__btf(k->skel->obj);
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (btf && !bpf_prog_get_info_by_fd(kernel_pulse_prog(k), &info, &size))
		k->pulse_id = info.id;
	for (__u32 i = 0; btf && i < HS_SLOTS; i++) {
		char name[32];
		int id;

		snprintf(name, sizeof(name), PLUGIN_TARGET "%u", i);
		id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
		k->slot_type[i] = id > 0 ? (__u32)id : 0;
	}
}

/* The kernel answers for whatever of BPF it is, and the figures of a map could be taken for those of a link. */
static bool is_a(int fd, const char *kind)
{
	char path[32], text[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, kind);
}

/* The slot that a link goes to; HS_SLOTS: none of ours. */
static __u32 slot_of(const struct kernel *k, const struct bpf_link_info *link)
{
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		if (k->pulse_id && link->tracing.target_obj_id == k->pulse_id && k->slot_type[i] &&
		    link->tracing.target_btf_id == k->slot_type[i])
			return i;
	}
	return HS_SLOTS;
}

int kernel_plugin(const struct kernel *k, int link, int prog, struct kernel_plugin *p, char *why,
		  size_t size)
{
	struct bpf_link_info l = {0};
	struct bpf_prog_info g = {0};
	__u32 l_size = sizeof(l), g_size = sizeof(g);
	int err = -EINVAL;

	snprintf(why, size, "a link and its program are wanted");
	if (!is_a(link, "anon_inode:bpf_link") || !is_a(prog, "anon_inode:bpf-prog"))
		return err;
	err = bpf_link_get_info_by_fd(link, &l, &l_size);
	if (!err)
		err = bpf_prog_get_info_by_fd(prog, &g, &g_size);
	if (err) {
		snprintf(why, size, "the kernel does not tell of it: %s", strerror(-err));
		return err;
	}
	if (l.type != BPF_LINK_TYPE_TRACING || g.type != BPF_PROG_TYPE_EXT || l.prog_id != g.id) {
		snprintf(why, size,
			 "it is no function put in the place of another, or not that "
			 "program's link");
		return -EINVAL;
	}
	*p = (struct kernel_plugin){slot_of(k, &l), g.id, g.verified_insns};
	if (p->slot == HS_SLOTS) {
		snprintf(why, size, "it is in no slot of this homeostatd");
		return -EACCES;
	}
	if (!p->work || p->work > PLUGIN_WORK_MAX) {
		snprintf(why, size,
			 "the verifier walked through %u instructions of it; %d are allowed",
			 p->work, PLUGIN_WORK_MAX);
		return -E2BIG;
	}
	return 0;
}
