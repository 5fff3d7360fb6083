/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Directories that are ours alone, and what stands in the state directory. */
#ifndef HOMEOSTAT_STATEDIR_H
#define HOMEOSTAT_STATEDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define STATE_DIR "/var/lib/homeostat"
#define INCIDENTS_DIR "incidents"
#define INCIDENTS_KEPT 50
#define INCIDENT_NAME_LEN 96
#define INCIDENT_SIZE_MAX (1024 * 1024) /* bytes of a record */

/*
 * Opens a directory that nobody but us (the effective user) can write to; made with `mode` if it is
 * missing and `mode` is not 0. Its last part may be no symbolic link. `at` is AT_FDCWD or where `path`
 * begins. A descriptor, the caller's; or negative errno and one clause in `why`: -EPERM where somebody
 * else could write to it, -ENOTDIR where it is a link or no directory.
 */
int private_dir(int at, const char *path, mode_t mode, char *why, size_t size);

/*
 * Is it the name of a record? "20261121T123456Z-3-heartbeat.json": time, number of the record, reason;
 * nothing with a slash is.
 */
bool incident_name_ok(const char *name);

/* The number in such a name. Records are numbered as they are written, as a clock may go back. */
unsigned long long incident_number(const char *name);

/*
 * Names of the records in a directory, oldest (by number) first. *names is the caller's (incidents_free). Their
 * number, or negative errno.
 */
int incidents_list(int dir_fd, char ***names);
void incidents_free(char **names, int nr);

#endif
