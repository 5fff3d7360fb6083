// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* sched_ext: is the class there, are its kfuncs whole, is somebody else at it. Reads only. */
#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

#include "../lib/families.h"
#include "doctor.h"

#define KERNEL_HELP                                                                                \
	"a kernel from 6.12 on with CONFIG_SCHED_CLASS_EXT=y (Debian: linux-image-amd64 of the "   \
	"backports suite); all but scheduling runs without"

static void off(struct doctor *d, const char *help, const char *reason)
{
	d->sched_off = true;
	doctor_add(d, FINDING_OFF, family_name(FAMILY_SCHED), help, "%s", reason);
}

/* Returns true if the kernel has the class. */
static bool has_class(struct doctor *d)
{
	char config;

	if (d->btf_path) {
		if (btf__find_by_name_kind(d->btf, "sched_ext_ops", BTF_KIND_STRUCT) > 0)
			return true;
		off(d, KERNEL_HELP, "this BTF has no sched_ext");
		return false;
	}
	if (doctor_exists(d, "/sys/kernel/sched_ext"))
		return true;
	config = doctor_config(d, "SCHED_CLASS_EXT");
	if (config == 'y')
		off(d, "mount sysfs",
		    "in the kernel's configuration, but no /sys/kernel/sched_ext");
	else if (config)
		off(d, KERNEL_HELP, "kernel built without CONFIG_SCHED_CLASS_EXT");
	else
		off(d, KERNEL_HELP, "kernel without sched_ext (no /sys/kernel/sched_ext)");
	return false;
}

static void check_kfuncs(struct doctor *d)
{
	static const char help[] =
		"a kernel whose BTF is whole: Debian 7.3 or later, not 7.2 (report it to whoever "
		"built this one: resolve_btfids left the _impl twins out)";
	struct btf *own = own_btf();
	unsigned int all, needed = 0;
	char list[1024];

	all = kfuncs_broken(d->btf, NULL, 0);
	if (own && all)
		needed = kfuncs_broken_needed(d->btf, own, list, sizeof(list));
	else if (all)
		needed = kfuncs_broken(d->btf, list, sizeof(list));
	btf__free(own);
	if (needed) {
		d->sched_off = true;
		doctor_add(d, FINDING_OFF, family_name(FAMILY_SCHED), help,
			   "broken BTF: %u kfuncs lack their _impl twin, %u of which homeostat "
			   "calls: %s",
			   all, needed, list);
	} else if (all) {
		doctor_add(
			d, FINDING_WARN, family_name(FAMILY_SCHED), help,
			"broken BTF: %u kfuncs lack their _impl twin; homeostat calls none of them",
			all);
	}
}

static void check_others(struct doctor *d)
{
	char state[32], ops[128] = "";

	if (doctor_read(d, "/sys/kernel/sched_ext/state", state, sizeof(state)) < 0)
		return;
	doctor_read(d, "/sys/kernel/sched_ext/root/ops", ops, sizeof(ops));
	if (!strcmp(state, "disabled"))
		return;
	if (!strncmp(ops, "homeostat", 9)) {
		doctor_add(d, FINDING_OK, family_name(FAMILY_SCHED), NULL, "our scheduler is %s",
			   state);
		return;
	}
	d->sched_off = true;
	doctor_add(d, FINDING_OFF, family_name(FAMILY_SCHED),
		   "stop it (systemctl stop scx, scx_loader); there is room for one only",
		   "another scheduler is %s: %s", state, *ops ? ops : "name unknown");
}

void probe_sched_ext(struct doctor *d)
{
	if (!has_class(d))
		return;
	if (d->btf)
		check_kfuncs(d);
	if (!d->btf_path)
		check_others(d);
}
