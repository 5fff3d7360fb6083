// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat status */
#include <json-c/json.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "../../kern/abi.h"
#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/units.h"
#include "cli.h"
#include "prose.h"

static void print_gate(FILE *f, struct json_object *s)
{
	struct json_object *trip;
	char took[64] = "", stall[96], cause[160], ns[32];

	if (js_bool(s, "armed")) {
		out_line(f, "gate", "open, armed %llu times", js_u64(s, "generation"));
		return;
	}
	if (js_get_obj(s, "tripped", &trip)) {
		out_line(f, "gate", "shut");
		return;
	}
	if (js_u64(trip, "safe_ns") > js_u64(trip, "at_ns"))
		snprintf(took, sizeof(took), "; stock after %s",
			 out_ns(ns, sizeof(ns), js_u64(trip, "safe_ns") - js_u64(trip, "at_ns")));
	out_line(f, "gate", "tripped: %s%s%s%s", js_str(trip, "reason"),
		 prose_stall(stall, sizeof(stall), trip), prose_cause(cause, sizeof(cause), trip),
		 took);
}

/* Does it arm again by itself, and when? */
static void print_rearm(FILE *f, struct json_object *s)
{
	struct json_object *rearm;

	if (!js_get_obj(s, "rearm", &rearm))
		out_line(f, "again", "%s", js_str(rearm, "why"));
}

static void print_families(FILE *f, struct json_object *s)
{
	struct json_object *rows;

	if (js_get_array(s, "families", &rows))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *why = js_str(row, "why");

		out_line(f, i ? "" : "families", "%s %s%s%s", js_str(row, "name"),
			 js_str(row, "state"), *why ? ": " : "", why);
	}
}

static void print_helping(FILE *f, struct json_object *s)
{
	struct json_object *h, *rows = NULL, *ours;
	char value[32], stock[32], limit[32];

	if (js_get_obj(s, "helping", &h))
		return;
	out_line(f, "helping", "%s: %s", js_str(h, "verdict"),
		 js_bool(h, "first") ? "stock is observed before the first arming"
				     : js_str(h, "meaning"));
	js_get_array(h, "vitals", &rows);
	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		__u64 ratio = js_u64(row, "ratio_permille");

		out_value(value, sizeof(value), row, "value");
		if (js_u64(row, "baseline"))
			out_line(f, "", "%s %s; stock %s (x %llu.%02llu), allowed %s",
				 js_str(row, "name"), value,
				 out_value(stock, sizeof(stock), row, "baseline"), ratio / 1000,
				 ratio % 1000 / 10, out_value(limit, sizeof(limit), row, "limit"));
		else
			out_line(f, "", "%s %s; stock not known", js_str(row, "name"), value);
	}
	if (!js_get_obj(h, "load", &ours))
		out_line(f, "", "load: %llu want to run, CPUs %llu %% busy; stock seen %s ago",
			 js_u64(ours, "running"), js_u64(ours, "busy_permille") / 10,
			 js_u64(h, "baseline_age_ns")
				 ? out_ns(value, sizeof(value), js_u64(h, "baseline_age_ns"))
				 : "never");
	if (js_u64(h, "looks"))
		out_line(f, "", "%llu looks at stock, %llu without harm, %llu undecided",
			 js_u64(h, "looks"), js_u64(h, "acquitted"), js_u64(h, "undecided"));
}

/* `what` is "slo" or "limits". */
static void print_levels(FILE *f, struct json_object *s, const char *what)
{
	struct json_object *rows;
	char value[32], max[32];

	if (js_get_array(s, what, &rows))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		__u64 most = js_u64(row, "max");
		int unit = unit_find(js_str(row, "unit"));
		const char *head = i ? "" : what, *name = js_str(row, "name");
		bool limit = !js_get_u64(row, "in_force", &most);

		/* of what is absent, too */
		unit_format(max, sizeof(max), most, unit < 0 ? UNIT_COUNT : (enum unit)unit);
		if (limit)
			out_line(f, head, "%s at most %s", name, max);
		else
			out_line(f, head, "%s %s, at most %s%s", name,
				 js_bool(row, "present")
					 ? out_value(value, sizeof(value), row, "value")
					 : "absent",
				 max, js_u64(row, "above_ns") ? ": missed" : "");
	}
}

/* Certified mode: by which manifest, and how what is declared has held. */
static void print_certified(FILE *f, struct json_object *s)
{
	struct json_object *part, *rows = NULL;

	if (js_get_obj(s, "certified", &part))
		return;
	out_line(f, "certified", "manifest %.12s…, decisions in %s%s", js_str(part, "manifest"),
		 js_str(part, "log"), js_u64(part, "lost") ? ", not all of them" : "");
	js_get_array(part, "constraints", &rows);
	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *last = js_str(row, "last");

		out_line(f, "", "%s: checked %llu, violated %llu%s%s", js_str(row, "name"),
			 js_u64(row, "checked"), js_u64(row, "violated"), *last ? ": " : "", last);
	}
}

