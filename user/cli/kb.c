// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat kb: the knowledge base as a list, one parameter of it, and whether it is right. Needs no daemon. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/names.h"
#include "cli.h"

#define VALUE_LEN 256
#define NR(array) (sizeof(array) / sizeof(*(array)))

/* What a verb is about. */
struct look {
	struct cli *cli;
	struct kb kb;
	struct kb_machine machine;
	const char *file, *root;
};

static const char *now_of(const struct look *l, const struct kb_parameter *p, char buf[VALUE_LEN])
{
	return kb_now(p, l->root, buf, VALUE_LEN) ? NULL : buf;
}

static void add_bound(struct json_object *row, const struct look *l, const struct kb_parameter *p,
		      const char *key, const struct kb_bound *bound)
{
	if (bound->kind)
		js_add_u64(row, key, kb_bound(p, bound, &l->machine));
}

/* A parameter without what only `show` tells. */
static void add_head(struct json_object *row, const struct look *l, const struct kb_parameter *p)
{
	char now[VALUE_LEN];

	js_add_str(row, "name", p->name);
	js_add_str(row, "actuator", kb_actuators[p->actuator].name);
	js_add_str(row, "timing", kb_timings[p->timing].name);
	js_add_u64(row, "risk", p->risk);
	js_add(row, "now",
	       now_of(l, p, now) ? json_object_new_string(now) : NULL); /* NULL: it is not there */
	js_add_str(row, "meaning", p->meaning);
}

static struct json_object *words_of(const char *words)
{
	struct json_object *array = json_object_new_array();

	while (*words) {
		size_t len = strcspn(words, " ");

		json_object_array_add(array, json_object_new_string_len(words, (int)len));
		words += len + strspn(words + len, " ");
	}
	return array;
}

static void add_whole(struct json_object *row, const struct look *l, const struct kb_parameter *p)
{
	struct json_object *moves;

	add_head(row, l, p);
	js_add_str(row, "path", p->path);
	js_add_str(row, "type", kb_types[p->type].name);
	js_add_str(row, "unit", p->unit);
	js_add(row, "choices", words_of(p->choices));
	js_add_str(row, "among", p->among);
	add_bound(row, l, p, "min", &p->min);
	add_bound(row, l, p, "max", &p->max);
	js_add_str(row, "stock", p->stock);
	js_add_bool(row, "netns", p->netns);
	js_add_bool(row, "report", p->report);
	js_add_str(row, "restart", p->restart);
	js_add_str(row, "warning", p->warning);
	js_add(row, "needs", words_of(p->needs));
	js_add(row, "conflicts", words_of(p->conflicts));
	moves = js_add_array(row, "moves");
	for (unsigned int i = 0; i < p->moves_nr; i++) {
		struct json_object *move = js_push_obj(moves);

		js_add_str(move, "vital", vital_infos[p->move[i].vital].name);
		js_add_str(move, "to", p->move[i].up ? "up" : "down");
	}
	js_add_str(row, "source", p->source);
}

static int kb_list(struct look *l, const char *prefix)
{
	static const struct column columns[] = {
		{"name", "PARAMETER", COLUMN_TEXT}, {"actuator", "BY", COLUMN_TEXT},
		{"timing", "WHEN", COLUMN_TEXT},    {"risk", "RISK", COLUMN_NUMBER},
		{"now", "NOW", COLUMN_TEXT},	    {"meaning", "MEANING", COLUMN_TEXT},
	};
	struct json_object *out = json_object_new_object(), *rows = js_add_array(out, "parameters");
	int rc = CLI_OK;

	for (unsigned int i = 0; i < l->kb.nr; i++) {
		const struct kb_parameter *p = &l->kb.parameter[i];

		if (!prefix || !strncmp(p->name, prefix, strlen(prefix)))
			add_head(js_push_obj(rows), l, p);
	}
	if (!json_object_array_length(rows)) {
		cli_error(l->cli, "no parameter's name begins with '%s'; see homeostat kb list",
			  prefix);
		rc = CLI_FAILED;
	} else if (l->cli->json) {
		out_json(l->cli, out);
	} else {
		out_table(l->cli->out, rows, columns, NR(columns));
	}
	json_object_put(out);
	return rc;
}

