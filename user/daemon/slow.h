/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Slow vital signs: what the daemon reads from /proc once a second. */
#ifndef HOMEOSTAT_SLOW_H
#define HOMEOSTAT_SLOW_H

#include "../../kern/abi.h"

/*
 * Reads all SLOW vital signs below `root` into `vitals` at time `now_ns`. What cannot be read is
 * marked absent, never 0.
 */
void slow_read(struct hs_vital vitals[HS_VITAL_NR], const char *root, __u64 now_ns);

/* "some avg10=1.23 …" → 12 (permille, rounded down). 0 or -EINVAL. */
int slow_parse_psi(const char *text, __u64 *permille);

/* Enters one measurement: value, moving average (weight 1/8), peak, age. */
void vital_enter(struct hs_vital *vital, __u64 value, __u64 now_ns);

#endif
