// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "aftermath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "gate.h"
#include "guard_link.h"
#include "json.h"
#include "log.h"
#include "names.h"
#include "private_file.h"
#include "statedir.h"
#include "units.h"
#include "version.h"

#define LAST_EVENTS 256 /* taken from the ring before the record is made */

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

static const struct profile_trip *policy_of(const struct homeostatd *d)
{
	return &d->policy.profile.trip;
}

static struct breaker_verdict verdict_of(const struct homeostatd *d, __u64 now)
{
	return breaker_decide(d->after.breaker, policy_of(d), now);
}

static __u64 wall_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (__u64)ts.tv_sec * NS_PER_S + (__u64)ts.tv_nsec;
}

/* ---- what is known ---- */

/* Of the daemon as it is now; a trip adds to it. */
static void describe(const struct homeostatd *d, struct recorder_trip *t, __u64 now)
{
	const struct hs_gate *gate = d->kernel.gate;

	memset(t, 0, sizeof(*t));
	t->trip_ns = t->seen_ns = now;
	t->wall_ns = wall_now_ns();
	t->heartbeat_ns = load(&gate->heartbeat_ns);
	t->heartbeat_limit_ns = load(&d->heartbeat.limit_ns);
	t->events_lost = load(&gate->events_lost);
	t->profile_hash = recorder_hash(d->policy.profile.text);
	t->vital = HS_VITAL_NR;
	t->mode = d->mode;
	t->generation = load(&gate->generation);
	memcpy(t->profile, d->policy.profile.name, sizeof(t->profile));
	snprintf(t->version, sizeof(t->version), "%s", HS_VERSION);
}

/*
 * The last heartbeat before the trip: one that was stopped, and goes on, has beaten since, but the pulse
 * left it in the event. 0 = not known.
 */
static __u64 last_heartbeat(const struct homeostatd *d, __u64 trip_ns)
{
	const struct hs_event *e;
	__u64 beat = load(&d->kernel.gate->heartbeat_ns);

	for (__u64 age = 0; beat > trip_ns && (e = event_log_newest(&d->events, age)); age++) {
		if (e->type == HS_EVENT_TRIP)
			beat = e->from;
	}
	return beat > trip_ns ? 0 : beat;
}

/* The gate has no room for an application's figure, nor for who reported it. */
static void name_report(const struct homeostatd *d, struct recorder_trip *t)
{
	const struct slo_state *state;
	const struct profile_slo *level = judge_reported(d, &state);

	if (!level)
		return;
	memcpy(t->report, level->report, sizeof(t->report));
	t->report_uid = state->uid;
	t->report_pid = state->pid;
}

static void describe_trip(const struct homeostatd *d, struct recorder_trip *t, __u64 now)
{
	const struct hs_gate *gate = d->kernel.gate;
	__u64 at = load(&gate->trip_ns);

	describe(d, t, now);
	t->reason = load(&gate->trip_reason);
	if (at && at <= now) {
		t->trip_ns = at;
		t->wall_ns -= now - at;
	}
	t->heartbeat_ns = last_heartbeat(d, t->trip_ns);
	/* of an earlier time where no decision has been taken since */
	if (load(&gate->safe_ns) >= t->trip_ns)
		t->safe_ns = load(&gate->safe_ns);
	t->off_ns = load(&gate->off_ns); /* our scheduler is detached: of the last task */
	if (t->reason == HS_TRIP_PROGRESS) {
		t->stall_ns = load(&d->heartbeat.stall_ns);
		t->no_cpu_ns = load(&d->heartbeat.no_cpu_ns);
	}
	if (d->kernel.exit && load(&d->kernel.exit->kind))
		t->exit = *d->kernel.exit;
	if (t->reason == HS_TRIP_LIMIT || t->reason == HS_TRIP_SLO || t->reason == HS_TRIP_HARM) {
		t->vital = load(&gate->trip_vital);
		t->value = load(&gate->trip_value);
		t->limit = load(&gate->trip_limit);
		name_report(d, t);
	}
}

void aftermath_undone(struct homeostatd *d, const struct undo_entry *entry,
		      enum undo_outcome outcome)
{
	struct recorder_undone *u = &d->after.undone;
	__u32 i = u->nr++;

	if (i >= RECORDER_UNDONE)
		return;
	u->entry[i].outcome = outcome;
	snprintf(u->entry[i].path, sizeof(u->entry[i].path), "%s", entry->path);
	snprintf(u->entry[i].old, sizeof(u->entry[i].old), "%.59s", entry->old);
}

