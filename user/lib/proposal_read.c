// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The three shapes of an answer: a list of recommendations, a map of target values with one reasoning, a single action with a
 * safety level. What keys each has stands in the tables below, and in homeostat-parameters(5).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "names.h"
#include "parse.h"
#include "proposal.h"

#define WHOLE_MAX                                                                                  \
	(1ULL << 53) /* above, a number with a fraction or exponent may not be what was written */

struct reading {
	const struct kb *kb;
	const struct kb_machine *machine;
	struct proposals *out;
	struct json_fault *fault;
};

/* Where we are: the pointer to an object, and the object. */
struct at {
	struct json_object *obj;
	char pointer[JSON_POINTER_LEN];
};

static const char *const envelope_keys[] = {"verb", "source", NULL};
static const char *const list_keys[] = {"recommendations", "proposals", NULL};
static const char *const map_keys[] = {"target_values", "parameters", "values", NULL};
static const char *const action_keys[] = {"action", NULL};
static const char *const what_keys[] = {"parameter", "value", "values", NULL};
static const char *const value_keys[] = {"value", "values", NULL};
static const char *const reason_keys[] = {"reason", "reasoning", NULL};
static const char *const option_keys[] = {
	"timing", "risk", "can_auto_apply", "rollback_if", "restart_required", NULL};
static const char *const safety_keys[] = {"safety", "safety_level", NULL};

