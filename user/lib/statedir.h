/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What stands in the state directory. */
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
