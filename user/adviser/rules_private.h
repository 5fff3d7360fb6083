/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What the parts of the engine share. Private to rules*.c. */
#ifndef HOMEOSTAT_RULES_PRIVATE_H
#define HOMEOSTAT_RULES_PRIVATE_H

#include "rules.h"

/* A rule that wants something in this round: its parts say what. */
struct candidate {
	unsigned int rule;
	bool back;
	bool whole;	     /* one value, for all that the parameter's name stands for */
	bool out;	     /* it has to wait after all */
	unsigned int bundle; /* goes into the same message as all of this number */
};

/* Are two values of a parameter the same? Numbers by what they count, however they are written. Pure. */
bool rules_same(const struct kb_parameter *p, const char *a, const char *b);

/* Less, equal or more: -1, 0, 1; of values that have no order 0. Pure. */
int rules_compare(const struct kb_parameter *p, const char *a, const char *b);

/* What stands in a proposal's reason, between the rule's name and its own, when it goes back. */
#define RULES_BACK "no longer needed: "

/* Says a line about a parameter, or about a rule that waits: the latter only if it is not what it last said. */
void rules_tell(struct rules *rules, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rules_waits(struct rules *rules, struct rules_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The place of an object, a free one if it is new; -1: there is none. */
int rules_place(struct rules *rules, struct rules_parameter *p, const char *object);

/*
 * Where a rule would have an object go that is known; by @plan where it has a form. 0; -EALREADY: it has no more to give; -EINVAL: its value is
 * no number; -ENOENT: it cannot be that; -ERANGE: what it is could not be put back.
 */
int rules_target(const struct rules *rules, const struct rules_rule *rule, unsigned int place,
		 const struct rules_plan *plan, char to[PROPOSAL_VALUE_LEN]);

/* A step nearer to the value from before, or that value. */
void rules_step_back(const struct rules *rules, const struct rules_rule *rule, unsigned int place,
		     char to[PROPOSAL_VALUE_LEN]);

/* Decides among @nr candidates, and makes messages of those that remain: how many. */
unsigned int rules_choose(struct rules *rules, struct candidate *candidates, unsigned int nr,
			  struct rules_ask asks[RULES_ASKS_MAX]);

#endif
