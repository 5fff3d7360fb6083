// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat events: what happened. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "cli.h"
#include "prose.h"

static void show(struct cli *cli, struct json_object *event)
{
	if (cli->json)
		out_json(cli, event);
	else
		out_event(cli->out, event);
}

static void show_all(struct cli *cli, struct json_object *events)
{
	for (size_t i = 0; events && i < json_object_array_length(events); i++)
		show(cli, json_object_array_get_idx(events, i));
}

/* Streams until the daemon or the reader of our output goes. */
static int follow(struct cli *cli, struct json_object *request)
{
	struct json_object *line = NULL, *events;
	struct control *control = NULL;
	bool ok;
	int err;

	err = request ? control_open(&control, cli->socket) : -ENOMEM;
	if (!err)
		err = control_send(control, request);
	while (!err && !ferror(cli->out)) {
		err = control_recv(control, -1, &line);
		if (err)
			break;
		if (!js_get_bool(line, "ok", &ok) && !ok) {
			cli_error(cli, "%s", js_str(line, "error"));
			json_object_put(line);
			control_close(control);
			return CLI_REFUSED;
		}
		if (!js_get_array(line, "events", &events))
			show_all(cli, events);
		else if (*js_str(line, "type"))
			show(cli, line);
		json_object_put(line);
	}
	control_close(control);
	if (err == -EPIPE) {
		cli_error(cli, "homeostatd ended the stream");
		return CLI_NO_DAEMON;
	}
	return err ? cli_unreachable(cli, err) : CLI_OK;
}

int cmd_events(struct cli *cli, int argc, char **argv)
{
	struct json_object *request, *reply, *events = NULL;
	const char *count = NULL;
	bool on = false;
	const struct cli_option options[] = {
		{"-n", &count, NULL},
		{"-f", NULL, &on},
		{"--follow", NULL, &on},
		{0},
	};
	int rc = cli_options(cli, options, &argc, argv);
	__u64 n;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "events takes no argument");
	n = on ? 0 : 20;
	if (count && parse_u64_max(count, CONTROL_EVENTS_MAX, &n))
		return cli_usage(cli, "-n %s: a number from 0 to %d", count, CONTROL_EVENTS_MAX);
	request = control_request("events");
	js_add_u64(request, "n", n);
	js_add_bool(request, "follow", on);
	if (on) {
		rc = follow(cli, request);
		json_object_put(request);
		return rc;
	}
	rc = cli_call(cli, request, &reply);
	if (rc)
		return rc;
	js_get_array(reply, "events", &events);
	if (cli->json)
		out_json(cli, reply);
	else
		show_all(cli, events);
	json_object_put(reply);
	return CLI_OK;
}
