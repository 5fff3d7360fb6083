// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat profile: check (by the daemon's own parser, without the daemon), show, load. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "../lib/profile.h"
#include "cli.h"

/* Parses @path and tells what is wrong with it. */
static int read_profile(struct cli *cli, const char *path, struct profile *profile)
{
	char error[512] = "";
	int err = profile_load(profile, path, error, sizeof(error));

	if (err)
		cli_error(cli, "%s", *error ? error : strerror(-err));
	if (err == -EINVAL)
		return CLI_FINDINGS;
	return err ? CLI_FAILED : CLI_OK;
}

/* What is right, but will not work here; it may be meant for another host. */
static void warn(struct cli *cli, const char *path, const struct profile *profile)
{
	char warning[PROFILE_WARNING_LEN];

	if (!cli->json && profile_warning(profile, warning, sizeof(warning)))
		fprintf(cli->err, "%s: warning: %s\n", path, warning);
}

static void add_weights(struct json_object *out, const struct profile_weights *weights)
{
	struct json_object *o = js_add_obj(out, "weights");

	js_add_u64(o, "loss_permille", weights->loss_permille);
	js_add_u64(o, "jitter_permille", weights->jitter_permille);
	js_add_u64(o, "work_permille", weights->work_permille);
	js_add_u64(o, "energy_permille", weights->energy_permille);
}

/* Those that the profile states, with the bounds that hold for them. */
static void add_knobs(struct json_object *out, const struct profile *profile)
{
	struct json_object *rows = js_add_array(out, "knobs");

	for (int i = 0; i < HS_KNOB_NR; i++) {
		struct json_object *row;

		if (!profile->knob[i].stated)
			continue;
		row = js_push_obj(rows);
		js_add_str(row, "name", knob_infos[i].name);
		js_add_str(row, "unit", knob_infos[i].unit);
		js_add_u64(row, "value", profile->knob[i].value);
		js_add_u64(row, "min", profile->knob[i].bound.min);
		js_add_u64(row, "max", profile->knob[i].bound.max);
	}
}

static void check_json(struct cli *cli, const struct profile *profile)
{
	struct json_object *out = json_object_new_object();
	char warning[PROFILE_WARNING_LEN];

	js_add_str(out, "name", profile->name);
	add_weights(out, &profile->weights);
	add_knobs(out, profile);
	js_add_u64(out, "rules", profile->config.rules_nr);
	js_add_u64(out, "workloads", profile->workload_nr);
	js_add_u64(out, "flows", profile->flow_nr);
	js_add_u64(out, "advice", profile->advice_nr);
	if (profile_warning(profile, warning, sizeof(warning)))
		js_add_str(out, "warning", warning);
	else
		json_object_object_add(out, "warning", NULL); /* null: none */
	out_json(cli, out);
	json_object_put(out);
}

static int check(struct cli *cli, const char *path)
{
	struct profile profile;
	int rc = read_profile(cli, path, &profile);

	if (rc)
		return rc;
	if (cli->json) {
		check_json(cli, &profile);
	} else {
		fprintf(cli->out,
			"%s: fine; profile %s, rules: %u, workloads: %u, flows: %u, advice: %u\n",
			path, profile.name, profile.config.rules_nr, profile.workload_nr,
			profile.flow_nr, profile.advice_nr);
	}
	warn(cli, path, &profile);
	profile_free(&profile);
	return CLI_OK;
}

static int show(struct cli *cli)
{
	struct json_object *reply;
	int rc = cli_call(cli, control_request("profile_show"), &reply);
	const char *text;

	if (rc)
		return rc;
	text = js_str(reply, "text");
	if (cli->json) {
		out_json(cli, reply);
	} else {
		fprintf(cli->out, "# %s, from %s\n%s", js_str(reply, "name"),
			*js_str(reply, "yaml_path") ? js_str(reply, "yaml_path")
						    : "nowhere: built in",
			text);
		if (*text && text[strlen(text) - 1] != '\n')
			fputc('\n', cli->out);
	}
	json_object_put(reply);
	return CLI_OK;
}

static int load(struct cli *cli, const char *path)
{
	struct json_object *request;
	struct profile profile;
	char full[PATH_MAX];
	int rc = read_profile(cli, path, &profile), err;

	if (rc)
		return rc;
	warn(cli, path, &profile);
	profile_free(&profile);
	/* the daemon has another working directory */
	err = path_absolute(full, sizeof(full), path);
	if (err) {
		cli_error(cli, "%s: %s", path, strerror(-err));
		return CLI_FAILED;
	}
	request = control_request("profile_load");
	js_add_str(request, "path", full);
	return cli_order(cli, request);
}

int cmd_profile(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc)
		return rc;
	if (argc == 2 && !strcmp(argv[0], "check"))
		return check(cli, argv[1]);
	if (argc == 1 && !strcmp(argv[0], "show"))
		return show(cli);
	if (argc == 2 && !strcmp(argv[0], "load"))
		return load(cli, argv[1]);
	return cli_usage(cli, "profile takes check FILE, show or load FILE");
}
