// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat explain: why a knob has its value, as the daemon says; and why a parameter of the machine has its own: from the
 * knowledge base, the kernel and the history, without the daemon.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "../lib/units.h"
#include "past.h"
#include "prose.h"

#define VALUE_LEN 256
#define SHOWN_MAX 5	/* changes of it */
#define EFFECT_S 600ULL /* before and after a change, that are compared */
#define MINUTE_S 60ULL

static void print_knob(FILE *f, struct json_object *e)
{
	struct json_object *events = NULL, *rule;
	char value[64], stock[64], text[384];

	fprintf(f, "%s = %s (stock %s)\n", js_str(e, "name"),
		out_value(value, sizeof(value), e, "value"),
		out_value(stock, sizeof(stock), e, "stock"));
	if (*js_str(e, "meaning"))
		out_line(f, "meaning", "%s", js_str(e, "meaning"));
	out_line(f, "why", "%s", prose_why(text, sizeof(text), e));
	if (!js_get_obj(e, "rule", &rule))
		out_line(f, "rule", "%s", prose_rule(text, sizeof(text), rule, js_str(e, "name")));
	js_get_array(e, "last_events", &events);
	if (events && json_object_array_length(events))
		fputs("last events\n", f);
	for (size_t i = 0; events && i < json_object_array_length(events); i++)
		out_event(f, json_object_array_get_idx(events, i));
}

static int explain_knob(struct cli *cli, int knob)
{
	struct json_object *request = control_request("explain"), *reply;
	int rc;

	js_add_str(request, "knob", knob_infos[knob].name);
	rc = cli_call(cli, request, &reply);
	if (rc)
		return rc;
	if (cli->json) {
		out_json(cli, reply);
	} else {
		/* value and stock are in the knob's unit; the table knows it where the reply is short */
		if (!*js_str(reply, "unit"))
			js_add_str(reply, "unit", knob_infos[knob].unit);
		print_knob(cli->out, reply);
	}
	json_object_put(reply);
	return CLI_OK;
}

/* ---- parameters ---- */

/* When a change got into a state for the first time, in seconds; 0: it never did. */
static __u64 state_s(struct json_object *change, const char *name)
{
	struct json_object *states = NULL;

	js_get_array(change, "states", &states);
	for (size_t i = 0; states && i < json_object_array_length(states); i++) {
		struct json_object *state = json_object_array_get_idx(states, i);

		if (!strcmp(js_str(state, "state"), name))
			return js_u64(state, "at_wall_ns") / NS_PER_S;
	}
	return 0;
}

/*
 * What the vital signs came to that it is meant to move: whole minutes before it was made, and after it was committed. One that was put
 * back has no minute to show; what was found then is in its reason.
 */
static void add_effect(struct history *h, const struct kb_parameter *p, struct json_object *change)
{
	struct json_object *effects = js_add_array(change, "effect");
	__u64 committed = state_s(change, "committed");
	__u64 made = js_u64(change, "made_wall_ns") / NS_PER_S,
	      watched = state_s(change, "watched");
	__u64 canary = state_s(change, "canary");

	made = canary ? canary : watched ? watched : made;
	for (unsigned int i = 0; committed && i < p->moves_nr; i++) {
		const struct vital_info *vital = &vital_infos[p->move[i].vital];
		__u64 after = committed - committed % MINUTE_S + MINUTE_S;
		struct aggregate was, is;
		struct json_object *effect;

		if (made < EFFECT_S ||
		    history_read_span(h, vital->name, made - EFFECT_S, made - made % MINUTE_S,
				      &was) ||
		    history_read_span(h, vital->name, after, after + EFFECT_S, &is))
			continue;
		effect = js_push_obj(effects);
		js_add_str(effect, "vital", vital->name);
		js_add_str(effect, "unit", vital->unit);
		js_add_str(effect, "meant", p->move[i].up ? "up" : "down");
		js_add_u64(effect, "before", was.mean);
		js_add_u64(effect, "after", is.mean);
	}
}

/* What a change has given it, of its first file, and whether each of its files still has that. */
static bool stands(struct json_object *change, const struct kb_parameter *p, const char *root,
		   const char **given)
{
	struct json_object *files = NULL;
	char now[VALUE_LEN];
	bool all = true;

	*given = "";
	js_get_array(change, "parameters", &files);
	for (size_t i = 0; files && i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);
		const char *to = js_str(file, "to");

		if (strcmp(js_str(file, "parameter"), p->name))
			continue;
		if (!**given)
			*given = to;
		all = all && !kb_read(p, root, js_str(file, "path"), now, sizeof(now)) &&
		      kb_same(p, to, now);
	}
	return all;
}

/* Was it made before the machine was started last? Run-time values do not outlive that. */
static bool of_earlier_boot(struct json_object *change, const char *root)
{
	char boot_id[64];

	return read_file(root, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id)) > 0 &&
	       strcmp(boot_id, js_str(change, "boot_id"));
}

/* The last change that stayed; NULL: there is none. */
static struct json_object *last_committed(struct json_object *changes)
{
	for (size_t i = 0; changes && i < json_object_array_length(changes); i++) {
		struct json_object *change = json_object_array_get_idx(changes, i);

		if (!strcmp(js_str(change, "state"), "committed"))
			return change;
	}
	return NULL;
}

