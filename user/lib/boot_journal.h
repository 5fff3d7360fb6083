/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The journal of boot parameters: what was staged in which boot, what became of it, and what is permanent. One line of JSON, replaced as a
 * whole; so it is the old or the new one.
 */
#ifndef HOMEOSTAT_BOOT_JOURNAL_H
#define HOMEOSTAT_BOOT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "boot_grub.h"
#include "boot_line.h"

#define BOOT_JOURNAL_VERSION 1
#define BOOT_JOURNAL_MAX (64 * 1024)
#define BOOT_ID_LEN 37 /* with its NUL */

/* X(ID, name, does it have a trial under way, meaning). */
#define BOOT_STATES(X)                                                                             \
	X(NONE, "none", false, "nothing is under way")                                             \
	X(STAGING, "staging", true, "is being staged, or was cut off while it was")                \
	X(STAGED, "staged", true, "the next boot is on trial")                                     \
	X(GOOD, "good", true, "a boot came up with them; they are not permanent")                  \
	X(FELL_BACK, "fell back", false,                                                           \
	  "the trial did not come up, or came up without them, and the next boot was as before")   \
	X(KEEPING, "keeping", true, "are being made permanent, or that was cut off")               \
	X(PERMANENT, "permanent", false, "the trial was good, and they are permanent")             \
	X(REVERTING, "reverting", false, "permanent ones are being taken out, or that was cut off")

#define X(id, ...) BOOT_##id,
enum boot_state {
	BOOT_STATES(X) BOOT_STATE_NR
};
#undef X

struct boot_state_info {
	const char *name;
	bool open; /* there is a trial that has to end before the next one */
	const char *meaning;
};
extern const struct boot_state_info boot_states[BOOT_STATE_NR];

struct boot_journal {
	enum boot_state state;
	char boot_id[BOOT_ID_LEN]; /* of the boot in which the trial was staged; "": never */
	char seen_id[BOOT_ID_LEN]; /* of the boot that judged it; "": none has */
	__u64 at_s;		   /* of the last entry, wall clock */
	char kernel[GRUB_KERNEL_LEN];
	struct boot_parameter trial[BOOT_PARAMETERS_MAX];
	unsigned int trial_nr; /* of the last trial, whatever became of it */
	struct boot_parameter permanent[BOOT_PARAMETERS_MAX];
	unsigned int permanent_nr;
};

/* Is it the id of a boot: 8-4-4-4-12 hex digits? Pure. */
bool boot_id_ok(const char *id);

/* Strictly: 0; -EBADMSG with one clause in `why`; -ENOMEM. */
int boot_journal_parse(struct boot_journal *j, const char *text, size_t len, char *why,
		       size_t size);

/* As text, with its newline; *text is the caller's (free). 0 or -ENOMEM. */
int boot_journal_text(const struct boot_journal *j, char **text);

/* @with on top of @p, of which *nr are there: of the same key the new one. 0 or -E2BIG. Pure. */
int boot_merge(struct boot_parameter *p, unsigned int *nr, const struct boot_parameter *with,
	       unsigned int with_nr);

#endif