static void take_undone(struct aftermath *a, struct recorder_trip *t)
{
	t->undone = a->undone;
	memset(&a->undone, 0, sizeof(a->undone));
}

/* ---- start and end ---- */

/* What the guard found in the gate: a trip that the dead one did not live to tell of. Else it just died. */
static void add_untold(const struct homeostatd *d, struct recorder_trip *t, __u64 now)
{
	const struct undo_trip *u = d->undo.table ? &d->undo.table->trip : NULL;

	t->reason = HS_TRIP_DIED;
	t->vital = HS_VITAL_NR;
	if (!u || !u->trip_ns || u->trip_ns > now || u->reason >= HS_TRIP_NR)
		return;
	t->reason = u->reason;
	t->wall_ns += u->trip_ns - t->trip_ns;
	t->trip_ns = u->trip_ns;
	t->vital = u->vital < HS_VITAL_NR ? u->vital : HS_VITAL_NR;
	t->value = u->value;
	t->limit = u->limit;
}

/* The breaker's mark was found at the start: from the last sample on, little is known. */
static void last_one_died(struct homeostatd *d, const struct profile_trip *policy)
{
	struct aftermath *a = &d->after;
	struct recorder *r = a->recorder;
	struct recorder_trip t = r->running;
	struct breaker_verdict v;
	__u64 now = clock_ns();

	a->died_ns = now;
	if (!t.trip_ns || t.trip_ns > now) {
		t = (struct recorder_trip){.trip_ns = now, .wall_ns = wall_now_ns()};
		snprintf(t.version, sizeof(t.version), "%s", HS_VERSION);
	}
	add_untold(d, &t, now);
	breaker_trip(a->breaker, policy, t.reason, now);
	breaker_acting(a->breaker, false);
	v = breaker_decide(a->breaker, policy, now);
	t.seen_ns = now;
	t.trips = v.trips;
	t.held = v.state == BREAKER_HELD;
	t.rearm_in_ns = v.state == BREAKER_WAITING ? v.at_ns - now : 0;
	take_undone(a, &t);
	recorder_trip(r, &t);
	log_error("the last homeostatd died while it acted; that counts as a trip, reason %s",
		  trip_name(t.reason));
}

static void forget_untold(struct homeostatd *d)
{
	if (d->undo.table)
		memset(&d->undo.table->trip, 0, sizeof(d->undo.table->trip));
}

/* Where records go; negative errno after a warning: nowhere. */
static int open_records(const char *state)
{
	char why[160], name[] = INCIDENTS_DIR;
	int state_fd, fd;

	fd = state_fd = private_dir(AT_FDCWD, state, 0700, why, sizeof(why));
	if (state_fd >= 0) {
		fd = private_dir(state_fd, name, 0700, why, sizeof(why));
		close(state_fd);
	}
	if (fd >= 0 && faccessat(fd, ".", W_OK, AT_EACCESS)) {
		snprintf(why, sizeof(why), "%s", strerror(errno));
		close(fd);
		fd = -EACCES;
	}
	if (fd < 0)
		log_warn("state directory %s: %s. There will be no incident records; all else "
			 "works as ever",
			 state, why);
	return fd;
}

int aftermath_open(struct homeostatd *d, int run_fd)
{
	struct aftermath *a = &d->after;
	int err;

	err = breaker_open(&a->breaker, run_fd, d->opt.root);
	if (!err)
		err = recorder_open(&a->recorder, run_fd, d->opt.root);
	if (err)
		log_error("memory of the stall-loop breaker and flight recorder: %s",
			  strerror(-err));
	return err;
}

void aftermath_begin(struct homeostatd *d, const struct profile_trip *policy)
{
	struct aftermath *a = &d->after;
	int fd, err;

	if (a->breaker->acting)
		last_one_died(d, policy);
	memset(&a->undone, 0,
	       sizeof(a->undone)); /* of a death that was no trip: of no later one either */
	forget_untold(d);
	fd = open_records(d->opt.state);
	if (fd < 0)
		return;
	err = scribe_start(&a->scribe, a->recorder, fd);
	close(fd);
	if (err)
		log_warn("the writer of incident records: %s; there will be none", strerror(-err));
}

void aftermath_asked(struct homeostatd *d)
{
	if (d->after.breaker)
		breaker_rest(d->after.breaker);
}

void aftermath_close(struct homeostatd *d)
{
	struct aftermath *a = &d->after;

	scribe_stop(&a->scribe);
	breaker_close(a->breaker);
	recorder_close(a->recorder);
	a->breaker = NULL;
	a->recorder = NULL;
}

