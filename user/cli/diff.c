// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat diff: what homeostatd has committed against what the kernel shows now. Changes nothing. */
#include <errno.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/parse.h"
#include "../lib/place.h"
#include "cli.h"

#define VALUE_LEN 4096

struct diff {
	struct cli *cli;
	struct kb kb;
	bool kb_there; /* without it values are compared letter by letter */
	const char *root;
	struct json_object *rows; /* array */
	unsigned int differ;
};

/* Whose file it is: by its path, with whatever in the place of braces. NULL: the knowledge base has changed since. */
static const struct kb_parameter *parameter_of(const struct diff *d, const char *path)
{
	for (unsigned int i = 0; d->kb_there && i < d->kb.nr; i++) {
		const struct kb_parameter *p = &d->kb.parameter[i];
		char pattern[PATH_MAX];
		size_t n = 0;

		for (const char *at = p->path; *at && n + 1 < sizeof(pattern); at++) {
			pattern[n++] = *at == '{' ? '*' : *at;
			if (*at == '{')
				at += strcspn(at, "}");
			if (!*at)
				break;
		}
		pattern[n] = '\0';
		if (!fnmatch(pattern, path, FNM_PATHNAME))
			return p;
	}
	return NULL;
}

/* What the kernel shows; with `p` in its way. 0 or negative errno. */
static int show_now(const struct diff *d, const struct kb_parameter *p, const char *path, char *buf)
{
	ssize_t n;

	if (p)
		return kb_read(p, d->root, path, buf, VALUE_LEN);
	n = place_read(d->root, path, buf, VALUE_LEN);
	if (n < 0)
		return (int)n;
	choice_cut(buf);
	return 0;
}

static void compare(struct diff *d, struct json_object *kept)
{
	const char *path = js_str(kept, "path"), *to = js_str(kept, "to");
	const struct kb_parameter *p = parameter_of(d, path);
	struct json_object *row = js_push_obj(d->rows);
	char now[VALUE_LEN];
	int err = show_now(d, p, path, now);
	bool same = !err && (p ? kb_same(p, to, now) : !strcmp(to, now));

	js_add_u64(row, "id", js_u64(kept, "id"));
	js_add_str(row, "parameter", p ? p->name : "");
	js_add_str(row, "path", path);
	js_add_str(row, "committed", to);
	js_add_str(row, "before", js_str(kept, "from"));
	js_add(row, "now", err ? NULL : json_object_new_string(now));
	js_add_bool(row, "same", same);
	js_add_str(row, "finding",
		   same	 ? "as committed"
		   : err ? strerror(-err)
		   : p	 ? kb_same(p, js_str(kept, "from"), now) ? "as before" : "somebody else's"
			 : "somebody else's");
	d->differ += !same;
}

/* Is there a younger one of the same file? Then that is what was wanted. */
static bool outdated(struct json_object *kept, size_t at)
{
	struct json_object *row = json_object_array_get_idx(kept, at);

	for (size_t i = 0; i < json_object_array_length(kept); i++) {
		struct json_object *other = json_object_array_get_idx(kept, i);

		if (i != at && !strcmp(js_str(row, "path"), js_str(other, "path")) &&
		    js_u64(other, "id") > js_u64(row, "id"))
			return true;
	}
	return false;
}

/* Leaves only what differs. */
static void drop_same(struct diff *d)
{
	for (size_t i = json_object_array_length(d->rows); i; i--)
		if (js_bool(json_object_array_get_idx(d->rows, i - 1), "same"))
			json_object_array_del_idx(d->rows, i - 1, 1);
}

static void tell(struct diff *d, bool check)
{
	static const struct column columns[] = {
		{"id", "ID", COLUMN_NUMBER},
		{"path", "FILE", COLUMN_TEXT},
		{"committed", "COMMITTED", COLUMN_TEXT},
		{"now", "NOW", COLUMN_TEXT},
		{"finding", "FINDING", COLUMN_TEXT},
	};
	struct json_object *out;

	if (check)
		drop_same(d);
	if (d->cli->json) {
		out = json_object_new_object();
		js_add_u64(out, "differ", d->differ);
		js_add(out, "values", json_object_get(d->rows));
		out_json(d->cli, out);
		json_object_put(out);
	} else if (json_object_array_length(d->rows)) {
		out_table(d->cli->out, d->rows, columns, sizeof(columns) / sizeof(*columns));
	} else if (!check) {
		fprintf(d->cli->out, "nothing is committed\n");
	}
}

int cmd_diff(struct cli *cli, int argc, char **argv)
{
	struct diff d = {.cli = cli};
	const char *file = KB_FILE;
	bool check = false;
	const struct cli_option options[] = {
		{"--check", NULL, &check}, {"--file", &file, NULL}, {"--root", &d.root, NULL}, {0}};
	struct json_object *reply, *kept = NULL;
	int rc = cli_options(cli, options, &argc, argv);
	char error[512];

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "diff takes no argument");
	rc = cli_call(cli, control_request("changes"), &reply);
	if (rc)
		return rc;
	d.kb_there = !kb_load(&d.kb, file, error, sizeof(error));
	if (!d.kb_there && !cli->json)
		cli_error(cli, "%s; values are compared letter by letter", error);
	d.rows = json_object_new_array();
	js_get_array(reply, "kept", &kept);
	for (size_t i = 0; kept && i < json_object_array_length(kept); i++)
		if (!outdated(kept, i))
			compare(&d, json_object_array_get_idx(kept, i));
	tell(&d, check);
	if (d.kb_there)
		kb_free(&d.kb);
	json_object_put(d.rows);
	json_object_put(reply);
	return d.differ ? CLI_FINDINGS : CLI_OK;
}
