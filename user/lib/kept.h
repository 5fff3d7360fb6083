/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The changes that wait, as a file in a directory of its own in the state directory: what was proposed outlives the daemon, with its number. One line of JSON,
 * replaced as a whole. Its rows hold the proposals as they came, so that they are read anew by whoever reads proposals, and checked
 * against knowledge base and host as they are then.
 */
#ifndef HOMEOSTAT_KEPT_H
#define HOMEOSTAT_KEPT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>
#include <linux/types.h>

#include "change_state.h"

#define KEPT_DIR "pending" /* in the state directory; locked by who writes there */
#define KEPT_FILE "pending.json"
#define KEPT_DAMAGED "pending.json.damaged" /* one that could not be read: the latest of them */
#define KEPT_REFUSED                                                                               \
	"pending.json.refused" /* one of whose changes not all were taken up: likewise */
#define KEPT_VERSION 1
#define KEPT_ROWS_MAX 32
#define KEPT_ID_MAX (INT_MAX / 2) /* ids are told as int, and are never used twice */
#define KEPT_ROW_MAX (96 * 1024)  /* bytes: proposals of 16 KiB and 64 files, each escaped */
#define KEPT_TEXT_MAX (KEPT_ROWS_MAX * KEPT_ROW_MAX) /* bytes of the file */
#define KEPT_WHY_LEN 192
#define KEPT_BOOT_LEN 37 /* with its NUL */

struct kept_row {
	__u32 id, uid;
	enum tx_state
		state; /* PENDING, WAITING; anything later that has not ended: it was under way */
	bool approved; /* by a person */
	__u64 made_s;  /* wall clock: asked for */
	__u64 due_s;   /* wall clock: it expires, for another boot; for the same one … */
	__u64 due_boot_ns; /* … CLOCK_BOOTTIME, which nobody sets */
	char why[KEPT_WHY_LEN];
	/* borrowed from the whole: source, proposals, as a request to propose has them */
	struct json_object *asked;
	struct json_object *files; /* of each [path, what it held when it was proposed] */
};

struct kept {
	char boot_id[KEPT_BOOT_LEN];
	__u64 saved_s; /* wall clock */
	__u32 last_id; /* of the changes that were ever asked for */
	struct kept_row row[KEPT_ROWS_MAX];
	unsigned int nr;
	struct json_object *whole; /* owned */
};

/* Strictly: 0, kept_free() it; -EBADMSG with one clause in @why, and nothing of it. What it proposes is not looked into. */
int kept_parse(struct kept *kept, const char *text, size_t len, char *why, size_t size);
void kept_free(struct kept *kept);

/* A new one without rows, the caller's (json_object_put). NULL: no memory. */
struct json_object *kept_begin(const char *boot_id, __u64 saved_s, __u32 last_id);

/*
 * Adds a row; @asked is its proposals as text, @row has no `asked` and no `files`. The array for kept_file(); NULL: no memory, or
 * no JSON, and the whole is as it was.
 */
struct json_object *kept_add(struct json_object *whole, const struct kept_row *row,
			     const char *source, const char *asked);
bool kept_file(struct json_object *files, const char *path, const char *held);

/* What a path held; NULL: the row does not say. Pure. */
const char *kept_held(const struct kept_row *row, const char *path);

/*
 * When a row that is taken up by the boot @boot_id expires: CLOCK_BOOTTIME, where that is now_boot_ns and the wall clock now_s. A wall
 * clock that is behind the file's own time has not been set yet: then none of its time is over. Pure.
 */
__u64 kept_due(const struct kept *kept, const struct kept_row *row, const char *boot_id,
	       __u64 now_boot_ns, __u64 now_s);

#endif
