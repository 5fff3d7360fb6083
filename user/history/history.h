/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The history: what was changed of the machine, and how it fared, in an SQLite database. Written by homeostat-historian alone,
 * read by homeostat(1). It is never on the undo path: where it is damaged it is moved aside, and a new one begun.
 *
 * What is reported as stored has been synced. Every function takes the time from its caller, none looks at a clock.
 */
#ifndef HOMEOSTAT_HISTORY_H
#define HOMEOSTAT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "aggregate.h"

#define HISTORY_DIR "/var/lib/homeostat-history"
#define HISTORY_DB HISTORY_DIR "/history.db"
#define HISTORY_ASIDE ".damaged" /* behind the database's name; one is kept */
#define HISTORY_VERSION 1	 /* of the tables: PRAGMA user_version */
#define HISTORY_ID 0x68736974	 /* PRAGMA application_id */
#define HISTORY_ERROR_LEN 512

/* How long it keeps what. */
#define HISTORY_RAW_S 300ULL
#define HISTORY_MINUTES_S (48 * 3600ULL)
#define HISTORY_HOURS_S (60 * 86400ULL)
#define HISTORY_SPIKES_S HISTORY_HOURS_S
#define HISTORY_SPIKES_MAX 2000
#define HISTORY_CHANGES_S (365 * 86400ULL)
#define HISTORY_CHANGES_MAX 10000
#define HISTORY_VITALS_MAX 512	/* names of vital signs */
#define HISTORY_SPARE_PAGES 256 /* free ones that stay in the file for what comes next */

struct json_object;
struct history; /* one open database */

/* One moment by both clocks. */
struct history_time {
	__u64 wall_ns; /* since 1970 */
	__u64 mono_ns; /* CLOCK_MONOTONIC, as the daemon's times are */
};

/*
 * Opens a database to write, makes it if it is missing, and checks it. What is no database of ours, of another version, or damaged is
 * renamed to NAME.damaged first, said in `why`, and a new one begun: that is no error. @vfs: SQLite's file layer, NULL: the
 * usual one. *out is the caller's (history_close). 0 or negative errno with `why` filled; `why` is "" where there is nothing
 * to say.
 */
int history_open(struct history **out, const char *path, const char *vfs, char *why, size_t size);

/* The same to read only, whoever writes. -ENOENT: there is none; -EINVAL: it is not one of ours, or damaged. */
int history_open_read(struct history **out, const char *path, char *why, size_t size);

/* NULL-safe. */
void history_close(struct history *h);

/* What went wrong last, for people. Valid until the next call. NULL-safe. */
const char *history_error(const struct history *h);

/*
 * Takes over from a reply of the daemon to `changes` what is not stored yet: changes, their files, and each state that one was
 * seen in. On return all of it is stored. How many were new or had changed, or negative errno: -EBUSY (a reader is at it: again, later),
 * -EUCLEAN (damaged: open anew), -ENOSPC, -EIO.
 */
int history_changes(struct history *h, struct json_object *reply, const char *boot_id,
		    struct history_time now);

/* Deletes what is older than it is kept, and gives free pages back. 0 or negative errno as above. */
int history_retain(struct history *h, __u64 now_s);

/* ---- series: what vital signs were ---- */

struct feed; /* the last five minutes in memory, on their way into the database */

/* *out is the caller's (feed_close), and is closed before @h. 0 or negative errno. */
int feed_open(struct feed **out, struct history *h);
void feed_close(struct feed *feed);

/*
 * Takes over a reply of the daemon to `vitals`. Every ten seconds, and with every minute, what came is written: raw values,
 * aggregates of whole minutes and hours, spikes. What could not be written stays in memory, for five minutes, and is tried again.
 * 0 or negative errno as with history_changes().
 */
int feed_take(struct feed *feed, struct json_object *reply, struct history_time now);

/* Writes what is there: at the end. */
int feed_flush(struct feed *feed);

/* ---- reading. Every object that is returned is the caller's; NULL: out of memory, or history_error() ---- */

/*
 * Changes made at or after a time, the newest first, `max` at most: {id, boot_id, number, source, uid, risk, timing, reason, state,
 * why, made_wall_ns, states: [{state, why, at_wall_ns, at_mono_ns}], parameters: [{parameter, path, from, to}]}. @parameter: only those that have a file
 * of it; NULL: all.
 */
struct json_object *history_read_changes(struct history *h, __u64 since_s, const char *parameter,
					 unsigned int max);

/*
 * Spikes at or after a time, the newest first: {at_s, vital, unit, value, average, deviation, around: [{vital, unit, average, before,
 * at, after}]}.
 */
struct json_object *history_read_spikes(struct history *h, __u64 since_s, unsigned int max);

/*
 * Raw values of all vital signs that have any: {name: [a number, or null, for each second from @from_s to before @to_s]}.
 */
struct json_object *history_read_raw(struct history *h, __u64 from_s, __u64 to_s);

/* From which of the tables: seconds, minutes, or hours with the minutes that are in no hour yet. */
enum history_step {
	HISTORY_SECONDS,
	HISTORY_MINUTES,
	HISTORY_HOURS
};

/*
 * One call for each vital sign with samples in [from_s, to_s), in the order of their names, with what they come to. 0 or negative errno.
 */
int history_read_spans(struct history *h, enum history_step step, __u64 from_s, __u64 to_s,
		       void (*visit)(void *ctx, const char *vital, const char *unit,
				     const struct aggregate *a),
		       void *ctx);

/* The same for one vital sign: from minutes, or where these are gone from hours. -ENOENT: nothing is known of that time. */
int history_read_span(struct history *h, const char *vital, __u64 from_s, __u64 to_s,
		      struct aggregate *a);

/* The second of the newest raw value, minute or hour; 0: there is none. */
__u64 history_newest_s(struct history *h);

#endif
