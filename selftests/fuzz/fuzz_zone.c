// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A file of zoneinfo: refused, or a clock that can be asked for any time; and the file of what waits: refused, or within its bounds. */
#include "fuzz.h"

#include <string.h>

#include "calendar.h"
#include "kept.h"

static void try_zone(const uint8_t *data, size_t size)
{
	char why[200] = "";
	struct calendar c = {.nr = 1, .window[0] = {.days = 1, .from_min = 150, .until_min = 120}};
	__s64 until_s;

	if (zone_parse(&c.zone, data, size, why, sizeof(why))) {
		promise(why[0] && !c.zone.at_s && !c.zone.offset_s);
		return;
	}
	for (__s64 at_s = -4000000000LL; at_s < 8000000000LL; at_s += 86400LL * 91 + 12345) {
		__s32 offset = zone_offset(&c.zone, at_s);
		__s64 day = zone_day(&c.zone, at_s), shown = day * ZONE_DAY_S + 150 * 60;
		__s64 when = zone_when(&c.zone, day, 150);

		promise(offset > -26 * 3600 && offset < 27 * 3600);
		promise(when - shown <= 27 * 3600 && shown - when <= 27 * 3600);
	}
	if (!calendar_holds(&c, 1767225600, &until_s) && until_s)
		promise(until_s > 1767225600);
	calendar_free(&c);
}

static void try_kept(const char *text, size_t size)
{
	char why[200] = "";
	struct kept kept;

	if (kept_parse(&kept, text, size, why, sizeof(why))) {
		promise(why[0] && !kept.nr && !kept.whole);
		return;
	}
	promise(kept.nr <= KEPT_ROWS_MAX);
	for (unsigned int i = 0; i < kept.nr; i++) {
		const struct kept_row *row = &kept.row[i];

		promise(row->id && row->id <= kept.last_id && !tx_has_ended(row->state));
		promise(memchr(row->why, '\0', sizeof(row->why)) && row->asked);
		kept_held(row, "/proc/sys/vm/swappiness");
		kept_due(&kept, row, "", 5, 7);
	}
	kept_free(&kept);
}

int FUZZ_TARGET(zone)(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* exactly: a sanitizer sees one byte too far */

	promise(text);
	memcpy(text, data, size);
	text[size] = '\0';
	try_zone(data, size);
	try_kept(text, size);
	free(text);
	return 0;
}
