// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What became of proposals, and what is learnt from it: records, pauses, frozen parameters. */
#include <stdio.h>
#include <string.h>

#include "rules_private.h"

#define S 1000000000ULL
#define PAUSE_NS (30 * S) /* of a parameter that no rule has a cooldown for */

static void freeze(struct rules_parameter *p, __u64 now_ns)
{
	p->frozen_until_ns = now_ns + RULES_FREEZE_NS;
	memset(p->turn_ns, 0, sizeof(p->turn_ns));
	p->direction = 0;
	p->left[0] = '\0';
}

/* The pause after the nth of a kind in a row: the second doubles it, and each one after that. */
static __u64 pause_after(const struct rules_parameter *p, unsigned int in_row)
{
	__u64 pause = p->pause_ns ? p->pause_ns : PAUSE_NS;

	for (; in_row > 1 && pause < RULES_PAUSE_MAX_NS; in_row--)
		pause *= 2;
	return pause < RULES_PAUSE_MAX_NS ? pause : RULES_PAUSE_MAX_NS;
}

static void pause_for(struct rules_parameter *p, __u64 from_ns, unsigned int in_row)
{
	__u64 until_ns = from_ns + pause_after(p, in_row);

	if (in_row && until_ns > p->paused_until_ns)
		p->paused_until_ns = until_ns;
}

static void count_failure(struct rules_parameter *p, __u64 at_ns)
{
	p->failed++;
	p->failed_in_row++;
	pause_for(p, at_ns, p->failed_in_row);
}

/* An end, whoever proposed it, into the record. */
static void count_end(struct rules_parameter *p, enum tx_state state, __u64 at_ns)
{
	switch (state) {
	case TX_COMMITTED:
		p->committed++;
		p->failed_in_row = 0;
		break;
	case TX_ROLLED_BACK:
	case TX_REJECTED:
	case TX_EXPIRED:
	case TX_FAILED:
		count_failure(p, at_ns);
		break;
	default:
		break;
	}
}

/* Did it help? A tenth is more than vital signs vary by themselves, mostly. */
static bool is_better(const struct profile_advice *a, const struct vital_now *then,
		      const struct vital_now *now)
{
	if (a->when.above)
		return now->value <= a->when.level || now->value <= then->value / 10 * 9;
	return now->value >= a->when.level || now->value >= then->value + then->value / 10;
}

static void judge_effect(struct rules *rules, const struct rules_rule *rule,
			 struct rules_parameter *p, __u64 now_ns)
{
	const struct vital_now *now = &rules->vital[rule->advice->when.vital];

	/* that a host is idle is no ill, and needs no cure */
	if (!rule->then.present || !now->present || rule->advice->goal == PROFILE_GOAL_ENERGY)
		return;
	if (is_better(rule->advice, &rule->then, now)) {
		p->vain_in_row = 0;
		return;
	}
	p->vain_in_row++;
	if (p->vain_in_row > 1)
		pause_for(p, now_ns, p->vain_in_row);
}

/* Who goes back has given an object free when it has its value from before, not a step nearer to it. */
static void committed(struct rules *rules, struct rules_rule *rule, struct rules_parameter *p,
		      __u64 now_ns)
{
	bool held = rule->holds;

	rule->holds = false;
	for (unsigned int i = 0; i < p->objects_max; i++) {
		struct rules_part *part = &rule->part[i];

		if (part->asked)
			strcpy(p->object[i].set, part->to);
		if (part->asked && rule->asked_back) {
			part->holds = !rules_same(p->kb, part->to, part->before);
		} else if (part->asked && !part->holds) {
			part->holds = true;
			strcpy(part->before, part->from);
		}
		rule->holds = rule->holds || part->holds;
	}
	if (rule->holds && !held)
		rule->held_ns = now_ns;
	if (!rule->asked_back)
		judge_effect(rules, rule, p, now_ns);
}

static void let_go(struct rules_rule *rule, const struct rules_parameter *p)
{
	for (unsigned int i = 0; i < p->objects_max; i++)
		rule->part[i].holds = false;
	rule->holds = false;
}

