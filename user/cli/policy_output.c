// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* An object in the making, in a directory of its own beside its place: under the name that it will have, which messages tell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "policy.h"

static int told(struct cli *cli, const char *target, const char *why)
{
	cli_error(cli, "%s: %s", target, why);
	return CLI_FAILED;
}

int policy_output_begin(struct cli *cli, struct policy_output *o, const char *target)
{
	const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
	const int dir = (int)(name - target);
	struct stat st;

	o->target = target;
	if (!*name)
		return told(cli, target, "no name of a file");
	/* a device, or a link, is not ours to replace */
	if (!lstat(target, &st) && !S_ISREG(st.st_mode))
		return told(cli, target, "it is there, and no regular file");
	if (snprintf(o->dir, sizeof(o->dir), "%.*s.homeostat-XXXXXX", dir, target) >=
		    (int)sizeof(o->dir) ||
	    snprintf(o->object, sizeof(o->object), "%.*s.homeostat-XXXXXX/%s", dir, target, name) >=
		    (int)sizeof(o->object))
		return told(cli, target, strerror(ENAMETOOLONG));
	if (!mkdtemp(o->dir))
		return told(cli, target, strerror(errno));
	memcpy(o->object, o->dir, strlen(o->dir));
	return CLI_OK;
}

int policy_output_end(struct cli *cli, struct policy_output *o, int rc)
{
	if (!rc && rename(o->object, o->target))
		rc = told(cli, o->target, strerror(errno));
	if (rc)
		unlink(o->object);
	rmdir(o->dir);
	return rc;
}