/* ---- arming and tripping ---- */

void aftermath_arming(struct homeostatd *d)
{
	struct aftermath *a = &d->after;

	if (!a->breaker)
		return;
	a->due = false;
	describe(d, &a->recorder->running, clock_ns());
	a->recorder->running.generation++; /* the one to come */
	forget_untold(d);
	if (d->undo.table) /* where nobody was there to run it, it is not run for an old trip */
		d->undo.table->hook_due = 0;
	breaker_acting(a->breaker, true);
}

void aftermath_disarmed(struct homeostatd *d)
{
	if (d->after.breaker)
		breaker_acting(d->after.breaker, false);
}

/* A person tripped it, be it while it was shut. */
static bool tripped_by_hand(struct homeostatd *d)
{
	__u32 by_hand = __atomic_load_n(&d->kernel.gate->by_hand, __ATOMIC_SEQ_CST);

	if (by_hand == d->after.by_hand)
		return false;
	d->after.by_hand = by_hand;
	aftermath_latch(d);
	return true;
}

/* The guard's restorer runs it: we may not, and would wait for it. */
static void run_hook(struct homeostatd *d, const struct recorder_trip *t)
{
	char text[UNDO_REASON_LEN];
	int err;

	if (!d->undo.table)
		return;
	snprintf(text, sizeof(text), "%s", trip_name(t->reason));
	undo_set_reason(d->undo.table, text);
	err = guard_tripped(d->opt.guard_fd);
	if (err && (err != -ENOTCONN || policy_of(d)->hook[0]))
		log_warn("the hook was not run: %s",
			 err == -ENOTCONN ? "there is no guard to do it" : strerror(-err));
}

void aftermath_profile(struct homeostatd *d)
{
	const struct profile_trip *policy = policy_of(d);
	char warning[PROFILE_WARNING_LEN];

	if (profile_warning(&d->policy.profile, warning, sizeof(warning)))
		log_warn("%s", warning);
	/* no longer than a path may be here: the profile has seen to that */
	if (d->undo.table)
		undo_set_hook(d->undo.table, policy->hook,
			      (__u32)(policy->hook_limit_ns / NS_PER_MS));
}

void aftermath_tripped(struct homeostatd *d)
{
	struct aftermath *a = &d->after;
	struct breaker_verdict v;
	struct recorder_trip t;
	__u64 now;
	int err;

	if (!a->breaker)
		return;
	/* the last of what led to it, the trip itself perhaps */
	kernel_events(&d->kernel, LAST_EVENTS);
	now = clock_ns();
	describe_trip(d, &t, now);
	breaker_trip(a->breaker, policy_of(d), t.reason, t.trip_ns);
	tripped_by_hand(d);
	v = verdict_of(d, now);
	a->due = v.state == BREAKER_WAITING || v.state == BREAKER_FREE;
	a->retry_ns = 0;
	t.trips = v.trips;
	t.held = v.state == BREAKER_HELD;
	t.rearm_in_ns = v.state == BREAKER_WAITING ? v.at_ns - now : 0;
	recorder_sample(a->recorder, d->kernel.vitals, d->kernel.knobs, 0, now);
	take_undone(a, &t);
	recorder_trip(a->recorder, &t);
	breaker_acting(a->breaker, false);
	err = scribe_wake(&a->scribe);
	if (err && err != -ECHILD)
		log_warn("the writer of incident records is gone (%s): no record of this trip",
			 strerror(-err));
	run_hook(d, &t);
}

void aftermath_not_armed(struct homeostatd *d)
{
	__u32 reason = load(&d->kernel.gate->trip_reason);

	if (reason == HS_TRIP_NONE || reason == HS_TRIP_OPERATOR)
		aftermath_disarmed(d);
	else
		aftermath_tripped(d);
}

void aftermath_latch(struct homeostatd *d)
{
	d->after.due = false;
	if (d->after.breaker)
		d->after.breaker->latched = 1;
}

void aftermath_by_hand(struct homeostatd *d, bool also_held)
{
	struct aftermath *a = &d->after;

	a->by_hand = __atomic_load_n(&d->kernel.gate->by_hand, __ATOMIC_SEQ_CST);
	if (a->breaker && (also_held || !a->breaker->held))
		breaker_forgive(a->breaker);
}

