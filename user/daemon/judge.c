// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "json.h"
#include "log.h"
#include "names.h"
#include "units.h"
#include "verbs.h"

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

void judge_set(struct homeostatd *d)
{
	helping_set(&d->judge.helping, &d->policy.profile);
	slo_set(&d->judge.slo);
}

void judge_first(struct homeostatd *d)
{
	struct judge *j = &d->judge;
	char span[32];

	if (helping_first(&j->helping))
		log_info("observing stock for %s before the first arming; `homeostat arm` arms at "
			 "once",
			 unit_format(span, sizeof(span), j->helping.rule.observe_ns, UNIT_NS));
}

bool judge_waits(const struct homeostatd *d)
{
	return d->judge.helping.phase == PHASE_FIRST;
}

bool judge_looks(const struct homeostatd *d)
{
	return d->judge.helping.phase == PHASE_LOOK || d->judge.helping.phase == PHASE_BACK;
}

bool judge_rest(struct homeostatd *d)
{
	return helping_rest(&d->judge.helping);
}

/* ---- orders ---- */

static void arm_again(struct homeostatd *d)
{
	const struct helping *h = &d->judge.helping;
	char why[512];

	if (d->mode != HS_MODE_ACT) {
		judge_rest(d);
		return;
	}
	if (h->phase == PHASE_BACK)
		log_info("stock was looked at: %s; arming again",
			 h->proof ? "it is better; are we worse again?" : "no harm is proved");
	/* refused also where somebody tripped it meanwhile */
	if (!arm(d, why, sizeof(why)))
		return;
	judge_rest(d);
	changes_abort(d, "homeostat could not arm again");
	log_error("not armed: %s", why);
}

/* What we are compared by: the sign in question, for events and the log. */
static void tell_look(struct homeostatd *d, bool done)
{
	const struct helping *h = &d->judge.helping;
	enum helping_sign sign = h->doubt.sign;
	struct hs_event event = {
		.type = HS_EVENT_LOOK,
		.id = done,
		.vital = helping_vital(sign),
		.value = h->doubt.value,
		.to = h->doubt.limit,
	};
	char value[32], limit[32];

	if (!done)
		log_info("leaving for %llu s to look at stock: %s is %s, above %s",
			 h->rule.observe_ns / NS_PER_S, vital_name(event.vital),
			 unit_format(value, sizeof(value), event.value, UNIT_NS),
			 unit_format(limit, sizeof(limit), event.to, UNIT_NS));
	daemon_event(d, &event);
}

static void harm(struct homeostatd *d)
{
	const struct helping_harm *doubt = &d->judge.helping.doubt;
	struct gate_cause cause = {helping_vital(doubt->sign), doubt->value, doubt->limit};
	char value[32], limit[32];

	log_error("harm: %s is %s; after what stock gave just now it should be at most %s",
		  vital_name(cause.vital), unit_format(value, sizeof(value), cause.value, UNIT_NS),
		  unit_format(limit, sizeof(limit), cause.limit, UNIT_NS));
	trip(d, HS_TRIP_HARM, &cause);
}

static void carry_out(struct homeostatd *d, enum helping_order order)
{
	switch (order) {
	case HELPING_LEAVE:
		tell_look(d, false);
		disarm(d, HS_TRIP_NONE);
		break;
	case HELPING_ARM:
		if (d->judge.helping.phase == PHASE_BACK)
			tell_look(d, true);
		arm_again(d);
		break;
	case HELPING_TRIP:
		harm(d);
		break;
	default:
		break;
	}
}

/* ---- looks ---- */

const struct profile_slo *judge_reported(const struct homeostatd *d, const struct slo_state **state)
{
	const struct hs_gate *gate = d->kernel.gate;
	int i = d->judge.slo.missed;

	if (load(&gate->trip_reason) != HS_TRIP_SLO || load(&gate->trip_vital) < HS_VITAL_NR ||
	    i < 0 || i >= (int)d->policy.profile.slo_nr)
		return NULL;
	*state = &d->judge.slo.state[i];
	return &d->policy.profile.slo[i];
}

