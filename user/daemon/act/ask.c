// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

struct reading {
	struct ask_list *list;
	unsigned int index; /* of the present proposal */
	char *error;
	size_t size;
};

#define WRONG(r, key, fmt, ...)                                                                    \
	(snprintf((r)->error, (r)->size, "/proposals/%u%s%s: " fmt, (r)->index, *(key) ? "/" : "", \
		  key, ##__VA_ARGS__),                                                             \
	 -EINVAL)

/* Of a client nobody trusts: no control characters, which a log or a terminal would take for its own. */
static bool is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			return false;
	}
	return true;
}

static int read_text(struct reading *r, struct json_object *o, const char *key, const char **text)
{
	if (js_get_str(o, key, text) || !**text)
		return WRONG(r, key, "expected a text");
	if (!is_plain(*text))
		return WRONG(r, key, "expected a text without control characters");
	return 0;
}

static int read_flag(struct reading *r, struct json_object *o, const char *key, bool *value)
{
	return js_get_bool(o, key, value) == -EINVAL ? WRONG(r, key, "expected true or false") : 0;
}

static int read_timing(struct reading *r, struct json_object *o, struct ask *p)
{
	const char *text;
	int err = js_get_str(o, "timing", &text), i = 0;

	p->timing = KB_TIMING_NR;
	if (err == -ENOENT)
		return 0;
	while (!err && i < KB_TIMING_NR && strcmp(kb_timings[i].name, text))
		i++;
	if (err || i == KB_TIMING_NR)
		return WRONG(r, "timing", "expected immediate, task, idle, maintenance or reboot");
	p->timing = (enum kb_timing)i;
	return 0;
}

static int read_risk(struct reading *r, struct json_object *o, struct ask *p)
{
	__u64 risk = 0;
	int err = js_get_u64(o, "risk", &risk);

	if (err == -EINVAL || risk > KB_RISK_MAX || (!err && !risk))
		return WRONG(r, "risk", "expected 1 to %d", KB_RISK_MAX);
	p->risk = (unsigned int)risk;
	return 0;
}

static int read_limits(struct reading *r, struct json_object *o)
{
	struct json_object *array = NULL;
	int err = js_get_array(o, "rollback_if", &array);
	char why[160];

	if (err == -ENOENT)
		return 0;
	for (size_t i = 0; !err && i < json_object_array_length(array); i++) {
		struct json_object *text = json_object_array_get_idx(array, i);

		if (!json_object_is_type(text, json_type_string))
			return WRONG(r, "rollback_if", "expected a list of texts");
		if (proposal_rollback(&r->list->limit[r->list->limits_nr], r->list->limits_nr,
				      json_object_get_string(text), why, sizeof(why)))
			return WRONG(r, "rollback_if", "%s", why);
		r->list->limits_nr++;
	}
	return err ? WRONG(r, "rollback_if", "expected a list of texts") : 0;
}

/* A misspelt member must not pass as an absent one. */
static int check_keys(struct reading *r, struct json_object *o)
{
	static const char *const known[] = {"parameter",      "value",	     "timing",
					    "reason",	      "values",	     "risk",
					    "can_auto_apply", "rollback_if", "restart_required"};

	json_object_object_foreach(o, key, value)
	{
		size_t i = 0;

		(void)value;
		while (i < sizeof(known) / sizeof(*known) && strcmp(known[i], key))
			i++;
		if (i == sizeof(known) / sizeof(*known))
			return WRONG(r, "", "unknown member '%.64s'", key);
	}
	return 0;
}

/* One for each object. Whether the parameter has it is for who has the machine. */
static int read_values(struct reading *r, struct json_object *o, struct ask *p)
{
	int nr = js_get_obj(o, "values", &p->values) ? 0 : json_object_object_length(p->values);

	if (!nr || nr > PROPOSAL_PARTS_MAX)
		return WRONG(r, "values", "expected an object of 1 to %d values",
			     PROPOSAL_PARTS_MAX);
	json_object_object_foreach(p->values, object, value)
	{
		if (!*object || strlen(object) >= KB_OBJECTS_LEN || strchr(object, '*') ||
		    !is_plain(object))
			return WRONG(r, "values", "expected objects by their names");
		if (!json_object_is_type(value, json_type_string) ||
		    !json_object_get_string_len(value) || !is_plain(json_object_get_string(value)))
			return WRONG(r, "values", "expected texts without control characters");
	}
	return 0;
}

static int read_value(struct reading *r, struct json_object *o, struct ask *p)
{
	if (!json_object_object_get_ex(o, "values", NULL))
		return read_text(r, o, "value", &p->value);
	return json_object_object_get_ex(o, "value", NULL)
		       ? WRONG(r, "values", "expected one of value and values")
		       : read_values(r, o, p);
}

static int read_one(struct reading *r, struct json_object *o)
{
	struct ask *p = &r->list->ask[r->index];
	bool restart = false; /* the knowledge base says what has to be restarted */
	int err;

	if (!json_object_is_type(o, json_type_object))
		return WRONG(r, "", "expected an object");
	*p = (struct ask){.alone = true};
	err = check_keys(r, o);
	if (!err)
		err = read_text(r, o, "parameter", &p->parameter);
	if (!err)
		err = read_value(r, o, p);
	if (!err)
		err = read_text(r, o, "reason", &p->reason);
	if (!err)
		err = read_timing(r, o, p);
	if (!err)
		err = read_risk(r, o, p);
	if (!err)
		err = read_flag(r, o, "can_auto_apply", &p->alone);
	if (!err)
		err = read_flag(r, o, "restart_required", &restart);
	return err ? err : read_limits(r, o);
}

int ask_read(struct ask_list *list, struct json_object *request, char *error, size_t size)
{
	struct reading r = {.list = list, .error = error, .size = size};
	struct json_object *array;
	const char *source = js_str(request, "source");
	int err = 0;

	*list = (struct ask_list){.source = PROPOSAL_SOURCE_NR};
	error[0] = '\0';
	for (int i = 0; i < PROPOSAL_SOURCE_NR; i++) {
		if (!strcmp(proposal_sources[i], source))
			list->source = (enum proposal_source)i;
	}
	if (list->source == PROPOSAL_SOURCE_NR) {
		snprintf(error, size, "/source: expected person, rules or model");
		return -EINVAL;
	}
	if (js_get_array(request, "proposals", &array) || !json_object_array_length(array) ||
	    json_object_array_length(array) > PROPOSALS_MAX) {
		snprintf(error, size, "/proposals: expected a list of 1 to %d", PROPOSALS_MAX);
		return -EINVAL;
	}
	list->proposals = array;
	for (; !err && r.index < json_object_array_length(array); r.index++) {
		err = read_one(&r, json_object_array_get_idx(array, r.index));
		list->nr++;
	}
	return err;
}
