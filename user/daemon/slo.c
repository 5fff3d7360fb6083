// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "slo.h"

#include <errno.h>
#include <string.h>

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

void slo_set(struct slo *slo)
{
	memset(slo, 0, sizeof(*slo));
}

int slo_report(struct slo *slo, const struct profile *profile, const char *name, __u64 value,
	       __u64 now_ns)
{
	for (__u32 i = 0; i < profile->slo_nr; i++) {
		if (profile->slo[i].vital < HS_VITAL_NR || strcmp(profile->slo[i].report, name))
			continue;
		slo->state[i].value = value;
		slo->state[i].at_ns = now_ns;
		return 0;
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
	/* measured after we looked at the clock: as fresh as can be */
	state->present =
		state->at_ns && (state->at_ns >= now || now - state->at_ns <= SLO_FRESH_NS);
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
	return missed;
}
