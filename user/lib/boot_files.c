// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"

static int system_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static const struct boot_files the_system = {
	.open = system_open,
	.pwrite = pwrite,
	.fsync = fsync,
	.close = close,
	.rename = rename,
	.unlink = unlink,
	.mkdir = mkdir,
};
const struct boot_files *boot_files = &the_system;

/* Syncs what is open, and closes it. */
static int sync_close(int fd)
{
	int err = boot_files->fsync(fd) ? -errno : 0;

	if (boot_files->close(fd) && !err)
		err = -errno;
	return err;
}

/* The directory that a path is in. */
static int sync_dir(const char *full)
{
	char dir[PATH_MAX];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", full);
	slash = strrchr(dir, '/');
	if (!slash)
		return -EINVAL;
	slash[slash == dir] = '\0';
	fd = boot_files->open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return fd < 0 ? -errno : sync_close(fd);
}

static int write_all(int fd, const char *text, size_t len, off_t at)
{
	while (len) {
		ssize_t n = boot_files->pwrite(fd, text, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A new file beside it, whole and synced. @old: whose mode and owner it is to have, or NULL. */
static int write_new(const char *new, const char *text, size_t len, mode_t mode,
		     const struct stat *old)
{
	int fd, err;

	if (boot_files->unlink(new) && errno != ENOENT)
		return -errno;
	fd = boot_files->open(new, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len, 0);
	if (!err && fchmod(fd, old ? old->st_mode & 07777 : mode))
		err = -errno;
	if (!err && old && fchown(fd, old->st_uid, old->st_gid))
		err = -errno;
	if (err) {
		boot_files->close(fd);
		return err;
	}
	return sync_close(fd);
}

int boot_replace(const char *root, const char *path, const char *text, size_t len, mode_t mode)
{
	char full[PATH_MAX], new[PATH_MAX];
	struct stat old;
	bool there;
	int err = root_path(full, sizeof(full), root, path);

	if (!err)
		err = root_path(new, sizeof(new), full, BOOT_NEW);
	if (err)
		return err;
	there = !lstat(full, &old);
	if (there && !S_ISREG(old.st_mode))
		return -ELOOP;
	err = write_new(new, text, len, mode, there ? &old : NULL);
	if (!err && boot_files->rename(new, full))
		err = -errno;
	if (!err)
		return sync_dir(full);
	boot_files->unlink(new);
	return err;
}

int boot_overwrite(const char *root, const char *path, const void *part, size_t len, off_t at)
{
	char full[PATH_MAX];
	int fd, err = root_path(full, sizeof(full), root, path);

	if (err)
		return err;
	fd = boot_files->open(full, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = write_all(fd, part, len, at);
	if (!err)
		return sync_close(fd);
	boot_files->close(fd);
	return err;
}

int boot_remove(const char *root, const char *path)
{
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, path);

	if (err)
		return err;
	if (boot_files->unlink(full) && errno != ENOENT)
		return -errno;
	err = sync_dir(full);
	return err == -ENOENT ? 0 : err;
}

int boot_rename(const char *root, const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];
	int err = root_path(a, sizeof(a), root, from);

	if (!err)
		err = root_path(b, sizeof(b), root, to);
	if (!err && boot_files->rename(a, b))
		err = -errno;
	return err ? err : sync_dir(b);
}

int boot_mkdir(const char *root, const char *path, mode_t mode)
{
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, path);

	if (err)
		return err;
	if (boot_files->mkdir(full, mode) && errno != EEXIST)
		return -errno;
	return sync_dir(full);
}

int boot_sync(const char *root, const char *path)
{
	char full[PATH_MAX];
	int fd, err = root_path(full, sizeof(full), root, path);

	if (err)
		return err;
	fd = boot_files->open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	err = fd < 0 ? 0 : sync_close(fd);
	if (!err)
		err = sync_dir(full);
	return err == -ENOENT ? 0 : err;
}
