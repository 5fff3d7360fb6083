/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Changes of the machine (act/transaction.h) as a part of the daemon: their clock, their vital signs, their log. */
#ifndef HOMEOSTAT_CHANGES_H
#define HOMEOSTAT_CHANGES_H

#include "act/governor.h"
#include "act/transaction.h"
#include "keeper.h"
#include "kept.h"

struct homeostatd;

struct changes {
	struct kb kb;
	char refusal[256]; /* why there is no knowledge base; "" = there is one */
	struct kb_machine machine;
	struct evidence evidence;
	struct tx_table table;
	struct governor governor;
	__u64 called_ns;	     /* when one was called last */
	struct undo_which reverting; /* of what is committed: drivers are at it … */
	__u64 reverting_ns; /* … and are asked again each second, until then; 0 = nothing is */
	struct keeper keeper;
	struct kept kept; /* what the last daemon has left, until it is taken up */
	__u32 changed, sent,
		saved; /* how often what waits has changed; as of which the file was given away, and is on the disk */
	__u32 begins; /* the change that the file given away says is under way, which has not begun yet; 0 = none */
	int keep_err; /* the last error that was told */
};

/* Reads the knowledge base: without one, or with one that others may write, nothing is ever changed, and proposals are told why. */
void changes_open(struct homeostatd *d);

/* While we may: starts who writes what takes a capability. It is no reason not to run. */
void changes_hand(struct homeostatd *d);

/* Both: harmless if there is none. */
void changes_close(struct homeostatd *d);

/* What a transaction needs of this daemon, as it is now. */
struct tx_world changes_world(struct homeostatd *d);

/*
 * Puts that back of what is committed, as undo_revert(), when nothing stands on it any more. Where drivers take their time, what is
 * left is tried again each second, for 30 s, and nothing new is changed until then: changes_reverting(). -EBUSY: it is so already.
 */
int changes_revert(struct homeostatd *d, const struct undo_which *which, undo_report report,
		   void *ctx);
bool changes_reverting(const struct homeostatd *d);

/* Once a second, after the vital signs were read. */
void changes_tick(struct homeostatd *d);

/* The gate was shut, or the mode is another one: what is under way goes back. */
void changes_abort(struct homeostatd *d, const char *why);

/* ---- keeping.c ---- */

#define KEEPING_WAIT_MS                                                                            \
	200 /* a disk is waited for so long, twice at most: within CHANGE_PATIENCE_NS */

/* Reads what the last daemon has left, and starts the keeper: before anything is loaded. It is no reason not to run. */
void keeping_open(struct homeostatd *d);

/* Enters it, as it stands now: with knowledge base and profile. */
void keeping_take_up(struct homeostatd *d);

/* What waits is on the disk when it returns 0. Negative errno: it is not, or not yet. */
int keeping_save(struct homeostatd *d);
void keeping_tick(struct homeostatd *d);

/* A change begins (tx_world): may it, as far as the file is concerned? It must not be begun again by who comes after a crash. */
bool keeping_begins(void *d, struct tx *tx);
void keeping_close(struct homeostatd *d);

/* For each file: the kernel may have to start queues anew; of the hand, 200 ms for each of four looks, and 100 ms for a write (by_hand.c). */
#define CHANGE_PATIENCE_NS 1000000000ULL

/* Root, or a user whom the profile names. */
bool changes_adviser(const struct homeostatd *d, uid_t uid);

/* NULL, or why a proposal of that user has to be approved by a person, whatever it is. */
const char *changes_untrusted(const struct homeostatd *d, uid_t uid);

#endif
