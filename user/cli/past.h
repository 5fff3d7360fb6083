/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What the verbs have in common that read the history: history, explain, report. */
#ifndef HOMEOSTAT_PAST_H
#define HOMEOSTAT_PAST_H

#include "../history/history.h"
#include "cli.h"

#define PAST_WHEN_LEN 40

/* Opens a history to read: @db, or with NULL the usual one. NULL: told, with *rc the exit code. */
struct history *past_open(struct cli *cli, const char *db, int *rc);

/* A moment as "2026-11-21T12:34:56Z". Returns buf. */
const char *past_when(char buf[PAST_WHEN_LEN], __u64 wall_ns);

/*
 * "90s", "10min", "12h", "7d" before @now_s, or a moment as above, or a day of that calendar. 0, or -EINVAL. *since_s is a second
 * since 1970.
 */
int past_since(const char *text, __u64 now_s, __u64 *since_s);

/* A change that history_read_changes() returned, for people: some lines. */
void past_show_change(FILE *f, struct json_object *row);

#endif
