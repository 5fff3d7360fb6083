// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool roots_own(const struct stat *st, mode_t or_mode)
{
	return (!st->st_uid || st->st_uid == geteuid()) &&
	       (!(st->st_mode & 0022) || st->st_mode & or_mode);
}

static const char *untrusted(const char *path, bool program)
{
	char dir[PATH_MAX], *slash;
	struct stat st;

	if (path[0] != '/' || strlen(path) >= sizeof(dir))
		return "not an absolute path";
	if (lstat(path, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || (program && access(path, X_OK)))
		return program ? "not a program" : "not a file";
	if (!roots_own(&st, 0))
		return "not root's, or others may write it";
	strcpy(dir, path);
	while (dir[1] && (slash = strrchr(dir, '/'))) {
		slash[slash == dir] = '\0';
		/* sticky, as /tmp, will do: nobody removes what is root's from it */
		if (stat(dir, &st) || !roots_own(&st, S_ISVTX))
			return "in a directory that others may write";
	}
	return NULL;
}

const char *untrusted_program(const char *path)
{
	return untrusted(path, true);
}

const char *untrusted_file(const char *path)
{
	return untrusted(path, false);
}
