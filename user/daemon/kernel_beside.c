// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Our program for incoming packets in the form that libxdp's dispatcher takes. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dispatcher.h"
#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "load_log.h"

/* The maps of what runs already; what is not needed for this program is left out. */
static int share_maps(struct kernel *k, struct bpf_object *obj)
{
	struct bpf_map *map, *ours;
	int err = 0;

	bpf_object__for_each_map(map, obj)
	{
		ours = bpf_object__find_map_by_name(k->skel->obj, bpf_map__name(map));
		if (!ours || bpf_map__fd(ours) < 0 || bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, false);
		else
			err = bpf_map__reuse_fd(map, bpf_map__fd(ours));
		if (err)
			return err;
	}
	return 0;
}

/* Loaded as a replacement for one that is like the dispatcher's places; it may then replace any of those. */
static int load(struct kernel *k, struct bpf_object *obj)
{
	struct bpf_program *prog, *beside = NULL;
	int err = share_maps(k, obj);

	bpf_object__for_each_program(prog, obj)
	{
		bool is = !strcmp(bpf_program__name(prog), DISPATCHER_PROGRAM);

		bpf_program__set_autoload(prog, is);
		beside = is ? prog : beside;
	}
	if (!err && !beside)
		err = -ENOENT;
	if (!err)
		err = bpf_program__set_attach_target(
			beside, bpf_program__fd(k->skel->progs.xdp_ingress), "xdp_ingress");
	if (!err)
		err = bpf_object__load(obj);
	if (err)
		return err;
	err = dup(bpf_program__fd(beside));
	return err < 0 ? -errno : err;
}

int kernel_load_beside(struct kernel *k, char *why, size_t size)
{
	/* maps are found by their names, some of which begin with the object's */
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = bpf_object__name(k->skel->obj));
	struct bpf_object *obj;
	const void *elf;
	size_t len;
	int fd;

	if (k->family[FAMILY_XDP].state == FAMILY_UNAVAILABLE) {
		snprintf(why, size, "%s", k->family[FAMILY_XDP].why);
		return -EOPNOTSUPP;
	}
	load_log_clear();
	elf = kernel_object(&len);
	obj = bpf_object__open_mem(elf, len, &opts);
	fd = obj ? load(k, obj) : -errno;
	if (fd < 0) {
		load_log_blame(load_log(), why, size);
		if (!why[0])
			snprintf(why, size, "its program does not load: %s", strerror(-fd));
	}
	bpf_object__close(obj);
	malloc_trim(0);
	return fd;
}

void kernel_keep_maps(const struct kernel *k)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, k->skel->obj)
	{
		size_t size = 0;
		void *mem = bpf_map__initial_value(map, &size); /* mapped since it was loaded */

		if (mem && size && bpf_map__fd(map) >= 0)
			(void)madvise(mem, size, MADV_DONTFORK);
	}
}
