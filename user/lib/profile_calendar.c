// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Profiles that change by the time of day, and the zones that times are of. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile_check.h"

static const char *zone_root = "";

void profile_set_root(const char *root)
{
	zone_root = root;
}

int check_zone(struct place at, const char *name, struct calendar *calendar)
{
	char why[160];

	if (zone_load(&calendar->zone, zone_root, name, why, sizeof(why)))
		return check_wrong(at, "%s", why);
	return 0;
}

/* A name is that of a file beside the profile that names it. */
static int beside(char *buf, size_t size, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int dir = name[0] == '/' || !slash ? 0 : (int)(slash - path) + 1;

	return snprintf(buf, size, "%.*s%s", dir, path, name) >= (int)size ? -ENAMETOOLONG : 0;
}

static int check_shift(struct profile_file *file, int index, struct profile_shift *shift)
{
	const struct shift_text *text = &file->text->calendar[index];
	struct place at = {file, "calendar", index, "when"};
	char why[400];
	struct profile *named;
	int err;

	if (calendar_parse(&shift->when, text->when, why, sizeof(why)))
		return check_wrong(at, "%s", why);
	at.key = text->time_zone ? "time_zone" : "when";
	if (check_zone(at, text->time_zone, &shift->when))
		return -EINVAL;
	at.key = "profile";
	if (beside(shift->path, sizeof(shift->path), file->yaml.path, text->profile))
		return check_wrong(at, "the path is too long");
	named = malloc(sizeof(*named));
	if (!named)
		return -ENOMEM;
	err = profile_load_shift(named, shift->path, why, sizeof(why));
	if (!err)
		profile_free(named);
	else if (err != -ENOMEM)
		err = check_wrong(at, "%s", why);
	free(named);
	return err;
}

int check_calendar(struct profile_file *file, struct profile *profile)
{
	struct profile_calendar *c = &profile->calendar;
	unsigned int nr = file->text->calendar_count;
	int err = 0;

	if (!nr)
		return 0;
	if (file->of_calendar)
		return check_wrong((struct place){file, "calendar", -1, NULL},
				   "a profile that another one's calendar names has none itself");
	c->shift = calloc(nr, sizeof(*c->shift));
	if (!c->shift)
		return -ENOMEM;
	for (; !err && c->nr < nr; c->nr++)
		err = check_shift(file, (int)c->nr, &c->shift[c->nr]);
	return err;
}

int profile_due(const struct profile_calendar *calendar, __s64 now_s, __s64 *until_s)
{
	__s64 first_s = 0, change_s;
	int due = -1;

	/* what is further down the list changes nothing as long as one above holds */
	for (unsigned int i = 0; due < 0 && i < calendar->nr; i++) {
		if (calendar_holds(&calendar->shift[i].when, now_s, &change_s))
			due = (int)i;
		if (change_s && (!first_s || change_s < first_s))
			first_s = change_s;
	}
	if (until_s)
		*until_s = first_s;
	return due;
}

int profile_load_at(struct profile *profile, struct profile_calendar *calendar, const char *path,
		    __s64 now_s, char *error, size_t error_size)
{
	struct profile_calendar c;
	struct profile *base = malloc(sizeof(*base));
	int err = base ? profile_load(base, path, error, error_size) : -ENOMEM;

	if (err) {
		free(base);
		return err;
	}
	c = base->calendar;
	memset(&base->calendar, 0, sizeof(base->calendar));
	memcpy(c.base, base->path, sizeof(c.base));
	c.in_force = profile_due(&c, now_s, NULL);
	if (c.in_force >= 0) {
		profile_free(base);
		err = profile_load_shift(base, c.shift[c.in_force].path, error, error_size);
	}
	if (err) {
		profile_calendar_free(&c);
	} else {
		*profile = *base;
		*calendar = c;
	}
	free(base);
	return err;
}

void profile_calendar_free(struct profile_calendar *calendar)
{
	for (unsigned int i = 0; i < calendar->nr; i++)
		calendar_free(&calendar->shift[i].when);
	free(calendar->shift);
	memset(calendar, 0, sizeof(*calendar));
}
