// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 4 /* that lead from one to the next */

static bool roots_own(const struct stat *st, mode_t or_mode)
{
	return (!st->st_uid || st->st_uid == geteuid()) &&
	       (!(st->st_mode & 0022) || st->st_mode & or_mode);
}

/*
 * Nobody else can have the way to `path` lead elsewhere: the directories on it are root's, and where one is a symbolic link, so
 * are those on its way. `path` is shorter than PATH_MAX.
 */
static bool roots_way(const char *path, int links)
{
	char dir[PATH_MAX], to[PATH_MAX], way[PATH_MAX], *slash;
	struct stat st;
	ssize_t len;

	strcpy(dir, path);
	while (dir[1] && (slash = strrchr(dir, '/'))) {
		slash[slash == dir] = '\0';
		if (lstat(dir, &st) || (st.st_uid && st.st_uid != geteuid()))
			return false;
		if (!S_ISLNK(st.st_mode)) {
			/* sticky, as /tmp, will do: nobody removes what is root's from it */
			if (!roots_own(&st, S_ISVTX))
				return false;
			continue;
		}
		len = readlink(dir, to, sizeof(to) - 1);
		if (len <= 0 || links == LINKS_MAX)
			return false;
		to[len] = '\0';
		/* a name behind it, so that it counts as a directory itself */
		if (snprintf(way, sizeof(way), "%.*s%s/.",
			     *to == '/' ? 0 : (int)(strrchr(dir, '/') + 1 - dir), dir,
			     to) >= (int)sizeof(way) ||
		    !roots_way(way, links + 1))
			return false;
	}
	return true;
}

static const char *untrusted(const char *path, bool program)
{
	struct stat st;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return "not an absolute path";
	if (lstat(path, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || (program && access(path, X_OK)))
		return program ? "not a program" : "not a file";
	if (!roots_own(&st, 0))
		return "not root's, or others may write it";
	return roots_way(path, 0) ? NULL : "in a directory that others may write";
}

const char *untrusted_program(const char *path)
{
	return untrusted(path, true);
}

const char *untrusted_file(const char *path)
{
	return untrusted(path, false);
}
