// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a profile says of its own limits: limits, slo, helping, trip. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "profile_check.h"
#include "trust.h"

#define MS 1000000ULL
#define S 1000000000ULL
#define H (3600 * S)
#define DAY (24 * H)
#define VALUE_MAX (~0ULL >> 1) /* of a vital sign, as for rules */

/* What is known of stock is the 99th percentile of the waits of these: see helping.h. */
static bool has_baseline(__u32 vital)
{
	return vital == HS_VITAL_WAIT_CRITICAL_P99 || vital == HS_VITAL_WAIT_NORMAL_P99;
}

static int check_vital(struct place at, const char *name)
{
	int vital = vital_find(name);

	at.key = "vital";
	if (vital < 0)
		return check_wrong(
			at, "unknown vital sign '%.64s'; expected one of `homeostat vitals`", name);
	return vital;
}

static int check_limit(struct profile_file *file, struct profile *profile, int index)
{
	const struct limit_text *text = &file->text->limits[index];
	struct hs_limit *limit = &profile->config.limit[index];
	struct place at = {file, "limits", index, "vital"};
	__u64 windows = 1;
	int vital = check_vital(at, text->vital);

	if (vital < 0)
		return vital;
	for (int i = 0; i < index; i++) {
		if (profile->config.limit[i].vital == (__u32)vital)
			return check_wrong(
				at, "vital sign '%s' stands already in limit %d; expected once",
				text->vital, i + 1);
	}
	limit->vital = (__u32)vital;
	at.key = "max";
	if (check_quantity(at, text->max, unit_find(vital_infos[vital].unit), 0, VALUE_MAX,
			   &limit->max))
		return -EINVAL;
	at.key = "windows";
	if (check_quantity(at, text->windows, UNIT_COUNT, 1, 1000, &windows))
		return -EINVAL;
	limit->windows = (__u32)windows;
	at.key = "times";
	if (text->times && !has_baseline(limit->vital))
		return check_wrong(at,
				   "no stock baseline is kept of '%s'; expected times with %s or "
				   "%s only",
				   text->vital, vital_name(HS_VITAL_WAIT_CRITICAL_P99),
				   vital_name(HS_VITAL_WAIT_NORMAL_P99));
	return check_quantity(at, text->times, UNIT_COUNT, 2, 1000, &profile->limit_times[index]);
}

static int check_report(struct place at, const struct profile *profile, const char *name)
{
	at.key = "report";
	if (!*name || strlen(name) >= PROFILE_REPORT_LEN || name[strspn(name, NAME_CHARS)])
		return check_wrong(
			at, "bad name of a report '%.64s'; expected at most %d of a-z 0-9 - _ .",
			name, PROFILE_REPORT_LEN - 1);
	for (int i = 0; i < at.index; i++) {
		if (!strcmp(profile->slo[i].report, name))
			return check_wrong(at,
					   "report '%s' stands already in slo %d; expected once",
					   name, i + 1);
	}
	return 0;
}

static int check_slo(struct profile_file *file, struct profile *profile, int index)
{
	const struct slo_text *text = &file->text->slo[index];
	struct profile_slo *slo = &profile->slo[index];
	struct place at = {file, "slo", index, "vital"};
	int vital = HS_VITAL_NR;

	if (!text->vital == !text->report)
		return check_wrong(at, "%s; expected exactly one of vital and report",
				   text->vital ? "both vital and report"
					       : "neither vital nor report");
	if (text->vital)
		vital = check_vital(at, text->vital);
	else if (check_report(at, profile, text->report))
		return -EINVAL;
	if (vital < 0)
		return vital;
	for (int i = 0; text->vital && i < index; i++) {
		if (profile->slo[i].vital == (__u32)vital)
			return check_wrong(
				at, "vital sign '%s' stands already in slo %d; expected once",
				text->vital, i + 1);
	}
	slo->vital = (__u32)vital;
	if (text->report)
		strcpy(slo->report, text->report);
	at.key = "max";
	if (check_quantity(at, text->max,
			   text->vital ? (enum unit)unit_find(vital_infos[vital].unit) : UNIT_COUNT,
			   0, VALUE_MAX, &slo->max))
		return -EINVAL;
	at.key = "for";
	slo->for_ns = 5 * S;
	return check_quantity(at, text->lasting, UNIT_NS, 1 * S, H, &slo->for_ns);
}

static int check_helping(struct profile_file *file, struct profile *profile)
{
	const struct helping_text *text = file->text->helping;
	struct profile_helping *helping = &profile->helping;
	struct place at = {file, "helping", -1, "margin"};

	if (!text)
		return 0;
	if (check_quantity(at, text->margin, UNIT_PERMILLE, 0, 10000, &helping->margin_permille))
		return -EINVAL;
	if (helping->margin_permille && helping->margin_permille < 100)
		return check_wrong(at,
				   "'margin: %s' in helping is out of bounds; expected 0%% (never "
				   "look), or 10 %% to 1000 %%",
				   text->margin);
	at.key = "floor";
	if (check_quantity(at, text->floor, UNIT_NS, 1 * MS, 1 * S, &helping->floor_ns))
		return -EINVAL;
	at.key = "for";
	if (check_quantity(at, text->lasting, UNIT_NS, 1 * S, H, &helping->for_ns))
		return -EINVAL;
	at.key = "observe";
	return check_quantity(at, text->observe, UNIT_NS, 1 * S, H, &helping->observe_ns);
}

