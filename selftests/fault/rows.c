// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "faulter.h"

static const struct row *const tables[] = {rows_dead, rows_bad, rows_net};

const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct row *r = tables[i]; r->name; r++) {
			if (!strcmp(r->name, name))
				return r;
		}
	}
	errx(2, "unknown row '%s'; -l lists them", name);
}

void rows_list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct row *r = tables[i]; r->name; r++)
			puts(r->name);
	}
}
