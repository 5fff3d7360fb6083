// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat history: what was changed of the machine, when, and what became of it. Needs no daemon. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "../lib/units.h"
#include "past.h"

#define SHOWN_MAX 1000

struct history *past_open(struct cli *cli, const char *db, int *rc)
{
	char why[HISTORY_ERROR_LEN];
	struct history *h;
	int err = history_open_read(&h, db ? db : HISTORY_DB, why, sizeof(why));

	*rc = CLI_OK;
	if (!err)
		return h;
	if (err == -EACCES) {
		cli_error(cli, "%s; join the group %s, or run it as root", why, CONTROL_GROUP);
		*rc = CLI_REFUSED;
	} else {
		cli_error(cli, "%s%s", why,
			  err == -ENOENT ? "; homeostat-historian writes it: systemctl start "
					   "homeostat-historian"
					 : "");
		*rc = CLI_FAILED;
	}
	return NULL;
}

const char *past_when(char buf[PAST_WHEN_LEN], __u64 wall_ns)
{
	time_t second = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&second, &tm) || !strftime(buf, PAST_WHEN_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, PAST_WHEN_LEN, "?");
	return buf;
}

/* A moment of the calendar, or -EINVAL. */
static int moment(const char *text, __u64 *since_s)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};

	for (int i = 0; i < 2; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);
		time_t second = end && !*end ? timegm(&tm) : -1;

		if (second < 0)
			continue;
		*since_s = (__u64)second;
		return 0;
	}
	return -EINVAL;
}

int past_since(const char *text, __u64 now_s, __u64 *since_s)
{
	const char *at = text;
	__u64 ago;

	if (!parse_digits(&at, 36500, &ago) && !strcmp(at, "d")) {
		ago *= 86400;
	} else if (!unit_parse(text, UNIT_NS, &ago)) {
		ago /= NS_PER_S;
	} else {
		return moment(text, since_s);
	}
	*since_s = ago < now_s ? now_s - ago : 0;
	return 0;
}

void past_show_change(FILE *f, struct json_object *row)
{
	struct json_object *part = NULL;
	char when[PAST_WHEN_LEN];

	fprintf(f, "%s change %llu: %s: %s\n", past_when(when, js_u64(row, "made_wall_ns")),
		js_u64(row, "number"), js_str(row, "state"), js_str(row, "why"));
	fprintf(f, "    by uid %llu, %s, risk %llu, %s: %s\n", js_u64(row, "uid"),
		js_str(row, "source"), js_u64(row, "risk"), js_str(row, "timing"),
		js_str(row, "reason"));
	js_get_array(row, "parameters", &part);
	for (size_t i = 0; part && i < json_object_array_length(part); i++) {
		struct json_object *file = json_object_array_get_idx(part, i);

		fprintf(f, "    %s: %s -> %s\n", js_str(file, "path"), js_str(file, "from"),
			js_str(file, "to"));
	}
	part = NULL;
	js_get_array(row, "states", &part);
	/* the last one stands above */
	for (size_t i = 0; part && i + 1 < json_object_array_length(part); i++) {
		struct json_object *state = json_object_array_get_idx(part, i);

		fprintf(f, "    %s %s: %s\n", past_when(when, js_u64(state, "at_wall_ns")),
			js_str(state, "state"), js_str(state, "why"));
	}
	part = part && json_object_array_length(part)
		       ? json_object_array_get_idx(part, json_object_array_length(part) - 1)
		       : NULL;
	if (part)
		fprintf(f, "    %s %s\n", past_when(when, js_u64(part, "at_wall_ns")),
			js_str(part, "state"));
}

static int show(struct cli *cli, struct history *h, __u64 since_s, const char *parameter)
{
	struct json_object *rows = history_read_changes(h, since_s, parameter, SHOWN_MAX), *out;

	if (!rows) {
		cli_error(cli, "the history cannot be read: %s", history_error(h));
		return CLI_FAILED;
	}
	if (cli->json) {
		out = json_object_new_object();
		js_add(out, "changes", rows);
		out_json(cli, out);
		json_object_put(out);
		return CLI_OK;
	}
	if (!json_object_array_length(rows))
		fprintf(cli->out, "nothing was changed%s%s\n", parameter ? " of " : "",
			parameter ? parameter : "");
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		past_show_change(cli->out, json_object_array_get_idx(rows, i));
	json_object_put(rows);
	return CLI_OK;
}

int cmd_history(struct cli *cli, int argc, char **argv)
{
	const char *since = NULL, *db = NULL;
	const struct cli_option options[] = {{"--since", &since, NULL}, {"--db", &db, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);
	struct history *h;
	__u64 since_s = 0;

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "history takes one PARAMETER at most");
	if (since && past_since(since, (__u64)time(NULL), &since_s))
		return cli_usage(cli,
				 "--since %s: expected a time such as 90s, 10min, 12h or 7d, or a "
				 "moment such as 2026-11-21 or 2026-11-21T12:34:56Z",
				 since);
	h = past_open(cli, db, &rc);
	if (!h)
		return rc;
	rc = show(cli, h, since_s, argc ? argv[0] : NULL);
	history_close(h);
	return rc;
}
