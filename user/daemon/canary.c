// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "plugins.h"

#include <stdio.h>

#include "names.h"
#include "units.h"

#define MARGIN_PERMILLE 500 /* where the profile looks for no harm */

/* Means of a vital sign, and what of it is much. */
struct look {
	const struct evidence *e;
	const struct evidence_means *before;
	struct evidence_span after;
	__u64 margin; /* permille */
};

static bool is_worse(const struct look *l, __u32 vital, __u64 much, char *why, size_t size)
{
	enum unit unit;
	char a[32], b[32];
	__u64 was, is, most;

	if (vital >= HS_VITAL_NR || !l->before->known[vital] ||
	    !evidence_mean(l->e, vital, l->after, &is))
		return false;
	was = l->before->mean[vital];
	if (__builtin_mul_overflow(was, 1000 + l->margin, &most))
		return false;
	if (is <= much || is <= most / 1000)
		return false;
	unit = (enum unit)unit_find(vital_infos[vital].unit);
	snprintf(why, size, "%s went from %s to %s", vital_name(vital),
		 unit_format(a, sizeof(a), was, unit), unit_format(b, sizeof(b), is, unit));
	return true;
}

__u32 canary_worse(const struct profile *profile, const struct evidence *e,
		   const struct evidence_means *before, struct evidence_span after, char *why,
		   size_t size)
{
	const struct look l = {e, before, after,
			       profile->helping.margin_permille ?: MARGIN_PERMILLE};
	__u32 vital = evidence_worse(e, before, after, why, size);

	if (vital < HS_VITAL_NR)
		return vital;
	for (__u32 i = 0; i < profile->config.rules_nr; i++) {
		const struct hs_rule *r = &profile->rule[i];

		if (is_worse(&l, r->vital, r->high, why, size))
			return r->vital;
	}
	for (__u32 i = 0; i < profile->config.limits_nr; i++) {
		const struct hs_limit *limit = &profile->config.limit[i];

		if (is_worse(&l, limit->vital, limit->max / 2, why, size))
			return limit->vital;
	}
	for (__u32 i = 0; i < profile->slo_nr; i++) {
		const struct profile_slo *level = &profile->slo[i];

		if (is_worse(&l, level->vital, level->max, why, size))
			return level->vital;
	}
	return HS_VITAL_NR;
}
