// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "kernel_variant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "trust.h"

#define OBJECT_MAX (16 * 1024 * 1024) /* ours has 1 MiB */

/* The whole file, the caller's. NULL: errno. */
static void *slurp(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char *bytes = NULL;
	size_t got = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size > 0 && st.st_size <= OBJECT_MAX)
		bytes = malloc((size_t)st.st_size);
	while (bytes && got < (size_t)st.st_size && n > 0) {
		n = read(fd, bytes + got, (size_t)st.st_size - got);
		got += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (bytes && got == (size_t)st.st_size) {
		*length = got;
		return bytes;
	}
	free(bytes);
	errno = bytes ? EIO : EFBIG;
	return NULL;
}

void *variant_read(const char *path, size_t *length, char *error, size_t size)
{
	const char *untrusted = untrusted_file(path);
	void *bytes = untrusted ? NULL : slurp(path, length);

	if (!bytes)
		snprintf(error, size, "%s", untrusted ? untrusted : strerror(errno));
	return bytes;
}

/* The same instructions, but for what only linking fills in. */
static bool same_program(const struct bpf_program *a, const struct bpf_program *b)
{
	const struct bpf_insn *x = bpf_program__insns(a), *y = bpf_program__insns(b);
	size_t nr = bpf_program__insn_cnt(a);

	if (bpf_program__insn_cnt(b) != nr)
		return false;
	for (size_t i = 0; i < nr; i++) {
		if (x[i].code != y[i].code || x[i].dst_reg != y[i].dst_reg ||
		    x[i].src_reg != y[i].src_reg || x[i].off != y[i].off)
			return false;
	}
	return true;
}

/* libbpf puts the object's name before those of the usual sections. */
static const char *name_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map), *section = strchr(name, '.');

	return bpf_map__is_internal(map) && section ? section : name;
}

static const struct bpf_map *map_of(const struct bpf_object *object, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (!strcmp(name_of(map), name))
			return map;
	}
	return NULL;
}

/* Sections of variables may have grown at their end, by the variant's own. */
static bool same_map(const struct bpf_map *a, const struct bpf_map *b)
{
	bool section = bpf_map__is_internal(a);

	return bpf_map__type(a) == bpf_map__type(b) &&
	       bpf_map__key_size(a) == bpf_map__key_size(b) &&
	       (section ? bpf_map__value_size(a) >= bpf_map__value_size(b)
			: bpf_map__value_size(a) == bpf_map__value_size(b));
}

/* The first thing of ours that is not in there, or is another one; NULL = all of it is. */
static const char *missing(const struct bpf_object *object, const struct bpf_object *ours)
{
	struct bpf_program *prog, *its;
	const struct bpf_map *other;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, ours)
	{
		its = bpf_object__find_program_by_name(object, bpf_program__name(prog));
		if (!its || !same_program(its, prog))
			return bpf_program__name(prog);
	}
	bpf_object__for_each_map(map, ours)
	{
		other = map_of(object, name_of(map));
		if (!other || !same_map(other, map))
			return name_of(map);
	}
	return NULL;
}

int variant_judge(const struct bpf_object *object, const struct bpf_object *ours, const char *hash,
		  struct homeostat_variant *declared, char *error, size_t size)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.variant");
	const struct homeostat_variant *says = NULL;
	const char *lacks = missing(object, ours);
	size_t length = 0;

	if (map)
		says = bpf_map__initial_value(map, &length);
	if (!says || length != sizeof(*says)) {
		snprintf(error, size,
			 "it has no HOMEOSTAT_VARIANT; link one with `homeostat policy link`");
		return -EINVAL;
	}
	if (says->abi_version != HS_ABI_VERSION || lacks ||
	    strncmp(says->made_from, hash, sizeof(says->made_from))) {
		snprintf(
			error, size,
			"it was linked to other kernel programs than these%s%s; link it again with "
			"`homeostat policy link`",
			lacks ? ": " : "", lacks ? lacks : "");
		return -EINVAL;
	}
	*declared = *says;
	declared->name[sizeof(declared->name) - 1] = '\0';
	declared->about[sizeof(declared->about) - 1] = '\0';
	declared->points &= VARIANT_CLASSIFY | VARIANT_PLACE;
	if (declared->points)
		return 0;
	snprintf(error, size, "its HOMEOSTAT_VARIANT names no decision point");
	return -EINVAL;
}
