// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"

#define HEAD_LEN 44
#define TYPE_LEN 6
#define OFFSET_MAX (26 * 3600) /* RFC 8536: less than that, either way */
#define RULE_HOURS_MAX 167     /* of a rule's time, since version 3 */

/* ---- the file ---- */

struct counts {
	__u32 utc, standard, leap, times, types, chars;
};

static __u32 big32(const unsigned char *p)
{
	return (__u32)p[0] << 24 | (__u32)p[1] << 16 | (__u32)p[2] << 8 | p[3];
}

static __s64 big64(const unsigned char *p)
{
	return (__s64)((__u64)big32(p) << 32 | big32(p + 4));
}

/* Its header, and how long what is behind it is, with times of @width bytes. -EBADMSG: it is none. */
static int read_head(const unsigned char *p, size_t len, unsigned int width, struct counts *c,
		     size_t *body)
{
	if (len < HEAD_LEN || memcmp(p, "TZif", 4) || p[4] < '2')
		return -EBADMSG;
	*c = (struct counts){big32(p + 20), big32(p + 24), big32(p + 28),
			     big32(p + 32), big32(p + 36), big32(p + 40)};
	if (c->utc > len || c->standard > len || c->leap > len || c->times > len || !c->types ||
	    c->types > 256 || c->chars > len)
		return -EBADMSG;
	*body = (size_t)c->times * (width + 1) + (size_t)c->types * TYPE_LEN + c->chars +
		(size_t)c->leap * (width + 4) + c->standard + c->utc;
	return *body > len - HEAD_LEN ? -EBADMSG : 0;
}

static int read_offset(const unsigned char *types, unsigned int type, __s32 *offset)
{
	*offset = (__s32)big32(types + (size_t)type * TYPE_LEN);
	return *offset > -OFFSET_MAX && *offset < OFFSET_MAX ? 0 : -EBADMSG;
}

static int read_times(struct zone *z, const unsigned char *p, const struct counts *c)
{
	const unsigned char *index = p + (size_t)c->times * 8, *types = index + c->times;

	if (read_offset(types, 0, &z->first_s))
		return -EBADMSG;
	z->at_s = calloc(c->times + 1, sizeof(*z->at_s));
	z->offset_s = calloc(c->times + 1, sizeof(*z->offset_s));
	if (!z->at_s || !z->offset_s)
		return -ENOMEM;
	for (__u32 i = 0; i < c->times; i++) {
		z->at_s[i] = big64(p + (size_t)i * 8);
		if (index[i] >= c->types || read_offset(types, index[i], &z->offset_s[i]) ||
		    (i && z->at_s[i] <= z->at_s[i - 1]))
			return -EBADMSG;
	}
	z->nr = c->times;
	return 0;
}

/* ---- its last line: CET-1CEST,M3.5.0,M10.5.0/3 ---- */

