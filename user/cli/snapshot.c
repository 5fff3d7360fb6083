// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat snapshot: the host at this instant, layer by layer, from /proc and /sys below a root. Needs no daemon. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/parse.h"
#include "past.h"
#include "snapshot.h"

#define TEXT_MAX (1024 * 1024)
#define VALUE_LEN 256

char *snapshot_text(const char *root, const char *path)
{
	size_t size = 16 * 1024;
	char *text = NULL, *more;
	ssize_t n;

	/* files of /proc do not say how long they are */
	do {
		size *= 4;
		more = realloc(text, size);
		if (!more) {
			free(text);
			return NULL;
		}
		text = more;
		n = read_file(root, path, text, size);
	} while (n == -EFBIG && size < TEXT_MAX);
	if (n >= 0 || n == -EFBIG)
		return text;
	free(text);
	return NULL;
}

void snapshot_file(struct json_object *out, const char *key, const char *root, const char *fmt, ...)
{
	char path[PATH_MAX], text[4096];
	__u64 number;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	n = read_file(root, path, text, sizeof(text));
	if (n <= 0)
		return;
	choice_cut(text);
	if (!parse_u64(text, &number))
		js_add_u64(out, key, number);
	else
		js_add_str(out, key, text);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void snapshot_each(const char *root, const char *dir,
		   void (*visit)(void *ctx, const char *root, const char *name), void *ctx)
{
	struct dirent **entry;
	char path[PATH_MAX];
	int nr;

	if (root_path(path, sizeof(path), root, dir))
		return;
	nr = scandir(path, &entry, visible, versionsort);
	for (int i = 0; i < nr; i++) {
		visit(ctx, root, entry[i]->d_name);
		free(entry[i]);
	}
	if (nr >= 0)
		free(entry);
}

/* What of the knowledge base is here, with its values. */
static void add_parameters(struct json_object *out, const char *root, const char *file)
{
	struct json_object *values;
	char now[VALUE_LEN], error[512];
	struct kb kb;

	if (kb_load(&kb, file, error, sizeof(error))) {
		js_add_str(out, "knowledge_base", error);
		return;
	}
	values = js_add_obj(out, "parameters");
	for (unsigned int i = 0; i < kb.nr; i++)
		if (!kb_now(&kb.parameter[i], root, now, sizeof(now)))
			js_add_str(values, kb.parameter[i].name, now);
	kb_free(&kb);
}

/* The daemon's own state, where there is one that answers us; a snapshot of files has none. */
static void add_daemon(struct json_object *out, struct cli *cli)
{
	static const char *const members[] = {"version", "mode",      "profile",  "armed",
					      "tripped", "scheduler", "families", "slo"};
	struct json_object *request = control_request("status"), *reply = NULL, *daemon, *part;
	struct control *control;
	int err = request ? control_open(&control, cli->socket) : -ENOMEM;

	daemon = js_add_obj(out, "homeostatd");
	if (!err) {
		err = control_call(control, request, &reply);
		control_close(control);
	}
	js_add_bool(daemon, "answers", !err);
	if (err)
		js_add_str(daemon, "why", strerror(-err));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members) && !err; i++)
		if (json_object_object_get_ex(reply, members[i], &part))
			js_add(daemon, members[i], json_object_get(part));
	json_object_put(reply);
	json_object_put(request);
}

static void configuration(struct json_object *out, struct cli *cli, const char *root,
			  const char *file)
{
	snapshot_file(out, "kernel", root, "/proc/sys/kernel/osrelease");
	snapshot_file(out, "command_line", root, "/proc/cmdline");
	snapshot_file(out, "boot_id", root, "/proc/sys/kernel/random/boot_id");
	add_parameters(out, root, file);
	if (!root)
		add_daemon(out, cli);
}

int cmd_snapshot(struct cli *cli, int argc, char **argv)
{
	const char *root = NULL, *file = KB_FILE;
	bool yaml = false;
	const struct cli_option options[] = {
		{"--yaml", NULL, &yaml}, {"--root", &root, NULL}, {"--file", &file, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);
	char when[PAST_WHEN_LEN];
	struct json_object *out;

	if (rc || argc || (yaml && cli->json))
		return rc ? rc
			  : cli_usage(cli,
				      "snapshot takes no argument, and one of --json and --yaml");
	out = json_object_new_object();
	js_add_str(out, "at", past_when(when, (__u64)time(NULL) * NS_PER_S));
	snapshot_hardware(js_add_obj(out, "hardware"), root);
	snapshot_network(js_add_obj(out, "network"), root);
	snapshot_workload(js_add_obj(out, "workload"), root);
	snapshot_scheduling(js_add_obj(out, "scheduling"), root);
	configuration(js_add_obj(out, "configuration"), cli, root, file);
	if (cli->json)
		out_json(cli, out);
	else
		out_yaml(cli, out);
	json_object_put(out);
	return CLI_OK;
}
