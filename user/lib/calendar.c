// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "calendar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY_MIN (24 * 60)
#define AHEAD_DAYS 8 /* a week, and the day it began on */

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* "22:00" at *text, which is moved behind it. 0 or -EINVAL. */
static int read_time(const char **text, __u16 *minutes)
{
	const char *t = *text;
	unsigned int hour, minute;

	for (int i = 0; i < 5; i++) {
		if (i == 2 ? t[i] != ':' : t[i] < '0' || t[i] > '9')
			return -EINVAL;
	}
	hour = (unsigned int)((t[0] - '0') * 10 + t[1] - '0');
	minute = (unsigned int)((t[3] - '0') * 10 + t[4] - '0');
	if (hour > 24 || minute > 59 || hour * 60 + minute > DAY_MIN)
		return -EINVAL;
	*minutes = (__u16)(hour * 60 + minute);
	*text = t + 5;
	return 0;
}

/* "Tue,Thu 22:00-02:00" at *text, which is moved behind it. 0 or -EINVAL. */
static int read_window(const char **text, struct calendar_window *window)
{
	const char *t = *text;
	int day;

	*window = (struct calendar_window){0};
	do {
		for (day = 0; day < 7 && strncmp(t, days[day], 3); day++)
			;
		if (day == 7)
			return -EINVAL;
		window->days |= (__u8)(1 << day);
		t += 3;
	} while (*t++ == ',');
	if (t[-1] != ' ' || read_time(&t, &window->from_min) || *t++ != '-' ||
	    read_time(&t, &window->until_min) || window->from_min == DAY_MIN)
		return -EINVAL;
	*text = t;
	return 0;
}

int calendar_parse(struct calendar *calendar, const char *text, char *why, size_t size)
{
	const char *t = text;

	for (;;) {
		if (calendar->nr == CALENDAR_WINDOWS_MAX) {
			snprintf(why, size, "more than %d windows", CALENDAR_WINDOWS_MAX);
			return -EINVAL;
		}
		t += strspn(t, " ");
		if (read_window(&t, &calendar->window[calendar->nr++])) {
			snprintf(why, size,
				 "'%.80s' is no window; expected such as 'Tue,Thu 22:00-02:00', "
				 "several with ';' between them",
				 text);
			return -EINVAL;
		}
		t += strspn(t, " ");
		if (!*t)
			return 0;
		if (*t++ != ';') {
			snprintf(why, size, "'%.80s': expected ';' between two windows", text);
			return -EINVAL;
		}
	}
}

/* That of a window which begins on a day. False: on that day there is none. */
static bool occurs(const struct calendar *c, const struct calendar_window *w, __s64 day,
		   __s64 *from_s, __s64 *until_s)
{
	if (!(w->days & 1U << zone_weekday(day)))
		return false;
	*from_s = zone_when(&c->zone, day, w->from_min);
	*until_s = zone_when(&c->zone, day + (w->until_min <= w->from_min), w->until_min);
	return *from_s < *until_s;
}

/* The latest end of those that hold at a time; 0: none does. *next_s: the earliest beginning after it, 0 = none. */
static __s64 end_at(const struct calendar *c, __s64 at_s, __s64 *next_s)
{
	__s64 today = zone_day(&c->zone, at_s), end_s = 0, from_s, until_s;

	*next_s = 0;
	for (__s64 day = today - 1; day <= today + AHEAD_DAYS; day++) {
		for (unsigned int i = 0; i < c->nr; i++) {
			if (!occurs(c, &c->window[i], day, &from_s, &until_s))
				continue;
			if (from_s > at_s && (!*next_s || from_s < *next_s))
				*next_s = from_s;
			if (from_s <= at_s && at_s < until_s && until_s > end_s)
				end_s = until_s;
		}
	}
	return end_s;
}

bool calendar_holds(const struct calendar *calendar, __s64 now_s, __s64 *until_s)
{
	__s64 next_s, end_s = end_at(calendar, now_s, &next_s), more_s = end_s;
	bool holds = end_s;

	if (!holds)
		end_s = next_s;
	while (more_s && more_s < now_s + AHEAD_DAYS * ZONE_DAY_S) {
		end_s = more_s;
		more_s = end_at(calendar, end_s, &next_s);
	}
	if (until_s)
		*until_s = more_s ? 0 : end_s;
	return holds;
}

void calendar_free(struct calendar *calendar)
{
	zone_free(&calendar->zone);
	memset(calendar, 0, sizeof(*calendar));
}
