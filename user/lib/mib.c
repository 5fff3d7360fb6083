// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* By name: these enumerations have none by which a relocation of BPF could find their members. */
#include "mib.h"

#include <string.h>

static const char *const names[MIB_NR] = {
#define X(id, name) [MIB_##id] = name,
	HS_MIBS(X)
#undef X
};

static void take(__u32 number[MIB_NR], const struct btf *btf, const struct btf_type *type)
{
	const struct btf_enum *e = btf_enum(type);

	for (__u32 i = 0; i < btf_vlen(type); i++) {
		for (__u32 m = 0; m < MIB_NR; m++) {
			if (!strcmp(btf__name_by_offset(btf, e[i].name_off), names[m]))
				number[m] = (__u32)e[i].val;
		}
	}
}

void mib_find(__u32 number[MIB_NR], const struct btf *btf)
{
	for (__u32 m = 0; m < MIB_NR; m++)
		number[m] = MIB_NONE;
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_enum(type) && !type->name_off)
			take(number, btf, type);
	}
}

void mib_of_kernel(__u32 number[MIB_NR])
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return;
	mib_find(number, btf);
	btf__free(btf);
}
