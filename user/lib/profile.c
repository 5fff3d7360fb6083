// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "profile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "profile_check.h"

#define US 1000ULL
#define MS 1000000ULL
#define S 1000000000ULL
#define TIME_MAX (3600 * S)

int check_wrong(struct place place, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return yaml_file_wrong(
		&place.file->yaml,
		yaml_file_line(&place.file->yaml, place.part, place.index, place.key), "%s", text);
}

int check_quantity(struct place place, const char *text, enum unit unit, __u64 least, __u64 most,
		   __u64 *value)
{
	char low[32], high[32];
	__u64 v;
	int err;

	if (!text)
		return 0;
	err = unit_parse(text, unit, &v);
	unit_format(low, sizeof(low), least, unit);
	unit_format(high, sizeof(high), most, unit);
	if (err && err != -ERANGE)
		return check_wrong(place, "'%s: %s' in %s: %s; expected %s, from %s to %s",
				   place.key, text, place.part, unit_error(err),
				   unit_expected(unit), low, high);
	if (err || v < least || v > most)
		return check_wrong(place, "'%s: %s' in %s is out of bounds; expected %s to %s",
				   place.key, text, place.part, low, high);
	*value = v;
	return 0;
}

void profile_stock(struct profile *profile)
{
	memset(profile, 0, sizeof(*profile));
	strcpy(profile->name, "stock");
	strcpy(profile->description, "nothing is changed: stock values, no rules");
	profile->config = (struct hs_config){
		.period_min_ns = 1 * MS,
		.period_max_ns = 250 * MS,
		.window_ns = 10 * MS,
		.stress_wait_ns = 1 * MS,
		.stress_switches_hz = 2000,
		.freeze_turns = 6,
		.freeze_window_ns = 10 * S,
	};
	profile->heartbeat_limit_ns = 20 * MS;
	profile->helping = (struct profile_helping){
		.margin_permille = 1000, .floor_ns = 4 * MS, .for_ns = 10 * S, .observe_ns = 5 * S};
	profile->trip = (struct profile_trip){.rearm_max_ns = 600 * S,
					      .trips = 3,
					      .window_ns = 3600 * S,
					      .hook_limit_ns = 10 * S};
	profile->changes = (struct profile_changes){
		.idle_ns = 60 * S,
		.expire_ns = 3600 * S,
		.confirm_ns = 60 * S,
		.observe_ns = 1800 * S,
	};
	profile->weights = (struct profile_weights){
		.loss_permille = 400, .jitter_permille = 200, .work_permille = 400};
	for (int i = 0; i < HS_KNOB_NR; i++) {
		profile->knob[i].bound = knob_infos[i].bound;
		profile->knob[i].value = knob_infos[i].bound.stock;
	}
}

static int check_heart(struct profile_file *file, struct profile *profile)
{
	static const struct pulse_text no_pulse;
	static const struct freeze_text no_freeze;
	const struct pulse_text *pulse = file->text->pulse ? file->text->pulse : &no_pulse;
	const struct freeze_text *freeze = file->text->freeze ? file->text->freeze : &no_freeze;
	const char *limit = file->text->heartbeat ? file->text->heartbeat->limit : NULL;
	struct hs_config *c = &profile->config;
	__u64 turns = c->freeze_turns;

#define AT(part, key) ((struct place){file, part, -1, key})
	if (check_quantity(AT("pulse", "min"), pulse->min, UNIT_NS, 100 * US, 100 * MS,
			   &c->period_min_ns) ||
	    check_quantity(AT("pulse", "max"), pulse->max, UNIT_NS, 100 * US, 500 * MS,
			   &c->period_max_ns) ||
	    check_quantity(AT("pulse", "window"), pulse->window, UNIT_NS, 1 * MS, 10 * S,
			   &c->window_ns) ||
	    check_quantity(AT("pulse", "stress_wait"), pulse->stress_wait, UNIT_NS, 1 * US, 1 * S,
			   &c->stress_wait_ns) ||
	    check_quantity(AT("pulse", "stress_switches"), pulse->stress_switches, UNIT_HZ, 1,
			   1000000, &c->stress_switches_hz) ||
	    check_quantity(AT("heartbeat", "limit"), limit, UNIT_NS, 5 * MS, 100 * MS,
			   &profile->heartbeat_limit_ns) ||
	    check_quantity(AT("freeze", "turns"), freeze->turns, UNIT_COUNT, 2, 1000, &turns) ||
	    check_quantity(AT("freeze", "window"), freeze->window, UNIT_NS, 100 * MS, TIME_MAX,
			   &c->freeze_window_ns))
		return -EINVAL;
	c->freeze_turns = (__u32)turns;
	if (c->period_min_ns > c->period_max_ns)
		return check_wrong(AT("pulse", "min"),
				   "pulse min is longer than max; expected min <= max");
	if (c->window_ns < c->period_min_ns)
		return check_wrong(
			AT("pulse", "window"),
			"window is shorter than the shortest pulse; expected window >= min");
#undef AT
	return 0;
}

