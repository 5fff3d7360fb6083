/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What somebody wants changed: the text of a person, a rule or a language model becomes one canonical message, which the daemon
 * treats as one transaction: its parameters move as one or not at all. homeostat-parameters(5), PROPOSALS, has the three shapes
 * that are understood.
 */
#ifndef HOMEOSTAT_PROPOSAL_H
#define HOMEOSTAT_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "json_find.h"
#include "kb.h"

#define PROPOSALS_MAX 8 /* in one message */
#define PROPOSAL_PARTS_MAX                                                                         \
	64 /* values for objects, of all its proposals: as many as a change has files */
#define PROPOSAL_TEXT_MAX (64 * 1024) /* bytes of a text, chatter included */
#define PROPOSAL_PARAMETER_LEN 160    /* with its objects: "net.rps_cpus[eth0,0]" */
#define PROPOSAL_VALUE_LEN 256
#define PROPOSAL_REASON_LEN 512
#define PROPOSAL_ROLLBACKS_MAX 4 /* in one message: of all its proposals together */

/* Who proposes: X(ID, name). */
#define PROPOSAL_SOURCES(X)                                                                        \
	X(PERSON, "person")                                                                        \
	X(RULES, "rules")                                                                          \
	X(MODEL, "model")

#define X(id, name) PROPOSAL_##id,
enum proposal_source {
	PROPOSAL_SOURCES(X) PROPOSAL_SOURCE_NR
};
#undef X
extern const char *const proposal_sources[PROPOSAL_SOURCE_NR];

/* How dangerous a single action is said to be: X(ID, name, what follows). */
#define PROPOSAL_SAFETIES(X)                                                                       \
	X(SAFE, "safe", "nothing: the knowledge base's risk")                                      \
	X(MODERATE, "moderate", "risk 5 at least")                                                 \
	X(DANGEROUS, "dangerous", "risk 8 at least, and never applied without approval")

/* Roll back when this vital sign is beyond that value. */
struct proposal_rollback {
	__u32 vital; /* enum hs_vital_id */
	bool above;  /* > value; otherwise < value */
	__u64 value; /* in the vital sign's unit */
};

/* A value for one object of a parameter. */
struct proposal_part {
	char object[KB_OBJECTS_LEN]; /* "cpu0", "eth0,0" */
	char value[PROPOSAL_VALUE_LEN];
};

struct proposal {
	const struct kb_parameter *kb; /* borrowed from the knowledge base */
	char parameter[PROPOSAL_PARAMETER_LEN];
	char value[PROPOSAL_VALUE_LEN]; /* "" where there are parts */
	unsigned int first, parts;	/* its part of the message's parts; none: `value` it is */
	char reason[PROPOSAL_REASON_LEN];
	int timing;	   /* enum kb_timing; -1 = not stated: the knowledge base's */
	unsigned int risk; /* 0 = not stated: the knowledge base's */
	bool can_auto_apply, restart_required;
	struct proposal_rollback rollback[PROPOSAL_ROLLBACKS_MAX];
	unsigned int rollback_nr;
};

struct proposals {
	enum proposal_source source;
	struct proposal proposal[PROPOSALS_MAX];
	unsigned int nr;
	struct proposal_part part[PROPOSAL_PARTS_MAX];
	unsigned int parts_nr;
};

/*
 * Finds the parameter of a text such as "vm.swappiness" or "net.rps_cpus[eth0,*]": in the knowledge base, not only for
 * reporting, with as many objects as its path has. NULL, with one clause in @why: there is no such one.
 */
const struct kb_parameter *proposal_parameter(const struct kb *kb, const char *text, char *why,
					      size_t size);

/*
 * Reads one condition of `rollback_if`, "net.listen_full_hz > 100", of a message that has @before already. 0, or -EINVAL with one
 * clause in @why: one too many, no such vital sign, or no condition. For both ends of the message.
 */
int proposal_rollback(struct proposal_rollback *rollback, unsigned int before, const char *text,
		      char *why, size_t size);

/* How many conditions all proposals together have. Pure. */
unsigned int proposals_rollbacks(const struct proposals *proposals);

/* The same of a name alone, "net.rps_cpus", whose objects have a value each. NULL, likewise: also one that has no objects. */
const struct kb_parameter *proposal_alone(const struct kb *kb, const char *text, char *why,
					  size_t size);

/* The objects of a parameter: 0 = none, and no brackets. Pure. */
unsigned int proposal_objects(const struct kb_parameter *p);

/*
 * Reads a text into proposals, each checked against knowledge base and machine. @source holds where the text does not state one.
 * 0; refused as a whole, with @fault filled (pointer into the JSON value, and why): -EINVAL, -EFBIG (longer than
 * PROPOSAL_TEXT_MAX), -ENOMEM. @out is defined on success only; it borrows from @kb.
 */
int proposals_read(struct proposals *out, const char *text, size_t len, enum proposal_source source,
		   const struct kb *kb, const struct kb_machine *machine, struct json_fault *fault);

/*
 * Adds one of a rule's, with the knowledge base's timing and risk. @parameter is one that proposal_parameter() finds. @value NULL: its
 * name alone, without objects; proposals_add_part() has their values. 0; -ENOSPC:
 * PROPOSALS_MAX are there; -EINVAL or -ERANGE: not a value of it (kb_value), with one clause in @why.
 */
int proposals_add(struct proposals *to, const struct kb_parameter *kb, const char *parameter,
		  const char *value, const char *reason, const struct kb_machine *machine,
		  char *why, size_t size);

/*
 * Adds a value for one object of the proposal that was added last. @object: one for each place, and no `*`. 0; -ENOSPC: PROPOSAL_PARTS_MAX are there; -EEXIST:
 * the object has one; -EINVAL or -ERANGE: not an object, or not a value of it, with one clause in @why.
 */
int proposals_add_part(struct proposals *to, const char *object, const char *value,
		       const struct kb_machine *machine, char *why, size_t size);

/* The canonical message, a request to the daemon; the caller's. NULL: out of memory. */
struct json_object *proposals_message(const struct proposals *proposals);

#endif
