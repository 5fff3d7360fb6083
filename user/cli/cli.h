/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The homeostat program: a table of verbs (cli.c), one file for each verb or small family, and one
 * writer for text and JSON (output.c). main.c only calls cli_main(), so that tests can, too.
 */
#ifndef HOMEOSTAT_CLI_H
#define HOMEOSTAT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../lib/version.h"

#define NS_PER_S 1000000000ULL

struct json_object;

/* Exit codes: X(ID, code, meaning). The man page is made from them. */
#define CLI_EXITS(X)                                                                               \
	X(OK, 0, "done")                                                                           \
	X(FAILED, 1, "it did not work")                                                            \
	X(USAGE, 2, "wrong usage")                                                                 \
	X(NO_DAEMON, 3, "homeostatd cannot be reached")                                            \
	X(REFUSED, 4, "refused: no permission, homeostatd said no, or it may not be now (boot)")   \
	X(FINDINGS, 5,                                                                             \
	  "something is off: doctor, profile check, kb check, policy, apply, boot, version, diff")

enum cli_exit {
#define X(id, code, ...) CLI_##id = code,
	CLI_EXITS(X)
#undef X
};

struct cli {
	bool json;	    /* --json */
	const char *socket; /* --socket, or the default */
	FILE *out;
	FILE *err;
	const char *verb; /* name of the running one, for messages */
};

struct verb {
	const char *name;
	const char *args;    /* "KNOB", "" … as in the usage line */
	const char *summary; /* one line; NULL = hidden */
	const char *details; /* what `homeostat VERB --help` adds, whole lines; may be NULL */
	int (*run)(struct cli *cli, int argc,
		   char **argv); /* arguments after the verb; exit code */
};

extern const struct verb cli_verbs[];
extern const size_t cli_verbs_nr;

/* The whole program but for its process: returns the exit code, writes to @out and @err only. */
int cli_main(int argc, char **argv, FILE *out, FILE *err);

/* An option of a verb: `--name VALUE` or `--name=VALUE` into @value, or a switch into @flag. */
struct cli_option {
	const char *name; /* with its dashes; NULL ends the list */
	const char **value;
	bool *flag;
};

/*
 * Takes the options (a verb's own, --json and --socket) out of @argv; what is left are the verb's
 * arguments, *argc of them. `--` ends options. @options may be NULL. CLI_OK or, told, CLI_USAGE.
 */
int cli_options(struct cli *cli, const struct cli_option *options, int *argc, char **argv);

/* Says what is wrong and how it is used. Returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line for people on err; with --json {"error": …} on out. */
void cli_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * One request to the daemon. Takes over @request (NULL: out of memory). On CLI_OK *reply is the
 * caller's, without its "ok"; otherwise the error has been told and *reply is NULL.
 */
int cli_call(struct cli *cli, struct json_object *request, struct json_object **reply);

/* The same with descriptors (../lib/descriptors.h) that go with it, and stay the caller's. */
struct descriptors;
int cli_call_with(struct cli *cli, struct json_object *request, const struct descriptors *fds,
		  struct json_object **reply);

/* The same for a verb without arguments and without interest in the reply. */
int cli_order(struct cli *cli, struct json_object *request);

/* Sleeps for so long, whatever signals come. */
void cli_wait(unsigned long long ns);

/* Tells why the daemon could not be asked (negative errno); returns the exit code. */
int cli_unreachable(struct cli *cli, int err);

/*
 * output.c
 */

/* Writes @obj as one line of JSON. */
void out_json(struct cli *cli, struct json_object *obj);

/* Writes @obj as YAML (yaml.c). */
void out_yaml(struct cli *cli, struct json_object *obj);

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_NS, /* a time, for people */
	COLUMN_PERMILLE,
	COLUMN_UNIT, /* in the unit that the row's "unit" names; "-" where "present" is false */
};
struct column {
	const char *key;  /* member of the row */
	const char *head; /* title */
	enum column_kind kind;
};