int aftermath_refuse(struct homeostatd *d, char *why, size_t size)
{
	struct aftermath *a = &d->after;
	struct breaker_verdict v;

	if (!a->breaker)
		return 0;
	tripped_by_hand(d);
	v = verdict_of(d, clock_ns());
	if (v.state == BREAKER_FREE)
		return 0;
	a->due = v.state == BREAKER_WAITING;
	aftermath_text(d, why, size);
	return v.state == BREAKER_WAITING ? -EAGAIN : -EPERM;
}

static void rearm(struct homeostatd *d, __u64 now)
{
	struct aftermath *a = &d->after;
	char why[256];

	if (!a->due || d->mode != HS_MODE_ACT || now < a->retry_ns ||
	    verdict_of(d, now).state != BREAKER_FREE)
		return;
	log_info("arming again of its own accord, trips so far: %u", verdict_of(d, now).trips);
	if (!arm(d, why, sizeof(why)))
		return;
	log_warn("not armed again: %s", why);
	a->due = policy_of(d)->rearm_ns && !a->breaker->latched;
	a->retry_ns = now + policy_of(d)->rearm_ns;
}

void aftermath_tick(struct homeostatd *d)
{
	struct aftermath *a = &d->after;
	__u64 now = clock_ns();

	if (!a->breaker)
		return;
	if (child_lost(&a->scribe))
		log_warn("the writer of incident records has died: there will be none until "
			 "homeostatd is restarted");
	recorder_sample(a->recorder, d->kernel.vitals, d->kernel.knobs,
			load(&d->kernel.gate->armed), now);
	if (d->armed) {
		describe(d, &a->recorder->running, now);
		return;
	}
	if (tripped_by_hand(d))
		log_info("tripped by hand while shut: only `homeostat arm` arms again");
	rearm(d, now);
}

/* ---- words ---- */

const char *aftermath_text(struct homeostatd *d, char *buf, size_t size)
{
	const struct profile_trip *policy = policy_of(d);
	struct breaker_verdict v;
	char in[32], window[32];
	__u64 now = clock_ns();

	buf[0] = '\0';
	if (!d->after.breaker)
		return buf;
	v = verdict_of(d, now);
	unit_format(window, sizeof(window), policy->window_ns, UNIT_NS);
	switch (v.state) {
	case BREAKER_HELD:
		snprintf(buf, size,
			 "held at stock after %u trips within %s (last: %s); see `homeostat "
			 "incident`, then `homeostat arm`",
			 v.trips, window, trip_name(d->after.breaker->last));
		break;
	case BREAKER_WAITING:
		snprintf(buf, size,
			 "trip %u of %u within %s (%s): it arms again in %s, `homeostat arm` at "
			 "once",
			 v.trips, policy->trips, window, trip_name(d->after.breaker->last),
			 unit_format(in, sizeof(in), v.at_ns - now, UNIT_NS));
		break;
	case BREAKER_BY_HAND:
		snprintf(buf, size, "`homeostat arm` arms again");
		break;
	case BREAKER_FREE:
		if (d->after.due)
			snprintf(buf, size, "it arms again as soon as nothing speaks against it");
		break;
	}
	return buf;
}

static void status_rearm(struct homeostatd *d, struct json_object *reply)
{
	struct breaker_verdict v;
	struct json_object *rearm;
	__u64 now = clock_ns();
	char why[256];

	v = verdict_of(d, now);
	if (d->armed || (v.state == BREAKER_FREE && !d->after.due) ||
	    (v.state == BREAKER_BY_HAND && d->mode != HS_MODE_ACT)) {
		json_object_object_add(reply, "rearm", NULL); /* null: nothing to wait for */
		return;
	}
	rearm = js_add_obj(reply, "rearm");
	js_add_str(rearm, "state", breaker_state_name(v.state));
	if (v.state == BREAKER_WAITING)
		js_add_u64(rearm, "in_ns", v.at_ns - now);
	js_add_u64(rearm, "trips", v.trips);
	js_add_bool(rearm, "held", v.state == BREAKER_HELD);
	js_add_str(rearm, "why", aftermath_text(d, why, sizeof(why)));
}

void aftermath_status(struct homeostatd *d, struct json_object *reply)
{
	const struct aftermath *a = &d->after;
	struct json_object *part;

	if (!a->breaker)
		return;
	status_rearm(d, reply);
	part = js_add_obj(reply, "incidents");
	js_add_bool(part, "recorded", a->scribe.pid > 0);
	js_add_u64(part, "trips", a->recorder->trips);
	js_add_u64(part, "written", load(&a->recorder->written) - load(&a->recorder->failed));
	js_add_u64(part, "failed", load(&a->recorder->failed));
}
