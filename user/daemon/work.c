// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "work.h"

#include <string.h>

#include "slow.h"

bool work_wanted(const struct profile *profile)
{
	return profile_asks(profile, HS_VITAL_IPC) ||
	       profile_asks(profile, HS_VITAL_CACHE_MISSES) ||
	       profile_asks(profile, HS_VITAL_ENERGY_INSTRUCTION);
}

static void enter(struct hs_vital *vital, __u64 part, __u64 whole, __u64 now_ns)
{
	if (whole)
		slow_enter(vital, part * 1000 / whole, now_ns);
	else
		slow_absent(vital);
}

void work_follow(struct pmu *pmu, struct hs_vital vitals[HS_VITAL_NR], bool wanted, __u64 now_ns)
{
	__u64 sum[PMU_COUNTER_NR] = {0};
	bool ran = pmu->on;

	if (ran != wanted)
		pmu_run(pmu, wanted);
	if (ran || wanted)
		pmu_read(pmu, sum);
	if (!ran || !wanted) /* of less than the time since the last call */
		memset(sum, 0, sizeof(sum));
	pmu->user_instructions += sum[PMU_USER];
	enter(&vitals[HS_VITAL_IPC], sum[PMU_INSTRUCTIONS], sum[PMU_CYCLES], now_ns);
	enter(&vitals[HS_VITAL_CACHE_MISSES], sum[PMU_CACHE_MISSES], sum[PMU_INSTRUCTIONS], now_ns);
}
