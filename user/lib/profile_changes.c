// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a profile says of changes of the machine: what may be made, by whom, and when. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "kb.h"
#include "profile_check.h"

#define S 1000000000ULL
#define H (3600 * S)

bool profile_allows(const struct profile_changes *changes, const char *parameter)
{
	char pattern[PROFILE_ALLOW_LEN];
	const char *at = changes->allow;
	size_t len;

	for (; *at; at += len + strspn(at + len, " ")) {
		len = strcspn(at, " ");
		memcpy(pattern, at, len);
		pattern[len] = '\0';
		if (len && !fnmatch(pattern, parameter, 0))
			return true;
	}
	return false;
}

static int read_maintenance(struct place at, const struct changes_text *text,
			    struct profile_changes *changes)
{
	char why[200];

	at.key = "maintenance";
	if (text->maintenance &&
	    calendar_parse(&changes->maintenance, text->maintenance, why, sizeof(why)))
		return check_wrong(at, "%s", why);
	at.key = text->time_zone ? "time_zone" : "maintenance";
	return text->maintenance || text->time_zone
		       ? check_zone(at, text->time_zone, &changes->maintenance)
		       : 0;
}

static int read_hook(struct place at, const char *key, const char *text, char *path)
{
	at.key = key;
	if (text && !hook_ok(text))
		return check_wrong(
			at, "bad hook '%.64s'; expected an absolute path of at most %d bytes", text,
			PROFILE_HOOK_LEN - 1);
	if (text)
		strcpy(path, text);
	return 0;
}

/* What is around a change in a window. */
static int read_around(struct place at, const struct profile_text *profile,
		       struct profile_changes *changes)
{
	const struct changes_text *text = profile->changes;

	at.key = "notice";
	if (check_quantity(at, text->notice, UNIT_NS, 60 * S, 24 * H, &changes->notice_ns))
		return -EINVAL;
	if (changes->notice_ns && (!profile->trip || !profile->trip->hook))
		return check_wrong(at, "nobody to give notice to; expected a hook in trip");
	at.key = "observe";
	if (check_quantity(at, text->observe, UNIT_NS, 0, 24 * H, &changes->observe_ns) ||
	    read_hook(at, "before", text->before, changes->before))
		return -EINVAL;
	return read_hook(at, "after", text->after, changes->after);
}

/* Words with one blank between them, into a buffer of @size. */
static int read_words(struct place at, const char *key, const char *text, char *buf, size_t size)
{
	at.key = key;
	if (!text)
		return 0;
	if (strlen(text) >= size)
		return check_wrong(at, "longer than %zu characters", size - 1);
	strcpy(buf, text);
	return 0;
}

int check_changes(struct profile_file *file, struct profile *profile)
{
	const struct changes_text *text = file->text->changes;
	struct profile_changes *changes = &profile->changes;
	struct place at = {file, "changes", -1, "risk"};
	__u64 risk = 0;

	if (!text)
		return 0;
	if (check_quantity(at, text->risk, UNIT_COUNT, 0, KB_RISK_MAX, &risk))
		return -EINVAL;
	changes->risk = (unsigned int)risk;
	at.key = "idle";
	if (check_quantity(at, text->idle, UNIT_NS, 5 * S, 24 * H, &changes->idle_ns))
		return -EINVAL;
	at.key = "expire";
	if (check_quantity(at, text->expire, UNIT_NS, 10 * S, 7 * 24 * H, &changes->expire_ns))
		return -EINVAL;
	at.key = "confirm";
	if (check_quantity(at, text->confirm, UNIT_NS, 5 * S, H, &changes->confirm_ns))
		return -EINVAL;
	if (read_words(at, "allow", text->allow, changes->allow, sizeof(changes->allow)) ||
	    read_words(at, "advisers", text->advisers, changes->advisers,
		       sizeof(changes->advisers)))
		return -EINVAL;
	if (read_around(at, file->text, changes))
		return -EINVAL;
	return read_maintenance(at, text, changes);
}
