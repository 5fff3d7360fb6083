// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "adviser.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "names.h"

#define S 1000000000ULL

void adviser_close(struct adviser *a)
{
	control_close(a->control);
	a->control = NULL;
}

/* The connection is of no more use; said once. */
static int lose(struct adviser *a, int err)
{
	adviser_close(a);
	if (!a->gone)
		log_warn("homeostatd cannot be asked (%s: %s); trying again each second", a->socket,
			 strerror(-err));
	a->gone = true;
	return err;
}

/*
 * One request, which is taken over. 0 with *reply; -EREMOTEIO: the daemon says no, with *reply; otherwise the connection is lost.
 */
static int call(struct adviser *a, struct json_object *request, struct json_object **reply)
{
	int err = request ? 0 : -ENOMEM;

	*reply = NULL;
	if (!err)
		err = control_call(a->control, request, reply);
	json_object_put(request);
	if (err && *reply)
		return -EREMOTEIO;
	return err ? lose(a, err) : 0;
}

/* ---- hearing ---- */

static void take_vitals(struct json_object *reply, struct vital_now vital[HS_VITAL_NR])
{
	struct json_object *rows;

	memset(vital, 0, sizeof(*vital) * HS_VITAL_NR);
	if (js_get_array(reply, "vitals", &rows))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		int id = vital_find(js_str(row, "name"));
		__u64 value;

		/* of the last second, as a burst may be over by now; a daemon that has just begun knows the last window only */
		if (id < 0 || !js_bool(row, "present") ||
		    (js_get_u64(row, "mean", &value) && js_get_u64(row, "value", &value)) ||
		    js_u64(row, "age_ns") > ADVISER_STALE_NS)
			continue;
		vital[id] = (struct vital_now){true, value};
	}
}

static int hear_vitals(struct adviser *a)
{
	struct vital_now vital[HS_VITAL_NR];
	struct json_object *reply;
	int err = call(a, control_request("vitals"), &reply);

	if (!err) {
		take_vitals(reply, vital);
		rules_vitals(&a->rules, vital);
	} else if (err == -EREMOTEIO) {
		log_warn("homeostatd tells no vital signs: %s", js_str(reply, "error"));
	}
	json_object_put(reply);
	return err;
}

static void add_file(struct adviser *a, unsigned int *nr, const struct rules_change *change,
		     struct json_object *file)
{
	struct rules_change *c = &a->change[*nr];

	if (*nr == ADVISER_CHANGES_MAX || !change->kb)
		return;
	*c = *change;
	c->path = js_str(file, "path");
	c->from = js_str(file, "from");
	c->to = js_str(file, "to");
	++*nr;
}

/*
 * Of a change with many files the daemon tells the first ones, and of what is committed all, in another list: with the value from before the
 * first change of each.
 */
static void take_kept(struct adviser *a, unsigned int *nr, const struct rules_change *change,
		      struct json_object *kept)
{
	char objects[KB_OBJECTS_LEN];

	for (size_t i = 0; change->kb && kept && i < json_object_array_length(kept); i++) {
		struct json_object *file = json_object_array_get_idx(kept, i);
		const char *path = js_str(file, "path");
		unsigned int told = *nr;

		if (js_u64(file, "id") != change->id || kb_objects_of(change->kb, path, objects))
			continue;
		while (told > 0 && a->change[told - 1].id == change->id &&
		       strcmp(a->change[told - 1].path, path))
			told--;
		if (!told || a->change[told - 1].id != change->id)
			add_file(a, nr, change, file);
	}
}

/* The files of one change; how many there are by then. Texts stay the reply's. */
static unsigned int take_change(struct adviser *a, struct json_object *row,
				struct json_object *kept, unsigned int nr)
{
	int state = tx_state_find(js_str(row, "state"));
	struct rules_change change = {
		.id = js_u64(row, "id"),
		.at_ns = js_u64(row, "at_ns"),
		.state = (enum tx_state)state,
		.by_rules = !strcmp(js_str(row, "source"), proposal_sources[PROPOSAL_RULES]),
		.reason = js_str(row, "reason")};
	struct json_object *rows;

	if (state < 0 || js_get_array(row, "parameters", &rows))
		return nr;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *file = json_object_array_get_idx(rows, i);

		change.kb = kb_find(a->rules.kb, js_str(file, "parameter"));
		add_file(a, &nr, &change, file);
	}
	take_kept(a, &nr, &change, kept);
	return nr;
}

