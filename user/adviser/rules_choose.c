// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Who of those that want something gets it: goals, records, conflicts, needs. */
#include <stdio.h>
#include <string.h>

#include "rules_private.h"

struct choice {
	struct rules *rules;
	struct candidate *c; /* in their order: who comes first wins */
	unsigned int nr;
};

static struct rules_rule *rule_of(const struct choice *ch, unsigned int i)
{
	return &ch->rules->rule[ch->c[i].rule];
}

static struct rules_parameter *parameter_of(const struct choice *ch, unsigned int i)
{
	return &ch->rules->parameter[rule_of(ch, i)->parameter];
}

/* Goes before: the higher goal, then who has failed less, then the order of the profile. */
static bool before(const struct rules *rules, const struct candidate *a, const struct candidate *b)
{
	const struct rules_rule *x = &rules->rule[a->rule], *y = &rules->rule[b->rule];
	const struct rules_parameter *p = &rules->parameter[x->parameter],
				     *q = &rules->parameter[y->parameter];
	unsigned int bad = p->failed_in_row + p->vain_in_row,
		     worse = q->failed_in_row + q->vain_in_row;

	if (x->advice->goal != y->advice->goal)
		return x->advice->goal < y->advice->goal;
	return bad != worse ? bad < worse : a->rule < b->rule;
}

/* Few: an insertion sort. */
static void order(struct choice *ch)
{
	for (unsigned int i = 1; i < ch->nr; i++) {
		struct candidate c = ch->c[i];
		unsigned int at = i;

		for (; at && before(ch->rules, &c, &ch->c[at - 1]); at--)
			ch->c[at] = ch->c[at - 1];
		ch->c[at] = c;
	}
}

static bool conflict(const struct kb_parameter *a, const struct kb_parameter *b)
{
	return kb_has_word(a->conflicts, b->name) || kb_has_word(b->conflicts, a->name);
}

/* Its stock value is one that is known. Pure. */
static bool has_stock(const struct kb_parameter *kb)
{
	return kb->stock[0] && strcmp(kb->stock, "computed");
}

/* Somebody has set it: an object, the first one, is not at its stock value, where that is known. Pure. */
static const struct rules_object *is_set(const struct rules_parameter *p)
{
	for (unsigned int i = 0; has_stock(p->kb) && i < p->objects_max; i++) {
		if (p->object[i].known && !rules_same(p->kb, p->object[i].now, p->kb->stock))
			return &p->object[i];
	}
	return NULL;
}

/* It has an effect: it is there, and not at a stock value that is known. Pure. */
static bool in_effect(const struct rules_parameter *p)
{
	return rules_known(p, NULL) && (is_set(p) || !has_stock(p->kb));
}

/* Against those that come first in this round. */
static bool loses(const struct choice *ch, unsigned int i)
{
	const struct rules_parameter *p = parameter_of(ch, i);

	for (unsigned int j = 0; j < i; j++) {
		const struct rules_parameter *q = parameter_of(ch, j);
		const struct profile_advice *winner = rule_of(ch, j)->advice;

		if (ch->c[j].out || (p != q && !conflict(p->kb, q->kb)))
			continue;
		rules_waits(ch->rules, rule_of(ch, i), "%s of goal %s wants %s%s first",
			    winner->name, profile_goals[winner->goal], q->name,
			    p == q ? "" : ", which conflicts with it,");
		return true;
	}
	return false;
}

/* Against what stands. Whoever goes back may: it was so before. */
static bool is_barred(const struct choice *ch, unsigned int i)
{
	const struct rules_parameter *p = parameter_of(ch, i);
	struct rules *rules = ch->rules;

	for (unsigned int j = 0; j < rules->parameters_nr && !ch->c[i].back; j++) {
		const struct rules_parameter *q = &rules->parameter[j];

		if (!conflict(p->kb, q->kb) || (!q->under_way && !is_set(q)))
			continue;
		rules_waits(rules, rule_of(ch, i), "%s conflicts with %s, which is %s%s%s", p->name,
			    q->name, q->under_way ? "being changed" : "set to '",
			    q->under_way ? "" : is_set(q)->now, q->under_way ? "" : "'");
		return true;
	}
	for (unsigned int j = 0; j < rules->nr && !ch->c[i].back; j++) {
		const struct rules_rule *other = &rules->rule[j];

		if (!other->holds || !conflict(p->kb, rules->parameter[other->parameter].kb))
			continue;
		rules_waits(rules, rule_of(ch, i), "%s conflicts with %s, which %s has changed",
			    p->name, rules->parameter[other->parameter].name, other->advice->name);
		return true;
	}
	return false;
}

static unsigned int size_of(const struct choice *ch, unsigned int bundle)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < ch->nr; i++)
		nr += !ch->c[i].out && ch->c[i].bundle == bundle;
	return nr;
}

/* Puts two into one message, with all that goes with either; false: it would be too long. */
static bool join(const struct choice *ch, unsigned int a, unsigned int b)
{
	if (a == b)
		return true;
	if (size_of(ch, a) + size_of(ch, b) > PROPOSALS_MAX)
		return false;
	for (unsigned int i = 0; i < ch->nr; i++) {
		if (ch->c[i].bundle == b)
			ch->c[i].bundle = a;
	}
	return true;
}

