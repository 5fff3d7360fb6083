// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The advice of a profile: what homeostat-adviser proposes when. Parameters are looked up by who has a knowledge base. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "parse.h"
#include "profile_check.h"

#define S 1000000000ULL
#define H (3600 * S)
#define DAY (24 * H)
#define LEVEL_MAX (~0ULL >> 1) /* of a vital sign, as for rules */
#define TIMES_MAX 1000000ULL   /* permille */
#define NUMBER_MAX (1ULL << 62)

#define X(id, name, text) name,
const char *const profile_goals[PROFILE_GOAL_NR] = {PROFILE_GOALS(X)};
const char *const profile_loads[PROFILE_LOAD_NR] = {PROFILE_LOADS(X)};
const char *const profile_forms[PROFILE_FORM_NR] = {PROFILE_FORMS(X)};
#undef X

#define AHEAD_MAX (5 * 60 * S) /* a slope of half a minute says nothing of later */

__u32 profile_slope(__u32 vital, bool *falls)
{
	*falls = vital == HS_VITAL_THERMAL_MARGIN;
	return *falls || vital == HS_VITAL_THERMAL_HOTTEST ? HS_VITAL_THERMAL_SLOPE : HS_VITAL_NR;
}

/* The number of one of @nr words, or -EINVAL, told. */
static int word_of(struct place at, const char *text, const char *const *words, int nr,
		   const char *expected)
{
	for (int i = 0; i < nr; i++) {
		if (!strcmp(words[i], text))
			return i;
	}
	return check_wrong(at, "'%s: %.32s' in advice; expected %s", at.key, text, expected);
}

/* A text of one line that fits. */
static int copy_text(struct place at, const char *text, char *buf, size_t size)
{
	if (strlen(text) >= size || strchr(text, '\n'))
		return check_wrong(at, "'%s' is too long; expected one line of at most %zu bytes",
				   at.key, size - 1);
	strcpy(buf, text);
	return 0;
}

static int check_name(struct place at, const struct profile *profile, const char *name)
{
	at.key = "name";
	if (!*name || strlen(name) >= PROFILE_ADVICE_LEN || name[strspn(name, NAME_CHARS)])
		return check_wrong(at,
				   "bad name of advice '%.64s'; expected at most %d of a-z 0-9 - _ "
				   ".",
				   name, PROFILE_ADVICE_LEN - 1);
	for (__u32 i = 0; i < profile->advice_nr; i++) {
		if (!strcmp(profile->advice[i].name, name))
			return check_wrong(at,
					   "advice '%s' stands twice, first in line %u; expected "
					   "once",
					   name, profile->advice[i].line);
	}
	return 0;
}

/* The keys of a condition, as messages have them. */
struct condition_keys {
	const char *vital, *above, *below, *lasting;
};

static int check_vital(struct place at, const char *text, __u32 *vital)
{
	int id = vital_find(text);

	if (id < 0)
		return check_wrong(
			at, "unknown vital sign '%.64s'; expected one of `homeostat vitals`", text);
	*vital = (__u32)id;
	return 0;
}

/* What a level and a time say of condition->vital. */
static int check_condition(struct place at, const struct condition_keys *keys, const char *above,
			   const char *below, const char *lasting,
			   struct profile_condition *condition)
{
	enum unit unit = (enum unit)unit_find(vital_infos[condition->vital].unit);

	condition->above = above;
	at.key = above ? keys->above : keys->below;
	if (!above == !below)
		return check_wrong(at, "%s; expected exactly one of above and below",
				   above ? "both above and below" : "neither above nor below");
	if (check_quantity(at, above ? above : below, unit, 0, LEVEL_MAX, &condition->level))
		return -EINVAL;
	if (below && !condition->level)
		return check_wrong(at, "'%s: %s' in advice is never true; expected more than 0",
				   at.key, below);
	at.key = keys->lasting;
	return check_quantity(at, lasting, UNIT_NS, 0, H, &condition->for_ns);
}

static int check_ahead(struct place at, const char *text, struct profile_condition *when)
{
	bool falls;

	at.key = "when.ahead";
	if (text && profile_slope(when->vital, &falls) == HS_VITAL_NR)
		return check_wrong(at,
				   "'ahead' of %s, whose slope no vital sign has; expected "
				   "thermal.margin_mc or thermal.hottest_mc",
				   vital_name(when->vital));
	return check_quantity(at, text, UNIT_NS, 1 * S, AHEAD_MAX, &when->ahead_ns);
}

