/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The undo table: what was changed outside BPF, with the value from before: files, and settings of network cards (place.h).
 * A fixed file in the runtime directory (tmpfs), mapped by daemon, guard and restorer: it outlives all
 * of them, and is gone with a reboot, when run-time values are stock again anyway.
 *
 * The order: undo_enter() reads the old value and stores it, then the caller writes, then undo_wrote()
 * notes how the kernel shows what was written, then undo_forget() once it is rolled back, or undo_commit(): what is
 * committed stays changed, and stays known, so that it can be put back when somebody asks for it. Entries of a
 * group are committed as one. An entry is complete before its state says so; so whoever comes after a SIGKILL at any
 * point finds entries that are whole, or none, and groups that are committed, or not.
 *
 * One process at a time: the daemon holds the lock as long as it lives; restorer and `homeostat
 * restore` take it before they replay. Within the process one thread.
 */
#ifndef HOMEOSTAT_UNDO_H
#define HOMEOSTAT_UNDO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"

#define UNDO_FILE "undo" /* in the runtime directory */
#define UNDO_MAGIC 0x6f646e7573656d6fULL
#define UNDO_VERSION 4
#define UNDO_ENTRIES 256
#define UNDO_PATH_LEN 192
#define UNDO_VALUE_LEN 160
#define UNDO_HOOK_LEN 256
#define UNDO_REASON_LEN 96

enum undo_state {
	UNDO_FREE,
	UNDO_ENTERED,	/* old and written are valid; the write may or may not have happened */
	UNDO_SHOWN,	/* written happened, and `shown` is what the file said afterwards */
	UNDO_COMMITTED, /* as SHOWN, and to stay: put back only when somebody asks for it */
};

enum undo_kind {
	UNDO_TEXT,   /* the file's one line is the value */
	UNDO_CHOICE, /* the value is the word in brackets: always [madvise] never */
};

/* All texts are NUL-terminated, of one line, without control characters but the tab. */
struct undo_entry {
	__u32 state;	    /* enum undo_state; written last */
	__u32 kind;	    /* enum undo_kind */
	__u64 seq;	    /* age: a later entry has a higher number */
	__u64 committed_ns; /* CLOCK_BOOTTIME */
	char path[UNDO_PATH_LEN];
	char old[UNDO_VALUE_LEN];
	char written[UNDO_VALUE_LEN]; /* as it was asked for */
	char shown[UNDO_VALUE_LEN];   /* as the kernel shows it */
	__u32 outcome;		      /* free: what came of it, enum undo_outcome + 1; 0 = told */
	__u32 group;		      /* of what is committed as one; 0 = of none */
};

/* A trip that the daemon did not live to tell of, as the guard found it in the gate. */
struct undo_trip {
	__u64 trip_ns; /* 0 = there was none */
	__u64 value, limit;
	__u32 reason; /* enum hs_trip */
	__u32 vital;  /* enum hs_vital_id */
};

/*
 * A hook that goes with a change, before or after it. The daemon writes it whole, `asked` last; the restorer starts it, once, and
 * what keeps its time writes what came of it, `done` last. One at a time: the daemon asks for the next one when it has waited.
 */
