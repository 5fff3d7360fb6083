/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The incident record of a trip: what was known, and the minute before it, as one JSON file. */
#ifndef HOMEOSTAT_INCIDENT_H
#define HOMEOSTAT_INCIDENT_H

#include <json-c/json.h>

#include "recorder.h"
#include "statedir.h"

/* The record as JSON, the caller's; NULL: out of memory. */
struct json_object *incident_json(const struct recorder *r, const struct recorder_span *span,
				  const struct recorder_trip *trip);

/*
 * Writes a record to a directory: whole or not at all, never over another, 0600, on the disk when it
 * returns. `name` becomes its name. 0 or negative errno.
 */
int incident_write(int dir_fd, struct json_object *record, const struct recorder_trip *trip,
		   char name[INCIDENT_NAME_LEN]);

/* Removes the oldest records until INCIDENTS_KEPT are left. 0 or negative errno. */
int incident_prune(int dir_fd);

#endif