/* The candidate that brings parameter @kb along, or ch->nr. */
static unsigned int bringer(const struct choice *ch, const struct kb_parameter *kb)
{
	unsigned int i = 0;

	while (i < ch->nr && (ch->c[i].out || ch->c[i].back || parameter_of(ch, i)->kb != kb))
		i++;
	return i;
}

/* Has it all that its parameter needs, by now or by the same message? */
static bool is_served(const struct choice *ch, unsigned int i)
{
	const struct rules_parameter *p = parameter_of(ch, i);

	for (unsigned int j = 0; j < ch->rules->parameters_nr; j++) {
		const struct rules_parameter *q = &ch->rules->parameter[j];
		unsigned int along;

		if (q == p || !kb_has_word(p->kb->needs, q->kb->name) || in_effect(q))
			continue;
		along = bringer(ch, q->kb);
		if (along < ch->nr && join(ch, ch->c[i].bundle, ch->c[along].bundle))
			continue;
		rules_waits(ch->rules, rule_of(ch, i),
			    "%s needs %s, which is not set and which no rule sets now", p->name,
			    q->kb->name);
		return false;
	}
	return true;
}

/* One that has to wait may be what another one needed: until nothing changes. */
static void serve(struct choice *ch)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned int i = 0; i < ch->nr; i++)
			ch->c[i].bundle = i;
		for (unsigned int i = 0; i < ch->nr; i++) {
			if (ch->c[i].out || ch->c[i].back || is_served(ch, i))
				continue;
			ch->c[i].out = again = true;
			break;
		}
	}
}

/* The words for who reads it: why, and how its values were found out. */
static void reason_of(const struct choice *ch, unsigned int i, char reason[PROPOSAL_REASON_LEN])
{
	const struct rules_rule *rule = rule_of(ch, i);
	const struct profile_advice *a = rule->advice;

	snprintf(reason, PROPOSAL_REASON_LEN, "%s: %s%s%s%s%s", a->name,
		 ch->c[i].back ? RULES_BACK : "", a->reason, rule->note[0] ? " (" : "", rule->note,
		 rule->note[0] ? ")" : "");
}

/* One value for all objects that its name stands for, or each its own. @place: of one that is wrong. 0 or negative errno. */
static int add_values(const struct choice *ch, unsigned int i, struct proposals *to,
		      unsigned int *place, char *why, size_t size)
{
	const struct rules_parameter *p = parameter_of(ch, i);
	const struct rules_rule *rule = rule_of(ch, i);
	char reason[PROPOSAL_REASON_LEN];
	int err = 0;

	reason_of(ch, i, reason);
	for (*place = 0; !rule->part[*place].wanted;)
		++*place;
	if (ch->c[i].whole)
		return proposals_add(to, p->kb, p->name, rule->part[*place].to, reason,
				     &ch->rules->machine, why, size);
	err = proposals_add(to, p->kb, p->kb->name, NULL, reason, &ch->rules->machine, why, size);
	for (unsigned int j = *place; !err && j < p->objects_max; j++) {
		if (!rule->part[j].wanted)
			continue;
		*place = j;
		err = proposals_add_part(to, p->object[j].name, rule->part[j].to,
					 &ch->rules->machine, why, size);
	}
	return err;
}

static bool add_to(const struct choice *ch, unsigned int i, struct rules_ask *ask)
{
	const struct rules_parameter *p = parameter_of(ch, i);
	char why[160] = "too many at once";
	unsigned int place;

	if (add_values(ch, i, &ask->proposals, &place, why, sizeof(why))) {
		/* a value from before may be one that the knowledge base would not have let pass */
		rules_waits(ch->rules, rule_of(ch, i), "'%s' for %s: %s",
			    rule_of(ch, i)->part[place].to, p->name, why);
		return false;
	}
	ask->rule[ask->proposals.nr - 1] = ch->c[i].rule;
	ask->back[ask->proposals.nr - 1] = ch->c[i].back;
	return true;
}

unsigned int rules_choose(struct rules *rules, struct candidate *candidates, unsigned int nr,
			  struct rules_ask asks[RULES_ASKS_MAX])
{
	struct choice ch = {.rules = rules, .c = candidates, .nr = nr};
	unsigned int made = 0;

	order(&ch);
	for (unsigned int i = 0; i < nr; i++)
		candidates[i].out = loses(&ch, i) || is_barred(&ch, i);
	serve(&ch);
	for (unsigned int i = 0; i < nr && made < RULES_ASKS_MAX; i++) {
		struct rules_ask *ask = &asks[made];
		bool whole = true;

		if (candidates[i].out)
			continue;
		ask->proposals.source = PROPOSAL_RULES;
		ask->proposals.nr = ask->proposals.parts_nr = 0;
		for (unsigned int j = i; j < nr; j++) {
			if (candidates[j].out || candidates[j].bundle != candidates[i].bundle)
				continue;
			whole = add_to(&ch, j, ask) && whole;
			candidates[j].out = true;
		}
		made += whole;
	}
	return made;
}
