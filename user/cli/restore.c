// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat restore: puts back what a dead daemon has left changed. The last of the watchdog's layers. */
#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../lib/json.h"
#include "../lib/undo.h"
#include "cli.h"

#define WAIT_MS 3000 /* a restorer may be at it */

struct restore {
	struct cli *cli;
	struct json_object *values; /* array */
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

static void tell(struct restore *r, int left)
{
	struct json_object *o;

	if (!r->cli->json) {
		if (!json_object_array_length(r->values))
			fprintf(r->cli->out, "nothing to put back\n");
		return;
	}
	o = json_object_new_object();
	js_add_u64(o, "restored", r->restored);
	js_add_u64(o, "left", (unsigned int)left);
	json_object_object_add(o, "values", json_object_get(r->values));
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
	int rc = cli_options(cli, options, &argc, argv), left;
	char socket[PATH_MAX], *dir;
	struct undo undo;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "restore takes no argument");
	snprintf(socket, sizeof(socket), "%s", cli->socket);
	dir = dirname(socket);
	r.values = json_object_new_array();
	left = undo_open(&undo, dir, root, false);
	if (!left)
		left = undo_lock(&undo, WAIT_MS);
	if (!left)
		left = undo_replay(undo.table, root, report, &r);
	if (left == -ENOENT) /* no daemon since boot */
		left = 0;
	if (left < 0)
		rc = refused(cli, dir, left);
	else
		tell(&r, left);
	if (left > 0 && !cli->json)
		cli_error(cli, "%d values could not be put back; they stay noted", left);
	undo_close(&undo);
	json_object_put(r.values);
	return rc ? rc : left ? CLI_FAILED : CLI_OK;
}
