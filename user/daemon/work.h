/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * How well the processors work: vital signs pmu.*, made once a second from their own counters. These run only while the profile in
 * force has a rule, a limit or a service level on one of them.
 */
#ifndef HOMEOSTAT_WORK_H
#define HOMEOSTAT_WORK_H

#include "pmu.h"
#include "profile.h"

/* Does @profile ask for one of them, or for energy per instruction (user/sense/power.c)? Pure. */
bool work_wanted(const struct profile *profile);

/*
 * Starts or stops the counters as @wanted says, and enters what they counted since the last call. A vital sign is absent while they
 * do not run, in the call that starts them, and where none of them counted anything: then others have the processors' counters.
 */
void work_follow(struct pmu *pmu, struct hs_vital vitals[HS_VITAL_NR], bool wanted, __u64 now_ns);

#endif
