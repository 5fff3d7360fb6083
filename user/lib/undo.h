/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The undo table: what was changed outside BPF and is not committed yet, with the value from before.
 * A fixed file in the runtime directory (tmpfs), mapped by daemon, guard and restorer: it outlives all
 * of them, and is gone with a reboot, when run-time values are stock again anyway.
 *
 * The order: undo_enter() reads the old value and stores it, then the caller writes, then undo_wrote()
 * notes how the kernel shows what was written, then undo_forget() once it is committed or rolled back.
 * An entry is complete before its state says so; so whoever comes after a SIGKILL at any point finds
 * entries that are whole, or none.
 *
 * One process at a time: the daemon holds the lock as long as it lives; restorer and `homeostat
 * restore` take it before they replay. Within the process one thread.
 */
#ifndef HOMEOSTAT_UNDO_H
#define HOMEOSTAT_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"

#define UNDO_FILE "undo" /* in the runtime directory */
#define UNDO_MAGIC 0x6f646e7573656d6fULL
#define UNDO_VERSION 2
#define UNDO_ENTRIES 256
#define UNDO_PATH_LEN 192
#define UNDO_VALUE_LEN 160
#define UNDO_HOOK_LEN 256
#define UNDO_REASON_LEN 96

enum undo_state {
	UNDO_FREE,
	UNDO_ENTERED, /* old and written are valid; the write may or may not have happened */
	UNDO_SHOWN,   /* written happened, and `shown` is what the file said afterwards */
};

enum undo_kind {
	UNDO_TEXT,   /* the file's one line is the value */
	UNDO_CHOICE, /* the value is the word in brackets: always [madvise] never */
};

/* All texts are NUL-terminated, of one line, without control characters but the tab. */
struct undo_entry {
	__u32 state; /* enum undo_state; written last */
	__u32 kind;  /* enum undo_kind */
	__u64 seq;   /* age: a later entry has a higher number */
	char path[UNDO_PATH_LEN];
	char old[UNDO_VALUE_LEN];
	char written[UNDO_VALUE_LEN]; /* as it was asked for */
	char shown[UNDO_VALUE_LEN];   /* as the kernel shows it */
	__u32 outcome;		      /* free: what came of it, enum undo_outcome + 1; 0 = told */
	__u32 pad;
};

/* A trip that the daemon did not live to tell of, as the guard found it in the gate. */
struct undo_trip {
	__u64 trip_ns; /* 0 = there was none */
	__u64 value, limit;
	__u32 reason; /* enum hs_trip */
	__u32 vital;  /* enum hs_vital_id */
};

struct undo_table {
	__u64 magic;
	__u32 version;
	__u32 hook_limit_ms; /* 0 = there is no hook */
	__u64 seq;	     /* of the newest entry */
	char boot_id[40];
	char hook[UNDO_HOOK_LEN];     /* the operator's program, run after a trip */
	char reason[UNDO_REASON_LEN]; /* of the last trip, for the hook */
	__u32 hook_due;		      /* 1 = it was not run for that trip yet */
	__u32 hook_seq;		      /* odd while hook and its limit change */
	struct undo_trip trip;
	struct undo_entry entry[UNDO_ENTRIES];
};

/* An open table. */
struct undo {
	struct undo_table *table; /* mapped; NULL = not open */
	int fd;			  /* carries the lock */
};

/*
 * Opens the table in the directory `dir`, or makes it (`create`: directory included). Directory and file
 * must be ours (root's), and not writable by others. A table of an earlier boot is emptied. `root` is that
 * of /proc. 0; -ENOENT (not `create`); -ELOOP, -ENOTDIR, -EPERM: it or its directory is a link, or not ours alone; -EBADMSG: damaged, or of
 * another version; -EBUSY: its owner is about to make it; other errno. undo_error() says it in words.
 */
int undo_open(struct undo *undo, const char *dir, const char *root, bool create);

/* Gives the lock back, too. Harmless if not open. */
void undo_close(struct undo *undo);

/* Takes the lock, waiting timeout_ms at most (-1: for ever). 0, -EBUSY, or another negative errno. */
int undo_lock(struct undo *undo, int timeout_ms);

/* Gives it back. 0 or negative errno. */
int undo_unlock(struct undo *undo);

/* One line for an error of undo_open(), undo_lock(), undo_check(). */
const char *undo_error(int err);

/*
 * Judges a table from anywhere: `size` bytes at `image`, aligned to 8. The number of entries to undo, or
 * -EBADMSG: header or a complete entry is not as we would have written it.
 */
int undo_check(const void *image, size_t size);

/*
 * Stores what the file holds now and what it is about to be given, both below /proc/sys/ or /sys/. An
 * index for undo_wrote() and undo_forget(), or negative errno: then the file must not be written.
 * -EINVAL: path or value is not one that may stand here; -EFBIG: the present value is too long; -ENOSPC.
 */
int undo_enter(struct undo_table *table, const char *root, const char *path, const char *value);

/* It has been written: notes how the file shows it. Never fails; unread, `written` counts alone. */
void undo_wrote(struct undo_table *table, const char *root, int index);

/* Committed, or put back by hand. */
void undo_forget(struct undo_table *table, int index);

enum undo_outcome {
	UNDO_RESTORED,
	UNDO_ALREADY, /* it had its old value */
	UNDO_FOREIGN, /* somebody else has written since: left alone */
	UNDO_GONE,    /* the file is no more */
	UNDO_FAILED,  /* the entry stays */
};

/* `err`: negative errno of UNDO_FAILED, else 0. */
typedef void (*undo_report)(void *ctx, const struct undo_entry *entry, enum undo_outcome outcome,
			    int err);

/* "put back", "left alone: …" */
const char *undo_outcome_name(enum undo_outcome outcome);

/*
 * Puts everything back, newest first, one call of `report` (may be NULL) for each. The number of entries
 * that could not be, or -EBADMSG: see undo_check(). Does not allocate. The caller holds the lock.
 */
int undo_replay(struct undo_table *table, const char *root, undo_report report, void *ctx);

/* What was put back since the last call, whoever did it: one call of `report` (may be NULL) for each. */
void undo_told(struct undo_table *table, undo_report report, void *ctx);

/*
 * The operator's hook and its time limit; NULL or "", or a limit of 0: none. 0 or -ENAMETOOLONG.
 * A reader finds the whole of it, or none.
 */
int undo_set_hook(struct undo_table *table, const char *path, __u32 limit_ms);

/* Copies path and reason (NUL-terminated, of these sizes). The limit, ms; 0: no hook, or it just changes. */
__u32 undo_get_hook(const struct undo_table *table, char path[UNDO_HOOK_LEN],
		    char reason[UNDO_REASON_LEN]);

/* Why the last trip was; cut to UNDO_REASON_LEN, control characters replaced. From now on a hook is due. */
void undo_set_reason(struct undo_table *table, const char *text);

/* The guard, when the daemon is dead: the gate's trip is the one that nobody has told of. */
void undo_keep_trip(struct undo_table *table, const struct hs_gate *gate);

#endif
