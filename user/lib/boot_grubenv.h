/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * GRUB's environment block: 1024 bytes, a first line, lines NAME=VALUE, and # up to the end. GRUB knows the file by its blocks on the
 * disk and writes over them, so it may never be replaced by another file; and as a power cut may come between its two sectors, each of them
 * is written by itself, in an order in which what stands there is right at every moment: other variables as they were, `next_entry` once or
 * not at all, and ours or nobody's.
 */
#ifndef HOMEOSTAT_BOOT_GRUBENV_H
#define HOMEOSTAT_BOOT_GRUBENV_H

#include <stdbool.h>
#include <stddef.h>

#define GRUBENV_SIZE 1024
#define GRUBENV_SECTOR 512
#define GRUBENV_WHY_LEN 192
#define GRUB_ENTRY "homeostat-once" /* our entry's id, and what next_entry names it by */

/* Sectors to be written, in this order, each synced before the next one. */
struct grubenv_plan {
	struct {
		size_t at; /* of its first byte */
		char bytes[GRUBENV_SECTOR];
	} write[4];
	unsigned int nr;
};

/* Is it a whole block, as GRUB takes it? 0; -EBADMSG with one clause in `why`. Pure. */
int grubenv_check(const char *block, size_t len, char *why, size_t size);

/* A variable's value, as it is written; of several lines the last, as GRUB takes them. 0, -ENOENT, -E2BIG. @block is checked. Pure. */
int grubenv_get(const char block[GRUBENV_SIZE], const char *name, char *value, size_t size);

/* How `next_entry` becomes ours. 0; -EEXIST (it is somebody else's) or -ENOSPC with one clause in `why`. Pure. */
int grubenv_plan_set(const char block[GRUBENV_SIZE], struct grubenv_plan *plan, char *why,
		     size_t size);

/* How it becomes nobody's, where it is ours. Pure. */
void grubenv_plan_clear(const char block[GRUBENV_SIZE], struct grubenv_plan *plan);

#endif
