// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "sensing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "pmu.h"
#include "slow.h"

#define STOP_MS 100 /* it has nothing to finish; one that hangs is not waited for */

_Static_assert(SENSE_SENSORS <= 32, "`asked` has 32 bits");

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static void without(struct sensing *s, const char *how)
{
	snprintf(s->why, sizeof(s->why),
		 "homeostat-sense %s: slow vital signs of the machine are absent until homeostatd "
		 "is restarted",
		 how);
	s->asked = 0;
	s->hangs = false;
}

void sensing_open(struct sensing *s)
{
	*s = (struct sensing){.clock = clock_ns};
	for (__u32 i = 0; i < SENSE_SENSORS; i++)
		s->turn[i].interval_ns = sense_sensors[i].period_s * NS_PER_S;
}

int sensing_start(struct sensing *s, const char *root)
{
	char how[64];
	int err;

	sensing_open(s);
	err = child_start(&s->child, &sense_role, -1, (void *)root);
	if (err) {
		snprintf(how, sizeof(how), "could not be started (%s)", strerror(-err));
		without(s, how);
	}
	return err;
}

static void lose(struct sensing *s, const char *how)
{
	child_lose(&s->child);
	without(s, how);
	log_error("%s", s->why);
}

/* ---- what is stale, and what is due ---- */

/* The sensor that it is at, or waits for. */
static const char *at(const struct sensing *s)
{
	return sense_sensors[__builtin_ctz(s->asked)].name;
}

static void look(struct sensing *s, __u64 now_ns)
{
	if (!s->asked || s->hangs || now_ns < s->asked_ns + SENSING_HANG_NS)
		return;
	s->hangs = true;
	log_warn("homeostat-sense hangs in sensor %s: slow vital signs of the machine become "
		 "absent one after the other until it goes on",
		 at(s));
}

static void age(struct sensing *s, __u32 sensor, struct hs_vital *vitals, __u64 now_ns,
		sensing_stale stale, void *ctx)
{
	const struct slow_sensor *row = &sense_sensors[sensor];
	__u64 limit = least(3 * s->turn[sensor].interval_ns, SENSING_STALE_NS), oldest = 0;

	for (__u32 id = row->first; id <= row->last; id++) {
		struct hs_vital *v = &vitals[id];
		__u64 age_ns = now_ns > v->updated_ns ? now_ns - v->updated_ns : 0;

		if (!v->present || age_ns <= limit)
			continue;
		slow_absent(v);
		oldest = age_ns > oldest ? age_ns : oldest;
		if (stale)
			stale(ctx, id, age_ns);
	}
	if (oldest && !s->hangs && !s->why[0])
		log_warn("sensor %s has had no news for %llu s: its vital signs are absent",
			 row->name, oldest / NS_PER_S);
}

static void ask(struct sensing *s, __u32 sensors, const struct pmu *pmu, __u64 now_ns)
{
	struct sense_request q = {
		.sensors = sensors, .whole = pmu->whole, .instructions = pmu->user_instructions};

	/* the last one was answered: there is room */
	if (send(s->child.fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(q)) {
		lose(s, "is dead");
		return;
	}
	s->asked = sensors;
	s->asked_ns = s->tick_ns = now_ns;
}

void sensing_tick(struct sensing *s, struct hs_vital *vitals, const struct pmu *pmu, __u64 now_ns,
		  sensing_stale stale, void *ctx)
{
	__u32 due = 0;

	child_reap(&s->child);
	look(s, now_ns);
	for (__u32 i = 0; i < SENSE_SENSORS; i++) {
		age(s, i, vitals, now_ns, stale, ctx);
		due |= (__u32)(now_ns >= s->turn[i].due_ns) << i;
	}
	if (s->child.pid && due && !s->asked)
		ask(s, due, pmu, now_ns);
}

/* ---- what it says ---- */

/* Nothing that it says is believed but what it alone can know: the values. */
static bool reading_ok(const struct sensing *s, const struct sense_reading *r, ssize_t size,
		       __u64 now_ns)
{
	const struct slow_sensor *row;

	if (size != (ssize_t)sizeof(*r) || r->sensor >= SENSE_SENSORS ||
	    !(s->asked >> r->sensor & 1))
		return false;
	row = &sense_sensors[r->sensor];
	return r->err <= 0 && !(r->present >> (row->last + 1 - row->first)) &&
	       !(r->estimated & ~r->present) && r->measured_ns >= s->tick_ns &&
	       r->measured_ns <= now_ns && r->took_ns <= now_ns - r->measured_ns;
}

static void take(struct sensing *s, struct hs_vital *vitals, const struct sense_reading *r,
		 __u64 now_ns)
{
	const struct slow_sensor *row = &sense_sensors[r->sensor];
	struct sensing_turn *turn = &s->turn[r->sensor];
	__u64 period = row->period_s * NS_PER_S;

	for (__u32 id = row->first; !r->err && id <= row->last; id++) {
		__u32 i = id - row->first;

		if (!(r->present >> i & 1)) {
			slow_absent(&vitals[id]);
			continue;
		}
		__atomic_store_n(&vitals[id].estimated, r->estimated >> i & 1, __ATOMIC_RELAXED);
		slow_enter(&vitals[id], r->value[i], r->measured_ns);
	}
	/* before the product, which has an end */
	turn->interval_ns = least(r->took_ns, SENSING_STALE_NS) * SENSING_SHARE;
	turn->interval_ns = least(turn->interval_ns, SENSING_STALE_NS / 3);
	if (turn->interval_ns > period)
		log_debug("sensor %s took %llu us", row->name, r->took_ns / NS_PER_US);
	else
		turn->interval_ns = period;
	/* half a second early: this one was read some time after the tick, the next one may not be */
	turn->due_ns = s->tick_ns + turn->interval_ns - NS_PER_S / 2;
	s->asked &= ~(1U << r->sensor);
	s->asked_ns = now_ns;
	if (s->hangs)
		log_info("homeostat-sense goes on");
	s->hangs = false;
}

void sensing_hear(struct sensing *s, struct hs_vital *vitals)
{
	struct sense_reading r;
	__u64 now_ns;
	ssize_t n;

	/* no more readings than were asked for */
	while (s->child.pid) {
		n = recv(s->child.fd, &r, sizeof(r), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		now_ns = s->clock(); /* after it was sent */
		if (n <= 0)
			lose(s, "is dead");
		else if (!reading_ok(s, &r, n, now_ns))
			lose(s, "does not make sense any more");
		else
			take(s, vitals, &r, now_ns);
	}
}

void sensing_move(const struct sensing *s, const cpu_set_t *cpus)
{
	if (s->child.pid && sched_setaffinity(s->child.pid, sizeof(*cpus), cpus))
		log_warn("homeostat-sense stays on the CPUs where it is: %s", strerror(errno));
}

void sensing_json(const struct sensing *s, struct json_object *reply, __u64 now_ns)
{
	struct json_object *part = js_add_obj(reply, "sensing");
	char why[sizeof(s->why)];

	snprintf(why, sizeof(why), "%s", s->why);
	if (s->hangs)
		snprintf(why, sizeof(why), "homeostat-sense hangs in sensor %s, for %llu s", at(s),
			 (now_ns - s->asked_ns) / NS_PER_S);
	js_add_str(part, "state", s->why[0] ? "none" : s->hangs ? "hangs" : "reads");
	js_add_str(part, "why", why);
}

void sensing_stop(struct sensing *s)
{
	child_stop(&s->child, STOP_MS);
}
