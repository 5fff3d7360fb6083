// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"

struct walk {
	cgroup_visit visit;
	void *ctx;
	char path[PATH_MAX]; /* of the cgroup that is visited, from the cgroup root */
};

/*
 * `fd` is the directory, closed here. A cgroup's id is its inode number: on 64-bit kernels kernfs
 * uses the same 64 bits for both.
 */
static int walk_dir(struct walk *walk, int fd, int depth)
{
	size_t len = strlen(walk->path);
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int err;

	if (fstat(fd, &st)) {
		close(fd);
		return 0;
	}
	err = walk->visit(walk->ctx, len ? walk->path : "/", st.st_ino);
	dir = err || depth == CGROUP_DEPTH_MAX ? NULL : fdopendir(fd);
	if (!dir) {
		close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		int child, n;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		n = snprintf(walk->path + len, sizeof(walk->path) - len, "/%s", entry->d_name);
		if (n < 0 || (size_t)n >= sizeof(walk->path) - len)
			continue;
		child = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child >= 0)
			err = walk_dir(walk, child, depth + 1);
	}
	walk->path[len] = '\0';
	closedir(dir);
	return err;
}

int cgroups_walk(const char *root, const char *path, cgroup_visit visit, void *ctx)
{
	struct walk walk = {.visit = visit, .ctx = ctx};
	char full[PATH_MAX];
	int fd, n;

	if (!strcmp(path, "/"))
		path = "";
	n = snprintf(full, sizeof(full), "%s" CGROUP_ROOT "%s", root ? root : "", path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	snprintf(walk.path, sizeof(walk.path), "%s", path);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return walk_dir(&walk, fd, 0);
}

struct limits {
	const char *root;
	char *why;
	size_t size;
	void (*progress)(void *);
	void *ctx;
};

static int find_limit(void *ctx, const char *path, __u64 id)
{
	struct limits *l = ctx;
	char buf[64];

	(void)id;
	if (l->progress)
		l->progress(l->ctx);
	if (read_filef(l->root, buf, sizeof(buf), CGROUP_ROOT "%s/cpu.max", path) > 0 &&
	    strncmp(buf, "max", 3)) {
		snprintf(l->why, l->size,
			 "cgroup %s has cpu.max = %s, which our scheduler does not enforce; "
			 "set it to \"max\" (systemd: CPUQuota=) or stay in observe",
			 path, buf);
		return 1;
	}
	if (read_filef(l->root, buf, sizeof(buf), CGROUP_ROOT "%s/cpu.idle", path) > 0 &&
	    strcmp(buf, "0")) {
		snprintf(l->why, l->size,
			 "cgroup %s has cpu.idle = %s, which our scheduler does not enforce; "
			 "set it to 0 (systemd: CPUWeight=) or stay in observe",
			 path, buf);
		return 1;
	}
	return 0;
}

int cgroups_limited(const char *root, char *why, size_t size, void (*progress)(void *), void *ctx)
{
	struct limits limits = {root, why, size, progress, ctx};
	int err = cgroups_walk(root, "/", find_limit, &limits);

	/* no cgroup tree, no limits */
	return err == -ENOENT ? 0 : err;
}
