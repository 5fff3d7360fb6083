/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a person should know of a change before his word on it: from the daemon's reply to `changes`, and the knowledge base. */
#ifndef HOMEOSTAT_PENDING_H
#define HOMEOSTAT_PENDING_H

#include <stdio.h>

#include <json-c/json.h>

#include "../lib/kb.h"

/*
 * Adds to each change of the reply that waits for a person: `expected`, `record`, `undoes`, `needs`, `needed_by`, `conflicts`. @kb: NULL
 * where it cannot be read, the last three are missing then.
 */
void pending_add(struct json_object *reply, const struct kb *kb);

/* The same as text. */
void pending_show(FILE *f, struct json_object *row);

#endif
