/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Can the host still be reached? Links that carry, and the default route, against what they were. Links are those of devices, and those of
 * default routes: those of containers come and go, and nobody is cut off by that.
 */
#ifndef HOMEOSTAT_REACH_H
#define HOMEOSTAT_REACH_H

#include <stdbool.h>
#include <stddef.h>

#define REACH_LINKS_MAX 32

struct reach {
	char link[REACH_LINKS_MAX][16]; /* IFNAMSIZ: those that carried */
	unsigned int nr;
	char route[2][16]; /* the link of the default route, IPv4 and IPv6; "" = there was none */
};

/* What can be reached now, below `root`. What cannot be read counts as not there. */
void reach_look(struct reach *reach, const char *root);

/* Is something lost that was there? With one clause in `why`. */
bool reach_lost(const struct reach *before, const char *root, char *why, size_t size);

#endif