/* @anew: the connection is. */
static int hear_changes(struct adviser *a, __u64 now_ns, bool anew)
{
	struct json_object *reply, *rows, *kept = NULL;
	unsigned int nr = 0;
	int err = call(a, control_request("changes"), &reply);

	if (!err && !js_get_array(reply, "changes", &rows)) {
		if (anew)
			js_get_array(reply, "kept", &kept);
		for (size_t i = 0; i < json_object_array_length(rows); i++)
			nr = take_change(a, json_object_array_get_idx(rows, i), kept, nr);
		rules_changes(&a->rules, now_ns, a->change, nr);
		if (anew)
			rules_remember(&a->rules, a->change, nr);
	} else if (err == -EREMOTEIO) {
		log_warn("homeostatd tells no changes: %s", js_str(reply, "error"));
		err = 0; /* an older one; proposals show whether it takes any */
	}
	json_object_put(reply);
	return err;
}

/* A daemon that is there anew has a history, of which the records are made. */
static int connect_to(struct adviser *a, __u64 now_ns)
{
	int err = a->control ? 0 : control_open(&a->control, a->socket);

	if (err)
		return lose(a, err);
	err = hear_changes(a, now_ns, true);
	if (err)
		return err;
	if (a->gone)
		log_info("homeostatd answers again");
	a->gone = false;
	return 0;
}

/* ---- present values ---- */

/* Whose objects are read. */
struct looking {
	struct adviser *a;
	unsigned int index;
	char trouble[160];
};

/* kb_files(): one of them. One that cannot be read is not there. */
static int read_object(void *ctx, const char *path)
{
	const struct looking *l = ctx;
	const struct kb_parameter *kb = l->a->rules.parameter[l->index].kb;
	char object[KB_OBJECTS_LEN], now[PROPOSAL_VALUE_LEN], among[PROPOSAL_VALUE_LEN];

	if (kb_objects_of(kb, path, object) || kb_read(kb, l->a->root, path, now, sizeof(now)))
		return 0;
	if (kb_among(kb, l->a->root, path, among, sizeof(among)) < 0)
		among[0] = '\0';
	rules_object(&l->a->rules, l->index, object, now, among);
	return 0;
}

static void read_objects(void *ctx, const char *objects)
{
	struct looking *l = ctx;
	const struct kb_parameter *kb = l->a->rules.parameter[l->index].kb;

	if (kb_files(kb, objects, l->a->root, read_object, l, l->trouble, sizeof(l->trouble)) > 0)
		l->trouble[0] = '\0';
}

/* Where a rule finds out its values: the objects that have much to do, and those that it has changed. */
static void read_planned(struct looking *l)
{
	struct rules *rules = &l->a->rules;
	const struct rules_parameter *p = &rules->parameter[l->index];
	char held[KB_FILES_MAX][KB_OBJECTS_LEN];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < p->objects_max; i++) {
		if (p->object[i].used && rules_holds(rules, l->index, i))
			strcpy(held[nr++], p->object[i].name);
	}
	while (nr)
		read_objects(l, held[--nr]);
	if (rules_plans(rules))
		places_hot(&l->a->places, p->kb, read_objects, l);
	if (!rules_known(p, NULL) && !l->trouble[0])
		snprintf(l->trouble, sizeof(l->trouble), "none of it has much to do");
}

static void read_one(struct adviser *a, unsigned int index)
{
	const struct rules_parameter *p = &a->rules.parameter[index];
	const char *bracket = strchr(p->name, '[');
	struct looking l = {.a = a, .index = index};
	char text[PROPOSAL_VALUE_LEN];

	if (!bracket) {
		int err = kb_now(p->kb, a->root, text, sizeof(text));

		rules_now(&a->rules, index, err ? NULL : text);
		return;
	}
	rules_unknown(&a->rules, index, "");
	if (rules_planned(&a->rules, index)) {
		read_planned(&l);
	} else {
		snprintf(text, sizeof(text), "%.*s", (int)strlen(bracket) - 2, bracket + 1);
		read_objects(&l, text);
	}
	if (!rules_known(p, NULL))
		rules_unknown(&a->rules, index, l.trouble);
}

static bool plan(void *ctx, const struct rules_parameter *p, enum profile_form form,
		 struct rules_plan *plan)
{
	struct adviser *a = ctx;

	return places_plan(&a->places, p, form, plan);
}

void adviser_init(struct adviser *a)
{
	a->rules.plan = plan;
	a->rules.ctx = a;
}

static void read_values(struct adviser *a)
{
	for (unsigned int i = 0; i < a->rules.parameters_nr; i++)
		read_one(a, i);
}

void adviser_read(struct adviser *a, __u64 now_ns)
{
	if (rules_plans(&a->rules))
		places_look(&a->places, a->root, now_ns);
	read_values(a);
}

/* ---- proposing ---- */

