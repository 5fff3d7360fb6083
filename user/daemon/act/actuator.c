// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "actuator.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "parse.h"
#include "place.h"

#define CPU_SET_WORDS 16 /* 1024 of them */

/* ---- files of /proc and /sys ---- */

static int file_probe(const struct act_file *file, const char *root, char *why, size_t size)
{
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, file->path);

	if (!err && access(full, R_OK | W_OK))
		err = -errno;
	if (err)
		snprintf(why, size, "%s: %s", file->path, strerror(-err));
	return err;
}

static int file_read(const struct act_file *file, const char *root, char *value, size_t size)
{
	return kb_read(file->p, root, file->path, value, size);
}

static int file_check(const struct act_file *file, const char *root,
		      const struct kb_machine *machine, char *why, size_t size)
{
	(void)root;
	return kb_value(file->p, file->to, machine, why, size);
}

/* It is written: is it what was asked for? */
static int file_written(struct act_file *file, const char *root, struct undo_table *undo, char *why,
			size_t size)
{
	char now[UNDO_VALUE_LEN];
	int err = file_read(file, root, now, sizeof(now));

	if (!err && kb_same(file->p, now, file->to))
		return 0;
	if (err == -EAGAIN)
		return err;
	if (err)
		snprintf(why, size, "%s cannot be read back: %s", file->path, strerror(-err));
	else
		snprintf(why, size, "%s: the kernel made it '%.32s', not '%.32s'", file->path, now,
			 file->to);
	/* what cannot be put back now stays in the table */
	if (undo_unchanged(undo, root, file->index)) {
		undo_forget(undo, file->index);
		file->index = -1;
	} else if (!change_undo(undo, root, file->index)) {
		file->index = -1;
	}
	return err ? err : -EREMOTEIO;
}

static int file_write(struct act_file *file, const char *root, struct undo_table *undo, __u32 group,
		      char *why, size_t size)
{
	int err = file_read(file, root, file->from, sizeof(file->from));

	if (!err)
		err = change_begin(undo, root, group, file->path, file->to, &file->index);
	if (err) {
		if (err != -EINPROGRESS)
			snprintf(why, size, "%s: %s", file->path,
				 err == -ENOSPC
					 ? "the undo table is full; `homeostat restore` makes room"
					 : strerror(-err));
		return err;
	}
	err = file_written(file, root, undo, why, size);
	return err == -EAGAIN ? -EINPROGRESS : err; /* it is read back a second later */
}

static int file_finish(struct act_file *file, const char *root, struct undo_table *undo, char *why,
		       size_t size)
{
	int err = change_late(undo, root, file->index);

	if (err == -EINPROGRESS)
		return err;
	/* what cannot be read is said with its reason there */
	err = file_written(file, root, undo, why, size);
	return err == -EAGAIN ? -EINPROGRESS : err;
}

/* ---- interrupts: at least one CPU that is there ---- */

static int irq_check(const struct act_file *file, const char *root,
		     const struct kb_machine *machine, char *why, size_t size)
{
	__u64 wanted[CPU_SET_WORDS], online[CPU_SET_WORDS];
	char text[512];
	int err = kb_value(file->p, file->to, machine, why, size);

	if (err)
		return err;
	err = (int)read_file(root, "/sys/devices/system/cpu/online", text, sizeof(text));
	if (err >= 0)
		err = parse_cpus(text, online, CPU_SET_WORDS);
	if (err < 0) {
		snprintf(why, size, "which CPUs are online cannot be read: %s", strerror(-err));
		return err;
	}
	if (file->p->type != KB_TYPE_CPUS || parse_cpus(file->to, wanted, CPU_SET_WORDS))
		return 0;
	for (size_t i = 0; i < CPU_SET_WORDS; i++) {
		if (wanted[i] & online[i])
			return 0;
	}
	snprintf(why, size, "no CPU of '%.32s' is online; expected one of %.64s at least", file->to,
		 text);
	return -ERANGE;
}

/* ---- settings of network cards ---- */

static int card_probe(const struct act_file *file, const char *root, char *why, size_t size)
{
	char value[UNDO_VALUE_LEN];
	int err = file_read(file, root, value, sizeof(value));

	if (err)
		snprintf(why, size, "%s: %s", file->path, strerror(-err));
	return err;
}

/* Within what the driver says, too, where it says it. */
static int card_check(const struct act_file *file, const char *root,
		      const struct kb_machine *machine, char *why, size_t size)
{
	char path[UNDO_PATH_LEN + 8], text[32];
	int err = kb_value(file->p, file->to, machine, why, size);
	__u64 most, wanted;

	snprintf(path, sizeof(path), "%s-max", file->path);
	if (err || file->p->type != KB_TYPE_NUMBER ||
	    place_read(root, path, text, sizeof(text)) < 0 || parse_u64(text, &most) ||
	    parse_u64(file->to, &wanted) || wanted <= most)
		return err;
	snprintf(why, size, "its driver takes %llu at most", most);
	return -ERANGE;
}

static const struct actuator files = {file_probe, file_read, file_check, file_write, file_finish};
static const struct actuator irqs = {file_probe, file_read, irq_check, file_write, file_finish};
static const struct actuator cards = {card_probe, file_read, card_check, file_write, file_finish};

const struct actuator *actuator_of(enum kb_actuator kind)
{
	switch (kind) {
	case KB_SYSCTL:
	case KB_SYSFS:
	case KB_CGROUP:
		return &files;
	case KB_IRQ:
		return &irqs;
	case KB_ETHTOOL:
		return &cards;
	default:
		return NULL;
	}
}
