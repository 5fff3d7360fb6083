// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat policy replay: what a policy would have wished, in the shadow of what was recorded. It is put into a slot of a replay
 * (recompute.h) and asked in each window, as in shadow: it finds each knob where those who acted had sent it, and changes nothing.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/units.h"
#include "cli.h"
#include "policy.h"
#include "replay_policy.h"

struct trial {
	struct cli *cli;
	const char *path;
	struct decision_log log;
	struct recompute re;
	struct replay_policy policy;
	struct json_object *rows; /* --json */
	__u32 slot;
	bool in_log[HS_VITAL_NR]; /* vital signs that were recorded */
	__u64 first_ns, calls, opinions, changes;
	__u32 shut; /* enum hs_slot_end */
	struct {
		bool known, ours_known;
		__u64 target, ours; /* where those who acted sent it; what the policy wishes */
		__u32 cause;
	} knob[HS_KNOB_NR];
};

/* The policy takes a slot of what was recorded: not that of who acted. 0 or negative errno; -EBUSY: told. */
static int take_state(struct trial *t, char *error, size_t size)
{
	static struct hs_decision_state s;
	const struct homeostat_policy *policy = &t->policy.p.policy;
	struct hs_slot_config *c;

	s = t->log.record.state;
	c = &s.config.slot[t->slot];
	if (c->run == HS_SLOT_RUN_ACT) {
		snprintf(error, size,
			 "record %llu: who acts changes to slot %u, in which %s was asked, and the "
			 "log does not tell what it would do without it; record a log in which "
			 "one acts all the time",
			 t->log.number, t->slot, policy->name);
		return -EBUSY;
	}
	*c = (struct hs_slot_config){.gen = ~0U, .run = HS_SLOT_RUN_SHADOW};
	memcpy(c->reads, policy->reads, sizeof(c->reads));
	memcpy(c->turns, policy->turns, sizeof(c->turns));
	recompute_itself(&t->re, t->slot, true);
	return recompute_state(&t->re, &s);
}

static bool turns(const struct homeostat_policy *policy, __u32 id)
{
	for (int i = 0; i < HS_SLOT_NAMES && policy->turns[i]; i++)
		if (policy->turns[i] == id + 1)
			return true;
	return false;
}

/* What was recorded of the knobs, and which vital signs are there. */
static void note_recorded(struct trial *t, const struct hs_decision *d, bool changed[HS_KNOB_NR])
{
	for (__u32 i = 0; i < d->items; i++) {
		const struct hs_decision_item *it = &decision_items(d)[i];

		if (it->kind == HS_DECIDED_VITAL)
			t->in_log[it->id] = true;
		if (it->kind != HS_DECIDED_KNOB)
			continue;
		changed[it->id] |= !t->knob[it->id].known || t->knob[it->id].target != it->c;
		t->knob[it->id].known = true;
		t->knob[it->id].target = it->c;
		t->knob[it->id].cause = it->a & 0xff;
	}
}

/* What the policy said. */
static void note_made(struct trial *t, const struct hs_decision *d, bool changed[HS_KNOB_NR])
{
	bool opinion = false;

	for (__u32 i = 0; i < d->items; i++) {
		const struct hs_decision_item *it = &decision_items(d)[i];

		if (it->kind == HS_DECIDED_SLOT && it->id == t->slot) {
			t->calls += it->a & 1;
			t->shut = it->a >> 8;
		}
		if (it->kind != HS_DECIDED_ANSWER || it->a != t->slot)
			continue;
		opinion = true;
		changed[it->id] |= !t->knob[it->id].ours_known || t->knob[it->id].ours != it->b;
		t->knob[it->id].ours_known = true;
		t->knob[it->id].ours = it->b;
	}
	t->opinions += opinion;
}

static void tell(struct trial *t, __u32 id, __u64 now_ns)
{
	const struct knob_info *k = &knob_infos[id];
	enum unit unit = (enum unit)unit_find(k->unit);
	char theirs[32] = "-", ours[32] = "-";
	struct json_object *row;

	t->changes++;
	if (t->rows) {
		row = js_push_obj(t->rows);
		js_add_u64(row, "time_ns", now_ns);
		js_add_str(row, "knob", k->name);
		js_add_str(row, "unit", k->unit);
		if (t->knob[id].known) {
			js_add_u64(row, "recorded", t->knob[id].target);
			js_add_str(row, "cause", cause_name(t->knob[id].cause));
		}
		js_add_u64(row, "wished", t->knob[id].ours);
		return;
	}
	if (t->changes == 1)
		fprintf(t->cli->out, "%12s  %-32s %14s  %-8s %14s\n", "SECONDS", "KNOB", "RECORDED",
			"BY", "WISHED");
	if (t->knob[id].known)
		unit_format(theirs, sizeof(theirs), t->knob[id].target, unit);
	unit_format(ours, sizeof(ours), t->knob[id].ours, unit);
	fprintf(t->cli->out, "%12.6f  %-32s %14s  %-8s %14s\n",
		(double)(now_ns - t->first_ns) / NS_PER_S, k->name, theirs,
		t->knob[id].known ? cause_name(t->knob[id].cause) : "-", ours);
}

