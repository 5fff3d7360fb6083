/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The engine of homeostat-adviser: from vital signs and a profile's advice to proposals. Pure: it has no clock, no file and no
 * socket; time, vital signs, present values and what became of proposals are handed in.
 *
 * A round: a rule whose `when` has held for its time, and whose pauses are over, wants its parameter changed; one that has changed
 * it, and whose `back` has held, wants the old value again. Of a parameter that stands for several objects each goes from its own
 * value, in one message, and goes back to its own; objects come and go as they like. Of those that want the same parameter, or parameters that conflict, the
 * higher goal wins, then the better record, then the order of the profile. A parameter that another one needs goes along in the
 * same message if some rule wants it; otherwise the rule waits.
 *
 * What was tried before weighs in. After the second rollback (or refusal, or rejection) in a row, and likewise after the second commit in a
 * row that did not better the vital sign by a tenth, a parameter's pause doubles each time, up to an hour. One that turns back and forth
 * is frozen for an hour, whoever pulls: where it happens to stand, but for who has changed it and goes back.
 */
#ifndef HOMEOSTAT_RULES_H
#define HOMEOSTAT_RULES_H

#include "change_state.h"
#include "kb.h"
#include "load.h"
#include "profile.h"
#include "proposal.h"

#define RULES_ASKS_MAX 4 /* messages of one round; the next one is a second away */
#define RULES_PAUSE_MAX_NS 3600000000000ULL /* however often it was rolled back */
#define RULES_TURNS 4			    /* changes of direction … */
#define RULES_TURNS_NS 600000000000ULL	    /* … in this time freeze a parameter … */
#define RULES_FREEZE_NS 3600000000000ULL /* … for this time; so does an administrator's own write */
#define RULES_OF_NO_USE                                                                            \
	2 /* failures in a row after which what stands in for a parameter steps in */
#define RULES_NOTE_LEN 320

/* One file of one change, as the daemon remembers it; those of one change stand together. */
struct rules_change {
	__u64 id, at_ns; /* at_ns: of its last change of state */
	enum tx_state state;
	const struct kb_parameter *kb;
	bool by_rules;			       /* its source */
	const char *path, *reason, *from, *to; /* never NULL */
};

/* One message to the daemon, and whose it is. */
struct rules_ask {
	struct proposals proposals;
	unsigned int rule[PROPOSALS_MAX];
	bool back[PROPOSALS_MAX];
};

/* One object of a parameter, "cpu0", "eth0,0"; of one that has none the only one, "". */
struct rules_object {
	bool used;  /* this place is taken */
	bool known; /* `now` is its present value: it is there */
	char name[KB_OBJECTS_LEN];
	char now[PROPOSAL_VALUE_LEN];
	char among[PROPOSAL_VALUE_LEN]; /* the values that it can have, by kb_among(); "" = any */
	char set[PROPOSAL_VALUE_LEN];	/* what a rule has last set it to; "" = nothing */
};

/* A parameter that a rule names, or that one of those needs or conflicts with. */
struct rules_parameter {
	const struct kb_parameter *kb;
	char name[PROPOSAL_PARAMETER_LEN];
	struct rules_object *object; /* owned; places that stay where they are */
	unsigned int objects_max;
	char trouble[RULES_NOTE_LEN / 2]; /* why none of it can be read; "" = it does not say */
	bool under_way;			  /* proposed by us, and not at an end */
	__u64 id;
	__u64 judged_ns; /* the newest end that the record counts */
	unsigned int committed, failed, failed_in_row, vain_in_row;
	__u64 pause_ns, paused_until_ns; /* least pause: the longest cooldown of its rules */
	int direction;			 /* of the last change: 1 up, -1 down, 0 = none yet */
	char left[PROPOSAL_VALUE_LEN];	 /* value that the last change left behind */
	__u64 turn_ns[RULES_TURNS];	 /* the last turns, newest first */
	__u64 frozen_until_ns;
};

/* What a rule has to do with one object of its parameter. */
struct rules_part {
	bool holds;			 /* has changed it, and not taken that back */
	char before[PROPOSAL_VALUE_LEN]; /* value from before its first change */
	bool wanted;			 /* in this round: to be `to` */
	bool asked;			 /* a proposal of it is under way, from `from` to `to` */
	char from[PROPOSAL_VALUE_LEN], to[PROPOSAL_VALUE_LEN];
};

