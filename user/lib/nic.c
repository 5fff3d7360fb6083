// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "nic.h"

#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"

/* A path below the interface's directory in /sys. */
static int nic_path(char *path, const char *root, const char *name, const char *what)
{
	char below[128];

	snprintf(below, sizeof(below), "/sys/class/net/%.32s/%s", name, what);
	return root_path(path, PATH_MAX, root, below);
}

/* Of another guest of the same machine Xen brings packets without checksums, and its driver alone knows which. */
static bool is_xen(const char *root, const char *name)
{
	char path[PATH_MAX], driver[PATH_MAX];
	ssize_t len;

	if (nic_path(path, root, name, "device/driver"))
		return false;
	len = readlink(path, driver, sizeof(driver) - 1);
	if (len <= 0)
		return false;
	driver[len] = '\0';
	return !strcmp(basename(driver), "vif");
}

static const char *one_unfit(const char *root, const char *name)
{
	char path[PATH_MAX];

	if (nic_path(path, root, name, "device") || access(path, F_OK))
		return "no network card: packets of this host may come in there without a checksum";
	if (is_xen(root, name))
		return "Xen's driver: packets may come in there without a checksum";
	return NULL;
}

const char *nic_unfit(const char *root, const char *name)
{
	char slaves[512], *next = slaves, *slave;
	const char *why = NULL;

	/* a bond is as good as the worst of its cards */
	if (read_filef(root, slaves, sizeof(slaves), "/sys/class/net/%.32s/bonding/slaves", name) <=
	    0)
		return one_unfit(root, name);
	while (!why && (slave = strsep(&next, " ")))
		why = *slave ? one_unfit(root, slave) : NULL;
	return why;
}
