// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat changes, pending, approve, reject, confirm, activity: changes of the machine, and a person's word on them. */
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "cli.h"
#include "pending.h"

/* How long ago, or from now, a time of the daemon's clock is. */
static const char *distance(char *buf, size_t size, __u64 now, __u64 at)
{
	char ns[32];

	out_ns(ns, sizeof(ns), at > now ? at - now : now - at);
	snprintf(buf, size, at > now ? "in %s" : "%s ago", ns);
	return buf;
}

static void show_files(struct cli *cli, struct json_object *row)
{
	struct json_object *files = NULL;

	js_get_array(row, "parameters", &files);
	for (size_t i = 0; files && i < json_object_array_length(files); i++) {
		struct json_object *f = json_object_array_get_idx(files, i);

		fprintf(cli->out, "    %s: %s -> %s\n", js_str(f, "path"), js_str(f, "from"),
			js_str(f, "to"));
	}
	if (files && js_u64(row, "files") > json_object_array_length(files))
		fprintf(cli->out, "    and %llu more\n",
			js_u64(row, "files") - json_object_array_length(files));
}

/* What is expected of it. */
static void show_moves(struct cli *cli, struct json_object *row)
{
	struct json_object *moves = NULL;

	js_get_array(row, "moves", &moves);
	for (size_t i = 0; moves && i < json_object_array_length(moves); i++)
		fprintf(cli->out, "%s%s%s", i ? ", " : "    meant to move: ",
			json_object_get_string(json_object_array_get_idx(moves, i)),
			i + 1 == json_object_array_length(moves) ? "\n" : "");
}

static void show_one(struct cli *cli, struct json_object *row, __u64 now)
{
	char when[48], due[64] = "", text[48];

	if (js_u64(row, "due_ns"))
		snprintf(due, sizeof(due), ", ends %s",
			 distance(text, sizeof(text), now, js_u64(row, "due_ns")));
	fprintf(cli->out, "%llu %s (%s%s): %s\n", js_u64(row, "id"), js_str(row, "state"),
		distance(when, sizeof(when), now, js_u64(row, "at_ns")), due, js_str(row, "why"));
	fprintf(cli->out, "    by uid %llu, %s, risk %llu, %s: %s\n", js_u64(row, "uid"),
		js_str(row, "source"), js_u64(row, "risk"), js_str(row, "timing"),
		js_str(row, "reason"));
	if (js_is_null(row, "expected"))
		show_moves(cli, row);
	else
		pending_show(cli->out, row);
	show_files(cli, row);
}

static void show_kept(struct cli *cli, struct json_object *reply)
{
	static const struct column columns[] = {
		{"id", "ID", COLUMN_NUMBER},
		{"path", "COMMITTED", COLUMN_TEXT},
		{"from", "BEFORE", COLUMN_TEXT},
		{"to", "NOW", COLUMN_TEXT},
	};
	struct json_object *kept = NULL;

	js_get_array(reply, "kept", &kept);
	if (!kept || !json_object_array_length(kept))
		return;
	fprintf(cli->out, "\nStays until `homeostat restore --all`, --since TIME or --id ID:\n");
	out_table(cli->out, kept, columns, sizeof(columns) / sizeof(*columns));
}

/* Leaves in the reply only the changes that wait for a person. */
static void keep_pending(struct json_object *reply)
{
	struct json_object *rows = NULL, *kept = json_object_new_array();

	js_get_array(reply, "changes", &rows);
	for (size_t i = 0; rows && kept && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!strcmp(js_str(row, "state"), "pending") ||
		    !strcmp(js_str(row, "state"), "confirm"))
			json_object_array_add(kept, json_object_get(row));
	}
	js_add(reply, "changes", kept);
	json_object_object_del(reply, "kept");
}

/* @kb_file: NULL: all that there are; else what waits for a person, with what he should know. */
static int list_changes(struct cli *cli, const char *kb_file)
{
	struct json_object *reply, *rows = NULL;
	int rc = cli_call(cli, control_request("changes"), &reply);
	bool pending = kb_file, known;
	struct kb kb = {0};
	char error[512];

	if (rc)
		return rc;
	if (pending) {
		known = !kb_load(&kb, kb_file, error, sizeof(error));
		if (!known)
			cli_error(cli, "%s; what needs them, or conflicts, is not told", error);
		pending_add(reply, known ? &kb : NULL);
		kb_free(&kb);
		keep_pending(reply);
	}
	js_get_array(reply, "changes", &rows);
	if (cli->json) {
		out_json(cli, reply);
	} else {
		if (!rows || !json_object_array_length(rows))
			fprintf(cli->out, pending ? "nothing waits for a person\n"
						  : "nothing was proposed\n");
		for (size_t i = 0; rows && i < json_object_array_length(rows); i++)
			show_one(cli, json_object_array_get_idx(rows, i), js_u64(reply, "now_ns"));
		show_kept(cli, reply);
	}
	json_object_put(reply);
	return CLI_OK;
}

int cmd_changes(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	return rc || argc ? rc ? rc : cli_usage(cli, "changes takes no argument")
			  : list_changes(cli, NULL);
}

int cmd_pending(struct cli *cli, int argc, char **argv)
{
	const char *kb = KB_FILE;
	const struct cli_option options[] = {{"--kb", &kb, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);

	return rc || argc ? rc ? rc : cli_usage(cli, "pending takes no argument")
			  : list_changes(cli, kb);
}

/* A verb with the number of a change, and what it has come to. */
static int decide(struct cli *cli, const char *verb, const char *why, int argc, char **argv)
{
	struct json_object *request, *reply, *rows = NULL;
	__u64 id;
	int rc;

	if (argc != 1 || parse_u64_max(argv[0], ~0U, &id) || !id)
		return cli_usage(cli, "%s takes one ID; see homeostat changes", verb);
	request = control_request(verb);
	js_add_u64(request, "id", id);
	if (why)
		js_add_str(request, "why", why);
	rc = cli_call(cli, request, &reply);
	if (rc)
		return rc;
	js_get_array(reply, "changes", &rows);
	if (cli->json)
		out_json(cli, reply);
	for (size_t i = 0; !cli->json && rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		show_one(cli, row, js_u64(row, "at_ns"));
	}
	json_object_put(reply);
	return CLI_OK;
}

int cmd_approve(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	return rc ? rc : decide(cli, "approve", NULL, argc, argv);
}

int cmd_confirm(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	return rc ? rc : decide(cli, "confirm", NULL, argc, argv);
}

int cmd_reject(struct cli *cli, int argc, char **argv)
{
	const char *why = NULL;
	const struct cli_option options[] = {{"--why", &why, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);

	return rc ? rc : decide(cli, "reject", why, argc, argv);
}

int cmd_activity(struct cli *cli, int argc, char **argv)
{
	struct json_object *request, *reply;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc > 1)
		return rc ? rc
			  : cli_usage(cli, "activity takes one of busy, idle, mission, unknown");
	if (argc) {
		request = control_request("activity");
		js_add_str(request, "activity", argv[0]);
		return cli_order(cli, request);
	}
	rc = cli_call(cli, control_request("changes"), &reply);
	if (rc)
		return rc;
	if (cli->json) {
		struct json_object *o = json_object_new_object();

		js_add_str(o, "activity", js_str(reply, "activity"));
		out_json(cli, o);
		json_object_put(o);
	} else {
		fprintf(cli->out, "%s\n", js_str(reply, "activity"));
	}
	json_object_put(reply);
	return CLI_OK;
}
