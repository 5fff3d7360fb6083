// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "kernel_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "fault.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "kernel_variant.h"
#include "manifest.h"

const void *kernel_object(size_t *len)
{
	return homeostat_bpf__elf_bytes(len);
}

/* The skeleton, opened from other bytes than its own. */
static struct homeostat_bpf *skeleton_open(const void *bytes, size_t length)
{
	struct homeostat_bpf *skel = calloc(1, sizeof(*skel));
	int err = skel ? homeostat_bpf__create_skeleton(skel) : -ENOMEM;

	if (!err) {
		skel->skeleton->data = bytes;
		skel->skeleton->data_sz = length;
		err = bpf_object__open_skeleton(skel->skeleton, NULL);
	}
	if (err) {
		homeostat_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	skel->struct_ops.homeostat_ops = bpf_map__initial_value(skel->maps.homeostat_ops, NULL);
	skel->struct_ops.tcp_ops = bpf_map__initial_value(skel->maps.tcp_ops, NULL);
	skel->struct_ops.loss_ops = bpf_map__initial_value(skel->maps.loss_ops, NULL);
	return skel;
}

/* Our programs with the decision points of the variant in @bytes. 0 or negative errno and `error`. */
static int variant_open(struct kernel *k, const void *bytes, size_t length, char *error,
			size_t size)
{
	char hash[MANIFEST_HASH_LEN + 1];
	struct homeostat_bpf *ours;
	const void *object;
	size_t object_len;
	int err;

	k->skel = skeleton_open(bytes, length);
	if (!k->skel) {
		err = -errno;
		snprintf(error, size, "it is not made from our kernel programs: %s",
			 strerror(-err));
		return err;
	}
	object = kernel_object(&object_len);
	manifest_hash(object, object_len, hash);
	ours = homeostat_bpf__open();
	err = ours ? variant_judge(k->skel->obj, ours->obj, hash, &k->variant, error, size)
		   : -errno;
	if (ours && !err)
		k->skel->rodata->variant_points = k->variant.points;
	homeostat_bpf__destroy(ours);
	return err;
}

int kernel_open(struct kernel *k, const void *bytes, size_t length, char *error, size_t size)
{
	int err = 0;

	if (bytes)
		err = variant_open(k, bytes, length, error, size);
	else
		k->skel = homeostat_bpf__open();
	if (!err && !k->skel)
		err = errno ? -errno : -ENOMEM;
	return err;
}
