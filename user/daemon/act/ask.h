/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A proposal, as it comes over the control socket: in its one form, strictly. */
#ifndef HOMEOSTAT_ASK_H
#define HOMEOSTAT_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>
#include <linux/types.h>

#include "kb.h"
#include "proposal.h"

/* Texts are those of the message. */
struct ask {
	const char *parameter;	    /* NAME or NAME[OBJECTS] */
	const char *value;	    /* NULL: `values` has them */
	struct json_object *values; /* objects, each with its value, a text; NULL: it is one */
	const char *reason;
	enum kb_timing timing; /* KB_TIMING_NR = it does not say */
	unsigned int risk;     /* 0 = it does not say */
	bool alone;	       /* it may be made without a person's approval */
};

struct ask_list {
	enum proposal_source source;
	struct ask ask[PROPOSALS_MAX];
	unsigned int nr;
	struct json_object *proposals;				/* as they came; the message's */
	struct proposal_rollback limit[PROPOSAL_ROLLBACKS_MAX]; /* of all of them */
	unsigned int limits_nr;
};

/* Members `source` and `proposals` of a request. 0, or -EINVAL with `error`: a JSON pointer, and what is wrong there. */
int ask_read(struct ask_list *list, struct json_object *request, char *error, size_t size);

#endif
