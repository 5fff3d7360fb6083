/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Text of a profile to numbers, with every bound looked at. Private to profile*.c. */
#ifndef HOMEOSTAT_PROFILE_CHECK_H
#define HOMEOSTAT_PROFILE_CHECK_H

#include "profile.h"
#include "profile_file.h"
#include "units.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-_." /* of a profile, of a report */

/* Where a value stands, for messages and line numbers: see yaml_file_line(). */
struct place {
	struct profile_file *file;
	const char *part; /* "rules" */
	int index;	  /* entry, or -1 */
	const char *key;  /* "low" */
};

/*
 * Reads `text` in `unit`, least … most. NULL text leaves *value as it is. 0 or -EINVAL with the
 * message written.
 */
int check_quantity(struct place place, const char *text, enum unit unit, __u64 least, __u64 most,
		   __u64 *value);

/* A line for a value that is wrong for another reason. Returns -EINVAL. */
int check_wrong(struct place place, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* limits, slo, helping and trip: into profile. 0 or -EINVAL. */
int check_safety(struct profile_file *file, struct profile *profile);

/*
 * interfaces, flows, recognise and steer: into profile->interface, profile->flow, profile->recognise, profile->steer_cpus. 0 or
 * -EINVAL.
 */
int check_net(struct profile_file *file, struct profile *profile);

/* changes: into profile->changes, its defaults there already. 0 or -EINVAL. */
int check_changes(struct profile_file *file, struct profile *profile);

/* May it be a hook: absolute, clean, printable? Pure. */
bool hook_ok(const char *path);

/* The zone of that name, NULL: the host's own, into @calendar. 0, or -EINVAL with the message written. */
int check_zone(struct place at, const char *name, struct calendar *calendar);

/* calendar: into profile->calendar, the profiles that it names read. 0, -EINVAL or -ENOMEM. */
int check_calendar(struct profile_file *file, struct profile *profile);

/* profile_load() of one that a calendar names, which has none itself. */
int profile_load_shift(struct profile *profile, const char *path, char *error, size_t error_size);

/* advice: into profile->advice. 0, -EINVAL or -ENOMEM. */
int check_advice(struct profile_file *file, struct profile *profile);

/* workloads: into profile->workload. 0, -EINVAL or -ENOMEM. */
int check_workloads(struct profile_file *file, struct profile *profile);

#endif
