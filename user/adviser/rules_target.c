// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Objects of a parameter, and where a rule would have each of them go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "rules_private.h"

/* ---- objects ---- */

bool rules_holds(const struct rules *rules, unsigned int index, unsigned int place)
{
	for (unsigned int i = 0; i < rules->nr; i++) {
		const struct rules_rule *rule = &rules->rule[i];

		if (rule->parameter == index &&
		    (rule->part[place].holds || rule->part[place].asked))
			return true;
	}
	return false;
}

int rules_place(struct rules *rules, struct rules_parameter *p, const char *object)
{
	unsigned int index = (unsigned int)(p - rules->parameter);
	int free = -1;

	for (unsigned int i = 0; i < p->objects_max; i++) {
		if (p->object[i].used && !strcmp(p->object[i].name, object))
			return (int)i;
		if (free < 0 &&
		    (!p->object[i].used || (!p->object[i].known && !rules_holds(rules, index, i))))
			free = (int)i;
	}
	if (free < 0 || strlen(object) >= sizeof(p->object->name))
		return -1;
	p->object[free] = (struct rules_object){.used = true};
	strcpy(p->object[free].name, object);
	return free;
}

void rules_unknown(struct rules *rules, unsigned int index, const char *trouble)
{
	struct rules_parameter *p = &rules->parameter[index];

	for (unsigned int i = 0; i < p->objects_max; i++)
		p->object[i].known = false;
	snprintf(p->trouble, sizeof(p->trouble), "%s", trouble);
}

bool rules_object(struct rules *rules, unsigned int index, const char *object, const char *now,
		  const char *among)
{
	struct rules_parameter *p = &rules->parameter[index];
	int place = strlen(now) < sizeof(p->object->now) ? rules_place(rules, p, object) : -1;
	struct rules_object *o;

	if (place < 0)
		return false;
	o = &p->object[place];
	o->known = true;
	strcpy(o->now, now);
	/* half a list would forbid what the other half allows */
	snprintf(o->among, sizeof(o->among), "%s", strlen(among) < sizeof(o->among) ? among : "");
	return true;
}

void rules_now(struct rules *rules, unsigned int index, const char *text)
{
	rules_unknown(rules, index, "");
	if (text)
		rules_object(rules, index, "", text, "");
}

unsigned int rules_known(const struct rules_parameter *p, const struct rules_object **first)
{
	unsigned int nr = 0;

	for (unsigned int i = p->objects_max; i-- > 0;) {
		if (!p->object[i].known)
			continue;
		nr++;
		if (first)
			*first = &p->object[i];
	}
	return nr;
}

/* ---- numbers ---- */

/* A value, and where it may go. */
struct course {
	__u64 now, least, most;
	bool up;
};

/* Of the values that there are the nearest to @n on the way; false: there is none. */
static bool nearest(const struct course *c, const char *among, __u64 n, __u64 *found)
{
	bool any = false;
	__u64 value, far, best = 0;

	for (; *among; among += strcspn(among, " \t"), among += strspn(among, " \t")) {
		const char *at = among;

		if (parse_digits(&at, ~0ULL, &value) || value < c->least || value > c->most ||
		    (c->up ? value <= c->now : value >= c->now))
			continue;
		far = value > n ? value - n : n - value;
		if (any && (far > best || (far == best && value > *found)))
			continue;
		any = true;
		best = far;
		*found = value;
	}
	return any;
}

/* The range of knowledge base and rule. */
static struct course course_of(const struct rules *rules, const struct rules_parameter *p,
			       const struct profile_advice *a, __u64 now)
{
	struct course c = {.now = now,
			   .least = kb_bound(p->kb, &p->kb->min, &rules->machine),
			   .most = kb_bound(p->kb, &p->kb->max, &rules->machine),
			   .up = a->how == PROFILE_TIMES ? a->times_permille > 1000 : a->add > 0};

	if (a->has_least && a->least > c.least)
		c.least = a->least;
	if (a->has_most && a->most < c.most)
		c.most = a->most;
	return c;
}

static int number(const struct rules *rules, const struct rules_rule *rule,
		  const struct rules_object *o, char to[PROPOSAL_VALUE_LEN])
{
	const struct profile_advice *a = rule->advice;
	struct course c;
	__u64 now, found;
	__int128 n;

	if (parse_u64(o->now, &now))
		return -EINVAL;
	c = course_of(rules, &rules->parameter[rule->parameter], a, now);
	n = a->how == PROFILE_TIMES ? (__int128)now * a->times_permille / 1000
				    : (__int128)now + a->add;
	if (n == now)
		n += c.up ? 1 : -1;
	n = n < c.least ? c.least : n > c.most ? c.most : n;
	if (o->among[0]) {
		if (!nearest(&c, o->among, (__u64)n, &found))
			return -EALREADY;
		n = found;
	}
	snprintf(to, PROPOSAL_VALUE_LEN, "%llu", (__u64)n);
	return (c.up ? n > now : n < now) ? 0 : -EALREADY;
}

void rules_step_back(const struct rules *rules, const struct rules_rule *rule, unsigned int place,
		     char to[PROPOSAL_VALUE_LEN])
{
	const struct rules_object *o = &rules->parameter[rule->parameter].object[place];
	const char *before = rule->part[place].before;
	const struct profile_advice *a = rule->advice;
	struct course c;
	__u64 old, found;
	__int128 n;

	snprintf(to, PROPOSAL_VALUE_LEN, "%s", before);
	if (!a->steps || parse_u64(o->now, &c.now) || parse_u64(before, &old))
		return;
	c.up = old > c.now;
	c.least = c.up ? c.now : old;
	c.most = c.up ? old : c.now;
	n = a->how == PROFILE_TIMES ? (__int128)c.now * 1000 / a->times_permille
				    : (__int128)c.now - a->add;
	if (n == c.now)
		n += c.up ? 1 : -1;
	/* there, or somebody's odd value is on the other side of it */
	if (c.up ? n >= old || n < c.now : n <= old || n > c.now)
		return;
	if (o->among[0] && nearest(&c, o->among, (__u64)n, &found))
		n = found;
	snprintf(to, PROPOSAL_VALUE_LEN, "%llu", (__u64)n);
}

int rules_target(const struct rules *rules, const struct rules_rule *rule, unsigned int place,
		 const struct rules_plan *plan, char to[PROPOSAL_VALUE_LEN])
{
	const struct rules_parameter *p = &rules->parameter[rule->parameter];
	const struct rules_object *o = &p->object[place];
	const struct profile_advice *a = rule->advice;
	char why[160];

	if (o->name[0] && kb_value(p->kb, o->now, &rules->machine, why, sizeof(why)))
		return -ERANGE;
	if (a->how == PROFILE_TIMES || a->how == PROFILE_ADD)
		return number(rules, rule, o, to);
	if (a->how == PROFILE_TO && !plan->value[place][0])
		return -EALREADY;
	snprintf(to, PROPOSAL_VALUE_LEN, "%s",
		 a->how == PROFILE_TO ? plan->value[place] : a->value);
	if (rules_same(p->kb, o->now, to))
		return -EALREADY;
	return o->among[0] && !kb_has_word(o->among, to) ? -ENOENT : 0;
}