static int check_when(struct place at, const struct advice_when_text *text,
		      struct profile_advice *a)
{
	static const struct condition_keys keys = {"when.vital", "when.above", "when.below",
						   "when.for"};

	at.key = keys.vital;
	if (check_vital(at, text->vital, &a->when.vital))
		return -EINVAL;
	at.key = "when.load";
	a->load = text->load ? word_of(at, text->load, profile_loads, PROFILE_LOAD_NR,
				       "idle, compute, burst, io or memory")
			     : -1;
	if ((text->load && a->load < 0) ||
	    check_condition(at, &keys, text->above, text->below, text->lasting, &a->when))
		return -EINVAL;
	return check_ahead(at, text->ahead, &a->when);
}

/* "not idle", where the rule is for that load. */
static int check_leaves(struct place at, const char *text, struct profile_advice *a)
{
	at.key = "back.load";
	a->leaves = text;
	if (!text || (a->load >= 0 && !strncmp(text, "not ", 4) &&
		      !strcmp(text + 4, profile_loads[a->load])))
		return 0;
	return check_wrong(
		at, "'back.load: %.32s' in advice; expected 'not' and the load of 'when'", text);
}

static int check_back(struct place at, const struct advice_back_text *text,
		      struct profile_advice *a)
{
	static const struct condition_keys keys = {"back.vital", "back.above", "back.below",
						   "back.for"};

	a->back.vital = a->when.vital;
	at.key = keys.vital;
	if ((text->vital && check_vital(at, text->vital, &a->back.vital)) ||
	    check_leaves(at, text->load, a))
		return -EINVAL;
	at.key = keys.lasting;
	if (a->leaves && !text->vital && !text->above && !text->below) {
		a->back.vital = HS_VITAL_NR;
		return check_quantity(at, text->lasting, UNIT_NS, 0, H, &a->back.for_ns);
	}
	if (check_condition(at, &keys, text->above, text->below, text->lasting, &a->back))
		return -EINVAL;
	at.key = a->back.above ? keys.above : keys.below;
	/* or both could be true at once, and it would go to and fro */
	if (a->back.vital == a->when.vital &&
	    (a->back.above == a->when.above ||
	     (a->when.above ? a->back.level > a->when.level : a->back.level < a->when.level)))
		return check_wrong(at,
				   "'back' and 'when' overlap; expected back %s a level that is no "
				   "%s than when's",
				   a->when.above ? "below" : "above",
				   a->when.above ? "higher" : "lower");
	return 0;
}

/* After `propose`, as what has no steps cannot go back by them. */
static int check_steps(struct place at, const char *text, struct profile_advice *a)
{
	at.key = "back.steps";
	if (text && strcmp(text, "true") && strcmp(text, "false"))
		return check_wrong(at, "'back.steps: %.32s' in advice; expected true or false",
				   text);
	a->steps = text && !strcmp(text, "true");
	if (a->steps && a->how != PROFILE_TIMES && a->how != PROFILE_ADD)
		return check_wrong(at, "steps back where there are none; expected 'propose' with "
				       "times or add");
	return 0;
}

/* "2", "1.5", "0.25": into permille. */
static int check_times(struct place at, const char *text, struct profile_advice *a)
{
	const char *rest = text;
	__u64 whole = 0, part = 0;
	size_t digits = 0;
	int err = parse_digits(&rest, TIMES_MAX / 1000, &whole);

	if (!err && *rest == '.') {
		rest++;
		digits = strspn(rest, "0123456789");
		if (!digits || digits > 3)
			err = -EINVAL;
		else
			err = parse_digits(&rest, 999, &part);
		for (size_t i = digits; i < 3; i++)
			part *= 10;
	}
	a->times_permille = whole * 1000 + part;
	at.key = "propose.times";
	if (err || *rest || !a->times_permille || a->times_permille == 1000)
		return check_wrong(at,
				   "'times: %.32s' in advice; expected a factor such as 2 or 0.5, "
				   "from 0.001 to 1000, and not 1",
				   text);
	return 0;
}

