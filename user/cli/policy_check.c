// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat policy check: an object is judged, and shown to the verifier for a slot of a pulse of our own, which is never
 * started. Nothing stays in the kernel, and what runs is not touched.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/plugin.h"
#include "../lib/units.h"
#include "cli.h"
#include "doctor.h"
#include "policy.h"

/* What it reads, turns and calls. */
static void add_names(struct json_object *o, const struct plugin *p)
{
	struct json_object *rows = js_add_array(o, "reads");

	for (int i = 0; i < HS_SLOT_NAMES && p->policy.reads[i]; i++)
		json_object_array_add(rows,
				      json_object_new_string(vital_name(p->policy.reads[i] - 1U)));
	rows = js_add_array(o, "turns");
	for (int i = 0; i < HS_SLOT_NAMES && p->policy.turns[i]; i++) {
		const struct knob_info *k = &knob_infos[p->policy.turns[i] - 1];
		struct json_object *row = js_push_obj(rows);

		js_add_str(row, "name", k->name);
		js_add_str(row, "unit", k->unit);
		js_add_u64(row, "min", k->bound.min);
		js_add_u64(row, "max", k->bound.max);
		js_add_u64(row, "stock", k->bound.stock);
	}
	rows = js_add_array(o, "calls");
	for (int i = 0; i < PLUGIN_CALL_NR; i++) {
		if (p->calls[i])
			json_object_array_add(rows, json_object_new_string(plugin_call_name(i)));
	}
}

static void say_json(struct cli *cli, const struct plugin *p)
{
	struct json_object *o = json_object_new_object();

	js_add_str(o, "name", p->policy.name);
	js_add_str(o, "about", p->policy.about);
	add_names(o, p);
	js_add_u64(o, "maps", p->maps_nr);
	js_add_u64(o, "map_bytes", p->map_bytes);
	js_add_u64(o, "state_bytes", p->state_size);
	js_add_bool(o, "keeps_state", p->policy.flags & KEEPS_STATE);
	js_add_u64(o, "insns", p->insns);
	js_add_u64(o, "work", p->work);
	js_add_u64(o, "work_max", plugin_work_max(p));
	out_json(cli, o);
	json_object_put(o);
}

static void say(struct cli *cli, const struct plugin *p)
{
	const struct homeostat_policy *policy = &p->policy;
	char min[32], max[32], stock[32];
	bool any = false;
	FILE *f = cli->out;

	out_line(f, "policy", "%s: %s", policy->name, policy->about);
	for (int i = 0; i < HS_SLOT_NAMES && policy->reads[i]; i++)
		out_line(f, i ? "" : "reads", "%s", vital_name(policy->reads[i] - 1U));
	for (int i = 0; i < HS_SLOT_NAMES && policy->turns[i]; i++) {
		const struct knob_info *k = &knob_infos[policy->turns[i] - 1];
		enum unit unit = (enum unit)unit_find(k->unit);

		out_line(f, i ? "" : "turns", "%s: %s to %s, stock %s", k->name,
			 unit_format(min, sizeof(min), k->bound.min, unit),
			 unit_format(max, sizeof(max), k->bound.max, unit),
			 unit_format(stock, sizeof(stock), k->bound.stock, unit));
	}
	for (int i = 0; i < PLUGIN_CALL_NR; i++) {
		if (p->calls[i])
			out_line(f, any ? "" : "calls", "bpf_%s()", plugin_call_name(i));
		any |= p->calls[i];
	}
	if (!any)
		out_line(f, "calls", "nothing");
	out_line(f, "maps", "%u of %d at most, %llu bytes of %d", p->maps_nr, PLUGIN_MAPS_MAX,
		 p->map_bytes, PLUGIN_MAP_BYTES);
	out_line(f, "state", "%u bytes, %s", p->state_size,
		 policy->flags & KEEPS_STATE ? "kept when a policy of its name follows it"
					     : "new with each load");
	out_line(f, "size", "%u instructions", p->insns);
	out_line(f, "work", "%u instructions that the verifier walks through, of %u at most",
		 p->work, plugin_work_max(p));
	out_line(f, "fits", "the verifier takes it");
}

/* What was wrong has been found; the whole log for whoever wants it. */
static int refuse(struct cli *cli, const struct plugin *p, bool verbose, int err, const char *error)
{
	if (verbose && p->log && !cli->json)
		fprintf(cli->out, "%s", p->log);
	cli_error(cli, "%s", error);
	return policy_failed(p, err);
}

static int ask(struct cli *cli, struct plugin *p, bool verbose)
{
	char error[1024], why[256];
	struct bpf_object *pulse;
	int fd = try_pulse(&pulse, why, sizeof(why)), err;

	if (fd < 0) {
		cli_error(
			cli,
			"%s: nothing is wrong with it that can be seen without the verifier, which "
			"cannot be asked: %s; run it as root, and see homeostat doctor",
			p->policy.name, why);
		return fd == -EPERM || fd == -EACCES ? CLI_REFUSED : CLI_FAILED;
	}
	err = plugin_load(p, fd, 0, error, sizeof(error));
	bpf_object__close(pulse);
	if (err)
		return refuse(cli, p, verbose, err, error);
	if (cli->json)
		say_json(cli, p);
	else
		say(cli, p);
	return CLI_OK;
}

int policy_check(struct cli *cli, int argc, char **argv)
{
	bool verbose = false;
	const struct cli_option options[] = {{"--verbose", NULL, &verbose}, {0}};
	int rc = cli_options(cli, options, &argc, argv), err;
	char error[1024];
	struct plugin p;

	if (rc)
		return rc;
	if (argc != 1)
		return cli_usage(cli, "policy check takes an object file");
	err = plugin_open(&p, argv[0], error, sizeof(error));
	rc = err ? refuse(cli, &p, verbose, err, error) : ask(cli, &p, verbose);
	plugin_close(&p);
	return rc;
}
