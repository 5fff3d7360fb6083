// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat restore: puts back what a dead daemon has left changed. The last of the watchdog's layers. */
#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "../lib/dispatcher.h"
#include "../lib/json.h"
#include "../lib/undo.h"
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

int cmd_restore(struct cli *cli, int argc, char **argv)
{
	const char *root = "";
	const struct cli_option options[] = {{"--root", &root, NULL}, {0}};
	struct restore r = {.cli = cli};
	int rc = cli_options(cli, options, &argc, argv), left, programs = 0;
	char socket[PATH_MAX], *dir;
	struct undo undo;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "restore takes no argument");
	snprintf(socket, sizeof(socket), "%s", cli->socket);
	dir = dirname(socket);
	r.values = json_object_new_array();
	r.programs = json_object_new_array();
	left = undo_open(&undo, dir, root, false);
	if (!left)
		left = undo_lock(&undo, WAIT_MS);
	if (!left)
		left = undo_replay(undo.table, root, report, &r);
	if (left == -ENOENT) /* no daemon since boot */
		left = 0;
	if (left < 0) {
		rc = refused(cli, dir, left);
	} else {
		programs = leave_dispatchers(&r, root);
		tell(&r, left, programs);
	}
	if (left > 0 && !cli->json)
		cli_error(cli, "%d values could not be put back; they stay noted", left);
	undo_close(&undo);
	json_object_put(r.values);
	json_object_put(r.programs);
	return rc ? rc : left || programs ? CLI_FAILED : CLI_OK;
}
