/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_BENCH_POINTS_H
#define HOMEOSTAT_BENCH_POINTS_H

#define POINTS_LOOKS 4000 /* in one run */
#define POINTS_ROWS 8	  /* of the rule table; the last one fits */

#endif
