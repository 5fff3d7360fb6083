// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat report: how the host has fared, from the history: what is physical first, then network, storage and memory, CPU, the rest. With NAME and
 * VALUE it tells the daemon a figure instead (orders.c).
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "../lib/json.h"
#include "../lib/units.h"
#include "past.h"

#define SPIKES_MAX 20
#define CHANGES_MAX 50
#define BARS 60 /* of a series, five seconds each */

/* What a vital sign is about, by how its name begins. X(title, prefixes) */
#define GROUPS(X)                                                                                  \
	X("physical", "thermal. power. hw. energy. battery. cpufreq. fan. edac. pcie.")            \
	X("network", "net. tcp. nic. ib. socket.")                                                 \
	X("storage and memory", "mem. psi.io psi.memory io. disk. nvme. numa. swap.")              \
	X("cpu", "cpu. sched. irq. softirq. psi.cpu pmu.")                                         \
	X("the rest", "")
#define X(title, prefixes) {title, prefixes},
static const struct {
	const char *title, *prefixes;
} groups[] = {GROUPS(X)};
#undef X
#define GROUPS_NR (sizeof(groups) / sizeof(*groups))

static const struct span {
	const char *option, *name;
	__u64 seconds;
	enum history_step step;
} spans[] = {
	{"--5m", "five minutes", 300, HISTORY_SECONDS},	  {"--1h", "hour", 3600, HISTORY_MINUTES},
	{"--6h", "six hours", 6 * 3600, HISTORY_MINUTES}, {"--day", "day", 86400, HISTORY_MINUTES},
	{"--week", "week", 7 * 86400, HISTORY_HOURS},
};
#define SPANS_NR (sizeof(spans) / sizeof(*spans))

struct health {
	struct cli *cli;
	struct history *h;
	const struct span *span;
	__u64 now_s;
	struct json_object *out, *groups; /* groups: array, in the order of the table */
	struct json_object *series;	  /* the last five minutes of each vital sign */
};

/* The group of a name: the last one takes all. */
static size_t group_of(const char *name)
{
	for (size_t g = 0; g + 1 < GROUPS_NR; g++) {
		const char *at = groups[g].prefixes;

		while (*at) {
			size_t len = strcspn(at, " ");

			if (!strncmp(name, at, len))
				return g;
			at += len + strspn(at + len, " ");
		}
	}
	return GROUPS_NR - 1;
}

static void add_vital(void *ctx, const char *name, const char *unit, const struct aggregate *a)
{
	struct health *r = ctx;
	struct json_object *rows = NULL, *row, *series;

	if (!a->present)
		return;
	js_get_array(json_object_array_get_idx(r->groups, group_of(name)), "vitals", &rows);
	row = js_push_obj(rows);
	js_add_str(row, "name", name);
	js_add_str(row, "unit", unit);
#define X(member) js_add_u64(row, #member, a->member);
	AGGREGATE_MEMBERS(X)
#undef X
	js_add_u64(row, "deviation", aggregate_root(a->variance));
	/* none where it was present in that time, but not in the last five minutes */
	if (json_object_object_get_ex(r->series, name, &series))
		js_add(row, "series", json_object_get(series));
}

static int collect(struct health *r)
{
	int err;

	js_add_str(r->out, "span", r->span->option + 2);
	js_add_u64(r->out, "from_s", r->now_s - r->span->seconds);
	js_add_u64(r->out, "to_s", r->now_s);
	js_add_u64(r->out, "newest_s", history_newest_s(r->h));
	r->groups = js_add_array(r->out, "groups");
	for (size_t g = 0; g < GROUPS_NR; g++) {
		struct json_object *group = js_push_obj(r->groups);

		js_add_str(group, "group", groups[g].title);
		js_add_array(group, "vitals");
	}
	r->series = history_read_raw(r->h, r->now_s - HISTORY_RAW_S, r->now_s);
	if (!r->series)
		return -EIO;
	err = history_read_spans(r->h, r->span->step, r->now_s - r->span->seconds, r->now_s,
				 add_vital, r);
	js_add(r->out, "spikes",
	       history_read_spikes(r->h, r->now_s - r->span->seconds, SPIKES_MAX));
	js_add(r->out, "changes",
	       history_read_changes(r->h, r->now_s - r->span->seconds, NULL, CHANGES_MAX));
	return err;
}

