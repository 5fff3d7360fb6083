// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "ops_fit.h"

#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

static const struct btf_type *ops_type(const struct btf *btf)
{
	__s32 id = btf__find_by_name_kind(btf, "tcp_congestion_ops", BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
}

static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return true;
	}
	return false;
}

/* What is 0 there libbpf passes over, and does not load its program. */
static void fit_map(struct bpf_map *map, const struct btf *ours, const struct btf_type *type,
		    const struct btf *kernel, const struct btf_type *known)
{
	size_t size;
	char *data = bpf_map__initial_value(map, &size);

	for (__u32 i = 0; data && i < btf_vlen(type); i++) {
		__u32 at = btf_member_bit_offset(type, i) / 8;

		if (btf_is_ptr(btf__type_by_id(ours, btf_members(type)[i].type)) &&
		    at + sizeof(void *) <= size &&
		    !has_member(kernel, known,
				btf__name_by_offset(ours, btf_members(type)[i].name_off)))
			memset(data + at, 0, sizeof(void *));
	}
}

void ops_fit(struct bpf_object *obj)
{
	const struct btf *ours = bpf_object__btf(obj);
	const struct btf_type *type = ours ? ops_type(ours) : NULL, *known;
	struct btf *kernel = type ? btf__load_vmlinux_btf() : NULL;
	struct bpf_map *map;

	known = kernel ? ops_type(kernel) : NULL;
	bpf_object__for_each_map(map, obj)
	{
		if (known && bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS &&
		    bpf_map__btf_value_type_id(map) && bpf_map__autocreate(map) &&
		    btf__type_by_id(ours, bpf_map__btf_value_type_id(map)) == type)
			fit_map(map, ours, type, kernel, known);
	}
	btf__free(kernel);
}
