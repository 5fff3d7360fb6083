// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Time zones of our own reading, and weekly windows by their clocks: at fixed instants, both nights included in which clocks are set. */
#include "fixture.h"

#include "calendar.h"

#define H 3600
#define SPRING 1774746000LL /* 2026-03-29 01:00 UTC, a Sunday: Berlin goes from 02:00 to 03:00 */
#define AUTUMN 1792890000LL /* 2026-10-25 01:00 UTC, a Sunday: from 03:00 to 02:00 */
#define SPRING_DAY 20541
#define AUTUMN_DAY 20751
#define JANUARY 1767225600LL /* 2026-01-01 00:00 UTC, a Thursday */
#define JULY 1782864000LL
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static char why[200];
static struct zone zone;

/* ---- files of zoneinfo ---- */

struct image {
	unsigned char byte[2048];
	size_t len;
};

static void put(struct image *f, __u64 value, int bytes)
{
	while (bytes--)
		f->byte[f->len++] = (unsigned char)(bytes < 8 ? value >> (8 * bytes) : 0);
}

static void head(struct image *f, char version, unsigned int times, unsigned int types,
		 unsigned int leap)
{
	memcpy(f->byte + f->len, "TZif", 4);
	f->byte[f->len + 4] = (unsigned char)version;
	memset(f->byte + f->len + 5, 0, 15);
	f->len += 20;
	put(f, 0, 4);
	put(f, 0, 4);
	put(f, leap, 4);
	put(f, times, 4);
	put(f, types, 4);
	put(f, 4, 4);
}

/* Two types, 0 and @offset; @times of each (time, type). */
static void image(struct image *f, const __s64 (*times)[2], unsigned int nr, int offset,
		  const char *line)
{
	f->len = 0;
	head(f, '2', 0, 1, 0);
	put(f, 0, 6);
	put(f, 0, 4);
	head(f, '2', nr, 2, 0);
	for (unsigned int i = 0; i < nr; i++)
		put(f, (__u64)times[i][0], 8);
	for (unsigned int i = 0; i < nr; i++)
		put(f, (__u64)times[i][1], 1);
	put(f, 0, 6);
	put(f, (__u64)offset, 4);
	put(f, 0, 2);
	memcpy(f->byte + f->len, "ABC", 4);
	f->len += 4;
	f->len += (size_t)sprintf((char *)f->byte + f->len, "\n%s\n", line);
}

static int by_line(const char *line)
{
	struct image f;

	image(&f, NULL, 0, 0, line);
	zone_free(&zone);
	return zone_parse(&zone, f.byte, f.len, why, sizeof(why));
}

static void rules(void **state)
{
	(void)state;
	assert_int_equal(by_line(BERLIN), 0);
	assert_int_equal(zone_offset(&zone, JANUARY), H);
	assert_int_equal(zone_offset(&zone, JULY), 2 * H);
	assert_int_equal(zone_offset(&zone, SPRING - 1), H);
	assert_int_equal(zone_offset(&zone, SPRING), 2 * H);
	assert_int_equal(zone_offset(&zone, AUTUMN - 1), 2 * H);
	assert_int_equal(zone_offset(&zone, AUTUMN), H);
	/* the southern half: summer is over the new year */
	assert_int_equal(by_line("AEST-10AEDT,M10.1.0,M4.1.0/3"), 0);
	assert_int_equal(zone_offset(&zone, JANUARY), 11 * H);
	assert_int_equal(zone_offset(&zone, JULY), 10 * H);
	/* Dublin's summer is its standard */
	assert_int_equal(by_line("IST-1GMT0,M10.5.0,M3.5.0/1"), 0);
	assert_int_equal(zone_offset(&zone, JANUARY), 0);
	assert_int_equal(zone_offset(&zone, JULY), H);
	assert_int_equal(zone_offset(&zone, SPRING - 1), 0);
	assert_int_equal(zone_offset(&zone, SPRING), H);
	/* west, names in brackets, before midnight; no summer; half hours */
	assert_int_equal(by_line("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), 0);
	assert_int_equal(zone_offset(&zone, SPRING - 1), -2 * H);
	assert_int_equal(zone_offset(&zone, SPRING), -H);
	assert_int_equal(by_line("<+0545>-5:45"), 0);
	assert_int_equal(zone_offset(&zone, JULY), 5 * H + 45 * 60);
	/* days of the year: J60 is March 1 in any year, 59 only in those without a February 29 */
	assert_int_equal(by_line("AAA0BBB,J60/0,J61/0"), 0);
	assert_int_equal(zone_offset(&zone, 1709251200), H); /* 2024-03-01 */
	assert_int_equal(zone_offset(&zone, 1709251199), 0);
	assert_int_equal(by_line("AAA0BBB,59/0,60/0"), 0);
	assert_int_equal(zone_offset(&zone, 1709251199 - H), H); /* 2024-02-29 */
	assert_int_equal(zone_offset(&zone, 1709251200 - H), 0);
	/* the last Friday of a month that has five of them, and of one that has four */
	assert_int_equal(by_line("AAA0BBB,M1.5.5/0,M2.5.5/0"), 0);
	assert_int_equal(zone_offset(&zone, JANUARY + 29 * 24 * H - 1), 0);
	assert_int_equal(zone_offset(&zone, JANUARY + 29 * 24 * H), H);
	assert_int_equal(zone_offset(&zone, JANUARY + 57 * 24 * H), 0);
	assert_int_equal(zone_offset(NULL, JULY), 0);
}

static void times(void **state)
{
	static const __s64 list[][2] = {{1000, 1}, {5000, 0}, {9000, 1}};
	struct image f;

	(void)state;
	zone_free(&zone);
	image(&f, list, 3, 2 * H, "");
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), 0);
	assert_int_equal(zone_offset(&zone, -1000000), 0);
	assert_int_equal(zone_offset(&zone, 999), 0);
	assert_int_equal(zone_offset(&zone, 1000), 2 * H);
	assert_int_equal(zone_offset(&zone, 4999), 2 * H);
	assert_int_equal(zone_offset(&zone, 5000), 0);
	assert_int_equal(zone_offset(&zone, JULY), 2 * H); /* nothing is known of what follows */
	zone_free(&zone);
	image(&f, list, 3, 2 * H, BERLIN); /* the line is for what is behind the list */
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), 0);
	assert_int_equal(zone_offset(&zone, 4999), 2 * H);
	assert_int_equal(zone_offset(&zone, JANUARY), H);
	/* a file of which any part is missing is none */
	for (size_t len = 0; len < f.len; len++) {
		struct zone none;

		assert_int_equal(zone_parse(&none, f.byte, len, why, sizeof(why)), -EBADMSG);
		assert_null(none.at_s);
	}
}

