/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What several unit tests need: cmocka in one line, and a tree of files in place of /proc and /sys. */
#ifndef HOMEOSTAT_TEST_FIXTURE_H
#define HOMEOSTAT_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh, empty tree; tree_free() removes it. */
static inline void tree_make(char root[64])
{
	strcpy(root, "/tmp/homeostat-unit-XXXXXX");
	assert_non_null(mkdtemp(root));
}

static inline int tree_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void tree_free(const char *root)
{
	nftw(root, tree_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes root/path, with its directories. text NULL: a directory only. */
static inline void tree_put(const char *root, const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	if (!text) {
		mkdir(full, 0755);
		return;
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

#endif