static int take_call(struct trial *t)
{
	const struct hs_decision *d = &t->log.record.call;
	bool changed[HS_KNOB_NR] = {0};
	int err = recompute_call(&t->re, d);

	if (err)
		return err;
	if (!t->first_ns)
		t->first_ns = d->now_ns;
	note_recorded(t, d, changed);
	note_made(t, &t->re.made.call, changed);
	for (__u32 id = 0; id < HS_KNOB_NR; id++)
		if (changed[id] && t->knob[id].ours_known && turns(&t->policy.p.policy, id))
			tell(t, id, d->now_ns);
	return 0;
}

static int all(struct trial *t, char *error, size_t size)
{
	int rc = 0;

	while (!t->shut && (rc = decision_log_next(&t->log, error, size)) > 0) {
		int err;

		err = t->log.record.mark.type == HS_DECISION_STATE ? take_state(t, error, size)
								   : take_call(t);
		if (err == -EBUSY)
			return err;
		if (err) {
			snprintf(error, size, "record %llu could not be computed again: %s",
				 t->log.number, strerror(-err));
			return err;
		}
	}
	return rc < 0 ? rc : 0;
}

static void report(struct trial *t)
{
	const struct homeostat_policy *policy = &t->policy.p.policy;
	struct json_object *o, *absent;
	FILE *f = t->cli->out;

	if (t->rows) {
		o = json_object_new_object();
		js_add_str(o, "policy", policy->name);
		js_add_u64(o, "calls", t->calls);
		js_add_u64(o, "opinions", t->opinions);
		js_add_str(o, "end", slot_end_name(t->shut));
		absent = js_add_array(o, "absent");
		for (int i = 0; i < HS_SLOT_NAMES && policy->reads[i]; i++)
			if (!t->in_log[policy->reads[i] - 1])
				json_object_array_add(absent, json_object_new_string(vital_name(
								      policy->reads[i] - 1U)));
		js_add(o, "changes", json_object_get(t->rows));
		out_json(t->cli, o);
		json_object_put(o);
		return;
	}
	fprintf(f, "policy %s: asked %llu times, %llu with an opinion; %llu changes\n",
		policy->name, t->calls, t->opinions, t->changes);
	if (t->shut)
		fprintf(f, "it was shut out: %s (%s)\n", slot_end_name(t->shut),
			slot_end_infos[t->shut].meaning);
	for (int i = 0; i < HS_SLOT_NAMES && policy->reads[i]; i++)
		if (!t->in_log[policy->reads[i] - 1])
			fprintf(f,
				"%s is not in the log: absent (`homeostat record --all` records "
				"all)\n",
				vital_name(policy->reads[i] - 1U));
}

static int replay(struct trial *t, const char *object)
{
	char error[512] = "";
	int err = decision_log_open(&t->log, fopen(t->path, "re"), error, sizeof(error));

	if (err) {
		cli_error(t->cli, "%s: %s", t->path, error);
		return CLI_FAILED;
	}
	err = recompute_open(&t->re, error, sizeof(error));
	if (err) {
		cli_error(t->cli, "%s", error);
		return err == -EPERM || err == -EACCES ? CLI_REFUSED : CLI_FAILED;
	}
	/* which slot is free is known with the first state */
	err = decision_log_next(&t->log, error, sizeof(error));
	if (err > 0) {
		t->slot = t->log.record.state.config.slot[1].run == HS_SLOT_RUN_ACT ? 0 : 1;
		err = replay_policy_open(&t->policy, &t->re, t->slot, object, error, sizeof(error));
		if (err) {
			cli_error(t->cli, "%s", error);
			return policy_failed(&t->policy.p, err);
		}
		err = take_state(t, error, sizeof(error)) ?: all(t, error, sizeof(error));
	}
	if (err) {
		cli_error(t->cli, "%s: %s", t->path, error);
		return CLI_FAILED;
	}
	report(t);
	return t->shut ? CLI_FINDINGS : CLI_OK;
}

int policy_replay(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv);
	static struct trial t; /* large */

	if (rc || argc != 2)
		return rc ? rc : cli_usage(cli, "policy replay takes an object and a log");
	memset(&t, 0, sizeof(t));
	t.cli = cli;
	t.path = argv[1];
	t.rows = cli->json ? json_object_new_array() : NULL;
	rc = replay(&t, argv[0]);
	json_object_put(t.rows);
	replay_policy_close(&t.policy);
	recompute_close(&t.re);
	decision_log_close(&t.log);
	return rc;
}