static void damage(void **state)
{
	static const __s64 back[][2] = {{5000, 1}, {1000, 0}}, type[][2] = {{1000, 2}};
	static const char *const lines[] = {
		"CET",
		"CET-",
		"C-1",
		"CET-1CEST",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-25",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M0.5.0,M10.5.0",
		"CET-1CEST,J0,J9",
		"CET-1CEST,366,1",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		"<CET-1",
		"CET-1:60",
		"CET-1CEST;M3.5.0;M10.5.0",
	};
	struct image f;

	(void)state;
	zone_free(&zone);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (by_line(lines[i]) != -EBADMSG)
			fail_msg("'%s' was taken", lines[i]);
	}
	assert_non_null(strstr(why, "no file of zoneinfo"));
	image(&f, back, 2, H, "");
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), -EBADMSG);
	image(&f, type, 1, H, "");
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), -EBADMSG);
	image(&f, NULL, 0, H, "");
	f.byte[4] = 0; /* version 1 */
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), -EBADMSG);
	image(&f, (const __s64[][2]){{1000, 1}}, 1, 27 * H, "");
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), -EBADMSG);
	/* one that counts leap seconds */
	f.len = 0;
	head(&f, '2', 0, 1, 0);
	put(&f, 0, 10);
	head(&f, '2', 0, 1, 1);
	put(&f, 0, 10);
	put(&f, 0, 12);
	put(&f, '\n' << 8 | '\n', 2);
	assert_int_equal(zone_parse(&zone, f.byte, f.len, why, sizeof(why)), -EBADMSG);
}

static void files(void **state)
{
	static const char *const names[] = {"",	    "/etc/passwd",    "../../etc/passwd", "Europe/",
					    "a//b", "Europe/Ber lin", "Europe/.Berlin"};
	char root[64], path[128];
	struct image f;
	FILE *out;

	(void)state;
	zone_free(&zone);
	tree_make(root);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(zone_load(&zone, root, names[i], why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "is no name of a time zone"));
	}
	assert_int_equal(zone_load(&zone, root, "Europe/Berlin", why, sizeof(why)), -ENOENT);
	assert_string_equal(why,
			    ZONE_DIR "/Europe/Berlin: there is no such time zone on this host");
	/* the host's own: where there is none, UTC */
	assert_int_equal(zone_load(&zone, root, NULL, why, sizeof(why)), 0);
	assert_int_equal(zone_offset(&zone, JULY), 0);
	tree_put(root, ZONE_DIR "/Europe/Berlin", "x");
	assert_int_equal(zone_load(&zone, root, "Europe/Berlin", why, sizeof(why)), -EBADMSG);
	assert_int_equal(zone_load(&zone, root, "Europe", why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "cannot be read as one"));
	image(&f, NULL, 0, 0, BERLIN);
	snprintf(path, sizeof(path), "%s" ZONE_DIR "/Europe/Berlin", root);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(f.byte, 1, f.len, out), f.len);
	fclose(out);
	assert_int_equal(zone_load(&zone, root, "Europe/Berlin", why, sizeof(why)), 0);
	assert_int_equal(zone_offset(&zone, JULY), 2 * H);
	tree_free(root);
}