/* Our own proposal for @p has come to its end. */
static void settle(struct rules *rules, struct rules_parameter *p, enum tx_state state,
		   __u64 now_ns)
{
	p->under_way = false;
	for (unsigned int i = 0; i < rules->nr; i++) {
		struct rules_rule *rule = &rules->rule[i];

		if (!rule->asked || &rules->parameter[rule->parameter] != p)
			continue;
		rule->asked = false;
		if (state == TX_COMMITTED)
			committed(rules, rule, p, now_ns);
		else if (state == TX_YIELDED)
			let_go(rule, p);
		for (unsigned int j = 0; j < p->objects_max; j++)
			rule->part[j].asked = false;
	}
	if (state == TX_YIELDED) {
		freeze(p, now_ns);
		rules_tell(rules, "%s is left alone for an hour: an administrator has written it",
			   p->name);
	}
}

/* Which way a change goes. Of values without an order, back to what it last left is a turn. */
static int direction_of(const struct rules_parameter *p, const char *from, const char *to)
{
	int order = rules_compare(p->kb, to, from);

	if (order || !p->direction)
		return order ? order : 1;
	return p->left[0] && rules_same(p->kb, to, p->left) ? -p->direction : p->direction;
}

/* Freezes a parameter that has turned too often: it does not matter who pulls. */
static void count_turn(struct rules *rules, struct rules_parameter *p, const char *from,
		       const char *to, __u64 now_ns)
{
	int direction = direction_of(p, from, to);
	bool turned = p->direction && direction != p->direction;
	__u64 first_ns = p->turn_ns[RULES_TURNS - 2];

	p->direction = direction;
	snprintf(p->left, sizeof(p->left), "%s", from);
	if (!turned)
		return;
	memmove(p->turn_ns + 1, p->turn_ns, sizeof(p->turn_ns) - sizeof(p->turn_ns[0]));
	p->turn_ns[0] = now_ns;
	if (!first_ns || now_ns - first_ns > RULES_TURNS_NS)
		return;
	freeze(p, now_ns);
	rules_tell(rules,
		   "%s is frozen for an hour: it has turned back and forth %d times within %llu "
		   "min; look for rules or programs that pull it both ways",
		   p->name, RULES_TURNS, RULES_TURNS_NS / (60 * S));
}

/* Who has changed something may go back at once. */
static void rest(struct rules_rule *rule, bool back, __u64 now_ns)
{
	rule->next_ns = now_ns + rule->advice->cooldown_ns;
	if (back)
		rule->back_next_ns = rule->next_ns;
}

static void begin(struct rules *rules, const struct rules_ask *ask, unsigned int i, __u64 now_ns)
{
	struct rules_rule *rule = &rules->rule[ask->rule[i]];
	const struct rules_parameter *p = &rules->parameter[rule->parameter];

	rule->said[0] = '\0';
	rest(rule, ask->back[i], now_ns);
	/* what it saw before its change is no reason for the next one */
	rule->when = rule->back = false;
	rule->then = rules->vital[rule->advice->when.vital];
	rule->asked = true;
	rule->asked_back = ask->back[i];
	for (unsigned int j = 0; j < p->objects_max; j++) {
		struct rules_part *part = &rule->part[j];

		part->asked = part->wanted;
		strcpy(part->from, p->object[j].now);
	}
}

/* The first object that is changed: its way is that of all. */
static const struct rules_part *first_part(const struct rules_rule *rule)
{
	const struct rules_part *part = rule->part;

	while (!part->wanted)
		part++;
	return part;
}

void rules_taken(struct rules *rules, __u64 now_ns, const struct rules_ask *ask, __u64 id,
		 enum tx_state state)
{
	for (unsigned int i = 0; i < ask->proposals.nr; i++) {
		struct rules_rule *rule = &rules->rule[ask->rule[i]];
		struct rules_parameter *p = &rules->parameter[rule->parameter];
		const struct rules_part *part = first_part(rule);

		begin(rules, ask, i, now_ns);
		p->under_way = true;
		p->id = id;
		count_turn(rules, p, part->from, part->to, now_ns);
		if (!tx_has_ended(state))
			continue;
		settle(rules, p, state, now_ns);
		count_end(p, state, now_ns);
		p->judged_ns = now_ns;
	}
}

void rules_refused(struct rules *rules, __u64 now_ns, const struct rules_ask *ask, const char *why)
{
	for (unsigned int i = 0; i < ask->proposals.nr; i++) {
		struct rules_rule *rule = &rules->rule[ask->rule[i]];

		rest(rule, ask->back[i], now_ns);
		count_failure(&rules->parameter[rule->parameter], now_ns);
		rules_waits(rules, rule, "refused: %s", why);
	}
}