/* The name of a time: letters, or anything in angle brackets. */
static int skip_name(const char **text)
{
	size_t n = **text == '<'
			   ? strcspn(*text, ">") + 1
			   : strspn(*text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (n < 3 || strnlen(*text, n) < n)
		return -EBADMSG;
	*text += n;
	return 0;
}

/* [+-]HH[:MM[:SS]] */
static int read_clock(const char **text, unsigned int hours_max, __s32 *seconds)
{
	bool minus = **text == '-';
	__u64 part[3] = {0};

	*text += **text == '-' || **text == '+';
	for (int i = 0; i < 3; i++) {
		if (parse_digits(text, i ? 59 : hours_max, &part[i]))
			return -EBADMSG;
		if (**text != ':' || i == 2)
			break;
		++*text;
	}
	*seconds = (__s32)(part[0] * 3600 + part[1] * 60 + part[2]);
	if (minus)
		*seconds = -*seconds;
	return 0;
}

static int read_rule(const char **text, struct zone_rule *rule)
{
	__u64 n[3] = {0};
	int err;

	*rule = (struct zone_rule){.kind = ZONE_DAY_OF_YEAR, .at_s = 2 * 3600};
	if (*(*text)++ != ',')
		return -EBADMSG;
	if (**text == 'M') {
		rule->kind = ZONE_WEEKDAY;
		++*text;
		err = parse_digits(text, 12, &n[0]) || *(*text)++ != '.' ||
		      parse_digits(text, 5, &n[1]) || *(*text)++ != '.' ||
		      parse_digits(text, 6, &n[2]) || !n[0] || !n[1];
	} else {
		if (**text == 'J')
			rule->kind = ZONE_NO_LEAP;
		*text += rule->kind == ZONE_NO_LEAP;
		err = parse_digits(text, 365, &n[2]) || (rule->kind == ZONE_NO_LEAP && !n[2]);
	}
	if (err)
		return -EBADMSG;
	rule->month = (int)n[0];
	rule->week = (int)n[1];
	rule->day = (int)n[2];
	if (**text != '/')
		return 0;
	++*text;
	return read_clock(text, RULE_HOURS_MAX, &rule->at_s);
}

/* POSIX counts what is west of Greenwich. */
static int read_line(struct zone *z, const char *text)
{
	__s32 west;

	if (!*text) /* nothing is known of the future: it stays as it is */
		return 0;
	if (skip_name(&text) || read_clock(&text, 24, &west))
		return -EBADMSG;
	z->goes_on = true;
	z->standard_s = -west;
	z->summer_s = z->standard_s + 3600;
	if (!*text)
		return 0;
	z->summer = true;
	if (skip_name(&text))
		return -EBADMSG;
	if (*text != ',') {
		if (read_clock(&text, 24, &west))
			return -EBADMSG;
		z->summer_s = -west;
	}
	return read_rule(&text, &z->begins) || read_rule(&text, &z->ends) || *text ? -EBADMSG : 0;
}

static int parse(struct zone *z, const unsigned char *p, size_t len)
{
	struct counts c;
	size_t body;
	char line[128];
	int err = read_head(p, len, 4, &c, &body);

	if (err) /* the part of version 1 is there for those who know no other */
		return err;
	p += HEAD_LEN + body;
	len -= HEAD_LEN + body;
	err = read_head(p, len, 8, &c, &body);
	if (err || c.leap) /* "right/…": its clock is not that of the host */
		return -EBADMSG;
	err = read_times(z, p + HEAD_LEN, &c);
	if (err)
		return err;
	p += HEAD_LEN + body;
	len -= HEAD_LEN + body;
	if (len < 2 || len - 2 >= sizeof(line) || p[0] != '\n' || p[len - 1] != '\n' ||
	    memchr(p, '\0', len))
		return -EBADMSG;
	memcpy(line, p + 1, len - 2);
	line[len - 2] = '\0';
	return read_line(z, line);
}

int zone_parse(struct zone *zone, const void *data, size_t len, char *why, size_t size)
{
	int err;

	memset(zone, 0, sizeof(*zone));
	err = parse(zone, data, len);
	if (!err)
		return 0;
	zone_free(zone);
	snprintf(why, size, "%s",
		 err == -ENOMEM ? strerror(-err)
				: "is damaged, counts leap seconds, or is no file of zoneinfo");
	return err;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->at_s);
	free(zone->offset_s);
	memset(zone, 0, sizeof(*zone));
}

bool zone_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len < ZONE_NAME_LEN && name[0] != '/' && name[len - 1] != '/' &&
	       !strchr(name, '.') && !strstr(name, "//") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
		       len;
}

