// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat apply: what somebody wants changed, read, checked and shown; then asked for. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/proposal.h"
#include "cli.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

struct apply {
	struct cli *cli;
	const char *kb_path, *root, *source;
	struct kb kb;
	struct kb_machine machine;
	struct proposals proposals;
};

/* All of it, or one byte more than is allowed. *text is the caller's. The length, or negative errno. */
static ssize_t read_all(const char *path, char **text)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t len = 0;
	int err = 0;

	if (!f)
		return -errno;
	*text = malloc(PROPOSAL_TEXT_MAX + 1);
	if (*text)
		len = fread(*text, 1, PROPOSAL_TEXT_MAX + 1, f);
	if (!*text || ferror(f))
		err = *text ? -errno : -ENOMEM;
	if (f != stdin)
		fclose(f);
	if (err)
		free(*text);
	return err ? err : (ssize_t)len;
}

static int read_proposals(struct apply *a, const char *path, enum proposal_source source)
{
	struct json_fault fault;
	char *text = NULL;
	ssize_t len = read_all(path, &text);
	int err;

	if (len < 0) {
		cli_error(a->cli, "%s: %s; expected a readable file, or - for standard input", path,
			  strerror((int)-len));
		return CLI_FAILED;
	}
	err = proposals_read(&a->proposals, text, (size_t)len, source, &a->kb, &a->machine, &fault);
	free(text);
	if (!err)
		return CLI_OK;
	cli_error(a->cli, "%s: %s%s%s", path, fault.pointer, fault.pointer[0] ? ": " : "",
		  fault.why);
	return CLI_FINDINGS;
}

static void add_row(struct json_object *rows, const struct proposal *p, const char *name,
		    const char *now, const char *value)
{
	struct json_object *row = js_push_obj(rows);

	js_add_str(row, "parameter", name);
	js_add_str(row, "now", now);
	js_add_str(row, "value", value);
	js_add_str(row, "timing", kb_timings[p->timing < 0 ? (int)p->kb->timing : p->timing].name);
	js_add_u64(row, "risk", p->risk ? p->risk : p->kb->risk);
	js_add_str(row, "reason", p->reason);
}

/* Where the value of one object is read to. */
struct reading {
	const struct apply *a;
	const struct kb_parameter *kb;
	char now[PROPOSAL_VALUE_LEN];
};

/* kb_files(): the only one. */
static int read_object(void *ctx, const char *path)
{
	struct reading *r = ctx;

	if (kb_read(r->kb, r->a->root, path, r->now, sizeof(r->now)))
		strcpy(r->now, "-");
	return 0;
}

static void add_part(struct json_object *rows, const struct apply *a, const struct proposal *p,
		     const struct proposal_part *part)
{
	struct reading r = {.a = a, .kb = p->kb, .now = "-"};
	char name[PROPOSAL_PARAMETER_LEN + KB_OBJECTS_LEN + 2], why[160];

	snprintf(name, sizeof(name), "%s[%s]", p->parameter, part->object);
	kb_files(p->kb, part->object, a->root, read_object, &r, why, sizeof(why));
	add_row(rows, p, name, r.now, part->value);
}

/* What would be asked for, beside what is there now. Of several objects the first one's value stands for all, if they get one. */
static struct json_object *rows_of(const struct apply *a)
{
	struct json_object *rows = json_object_new_array();
	char now[PROPOSAL_VALUE_LEN];

	for (unsigned int i = 0; rows && i < a->proposals.nr; i++) {
		const struct proposal *p = &a->proposals.proposal[i];

		for (unsigned int j = p->first; j < p->first + p->parts; j++)
			add_part(rows, a, p, &a->proposals.part[j]);
		if (!p->parts)
			add_row(rows, p, p->parameter,
				kb_now(p->kb, a->root, now, sizeof(now)) ? "-" : now, p->value);
	}
	return rows;
}

