// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Network interfaces: whose packets steering may hand to other CPUs, and whose it leaves alone. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dispatcher.h"
#include "../lib/nic.h"
#include "../lib/parse.h"
#include "doctor.h"

struct names {
	char list[256];
	const char *why; /* of the first one */
};

static void add(struct names *names, const char *name, const char *why)
{
	size_t len = strlen(names->list);

	snprintf(names->list + len, sizeof(names->list) - len, "%s%s", len ? ", " : "", name);
	if (!len)
		names->why = why;
}

static int not_loopback(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0;
}

/* Sharing an interface by libxdp's dispatcher: where it would pin, and whether a component loads. */
void probe_beside(struct doctor *d)
{
	char why[DISPATCHER_WHY_LEN] = "";
	int err = dispatcher_trust(d->root, why, sizeof(why));

	if (err && err != -ENOENT)
		doctor_add(d, FINDING_WARN, "beside",
			   err == -ENODATA ? NULL : "chmod go-w, chown root",
			   "interfaces cannot be shared with other XDP programs (xdp: beside): %s",
			   why);
	else if (d->may_load && try_component(why, sizeof(why)))
		doctor_add(d, FINDING_WARN, "beside",
			   "a kernel that has BPF trampolines "
			   "(CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)",
			   "interfaces cannot be shared with other XDP programs (xdp: beside): %s",
			   why);
	else
		doctor_add(
			d, FINDING_OK, "beside", NULL,
			"interfaces can be shared with other XDP programs, where the profile says "
			"xdp: beside%s",
			d->may_load ? "" : "; not tried");
}

void probe_nics(struct doctor *d)
{
	struct names fit = {0}, unfit = {0};
	struct dirent **found;
	char path[4096];
	int n;

	if (root_path(path, sizeof(path), d->root, "/sys/class/net"))
		return;
	n = scandir(path, &found, not_loopback, alphasort);
	if (n < 0)
		return;
	for (int i = 0; i < n; i++) {
		const char *why = nic_unfit(d->root, found[i]->d_name);

		add(why ? &unfit : &fit, found[i]->d_name, why);
		free(found[i]);
	}
	free(found);
	if (*fit.list)
		doctor_add(d, FINDING_OK, "nics", NULL,
			   "steering can hand over the packets of %s, if their drivers have XDP",
			   fit.list);
	if (*unfit.list)
		doctor_add(d, FINDING_OK, "nics", NULL, "steering leaves %s alone: %s", unfit.list,
			   unfit.why);
}
