// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the tables of abi.h become elsewhere: homeostat help-tables fills in the man pages, homeostat
 * complete serves the shell. Hidden verbs, for the build and the completion script.
 */
#include <string.h>

#include "../lib/change_state.h"
#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/names.h"
#include "../lib/units.h"
#include "cli.h"

#define LINE_MAX_LEN 4096

/* scdoc reads _ and * as emphasis, and - or . at the beginning as a list. */
static void put_escaped(FILE *f, const char *text)
{
	if (*text == '-' || *text == '.')
		fputc('\\', f);
	for (; *text; text++) {
		if (strchr("_*\\<>[#~", *text))
			fputc('\\', f);
		fputc(*text, f);
	}
}

/* A definition: the name in bold, the text indented below it. */
static void define(FILE *f, const char *name, const char *args, const char *text)
{
	fputc('*', f);
	put_escaped(f, name);
	fputc('*', f);
	if (args && *args) {
		fputc(' ', f);
		put_escaped(f, args);
	}
	fputs("\n\t", f);
	put_escaped(f, text);
	fputs("\n\n", f);
}

static void define_infos(FILE *f, const struct name_info *infos, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		define(f, infos[i].name, NULL, infos[i].meaning);
}

static void table_knobs(FILE *f)
{
	char text[512], stock[64], min[64], max[64];

	for (size_t i = 0; i < HS_KNOB_NR; i++) {
		const struct knob_info *k = &knob_infos[i];
		int unit = unit_find(k->unit);

		snprintf(text, sizeof(text), "%s. Stock %s, bounds %s to %s.", k->meaning,
			 unit_format(stock, sizeof(stock), k->bound.stock, unit),
			 unit_format(min, sizeof(min), k->bound.min, unit),
			 unit_format(max, sizeof(max), k->bound.max, unit));
		define(f, k->name, NULL, text);
	}
}

static void table_vitals(FILE *f)
{
	char text[512];

	for (size_t i = 0; i < HS_VITAL_NR; i++) {
		snprintf(text, sizeof(text), "%s. Written by the %s.", vital_infos[i].meaning,
			 vital_infos[i].slow ? "daemon" : "pulse");
		define(f, vital_infos[i].name, NULL, text);
	}
}

static void table_verbs(FILE *f)
{
	for (size_t i = 0; i < cli_verbs_nr; i++) {
		const char *at = cli_verbs[i].details;

		if (!cli_verbs[i].summary)
			continue;
		define(f, cli_verbs[i].name, cli_verbs[i].args, cli_verbs[i].summary);
		while (at && *at) {
			int n = strcspn(at, "\n");
			char line[256];

			snprintf(line, sizeof(line), "%.*s", n, at);
			/* after a line break scdoc would print the tab */
			if (at == cli_verbs[i].details)
				fputc('\t', f);
			put_escaped(f, line);
			fputs(at[n] && at[n + 1] ? "++\n" : "\n\n", f);
			at += n + !!at[n];
		}
	}
}

static void table_exits(FILE *f)
{
#define X(id, code, meaning) fprintf(f, "*%d*\n\t%s\n\n", code, meaning);
	CLI_EXITS(X)
#undef X
}

static void table_trips(FILE *f)
{
	/* the first one is "none" */
	define_infos(f, trip_infos + 1, HS_TRIP_NR - 1);
}

static void table_modes(FILE *f)
{
	define_infos(f, mode_infos, HS_MODE_NR);
}

static void table_classes(FILE *f)
{
	define_infos(f, class_infos, HS_CLASS_NR);
}

static void table_flow_classes(FILE *f)
{
	define_infos(f, flow_class_infos, HS_FLOW_CLASS_NR);
}

static void table_events(FILE *f)
{
	define_infos(f, event_infos, HS_EVENT_NR);
}

static void table_counters(FILE *f)
{
	define_infos(f, counter_infos, HS_COUNT_NR);
}

static void table_change_states(FILE *f)
{
#define X(id, name, meaning) define(f, name, "", meaning);
	TX_STATES(X)
#undef X
}

static void table_kb_actuators(FILE *f)
{
	for (int i = 0; i < KB_ACTUATOR_NR; i++)
		define(f, kb_actuators[i].name, kb_actuators[i].begins, kb_actuators[i].meaning);
}