struct undo_job {
	__u32 asked; /* number of the latest; 0 = none yet */
	__u32 taken; /* the restorer has seen to that one */
	__u32 done;  /* that one has ended, and … */
	__s32 code;  /* … this is its exit code; -1: it was not run, or it was killed */
	__u32 limit_ms;
	char path[UNDO_HOOK_LEN];
	char text[UNDO_REASON_LEN]; /* what it is told */
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
	__u32 committing; /* the group that is being committed: all of it is, whatever its entries say */
	__u32 last_id; /* of the changes that were ever asked for since the boot */
	struct undo_trip trip;
	struct undo_job job;
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

/*
 * Takes the lock, and sees that nobody has a mark (below), waiting timeout_ms at most (-1: for ever). 0, -EBUSY: somebody has the
 * lock; -EINPROGRESS: somebody has a mark; or another negative errno.
 */
int undo_lock(struct undo *undo, int timeout_ms);

/*
 * The mark of who writes at network interfaces what stands in the table, and may be at that still when the owner is dead: a
 * descriptor, the caller's, which serves for nothing else. The mark ends with its last copy. Or negative errno.
 */
int undo_mark(const struct undo *undo);

/* Gives it back. 0 or negative errno. */
int undo_unlock(struct undo *undo);

/* One line for an error of undo_open(), undo_lock(), undo_check(). */
const char *undo_error(int err);

/*
 * Judges a table from anywhere: `size` bytes at `image`, aligned to 8. The number of entries to undo (what is
 * committed is not), or
 * -EBADMSG: header or a complete entry is not as we would have written it.
 */
int undo_check(const void *image, size_t size);

/*
 * Stores what the file holds now and what it is about to be given, below /proc/sys/, /proc/irq/ or /sys/, or a card's setting. An
 * index for undo_wrote() and undo_forget(), or negative errno: then the file must not be written.
 * -EINVAL: path or value is not one that may stand here; -EFBIG: the present value is too long; -ENOSPC.
 */
int undo_enter(struct undo_table *table, const char *root, __u32 group, const char *path,
	       const char *value);

/* It has been written: notes how the file shows it. Never fails; unread, `written` counts alone. */
void undo_wrote(struct undo_table *table, const char *root, int index);

/* Put back by hand, or somebody else's by now. */
void undo_forget(struct undo_table *table, int index);

/* A number for a group that no entry has, and no change had since the boot. Never 0. */
__u32 undo_group(const struct undo_table *table);

/*
 * All entries of a group are good and stay, as of now_ns (CLOCK_BOOTTIME). Of each path one entry remains, with the value from before
 * the first of its changes; none where the path has that value again.
 */
void undo_commit(struct undo_table *table, __u32 group, __u64 now_ns);

/* Entry @index: its file holds the old value. */
bool undo_unchanged(const struct undo_table *table, const char *root, int index);

/* Has one of our writes to @path that stands in the table left this value? Pure. */
bool undo_ours(const struct undo_table *table, const char *path, const char *value);

/* What @path held before the first of its changes that are committed, owned by the table; NULL: none is. Pure. */
const char *undo_before(const struct undo_table *table, const char *path);

/* Entry @index: somebody else has written its file since: what the file holds was not left by us. False also where it cannot be read. */
bool undo_foreign(const struct undo_table *table, const char *root, int index);

enum undo_outcome {
	UNDO_RESTORED,
	UNDO_ALREADY, /* it had its old value */
	UNDO_FOREIGN, /* somebody else has written since: left alone */
	UNDO_GONE,    /* the file is no more, or the card, or its driver has lost the setting */
	UNDO_FAILED,  /* the entry stays */
};

/* `err`: negative errno of UNDO_FAILED, else 0. */
typedef void (*undo_report)(void *ctx, const struct undo_entry *entry, enum undo_outcome outcome,
			    int err);

/* An `err` with which a driver is still at work (place.h): what has not been put back is asked for again. Pure. */
static inline bool undo_waits(int err)
{
	return err == -EAGAIN || err == -EINPROGRESS;
}

/* "put back", "left alone: …" */
const char *undo_outcome_name(enum undo_outcome outcome);

/*
 * Puts everything back that is not committed, newest first, one call of `report` (may be NULL) for each. The number of entries
 * that could not be, or -EBADMSG: see undo_check(). Does not allocate. The caller holds the lock.
 */
int undo_replay(struct undo_table *table, const char *root, undo_report report, void *ctx);

/* Likewise, but nothing at a network interface. The caller holds the lock, whoever has a mark. */
int undo_replay_elsewhere(struct undo_table *table, const char *root, undo_report report,
			  void *ctx);

/*
 * For whoever comes after a daemon's death: takes the lock, within lock_ms, and puts everything back; what is not at a network interface
 * at once, the rest when nobody has a mark any more, within hand_ms (-1: for ever). What undo_replay() returns, with the lock; or without
 * it a negative errno: what undo_lock() returns, where -EINPROGRESS is for the rest alone.
 */
int undo_settle(struct undo *undo, const char *root, int lock_ms, int hand_ms, undo_report report,
		void *ctx);

/* Of one group: likewise. */
int undo_replay_group(struct undo_table *table, const char *root, __u32 group, undo_report report,
		      void *ctx);

/* Which of what is committed: all; or what was committed since; or a group (of joined changes it is the last one's). */
struct undo_which {
	bool all;
	__u64 since_ns; /* CLOCK_BOOTTIME; 0 = does not say */
	__u32 group;	/* 0 = does not say */
};

/* Puts that back of what is committed: likewise. Of none that fits: 0, and no report. */
int undo_revert(struct undo_table *table, const char *root, const struct undo_which *which,
		undo_report report, void *ctx);

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

/* Asks for a hook that goes with a change: its number, for undo_job_done(); 0: the path is too long. @text as a reason. */
__u32 undo_ask_job(struct undo_table *table, const char *path, __u32 limit_ms, const char *text);

/* Has that one ended? Then *code is what it ended with. */
bool undo_job_done(const struct undo_table *table, __u32 number, int *code);

/* The restorer: a job that nobody has seen to yet, copied. Its number; 0: there is none. */
__u32 undo_take_job(struct undo_table *table, struct undo_job *job);

/* What came of it. */
void undo_end_job(struct undo_table *table, __u32 number, int code);

/* So long the hooks that run or wait may take, ms: one of each kind, one behind the other, and that of the daemon's own end. Pure. */
__u64 undo_hooks_ms(const struct undo_table *table);

/* The guard, when the daemon is dead: the gate's trip is the one that nobody has told of. */
void undo_keep_trip(struct undo_table *table, const struct hs_gate *gate);

#endif
