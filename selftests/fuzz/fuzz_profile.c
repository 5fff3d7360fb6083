// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A profile file: refused with a reason, or within all bounds. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "names.h"
#include "profile.h"

static void check_flow(const struct profile *p, const struct profile_flow *f)
{
	promise(f->name[0] && memchr(f->name, '\0', sizeof(f->name)));
	promise(f->class < HS_FLOW_CLASS_NR && f->protocol >= -1 && f->protocol <= 255);
	promise(f->dscp >= -1 && f->dscp <= 63 && f->mark <= 64 && f->peer_bits <= 128);
	promise(!f->mark || f->mark - 1 != f->dscp);
	for (int side = 0; side < HS_SIDE_NR; side++) {
		promise(f->port[side].first <= f->port[side].last);
		promise(!f->port[side].last || f->port[side].first);
	}
	/* somebody looks at it */
	promise(p->interface_nr || profile_takes_tcp(p) || profile_critical_tcp(p));
}

static void check_accepted(const struct profile *p)
{
	promise(p->name[0] && memchr(p->name, '\0', sizeof(p->name)));
	promise(memchr(p->description, '\0', sizeof(p->description)));
	promise(p->config.rules_nr <= HS_RULES_MAX);
	promise(p->workload_nr <= PROFILE_WORKLOADS_MAX);
	promise(p->advice_nr <= PROFILE_ADVICE_MAX);
	for (unsigned int i = 0; i < p->advice_nr; i++) {
		const struct profile_advice *a = &p->advice[i];

		promise(a->name[0] && a->reason[0] && a->parameter[0] && a->line > 0);
		promise(a->when.vital < HS_VITAL_NR && a->load >= -1 && a->load < PROFILE_LOAD_NR);
		promise(a->goal < PROFILE_GOAL_NR && a->cooldown_ns > 0);
		promise(!a->goes_back || a->back.vital != a->when.vital ||
			a->back.above != a->when.above);
		promise(!a->goes_back || a->back.vital < HS_VITAL_NR ||
			(a->leaves && a->load >= 0));
		promise(!a->steps || a->how == PROFILE_TIMES || a->how == PROFILE_ADD);
		promise(a->how != PROFILE_TO || a->form < PROFILE_FORM_NR);
		promise(!a->has_most || !a->has_least || a->least <= a->most);
	}
	promise(p->config.period_min_ns && p->config.period_min_ns <= p->config.period_max_ns);
	promise(p->heartbeat_limit_ns >= 5000000 && p->heartbeat_limit_ns <= 100000000);
	for (int i = 0; i < HS_KNOB_NR; i++) {
		const struct profile_knob *knob = &p->knob[i];

		promise(knob->bound.min >= knob_infos[i].bound.min);
		promise(knob->bound.max <= knob_infos[i].bound.max);
		promise(knob->value >= knob->bound.min && knob->value <= knob->bound.max);
	}
	promise(p->flow_nr <= HS_FLOWS_MAX && p->interface_nr <= PROFILE_INTERFACES_MAX);
	for (__u32 i = 0; i < p->interface_nr; i++)
		promise(p->interface[i].name[0] &&
			memchr(p->interface[i].name, '\0', sizeof(p->interface->name)));
	for (__u32 i = 0; i < p->flow_nr; i++)
		check_flow(p, &p->flow[i]);
	for (__u32 i = 0; i < p->config.rules_nr; i++) {
		promise(p->rule[i].vital < HS_VITAL_NR && p->rule[i].knob < HS_KNOB_NR);
		promise(p->rule[i].low <= p->rule[i].high);
	}
}

int FUZZ_TARGET(profile)(const uint8_t *data, size_t size)
{
	static const char path[] = "p.yaml";
	struct profile p = {.workload_nr = 4711};
	char error[512] = "";
	int err;

	if (size > PROFILE_TEXT_MAX)
		return -1;
	err = profile_parse(&p, path, (const char *)data, size, error, sizeof(error));
	if (err) {
		promise(err < 0 && p.workload_nr == 4711);
		promise(err != -EINVAL || !strncmp(error, path, strlen(path)));
		return 0;
	}
	check_accepted(&p);
	profile_free(&p);
	return 0;
}
