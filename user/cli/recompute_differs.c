// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The first thing in which two records of one call differ, in words. */
#include <string.h>

#include "../lib/names.h"
#include "recompute.h"

static const char *item_name(const struct hs_decision_item *it)
{
	switch (it->kind) {
	case HS_DECIDED_VITAL:
	case HS_DECIDED_AVERAGE:
	case HS_DECIDED_SUMS:
		return vital_infos[it->id].name;
	case HS_DECIDED_SLOT:
		return it->id ? "the policy in slot 1" : "the policy in slot 0";
	default:
		return knob_infos[it->id].name;
	}
}

/* What an item says of it. Returns buf. */
static const char *item_text(char *buf, size_t size, const struct hs_decision_item *it)
{
	switch (it->kind) {
	case HS_DECIDED_WISH:
		snprintf(buf, size, "wish %llu (%s)", it->b, cause_name(it->a));
		break;
	case HS_DECIDED_SLOT:
		snprintf(buf, size, "%s, returned %lld, %s", it->a & 1 ? "asked" : "not asked",
			 (__s64)it->b, slot_end_name(it->a >> 8));
		break;
	case HS_DECIDED_ANSWER:
		snprintf(buf, size, "wished %llu", it->b);
		break;
	case HS_DECIDED_KNOB:
		snprintf(buf, size, "%llu on its way to %llu, base %llu (%s%s)", it->b, it->c,
			 it->d, cause_name(it->a & 0xff), it->a & 0xff00 ? ", frozen" : "");
		break;
	default:
		snprintf(buf, size, "%llu measured at %llu ns", it->b, it->c);
		break;
	}
	return buf;
}

static bool same_place(const struct hs_decision_item *a, const struct hs_decision_item *b)
{
	return a->kind == b->kind && a->id == b->id &&
	       (a->kind != HS_DECIDED_ANSWER || a->a == b->a);
}

/* The item that stands for the same thing, or NULL. */
static const struct hs_decision_item *counterpart(const struct hs_decision *d,
						  const struct hs_decision_item *it)
{
	for (__u32 i = 0; i < d->items; i++)
		if (same_place(&decision_items(d)[i], it))
			return &decision_items(d)[i];
	return NULL;
}

static void tell(char *text, size_t size, const struct hs_decision_item *was,
		 const struct hs_decision_item *now)
{
	char a[160] = "nothing new", b[160] = "nothing new";

	if (was)
		item_text(a, sizeof(a), was);
	if (now)
		item_text(b, sizeof(b), now);
	snprintf(text, size, "%s: recorded %s; recomputed %s", item_name(was ?: now), a, b);
}

static bool items_differ(const struct hs_decision *was, const struct hs_decision *now, char *text,
			 size_t size)
{
	for (__u32 i = 0; i < was->items; i++) {
		const struct hs_decision_item *a = &decision_items(was)[i];
		const struct hs_decision_item *b = counterpart(now, a);

		if (b && !memcmp(a, b, sizeof(*a)))
			continue;
		tell(text, size, a, b);
		return true;
	}
	for (__u32 i = 0; i < now->items; i++) {
		const struct hs_decision_item *b = &decision_items(now)[i];

		if (counterpart(was, b))
			continue;
		tell(text, size, NULL, b);
		return true;
	}
	return false;
}

bool recompute_differs(const struct hs_decision *was, const struct hs_decision *now, char *text,
		       size_t size)
{
	if (was->size == now->size && !memcmp(was, now, was->size))
		return false;
	if (items_differ(was, now, text, size))
		return true;
	if (was->moving != now->moving)
		snprintf(text, size, "knobs on their way: recorded %#llx; recomputed %#llx",
			 was->moving, now->moving);
	else if (was->distress != now->distress)
		snprintf(text, size, "rules in distress: recorded %u; recomputed %u", was->distress,
			 now->distress);
	else if (was->acting != now->acting)
		snprintf(text, size, "slot that acts (0 = rules): recorded %u; recomputed %u",
			 was->acting, now->acting);
	else if (was->frozen != now->frozen)
		snprintf(text, size, "frozen knobs: recorded %u; recomputed %u", was->frozen,
			 now->frozen);
	else
		snprintf(text, size, "the records differ in a part that has no name");
	return true;
}
