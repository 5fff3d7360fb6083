/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Directories and files that are ours alone: what is in them may be believed. */
#ifndef HOMEOSTAT_PRIVATE_FILE_H
#define HOMEOSTAT_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Opens a directory that nobody but us (the effective user) can write to; made with `mode` if it is
 * missing and `mode` is not 0. Its last part may be no symbolic link. `at` is AT_FDCWD or where `path`
 * begins. A descriptor, the caller's; or negative errno and one clause in `why`: -EPERM where somebody
 * else could write to it, -ENOTDIR where it is a link or no directory.
 */
int private_dir(int at, const char *path, mode_t mode, char *why, size_t size);

/*
 * Opens a plain file in such a directory, to read and write; made (0600) if it is missing and `create`. A
 * descriptor, the caller's; or negative errno and one clause in `why`: -EPERM where it is open to others,
 * somebody else's, or no plain file; -ELOOP where it is a symbolic link.
 */
int private_file(int dir_fd, const char *name, bool create, char *why, size_t size);

/*
 * Puts a file (0600) with @text and a newline in the place of what has that name in such a directory, or of nothing: whole, or not at
 * all. On the disk, its name too, when it returns. One at a time in a directory. 0 or negative errno.
 */
int private_replace(int dir_fd, const char *name, const char *text);

#endif
