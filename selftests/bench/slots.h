/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_BENCH_SLOTS_H
#define HOMEOSTAT_BENCH_SLOTS_H

#define SLOTS_LOOKS 2000 /* in one run */

struct slots_looks {
	__u64 ns; /* that they took */
};

#endif
