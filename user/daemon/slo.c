// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "slo.h"

#include <errno.h>
#include <string.h>

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

void slo_set(struct slo *slo)
{
	memset(slo, 0, sizeof(*slo));
	slo->missed = -1;
}

/* Measured after we looked at the clock is as fresh as can be. */
static bool fresh(const struct slo_state *state, __u64 now)
{
	return state->at_ns && (state->at_ns >= now || now - state->at_ns <= SLO_FRESH_NS);
}

int slo_report(struct slo *slo, const struct profile *profile, const struct slo_figure *figure,
	       __u64 now_ns)
{
	for (__u32 i = 0; i < profile->slo_nr; i++) {
		struct slo_state *state = &slo->state[i];
		bool other = !state->at_ns || state->uid != figure->uid;

		if (profile->slo[i].vital < HS_VITAL_NR ||
		    strcmp(profile->slo[i].report, figure->name))
			continue;
		if (other && figure->uid && fresh(state, now_ns))
			return -EBUSY;
		state->value = figure->value;
		state->at_ns = now_ns;
		state->uid = figure->uid;
		state->pid = figure->pid;
		return other;
	}
	return -ENOENT;
}

/* The present figure of a level into its state. */
static void take(struct slo_state *state, const struct profile_slo *level,
		 const struct hs_vital vitals[HS_VITAL_NR], __u64 now)
{
	if (level->vital < HS_VITAL_NR) {
		const struct hs_vital *vital = &vitals[level->vital];

		state->at_ns = load(&vital->present) ? load(&vital->updated_ns) : 0;
		state->value = load(&vital->value);
	}
	state->present = fresh(state, now);
}

int slo_look(struct slo *slo, const struct profile *profile,
	     const struct hs_vital vitals[HS_VITAL_NR], bool armed, __u64 now_ns)
{
	int missed = -1;

	for (__u32 i = 0; i < profile->slo_nr; i++) {
		struct slo_state *state = &slo->state[i];

		take(state, &profile->slo[i], vitals, now_ns);
		if (!armed || !state->present || state->value <= profile->slo[i].max) {
			state->above_ns = 0;
			continue;
		}
		if (!state->above_ns)
			state->above_ns = now_ns;
		if (missed < 0 && now_ns - state->above_ns >= profile->slo[i].for_ns)
			missed = (int)i;
	}
	if (missed >= 0)
		slo->missed = missed;
	return missed;
}
