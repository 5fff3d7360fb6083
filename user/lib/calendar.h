/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Times that come again each week, by the clock of a time zone: "Tue,Thu 22:00-02:00; Sun 03:00-04:30". For maintenance, and for profiles that
 * change by the time of day.
 *
 * A window begins when the clock first shows its beginning, and ends when it then first shows its end. In the night in which the clock is set
 * back, one that ends in the hour that comes twice ends in the first of the two, and does not open again; one that goes
 * over it is an hour longer. In the night in which the clock is set forward, a beginning or an end that is skipped is
 * the moment of that; a window that lies in the hour that is skipped is not there.
 */
#ifndef HOMEOSTAT_CALENDAR_H
#define HOMEOSTAT_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>

#include "zone.h"

#define CALENDAR_WINDOWS_MAX 8

struct calendar_window {
	__u8 days;		   /* that it begins on: bit 0 = Sunday */
	__u16 from_min, until_min; /* minutes of the day; until <= from: it ends on the next day */
};

struct calendar {
	struct calendar_window window[CALENDAR_WINDOWS_MAX];
	unsigned int nr;
	struct zone zone; /* owned; all zero = UTC */
};

/* Reads windows, without their zone: 0, or -EINVAL with one clause in @why. */
int calendar_parse(struct calendar *calendar, const char *text, char *why, size_t size);

/*
 * Is a time (seconds since 1970) within a window? *until_s (may be NULL): when that changes, within the next eight days; 0 = it does
 * not. Windows that touch are one. Pure.
 */
bool calendar_holds(const struct calendar *calendar, __s64 now_s, __s64 *until_s);

/* Frees what it owns. */
void calendar_free(struct calendar *calendar);

#endif