static void look_slo(struct homeostatd *d)
{
	const struct profile *profile = &d->policy.profile;
	int i = slo_look(&d->judge.slo, profile, d->kernel.vitals, d->armed, d->tick_ns);
	const struct profile_slo *level = &profile->slo[i < 0 ? 0 : i];
	struct gate_cause cause = {level->vital, 0, level->max};

	if (i < 0)
		return;
	cause.value = d->judge.slo.state[i].value;
	log_error("service level missed: %s is %llu, and has been above %llu for %llu s",
		  level->vital < HS_VITAL_NR ? vital_name(level->vital) : level->report,
		  cause.value, cause.limit, level->for_ns / NS_PER_S);
	trip(d, HS_TRIP_SLO, &cause);
}

static void look_helping(struct homeostatd *d)
{
	const struct hs_vital *vitals = d->kernel.vitals;
	struct judge *j = &d->judge;
	struct helping_figure look = {0};
	__u32 cpus = 0;

	for (int i = 0; i < CPU_WORDS; i++)
		cpus += (__u32)__builtin_popcountll(d->topo.online[i]);
	/* unreadable, it is what it was: looks then compare as if load never changed */
	slow_load(&j->load, d->opt.root, cpus);
	look.load.running = j->load.running;
	look.load.busy_permille = j->load.busy_permille;
	look.load.switches_hz = load(&vitals[HS_VITAL_SWITCHES].value);
	for (int s = 0; s < HELPING_SIGNS; s++) {
		const struct hs_vital *vital = &vitals[helping_vital((enum helping_sign)s)];

		look.present[s] = load(&vital->present);
		look.wait_ns[s] = load(&vital->value);
	}
	log_debug("look: armed %d, critical %llu ns (%d), normal %llu ns (%d), running %llu, busy "
		  "%llu, switches %llu, verdict %s",
		  d->armed, look.wait_ns[0], look.present[0], look.wait_ns[1], look.present[1],
		  look.load.running, look.load.busy_permille, look.load.switches_hz,
		  helping_verdicts[j->helping.verdict].name);
	carry_out(d, helping_look(&j->helping, &look, d->armed, d->tick_ns));
}

void judge_tick(struct homeostatd *d)
{
	struct judge *j = &d->judge;
	int err;

	look_slo(d);
	if (d->certified.on) /* stock is not looked at, and limits are those of the profile */
		return;
	look_helping(d);
	if (d->armed)
		return; /* limits are not moved under the feet of who acts by them */
	err = policy_limits(&d->policy, &d->kernel,
			    helping_stock(&j->helping, HELPING_CRITICAL, d->tick_ns),
			    helping_stock(&j->helping, HELPING_NORMAL, d->tick_ns));
	if (err)
		log_warn("limits: writing them to the kernel maps: %s", strerror(-err));
}

/* ---- verb and status ---- */

int verb_report(struct call *call)
{
	struct homeostatd *d = call->d;
	struct slo_figure figure = {
		.name = js_str(call->request, "name"),
		.uid = call->peer->uid,
		.pid = call->peer->pid,
	};
	int err;

	if (js_get_u64(call->request, "value", &figure.value)) {
		snprintf(call->error, sizeof(call->error),
			 "value is missing or no whole number from 0 up");
		return -EINVAL;
	}
	err = slo_report(&d->judge.slo, &d->policy.profile, &figure, clock_ns());
	if (err == -ENOENT)
		snprintf(call->error, sizeof(call->error),
			 "profile %s has no service level for a report '%.32s'",
			 d->policy.profile.name, figure.name);
	if (err == -EBUSY)
		snprintf(call->error, sizeof(call->error),
			 "another user reports '%.32s'; theirs it is until it has been absent for "
			 "%llu s",
			 figure.name, SLO_FRESH_NS / NS_PER_S);
	if (err > 0)
		log_info("report %s, first by uid %u, pid %d: %llu", figure.name, figure.uid,
			 figure.pid, figure.value);
	return err < 0 ? err : 0;
}

static void json_load(struct json_object *obj, const struct helping_load *load_)
{
	js_add_u64(obj, "bucket", (__u64)helping_bucket(load_));
	js_add_u64(obj, "running", load_->running);
	js_add_u64(obj, "busy_permille", load_->busy_permille);
	js_add_u64(obj, "switches_hz", load_->switches_hz);
}

