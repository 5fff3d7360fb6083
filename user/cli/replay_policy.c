// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "replay_policy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int replay_policy_open(struct replay_policy *rp, struct recompute *r, __u32 slot, const char *path,
		       char *error, size_t size)
{
	int err = plugin_open(&rp->p, path, error, size);

	if (!err)
		err = plugin_load(&rp->p, recompute_prog(r), slot, error, size);
	if (err)
		return err;
	rp->link = plugin_attach(&rp->p);
	if (rp->link < 0) {
		err = rp->link;
		rp->link = 0;
		snprintf(error, size, "%s: %s", path, strerror(-err));
		return err;
	}
	rp->link++;
	return 0;
}

int replay_policy_state(struct replay_policy *rp, struct recompute *r, __u32 slot,
			const struct hs_decision_state *s, __u64 lost, char *error, size_t size)
{
	const struct hs_slot_config *c = &s->config.slot[slot];

	if (!rp->link)
		return 0;
	if (!rp->gen && c->run != HS_SLOT_RUN_OFF) {
		if (s->slot[slot].gen == c->gen && s->slot[slot].calls) {
			snprintf(error, size,
				 "policy %s was at work before the log begins, and what it keeps "
				 "is not in it: without its object, its answers are taken as they "
				 "are recorded",
				 rp->p.policy.name);
			return -ENODATA;
		}
		rp->gen = c->gen;
		rp->lost = lost;
		rp->itself = true;
	}
	/* another one took its place, or calls are missing that it remembers */
	if (rp->gen && (rp->gen != c->gen || rp->lost != lost))
		rp->itself = false;
	recompute_itself(r, slot, rp->itself);
	return 0;
}

void replay_policy_close(struct replay_policy *rp)
{
	if (rp->link)
		close(rp->link - 1);
	rp->link = 0;
	plugin_close(&rp->p);
}
