/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What GRUB 2 reads, as text: the entry of grub.cfg whose kernel runs; an entry of ours in custom.cfg, which is booted once; and the
 * piece of /etc/default/grub.d that makes parameters permanent. Nothing here touches a file.
 */
#ifndef HOMEOSTAT_BOOT_GRUB_H
#define HOMEOSTAT_BOOT_GRUB_H

#include <stdbool.h>
#include <stddef.h>

#include "boot_line.h"

#define GRUB_TEXT_MAX (1024 * 1024)
#define GRUB_KERNEL_LEN 256
#define GRUB_ENTRY_MAX (16 * 1024)    /* bytes of our entry */
#define GRUB_PERMANENT_MAX (8 * 1024) /* bytes of the piece of /etc/default/grub.d */
#define GRUB_PANIC "panic=30"	      /* s; a trial that fails so restarts by itself */

struct grub_entry {
	const char *body; /* of grub.cfg, the lines between the braces */
	size_t len;
	bool unrestricted; /* needs no password */
};

/*
 * Does grub.cfg do what we rely on: take next_entry, forget it before it boots, and read custom.cfg? 0; -EOPNOTSUPP with one clause in `why`.
 * Pure.
 */
int grub_cfg_check(const char *cfg, char *why, size_t size);

/* The kernel that a command line says it was booted from (BOOT_IMAGE), without the disk. 0, -ENOENT, -EINVAL (no plain path). Pure. */
int grub_kernel(const char *line, char kernel[GRUB_KERNEL_LEN]);

/*
 * The menu entry that boots a kernel: the one with just that command line, or else the first. 0; -ENOENT, or -EBADMSG (an
 * entry without an end, or in another, or no plain one), with one clause in `why`. Pure.
 */
int grub_entry_find(const char *cfg, const char *kernel, const char *line, struct grub_entry *entry,
		    char *why, size_t size);

/*
 * Our entry, with its marks: as @entry, with the trial's command line; and with the present one, where GRUB cannot forget that
 * it was to boot it. 0 or -E2BIG. Pure.
 */
int grub_trial_text(char out[GRUB_ENTRY_MAX], const struct grub_entry *entry, const char *trial,
		    const char *present);

/* The trial's command line out of an entry of ours (with its marks), blanked once. 0 or -EBADMSG. Pure. */
int grub_trial_line(const char *text, size_t len, char line[BOOT_LINE_MAX]);

/* Where our entry is in custom.cfg, its marks included. 0; -ENOENT; -EBADMSG: marks without each other, or twice. Pure. */
int grub_custom_find(const char *custom, const char **begin, size_t *len);

/* custom.cfg with our entry at its end, or (NULL) without it; *out is the caller's (free). 0, -EBADMSG or -ENOMEM. Pure. */
int grub_custom_set(const char *custom, const char *entry, char **out);

/* Does every entry of grub.cfg with that kernel that has none of the words for a rescue have the parameters? Pure. */
bool grub_cfg_has(const char *cfg, const char *kernel, const struct boot_parameter *p,
		  unsigned int nr);

/* The piece of /etc/default/grub.d. 0 or -E2BIG. Pure. */
int grub_permanent_text(char out[GRUB_PERMANENT_MAX], const struct boot_parameter *p,
			unsigned int nr);

/* Is it such a piece, by its first line? Pure. */
bool grub_permanent_ours(const char *text);

#endif
