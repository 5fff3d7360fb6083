// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "log.h"
#include "parse.h"
#include "private_file.h"

void mapped_head(struct mapped_head *head, const char *root, __u32 magic, __u32 version,
		 size_t size)
{
	*head = (struct mapped_head){.magic = magic, .version = version, .size = (__u32)size};
	read_file(root, "/proc/sys/kernel/random/boot_id", head->boot_id, sizeof(head->boot_id));
}

/* The file that is there, or negative errno; -ENOENT: none that is of any use, see `why`. */
static int open_old(int dir_fd, const char *name, size_t size, char *why, size_t why_size)
{
	int fd = private_file(dir_fd, name, false, why, why_size);
	struct stat st;

	if (fd == -ENOENT) {
		why[0] = '\0';
		return -ENOENT;
	}
	if (fd >= 0) {
		if (!fstat(fd, &st) && (size_t)st.st_size == size)
			return fd;
		snprintf(why, why_size, "it has the wrong size");
		close(fd);
	}
	return unlinkat(dir_fd, name, 0) ? -errno : -ENOENT;
}

static int open_new(int dir_fd, const char *name, size_t size)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	/* a page that tmpfs could not give at the first store would be a SIGBUS */
	err = posix_fallocate(fd, 0, (off_t)size);
	if (!err)
		return fd;
	close(fd);
	unlinkat(dir_fd, name, 0);
	return -err;
}

static void warn_of_disk(int fd, const char *name)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs) && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		log_debug("%s is on no tmpfs: a slow disk may delay homeostatd", name);
}

static bool same_head(const struct mapped_head *a, const struct mapped_head *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Takes over what the head says is ours and of this boot; else all is zero. */
static int adopt(void *mem, const struct mapped_head *head, bool old, char *why, size_t why_size)
{
	struct mapped_head there = *(struct mapped_head *)mem;

	if (old && same_head(&there, head))
		return 1;
	memcpy(there.boot_id, head->boot_id, sizeof(there.boot_id));
	if (old && !same_head(&there, head))
		snprintf(why, why_size, "it is of another kind or version");
	memset(mem, 0, head->size);
	*(struct mapped_head *)mem = *head;
	return 0;
}

int mapped_open(void **mem, int dir_fd, const char *name, const struct mapped_head *head, char *why,
		size_t why_size)
{
	int fd, flags = MAP_SHARED;
	bool old = true;

	why[0] = '\0';
	*mem = NULL;
	fd = open_old(dir_fd, name, head->size, why, why_size);
	if (fd == -ENOENT) {
		old = false;
		fd = open_new(dir_fd, name, head->size);
	}
	if (fd < 0) {
		snprintf(why, why_size, "%s; what it would hold does not outlive homeostatd",
			 strerror(-fd));
		fd = -1;
		flags |= MAP_ANONYMOUS;
		old = false;
	} else {
		warn_of_disk(fd, name);
	}
	*mem = mmap(NULL, head->size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (*mem == MAP_FAILED) {
		*mem = NULL;
		return -errno;
	}
	return adopt(*mem, head, old, why, why_size);
}

void mapped_close(void *mem, size_t size)
{
	if (mem)
		munmap(mem, size);
}
