// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "load.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* In the order in which they win; see load.h. */
static const struct sign {
	enum profile_load load;
	enum hs_vital_id vital;
	__u64 enter, leave;
} signs[] = {
	{PROFILE_LOAD_MEMORY, HS_VITAL_PSI_MEMORY, 100, 50},
	{PROFILE_LOAD_MEMORY, HS_VITAL_RECLAIM_STALLS, 100, 20},
	{PROFILE_LOAD_IO, HS_VITAL_PSI_IO, 100, 50},
	{PROFILE_LOAD_BURST, HS_VITAL_BURST, 3000, 1500},
	{PROFILE_LOAD_BURST, HS_VITAL_PACKET_BURST, 3000, 1500},
	{PROFILE_LOAD_COMPUTE, HS_VITAL_CPU_BUSY, 300, 200},
	{PROFILE_LOAD_COMPUTE, HS_VITAL_PSI_CPU, 50, 20},
	{PROFILE_LOAD_COMPUTE, HS_VITAL_RUN_NORMAL, 2000000, 1000000},
	{PROFILE_LOAD_COMPUTE, HS_VITAL_SWITCHES, 4000, 2000},
	{PROFILE_LOAD_COMPUTE, HS_VITAL_PACKETS, 2000, 1000},
};

void load_init(struct load_state *state)
{
	*state = (struct load_state){.now = -1, .next = -1};
}

/* What it is at this instant. */
static int seen(struct load_state *state, const struct vital_now *vital)
{
	int load = -1;

	for (size_t i = 0; i < NR(signs); i++) {
		const struct sign *s = &signs[i];
		bool *over = &state->over[s->vital];

		*over = vital[s->vital].present &&
			vital[s->vital].value >= (*over ? s->leave : s->enter);
		if (*over && (load < 0 || load == PROFILE_LOAD_IDLE))
			load = s->load;
		if (vital[s->vital].present && load < 0)
			load = PROFILE_LOAD_IDLE;
	}
	return load;
}

int load_look(struct load_state *state, __u64 now_ns, const struct vital_now vital[HS_VITAL_NR])
{
	int load = seen(state, vital);

	if (load == state->now) {
		state->next = -1;
	} else if (load < 0 || state->now < 0) {
		state->now = load; /* nothing is known any more, or the first that is */
		state->next = -1;
	} else if (load != state->next) {
		state->next = load;
		state->next_ns = now_ns;
	} else if (now_ns - state->next_ns >= LOAD_HOLD_NS) {
		state->now = load;
		state->next = -1;
	}
	return state->now;
}
