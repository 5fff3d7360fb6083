/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_NETNS_H
#define HOMEOSTAT_NETNS_H

#include <linux/types.h>

/* The kernel's number for the network namespace that we are in; 0: it has none (before 5.14; sockops does not load there). */
__u64 netns_cookie(void);

#endif
