// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which rules want what in this round. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "places.h"
#include "rules_private.h"

#define S 1000000000ULL

void rules_tell(struct rules *rules, const char *fmt, ...)
{
	char text[RULES_NOTE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (rules->tell)
		rules->tell(rules->ctx, text);
}

void rules_waits(struct rules *rules, struct rules_rule *rule, const char *fmt, ...)
{
	char text[RULES_NOTE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!strcmp(rule->said, text))
		return;
	strcpy(rule->said, text);
	rules_tell(rules, "%s waits: %s", rule->advice->name, text);
}

int rules_compare(const struct kb_parameter *p, const char *a, const char *b)
{
	__u64 x, y;

	if (p->type != KB_TYPE_NUMBER || parse_u64(a, &x) || parse_u64(b, &y))
		return 0;
	return (x > y) - (x < y);
}

bool rules_same(const struct kb_parameter *p, const char *a, const char *b)
{
	__u64 x;

	if (p->type == KB_TYPE_NUMBER && !parse_u64(a, &x) && !parse_u64(b, &x))
		return !rules_compare(p, a, b);
	return kb_same(p, a, b);
}

/* ---- beginning ---- */

/* The index of a parameter, added if it is not there; -ENOMEM. */
static int parameter_of(struct rules *rules, const struct kb_parameter *kb, const char *name)
{
	struct rules_parameter *p = rules->parameter;

	for (unsigned int i = 0; i < rules->parameters_nr; i++) {
		if (p[i].kb == kb && !strcmp(p[i].name, name))
			return (int)i;
	}
	p += rules->parameters_nr;
	p->kb = kb;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->objects_max = strchr(name, '[') ? KB_FILES_MAX : 1;
	p->object = calloc(p->objects_max, sizeof(*p->object));
	return p->object ? (int)rules->parameters_nr++ : -ENOMEM;
}

/* Those that are needed, or conflict, are looked at, too. */
static int add_others(struct rules *rules, const char *words)
{
	int at = 0;

	for (unsigned int i = 0; at >= 0 && *words && i < rules->kb->nr; i++) {
		const struct kb_parameter *kb = &rules->kb->parameter[i];

		if (kb_has_word(words, kb->name))
			at = parameter_of(rules, kb, kb->name);
	}
	return at < 0 ? at : 0;
}

/* What is wrong with advice for this parameter; NULL: nothing. */
static const char *unfit(const struct profile_advice *a, const struct kb_parameter *kb,
			 const struct kb_machine *machine, char *why, size_t size)
{
	if (kb->actuator == KB_ETHTOOL || kb->actuator == KB_QDISC)
		return "its present value is in no file; expected another parameter";
	if (a->how == PROFILE_TO)
		return places_unfit(kb);
	if (a->how == PROFILE_VALUE)
		return kb_value(kb, a->value, machine, why, size) ? why : NULL;
	return kb->type == KB_TYPE_NUMBER
		       ? NULL
		       : "it is no single number; expected 'value' in the place of times or add";
}

static int wrong_rule(const struct profile *profile, const struct profile_advice *a,
		      const char *parameter, const char *why, char *error, size_t size)
{
	snprintf(error, size, "%s:%u: advice '%s' for '%s': %s", profile->path, a->line, a->name,
		 parameter, why);
	return -EINVAL;
}

/* The parameter in whose place it stands: -1 = none; -EINVAL is that, too, and told. */
static int without_of(struct rules *rules, const struct profile *profile,
		      const struct profile_advice *a, char *error, size_t size, int *without)
{
	char why[160] = "";
	const struct kb_parameter *kb;

	*without = -1;
	if (!a->without[0])
		return 0;
	kb = proposal_parameter(rules->kb, a->without, why, sizeof(why));
	if (!kb)
		return wrong_rule(profile, a, a->without, why, error, size);
	*without = parameter_of(rules, kb, a->without);
	return *without < 0 ? *without : 0;
}

static int add_rule(struct rules *rules, const struct profile *profile, unsigned int index,
		    char *error, size_t size)
{
	const struct profile_advice *a = &profile->advice[index];
	struct rules_rule *rule = &rules->rule[index];
	const struct kb_parameter *kb;
	struct rules_parameter *p;
	char why[160] = "";
	const char *wrong;
	int at, err;

	kb = proposal_parameter(rules->kb, a->parameter, why, sizeof(why));
	wrong = kb ? unfit(a, kb, &rules->machine, why, sizeof(why)) : why;
	if (wrong)
		return wrong_rule(profile, a, a->parameter, wrong, error, size);
	at = parameter_of(rules, kb, a->parameter);
	if (at < 0)
		return at;
	p = &rules->parameter[at];
	*rule = (struct rules_rule){.advice = a,
				    .parameter = (unsigned int)at,
				    .part = calloc(p->objects_max, sizeof(*rule->part))};
	rules->nr = index + 1;
	if (a->cooldown_ns > p->pause_ns)
		p->pause_ns = a->cooldown_ns;
	err = rule->part ? without_of(rules, profile, a, error, size, &rule->without) : -ENOMEM;
	if (!err)
		err = add_others(rules, kb->needs);
	return err ? err : add_others(rules, kb->conflicts);
}

int rules_init(struct rules *rules, const struct profile *profile, const struct kb *kb,
	       const struct kb_machine *machine, char *error, size_t error_size)
{
	int err = 0;

	*rules = (struct rules){.kb = kb, .machine = *machine};
	load_init(&rules->load);
	/* each rule may name two, and have some more looked at */
	rules->parameter =
		calloc(2 * (size_t)profile->advice_nr + kb->nr, sizeof(*rules->parameter));
	if (!rules->parameter)
		err = -ENOMEM;
	for (unsigned int i = 0; i < profile->advice_nr && !err; i++)
		err = add_rule(rules, profile, i, error, error_size);
	if (err == -ENOMEM)
		snprintf(error, error_size, "%s: %s", profile->path, strerror(ENOMEM));
	return err;
}

void rules_free(struct rules *rules)
{
	for (unsigned int i = 0; i < rules->parameters_nr; i++)
		free(rules->parameter[i].object);
	for (unsigned int i = 0; i < rules->nr; i++)
		free(rules->rule[i].part);
	free(rules->parameter);
	rules->parameter = NULL;
	rules->nr = rules->parameters_nr = 0;
}

bool rules_plans(const struct rules *rules)
{
	for (unsigned int i = 0; i < rules->nr; i++) {
		if (rules->rule[i].when && rules->rule[i].advice->how == PROFILE_TO)
			return true;
	}
	return false;
}

bool rules_planned(const struct rules *rules, unsigned int index)
{
	for (unsigned int i = 0; i < rules->nr; i++) {
		if (rules->rule[i].parameter == index && rules->rule[i].advice->how == PROFILE_TO)
			return true;
	}
	return false;
}

/* ---- a round ---- */

/* Is it beyond its level, or will it be, if it goes on as it does? */
static bool holds(const struct rules *rules, const struct profile_condition *c)
{
	const struct vital_now *v = &rules->vital[c->vital], *slope;
	__u64 value = v->value, way;
	bool falls;

	if (c->vital == HS_VITAL_NR || !v->present)
		return false;
	if (c->ahead_ns) {
		slope = &rules->vital[profile_slope(c->vital, &falls)];
		if (!slope->present)
			return false;
		way = slope->value * (c->ahead_ns / S);
		value = !falls ? value + way : value > way ? value - way : 0;
	}
	return c->above ? value > c->level : value < c->level;
}

static void look(bool now, __u64 now_ns, bool *held, __u64 *since_ns)
{
	if (now && !*held)
		*since_ns = now_ns;
	*held = now;
}

static void want_nothing(const struct rules *rules, struct rules_rule *rule)
{
	for (unsigned int i = 0; i < rules->parameter[rule->parameter].objects_max; i++)
		rule->part[i].wanted = false;
}

/* Why it wants nothing, though it is time to. */
static bool has_come_to_its_end(struct rules *rules, struct rules_rule *rule, unsigned int known,
				unsigned int done)
{
	const struct rules_parameter *p = &rules->parameter[rule->parameter];
	const struct rules_object *o = NULL;

	rules_known(p, &o);
	if (!known)
		rules_waits(rules, rule, "the present value of %s cannot be read here%s%s", p->name,
			    p->trouble[0] ? ": " : "", p->trouble);
	else if (!done)
		rules_waits(rules, rule, "no object of %s can be changed so here", p->name);
	else if (rule->note[0])
		rules_waits(rules, rule, "nothing of %s is to be moved: %s", p->name, rule->note);
	else if (o->name[0])
		rules_waits(rules, rule,
			    "all objects of %s are as far as they may go, the first at '%s'",
			    p->name, o->now);
	else
		rules_waits(rules, rule, "%s is '%s', as far as it may go", p->name, o->now);
	return false;
}

/* Forth: the rule's own change. */
static bool wants(struct rules *rules, struct rules_rule *rule, struct candidate *c)
{
	const struct rules_parameter *p = &rules->parameter[rule->parameter];
	unsigned int known = 0, done = 0, wanted = 0;
	struct rules_plan plan = {0};

	want_nothing(rules, rule);
	if (rule->advice->how == PROFILE_TO && rules_known(p, NULL) && rules->plan &&
	    !rules->plan(rules->ctx, p, rule->advice->form, &plan)) {
		rules_waits(rules, rule, "%s", plan.why);
		return false;
	}
	snprintf(rule->note, sizeof(rule->note), "%s", plan.why);
	/* one value for all, also for those that nobody sees here; or each its own */
	c->whole = rule->advice->how == PROFILE_VALUE;
	for (unsigned int i = 0; i < p->objects_max; i++) {
		struct rules_part *part = &rule->part[i];
		int err;

		if (!p->object[i].known)
			continue;
		known++;
		c->whole = c->whole || !p->object[i].name[0];
		err = rules_target(rules, rule, i, &plan, part->to);
		part->wanted = !err;
		wanted += !err;
		done += err == -EALREADY;
	}
	c->whole = c->whole && wanted + done == known;
	return wanted || has_come_to_its_end(rules, rule, known, done);
}

/*
 * Another rule that has changed it later than this one. It has built on what this one did, so it takes over the older value, and
 * nothing is changed now.
 */
static bool hand_over(struct rules *rules, struct rules_rule *rule)
{
	unsigned int max = rules->parameter[rule->parameter].objects_max;
	struct rules_rule *next = NULL;

	for (unsigned int i = 0; i < rules->nr; i++) {
		struct rules_rule *other = &rules->rule[i];

		if (other != rule && other->holds && other->parameter == rule->parameter &&
		    other->held_ns > rule->held_ns && (!next || other->held_ns < next->held_ns))
			next = other;
	}
	if (!next)
		return false;
	for (unsigned int i = 0; i < max; i++) {
		if (!rule->part[i].holds)
			continue;
		strcpy(next->part[i].before, rule->part[i].before);
		next->part[i].holds = true;
		rule->part[i].holds = false;
	}
	next->held_ns = rule->held_ns;
	rule->holds = false;
	return true;
}

/* Lets go of what somebody else has set since, and of what is as it was. What is gone may come back as we have set it. */
static unsigned int let_go(struct rules *rules, struct rules_rule *rule)
{
	struct rules_parameter *p = &rules->parameter[rule->parameter];
	unsigned int held = 0;

	rule->holds = false;
	for (unsigned int i = 0; i < p->objects_max; i++) {
		struct rules_part *part = &rule->part[i];
		const struct rules_object *o = &p->object[i];
		bool known = part->holds && o->known;

		if (known && !rules_same(p->kb, o->now, o->set)) {
			rules_tell(rules,
				   "%s: somebody else has set %s%s%s to '%s' since; it stays so",
				   rule->advice->name, p->name, o->name[0] ? " of " : "", o->name,
				   o->now);
			part->holds = false;
		} else if (known && rules_same(p->kb, o->now, part->before)) {
			part->holds = false;
		}
		rule->holds = rule->holds || part->holds;
		held += part->holds && o->known;
	}
	return held;
}

/* And back, unless somebody else has set it since. */
static bool wants_back(struct rules *rules, struct rules_rule *rule, struct candidate *c)
{
	struct rules_parameter *p = &rules->parameter[rule->parameter];

	want_nothing(rules, rule);
	rule->note[0] = '\0';
	if (!let_go(rules, rule) || hand_over(rules, rule))
		return false;
	c->back = true;
	c->whole = !strchr(p->name, '[');
	for (unsigned int i = 0; i < p->objects_max; i++) {
		if (!rule->part[i].holds || !p->object[i].known)
			continue;
		rules_step_back(rules, rule, i, rule->part[i].to);
		rule->part[i].wanted = true;
	}
	return true;
}

/* Is the parameter in whose place it stands of use: there, and its last changes did not fail? */
static bool stands_back(const struct rules *rules, const struct rules_rule *rule)
{
	const struct rules_parameter *p;

	if (rule->without < 0)
		return false;
	p = &rules->parameter[rule->without];
	return rules_known(p, NULL) && p->failed_in_row < RULES_OF_NO_USE;
}

/* Does the rule want anything now? */
static bool candidate(struct rules *rules, unsigned int index, __u64 now_ns, struct candidate *c)
{
	struct rules_rule *rule = &rules->rule[index];
	const struct rules_parameter *p = &rules->parameter[rule->parameter];
	const struct profile_advice *a = rule->advice;
	bool forth =
		rule->when && now_ns - rule->when_ns >= a->when.for_ns && !stands_back(rules, rule);
	bool back = !rule->when && rule->holds && rule->back &&
		    now_ns - rule->back_ns >= a->back.for_ns;

	*c = (struct candidate){.rule = index};
	if (!forth && !back) {
		rule->said[0] = '\0';
		return false;
	}
	if (p->under_way || now_ns < p->paused_until_ns)
		return false;
	/* to what was before it goes as soon as it may, also where it is frozen */
	if (back ? now_ns < rule->back_next_ns
		 : now_ns < rule->next_ns || now_ns < p->frozen_until_ns)
		return false;
	return forth ? wants(rules, rule, c) : wants_back(rules, rule, c);
}

void rules_vitals(struct rules *rules, const struct vital_now vital[HS_VITAL_NR])
{
	memcpy(rules->vital, vital, sizeof(rules->vital));
}

unsigned int rules_round(struct rules *rules, __u64 now_ns, struct rules_ask asks[RULES_ASKS_MAX])
{
	struct candidate candidates[PROFILE_ADVICE_MAX];
	int load = load_look(&rules->load, now_ns, rules->vital);
	unsigned int nr = 0;

	for (unsigned int i = 0; i < rules->nr; i++) {
		struct rules_rule *rule = &rules->rule[i];
		const struct profile_advice *a = rule->advice;
		bool left = a->leaves && load >= 0 && load != a->load;

		look(holds(rules, &a->when) && (a->load < 0 || a->load == load), now_ns,
		     &rule->when, &rule->when_ns);
		look(a->goes_back && (left || holds(rules, &a->back)), now_ns, &rule->back,
		     &rule->back_ns);
		nr += candidate(rules, i, now_ns, &candidates[nr]);
	}
	return rules_choose(rules, candidates, nr, asks);
}