/* A line for each value: what was, and what is to be. */
static void log_ask(const struct adviser *a, const struct rules_ask *ask, const char *state)
{
	for (unsigned int i = 0; i < ask->proposals.nr; i++) {
		const struct rules_rule *rule = &a->rules.rule[ask->rule[i]];
		const struct rules_parameter *p = &a->rules.parameter[rule->parameter];

		for (unsigned int j = 0; j < p->objects_max; j++) {
			const struct rules_object *o = &p->object[j];

			if (rule->part[j].wanted)
				log_info("%s proposes %s%s%s '%s' in the place of '%s': %s",
					 rule->advice->name, p->kb->name, o->name[0] ? " of " : "",
					 o->name, rule->part[j].to, o->now, state);
		}
	}
}

static int propose(struct adviser *a, const struct rules_ask *ask, __u64 now_ns)
{
	struct json_object *reply;
	int err = call(a, proposals_message(&ask->proposals), &reply), state;
	const char *text = reply ? js_str(reply, err ? "error" : "state") : "no answer";

	state = err ? -1 : tx_state_find(text);
	if (!err && state < 0)
		err = -EPROTO;
	log_ask(a, ask, text);
	if (err)
		rules_refused(&a->rules, now_ns, ask, text);
	else
		rules_taken(&a->rules, now_ns, ask, js_u64(reply, "id"), (enum tx_state)state);
	json_object_put(reply);
	return err == -EREMOTEIO ? 0 : err;
}

/* Writes what would be sent, and counts as refused. */
static int pretend(struct adviser *a, const struct rules_ask *ask, __u64 now_ns)
{
	struct json_object *message = proposals_message(&ask->proposals);

	if (!message)
		return -ENOMEM;
	fprintf(a->dry, "%s\n", js_line(message));
	fflush(a->dry);
	json_object_put(message);
	rules_refused(&a->rules, now_ns, ask, "nothing is sent: dry run");
	return 0;
}

/* What the engine decides on what it has been told. */
static int decide(struct adviser *a, __u64 now_ns)
{
	struct rules_ask *asks = a->asks;
	unsigned int nr = rules_round(&a->rules, now_ns, asks);
	int err = 0;

	for (unsigned int i = 0; i < nr; i++) {
		int failed;

		if (err) /* the connection is gone: the rest was not proposed */
			rules_refused(&a->rules, now_ns, &asks[i], "homeostatd is gone");
		else if ((failed = a->dry ? pretend(a, &asks[i], now_ns)
					  : propose(a, &asks[i], now_ns)))
			err = failed;
	}
	return err;
}

/* Is it time to ask what has become of what is under way? Not each second for as long as it may wait for a person. */
static bool due(struct adviser *a)
{
	a->waited = rules_wait(&a->rules) ? a->waited + 1 : 0;
	return a->waited && (a->waited <= ADVISER_SOON || !(a->waited % ADVISER_LATER));
}

int adviser_step(struct adviser *a, __u64 now_ns)
{
	int err = a->control ? 0 : connect_to(a, now_ns);

	if (!err)
		err = hear_vitals(a);
	if (!err && due(a))
		err = hear_changes(a, now_ns, false);
	if (err)
		return err;
	adviser_read(a, now_ns);
	return decide(a, now_ns);
}

/* The longest that any rule waits, and the load with it. */
static __u64 longest_ns(const struct rules *rules)
{
	__u64 longest = LOAD_HOLD_NS;

	for (unsigned int i = 0; i < rules->nr; i++) {
		if (rules->rule[i].advice->when.for_ns > longest)
			longest = rules->rule[i].advice->when.for_ns;
	}
	return longest;
}

/* Where a rule may ask how busy the machine is, a second of it has to pass indeed. */
static void look_twice(struct adviser *a, __u64 now_ns)
{
	bool planned = false;

	for (unsigned int i = 0; i < a->rules.parameters_nr; i++)
		planned = planned || rules_planned(&a->rules, i);
	if (!planned)
		return;
	places_look(&a->places, a->root, now_ns);
	sleep(1); /* what is counted is a rate */
	places_look(&a->places, a->root, now_ns + S);
}

int adviser_once(struct adviser *a, __u64 now_ns)
{
	__u64 end_ns = now_ns + longest_ns(&a->rules) + S;
	int err = connect_to(a, now_ns);

	if (!err)
		err = hear_vitals(a);
	if (err)
		return err;
	look_twice(a, now_ns);
	/* as if time passed and nothing else: the engine has no clock of its own */
	for (; now_ns <= end_ns && !err; now_ns += S) {
		read_values(a);
		err = decide(a, now_ns);
		for (unsigned int i = 0; i < a->rules.nr; i++) {
			struct rules_rule *rule = &a->rules.rule[i];

			if (rule->next_ns) /* has had its say */
				rule->next_ns = rule->back_next_ns = ~0ULL;
		}
	}
	return err;
}
