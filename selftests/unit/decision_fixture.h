/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A small log of decisions, good in all its parts: a reset, a wish, a look at rules and a policy, an end. For the tests, and to be fuzzed. */
#ifndef HOMEOSTAT_DECISION_FIXTURE_H
#define HOMEOSTAT_DECISION_FIXTURE_H

#include <string.h>

#include "decision_log.h"

struct log_image {
	struct decision_log_head head;
	struct hs_decision_state state;
	struct hs_decision reset;
	struct hs_decision wishes;
	struct hs_decision_item wish, aimed;
	struct hs_decision rules;
	struct hs_decision_item vital, slot, answer;
	struct hs_decision_mark end;
};
_Static_assert(sizeof(struct log_image) % 8 == 0, "nothing between the records");

static inline void log_image(struct log_image *l)
{
	memset(l, 0, sizeof(*l));
	decision_log_head(&l->head, NULL);
	l->state.mark = (struct hs_decision_mark){
		.size = sizeof(l->state), .type = HS_DECISION_STATE, .seq = 7, .lost = 3};
	l->reset = (struct hs_decision){.size = sizeof(l->reset),
					.type = HS_DECISION_RESET,
					.seq = 7,
					.now_ns = 1000,
					.run = 2};
	l->wishes = (struct hs_decision){.size = sizeof(l->wishes) + 2 * sizeof(l->wish),
					 .type = HS_DECISION_WISHES,
					 .seq = 8,
					 .now_ns = 2000,
					 .moving = 1 << HS_KNOB_SLICE_BATCH,
					 .items = 2};
	l->wish = (struct hs_decision_item){
		HS_DECIDED_WISH, HS_KNOB_SLICE_BATCH, HS_CAUSE_PROFILE, 8000, 1, 0};
	l->aimed = (struct hs_decision_item){
		HS_DECIDED_KNOB, HS_KNOB_SLICE_BATCH, HS_CAUSE_PROFILE, 5000, 8000, 8000};
	l->rules = (struct hs_decision){.size = sizeof(l->rules) + 3 * sizeof(l->vital),
					.type = HS_DECISION_RULES,
					.seq = 9,
					.now_ns = 3000,
					.distress = 1,
					.acting = 1,
					.items = 3};
	l->vital = (struct hs_decision_item){
		HS_DECIDED_VITAL, HS_VITAL_WAIT_CRITICAL_P99, 1, 250000, 2900, 2800};
	l->slot = (struct hs_decision_item){HS_DECIDED_SLOT, 0, 1, 0, 900, 0};
	l->answer =
		(struct hs_decision_item){HS_DECIDED_ANSWER, HS_KNOB_SLICE_BATCH, 0, 3000, 0, 0};
	l->end = (struct hs_decision_mark){
		.size = sizeof(l->end), .type = HS_DECISION_END, .seq = 10, .lost = 3};
}

#endif
