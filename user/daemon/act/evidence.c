// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "evidence.h"

#include <stdio.h>

#include "names.h"
#include "units.h"

#define MS 1000000ULL
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* Higher is worse, whatever the change was for; below the floor a difference is noise. */
static const struct {
	__u32 vital;
	__u64 floor;
	bool counts; /* since the start: any more is worse */
} rails[] = {
	{HS_VITAL_WAIT_CRITICAL_P99, 4 * MS}, /* a tick: as helping.c */
	{HS_VITAL_WAIT_NORMAL_P99, 40 * MS},
	{HS_VITAL_DEADLINE_MISS, 1},
	{HS_VITAL_PSI_CPU, 100},
	{HS_VITAL_PSI_MEMORY, 50},
	{HS_VITAL_PSI_IO, 200},
	{HS_VITAL_BACKLOG_DROPS, 10},
	{HS_VITAL_UDP_FULL, 10},
	{HS_VITAL_LISTEN_FULL, 10},
	{HS_VITAL_RETRANSMITS, 20},
	{HS_VITAL_RECLAIM_STALLS, 10},
	{HS_VITAL_COMPACT_STALLS, 10},
	{HS_VITAL_MEM_REFAULTS, 1000}, /* 4 MiB/s read again; with a fast disk PSI hardly moves */
	{HS_VITAL_MEM_OOM_KILLS, 1, true},
	{HS_VITAL_THERMAL_THROTTLES, 1, true},
};

/* Of the time since the last sample. */
static __u64 mean_of(struct evidence *e, __u32 id, const struct hs_vital *v)
{
	__u64 integral = load(&v->integral), span = load(&v->span);
	__u64 more = span - e->span[id], sum = integral - e->integral[id];
	bool first = !e->nr;

	/* the two are read one after the other: a window that ends between them is told half, and the rest next time */
	e->integral[id] = integral;
	e->span[id] = span;
	return first || !more ? load(&v->value) : sum / more;
}

void evidence_sample(struct evidence *e, const struct hs_vital vitals[HS_VITAL_NR])
{
	__u64 at = e->nr % EVIDENCE_SAMPLES;

	for (__u32 i = 0; i < HS_VITAL_NR; i++) {
		e->present[at][i] = load(&vitals[i].present);
		e->value[at][i] = mean_of(e, i, &vitals[i]);
	}
	e->nr++;
}

const __u64 *evidence_last(const struct evidence *e, __u32 vital)
{
	__u64 at = (e->nr - 1) % EVIDENCE_SAMPLES;

	return e->nr && e->present[at][vital] ? &e->value[at][vital] : NULL;
}

bool evidence_mean(const struct evidence *e, __u32 vital, struct evidence_span span, __u64 *mean)
{
	__u64 sum = 0, nr = 0;

	if (span.first >= span.last || span.last > e->nr || span.first + EVIDENCE_SAMPLES < e->nr)
		return false;
	for (__u64 i = span.first; i < span.last; i++) {
		if (!e->present[i % EVIDENCE_SAMPLES][vital])
			continue;
		sum += e->value[i % EVIDENCE_SAMPLES][vital];
		nr++;
	}
	if (2 * nr < span.last - span.first)
		return false;
	*mean = sum / nr;
	return true;
}

static void tell(__u32 vital, __u64 before, __u64 after, char *why, size_t size)
{
	enum unit unit = (enum unit)unit_find(vital_infos[vital].unit);
	char a[32], b[32];

	snprintf(why, size, "%s went from %s to %s", vital_name(vital),
		 unit_format(a, sizeof(a), before, unit), unit_format(b, sizeof(b), after, unit));
}

void evidence_means(const struct evidence *e, struct evidence_span span,
		    struct evidence_means *means)
{
	for (__u32 i = 0; i < HS_VITAL_NR; i++)
		means->known[i] = evidence_mean(e, i, span, &means->mean[i]);
}

__u32 evidence_worse(const struct evidence *e, const struct evidence_means *before,
		     struct evidence_span after, char *why, size_t size)
{
	for (size_t i = 0; i < sizeof(rails) / sizeof(*rails); i++) {
		__u64 was = before->mean[rails[i].vital], is;

		if (!before->known[rails[i].vital] || !evidence_mean(e, rails[i].vital, after, &is))
			continue;
		if ((is <= was + was / 2 && !rails[i].counts) || is < was + rails[i].floor)
			continue;
		tell(rails[i].vital, was, is, why, size);
		return rails[i].vital;
	}
	return HS_VITAL_NR;
}

enum evidence_effect evidence_effect(const struct evidence *e, __u32 vital, bool up,
				     const struct evidence_means *before,
				     struct evidence_span after, char *why, size_t size)
{
	__u64 was, is;

	why[0] = '\0';
	was = before->mean[vital];
	if (!before->known[vital] || !evidence_mean(e, vital, after, &is) || (!up && !was))
		return EFFECT_UNKNOWN;
	tell(vital, was, is, why, size);
	if (up ? is >= was + was / 10 && is > was : is <= was - was / 10 && is < was)
		return EFFECT_BETTER;
	return (up ? is < was / 2 : is > was + was / 2) ? EFFECT_WORSE : EFFECT_NONE;
}
