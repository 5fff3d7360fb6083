/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A log of decisions: a head, then the records of DECISIONS (kern/abi.h) as the pulse left them, then one of type END. Numbers are
 * those of the machine that wrote it, little-endian. The reader believes nothing: whatever it hands out has sizes, ids and
 * numbers that may be used.
 */
#ifndef HOMEOSTAT_DECISION_LOG_H
#define HOMEOSTAT_DECISION_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../../kern/abi.h"

#define DECISION_LOG_MAGIC "HSDECIDE"
#define DECISION_LOG_VERSION 1
#define DECISION_HASH_LEN 32 /* SHA-256 */
#define DECISION_RECORD_MAX                                                                        \
	(sizeof(struct hs_decision) + HS_DECISION_ITEMS * sizeof(struct hs_decision_item) +        \
	 sizeof(struct hs_decision_state))

struct decision_log_head {
	char magic[8];
	__u32 version;
	__u32 size; /* of the head */
	__u32 abi_version;
	/* by how much a record of another build would differ */
	__u32 state_size;
	__u16 vitals;
	__u16 knobs;
	__u32 pad;
	char program[32];		  /* HS_VERSION, NUL-terminated */
	__u8 manifest[DECISION_HASH_LEN]; /* of the certified mode; zeros = none */
};

/* Fills in a head of this build. @manifest may be NULL. */
void decision_log_head(struct decision_log_head *head, const __u8 *manifest);

union decision_record {
	struct hs_decision_mark mark; /* size and type are those of all of them */
	struct hs_decision call;      /* with its items behind it */
	struct hs_decision_state state;
	__u8 bytes[DECISION_RECORD_MAX];
	__u64 align;
};

static inline const struct hs_decision_item *decision_items(const struct hs_decision *d)
{
	return (const struct hs_decision_item *)(d + 1);
}

struct decision_log {
	struct decision_log_head head;
	union decision_record record; /* the last one read */
	__u64 number;		      /* of it, from 1 */
	__u64 lost; /* records that the pulse found no room for, while this was written */
	__u64 torn; /* calls that are marked so */
	bool ended; /* END was read: whoever wrote it was not interrupted */
	bool cut;   /* the file ends within a record, which is left out */
	/* private */
	FILE *f;
	__u64 seq;	  /* of the call to come … */
	__u64 lost_first; /* … and what had been lost when it began */
	bool begun;	  /* there was a state, and nothing lost since */
};

/*
 * Begins to read. Takes over @f (NULL: errno says why). 0, or negative errno and `error`: what is wrong with it and what to do.
 * decision_log_close() in any case.
 */
int decision_log_open(struct decision_log *log, FILE *f, char *error, size_t size);

/*
 * The next record, a call or a state, in log->record: 1; 0 at the end (see `ended` and `cut`); or negative errno and `error`: the
 * number of the record, and what is wrong with it.
 */
int decision_log_next(struct decision_log *log, char *error, size_t size);

void decision_log_close(struct decision_log *log);

/* "wishes", "rules" …; "" for what is none. */
const char *decision_type_name(__u32 type);

#endif