/* The last five minutes in blocks of one eighth to eight, of the highest; a blank: absent. */
static const char *bars(char *buf, size_t size, struct json_object *series)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t nr = series ? json_object_array_length(series) : 0, len = 0;
	__u64 most = 0;

	for (size_t i = 0; i < nr; i++) {
		__u64 v = json_object_get_uint64(json_object_array_get_idx(series, i));

		most = v > most ? v : most;
	}
	buf[0] = '\0';
	for (size_t bar = 0; bar < BARS && nr >= BARS && len + 4 < size; bar++) {
		bool present = false;
		__u64 top = 0;

		for (size_t i = bar * nr / BARS; i < (bar + 1) * nr / BARS; i++) {
			struct json_object *v = json_object_array_get_idx(series, i);

			present |= !!v;
			top = json_object_get_uint64(v) > top ? json_object_get_uint64(v) : top;
		}
		len += (size_t)snprintf(buf + len, size - len, "%s",
					!present ? " "
					: !most	 ? blocks[0]
						 : blocks[(unsigned __int128)top * 7 / most]);
	}
	return buf;
}

/* ---- for people ---- */

static const struct column columns[] = {
	{"name", "VITAL SIGN", COLUMN_TEXT}, {"min", "MIN", COLUMN_UNIT},
	{"mean", "MEAN", COLUMN_UNIT},	     {"p50", "P50", COLUMN_UNIT},
	{"p95", "P95", COLUMN_UNIT},	     {"p99", "P99", COLUMN_UNIT},
	{"max", "MAX", COLUMN_UNIT},	     {"peak", "PEAK", COLUMN_UNIT},
	{"ewma", "AVERAGE", COLUMN_UNIT},    {"deviation", "DEVIATION", COLUMN_UNIT},
	{"bars", "LAST 5 MIN", COLUMN_TEXT},
};
#define COLUMNS_NR (sizeof(columns) / sizeof(*columns))

static void table_markdown(FILE *f, struct json_object *rows)
{
	char cell[256];

	for (size_t c = 0; c < COLUMNS_NR; c++)
		fprintf(f, "| %s ", columns[c].head);
	fputs("|\n", f);
	for (size_t c = 0; c < COLUMNS_NR; c++)
		fputs(columns[c].kind == COLUMN_TEXT ? "| --- " : "| ---: ", f);
	fputs("|\n", f);
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		for (size_t c = 0; c < COLUMNS_NR; c++)
			fprintf(f, "| %s ",
				out_cell(cell, sizeof(cell), json_object_array_get_idx(rows, i),
					 &columns[c]));
		fputs("|\n", f);
	}
}

static void show_groups(struct health *r, bool markdown)
{
	FILE *f = r->cli->out;

	for (size_t g = 0; g < json_object_array_length(r->groups); g++) {
		struct json_object *group = json_object_array_get_idx(r->groups, g), *rows = NULL;

		js_get_array(group, "vitals", &rows);
		if (!json_object_array_length(rows))
			continue;
		for (size_t i = 0; i < json_object_array_length(rows); i++) {
			struct json_object *row = json_object_array_get_idx(rows, i),
					   *series = NULL;
			char text[4 * BARS + 8];

			js_get_array(row, "series", &series);
			js_add_str(row, "bars", bars(text, sizeof(text), series));
		}
		fprintf(f, markdown ? "\n## %c%s\n\n" : "\n%c%s\n", groups[g].title[0] - 'a' + 'A',
			groups[g].title + 1);
		if (markdown)
			table_markdown(f, rows);
		else
			out_table(f, rows, columns, COLUMNS_NR);
	}
}

/* What surrounded a spike: each as before → at → after. */
static void show_around(FILE *f, struct json_object *spike, const char *indent)
{
	struct json_object *around = NULL;

	js_get_array(spike, "around", &around);
	for (size_t i = 0; around && i < json_object_array_length(around); i++) {
		static const char *const keys[] = {"before", "at", "after"};
		struct json_object *side = json_object_array_get_idx(around, i);
		char text[3][64];

		for (int k = 0; k < 3; k++)
			if (js_is_null(side, keys[k]))
				strcpy(text[k], "absent");
			else
				out_value(text[k], sizeof(text[k]), side, keys[k]);
		fprintf(f, "%s%s: %s, then %s, then %s\n", indent, js_str(side, "vital"), text[0],
			text[1], text[2]);
	}
}

