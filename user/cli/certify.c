// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat certify: the manifest of what is to run, for homeostatd --manifest. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/manifest.h"
#include "../lib/plugin.h"
#include "cli.h"
#include "recompute.h"

#define PROFILE_DEFAULT "/etc/homeostat/profiles/balanced.yaml"

/* What would be refused at the start is refused here. */
static int judge_policies(struct cli *cli, const struct manifest_parts *parts)
{
	for (__u32 i = 0; i < HS_SLOTS && parts->policy[i]; i++) {
		struct plugin p = {0};
		char error[512];
		int err = plugin_open(&p, parts->policy[i], error, sizeof(error));

		plugin_close(&p);
		if (err) {
			cli_error(cli, "%s", error);
			return CLI_FINDINGS;
		}
	}
	return CLI_OK;
}

static int write_new(struct cli *cli, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), err = 0;
	size_t len = strlen(text);

	if (fd < 0) {
		cli_error(cli, "%s: %s%s", path, strerror(errno),
			  errno == EEXIST ? "; a manifest is never overwritten" : "");
		return CLI_FAILED;
	}
	if (write(fd, text, len) != (ssize_t)len || fsync(fd))
		err = errno ?: ENOSPC;
	close(fd);
	if (err) {
		unlink(path);
		cli_error(cli, "%s: %s", path, strerror(err));
		return CLI_FAILED;
	}
	return CLI_OK;
}

static int certify(struct cli *cli, const struct manifest_parts *parts, const char *out)
{
	static struct manifest m;
	struct json_object *o;
	char error[512], *text;
	int err = manifest_make(&m, parts, error, sizeof(error)), rc;

	if (err) {
		cli_error(cli, "%s", error);
		return err == -EINVAL ? CLI_FINDINGS : CLI_FAILED;
	}
	text = manifest_text(&m);
	if (!text) {
		cli_error(cli, "%s", strerror(ENOMEM));
		return CLI_FAILED;
	}
	rc = write_new(cli, out, text);
	free(text);
	if (rc)
		return rc;
	if (!cli->json) {
		fprintf(cli->out, "%s: sha256 %s\n", out, m.hash);
		return CLI_OK;
	}
	o = json_object_new_object();
	js_add_str(o, "manifest", out);
	js_add_str(o, "sha256", m.hash);
	out_json(cli, o);
	json_object_put(o);
	return CLI_OK;
}

int cmd_certify(struct cli *cli, int argc, char **argv)
{
	const char *out = NULL;
	struct manifest_parts parts = {.profile = PROFILE_DEFAULT, .parameters = KB_FILE};
	const struct cli_option options[] = {{"--out", &out, NULL},
					     {"--profile", &parts.profile, NULL},
					     {"--kb", &parts.parameters, NULL},
					     {0}};
	int rc = cli_options(cli, options, &argc, argv);

	if (rc)
		return rc;
	if (!out)
		return cli_usage(cli, "certify wants --out FILE");
	if (argc > HS_SLOTS)
		return cli_usage(cli, "at most %d policies: one acts, one is asked beside it",
				 HS_SLOTS);
	for (int i = 0; i < argc; i++)
		parts.policy[i] = argv[i];
	rc = judge_policies(cli, &parts);
	if (rc)
		return rc;
	parts.object = recompute_object(&parts.object_len);
	return certify(cli, &parts, out);
}
