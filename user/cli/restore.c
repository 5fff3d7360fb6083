// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat restore: puts back what a dead daemon has left changed, the last of the watchdog's layers; and what is committed, if
 * somebody asks for it, with or without a daemon.
 */
#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/dispatcher.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "../lib/undo.h"
#include "../lib/units.h"
#include "cli.h"

#define WAIT_MS 3000 /* a restorer may be at it */

struct restore {
	struct cli *cli;
	struct json_object *values;   /* array */
	struct json_object *programs; /* array */
	unsigned int restored;
};

static void report(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	struct restore *r = ctx;
	struct json_object *o = json_object_new_object();

	r->restored += outcome == UNDO_RESTORED;
	js_add_str(o, "path", e->path);
	js_add_str(o, "value", e->old);
	js_add_str(o, "outcome", undo_outcome_name(outcome));
	if (err)
		js_add_str(o, "error", strerror(-err));
	json_object_array_add(r->values, o);
	if (!r->cli->json)
		fprintf(r->cli->out, "%s: %s%s%s (%s)\n", e->path, undo_outcome_name(outcome),
			err ? ": " : "", err ? strerror(-err) : "", e->old);
}

/* A program of ours in a dispatcher: user/lib/dispatcher.h. */
static void report_program(void *ctx, __u32 ifindex, __u32 prog_id, enum dispatcher_outcome outcome,
			   const char *why)
{
	struct json_object *o = json_object_new_object();
	char name[IF_NAMESIZE + 16];
	struct restore *r = ctx;

	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "interface %u", ifindex);
	js_add_str(o, "interface", name);
	js_add_u64(o, "program", prog_id);
	js_add_str(o, "outcome", dispatcher_outcome_name(outcome));
	if (*why)
		js_add_str(o, "error", why);
	json_object_array_add(r->programs, o);
	if (!r->cli->json)
		fprintf(r->cli->out, "%s: XDP program %u in libxdp's dispatcher: %s%s%s\n", name,
			prog_id, dispatcher_outcome_name(outcome), *why ? ": " : "", why);
}

/* Programs that stay though they should not; negative where nobody knows. */
static int leave_dispatchers(struct restore *r, const char *root)
{
	char why[DISPATCHER_WHY_LEN] = "";
	int left = dispatcher_clean(root, report_program, r, why, sizeof(why));

	if (left < 0)
		cli_error(r->cli,
			  "what is left in libxdp's dispatchers is not known: %s; nothing more is "
			  "taken "
			  "off there",
			  why);
	else if (left && !r->cli->json)
		cli_error(r->cli,
			  "%d XDP programs could not be taken off; they let everything pass", left);
	return left;
}

static void tell(struct restore *r, int left, int programs)
{
	struct json_object *o;

	if (!r->cli->json) {
		if (!json_object_array_length(r->values) &&
		    !json_object_array_length(r->programs) && programs >= 0)
			fprintf(r->cli->out, "nothing to put back\n");
		return;
	}
	o = json_object_new_object();
	js_add_u64(o, "restored", r->restored);
	js_add_u64(o, "left", (unsigned int)left);
	json_object_object_add(o, "values", json_object_get(r->values));
	if (programs >= 0)
		js_add_u64(o, "programs_left", (unsigned int)programs);
	json_object_object_add(o, "programs", json_object_get(r->programs));
	out_json(r->cli, o);
	json_object_put(o);
}

static int refused(struct cli *cli, const char *dir, int err)
{
	if (geteuid() && (err == -EACCES || err == -EPERM)) {
		cli_error(cli, "not allowed: restore writes system settings and needs root");
		return CLI_REFUSED;
	}
	cli_error(cli, "%s/" UNDO_FILE ": %s%s", dir, undo_error(err),
		  err == -EBUSY ? "; it puts back its changes itself when it is stopped" : "");
	return err == -EBUSY ? CLI_REFUSED : CLI_FAILED;
}

/* What of the committed is asked for: nothing, all, since a time, or one. CLI_OK or, told, CLI_USAGE. */
static int read_which(struct cli *cli, bool all, const char *since, const char *id,
		      struct undo_which *which)
{
	struct timespec now;
	__u64 ns = 0, number = 0;

