/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Boot parameters, on trial for one boot before they become permanent, below a root.
 *
 *	stage   journal "staging", entry in custom.cfg, next_entry in grubenv, journal "staged"
 *	(boot)  GRUB forgets next_entry, and boots the entry; the boot after that is as before, whatever becomes of this one
 *	check   are they on the command line? journal "good" or "fell back"; the entry is taken away
 *	keep    of what was good: journal "keeping", piece of /etc/default/grub.d, update-grub, journal "permanent"
 *	revert  journal "reverting", the piece is taken away, update-grub, journal "none"
 *
 * Each step is on the disk before the next one begins (boot_files.h), so a power cut leaves a journal that knows of all that is there, or
 * more; never less. What it knows of and is not there, boot_look() finds out. Whoever is cut off does it again.
 */
#ifndef HOMEOSTAT_BOOT_TRIAL_H
#define HOMEOSTAT_BOOT_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "boot_grubenv.h"
#include "boot_journal.h"
#include "statedir.h"

#define BOOT_JOURNAL STATE_DIR "/boot"
#define BOOT_DAMAGED STATE_DIR "/boot.damaged"
#define BOOT_GRUB_DIR "/boot/grub"
#define BOOT_GRUB_CFG BOOT_GRUB_DIR "/grub.cfg"
#define BOOT_GRUBENV BOOT_GRUB_DIR "/grubenv"
#define BOOT_CUSTOM BOOT_GRUB_DIR "/custom.cfg"
#define BOOT_PIECE "/etc/default/grub.d/90-homeostat.cfg"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_WHY_LEN 384
#define BOOT_FAULTS_MAX 8

struct boot {
	char root[256]; /* "" is the machine itself */
	struct boot_journal journal;
	bool damaged; /* the journal cannot be read; `damage` says why */
	char damage[BOOT_WHY_LEN];
	char line[BOOT_LINE_MAX];  /* the command line of the present boot */
	char boot_id[BOOT_ID_LEN]; /* of the present boot */
	bool update_wanted;	   /* update-grub has to be run there, by whoever owns that root */
	int lock_fd;		   /* -1: only looks */
};

/* What there is, whatever the journal says. */
struct boot_look {
	bool next;	     /* GRUB boots our entry next */
	bool entry;	     /* it is in custom.cfg */
	bool entry_fits;     /* with what is on trial */
	bool permanent;	     /* our piece of /etc/default/grub.d is there */
	bool permanent_fits; /* with what the journal has as permanent */
};

/* What `check` finds: X(ID, name, is it something to be told of with an exit code, meaning). */
#define BOOT_VERDICTS(X)                                                                           \
	X(NOTHING, "nothing", false, "nothing is on trial")                                        \
	X(NOT_BOOTED, "not booted", false, "the trial is the next boot")                           \
	X(GOOD, "good", false, "this boot has them; `homeostat boot keep` makes them permanent")   \
	X(WAITS, "waits", false,                                                                   \
	  "an earlier boot had them; `homeostat boot keep` makes them permanent")                  \
	X(FELL_BACK, "fell back", true,                                                            \
	  "this boot has not got them: the trial did not come up, or without them")                \
	X(CUT_OFF, "cut off", true, "staging was cut off, and is undone")                          \
	X(PERMANENT, "permanent", false, "what is permanent is there")                             \
	X(LOST, "lost", true, "what is permanent is not there")

#define X(id, ...) BOOT_VERDICT_##id,
enum boot_verdict {
	BOOT_VERDICTS(X) BOOT_VERDICT_NR
};
#undef X
struct boot_verdict_info {
	const char *name;
	bool bad;
	const char *meaning;
};
extern const struct boot_verdict_info boot_verdicts[BOOT_VERDICT_NR];

/*
 * Reads what there is below a root (NULL, "", "/": the machine). With @write it takes the lock (-EBUSY: somebody else has it) and makes the
 * state directory where there is none. A damaged journal is no error. boot_close() it, whatever comes. 0, or negative errno with one clause
 * in `why`.
 */
int boot_open(struct boot *b, const char *root, bool write, char *why, size_t size);
void boot_close(struct boot *b);

/* 0, or negative errno with one clause in `why` (of what cannot be read; that there is none is no error). */
int boot_look(const struct boot *b, struct boot_look *look, char *why, size_t size);

/*
 * Where the journal and what there is do not go together, or something was cut off: a sentence each, with what helps. How many. @look is
 * boot_look()'s. Pure.
 */
unsigned int boot_faults(const struct boot *b, const struct boot_look *look,
			 const char *fault[BOOT_FAULTS_MAX]);

/*
 * Fills in `old` of parameters whose name, key and word are there. 0; -EALREADY: all are as they are meant to be; -EINVAL: one stands there
 * twice, or more. One clause in `why`.
 */
int boot_fill(const struct boot *b, struct boot_parameter *p, unsigned int nr, char *why,
	      size_t size);

/*
 * Stages parameters (boot_fill() has them) for the next boot alone. The same again in the same boot is done once more. 0, or
 * with one clause in `why`, and nothing changed: -EBUSY (another trial is not at its end), -EOPNOTSUPP (no GRUB 2 that does it), -EEXIST
 * (somebody else has chosen the next boot), -ENOSPC, -EBADMSG (damaged), -EINVAL, -E2BIG (command line), -ENOENT. Another errno: a
 * write failed; what was done is in the journal, and boot_cancel() undoes it.
 */
int boot_stage(struct boot *b, const struct boot_parameter *p, unsigned int nr, char *why,
	       size_t size);

/* Takes a trial back. 1; 0: there was none; -EBUSY: is becoming permanent; other negative errno; with one clause in `why`. */
int boot_cancel(struct boot *b, char *why, size_t size);

/*
 * Judges the present boot, and goes on with what was cut off. 0 or negative errno with one clause in `why`; also -EBADMSG where the
 * journal is damaged.
 */
int boot_check(struct boot *b, enum boot_verdict *verdict, char *why, size_t size);

/* Makes what was good permanent. 0; -EAGAIN (no boot has been good), -EEXIST (another's file is there); other negative errno. */
int boot_keep(struct boot *b, char *why, size_t size);

/* Takes out what is permanent, or was to become so. 1; 0: nothing is; -EBUSY (a trial is not at its end), -EEXIST; other negative errno. */
int boot_revert(struct boot *b, char *why, size_t size);

/*
 * What boot_state.c, boot_trial.c and boot_keep.c share
 */

/* All of root/path with a NUL behind it, *text is the caller's (free). -ENOENT, -EFBIG, -EBADMSG (NUL in it), other negative errno. */
int boot_text(const char *root, const char *path, char **text);

/* GRUB's environment block, checked. 0 or negative errno, with one clause in `why`. */
int boot_grubenv_read(const struct boot *b, char block[GRUBENV_SIZE], char *why, size_t size);

/* custom.cfg, "" where there is none, with our marks in order or none; *text is the caller's (free). 0 or negative errno, with one clause. */
int boot_custom_read(const struct boot *b, char **text, char *why, size_t size);

/* Writes the journal with that state, as of now. 0 or negative errno, with one clause in `why`. */
int boot_journal_save(struct boot *b, enum boot_state state, char *why, size_t size);

/* GRUB boots nothing of ours next, then our entry is gone. 0 or negative errno, with one clause in `why`. */
int boot_clear(const struct boot *b, char *why, size_t size);

/* Says which file it was. Returns @err. */
int boot_fault(char *why, size_t size, const char *path, int err);

#endif