/* Whose value it is. @here: 0, or why it cannot be read; NULL for `changes`: the history cannot be. */
static void say_why(char *buf, size_t size, const struct kb_parameter *p, const char *root,
		    int here, struct json_object *changes)
{
	struct json_object *change = last_committed(changes);
	const char *given = "";
	bool same = change && stands(change, p, root, &given);
	char when[PAST_WHEN_LEN];

	if (change)
		past_when(when, state_s(change, "committed") * NS_PER_S);
	if (here == -EOPNOTSUPP)
		snprintf(buf, size, "it is no file: what it is now is not known here");
	else if (here)
		snprintf(buf, size, "it is not on this machine");
	else if (!changes)
		snprintf(buf, size, "not known: there is no history");
	else if (!change)
		snprintf(buf, size,
			 "no change that stayed is in the history: the kernel's own value, or "
			 "somebody else's");
	else if (of_earlier_boot(change, root))
		snprintf(buf, size,
			 "change %llu made it %s (committed %s), in an earlier boot, which what is "
			 "changed at run time does not outlive",
			 js_u64(change, "number"), given, when);
	else if (same)
		snprintf(buf, size, "change %llu, committed %s: %s", js_u64(change, "number"), when,
			 js_str(change, "reason"));
	else
		snprintf(buf, size,
			 "change %llu made it %s (committed %s); since then somebody else has "
			 "written it, or it was put back",
			 js_u64(change, "number"), given, when);
}

static void print_parameter(struct cli *cli, struct json_object *out)
{
	struct json_object *changes = NULL, *effects;
	FILE *f = cli->out;

	fprintf(f, "%s = %s", js_str(out, "name"),
		js_is_null(out, "now") ? "(not known)" : js_str(out, "now"));
	fprintf(f, *js_str(out, "stock") ? " (stock %s)\n" : "\n", js_str(out, "stock"));
	out_line(f, "meaning", "%s", js_str(out, "meaning"));
	out_line(f, "path", "%s", js_str(out, "path"));
	out_line(f, "why", "%s", js_str(out, "why"));
	js_get_array(out, "changes", &changes);
	for (size_t i = 0; changes && i < json_object_array_length(changes); i++) {
		struct json_object *change = json_object_array_get_idx(changes, i);

		past_show_change(f, change);
		effects = NULL;
		js_get_array(change, "effect", &effects);
		for (size_t k = 0; effects && k < json_object_array_length(effects); k++) {
			struct json_object *e = json_object_array_get_idx(effects, k);
			char before[64], after[64];

			fprintf(f, "    effect: %s went from %s to %s (meant to go %s)\n",
				js_str(e, "vital"), out_value(before, sizeof(before), e, "before"),
				out_value(after, sizeof(after), e, "after"), js_str(e, "meant"));
		}
	}
}

static int explain_parameter(struct cli *cli, const struct kb_parameter *p, const char *root,
			     const char *db)
{
	struct json_object *out = json_object_new_object(), *changes = NULL;
	char why_not[HISTORY_ERROR_LEN], now[VALUE_LEN], why[512];
	int here = kb_now(p, root, now, sizeof(now));
	struct history *h;

	if (!history_open_read(&h, db ? db : HISTORY_DB, why_not, sizeof(why_not))) {
		changes = history_read_changes(h, 0, p->name, SHOWN_MAX);
		for (size_t i = 0; changes && i < json_object_array_length(changes); i++)
			add_effect(h, p, json_object_array_get_idx(changes, i));
		history_close(h);
	} else {
		fprintf(cli->err, "homeostat: %s\n", why_not);
	}
	say_why(why, sizeof(why), p, root, here, changes);
	js_add_str(out, "name", p->name);
	js_add_str(out, "meaning", p->meaning);
	js_add_str(out, "path", p->path);
	js_add(out, "now", here ? NULL : json_object_new_string(now));
	js_add_str(out, "stock", p->stock);
	js_add_str(out, "why", why);
	js_add(out, "changes", changes);
	if (cli->json)
		out_json(cli, out);
	else
		print_parameter(cli, out);
	json_object_put(out);
	return CLI_OK;
}

int cmd_explain(struct cli *cli, int argc, char **argv)
{
	const char *file = KB_FILE, *root = NULL, *db = NULL;
	const struct cli_option options[] = {
		{"--file", &file, NULL}, {"--root", &root, NULL}, {"--db", &db, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv), knob;
	const struct kb_parameter *p;
	char error[512];
	struct kb kb;

	if (rc || argc != 1)
		return rc ? rc : cli_usage(cli, "explain takes one KNOB or PARAMETER");
	knob = knob_find(argv[0]);
	if (knob >= 0)
		return explain_knob(cli, knob);
	if (kb_load(&kb, file, error, sizeof(error)))
		return cli_usage(cli, "no knob '%s'; homeostat knobs lists them (%s)", argv[0],
				 error);
	p = kb_find(&kb, argv[0]);
	rc = p ? explain_parameter(cli, p, root, db)
	       : cli_usage(cli,
			   "no knob '%s'; homeostat knobs lists them, and homeostat kb list the "
			   "parameters",
			   argv[0]);
	kb_free(&kb);
	return rc;
}
