// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat policy: policies that are written in C, from the template to the slot of the pulse. The verbs of it. */
#include <errno.h>
#include <string.h>

#include "../lib/plugin.h"
#include "cli.h"
#include "policy.h"

static const struct {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
} verbs[] = {
	{"new", policy_new},   {"build", policy_build}, {"check", policy_check},
	{"link", policy_link}, {"load", policy_load},	{"unload", policy_unload},
	{"list", policy_list}, {"show", policy_show},	{"replay", policy_replay},
};

int policy_failed(const struct plugin *p, int err)
{
	/* the verifier's errors are of all kinds, and have a log */
	switch (p->log ? -EINVAL : err) {
	case -EPERM:
	case -EACCES:
		return CLI_REFUSED;
	case -ENOENT:
	case -ENOMEM:
	case -EIO:
	case -EISDIR:
		return CLI_FAILED;
	default:
		return CLI_FINDINGS;
	}
}

int cmd_policy(struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; argc && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!strcmp(argv[0], verbs[i].name))
			return verbs[i].run(cli, argc - 1, argv + 1);
	}
	return cli_usage(
		cli,
		argc ? "policy has no verb '%s'"
		     : "policy takes new, build, check, link, replay, load, unload, list or show",
		argc ? argv[0] : "");
}
