// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat mode, arm, disarm, wish, report: what a person or program may tell the daemon. */
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "../lib/units.h"
#include "cli.h"

static int show_mode(struct cli *cli)
{
	struct json_object *reply, *out;
	int rc = cli_call(cli, control_request("status"), &reply);

	if (rc)
		return rc;
	if (cli->json) {
		out = json_object_new_object();
		js_add_str(out, "mode", js_str(reply, "mode"));
		out_json(cli, out);
		json_object_put(out);
	} else {
		fprintf(cli->out, "%s\n", js_str(reply, "mode"));
	}
	json_object_put(reply);
	return CLI_OK;
}

int cmd_mode(struct cli *cli, int argc, char **argv)
{
	struct json_object *request;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "mode takes one MODE");
	if (!argc)
		return show_mode(cli);
	if (mode_find(argv[0]) < 0) {
		char names[128] = "";

		for (int i = 0; i < HS_MODE_NR; i++)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 i ? ", " : "", mode_infos[i].name);
		return cli_usage(cli, "no mode '%s'; there are %s", argv[0], names);
	}
	request = control_request("mode");
	js_add_str(request, "mode", argv[0]);
	return cli_order(cli, request);
}

int cmd_arm(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "arm takes no argument");
	return cli_order(cli, control_request("arm"));
}

int cmd_disarm(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "disarm takes no argument");
	return cli_order(cli, control_request("disarm"));
}

int cmd_wish(struct cli *cli, int argc, char **argv)
{
	bool clear = false;
	const struct cli_option options[] = {{"--clear", NULL, &clear}, {0}};
	struct json_object *request;
	int rc = cli_options(cli, options, &argc, argv), knob, unit;
	__u64 value;

	if (rc || argc != (clear ? 1 : 2))
		return rc ? rc : cli_usage(cli, "wish takes KNOB VALUE, or KNOB --clear");
	knob = knob_find(argv[0]);
	if (knob < 0)
		return cli_usage(cli, "no knob '%s'; homeostat knobs lists them", argv[0]);
	request = control_request(clear ? "unwish" : "wish");
	js_add_str(request, "knob", argv[0]);
	if (!clear) {
		unit = unit_find(knob_infos[knob].unit);
		rc = unit_parse(argv[1], unit, &value);
		if (rc) {
			json_object_put(request);
			return cli_usage(cli, "%s: %s; %s takes %s", argv[1], unit_error(rc),
					 argv[0], unit_expected(unit));
		}
		js_add_u64(request, "value", value);
	}
	return cli_order(cli, request);
}

int report_figure(struct cli *cli, const char *name, const char *text)
{
	struct json_object *request;
	__u64 value;

	if (parse_u64(text, &value) || value > INT64_MAX)
		return cli_usage(cli, "%s: no whole number from 0 up", text);
	request = control_request("report");
	js_add_str(request, "name", name);
	js_add_u64(request, "value", value);
	return cli_order(cli, request);
}