static int check_weights(struct profile_file *file, struct profile *profile)
{
	const struct weights_text *text = file->text->weights;
	struct profile_weights *weights = &profile->weights;

#define AT(key) ((struct place){file, "weights", -1, key})
	if (!text)
		return 0;
	if (check_quantity(AT("loss"), text->loss, UNIT_PERMILLE, 0, 1000,
			   &weights->loss_permille) ||
	    check_quantity(AT("jitter"), text->jitter, UNIT_PERMILLE, 0, 1000,
			   &weights->jitter_permille) ||
	    check_quantity(AT("work"), text->work, UNIT_PERMILLE, 0, 1000,
			   &weights->work_permille) ||
	    check_quantity(AT("energy"), text->energy, UNIT_PERMILLE, 0, 1000,
			   &weights->energy_permille))
		return -EINVAL;
	if (!weights->loss_permille && !weights->jitter_permille && !weights->work_permille &&
	    !weights->energy_permille)
		return check_wrong(AT(NULL), "all weights are 0, so that nothing would count; "
					     "expected one above 0 at least");
#undef AT
	return 0;
}

static int check_knob(struct profile_file *file, struct profile *profile, int index)
{
	const struct knob_text *text = &file->text->knobs[index];
	struct place at = {file, "knobs", index, "name"};
	int id = knob_find(text->name);
	struct profile_knob *knob;
	enum unit unit;

	if (id < 0)
		return check_wrong(at, "unknown knob '%s'; expected one of `homeostat knobs`",
				   text->name);
	knob = &profile->knob[id];
	if (knob->stated)
		return check_wrong(at, "knob '%s' stands twice; expected once", text->name);
	unit = unit_find(knob_infos[id].unit);
	at.key = "min";
	if (check_quantity(at, text->min, unit, knob->bound.min, knob->bound.max, &knob->bound.min))
		return -EINVAL;
	at.key = "max";
	if (check_quantity(at, text->max, unit, knob_infos[id].bound.min, knob->bound.max,
			   &knob->bound.max))
		return -EINVAL;
	if (knob->bound.min > knob->bound.max)
		return check_wrong(at, "max of '%s' is below its min; expected min <= max",
				   text->name);
	at.key = "value";
	if (check_quantity(at, text->value, unit, knob->bound.min, knob->bound.max, &knob->value))
		return -EINVAL;
	knob->stated = true;
	return 0;
}

/* gain_up: permille of the present value for AIMD, signed knob units for PROPORTIONAL. */
static int check_gain_up(struct place at, const char *text, struct hs_rule *rule)
{
	const struct knob_info *knob = &knob_infos[rule->knob];
	bool minus = text[0] == '-';
	__u64 gain;

	if (rule->kind == HS_RULE_AIMD) {
		if (check_quantity(at, text, UNIT_PERMILLE, 1, 10000, &gain))
			return -EINVAL;
		if (gain == 1000)
			return check_wrong(at,
					   "'up: %s' changes nothing; expected a factor below "
					   "or above 1000permille",
					   text);
		rule->gain_up = (__s64)gain;
		return 0;
	}
	if (check_quantity(at, text + minus, unit_find(knob->unit), 1, knob->bound.max, &gain))
		return -EINVAL;
	rule->gain_up = minus ? -(__s64)gain : (__s64)gain;
	return 0;
}

