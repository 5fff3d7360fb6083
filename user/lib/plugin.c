// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Opening an object: what it declares, its program and its maps; plugin_judge.c has the rest. */
#include "plugin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin_file.h"

#define POLICY_SECTION ".rodata.policy"
#define STATE_SECTION ".data.state"

/* Printable, and ended: what people get to see. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (!len || len == size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

/* Of a list of ids + 1: how many, or -EINVAL: one is out of range, there twice, or behind the end. */
static int count_names(const __u16 ids[HS_SLOT_NAMES], __u16 max)
{
	int nr = 0;

	for (int i = 0; i < HS_SLOT_NAMES; i++) {
		if (!ids[i])
			continue;
		if (i != nr || ids[i] > max)
			return -EINVAL;
		for (int j = 0; j < i; j++) {
			if (ids[j] == ids[i])
				return -EINVAL;
		}
		nr++;
	}
	return nr;
}

static int judge_policy(struct plugin_file *f, const struct homeostat_policy *p)
{
	if (p->abi_version != HS_ABI_VERSION)
		return plugin_refuse(f,
				     "compiled for version %u of the interface, and %u is here: "
				     "compile it again",
				     p->abi_version, HS_ABI_VERSION);
	if (!is_text(p->name, sizeof(p->name)) || p->name[0] < 'a' ||
	    strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(p->name))
		return plugin_refuse(
			f, "its name is not a letter and up to %zu more of a-z, 0-9 and -",
			sizeof(p->name) - 2);
	if (!is_text(p->about, sizeof(p->about)))
		return plugin_refuse(f,
				     "what it says about itself is not one line of up to %zu "
				     "ASCII characters",
				     sizeof(p->about) - 1);
	if (count_names(p->reads, HS_VITAL_NR) < 0)
		return plugin_refuse(f, "READS() has a vital sign twice, or one that is none");
	if (count_names(p->turns, HS_KNOB_NR) < 0)
		return plugin_refuse(f, "TURNS() has a knob twice, or one that is none");
	if (!p->turns[0])
		return plugin_refuse(f, "TURNS() has no knob: there is nothing that it could do");
	if (p->flags & ~KEEPS_STATE)
		return plugin_refuse(f, "flags 0x%x: KEEPS_STATE and 0 are known", p->flags);
	return 0;
}

static int read_policy(struct plugin_file *f, struct homeostat_policy *p)
{
	struct homeostat_policy policy;
	const void *data;
	size_t size;
	int err = plugin_section(f, POLICY_SECTION, &data, &size);

	if (err == -ENOENT)
		return plugin_refuse(f, "declares no policy: it wants HOMEOSTAT_POLICY()");
	if (err || size != sizeof(policy))
		return plugin_refuse(f,
				     "section " POLICY_SECTION " is not one HOMEOSTAT_POLICY() of "
				     "this version: compile it again");
	memcpy(&policy, data, sizeof(policy));
	err = judge_policy(f, &policy);
	if (err)
		return err;
	*p = policy;
	if (plugin_section(f, "license", &data, &size) || size != sizeof("GPL") ||
	    memcmp(data, "GPL", sizeof("GPL")))
		return plugin_refuse(f,
				     "its license is not GPL: HOMEOSTAT_POLICY() says that it is");
	return 0;
}

/* libbpf has it open. */
static int judge_program(struct plugin *p, struct plugin_file *f)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->obj)
	{
		if (p->prog || strcmp(bpf_program__name(prog), PLUGIN_FUNCTION))
			return plugin_refuse(f,
					     "the program '%.64s': a policy has one, "
					     "HOMEOSTAT_REFLEX()",
					     bpf_program__name(prog));
		p->prog = prog;
	}
	if (!p->prog || bpf_program__type(p->prog) != BPF_PROG_TYPE_EXT ||
	    bpf_program__flags(p->prog))
		return plugin_refuse(f, "no program for a slot: define it with HOMEOSTAT_REFLEX()");
	bpf_program__set_autoload(p->prog, true);
	return 0;
}

/* What an array or a hash takes at most, but for its heads. */
static __u64 bytes_of(const struct bpf_map *map)
{
	__u64 entry = ((__u64)bpf_map__key_size(map) + 7) / 8 * 8 +
		      ((__u64)bpf_map__value_size(map) + 7) / 8 * 8;

	return entry * bpf_map__max_entries(map); /* each below 2^33 and 2^32 */
}

