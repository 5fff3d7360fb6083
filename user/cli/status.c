// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat status */
#include <json-c/json.h>

#include "../../kern/abi.h"
#include "../lib/control.h"
#include "../lib/json.h"
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

static void print_status(FILE *f, struct json_object *s)
{
	struct json_object *beat = NULL, *pulse = NULL;
	char a[32], b[32];

	fprintf(f, "homeostatd %s, up %s\n", js_str(s, "version"),
		out_ns(a, sizeof(a), js_u64(s, "uptime_ns")));
	out_line(f, "mode", "%s", js_str(s, "mode"));
	out_line(f, "profile", "%s", js_str(s, "profile"));
	print_gate(f, s);
	print_rearm(f, s);
	/* what speaks against it may be that it was tripped: said already */
	if (*js_str(s, "refusal") && js_is_null(s, "rearm"))
		out_line(f, "refused", "%s", js_str(s, "refusal"));
	out_line(f, "scheduler", "%s", js_str(s, "scheduler"));
	if (!js_get_obj(s, "heartbeat", &beat))
		out_line(f, "heartbeat", "%s ago, limit %s",
			 out_ns(a, sizeof(a), js_u64(beat, "age_ns")),
			 out_ns(b, sizeof(b), js_u64(beat, "limit_ns")));
	if (!js_get_obj(s, "pulse", &pulse))
		out_line(f, "pulse", "every %s, takes %s",
			 out_ns(a, sizeof(a), js_u64(pulse, "period_ns")),
			 out_ns(b, sizeof(b), js_u64(pulse, "cost_ns")));
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