bool rules_wait(const struct rules *rules)
{
	for (unsigned int i = 0; i < rules->parameters_nr; i++) {
		if (rules->parameter[i].under_way)
			return true;
	}
	return false;
}

/* The end of our own, told once: a commit by what it did, the rest by its state. */
static void tell_end(struct rules *rules, const struct rules_parameter *p, enum tx_state state)
{
	rules_tell(rules, "%s: change %llu is %s", p->name, p->id, tx_states[state].name);
}

static void look_at(struct rules *rules, struct rules_parameter *p, __u64 now_ns,
		    const struct rules_change *changes, unsigned int nr)
{
	bool found = false;
	__u64 newest_ns = p->judged_ns, last = 0;

	for (unsigned int i = nr; i-- > 0;) {
		const struct rules_change *c = &changes[i];

		/* one end, however many files it had */
		if (c->kb != p->kb || c->id == last)
			continue;
		last = c->id;
		if (p->under_way && c->id == p->id) {
			found = true;
			if (tx_has_ended(c->state)) {
				tell_end(rules, p, c->state);
				settle(rules, p, c->state, now_ns);
			}
		}
		if (!tx_has_ended(c->state) || c->at_ns <= p->judged_ns || c->at_ns > now_ns)
			continue;
		count_end(p, c->state, c->at_ns);
		if (c->at_ns > newest_ns)
			newest_ns = c->at_ns;
	}
	p->judged_ns = newest_ns;
	if (!found && p->under_way) {
		rules_tell(rules,
			   "%s: the daemon has forgotten change %llu; it counts as never made",
			   p->name, p->id);
		settle(rules, p, TX_EXPIRED, now_ns);
	}
}

void rules_changes(struct rules *rules, __u64 now_ns, const struct rules_change *changes,
		   unsigned int nr)
{
	for (unsigned int i = 0; i < rules->parameters_nr; i++)
		look_at(rules, &rules->parameter[i], now_ns, changes, nr);
}

/* Whose change that was, by the reason: NULL, none of ours. */
static struct rules_rule *changer(struct rules *rules, const struct rules_change *c, bool *back)
{
	for (unsigned int i = 0; i < rules->nr; i++) {
		struct rules_rule *rule = &rules->rule[i];
		size_t len = strlen(rule->advice->name);

		if (rules->parameter[rule->parameter].kb != c->kb ||
		    strncmp(c->reason, rule->advice->name, len) ||
		    strncmp(c->reason + len, ": ", 2))
			continue;
		*back = !strncmp(c->reason + len + 2, RULES_BACK, strlen(RULES_BACK));
		return rule;
	}
	return NULL;
}

static void remember(struct rules *rules, const struct rules_change *c)
{
	char object[KB_OBJECTS_LEN] = "";
	struct rules_parameter *p;
	struct rules_rule *rule;
	struct rules_part *part;
	bool back, held;
	int place;

	if (c->state != TX_COMMITTED || !c->by_rules || strlen(c->to) >= sizeof(p->object->set) ||
	    strlen(c->from) >= sizeof(part->before))
		return;
	rule = changer(rules, c, &back);
	if (!rule)
		return;
	p = &rules->parameter[rule->parameter];
	if (strchr(p->name, '[') && kb_objects_of(p->kb, c->path, object))
		return;
	place = rules_place(rules, p, object);
	if (place < 0)
		return;
	part = &rule->part[place];
	strcpy(p->object[place].set, c->to);
	if (back) {
		part->holds = rule->advice->steps && part->holds &&
			      !rules_same(p->kb, c->to, part->before);
	} else if (!part->holds) {
		part->holds = true;
		strcpy(part->before, c->from);
	}
	held = rule->holds;
	rule->holds = false;
	for (unsigned int i = 0; i < p->objects_max; i++)
		rule->holds = rule->holds || rule->part[i].holds;
	if (rule->holds && !held)
		rule->held_ns = c->at_ns;
}

void rules_remember(struct rules *rules, const struct rules_change *changes, unsigned int nr)
{
	/* a rule that holds knows better: where it has handed over, no change says so */
	for (unsigned int i = 0; i < rules->nr; i++) {
		if (rules->rule[i].holds)
			return;
	}
	for (unsigned int i = nr; i-- > 0;)
		remember(rules, &changes[i]);
}