/* Refuses what is at, or at its member @key. */
__attribute__((format(printf, 4, 5))) static int wrong(struct reading *r, const struct at *at,
						       const char *key, const char *fmt, ...)
{
	va_list ap;

	*r->fault = (struct json_fault){0};
	memcpy(r->fault->pointer, at->pointer, sizeof(r->fault->pointer));
	if (key)
		json_pointer_key(r->fault->pointer, key, strlen(key));
	va_start(ap, fmt);
	vsnprintf(r->fault->why, sizeof(r->fault->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static struct json_object *member(const struct at *at, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(at->obj, key, &v);
	return v;
}

static bool has(const struct at *at, const char *key)
{
	return json_object_object_get_ex(at->obj, key, NULL);
}

/* The one of these keys that is there: NULL, or several of them, told. */
static int one_of(struct reading *r, const struct at *at, const char *const *keys,
		  const char **found)
{
	*found = NULL;
	for (; *keys; keys++) {
		if (!has(at, *keys))
			continue;
		if (*found)
			return wrong(r, at, *keys, "beside '%s'; expected one of the two", *found);
		*found = *keys;
	}
	return 0;
}

static bool listed(const char *const *keys, const char *key)
{
	while (*keys && strcmp(*keys, key))
		keys++;
	return *keys;
}

/* Every key is one of those sets, of which there are at most six. */
static int known(struct reading *r, const struct at *at, const char *const *const *sets)
{
	json_object_object_foreach(at->obj, key, v)
	{
		char names[256] = "";
		size_t i = 0, len = 0;

		(void)v;
		while (sets[i] && !listed(sets[i], key))
			i++;
		if (sets[i])
			continue;
		for (i = 0; sets[i]; i++) {
			for (const char *const *k = sets[i]; *k && len < sizeof(names); k++)
				len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
							len ? ", " : "", *k);
		}
		return wrong(r, at, key, "unknown key; expected one of: %s", names);
	}
	return 0;
}

/* A text of bounded length, one line, whose line breaks become blanks. */
static int read_text(struct reading *r, const struct at *at, const char *key, char *buf,
		     size_t size)
{
	struct json_object *v = member(at, key);

	if (!json_object_is_type(v, json_type_string))
		return wrong(r, at, key, "expected a text in double quotes");
	if (!json_object_get_string_len(v))
		return wrong(r, at, key, "an empty text; expected one that says something");
	if ((size_t)json_object_get_string_len(v) >= size)
		return wrong(r, at, key, "a text of %d bytes; expected at most %zu",
			     json_object_get_string_len(v), size - 1);
	strcpy(buf, json_object_get_string(v));
	for (char *c = buf; *c; c++) {
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return wrong(r, at, key, "a control character; expected plain text");
	}
	return 0;
}

static int read_bool(struct reading *r, const struct at *at, const char *key, bool *value)
{
	if (!has(at, key))
		return 0;
	if (!json_object_is_type(member(at, key), json_type_boolean))
		return wrong(r, at, key, "expected true or false");
	*value = json_object_get_boolean(member(at, key));
	return 0;
}

static int read_rollbacks(struct reading *r, const struct at *at, struct proposal *p)
{
	struct json_object *list = member(at, "rollback_if");
	struct at entry = *at;
	char why[JSON_WHY_LEN / 2];
	size_t end;

	if (!has(at, "rollback_if"))
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return wrong(r, at, "rollback_if", "expected a list of conditions");
	json_pointer_key(entry.pointer, "rollback_if", strlen("rollback_if"));
	end = strlen(entry.pointer);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		entry.obj = json_object_array_get_idx(list, i);
		entry.pointer[end] = '\0';
		json_pointer_index(entry.pointer, i);
		if (!json_object_is_type(entry.obj, json_type_string))
			return wrong(r, &entry, NULL, "expected a text 'VITAL > NUMBER'");
		if (proposal_rollback(&p->rollback[p->rollback_nr], proposals_rollbacks(r->out),
				      json_object_get_string(entry.obj), why, sizeof(why)))
			return wrong(r, &entry, NULL, "%s", why);
		p->rollback_nr++;
	}
	return 0;
}

/* What the knowledge base says is the least: nobody talks a risk down, or a maintenance window away. */
static int read_timing(struct reading *r, const struct at *at, struct proposal *p)
{
	char text[16];
	int i = 0;

	if (!has(at, "timing"))
		return 0;
	if (read_text(r, at, "timing", text, sizeof(text)))
		return -EINVAL;
	while (i < KB_TIMING_NR && strcmp(kb_timings[i].name, text))
		i++;
	if (i == KB_TIMING_NR)
		return wrong(r, at, "timing",
			     "unknown timing '%s'; expected immediate, task, idle, maintenance or "
			     "reboot",
			     text);
	if (i == KB_TIMING_REBOOT && p->kb->timing != KB_TIMING_REBOOT)
		return wrong(r, at, "timing", "'%s' is no boot parameter; expected %s or later",
			     p->kb->name, kb_timings[p->kb->timing].name);
	p->timing = i < (int)p->kb->timing ? (int)p->kb->timing : i;
	return 0;
}

static int read_options(struct reading *r, const struct at *at, struct proposal *p)
{
	struct json_object *risk = member(at, "risk");
	int64_t n = json_object_get_int64(risk);

	if (read_timing(r, at, p))
		return -EINVAL;
	if (has(at, "risk")) {
		if (!json_object_is_type(risk, json_type_int) || n < 1 || n > KB_RISK_MAX)
			return wrong(r, at, "risk", "expected a whole number from 1 to %d",
				     KB_RISK_MAX);
		p->risk = (unsigned int)n > p->kb->risk ? (unsigned int)n : p->kb->risk;
	}
	return read_bool(r, at, "can_auto_apply", &p->can_auto_apply) ||
			       read_bool(r, at, "restart_required", &p->restart_required)
		       ? -EINVAL
		       : 0;
}

/* A value at @key as text; numbers where they are whole. */
static int read_value(struct reading *r, const struct at *at, const char *key, struct proposal *p)
{
	struct json_object *v = member(at, key);
	char why[160];
	double d;

	switch (json_object_get_type(v)) {
	case json_type_string:
		if (read_text(r, at, key, p->value, sizeof(p->value)))
			return -EINVAL;
		break;
	case json_type_int:
		snprintf(p->value, sizeof(p->value), "%s", json_object_get_string(v));
		break;
	case json_type_double:
		d = json_object_get_double(v);
		if (!(d >= 0 && d <= (double)WHOLE_MAX) || (double)(__u64)d != d)
			return wrong(r, at, key,
				     "a number that is not whole; expected a whole one");
		snprintf(p->value, sizeof(p->value), "%llu", (__u64)d);
		break;
	default:
		return wrong(r, at, key, "expected a text or a whole number");
	}
	if (kb_value(p->kb, p->value, r->machine, why, sizeof(why)))
		return wrong(r, at, key, "'%.64s' for '%s': %s", p->value, p->kb->name, why);
	return 0;
}

/* Values for objects, by their names. */
static int read_values(struct reading *r, const struct at *at, struct proposal *p)
{
	struct at values = *at;
	char why[160];

	values.obj = member(at, "values");
	if (!json_object_is_type(values.obj, json_type_object) ||
	    !json_object_object_length(values.obj))
		return wrong(r, at, "values", "expected an object of at least one value");
	json_pointer_key(values.pointer, "values", strlen("values"));
	json_object_object_foreach(values.obj, object, v)
	{
		(void)v;
		if (read_value(r, &values, object, p))
			return -EINVAL;
		if (proposals_add_part(r->out, object, p->value, r->machine, why, sizeof(why)))
			return wrong(r, &values, object, "%s", why);
	}
	p->value[0] = '\0';
	return 0;
}

/* Begins another proposal, of the parameter @text that stands at @key, @alone: without objects. NULL: refused. */
static struct proposal *begin(struct reading *r, const struct at *at, const char *key,
			      const char *text, bool alone)
{
	struct proposals *out = r->out;
	struct proposal *p = &out->proposal[out->nr];
	char why[JSON_WHY_LEN / 2] = "";

	if (out->nr == PROPOSALS_MAX) {
		wrong(r, at, key, "more than %d parameters; expected several messages",
		      PROPOSALS_MAX);
		return NULL;
	}
	*p = (struct proposal){
		.kb = (alone ? proposal_alone : proposal_parameter)(r->kb, text, why, sizeof(why)),
		.timing = -1,
		.first = out->parts_nr,
		.can_auto_apply = true};
	if (!p->kb) {
		wrong(r, at, key, "%s", why);
		return NULL;
	}
	snprintf(p->parameter, sizeof(p->parameter), "%s", text);
	for (unsigned int i = 0; i < out->nr; i++) {
		if (!strcmp(out->proposal[i].parameter, p->parameter)) {
			wrong(r, at, key, "'%s' stands twice; expected once", p->parameter);
			return NULL;
		}
	}
	out->nr++;
	return p;
}

/* The reason at hand, or the one that holds for all. */
static int read_reason(struct reading *r, const struct at *at, const char *common,
		       char reason[PROPOSAL_REASON_LEN])
{
	const char *key;

	if (one_of(r, at, reason_keys, &key))
		return -EINVAL;
	if (key)
		return read_text(r, at, key, reason, PROPOSAL_REASON_LEN);
	if (!common || !*common)
		return wrong(r, at, NULL, "lacks 'reason'; expected why it is proposed");
	strcpy(reason, common);
	return 0;
}

/* An object with parameter and value. NULL: refused. */
static struct proposal *read_entry(struct reading *r, const struct at *at, const char *common)
{
	char parameter[PROPOSAL_PARAMETER_LEN];
	struct proposal *p;
	const char *key;
	bool each;

	if (one_of(r, at, value_keys, &key))
		return NULL;
	if (!key || !has(at, "parameter")) {
		wrong(r, at, NULL, "lacks '%s'; expected parameter and value",
		      key ? "parameter" : "value");
		return NULL;
	}
	each = !strcmp(key, "values");
	if (read_text(r, at, "parameter", parameter, sizeof(parameter)))
		return NULL;
	p = begin(r, at, "parameter", parameter, each);
	if (!p || (each ? read_values(r, at, p) : read_value(r, at, "value", p)) ||
	    read_reason(r, at, common, p->reason) || read_options(r, at, p) ||
	    read_rollbacks(r, at, p))
		return NULL;
	return p;
}

/* Shape 1: a list of recommendations. @key NULL: the list is the whole. */
static int read_list(struct reading *r, const struct at *at, const char *key)
{
	static const char *const *const entry_sets[] = {what_keys, reason_keys, option_keys, NULL};
	struct json_object *list = key ? member(at, key) : at->obj;
	char common[PROPOSAL_REASON_LEN] = "";
	struct at entry = *at;
	const char *reason = NULL;
	size_t end;

	if (key && (one_of(r, at, reason_keys, &reason) ||
		    (reason && read_text(r, at, reason, common, sizeof(common)))))
		return -EINVAL;
	if (!json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		return wrong(r, at, key, "expected a list of at least one recommendation");
	if (key)
		json_pointer_key(entry.pointer, key, strlen(key));
	end = strlen(entry.pointer);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		entry.obj = json_object_array_get_idx(list, i);
		entry.pointer[end] = '\0';
		json_pointer_index(entry.pointer, i);
		if (!json_object_is_type(entry.obj, json_type_object))
			return wrong(r, &entry, NULL,
				     "expected an object with parameter and value");
		if (known(r, &entry, entry_sets) || !read_entry(r, &entry, common))
			return -EINVAL;
	}
	return 0;
}

/* Shape 2: a map of target values with one reasoning. */
static int read_map(struct reading *r, const struct at *at, const char *key)
{
	char reason[PROPOSAL_REASON_LEN];
	struct at values = *at;
	struct proposal *first = &r->out->proposal[r->out->nr];

	if (read_reason(r, at, NULL, reason))
		return -EINVAL;
	values.obj = member(at, key);
	if (!json_object_is_type(values.obj, json_type_object) ||
	    !json_object_object_length(values.obj))
		return wrong(r, at, key, "expected an object of at least one parameter");
	json_pointer_key(values.pointer, key, strlen(key));
	json_object_object_foreach(values.obj, name, v)
	{
		struct proposal *p = begin(r, &values, name, name, false);

		(void)v;
		if (!p || read_value(r, &values, name, p) || read_options(r, at, p))
			return -EINVAL;
		strcpy(p->reason, reason);
	}
	/* they are the whole message's, whichever of its proposals they stand with */
	return read_rollbacks(r, at, first);
}

static int read_safety(struct reading *r, const struct at *at, struct proposal *p)
{
	unsigned int least = p->kb->risk;
	const char *key;
	char text[16];

	if (one_of(r, at, safety_keys, &key))
		return -EINVAL;
	if (!key)
		return 0;
	if (read_text(r, at, key, text, sizeof(text)))
		return -EINVAL;
	if (!strcmp(text, "moderate")) {
		least = 5;
	} else if (!strcmp(text, "dangerous")) {
		least = 8;
		p->can_auto_apply = false;
	} else if (strcmp(text, "safe")) {
		return wrong(r, at, key,
			     "unknown safety level '%s'; expected safe, moderate or dangerous",
			     text);
	}
	if (least > p->kb->risk && least > p->risk)
		p->risk = least;
	return 0;
}

/* Shape 3: a single action with a safety level, in an object of its own or not. */
static int read_action(struct reading *r, const struct at *at, bool own)
{
	static const char *const *const action_sets[] = {what_keys, reason_keys, option_keys, NULL};
	char common[PROPOSAL_REASON_LEN] = "";
	struct at action = *at;
	struct proposal *p;

	if (own) {
		const char *key;

		action.obj = member(at, "action");
		if (!json_object_is_type(action.obj, json_type_object))
			return wrong(r, at, "action",
				     "expected an object with parameter and value");
		json_pointer_key(action.pointer, "action", strlen("action"));
		if (known(r, &action, action_sets) || one_of(r, at, reason_keys, &key) ||
		    (key && read_text(r, at, key, common, sizeof(common))))
			return -EINVAL;
	}
	p = read_entry(r, &action, common);
	return p ? read_safety(r, at, p) : -EINVAL;
}

/* What a message of ours has around it. */
static int read_envelope(struct reading *r, const struct at *at)
{
	char text[16];
	int i = 0;

	if (has(at, "verb") &&
	    (read_text(r, at, "verb", text, sizeof(text)) || strcmp(text, "propose")))
		return wrong(r, at, "verb", "expected \"propose\", or no such key");
	if (!has(at, "source"))
		return 0;
	if (read_text(r, at, "source", text, sizeof(text)))
		return -EINVAL;
	while (i < PROPOSAL_SOURCE_NR && strcmp(proposal_sources[i], text))
		i++;
	if (i == PROPOSAL_SOURCE_NR)
		return wrong(r, at, "source",
			     "unknown source '%s'; expected person, rules or model", text);
	r->out->source = (enum proposal_source)i;
	return 0;
}

static int read_object(struct reading *r, const struct at *at)
{
	static const char *const *const list_sets[] = {list_keys, reason_keys, envelope_keys, NULL};
	static const char *const *const map_sets[] = {map_keys, reason_keys, option_keys,
						      envelope_keys, NULL};
	static const char *const *const own_sets[] = {action_keys, safety_keys, reason_keys,
						      envelope_keys, NULL};
	static const char *const *const flat_sets[] = {what_keys,   safety_keys,   reason_keys,
						       option_keys, envelope_keys, NULL};
	const char *list, *map;

	if (read_envelope(r, at) || one_of(r, at, list_keys, &list) ||
	    one_of(r, at, map_keys, &map))
		return -EINVAL;
	if (list)
		return known(r, at, list_sets) ? -EINVAL : read_list(r, at, list);
	if (map)
		return known(r, at, map_sets) ? -EINVAL : read_map(r, at, map);
	if (has(at, "action"))
		return known(r, at, own_sets) ? -EINVAL : read_action(r, at, true);
	if (has(at, "parameter"))
		return known(r, at, flat_sets) ? -EINVAL : read_action(r, at, false);
	return wrong(r, at, NULL,
		     "none of the three shapes; expected a list in 'recommendations', a map in "
		     "'target_values', or an 'action'");
}

/* One line of the protocol has to hold it. */
static int check_size(struct reading *r)
{
	static const struct at whole;
	struct json_object *message = proposals_message(r->out);
	const char *line = message ? js_line(message) : NULL;
	size_t len = line ? strlen(line) + 1 : 0;

	json_object_put(message);
	if (!len) {
		wrong(r, &whole, NULL, "out of memory");
		return -ENOMEM;
	}
	if (len > CONTROL_REQUEST_MAX)
		return wrong(r, &whole, NULL,
			     "a message of %zu bytes; expected at most %d: shorter reasons, or two "
			     "messages",
			     len, CONTROL_REQUEST_MAX);
	return 0;
}

int proposals_read(struct proposals *out, const char *text, size_t len, enum proposal_source source,
		   const struct kb *kb, const struct kb_machine *machine, struct json_fault *fault)
{
	struct reading r = {.kb = kb, .machine = machine, .out = out, .fault = fault};
	struct at whole = {.pointer = ""};
	int err;

	*fault = (struct json_fault){0};
	out->source = source;
	out->nr = out->parts_nr = 0;
	if (len > PROPOSAL_TEXT_MAX) {
		wrong(&r, &whole, NULL, "too long; expected at most %d KiB",
		      PROPOSAL_TEXT_MAX / 1024);
		return -EFBIG;
	}
	err = json_find(text, len, &whole.obj, fault);
	if (err)
		return err;
	err = json_object_is_type(whole.obj, json_type_array) ? read_list(&r, &whole, NULL)
							      : read_object(&r, &whole);
	if (!err)
		err = check_size(&r);
	json_object_put(whole.obj);
	return err;
}
