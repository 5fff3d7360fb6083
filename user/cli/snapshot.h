/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The layers of `homeostat snapshot`. Each fills an object from files below a root; what is missing there is left out, never 0. */
#ifndef HOMEOSTAT_SNAPSHOT_H
#define HOMEOSTAT_SNAPSHOT_H

#include <stdio.h>

struct json_object;

void snapshot_hardware(struct json_object *out, const char *root);
void snapshot_network(struct json_object *out, const char *root);
void snapshot_workload(struct json_object *out, const char *root);
void snapshot_scheduling(struct json_object *out, const char *root);

/* A file as member `key`: a number where it is one, text otherwise; of a choice the word in brackets. */
void snapshot_file(struct json_object *out, const char *key, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One call for each name in a directory below a root that does not begin with a dot, in their order. */
void snapshot_each(const char *root, const char *dir,
		   void (*visit)(void *ctx, const char *root, const char *name), void *ctx);

/* A whole file, the caller's (free); NULL: it is not there. 1 MiB of it at most. */
char *snapshot_text(const char *root, const char *path);

#endif
