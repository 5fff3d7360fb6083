// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A proposal as such: which parameter it is about, and the canonical message. Texts are read in proposal_read.c. */
#include "proposal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "names.h"
#include "parse.h"

#define X(id, name) name,
const char *const proposal_sources[PROPOSAL_SOURCE_NR] = {PROPOSAL_SOURCES(X)};
#undef X

unsigned int proposal_objects(const struct kb_parameter *p)
{
	unsigned int nr = 0;

	for (const char *at = p->path; (at = strchr(at, '{')); at++)
		nr++;
	return nr;
}

/* A parameter that may be proposed, and the objects that stand behind it. */
static const struct kb_parameter *find(const struct kb *kb, const char *text,
				       char objects[KB_OBJECTS_LEN], char *why, size_t size)
{
	const struct kb_parameter *p;

	if (strlen(text) >= PROPOSAL_PARAMETER_LEN) {
		snprintf(why, size, "a name that is too long; expected at most %d bytes",
			 PROPOSAL_PARAMETER_LEN - 1);
		return NULL;
	}
	p = kb_name(kb, text, objects, why, size);
	if (p && p->report) {
		snprintf(why, size, "'%s' is only ever reported, never proposed", p->name);
		return NULL;
	}
	return p;
}

const struct kb_parameter *proposal_parameter(const struct kb *kb, const char *text, char *why,
					      size_t size)
{
	char objects[KB_OBJECTS_LEN];
	const struct kb_parameter *p = find(kb, text, objects, why, size);

	return p && kb_check_objects(p, objects, why, size) ? NULL : p;
}

const struct kb_parameter *proposal_alone(const struct kb *kb, const char *text, char *why,
					  size_t size)
{
	char objects[KB_OBJECTS_LEN];
	const struct kb_parameter *p = find(kb, text, objects, why, size);

	if (!p || (!objects[0] && proposal_objects(p)))
		return p;
	snprintf(why, size,
		 "'%.64s' beside 'values'; expected a parameter that has objects, without them",
		 text);
	return NULL;
}

int proposal_rollback(struct proposal_rollback *rollback, unsigned int before, const char *text,
		      char *why, size_t size)
{
	const char *at = text + strcspn(text, " <>");
	char name[64];
	int vital;

	if (before >= PROPOSAL_ROLLBACKS_MAX) {
		snprintf(why, size, "more than %d conditions in all", PROPOSAL_ROLLBACKS_MAX);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(at - text < 63 ? at - text : 63), text);
	at += strspn(at, " ");
	vital = vital_find(name);
	if (*at != '<' && *at != '>') {
		snprintf(why, size, "'%.64s'; expected %s > NUMBER, or %s < NUMBER", text,
			 vital < 0 ? "VITAL" : name, vital < 0 ? "VITAL" : name);
		return -EINVAL;
	}
	if (vital < 0) {
		snprintf(why, size, "unknown vital sign '%s'; expected one of `homeostat vitals`",
			 name);
		return -EINVAL;
	}
	*rollback = (struct proposal_rollback){.vital = (__u32)vital, .above = *at == '>'};
	at++;
	at += strspn(at, " ");
	if (!parse_u64_max(at, ~0ULL >> 1, &rollback->value))
		return 0;
	snprintf(why, size, "'%.32s' is no whole number; expected one in %s", at,
		 vital_infos[vital].unit);
	return -EINVAL;
}

unsigned int proposals_rollbacks(const struct proposals *proposals)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < proposals->nr; i++)
		nr += proposals->proposal[i].rollback_nr;
	return nr;
}

int proposals_add(struct proposals *to, const struct kb_parameter *kb, const char *parameter,
		  const char *value, const char *reason, const struct kb_machine *machine,
		  char *why, size_t size)
{
	struct proposal *p = &to->proposal[to->nr];
	int err = value ? kb_value(kb, value, machine, why, size) : 0;

	if (err)
		return err;
	if (to->nr == PROPOSALS_MAX)
		return -ENOSPC;
	*p = (struct proposal){
		.kb = kb, .timing = -1, .can_auto_apply = true, .first = to->parts_nr};
	snprintf(p->parameter, sizeof(p->parameter), "%s", parameter);
	snprintf(p->value, sizeof(p->value), "%s", value ? value : "");
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	to->nr++;
	return 0;
}