/* What a person should know before it is asked for. */
static void print_remarks(const struct apply *a)
{
	FILE *f = a->cli->out;

	for (unsigned int i = 0; i < a->proposals.nr; i++) {
		const struct proposal *p = &a->proposals.proposal[i];

		if (!p->can_auto_apply)
			fprintf(f, "%s: waits for approval\n", p->parameter);
		for (unsigned int j = 0; j < p->rollback_nr; j++)
			fprintf(f, "%s: rolled back if %s %c %llu\n", p->parameter,
				vital_name(p->rollback[j].vital), p->rollback[j].above ? '>' : '<',
				p->rollback[j].value);
		if (p->kb->warning[0])
			fprintf(f, "%s: warning: %s\n", p->parameter, p->kb->warning);
		if (p->kb->restart[0])
			fprintf(f, "%s: takes effect for: %s\n", p->parameter, p->kb->restart);
	}
}

static void show(const struct apply *a)
{
	static const struct column columns[] = {
		{"parameter", "PARAMETER", COLUMN_TEXT}, {"now", "NOW", COLUMN_TEXT},
		{"value", "WANTED", COLUMN_TEXT},	 {"timing", "WHEN", COLUMN_TEXT},
		{"risk", "RISK", COLUMN_NUMBER},	 {"reason", "REASON", COLUMN_TEXT},
	};
	struct json_object *rows = rows_of(a);

	out_table(a->cli->out, rows, columns, NR(columns));
	print_remarks(a);
	json_object_put(rows);
}

/* Of what it has become at once: no is no success. */
static int exit_code(const char *state)
{
	if (!strcmp(state, "rejected") || !strcmp(state, "yielded"))
		return CLI_REFUSED;
	return !strcmp(state, "failed") || !strcmp(state, "expired") ||
			       !strcmp(state, "rolled_back")
		       ? CLI_FAILED
		       : CLI_OK;
}

static int ask(const struct apply *a)
{
	struct json_object *reply;
	int rc = cli_call(a->cli, proposals_message(&a->proposals), &reply);

	if (rc)
		return rc;
	if (a->cli->json)
		out_json(a->cli, reply);
	else
		fprintf(a->cli->out, "id %llu: %s%s%s\n", js_u64(reply, "id"),
			js_str(reply, "state"), js_str(reply, "why")[0] ? ": " : "",
			js_str(reply, "why"));
	rc = exit_code(js_str(reply, "state"));
	json_object_put(reply);
	return rc;
}

/* The message as it would be sent: what a program reads, it can send. */
static int print_message(const struct apply *a)
{
	struct json_object *message = proposals_message(&a->proposals);

	if (!message) {
		cli_error(a->cli, "out of memory");
		return CLI_FAILED;
	}
	out_json(a->cli, message);
	json_object_put(message);
	return CLI_OK;
}

static int run(struct apply *a, const char *path, enum proposal_source source, bool check)
{
	int rc = read_proposals(a, path, source);

	if (rc)
		return rc;
	if (check && a->cli->json)
		return print_message(a);
	if (!a->cli->json)
		show(a);
	return check ? CLI_OK : ask(a);
}

static int source_of(const char *name)
{
	int i = 0;

	while (i < PROPOSAL_SOURCE_NR && strcmp(proposal_sources[i], name))
		i++;
	return i < PROPOSAL_SOURCE_NR ? i : -EINVAL;
}

int cmd_apply(struct cli *cli, int argc, char **argv)
{
	struct apply a = {.cli = cli, .kb_path = KB_FILE, .source = "person"};
	bool check = false;
	const struct cli_option options[] = {{"--check", NULL, &check},
					     {"--kb", &a.kb_path, NULL},
					     {"--root", &a.root, NULL},
					     {"--source", &a.source, NULL},
					     {0}};
	int rc = cli_options(cli, options, &argc, argv), err, source;
	char error[512];

	if (rc || argc != 1)
		return rc ? rc : cli_usage(cli, "apply takes one FILE, or - for standard input");
	source = source_of(a.source);
	if (source < 0)
		return cli_usage(cli, "no source '%s'; there are person, rules and model",
				 a.source);
	err = kb_machine_read(&a.machine, a.root);
	if (err) {
		cli_error(cli,
			  "memory and CPUs of %s cannot be read: %s; expected /proc and /sys there",
			  a.root ? a.root : "this machine", strerror(-err));
		return CLI_FAILED;
	}
	if (kb_load(&a.kb, a.kb_path, error, sizeof(error))) {
		cli_error(cli, "%s", error);
		return CLI_FAILED;
	}
	rc = run(&a, argv[0], (enum proposal_source)source, check);
	kb_free(&a.kb);
	return rc;
}