/* ---- the clock ---- */

static void both_nights(void **state)
{
	(void)state;
	assert_int_equal(by_line(BERLIN), 0);
	assert_int_equal(zone_when(&zone, SPRING_DAY, 0), SPRING - 2 * H);
	assert_int_equal(zone_when(&zone, SPRING_DAY, 119), SPRING - 60);
	/* skipped: the moment of that */
	assert_int_equal(zone_when(&zone, SPRING_DAY, 120), SPRING);
	assert_int_equal(zone_when(&zone, SPRING_DAY, 150), SPRING);
	assert_int_equal(zone_when(&zone, SPRING_DAY, 180), SPRING);
	assert_int_equal(zone_when(&zone, SPRING_DAY, 181), SPRING + 60);
	/* twice: the first */
	assert_int_equal(zone_when(&zone, AUTUMN_DAY, 120), AUTUMN - H);
	assert_int_equal(zone_when(&zone, AUTUMN_DAY, 179), AUTUMN - 60);
	assert_int_equal(zone_when(&zone, AUTUMN_DAY, 180), AUTUMN + H);
	assert_int_equal(zone_when(&zone, AUTUMN_DAY, 24 * 60), AUTUMN + 22 * H);
	assert_int_equal(zone_day(&zone, AUTUMN - 3 * H), AUTUMN_DAY);
	assert_int_equal(zone_day(&zone, AUTUMN - 3 * H - 1), AUTUMN_DAY - 1);
	assert_int_equal(zone_weekday(AUTUMN_DAY), 0);
	assert_int_equal(zone_weekday(-1), 3); /* 1969-12-31 was a Wednesday */
	zone_free(&zone);
}

static struct calendar c;

static void calendar(const char *windows)
{
	calendar_free(&c);
	assert_int_equal(calendar_parse(&c, windows, why, sizeof(why)), 0);
	assert_int_equal(by_line(BERLIN), 0);
	c.zone = zone;
	memset(&zone, 0, sizeof(zone));
}

/* Open from … until, not a second more. */
static void open_exactly(__s64 from_s, __s64 until_s)
{
	__s64 change_s;

	assert_false(calendar_holds(&c, from_s - 1, &change_s));
	assert_int_equal(change_s, from_s);
	assert_true(calendar_holds(&c, from_s, &change_s));
	assert_int_equal(change_s, until_s);
	assert_true(calendar_holds(&c, until_s - 1, NULL));
	assert_false(calendar_holds(&c, until_s, &change_s));
	assert_true(change_s > until_s);
}

static void windows(void **state)
{
	__s64 change_s;

	(void)state;
	calendar("Sun 01:00-04:00");
	open_exactly(SPRING - H, SPRING + H);	      /* two hours of it are there */
	open_exactly(AUTUMN - 2 * H, AUTUMN + 2 * H); /* four */
	calendar(
		"Sat 23:00-02:30"); /* over midnight, into the hour that is not there, or there twice */
	open_exactly(SPRING - 3 * H, SPRING);
	open_exactly(AUTUMN - 4 * H, AUTUMN - 30 * 60);
	calendar("Sun 02:30-04:00");
	open_exactly(SPRING, SPRING + H);
	open_exactly(AUTUMN - 30 * 60, AUTUMN + 2 * H);
	calendar(
		"Sun 02:15-02:45"); /* is not there at all; and does not come again with the hour */
	assert_false(calendar_holds(&c, SPRING - 1, &change_s));
	assert_int_equal(change_s, SPRING - H + 7 * 24 * H + 15 * 60);
	assert_false(calendar_holds(&c, SPRING, NULL));
	open_exactly(AUTUMN - 45 * 60, AUTUMN - 15 * 60);
	assert_false(calendar_holds(&c, AUTUMN + 20 * 60, NULL));
	/* windows that touch are one; one that is always open does not end */
	calendar("Fri 22:00-24:00; Sat 00:00-02:00");
	open_exactly(JANUARY + 45 * H, JANUARY + 49 * H);
	calendar("Sun,Mon,Tue,Wed,Thu,Fri,Sat 00:00-24:00");
	assert_true(calendar_holds(&c, JANUARY, &change_s));
	assert_int_equal(change_s, 0);
	/* once a week: the next one is a week from its end */
	calendar("Thu 01:00-01:01");
	open_exactly(JANUARY, JANUARY + 60);
	assert_false(calendar_holds(&c, JANUARY + 60, &change_s));
	assert_int_equal(change_s, JANUARY + 7 * 24 * H);
	calendar_free(&c);
	assert_false(calendar_holds(&c, JANUARY, &change_s));
	assert_int_equal(change_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules), cmocka_unit_test(times),	cmocka_unit_test(damage),
		cmocka_unit_test(files), cmocka_unit_test(both_nights), cmocka_unit_test(windows),
	};

	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