/* For people: what is stated, a line each. */
static void print_parameter(const struct look *l, const struct kb_parameter *p)
{
	FILE *f = l->cli->out;
	char now[VALUE_LEN];

	out_line(f, p->name, "%s", p->meaning);
	out_line(f, "path", "%s (%s)%s", p->path, kb_actuators[p->actuator].meaning,
		 p->netns ? ", each network namespace has its own" : "");
	out_line(f, "now", "%s", now_of(l, p, now) ? now : "not there");
	if (p->stock[0])
		out_line(f, "stock", "%s", p->stock);
	if (p->min.kind)
		out_line(f, "range", "%llu to %llu %s here", kb_bound(p, &p->min, &l->machine),
			 kb_bound(p, &p->max, &l->machine), p->unit);
	else
		out_line(f, "range", "%s", p->choices[0] ? p->choices : kb_types[p->type].meaning);
	out_line(f, "when", "%s: %s", kb_timings[p->timing].name, kb_timings[p->timing].meaning);
	out_line(f, "risk", "%u of %d%s", p->risk, KB_RISK_MAX,
		 p->report ? "; is looked at only" : "");
	for (unsigned int i = 0; i < p->moves_nr; i++)
		out_line(f, i ? "" : "moves", "%s %s", vital_infos[p->move[i].vital].name,
			 p->move[i].up ? "up" : "down");
	if (p->needs[0])
		out_line(f, "needs", "%s", p->needs);
	if (p->conflicts[0])
		out_line(f, "conflicts", "%s", p->conflicts);
	if (p->restart[0])
		out_line(f, "restart", "%s", p->restart);
	if (p->warning[0])
		out_line(f, "warning", "%s", p->warning);
	out_line(f, "source", "%s", p->source);
}

static int kb_show(struct look *l, const char *name)
{
	const struct kb_parameter *p = kb_find(&l->kb, name);
	struct json_object *out;

	if (!p) {
		cli_error(l->cli, "no parameter '%s'; see homeostat kb list", name);
		return CLI_FAILED;
	}
	if (!l->cli->json) {
		print_parameter(l, p);
		return CLI_OK;
	}
	out = json_object_new_object();
	add_whole(out, l, p);
	out_json(l->cli, out);
	json_object_put(out);
	return CLI_OK;
}

/* The file is right by now. What the machine has that the file does not expect is for its writer to know. */
static int kb_check(struct look *l)
{
	struct json_object *out = json_object_new_object(), *rows = js_add_array(out, "beyond");
	unsigned int there = 0;
	char now[VALUE_LEN], why[160];

	for (unsigned int i = 0; i < l->kb.nr; i++) {
		const struct kb_parameter *p = &l->kb.parameter[i];
		struct json_object *row;

		if (!now_of(l, p, now))
			continue;
		there++;
		if (!kb_value(p, now, &l->machine, why, sizeof(why)))
			continue;
		row = js_push_obj(rows);
		js_add_str(row, "name", p->name);
		js_add_str(row, "now", now);
		js_add_str(row, "why", why);
		if (!l->cli->json)
			fprintf(l->cli->out, "%s:%u: %s is '%s' here: %s\n", l->file, p->line,
				p->name, now, why);
	}
	js_add_u64(out, "parameters", l->kb.nr);
	js_add_u64(out, "there", there);
	if (l->cli->json)
		out_json(l->cli, out);
	else
		fprintf(l->cli->out, "%s: %u parameters, of which %u are here\n", l->file, l->kb.nr,
			there);
	json_object_put(out);
	return CLI_OK;
}

static int run(struct look *l, int argc, char **argv)
{
	if (!strcmp(argv[0], "list") && argc <= 2)
		return kb_list(l, argc == 2 ? argv[1] : NULL);
	if (!strcmp(argv[0], "show") && argc == 2)
		return kb_show(l, argv[1]);
	return kb_check(l);
}

static bool known(int argc, char **argv)
{
	return argc && ((!strcmp(argv[0], "list") && argc <= 2) ||
			(!strcmp(argv[0], "show") && argc == 2) ||
			(!strcmp(argv[0], "check") && argc <= 2));
}

int cmd_kb(struct cli *cli, int argc, char **argv)
{
	struct look l = {.cli = cli, .file = KB_FILE};
	const struct cli_option options[] = {
		{"--file", &l.file, NULL}, {"--root", &l.root, NULL}, {0}};
	char error[512];
	int rc = cli_options(cli, options, &argc, argv), err;

	if (rc)
		return rc;
	if (!known(argc, argv))
		return cli_usage(cli, "kb takes list, show or check");
	if (!strcmp(argv[0], "check") && argc == 2)
		l.file = argv[1];
	err = kb_machine_read(&l.machine, l.root);
	if (err) {
		cli_error(cli,
			  "memory and CPUs of %s cannot be read: %s; expected /proc and /sys there",
			  l.root ? l.root : "this machine", strerror(-err));
		return CLI_FAILED;
	}
	err = kb_load(&l.kb, l.file, error, sizeof(error));
	if (err) {
		cli_error(cli, "%s", error);
		return err == -EINVAL || err == -EFBIG ? CLI_FINDINGS : CLI_FAILED;
	}
	rc = run(&l, argc, argv);
	kb_free(&l.kb);
	return rc;
}