struct rules_rule {
	const struct profile_advice *advice;
	unsigned int parameter; /* index */
	int without;		/* index of the parameter in whose place it stands; -1 = none */
	bool when, back;	/* hold now … */
	__u64 when_ns, back_ns; /* … since then */
	__u64 next_ns,
		back_next_ns; /* cooldown: after each proposal; for going back after one that does */
	bool holds;	      /* has changed some object, and not taken that back */
	__u64 held_ns;	      /* since then */
	struct rules_part *part;       /* owned; one for each place of the parameter's objects */
	bool asked, asked_back;	       /* a proposal of it is under way */
	struct vital_now then;	       /* the vital sign when it asked */
	char note[RULES_NOTE_LEN / 2]; /* how its values were found out; "" = as it says */
	char said[RULES_NOTE_LEN];     /* why it waits, so that it is said once */
};

/* What a form makes of a parameter's objects. */
struct rules_plan {
	char value[KB_FILES_MAX][PROPOSAL_VALUE_LEN]; /* by place; "" = as it is */
	char why[RULES_NOTE_LEN / 2]; /* how it was found out, or why nothing is to be done */
};

struct rules {
	const struct kb *kb;
	struct kb_machine machine;
	struct rules_rule rule[PROFILE_ADVICE_MAX];
	unsigned int nr;
	struct rules_parameter *parameter; /* owned */
	unsigned int parameters_nr;
	struct load_state load;
	struct vital_now vital[HS_VITAL_NR];	   /* of the last round */
	void (*tell)(void *ctx, const char *text); /* what an operator should know, a line each */
	/* Values for the objects of a parameter that are known, by the machine. False: it cannot say, and why. NULL: never. */
	bool (*plan)(void *ctx, const struct rules_parameter *p, enum profile_form form,
		     struct rules_plan *plan);
	void *ctx;
};

/*
 * Makes rules of a profile's advice. Profile and knowledge base have to outlive them. 0; -EINVAL: the advice does not fit the
 * knowledge base or the machine, with "file:line: …" in @error; -ENOMEM, likewise told. rules_free() in any case.
 */
int rules_init(struct rules *rules, const struct profile *profile, const struct kb *kb,
	       const struct kb_machine *machine, char *error, size_t error_size);
void rules_free(struct rules *rules);

/* Before each round: nothing is known of parameter @index, for that reason ("" = none), until rules_object() says otherwise. */
void rules_unknown(struct rules *rules, unsigned int index, const char *trouble);

/*
 * The present value of one of its objects, as kb_read() has it, and what it can be, as kb_among(). One that is new gets the
 * place of one that is gone and that no rule has changed; false: there is none.
 */
bool rules_object(struct rules *rules, unsigned int index, const char *object, const char *now,
		  const char *among);

/* Both, of a parameter that has no objects; @text NULL: it cannot be read. */
void rules_now(struct rules *rules, unsigned int index, const char *text);

/* Does a rule whose `when` holds find out its values from the machine? Then rules->plan may be asked in the next round. Pure. */
bool rules_plans(const struct rules *rules);

/* Is that one of a rule that does so? Pure. */
bool rules_planned(const struct rules *rules, unsigned int index);

/* How many objects are known; *first (may be NULL) is one of them, if there is one. Pure. */
unsigned int rules_known(const struct rules_parameter *p, const struct rules_object **first);

/* Has a rule changed this object, and not taken that back? Pure. */
bool rules_holds(const struct rules *rules, unsigned int index, unsigned int place);

/* The vital signs of now. Before each round, and before rules_changes(): effects are judged by them. */
void rules_vitals(struct rules *rules, const struct vital_now vital[HS_VITAL_NR]);

/*
 * One round. Fills @asks with what is to be proposed, and returns how many. Each has to be answered by rules_taken() or
 * rules_refused() before the next round.
 */
unsigned int rules_round(struct rules *rules, __u64 now_ns, struct rules_ask asks[RULES_ASKS_MAX]);

/* The daemon took it, under @id, and this became of it at once. */
void rules_taken(struct rules *rules, __u64 now_ns, const struct rules_ask *ask, __u64 id,
		 enum tx_state state);

/* It did not, for this reason. */
void rules_refused(struct rules *rules, __u64 now_ns, const struct rules_ask *ask, const char *why);

/* Is anything under way, so that its end is to be asked for? Pure. */
bool rules_wait(const struct rules *rules);

/*
 * What the daemon remembers, newest first: proposals of ours that have come to an end are settled, one that it has forgotten
 * counts as never made, and each end that is new goes into the record, whoever proposed it.
 */
void rules_changes(struct rules *rules, __u64 now_ns, const struct rules_change *changes,
		   unsigned int nr);

/*
 * What rules of this profile have changed before this program came, or while it did not hear: by the daemon's memory, newest
 * first, a rule knows again what it has changed and from what, so that it can go back. For when a daemon has been connected to.
 */
void rules_remember(struct rules *rules, const struct rules_change *changes, unsigned int nr);

#endif
