// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What the slow sensors find on this machine: what is missing makes vital signs absent, and harms nothing. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "../lib/parse.h"
#include "doctor.h"

/* There, if an entry of @dir begins with @prefix and has this file (NULL: nothing asked). */
static const struct source {
	const char *name, *dir, *prefix, *file, *help;
} sources[] = {
	{"clock rates", "/sys/devices/system/cpu/cpufreq", "policy", "cpuinfo_max_freq", NULL},
	{"thermal zones", "/sys/class/thermal", "thermal_zone", "temp", NULL},
	{"energy counters (RAPL)", "/sys/class/powercap", "intel-rapl:", "energy_uj",
	 "modprobe intel_rapl_msr"},
	{"battery", "/sys/class/power_supply", "", "capacity", NULL},
	{"memory errors (EDAC)", "/sys/devices/system/edac/mc", "mc", "ce_count",
	 "the EDAC driver of the memory controller"},
	{"PCIe errors (AER)", "/sys/bus/pci/devices", "", "aer_rootport_total_err_cor",
	 "AER in firmware or pcie_ports=native"},
	{"NVMe", "/sys/class/nvme", "nvme", "state", NULL},
	{"InfiniBand", "/sys/class/infiniband", "", "ports", NULL},
};

static bool there(const struct doctor *d, const struct source *source)
{
	char path[4096];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	if (root_path(path, sizeof(path), d->root, source->dir))
		return false;
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    strncmp(e->d_name, source->prefix, strlen(source->prefix)))
			continue;
		found = snprintf(path, sizeof(path), "%s/%s/%s", source->dir, e->d_name,
				 source->file) < (int)sizeof(path) &&
			doctor_exists(d, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void list(char *text, size_t size, const char *name)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len ? ", " : "", name);
}

void probe_sense(struct doctor *d)
{
	char found[256] = "", missing[256] = "", help[256] = "";

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		bool is = there(d, &sources[i]);

		list(is ? found : missing, sizeof(found), sources[i].name);
		if (!is && sources[i].help)
			list(help, sizeof(help), sources[i].help);
	}
	if (*found)
		doctor_add(d, FINDING_OK, "sensors", NULL, "there are %s", found);
	if (*missing)
		doctor_add(d, FINDING_OK, "sensors", help,
			   "vital signs are absent for want of %s; a virtual machine has no more",
			   missing);
}
