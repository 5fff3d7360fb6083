/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A variant of the scheduler (kern/variant.h): our kernel programs, linked by `homeostat policy link` to somebody's decision
 * points. Whoever names the file may load anything, so it has to be root's; what is looked at here is that it is made from
 * these very programs, and from no others.
 */
#ifndef HOMEOSTAT_KERNEL_VARIANT_H
#define HOMEOSTAT_KERNEL_VARIANT_H

#include <stddef.h>

#include "../../kern/variant.h"

struct bpf_object;

/*
 * The bytes of the object at @path, the caller's to free; @length of them. NULL, and `error`: it cannot be read, or others may
 * write it.
 */
void *variant_read(const char *path, size_t *length, char *error, size_t size);

/*
 * Was @object, opened, made from @ours, whose SHA-256 is @hash (hexadecimal), and what does it declare? Its programs and maps are looked
 * at besides. 0; -EINVAL and `error`: it was linked to other programs than these, or has no decision point.
 */
int variant_judge(const struct bpf_object *object, const struct bpf_object *ours, const char *hash,
		  struct homeostat_variant *declared, char *error, size_t size);

#endif