static int check_add(struct place at, const char *text, struct profile_advice *a)
{
	bool minus = text[0] == '-';
	__u64 n;

	at.key = "propose.add";
	if (parse_u64_max(text + minus, NUMBER_MAX, &n) || !n)
		return check_wrong(at,
				   "'add: %.32s' in advice; expected a whole number in the "
				   "parameter's unit, such as 64 or -64",
				   text);
	a->add = minus ? -(__s64)n : (__s64)n;
	return 0;
}

static int check_end(struct place at, const char *text, bool *has, __u64 *value)
{
	*has = text;
	if (text && parse_u64_max(text, NUMBER_MAX, value))
		return check_wrong(at,
				   "'%s: %.32s' in advice; expected a whole number in the "
				   "parameter's unit",
				   at.key, text);
	return 0;
}

/* How it is to be changed: exactly one of four ways. */
static int check_how(struct place at, const struct advice_propose_text *text,
		     struct profile_advice *a)
{
	int form;

	at.key = "propose";
	if (!!text->times + !!text->add + !!text->value + !!text->to != 1)
		return check_wrong(at,
				   "expected exactly one of times, add, value and to in 'propose'");
	a->how = text->times   ? PROFILE_TIMES
		 : text->add   ? PROFILE_ADD
		 : text->value ? PROFILE_VALUE
			       : PROFILE_TO;
	at.key = "propose.value";
	if (text->times)
		return check_times(at, text->times, a);
	if (text->add)
		return check_add(at, text->add, a);
	if (text->value)
		return copy_text(at, text->value, a->value, sizeof(a->value));
	at.key = "propose.to";
	form = word_of(at, text->to, profile_forms, PROFILE_FORM_NR, "spread or pack");
	a->form = (enum profile_form)form;
	return form < 0 ? form : 0;
}

static int check_propose(struct place at, const struct advice_propose_text *text,
			 struct profile_advice *a)
{
	int err;

	at.key = "propose.parameter";
	if (copy_text(at, text->parameter, a->parameter, sizeof(a->parameter)))
		return -EINVAL;
	at.key = "propose.without";
	if (text->without && copy_text(at, text->without, a->without, sizeof(a->without)))
		return -EINVAL;
	err = check_how(at, text, a);
	at.key = "propose.most";
	if (!err)
		err = check_end(at, text->most, &a->has_most, &a->most);
	at.key = "propose.least";
	if (!err)
		err = check_end(at, text->least, &a->has_least, &a->least);
	if (!err && (a->how == PROFILE_VALUE || a->how == PROFILE_TO) &&
	    (a->has_most || a->has_least))
		return check_wrong(at,
				   "most or least beside %s; expected them with times or "
				   "add only",
				   text->value ? "value" : "to");
	if (!err && a->has_most && a->has_least && a->least > a->most)
		return check_wrong(at, "least is above most; expected least <= most");
	return err;
}

static int check_one(struct profile_file *file, struct profile *profile, int index)
{
	const struct advice_text *text = &file->text->advice[index];
	struct profile_advice *a = &profile->advice[index];
	struct place at = {file, "advice", index, NULL};
	int goal;

	a->line = yaml_file_line(&file->yaml, "advice", index, NULL);
	if (check_name(at, profile, text->name))
		return -EINVAL;
	strcpy(a->name, text->name);
	a->goes_back = text->back;
	if (check_when(at, text->when, a) || (text->back && check_back(at, text->back, a)) ||
	    check_propose(at, text->propose, a) ||
	    (text->back && check_steps(at, text->back->steps, a)))
		return -EINVAL;
	at.key = "goal";
	goal = word_of(at, text->goal, profile_goals, PROFILE_GOAL_NR, "loss, jitter or energy");
	if (goal < 0)
		return goal;
	a->goal = (enum profile_goal)goal;
	at.key = "cooldown";
	a->cooldown_ns = 30 * S;
	if (check_quantity(at, text->cooldown, UNIT_NS, 1 * S, DAY, &a->cooldown_ns))
		return -EINVAL;
	at.key = "reason";
	return copy_text(at, text->reason, a->reason, sizeof(a->reason));
}

int check_advice(struct profile_file *file, struct profile *profile)
{
	unsigned int nr = file->text->advice_count;
	int err = 0;

	if (!nr)
		return 0;
	profile->advice = calloc(nr, sizeof(*profile->advice));
	if (!profile->advice)
		return -ENOMEM;
	for (; !err && profile->advice_nr < nr; profile->advice_nr++)
		err = check_one(file, profile, (int)profile->advice_nr);
	return err;
}
