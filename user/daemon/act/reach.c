// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "reach.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"

static bool carries(const char *root, const char *link)
{
	char text[16];

	return read_filef(root, text, sizeof(text), "/sys/class/net/%s/carrier", link) > 0 &&
	       text[0] == '1';
}

/* "eth0	00000000	0102A8C0	0003	0	0	100	00000000 …": destination, gateway, flags, …, mask */
static bool default4(const char *line, char link[16])
{
	char destination[16], mask[16];

	return sscanf(line, "%15s %15s %*s %*s %*s %*s %*s %15s", link, destination, mask) == 3 &&
	       !strcmp(destination, "00000000") && !strcmp(mask, "00000000");
}

/* "0000…0000 00 0000…0000 00 <next hop> metric … eth0": the one to nowhere is on lo. */
static bool default6(const char *line, char link[16])
{
	const char *last = strrchr(line, ' ');

	return strspn(line, "0") == 32 && !strncmp(line + 32, " 00 ", 4) && last &&
	       sscanf(last, "%15s", link) == 1 && strcmp(link, "lo");
}

/* The link of the first default route, "" where there is none. Line by line, as the file may be long. */
static void route_of(const char *root, const char *path,
		     bool (*is_default)(const char *line, char link[16]), char link[16])
{
	char full[PATH_MAX], line[256];
	bool found = false;
	FILE *f = root_path(full, sizeof(full), root, path) ? NULL : fopen(full, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = is_default(line, link);
	if (!found)
		link[0] = '\0';
	if (f)
		fclose(f);
}

static void routes(const char *root, char link[2][16])
{
	route_of(root, "/proc/net/route", default4, link[0]);
	route_of(root, "/proc/net/ipv6_route", default6, link[1]);
}

static bool is_device(const char *root, const char *link)
{
	char path[64], full[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", link);
	return !root_path(full, sizeof(full), root, path) && !access(full, F_OK);
}

void reach_look(struct reach *reach, const char *root)
{
	char full[PATH_MAX];
	struct dirent *entry;
	DIR *dir = NULL;

	*reach = (struct reach){0};
	routes(root, reach->route);
	if (!root_path(full, sizeof(full), root, "/sys/class/net"))
		dir = opendir(full);
	while (dir && (entry = readdir(dir)) && reach->nr < REACH_LINKS_MAX) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len >= sizeof(reach->link[0]) ||
		    (!is_device(root, entry->d_name) && strcmp(entry->d_name, reach->route[0]) &&
		     strcmp(entry->d_name, reach->route[1])) ||
		    !carries(root, entry->d_name))
			continue;
		memcpy(reach->link[reach->nr++], entry->d_name, len + 1);
	}
	if (dir)
		closedir(dir);
}

bool reach_lost(const struct reach *before, const char *root, char *why, size_t size)
{
	char now[2][16];

	for (unsigned int i = 0; i < before->nr; i++) {
		if (carries(root, before->link[i]))
			continue;
		snprintf(why, size, "%s has lost its link", before->link[i]);
		return true;
	}
	routes(root, now);
	for (int i = 0; i < 2; i++) {
		if (!before->route[i][0] || now[i][0])
			continue;
		snprintf(why, size, "the default route is gone (%s)", i ? "IPv6" : "IPv4");
		return true;
	}
	return false;
}