/* It is run as root. */
bool hook_ok(const char *path)
{
	if (path[0] != '/' || !path[1] || strlen(path) >= PROFILE_HOOK_LEN)
		return false;
	for (const char *p = path; *p; p++) {
		if (*p < ' ' || *p == 0x7f)
			return false;
	}
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t part = strcspn(p + 1, "/");

		if (!part || (part == 1 && p[1] == '.') ||
		    (part == 2 && p[1] == '.' && p[2] == '.'))
			return false;
	}
	return true;
}

__u64 profile_pause(const struct profile_trip *trip, __u32 nth)
{
	__u64 most = trip->rearm_max_ns, pause = trip->rearm_ns;

	while (--nth && pause < most)
		pause = pause > most / 2 ? most : pause * 2;
	return pause;
}

/*
 * Pauses alone must not push the first trip out of the window before the last one, or it would arm and
 * trip for ever. Twice their sum leaves as much time again for arming and tripping.
 */
static int check_loop(struct place at, const struct profile_trip *trip)
{
	char window[32], pauses[32], least[32];
	__u64 sum = 0;

	for (__u32 nth = 1; trip->rearm_ns && nth < trip->trips; nth++)
		sum += profile_pause(trip, nth);
	if (trip->window_ns >= 2 * sum)
		return 0;
	return check_wrong(at,
			   "in a window of %s the breaker may never close, as the pauses before "
			   "trip %u take %s; expected window >= %s, fewer trips, or shorter pauses",
			   unit_format(window, sizeof(window), trip->window_ns, UNIT_NS),
			   trip->trips, unit_format(pauses, sizeof(pauses), sum, UNIT_NS),
			   unit_format(least, sizeof(least), 2 * sum, UNIT_NS));
}

static int check_trip(struct profile_file *file, struct profile *profile)
{
	const struct trip_text *text = file->text->trip;
	struct profile_trip *trip = &profile->trip;
	struct place at = {file, "trip", -1, "rearm"};
	__u64 trips = trip->trips;

	if (!text)
		return 0;
	if (check_quantity(at, text->rearm, UNIT_NS, 1 * S, H, &trip->rearm_ns))
		return -EINVAL;
	at.key = "rearm_max";
	if (check_quantity(at, text->rearm_max, UNIT_NS, 1 * S, DAY, &trip->rearm_max_ns))
		return -EINVAL;
	if (text->rearm_max && !text->rearm)
		return check_wrong(at, "rearm_max without rearm: nothing arms again by itself; "
				       "expected rearm too");
	if (trip->rearm_ns > trip->rearm_max_ns)
		return check_wrong(at, "rearm is longer than rearm_max; expected rearm <= "
				       "rearm_max");
	at.key = "trips";
	if (check_quantity(at, text->trips, UNIT_COUNT, 1, PROFILE_TRIPS_MAX, &trips))
		return -EINVAL;
	trip->trips = (__u32)trips;
	at.key = "window";
	if (check_quantity(at, text->window, UNIT_NS, 1 * S, DAY, &trip->window_ns) ||
	    check_loop(at, trip))
		return -EINVAL;
	at.key = "hook";
	if (text->hook && !hook_ok(text->hook))
		return check_wrong(at,
				   "bad hook '%.64s'; expected an absolute path of at most %d "
				   "bytes, without . or ..",
				   text->hook, PROFILE_HOOK_LEN - 1);
	if (text->hook)
		strcpy(trip->hook, text->hook);
	at.key = "hook_limit";
	return check_quantity(at, text->hook_limit, UNIT_NS, 100 * MS, 60 * S,
			      &trip->hook_limit_ns);
}

const char *profile_warning(const struct profile *profile, char *buf, size_t size)
{
	const char *const hooks[] = {profile->trip.hook, profile->changes.before,
				     profile->changes.after};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		const char *why = hooks[i][0] ? untrusted_program(hooks[i]) : NULL;

		if (!why)
			continue;
		snprintf(buf, size, "hook %s would not be run here: %s", hooks[i], why);
		return buf;
	}
	return NULL;
}

int check_safety(struct profile_file *file, struct profile *profile)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < file->text->limits_count; i++)
		err = check_limit(file, profile, (int)i);
	profile->config.limits_nr = file->text->limits_count;
	for (unsigned int i = 0; !err && i < file->text->slo_count; i++)
		err = check_slo(file, profile, (int)i);
	profile->slo_nr = file->text->slo_count;
	if (!err)
		err = check_helping(file, profile);
	return err ? err : check_trip(file, profile);
}