static int check_rule_names(struct place at, const struct rule_text *text, struct hs_rule *rule)
{
	int vital = vital_find(text->when), knob = knob_find(text->knob);

	at.key = "when";
	if (vital < 0)
		return check_wrong(at,
				   "unknown vital sign '%s'; expected one of `homeostat vitals`",
				   text->when);
	at.key = "knob";
	if (knob < 0)
		return check_wrong(at, "unknown knob '%s'; expected one of `homeostat knobs`",
				   text->knob);
	at.key = "kind";
	if (!strcmp(text->kind, "aimd"))
		rule->kind = HS_RULE_AIMD;
	else if (!strcmp(text->kind, "proportional"))
		rule->kind = HS_RULE_PROPORTIONAL;
	else
		return check_wrong(at, "unknown kind '%s'; expected aimd or proportional",
				   text->kind);
	rule->vital = vital;
	rule->knob = knob;
	return 0;
}

static int check_rule(struct profile_file *file, struct profile *profile, int index)
{
	const struct rule_text *text = &file->text->rules[index];
	struct hs_rule *rule = &profile->rule[index];
	struct place at = {file, "rules", index, NULL};
	__u64 down = 0;
	enum unit unit;

	if (check_rule_names(at, text, rule))
		return -EINVAL;
	for (int i = 0; i < index; i++) {
		if (profile->rule[i].vital == rule->vital && profile->rule[i].knob == rule->knob)
			return check_wrong(at, "'%s' moves '%s' already in rule %d; expected once",
					   text->when, text->knob, i + 1);
	}
	unit = unit_find(vital_infos[rule->vital].unit);
	at.key = "low";
	if (check_quantity(at, text->low, unit, 0, ~0ULL >> 1, &rule->low))
		return -EINVAL;
	at.key = "high";
	if (check_quantity(at, text->high, unit, 1, ~0ULL >> 1, &rule->high))
		return -EINVAL;
	if (rule->low > rule->high)
		return check_wrong(at, "low is above high; expected low <= high");
	at.key = "up";
	if (check_gain_up(at, text->up, rule))
		return -EINVAL;
	at.key = "down";
	if (check_quantity(at, text->down, unit_find(knob_infos[rule->knob].unit), 1,
			   knob_infos[rule->knob].bound.max, &down))
		return -EINVAL;
	rule->gain_down = (__s64)down;
	at.key = "hold";
	if (check_quantity(at, text->hold, UNIT_NS, 0, TIME_MAX, &rule->hold_ns))
		return -EINVAL;
	at.key = "cooldown";
	return check_quantity(at, text->cooldown, UNIT_NS, 0, TIME_MAX, &rule->cooldown_ns);
}

static int check_names(struct profile_file *file, struct profile *profile)
{
	const struct profile_text *text = file->text;
	struct place at = {file, "name", -1, NULL};

	if (!*text->name || strlen(text->name) >= PROFILE_NAME_LEN ||
	    text->name[strspn(text->name, NAME_CHARS)])
		return check_wrong(at, "bad name '%.64s'; expected at most %d of a-z 0-9 - _ .",
				   text->name, PROFILE_NAME_LEN - 1);
	strcpy(profile->name, text->name);
	profile->description[0] = '\0';
	if (!text->description)
		return 0;
	at.part = "description";
	if (strlen(text->description) >= sizeof(profile->description) ||
	    strchr(text->description, '\n'))
		return check_wrong(at, "bad description; expected one line of at most %zu bytes",
				   sizeof(profile->description) - 1);
	strcpy(profile->description, text->description);
	return 0;
}

