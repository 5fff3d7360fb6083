/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Small files of fixed size in the runtime directory (tmpfs), mapped shared: what is stored there
 * survives the death of the daemon, by whatever signal, and vanishes with a reboot.
 */
#ifndef HOMEOSTAT_MAPPED_H
#define HOMEOSTAT_MAPPED_H

#include <stddef.h>

#include <linux/types.h>

/* Every such file begins with it. */
struct mapped_head {
	__u32 magic;
	__u32 size;    /* of the whole file */
	__u32 version; /* of what follows */
	__u32 pad;
	char boot_id[40]; /* times in it are of this boot; NUL-terminated */
};

/* Fills a head; the boot is that of /proc below `root`. */
void mapped_head(struct mapped_head *head, const char *root, __u32 magic, __u32 version,
		 size_t size);

/*
 * Maps the file `name` in a directory that is ours alone. One that is not what it should be (kind, owner,
 * mode, size, head) is replaced by an empty one. All of it is there afterwards: no later access fails for want of
 * space. Where no file can be had, memory of its own takes its place, shared with children.
 * 1: it was there and *mem is as its last user left it; 0: *mem is all zero but for the head, and `why`
 * says what was wrong ("" where it was missing or of an earlier boot); negative errno: there is no
 * memory either. *mem is the caller's (mapped_close).
 */
int mapped_open(void **mem, int dir_fd, const char *name, const struct mapped_head *head, char *why,
		size_t why_size);

/* Unmaps; the file stays. NULL-safe. */
void mapped_close(void *mem, size_t size);

#endif