static int judge_map(struct plugin *p, struct plugin_file *f, const struct bpf_map *map)
{
	enum bpf_map_type type = bpf_map__type(map);
	__u64 bytes = bytes_of(map);

	if (type != BPF_MAP_TYPE_ARRAY && type != BPF_MAP_TYPE_HASH)
		return plugin_refuse(f, "map '%.64s' is a %s: a policy has arrays and hashes",
				     bpf_map__name(map),
				     libbpf_bpf_map_type_str(type) ?: "map of an unknown type");
	if (bpf_map__map_flags(map) & ~(__u32)(BPF_F_RDONLY_PROG | BPF_F_MMAPABLE) ||
	    bpf_map__pin_path(map) || bpf_map__map_extra(map) || bpf_map__numa_node(map) ||
	    bpf_map__ifindex(map))
		return plugin_refuse(f, "map '%.64s' has flags, or is pinned: a policy's has not",
				     bpf_map__name(map));
	if (!bpf_map__is_internal(map) && (bpf_map__key_size(map) > PLUGIN_KEY_BYTES ||
					   bpf_map__value_size(map) > PLUGIN_VALUE_BYTES))
		return plugin_refuse(f,
				     "map '%.64s' has keys of %u bytes and values of %u: %d and %d "
				     "are allowed, as a call copies one",
				     bpf_map__name(map), bpf_map__key_size(map),
				     bpf_map__value_size(map), PLUGIN_KEY_BYTES,
				     PLUGIN_VALUE_BYTES);
	if (bytes > PLUGIN_MAP_BYTES - p->map_bytes)
		return plugin_refuse(f, "map '%.64s' has %llu bytes: all maps together may have %d",
				     bpf_map__name(map), bytes, PLUGIN_MAP_BYTES);
	p->map_bytes += bytes;
	if (++p->maps_nr > PLUGIN_MAPS_MAX)
		return plugin_refuse(f, "more than %d maps, those of global variables among them",
				     PLUGIN_MAPS_MAX);
	return 0;
}

static int judge_maps(struct plugin *p, struct plugin_file *f)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, p->obj)
	{
		err = judge_map(p, f, map);
		if (err)
			return err;
	}
	map = bpf_object__find_map_by_name(p->obj, STATE_SECTION);
	p->state_size = map ? bpf_map__value_size(map) : 0;
	if (p->policy.flags & KEEPS_STATE && !p->state_size)
		return plugin_refuse(f, "KEEPS_STATE, but no variable is HOMEOSTAT_STATE");
	return 0;
}

static int open_object(struct plugin *p, struct plugin_file *f, const void *elf, size_t len)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = p->policy.name);
	int err;

	p->obj = bpf_object__open_mem(elf, len, &opts);
	if (!p->obj) {
		err = errno == ENOMEM ? -ENOMEM : -EINVAL;
		plugin_refuse(f, "libbpf cannot read it: %s",
			      *plugin_complaint() ? plugin_complaint() : strerror(errno));
		return err;
	}
	err = judge_program(p, f);
	return err ?: judge_maps(p, f);
}

int plugin_open_mem(struct plugin *p, const void *elf, size_t len, const char *name, char *error,
		    size_t size)
{
	struct plugin_file f = {.name = name, .error = error, .error_size = size};
	int err;

	memset(p, 0, sizeof(*p));
	p->prog_fd = -1;
	p->state_fd = -1;
	plugin_quiet();
	err = plugin_file_open(&f, elf, len);
	if (!err)
		err = read_policy(&f, &p->policy);
	if (!err)
		err = plugin_judge_types(&f);
	if (!err)
		err = plugin_judge_code(&f, p->calls);
	if (!err)
		err = open_object(p, &f, elf, len);
	plugin_file_close(&f);
	plugin_loud();
	return err;
}

/* The whole file. Its length, or negative errno; *bytes is the caller's. */
static ssize_t read_object(const char *path, void **bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n, len = 0;
	struct stat st;

	*bytes = NULL;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		len = -errno;
	else if (!S_ISREG(st.st_mode))
		len = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (st.st_size > PLUGIN_FILE_MAX)
		len = -EFBIG;
	else if (!(*bytes = malloc((size_t)st.st_size + 1)))
		len = -ENOMEM;
	while (len >= 0 && len < st.st_size) {
		n = read(fd, (char *)*bytes + len, (size_t)(st.st_size - len));
		if (n <= 0) {
			len = n ? -errno : -EIO; /* shorter than it was */
			break;
		}
		len += n;
	}
	close(fd);
	return len;
}

int plugin_open(struct plugin *p, const char *path, char *error, size_t size)
{
	const char *slash = strrchr(path, '/');
	void *bytes;
	ssize_t len = read_object(path, &bytes);
	int err = len < 0 ? (int)len : 0;

	memset(p, 0, sizeof(*p));
	p->prog_fd = -1;
	p->state_fd = -1;
	if (err)
		snprintf(error, size, "%s: %s", path,
			 err == -EFBIG	  ? "too large for a policy"
			 : err == -EINVAL ? "no regular file"
					  : strerror(-err));
	else
		err = plugin_open_mem(p, bytes, (size_t)len, slash ? slash + 1 : path, error, size);
	free(bytes);
	return err;
}

void plugin_close(struct plugin *p)
{
	bpf_object__close(p->obj);
	free(p->log);
	memset(p, 0, sizeof(*p));
	p->prog_fd = -1;
	p->state_fd = -1;
}
