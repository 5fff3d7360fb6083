/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Time zones, several in one process and without TZ: libc knows one at a time, by an environment variable that another thread may be
 * reading. A file of the host's zoneinfo (RFC 8536, version 2 and later) is read once, when a profile is loaded; then it is arithmetic.
 */
#ifndef HOMEOSTAT_ZONE_H
#define HOMEOSTAT_ZONE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_LOCAL "/etc/localtime" /* the host's own; where there is none, it is UTC */
#define ZONE_NAME_LEN 64
#define ZONE_FILE_MAX (64 * 1024) /* bytes; the largest that there are have 4 KiB */
#define ZONE_DAY_S 86400

/* When in a year a time begins, by the clock that is over then. */
struct zone_rule {
	enum {
		ZONE_DAY_OF_YEAR, /* day 0 … 365 */
		ZONE_NO_LEAP,	  /* day 1 … 365, February 29 is never counted */
		ZONE_WEEKDAY /* day 0 = Sunday … of week 1 … 4, 5 = the last, of month 1 … 12 */
	} kind;
	int day, week, month;
	__s32 at_s; /* of the day; may be before or after it */
};

struct zone {
	__s64 *at_s;	 /* owned: when the offset changes, ascending … */
	__s32 *offset_s; /* owned: … and what it is from then on, seconds east of UTC */
	unsigned int nr; /* of both */
	__s32 first_s;	 /* the offset before all of them */
	bool goes_on;	 /* after the last of them these hold: */
	bool summer;	 /* two times; else one */
	__s32 standard_s, summer_s;
	struct zone_rule begins, ends; /* of summer_s */
};

/* Is it a name of a zone: "Europe/Berlin", nothing that leads out of the directory? Pure. */
bool zone_name_ok(const char *name);

/*
 * Reads a zone below a root. @name NULL: the host's own. 0, zone_free() it; or negative errno with one clause in @why: -EINVAL (no name of a
 * zone), -ENOENT, -EBADMSG (not a file of zoneinfo, or damaged), -ENOMEM.
 */
int zone_load(struct zone *zone, const char *root, const char *name, char *why, size_t size);

/* The same from memory. */
int zone_parse(struct zone *zone, const void *data, size_t len, char *why, size_t size);
void zone_free(struct zone *zone);

/* Seconds east of UTC at a time (seconds since 1970). NULL: UTC. Pure. */
__s32 zone_offset(const struct zone *zone, __s64 at_s);

/*
 * The first time at which the clock of a zone shows this minute (0 … 2880) of a day (since 1970), or more: where the clock is set
 * back and shows it twice, the first; where it is set forward past it, the moment of that. Pure.
 */
__s64 zone_when(const struct zone *zone, __s64 day, unsigned int minute);

/* 0 = Sunday: of a day since 1970. Pure. */
int zone_weekday(__s64 day);

/* The day, since 1970, that the clock of a zone shows. Pure. */
__s64 zone_day(const struct zone *zone, __s64 at_s);

#endif