/* One cell as text. Returns buf. */
const char *out_cell(char *buf, size_t size, struct json_object *row, const struct column *column);

/* An array of objects as a table with aligned columns; "(none)" if it is empty or NULL. */
void out_table(FILE *f, struct json_object *rows, const struct column *columns, size_t nr);

/* "key       text": the lines of status and explain. */
void out_line(FILE *f, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* An event as one line: time, type, what happened. */
void out_event(FILE *f, struct json_object *event);

/* Three significant digits and a unit. Returns buf. */
const char *out_ns(char *buf, size_t size, unsigned long long ns);

/* A value of @row in the unit that its member "unit" names. Returns buf. */
const char *out_value(char *buf, size_t size, struct json_object *row, const char *key);

/*
 * The verbs
 */
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_vitals(struct cli *cli, int argc, char **argv);
int cmd_knobs(struct cli *cli, int argc, char **argv);
int cmd_workloads(struct cli *cli, int argc, char **argv);
int cmd_flows(struct cli *cli, int argc, char **argv);
int cmd_connections(struct cli *cli, int argc, char **argv);
int cmd_drops(struct cli *cli, int argc, char **argv);
int cmd_changes(struct cli *cli, int argc, char **argv);
int cmd_pending(struct cli *cli, int argc, char **argv);
int cmd_approve(struct cli *cli, int argc, char **argv);
int cmd_reject(struct cli *cli, int argc, char **argv);
int cmd_confirm(struct cli *cli, int argc, char **argv);
int cmd_activity(struct cli *cli, int argc, char **argv);
int cmd_history(struct cli *cli, int argc, char **argv);
int cmd_diff(struct cli *cli, int argc, char **argv);
int cmd_snapshot(struct cli *cli, int argc, char **argv);
int cmd_irqs(struct cli *cli, int argc, char **argv);
int cmd_steer(struct cli *cli, int argc, char **argv);
int cmd_events(struct cli *cli, int argc, char **argv);
int cmd_explain(struct cli *cli, int argc, char **argv);
int cmd_incidents(struct cli *cli, int argc, char **argv);
int cmd_incident(struct cli *cli, int argc, char **argv);
int cmd_top(struct cli *cli, int argc, char **argv);
int cmd_mode(struct cli *cli, int argc, char **argv);
int cmd_arm(struct cli *cli, int argc, char **argv);
int cmd_disarm(struct cli *cli, int argc, char **argv);
int cmd_wish(struct cli *cli, int argc, char **argv);
int cmd_report(struct cli *cli, int argc, char **argv);
int cmd_trip(struct cli *cli, int argc, char **argv);
int cmd_certify(struct cli *cli, int argc, char **argv);
int cmd_record(struct cli *cli, int argc, char **argv);
int cmd_replay(struct cli *cli, int argc, char **argv);
int cmd_restore(struct cli *cli, int argc, char **argv);
int cmd_profile(struct cli *cli, int argc, char **argv);
int cmd_apply(struct cli *cli, int argc, char **argv);
int cmd_boot(struct cli *cli, int argc, char **argv);
int cmd_policy(struct cli *cli, int argc, char **argv);
int cmd_kb(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);
int cmd_help_tables(struct cli *cli, int argc, char **argv);
int cmd_complete(struct cli *cli, int argc, char **argv);

/* orders.c: tells the daemon a figure of an application. */
int report_figure(struct cli *cli, const char *name, const char *text);

/* The names of records that there are, one on a line; none where they may not be read. */
void complete_incidents(FILE *f);

/* Boot parameters that may be staged, each with its =; none where there is no knowledge base. */
void complete_boot(FILE *f);

/* The general help text. */
void cli_help(FILE *f);
/* Help of one verb. */
void cli_help_verb(FILE *f, const struct verb *verb);
/* NULL if there is none of that name. */
const struct verb *cli_verb(const char *name);

#endif
