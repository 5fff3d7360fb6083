// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_grubenv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE "# GRUB Environment Block\n"
#define NEXT "next_entry="
#define OURS NEXT GRUB_ENTRY "\n"
#define OURS_LEN (sizeof(OURS) - 1)
#define EMPTY_LEN (sizeof(NEXT)) /* with its newline in place of the NUL */

/* Behind the line at @at, as GRUB finds it: a backslash hides what follows. GRUBENV_SIZE: it has no end. */
static size_t line_end(const char *block, size_t at)
{
	while (at < GRUBENV_SIZE) {
		if (block[at] == '\\')
			at += 2;
		else if (block[at++] == '\n')
			return at;
	}
	return GRUBENV_SIZE;
}

static bool is_end_of(const char *text, size_t len, const char *whole)
{
	size_t n = strlen(whole);

	return len <= n && !memcmp(whole + n - len, text, len);
}

/*
 * A comment of words; or mere #, what is left of a line or the rest of the block; or these before the end of a line of ours, where a power cut came
 * between its two sectors. Of others, which GRUB never writes, a part could become a line.
 */
static bool comment_ok(const char *line, size_t len)
{
	size_t marks = 0;

	while (marks < len && line[marks] == '#')
		marks++;
	if (marks == len || is_end_of(line + marks, len - marks, OURS) ||
	    is_end_of(line + marks, len - marks, NEXT "\n"))
		return true;
	return len > 2 && line[1] == ' ' && line[len - 1] == '\n' && !memchr(line, '\\', len) &&
	       !memchr(line, '\0', len);
}

int grubenv_check(const char *block, size_t len, char *why, size_t size)
{
	size_t at = strlen(SIGNATURE), end;

	if (len != GRUBENV_SIZE) {
		snprintf(why, size, "it has %zu bytes; expected %d, as grub-editenv makes it", len,
			 GRUBENV_SIZE);
		return -EBADMSG;
	}
	if (memcmp(block, SIGNATURE, at)) {
		snprintf(why, size, "it does not begin with '# GRUB Environment Block'");
		return -EBADMSG;
	}
	for (; at < GRUBENV_SIZE; at = end) {
		const char *equals;

		end = line_end(block, at);
		if (block[at] == '#') {
			if (comment_ok(block + at, end - at))
				continue;
			snprintf(why, size, "at byte %zu is no comment as GRUB has them", at);
			return -EBADMSG;
		}
		equals = memchr(block + at, '=', end - at);
		/* a backslash as the last but one byte would hide the one behind the block */
		if (block[end - 1] != '\n' || !equals || equals == block + at ||
		    memchr(block + at, '\n', (size_t)(equals - block) - at) ||
		    memchr(block + at, '\0', end - at)) {
			snprintf(why, size, "at byte %zu is no line NAME=VALUE", at);
			return -EBADMSG;
		}
	}
	return 0;
}

static bool is_next(const char *block, size_t at)
{
	return at + EMPTY_LEN <= GRUBENV_SIZE && !memcmp(block + at, NEXT, strlen(NEXT));
}

static bool is_ours(const char *block, size_t at)
{
	return at + OURS_LEN <= GRUBENV_SIZE && !memcmp(block + at, OURS, OURS_LEN);
}

int grubenv_get(const char block[GRUBENV_SIZE], const char *name, char *value, size_t size)
{
	size_t n = strlen(name), end;
	int err = -ENOENT;

	for (size_t at = strlen(SIGNATURE); at < GRUBENV_SIZE; at = end) {
		size_t len;

		end = line_end(block, at);
		if (end - at < n + 2 || memcmp(block + at, name, n) || block[at + n] != '=')
			continue;
		len = end - at - n - 2;
		err = len < size ? 0 : -E2BIG;
		snprintf(value, size, "%.*s", (int)len, block + at + n + 1);
	}
	return err;
}

/*
 * Where the room at the end begins: behind the last line that means something. A comment of words ("# WARNING: …") does; one of mere # is what
 * is left of a line of ours.
 */
static size_t room_of(const char *block)
{
	size_t room = strlen(SIGNATURE), end;

	for (size_t at = room; at < GRUBENV_SIZE; at = end) {
		end = line_end(block, at);
		if (block[at] != '#' || (at + 1 < GRUBENV_SIZE && block[at + 1] == ' '))
			room = end;
	}
	return room;
}

/* Makes a comment of a line, or room of it where nothing but room is behind. */
static void blank(char *block, size_t at, size_t end)
{
	memset(block + at, '#', end - at - 1);
	if (room_of(block) <= at)
		block[end - 1] = '#';
}