	*which = (struct undo_which){.all = all};
	if (all + !!since + !!id > 1)
		return cli_usage(cli, "restore takes one of --all, --since, --id");
	if (id && (parse_u64_max(id, ~0U, &number) || !number))
		return cli_usage(cli, "'%s' is no ID of `homeostat changes`", id);
	which->group = (__u32)number;
	if (since && (unit_parse(since, UNIT_NS, &ns) || !ns))
		return cli_usage(cli, "'%s' is no time such as 10min", since);
	if (since) {
		clock_gettime(CLOCK_BOOTTIME, &now);
		which->since_ns = (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
		which->since_ns = which->since_ns > ns ? which->since_ns - ns : 1;
	}
	return CLI_OK;
}

/* A daemon that lives puts back its committed values itself. */
static int ask_daemon(struct restore *r, const struct undo_which *which)
{
	struct json_object *request = control_request("restore"), *reply, *rows = NULL;
	int rc;

	if (which->all)
		js_add_bool(request, "all", true);
	if (which->since_ns)
		js_add_u64(request, "since_boot_ns", which->since_ns);
	if (which->group)
		js_add_u64(request, "id", which->group);
	rc = cli_call(r->cli, request, &reply);
	if (rc)
		return rc;
	js_get_array(reply, "values", &rows);
	if (r->cli->json)
		out_json(r->cli, reply);
	else if ((!rows || !json_object_array_length(rows)) && !js_bool(reply, "later"))
		fprintf(r->cli->out, "nothing to put back\n");
	for (size_t i = 0; !r->cli->json && rows && i < json_object_array_length(rows); i++) {
		struct json_object *o = json_object_array_get_idx(rows, i);

		fprintf(r->cli->out, "%s: %s (%s)\n", js_str(o, "path"), js_str(o, "outcome"),
			js_str(o, "value"));
	}
	if (!r->cli->json && js_bool(reply, "later"))
		fprintf(r->cli->out, "a driver is at work: the rest is put back when it returns, "
				     "within 30 s\n");
	rc = js_u64(reply, "left") ? CLI_FAILED : CLI_OK;
	json_object_put(reply);
	return rc;
}

/* What is left, and what is asked for of the committed. How much could not be put back, or negative errno. */
static int put_back(struct restore *r, const char *dir, const char *root,
		    const struct undo_which *which)
{
	struct undo undo;
	int left = undo_open(&undo, dir, root, false), more = 0;

	if (left == -ENOENT) /* no daemon since boot */
		return 0;
	if (!left)
		left = undo_settle(&undo, root, WAIT_MS, WAIT_MS, report, r);
	if (left >= 0)
		more = undo_revert(undo.table, root, which, report, r);
	undo_close(&undo);
	return left < 0 ? left : more < 0 ? more : left + more;
}

int cmd_restore(struct cli *cli, int argc, char **argv)
{
	const char *root = "", *since = NULL, *id = NULL;
	bool all = false;
	const struct cli_option options[] = {{"--root", &root, NULL},
					     {"--all", NULL, &all},
					     {"--since", &since, NULL},
					     {"--id", &id, NULL},
					     {0}};
	struct restore r = {.cli = cli};
	int rc = cli_options(cli, options, &argc, argv), left, programs = 0;
	char socket[PATH_MAX], *dir;
	struct undo_which which;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "restore takes no argument");
	rc = read_which(cli, all, since, id, &which);
	if (rc)
		return rc;
	snprintf(socket, sizeof(socket), "%s", cli->socket);
	dir = dirname(socket);
	r.values = json_object_new_array();
	r.programs = json_object_new_array();
	left = put_back(&r, dir, root, &which);
	if (left == -EBUSY && (all || since || id)) {
		rc = ask_daemon(&r, &which);
		left = 0;
	} else if (left < 0) {
		rc = refused(cli, dir, left);
	} else {
		programs = leave_dispatchers(&r, root);
		tell(&r, left, programs);
	}
	if (left > 0 && !cli->json)
		cli_error(cli, "%d values could not be put back; they stay noted", left);
	json_object_put(r.values);
	json_object_put(r.programs);
	return rc ? rc : left || programs ? CLI_FAILED : CLI_OK;
}
