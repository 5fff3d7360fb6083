/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Whatever has a value that is read, changed and put back: a file of /proc or /sys, by its path, or a setting of a network card, by
 * its name (ethtool.h). Below a root both are files of that name (law 7): a test's tree has eth0's ring at ROOT/ethtool:eth0/rings/rx.
 */
#ifndef HOMEOSTAT_PLACE_H
#define HOMEOSTAT_PLACE_H

#include <stddef.h>
#include <sys/types.h>

/* As read_file() (parse.h) and ethtool_read(): its length, or negative errno. */
ssize_t place_read(const char *root, const char *path, char *buf, size_t size);

/*
 * As write_file() and ethtool_write(): 0, or negative errno. -EINPROGRESS: a helper is at it, and a driver takes its time; what the
 * place is read as tells when it has ended, until then -EAGAIN.
 */
int place_write(const char *root, const char *path, const char *text);

/* Somebody who reads and writes for us what we may not ourselves; NULL: nobody. For the whole process. */
struct place_helper {
	ssize_t (*read)(const char *root, const char *path, char *buf, size_t size);
	int (*write)(const char *root, const char *path, const char *text);
};
void place_by(const struct place_helper *helper);

/* The same two by ourselves, whoever else there is. */
ssize_t place_read_self(const char *root, const char *path, char *buf, size_t size);
int place_write_self(const char *root, const char *path, const char *text);

#endif