/* All of a plain file, of which there is no more than fits. Its length or negative errno. */
static ssize_t read_all(const char *path, unsigned char *buf, size_t size)
{
	/* non-blocking: what stands there may be a fifo */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size > size) {
		close(fd);
		return -EBADMSG;
	}
	while (n > 0 && len < size) {
		n = read(fd, buf + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	n = n < 0 ? -errno : (ssize_t)len;
	close(fd);
	return n;
}

int zone_load(struct zone *zone, const char *root, const char *name, char *why, size_t size)
{
	char path[PATH_MAX], below[ZONE_NAME_LEN + sizeof(ZONE_DIR) + 1];
	unsigned char *data;
	ssize_t len;
	int err;

	memset(zone, 0, sizeof(*zone));
	if (name && !zone_name_ok(name)) {
		snprintf(why, size,
			 "'%.64s' is no name of a time zone; expected such as Europe/Berlin", name);
		return -EINVAL;
	}
	snprintf(below, sizeof(below), name ? ZONE_DIR "/%s" : "%s", name ? name : ZONE_LOCAL);
	err = root_path(path, sizeof(path), root, below);
	data = err ? NULL : malloc(ZONE_FILE_MAX);
	if (!data) {
		err = err ? err : -ENOMEM;
		snprintf(why, size, "%s: %s", below, strerror(-err));
		return err;
	}
	len = read_all(path, data, ZONE_FILE_MAX);
	if (len >= 0) {
		char clause[96];

		err = zone_parse(zone, data, (size_t)len, clause, sizeof(clause));
		if (err)
			snprintf(why, size, "%s %s", below, clause);
	} else if (name || len != -ENOENT) {
		err = (int)len;
		snprintf(why, size,
			 len == -ENOENT ? "%s: there is no such time zone on this host"
					: "%s cannot be read as one",
			 below);
	}
	free(data);
	return err;
}

/* ---- arithmetic ---- */

static bool is_leap(__s64 year)
{
	return !(year % 4) && (year % 100 || !(year % 400));
}

/* Of January 1, since 1970. */
static __s64 day_of_year(__s64 year)
{
	__s64 y = year - 1;

	return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static __s64 floor_div(__s64 a, __s64 b)
{
	return a / b - (a % b < 0);
}

int zone_weekday(__s64 day)
{
	return (int)(((day + 4) % 7 + 7) % 7); /* the first one was a Thursday */
}

/* When the rule says so in a year, with @before as the offset until then. */
static __s64 rule_at(const struct zone_rule *rule, __s64 year, __s32 before)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	__s64 day = day_of_year(year);
	int length, first;

	if (rule->kind == ZONE_DAY_OF_YEAR) {
		day += rule->day;
	} else if (rule->kind == ZONE_NO_LEAP) {
		day += rule->day - 1 + (is_leap(year) && rule->day > 31 + 28);
	} else {
		for (int m = 1; m < rule->month; m++)
			day += lengths[m - 1] + (m == 2 && is_leap(year));
		length = lengths[rule->month - 1] + (rule->month == 2 && is_leap(year));
		first = (rule->day - zone_weekday(day) + 7) % 7 + 7 * (rule->week - 1);
		day += first < length ? first : first - 7;
	}
	return day * ZONE_DAY_S + rule->at_s - before;
}

static __s32 by_rules(const struct zone *z, __s64 at_s)
{
	__s64 day = floor_div(at_s + z->standard_s, ZONE_DAY_S), year, begins, ends;

	if (!z->summer)
		return z->standard_s;
	year = 1970 + floor_div(day * 400, 146097);
	while (day_of_year(year) > day)
		year--;
	while (day_of_year(year + 1) <= day)
		year++;
	begins = rule_at(&z->begins, year, z->standard_s);
	ends = rule_at(&z->ends, year, z->summer_s);
	if (begins < ends ? at_s >= begins && at_s < ends : at_s >= begins || at_s < ends)
		return z->summer_s;
	return z->standard_s;
}

__s32 zone_offset(const struct zone *z, __s64 at_s)
{
	unsigned int low = 0, high = z ? z->nr : 0;

	if (!z)
		return 0;
	if (z->goes_on && (!z->nr || at_s >= z->at_s[z->nr - 1]))
		return by_rules(z, at_s);
	while (low < high) { /* how many are not after it */
		unsigned int middle = low + (high - low) / 2;

		if (z->at_s[middle] <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? z->offset_s[low - 1] : z->first_s;
}

__s64 zone_day(const struct zone *zone, __s64 at_s)
{
	return floor_div(at_s + zone_offset(zone, at_s), ZONE_DAY_S);
}

__s64 zone_when(const struct zone *zone, __s64 day, unsigned int minute)
{
	__s64 shown = day * ZONE_DAY_S + (__s64)minute * 60, low, high;
	__s32 before = zone_offset(zone, shown - ZONE_DAY_S);
	__s32 after = zone_offset(zone, shown + ZONE_DAY_S);

	/* the further east, the earlier */
	low = shown - (before > after ? before : after);
	high = shown - (before > after ? after : before);
	if (low + zone_offset(zone, low) == shown)
		return low;
	if (high + zone_offset(zone, high) == shown)
		return high;
	while (low < high) { /* it is skipped: low is before that, high behind it */
		__s64 middle = low + (high - low) / 2;

		if (middle + zone_offset(zone, middle) >= shown)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}
