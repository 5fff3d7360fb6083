/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The policy plug-ins in the slots of the pulse (kern/slot.h), from the moment that a privileged client hands over their
 * links: who is asked, who acts, and when each one's time is over. The pulse judges each call by itself and needs nobody for that;
 * what it has shut is cleared away here. A link is open for as long as its policy is in the slot, and no longer than this process.
 */
#ifndef HOMEOSTAT_PLUGINS_H
#define HOMEOSTAT_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "act/evidence.h"
#include "descriptors.h"
#include "profile.h"

struct homeostatd;

/* What one is there for: X(ID, name, meaning). */
#define PLUGIN_PARTS(X)                                                                            \
	X(SHADOW, "shadow", "asked; what it wishes is told, not done")                             \
	X(CANARY, "canary", "acts until it is judged by its effect")                               \
	X(FULL, "full", "acts")                                                                    \
	X(WAITS, "waits", "acts again if the canary goes")                                         \
	X(LEAVES, "leaves", "goes once the one that follows it was called")

enum plugin_part {
#define X(id, ...) PLUGIN_##id,
	PLUGIN_PARTS(X)
#undef X
	PLUGIN_PART_NR
};

#define PLUGIN_CANARY_MIN_NS 1000000000ULL
#define PLUGIN_CANARY_MAX_NS 3600000000000ULL
#define PLUGIN_WATCH 30 /* the seconds that a canary is judged by, and as many before it, at most */
#define PLUGIN_ENDINGS 4 /* that are remembered */

/* What a client says of one that it hands over. */
struct plugin_offer {
	char name[HS_SLOT_NAME_LEN]; /* [a-z0-9-] */
	char about[96];
	__u16 reads[HS_SLOT_NAMES]; /* as struct hs_slot_config */
	__u16 turns[HS_SLOT_NAMES];
	bool keeps_state;
	enum plugin_part as; /* SHADOW, CANARY, FULL */
	__u64 for_ns;	     /* CANARY: within the limits above */
};

/* One slot. */
struct plugin_seat {
	struct descriptors fds; /* owned; none = nobody is in it */
	enum plugin_part part;
	__u32 prog; /* id of its program */
	struct plugin_offer offer;
};

/* At most one at a time. Counted in samples of evidence, one a second. */
struct plugin_canary {
	__u64 first; /* sample that its time began with: later than it was loaded, if it was not asked in between */
	__u64 seconds;
	__u64 watch;
	struct evidence_means before;
};

struct plugin_ending {
	char name[HS_SLOT_NAME_LEN];
	__u32 slot;
	__u32 why; /* enum hs_slot_end */
	__u64 at_ns;
	char text[192]; /* with figures; may be "" */
};

struct plugins {
	struct plugin_seat seat[HS_SLOTS];
	struct plugin_canary canary;
	struct hs_event told[HS_SLOTS]; /* what the pulse said last of each */
	struct plugin_ending ending[PLUGIN_ENDINGS];
	__u64 endings; /* so far */
};

extern const char *const plugin_parts[PLUGIN_PART_NR];

/*
 * Puts one into its slot; takes over @fds (its link, its program) on success. Who acts until now goes, by the same write, or waits for
 * the canary's end; one of the same name in shadow goes, too. The slot, or negative errno and `error`.
 */
int plugins_load(struct homeostatd *d, const struct plugin_offer *offer, struct descriptors *fds,
		 char *error, size_t size);

/* Ends the time of who is in a slot; nothing if nobody is. `text`: one clause with figures, or "". */
void plugins_end(struct homeostatd *d, __u32 slot, enum hs_slot_end why, const char *text);

/* An event of the pulse, or of ours, about a slot. */
void plugins_heard(struct plugins *plugins, const struct hs_event *event);

/* In each round of the main loop: clears away what the pulse has shut, and who was relieved. */
void plugins_watch(struct homeostatd *d);

/* Once a second, after the vital signs' sample: judges the canary. */
void plugins_tick(struct homeostatd *d);

/* The gate was shut by a trip: nobody who acted, or would again, survives it. */
void plugins_tripped(struct homeostatd *d);

/* All links. */
void plugins_close(struct plugins *plugins);

/* Does the pulse ask those in the slots, as things stand? */
bool plugins_asked(const struct homeostatd *d);

/* Who acts, or NULL. */
const struct plugin_seat *plugins_acting(const struct plugins *plugins);

/* The pulse's books of a slot; NULL: they are still of another one. */
const struct hs_slot *plugins_books(const struct homeostatd *d, __u32 slot);

/*
 * Is something worse in @after than @before: one of the vital signs that nothing may make worse, or one that the profile has a rule, a
 * limit or a service level on, beyond what the profile calls much there (a rule's `high`, a service level's, half a limit) and by more
 * than its margin? Which one, and one clause in `why`; HS_VITAL_NR: none. Pure.
 */
__u32 canary_worse(const struct profile *profile, const struct evidence *e,
		   const struct evidence_means *before, struct evidence_span after, char *why,
		   size_t size);

#endif