static int check_all(struct profile_file *file, struct profile *profile)
{
	int err;

	err = check_names(file, profile);
	if (!err)
		err = check_heart(file, profile);
	if (!err)
		err = check_weights(file, profile);
	for (unsigned int i = 0; !err && i < file->text->knobs_count; i++)
		err = check_knob(file, profile, (int)i);
	for (unsigned int i = 0; !err && i < file->text->rules_count; i++)
		err = check_rule(file, profile, (int)i);
	profile->config.rules_nr = file->text->rules_count;
	if (!err)
		err = check_safety(file, profile);
	if (!err)
		err = check_changes(file, profile);
	if (!err)
		err = check_calendar(file, profile);
	if (!err)
		err = check_net(file, profile);
	if (!err)
		err = check_workloads(file, profile);
	if (!err)
		err = check_advice(file, profile);
	return err;
}

static int parse(struct profile *profile, bool of_calendar, const char *path, const char *text,
		 size_t len, char *error, size_t error_size)
{
	struct profile_file file = {
		.yaml = {.path = path, .error = error, .error_size = error_size},
		.of_calendar = of_calendar};
	struct profile *fresh;
	int err;

	if (error_size)
		error[0] = '\0';
	fresh = malloc(sizeof(*fresh));
	if (!fresh) {
		snprintf(error, error_size, "%s: %s", path, strerror(ENOMEM));
		return -ENOMEM;
	}
	profile_stock(fresh);
	err = snprintf(fresh->path, sizeof(fresh->path), "%s", path) >= (int)sizeof(fresh->path)
		      ? -ENAMETOOLONG
		      : profile_file_read(&file, text, len);
	if (!err)
		err = check_all(&file, fresh);
	profile_file_free(&file);
	if (!err) {
		fresh->text = strndup(text, len);
		err = fresh->text ? 0 : -ENOMEM;
	}
	if (err)
		profile_free(fresh);
	else
		*profile = *fresh;
	free(fresh);
	if (err && error_size && !error[0])
		snprintf(error, error_size, "%s: %s", path, strerror(-err));
	return err;
}

int profile_parse(struct profile *profile, const char *path, const char *text, size_t len,
		  char *error, size_t error_size)
{
	return parse(profile, false, path, text, len, error, error_size);
}

static int load(struct profile *profile, bool of_calendar, const char *path, char *error,
		size_t error_size)
{
	char *text;
	size_t len;
	int err = yaml_file_load(path, PROFILE_TEXT_MAX, &text, &len, error, error_size);

	if (err)
		return err;
	err = parse(profile, of_calendar, path, text, len, error, error_size);
	free(text);
	return err;
}

int profile_load(struct profile *profile, const char *path, char *error, size_t error_size)
{
	return load(profile, false, path, error, error_size);
}

int profile_load_shift(struct profile *profile, const char *path, char *error, size_t error_size)
{
	return load(profile, true, path, error, error_size);
}

static bool advice_asks(const struct profile *profile, __u32 vital)
{
	for (__u32 i = 0; i < profile->advice_nr; i++) {
		const struct profile_advice *a = &profile->advice[i];
		bool falls;

		if (a->when.vital == vital || (a->goes_back && a->back.vital == vital) ||
		    (a->when.ahead_ns && profile_slope(a->when.vital, &falls) == vital))
			return true;
	}
	return false;
}

bool profile_asks(const struct profile *profile, __u32 vital)
{
	for (__u32 i = 0; i < profile->config.rules_nr; i++) {
		if (profile->rule[i].vital == vital)
			return true;
	}
	for (__u32 i = 0; i < profile->config.limits_nr; i++) {
		if (profile->config.limit[i].vital == vital)
			return true;
	}
	for (__u32 i = 0; i < profile->slo_nr; i++) {
		if (profile->slo[i].vital == vital)
			return true;
	}
	return advice_asks(profile, vital);
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free(profile->workload);
	free(profile->advice);
	free(profile->text);
	calendar_free(&profile->changes.maintenance);
	profile_calendar_free(&profile->calendar);
	memset(profile, 0, sizeof(*profile));
}