static void table_kb_types(FILE *f)
{
	for (int i = 0; i < KB_TYPE_NR; i++)
		define(f, kb_types[i].name, NULL, kb_types[i].meaning);
}

static void table_kb_timings(FILE *f)
{
	for (int i = 0; i < KB_TIMING_NR; i++)
		define(f, kb_timings[i].name, NULL, kb_timings[i].meaning);
}

static void table_version(FILE *f)
{
	fputs(HS_VERSION "\n", f);
}

static const struct {
	const char *line;
	void (*write)(FILE *f);
} tables[] = {
	{"@knobs@\n", table_knobs},
	{"@vitals@\n", table_vitals},
	{"@verbs@\n", table_verbs},
	{"@exits@\n", table_exits},
	{"@trips@\n", table_trips},
	{"@modes@\n", table_modes},
	{"@classes@\n", table_classes},
	{"@flow_classes@\n", table_flow_classes},
	{"@events@\n", table_events},
	{"@counters@\n", table_counters},
	{"@version@\n", table_version},
	{"@kb_actuators@\n", table_kb_actuators},
	{"@change_states@\n", table_change_states},
	{"@kb_types@\n", table_kb_types},
	{"@kb_timings@\n", table_kb_timings},
};

/* Fills in one line; false if it names a table that does not exist. */
static bool fill_in(FILE *f, const char *line)
{
	if (*line != '@') {
		fputs(line, f);
		return true;
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(tables[i].line, line)) {
			tables[i].write(f);
			return true;
		}
	return false;
}

int cmd_help_tables(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);
	char line[LINE_MAX_LEN];

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "help-tables takes no argument");
	while (fgets(line, sizeof(line), stdin))
		if (!fill_in(cli->out, line)) {
			cli_error(cli, "no such table: %s", line);
			return CLI_FAILED;
		}
	return CLI_OK;
}

/* Names of the knowledge base that is installed; none where there is none. */
static void complete_parameters(FILE *f)
{
	char error[512];
	struct kb kb;

	if (kb_load(&kb, KB_FILE, error, sizeof(error)))
		return;
	for (unsigned int i = 0; i < kb.nr; i++)
		fprintf(f, "%s\n", kb.parameter[i].name);
	kb_free(&kb);
}

/* Names that the profile in force takes reports under. */
static int complete_reports(struct cli *cli)
{
	struct json_object *reply, *rows;
	int rc = cli_call(cli, control_request("status"), &reply);

	if (rc)
		return rc;
	for (size_t i = 0; !js_get_array(reply, "slo", &rows) && i < json_object_array_length(rows);
	     i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (js_bool(row, "reported"))
			fprintf(cli->out, "%s\n", js_str(row, "name"));
	}
	json_object_put(reply);
	return CLI_OK;
}

int cmd_complete(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc != 1)
		return rc ? rc
			  : cli_usage(cli, "complete takes verbs, knobs, vitals, modes, reports, "
					   "incidents, parameters or boot");
	if (!strcmp(argv[0], "verbs")) {
		for (size_t i = 0; i < cli_verbs_nr; i++)
			if (cli_verbs[i].summary)
				fprintf(cli->out, "%s\n", cli_verbs[i].name);
	} else if (!strcmp(argv[0], "knobs")) {
		for (size_t i = 0; i < HS_KNOB_NR; i++)
			fprintf(cli->out, "%s\n", knob_infos[i].name);
	} else if (!strcmp(argv[0], "vitals")) {
		for (size_t i = 0; i < HS_VITAL_NR; i++)
			fprintf(cli->out, "%s\n", vital_infos[i].name);
	} else if (!strcmp(argv[0], "modes")) {
		for (size_t i = 0; i < HS_MODE_NR; i++)
			fprintf(cli->out, "%s\n", mode_infos[i].name);
	} else if (!strcmp(argv[0], "reports")) {
		return complete_reports(cli);
	} else if (!strcmp(argv[0], "incidents")) {
		complete_incidents(cli->out);
	} else if (!strcmp(argv[0], "parameters")) {
		complete_parameters(cli->out);
	} else if (!strcmp(argv[0], "boot")) {
		complete_boot(cli->out);
	} else {
		return cli_usage(cli, "no names for '%s'", argv[0]);
	}
	return CLI_OK;
}
