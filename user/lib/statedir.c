// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "statedir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *digits(const char *p, int least, int most)
{
	int n = 0;

	for (; p && *p >= '0' && *p <= '9' && n <= most; n++)
		p++;
	return p && n >= least && n <= most ? p : NULL;
}

static const char *one(const char *p, char c)
{
	return p && *p == c ? p + 1 : NULL;
}

bool incident_name_ok(const char *name)
{
	const char *p = one(digits(one(digits(name, 8, 8), 'T'), 6, 6), 'Z');
	size_t n;

	p = one(digits(one(p, '-'), 1, 10), '-');
	n = p ? strspn(p, "abcdefghijklmnopqrstuvwxyz-0123456789") : 0;
	return n && n < INCIDENT_NAME_LEN - 40 && !strcmp(p + n, ".json");
}

unsigned long long incident_number(const char *name)
{
	return strtoull(strchr(name, '-') + 1, NULL, 10);
}

static int is_incident(const struct dirent *entry)
{
	return incident_name_ok(entry->d_name);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	unsigned long long of_a = incident_number((*a)->d_name);
	unsigned long long of_b = incident_number((*b)->d_name);

	return of_a == of_b ? strcmp((*a)->d_name, (*b)->d_name) : of_a < of_b ? -1 : 1;
}

int incidents_list(int dir_fd, char ***names)
{
	struct dirent **entry;
	int nr, err = 0;

	*names = NULL;
	nr = scandirat(dir_fd, ".", &entry, is_incident, by_number);
	if (nr < 0)
		return -errno;
	*names = calloc((size_t)nr + 1, sizeof(**names));
	for (int i = 0; i < nr; i++) {
		if (*names)
			(*names)[i] = strdup(entry[i]->d_name);
		if (!*names || !(*names)[i])
			err = -ENOMEM;
		free(entry[i]);
	}
	free(entry);
	if (!err && *names)
		return nr;
	incidents_free(*names, nr);
	*names = NULL;
	return -ENOMEM;
}

void incidents_free(char **names, int nr)
{
	for (int i = 0; names && i < nr; i++)
		free(names[i]);
	free(names);
}