static void json_helping(const struct helping *h, struct json_object *obj, __u64 now)
{
	struct json_object *rows;

	js_add_str(obj, "verdict", helping_verdicts[h->verdict].name);
	js_add_str(obj, "meaning", helping_verdicts[h->verdict].meaning);
	js_add_bool(obj, "first", h->phase == PHASE_FIRST);
	js_add_u64(obj, "margin_permille", h->rule.margin_permille);
	js_add_u64(obj, "looks", h->looks);
	js_add_u64(obj, "acquitted", h->acquitted);
	js_add_u64(obj, "undecided", h->undecided);
	js_add_u64(obj, "look_next_ns", h->look_next_ns > now ? h->look_next_ns - now : 0);
	if (!h->judged)
		return;
	json_load(js_add_obj(obj, "load"), &h->ours.load);
	if (h->against >= 0) {
		const struct helping_baseline *base = &h->base[h->against];

		js_add_u64(obj, "baseline_bucket", (__u64)h->against);
		js_add_u64(obj, "baseline_age_ns", now > base->at_ns ? now - base->at_ns : 0);
	}
	rows = js_add_array(obj, "vitals");
	for (int s = 0; s < HELPING_SIGNS; s++) {
		__u64 stock = helping_against(h, (enum helping_sign)s);
		struct json_object *row;

		if (!h->ours.present[s])
			continue;
		row = js_push_obj(rows);
		js_add_str(row, "name", vital_name(helping_vital((enum helping_sign)s)));
		js_add_str(row, "unit", "ns");
		js_add_u64(row, "value", h->ours.wait_ns[s]);
		if (!stock)
			continue;
		js_add_u64(row, "baseline", stock);
		js_add_u64(row, "ratio_permille", h->ours.wait_ns[s] * 1000 / stock);
		js_add_u64(row, "limit", helping_limit(h, stock, (enum helping_sign)s));
	}
}

static void json_slo(const struct homeostatd *d, struct json_object *array, __u64 now)
{
	const struct profile *profile = &d->policy.profile;

	for (__u32 i = 0; i < profile->slo_nr; i++) {
		const struct profile_slo *level = &profile->slo[i];
		const struct slo_state *state = &d->judge.slo.state[i];
		struct json_object *row = js_push_obj(array);
		bool vital = level->vital < HS_VITAL_NR;

		js_add_str(row, "name", vital ? vital_name(level->vital) : level->report);
		js_add_str(row, "unit", vital ? vital_infos[level->vital].unit : "count");
		js_add_bool(row, "reported", !vital);
		js_add_bool(row, "present", state->present);
		if (state->present)
			js_add_u64(row, "value", state->value);
		if (state->present && !vital) {
			js_add_u64(row, "uid", state->uid);
			js_add_u64(row, "pid", (__u64)state->pid);
		}
		js_add_u64(row, "max", level->max);
		js_add_u64(row, "for_ns", level->for_ns);
		js_add_u64(row, "above_ns",
			   state->above_ns && now > state->above_ns ? now - state->above_ns : 0);
	}
}

static void json_limits(const struct policy *p, struct json_object *array)
{
	const struct profile *profile = &p->profile;

	for (__u32 i = 0; i < profile->config.limits_nr; i++) {
		const struct hs_limit *limit = &profile->config.limit[i];
		struct json_object *row = js_push_obj(array);

		js_add_str(row, "name", vital_name(limit->vital));
		js_add_str(row, "unit", vital_infos[limit->vital].unit);
		js_add_u64(row, "max", limit->max);
		js_add_u64(row, "windows", limit->windows);
		if (profile->limit_times[i])
			js_add_u64(row, "times", profile->limit_times[i]);
		js_add_u64(row, "in_force", policy_limit(p, profile, i));
	}
}

void judge_json(const struct homeostatd *d, struct json_object *reply)
{
	__u64 now = clock_ns();

	json_helping(&d->judge.helping, js_add_obj(reply, "helping"), now);
	json_slo(d, js_add_array(reply, "slo"), now);
	json_limits(&d->policy, js_add_array(reply, "limits"));
}
