/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Files that have to survive a power cut: whatever `homeostat boot` writes goes through here. When one of these functions has
 * returned 0, what it has done is on the disk; a power cut within leaves the old or the new, never a part. A test puts a disk of its own in
 * place of the system calls, which forgets what was not synced.
 */
#ifndef HOMEOSTAT_BOOT_FILES_H
#define HOMEOSTAT_BOOT_FILES_H

#include <stddef.h>
#include <sys/types.h>

#define BOOT_NEW ".homeostat-new" /* ends the name of a file that is not whole yet */

/* The system calls, as they are: -1 and errno. */
struct boot_files {
	int (*open)(const char *path, int flags, mode_t mode);
	ssize_t (*pwrite)(int fd, const void *buf, size_t len, off_t at);
	int (*fsync)(int fd);
	int (*close)(int fd);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*mkdir)(const char *path, mode_t mode);
};
extern const struct boot_files *boot_files;

/*
 * Puts a file in the place of root/path, or makes it: new file, sync, rename, sync of the directory. Mode and owner of one that is there
 * stay, a new one gets `mode`. 0 or negative errno; -ELOOP: there is something else than a plain file.
 */
int boot_replace(const char *root, const char *path, const char *text, size_t len, mode_t mode);

/*
 * Writes over a part of root/path, in place: GRUB finds the file by its blocks. 0 or negative errno. Whether all of it is written at
 * once is the disk's affair: the caller keeps to one sector (512 bytes, aligned).
 */
int boot_overwrite(const char *root, const char *path, const void *part, size_t len, off_t at);

/* Removes root/path. That it is gone already is no error, and is synced all the same. 0 or negative errno. */
int boot_remove(const char *root, const char *path);

/* Moves a file within its directory. 0 or negative errno. */
int boot_rename(const char *root, const char *from, const char *to);

/* Makes the directory root/path, if it is not there; what it is in has to be. 0 or negative errno. */
int boot_mkdir(const char *root, const char *path, mode_t mode);

/* What is there already may not be on the disk yet, as whoever wrote it may have died. 0 or negative errno; -ENOENT counts as done. */
int boot_sync(const char *root, const char *path);

#endif