static void show_spikes(struct health *r, bool markdown)
{
	struct json_object *spikes = NULL;
	FILE *f = r->cli->out;

	js_get_array(r->out, "spikes", &spikes);
	if (!spikes || !json_object_array_length(spikes))
		return;
	fprintf(f, markdown ? "\n## Spikes\n\n" : "\nSpikes\n");
	for (size_t i = 0; i < json_object_array_length(spikes); i++) {
		struct json_object *s = json_object_array_get_idx(spikes, i);
		char when[PAST_WHEN_LEN], value[64], average[64];

		fprintf(f, "%s%s %s: %s, average %s\n", markdown ? "- " : "",
			past_when(when, js_u64(s, "at_s") * NS_PER_S), js_str(s, "vital"),
			out_value(value, sizeof(value), s, "value"),
			out_value(average, sizeof(average), s, "average"));
		show_around(f, s, markdown ? "  - " : "    ");
	}
}

static void show_changes(struct health *r, bool markdown)
{
	struct json_object *changes = NULL;
	FILE *f = r->cli->out;

	js_get_array(r->out, "changes", &changes);
	if (!changes || !json_object_array_length(changes))
		return;
	fprintf(f, markdown ? "\n## Changes\n\n```\n" : "\nChanges\n");
	for (size_t i = 0; i < json_object_array_length(changes); i++)
		past_show_change(f, json_object_array_get_idx(changes, i));
	if (markdown)
		fputs("```\n", f);
}

static void show(struct health *r, bool markdown)
{
	char from[PAST_WHEN_LEN], to[PAST_WHEN_LEN], ago[64];
	__u64 newest_s = js_u64(r->out, "newest_s");

	fprintf(r->cli->out, "%sThe last %s: %s to %s\n", markdown ? "# " : "", r->span->name,
		past_when(from, (r->now_s - r->span->seconds) * NS_PER_S),
		past_when(to, r->now_s * NS_PER_S));
	if (newest_s + 120 < r->now_s)
		fprintf(r->cli->out,
			"%sNothing was written down for %s: is homeostat-historian at work?\n",
			markdown ? "\n" : "",
			newest_s ? out_ns(ago, sizeof(ago), (r->now_s - newest_s) * NS_PER_S)
				 : "ever");
	show_groups(r, markdown);
	show_spikes(r, markdown);
	show_changes(r, markdown);
}

static int health(struct cli *cli, const struct span *span, const char *db, bool markdown)
{
	struct health r = {.cli = cli, .span = span, .now_s = (__u64)time(NULL)};
	int rc, err;

	r.h = past_open(cli, db, &rc);
	if (!r.h)
		return rc;
	r.out = json_object_new_object();
	err = collect(&r);
	if (err) {
		cli_error(cli, "the history cannot be read: %s", history_error(r.h));
		rc = CLI_FAILED;
	} else if (cli->json) {
		out_json(cli, r.out);
	} else {
		show(&r, markdown);
	}
	json_object_put(r.series);
	json_object_put(r.out);
	history_close(r.h);
	return rc;
}

int cmd_report(struct cli *cli, int argc, char **argv)
{
	bool on[SPANS_NR] = {0}, markdown = false;
	const char *db = NULL;
	struct cli_option options[SPANS_NR + 3] = {{"--db", &db, NULL},
						   {"--markdown", NULL, &markdown}};
	size_t chosen = 0, nr = 0;
	int rc;

	for (size_t i = 0; i < SPANS_NR; i++)
		options[2 + i] = (struct cli_option){spans[i].option, NULL, &on[i]};
	rc = cli_options(cli, options, &argc, argv);
	if (rc)
		return rc;
	for (size_t i = 0; i < SPANS_NR; i++)
		if (on[i]) {
			chosen = i;
			nr++;
		}
	if (argc == 2 && !nr && !markdown && !db)
		return report_figure(cli, argv[0], argv[1]);
	if (argc || nr > 1 || (markdown && cli->json))
		return cli_usage(cli,
				 "report takes NAME and VALUE; or one of --5m, --1h, --6h, --day, "
				 "--week, and --json or --markdown");
	return health(cli, &spans[chosen], db, markdown);
}