/* The sectors in which they differ: the first one first, or last. */
static void plan_writes(struct grubenv_plan *plan, const char *from, const char *to, bool up)
{
	for (int i = 0; i < GRUBENV_SIZE / GRUBENV_SECTOR; i++) {
		size_t at =
			(size_t)(up ? i : GRUBENV_SIZE / GRUBENV_SECTOR - 1 - i) * GRUBENV_SECTOR;

		if (!memcmp(from + at, to + at, GRUBENV_SECTOR))
			continue;
		plan->write[plan->nr].at = at;
		memcpy(plan->write[plan->nr].bytes, to + at, GRUBENV_SECTOR);
		plan->nr++;
	}
}

/*
 * Blanks the lines of next_entry: ours, and with @empty those without a value; but for the one at @but. What is left at the end of earlier
 * ones goes, too. A line that goes over the border is a comment as soon as its first byte is #: so the first sector is written first.
 */
static void plan_blank(struct grubenv_plan *plan, char *block, bool empty, size_t but)
{
	char old[GRUBENV_SIZE];
	size_t end, room;

	memcpy(old, block, GRUBENV_SIZE);
	for (size_t at = strlen(SIGNATURE); at < GRUBENV_SIZE; at = end) {
		end = line_end(block, at);
		if (at != but && (is_ours(block, at) || (empty && is_next(block, at) &&
							 block[at + EMPTY_LEN - 1] == '\n')))
			blank(block, at, end);
	}
	room = room_of(block);
	memset(block + room, '#', GRUBENV_SIZE - room);
	plan_writes(plan, old, block, true);
}

void grubenv_plan_clear(const char block[GRUBENV_SIZE], struct grubenv_plan *plan)
{
	char now[GRUBENV_SIZE];

	memcpy(now, block, GRUBENV_SIZE);
	plan->nr = 0;
	plan_blank(plan, now, false, 0);
}

/*
 * Where our line goes: in the place of the empty one that GRUB has left, if it is the last (so the block does not fill up), else at
 * the end. An empty line that ends with the first sector has to go: the end of ours would for a moment be a line of its own.
 */
static size_t place_of(const char *block)
{
	size_t room = room_of(block), at = strlen(SIGNATURE), last = room;

	while (at < room) {
		last = at;
		at = line_end(block, at);
	}
	return last + EMPTY_LEN == room && is_next(block, last) && room != GRUBENV_SECTOR ? last
											  : room;
}

/* Is it ours already, and by one line alone? */
static bool is_set(const char *block)
{
	unsigned int ours = 0, nr = 0;

	for (size_t at = strlen(SIGNATURE); at < GRUBENV_SIZE; at = line_end(block, at)) {
		nr += is_next(block, at);
		ours += is_ours(block, at);
	}
	return ours == 1 && nr == 1;
}

/* A line of it that is somebody else's; GRUBENV_SIZE: there is none. One behind it without a value does not make it go away. */
static size_t foreign(const char *block)
{
	size_t at = strlen(SIGNATURE);

	while (at < GRUBENV_SIZE &&
	       (!is_next(block, at) || is_ours(block, at) || block[at + EMPTY_LEN - 1] == '\n'))
		at = line_end(block, at);
	return at;
}

int grubenv_plan_set(const char block[GRUBENV_SIZE], struct grubenv_plan *plan, char *why,
		     size_t size)
{
	char now[GRUBENV_SIZE], old[GRUBENV_SIZE];
	size_t at = foreign(block);

	plan->nr = 0;
	if (at < GRUBENV_SIZE) {
		snprintf(why, size, "next_entry is '%.*s': somebody else has chosen the next boot",
			 (int)(line_end(block, at) - at - EMPTY_LEN), block + at + EMPTY_LEN - 1);
		return -EEXIST;
	}
	if (is_set(block))
		return 0;
	memcpy(now, block, GRUBENV_SIZE);
	/* of two lines GRUB would empty the first and take the last, at each boot: so there is to be one */
	plan_blank(plan, now, true, place_of(now));
	at = place_of(now);
	if (at + OURS_LEN > GRUBENV_SIZE) {
		snprintf(why, size, "it is full: %zu bytes are left, %zu are needed",
			 GRUBENV_SIZE - at, OURS_LEN);
		return -ENOSPC;
	}
	memcpy(old, now, GRUBENV_SIZE);
	memcpy(now + at, OURS, OURS_LEN);
	/* its end first: as long as it does not begin, it is a comment */
	plan_writes(plan, old, now, false);
	return 0;
}