/* "hft (shift 1 of /etc/homeostat/profiles/day.yaml) until Mon 30 Nov 17:30" */
static void print_profile(FILE *f, struct json_object *s)
{
	struct json_object *calendar = NULL;
	char turn[PATH_MAX + 32] = "", until[64] = "";
	const char *late = "";
	time_t at;
	struct tm tm;

	if (!js_get_obj(s, "calendar", &calendar)) {
		if (js_u64(calendar, "shift"))
			snprintf(turn, sizeof(turn), " (shift %llu of %s)",
				 js_u64(calendar, "shift"), js_str(calendar, "base"));
		at = (time_t)js_u64(calendar, "until_s");
		if (at && localtime_r(&at, &tm))
			strftime(until, sizeof(until), " until %a %d %b %H:%M", &tm);
		if (js_u64(calendar, "due") != js_u64(calendar, "shift"))
			late = "; another is due: see the log, `homeostat changes` and "
			       "`homeostat activity`";
	}
	out_line(f, "profile", "%s%s%s%s", js_str(s, "profile"), turn, *late ? "" : until, late);
}

static void print_status(FILE *f, struct json_object *s)
{
	struct json_object *beat = NULL, *pulse = NULL, *sensing = NULL, *policy;
	char a[32], b[32];

	fprintf(f, "homeostatd %s, up %s\n", js_str(s, "version"),
		out_ns(a, sizeof(a), js_u64(s, "uptime_ns")));
	out_line(f, "mode", "%s", js_str(s, "mode"));
	print_profile(f, s);
	print_certified(f, s);
	if (!js_get_obj(s, "policy", &policy))
		out_line(f, "policy", "%s (slot %llu): %s", js_str(policy, "name"),
			 js_u64(policy, "slot"), js_str(policy, "as"));
	print_gate(f, s);
	print_rearm(f, s);
	/* what speaks against it may be that it was tripped: said already */
	if (*js_str(s, "refusal") && js_is_null(s, "rearm"))
		out_line(f, "refused", "%s", js_str(s, "refusal"));
	out_line(f, "scheduler", "%s%s%s%s", js_str(s, "scheduler"),
		 *js_str(s, "variant") ? ", variant " : "", js_str(s, "variant"),
		 js_bool(s, "armed") && !strcmp(js_str(s, "scheduler"), "none")
			 ? ": left out, see families"
			 : "");
	if (!js_get_obj(s, "heartbeat", &beat))
		out_line(f, "heartbeat", "%s ago, limit %s",
			 out_ns(a, sizeof(a), js_u64(beat, "age_ns")),
			 out_ns(b, sizeof(b), js_u64(beat, "limit_ns")));
	if (!js_get_obj(s, "pulse", &pulse))
		out_line(f, "pulse", "every %s, takes %s",
			 out_ns(a, sizeof(a), js_u64(pulse, "period_ns")),
			 out_ns(b, sizeof(b), js_u64(pulse, "cost_ns")));
	if (!js_get_obj(s, "sensing", &sensing) && *js_str(sensing, "why"))
		out_line(f, "sensing", "%s", js_str(sensing, "why"));
	print_helping(f, s);
	print_levels(f, s, "slo");
	print_levels(f, s, "limits");
	print_families(f, s);
	if (js_u64(s, "events_lost"))
		out_line(f, "lost", "%llu events", js_u64(s, "events_lost"));
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	struct json_object *reply;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "status takes no argument");
	rc = cli_call(cli, control_request("status"), &reply);
	if (rc)
		return rc;
	if (cli->json)
		out_json(cli, reply);
	else
		print_status(cli->out, reply);
	json_object_put(reply);
	return CLI_OK;
}

int cmd_version(struct cli *cli, int argc, char **argv)
{
	struct json_object *reply = NULL, *request, *out;
	struct control *control = NULL;
	int rc = cli_options(cli, NULL, &argc, argv);
	bool there, same;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "version takes no argument");
	/* no daemon is no error here */
	request = control_request("status");
	there = request && !control_open(&control, cli->socket) &&
		!control_call(control, request, &reply);
	same = !there || js_u64(reply, "abi") == HS_ABI_VERSION;
	if (cli->json) {
		out = json_object_new_object();
		js_add_str(out, "version", HS_VERSION);
		js_add_u64(out, "abi", HS_ABI_VERSION);
		if (there) {
			js_add_str(out, "daemon_version", js_str(reply, "version"));
			js_add_u64(out, "daemon_abi", js_u64(reply, "abi"));
		}
		out_json(cli, out);
		json_object_put(out);
	} else {
		fprintf(cli->out, "homeostat %s, kernel interface %d\n", HS_VERSION,
			HS_ABI_VERSION);
		if (there)
			fprintf(cli->out, "homeostatd %s, kernel interface %llu\n",
				js_str(reply, "version"), js_u64(reply, "abi"));
		else
			fprintf(cli->out, "homeostatd cannot be asked\n");
		if (!same)
			cli_error(cli,
				  "the two do not fit together: install them from one build and "
				  "restart homeostatd");
	}
	json_object_put(reply);
	json_object_put(request);
	control_close(control);
	return same ? CLI_OK : CLI_FINDINGS;
}