int proposals_add_part(struct proposals *to, const char *object, const char *value,
		       const struct kb_machine *machine, char *why, size_t size)
{
	struct proposal *p = &to->proposal[to->nr - 1];
	struct proposal_part *part = &to->part[to->parts_nr];
	int err = kb_check_objects(p->kb, object, why, size);

	if (!err && (!*object || strlen(object) >= sizeof(part->object) || strchr(object, '*'))) {
		snprintf(why, size, "expected one object of %s, by its name", p->kb->name);
		err = -EINVAL;
	}
	if (!err)
		err = kb_value(p->kb, value, machine, why, size);
	for (unsigned int i = p->first; !err && i < to->parts_nr; i++) {
		if (strcmp(to->part[i].object, object))
			continue;
		snprintf(why, size, "it stands twice");
		err = -EEXIST;
	}
	if (!err && to->parts_nr == PROPOSAL_PARTS_MAX) {
		snprintf(why, size, "more than %d objects in one message", PROPOSAL_PARTS_MAX);
		err = -ENOSPC;
	}
	if (err)
		return err;
	snprintf(part->object, sizeof(part->object), "%s", object);
	snprintf(part->value, sizeof(part->value), "%s", value);
	to->parts_nr++;
	p->parts++;
	return 0;
}

static bool add_rollbacks(struct json_object *row, const struct proposal *p)
{
	struct json_object *array = js_add_array(row, "rollback_if");
	char text[128];

	for (unsigned int i = 0; array && i < p->rollback_nr; i++) {
		const struct proposal_rollback *r = &p->rollback[i];
		struct json_object *one;

		snprintf(text, sizeof(text), "%s %c %llu", vital_name(r->vital),
			 r->above ? '>' : '<', r->value);
		one = json_object_new_string(text);
		if (!one || json_object_array_add(array, one)) {
			json_object_put(one);
			return false;
		}
	}
	return array;
}

/* One value, or one for each of its objects. */
static bool add_value(struct json_object *row, const struct proposals *all,
		      const struct proposal *p)
{
	struct json_object *values;

	if (!p->parts)
		return js_add_str(row, "value", p->value);
	values = js_add_obj(row, "values");
	for (unsigned int i = p->first; values && i < p->first + p->parts; i++) {
		if (!js_add_str(values, all->part[i].object, all->part[i].value))
			return false;
	}
	return values;
}

/* What is not stated is left out: the daemon has the same knowledge base. */
static bool add_one(struct json_object *row, const struct proposals *all, const struct proposal *p)
{
	return row && js_add_str(row, "parameter", p->parameter) && add_value(row, all, p) &&
	       js_add_str(row, "reason", p->reason) &&
	       (p->timing < 0 || js_add_str(row, "timing", kb_timings[p->timing].name)) &&
	       (!p->risk || js_add_u64(row, "risk", p->risk)) &&
	       js_add_bool(row, "can_auto_apply", p->can_auto_apply) &&
	       (!p->rollback_nr || add_rollbacks(row, p)) &&
	       (!p->restart_required || js_add_bool(row, "restart_required", true));
}

struct json_object *proposals_message(const struct proposals *proposals)
{
	struct json_object *message = control_request("propose"), *rows;
	bool whole = message && js_add_str(message, "source", proposal_sources[proposals->source]);

	rows = whole ? js_add_array(message, "proposals") : NULL;
	whole = rows;
	for (unsigned int i = 0; whole && i < proposals->nr; i++)
		whole = add_one(js_push_obj(rows), proposals, &proposals->proposal[i]);
	if (whole)
		return message;
	json_object_put(message);
	return NULL;
}
