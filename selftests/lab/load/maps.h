/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* homeostat's shared memory, found among the kernel's maps as `homeostat trip` finds the gate. */
#ifndef HOMEOSTAT_LAB_MAPS_H
#define HOMEOSTAT_LAB_MAPS_H

#include <bpf/bpf.h>

#include "load.h"

/* The map of the newest homeostat with this name (as the kernel keeps it) and room for `size`; or NULL. */
LOAD_FN volatile void *map_find(const char *name, size_t size, bool writable)
{
	volatile void *found = NULL;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);
		void *p;

		if (fd < 0)
			continue;
		if (!bpf_map_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name) &&
		    info.value_size >= size) {
			p = mmap(NULL, info.value_size, PROT_READ | (writable ? PROT_WRITE : 0),
				 MAP_SHARED, fd, 0);
			if (p != MAP_FAILED)
				found = p;
		}
		close(fd);
	}
	return found;
}

#endif
