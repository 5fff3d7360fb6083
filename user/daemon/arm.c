// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Arming and disarming. The order matters. Arming: gate open and lease fresh first, then the
 * scheduler, because a scheduler that finds the gate shut asks the kernel at once to let it go.
 * Disarming: gate first, so that stock rules hold from the next decision on, then the scheduler.
 * Where the kernel cannot run our scheduler, it is left out, and the rest is armed if the profile has use for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroups.h"
#include "clock.h"
#include "daemon.h"
#include "gate.h"
#include "log.h"
#include "names.h"
#include "parse.h"
#include "units.h"

#define PATIENCE_NS (3 * NS_PER_S) /* arming may take that long before it counts as a stall */
#define LEASE_WAIT_NS (1 * NS_PER_S)
#define LIMITS_TICKS 60 /* how often, in ticks, the cgroup tree is looked at again while armed */

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* Name of the sched_ext scheduler that the kernel runs, "" for none. */
static void running_scheduler(const char *root, char *name, size_t size)
{
	char state[32];

	name[0] = '\0';
	if (read_file(root, "/sys/kernel/sched_ext/state", state, sizeof(state)) <= 0 ||
	    !strcmp(state, "disabled"))
		return;
	if (read_file(root, "/sys/kernel/sched_ext/root/ops", name, size) <= 0)
		snprintf(name, size, "%s", state);
}

/* Can our scheduler run here? */
static bool schedules(const struct homeostatd *d)
{
	return d->kernel.family[FAMILY_SCHED].state != FAMILY_UNAVAILABLE;
}

/* What there is to arm: our scheduler, or what the profile wants done with packets or connections, as far as this kernel can. */
static int refuse_idle(const struct homeostatd *d, char *why, size_t size)
{
	const struct profile *profile = &d->policy.profile;
	const struct family *f = d->kernel.family;
	bool packets = f[FAMILY_XDP].state != FAMILY_UNAVAILABLE ||
		       f[FAMILY_TC].state != FAMILY_UNAVAILABLE;

	bool steers = f[FAMILY_STEER].state != FAMILY_UNAVAILABLE && profile_steers(profile);

	if (schedules(d) ||
	    (packets && profile->interface_nr &&
	     (profile->flow_nr || profile->recognise || steers)) ||
	    (f[FAMILY_SOCKOPS].state != FAMILY_UNAVAILABLE &&
	     (profile_takes_tcp(profile) || profile_critical_tcp(profile))))
		return 0;
	snprintf(why, size,
		 "nothing to arm: %.200s, and the profile has no flows that could be seen to "
		 "without a scheduler",
		 f[FAMILY_SCHED].why);
	return -EOPNOTSUPP;
}

/* What speaks against our scheduler. */
static int refuse_scheduler(struct homeostatd *d, char *why, size_t size)
{
	char name[64];
	int found;

	running_scheduler(d->opt.root, name, sizeof(name));
	if (name[0]) {
		snprintf(why, size, "another sched_ext scheduler is loaded (%s); stop it first",
			 name);
		return -EBUSY;
	}
	found = cgroups_limited(d->opt.root, why, size, daemon_progress, d);
	if (found < 0)
		snprintf(why, size, "looking for cgroup limits: %s", strerror(-found));
	return found > 0 ? -EBUSY : found;
}

static int refuse(struct homeostatd *d, char *why, size_t size)
{
	const struct family *pulse = &d->kernel.family[FAMILY_PULSE];
	int err;

	if (d->mode != HS_MODE_ACT) {
		snprintf(why, size, "mode is %s; only act arms (homeostat mode act)",
			 mode_name(d->mode));
		return -EPERM;
	}
	if (pulse->state != FAMILY_ON) {
		snprintf(why, size, "the pulse does not run: %.200s", pulse->why);
		return -EOPNOTSUPP;
	}
	err = refuse_idle(d, why, size);
	if (!err)
		err = aftermath_refuse(d, why, size);
	if (!err && schedules(d))
		err = refuse_scheduler(d, why, size);
	return err;
}

/* The pulse beats at once when asked to; one beat with the gate open renews the lease. */
static int wait_for_lease(struct homeostatd *d, __u64 before)
{
	__u64 end = clock_ns() + LEASE_WAIT_NS;
	int err = kernel_pulse(&d->kernel);

	if (err)
		return err;
	while (load(&d->kernel.gate->lease_jiffies) == before) {
		struct timespec ts = clock_timespec(100 * NS_PER_US);

		if (clock_ns() > end)
			return -ETIMEDOUT;
		if (!load(&d->kernel.gate->armed))
			return -ECANCELED;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	return 0;
}

/* The kernel gives a number only; its log says more, and so can we for the one usual case. */
static void explain_attach(const struct homeostatd *d, int err, char *why, size_t size)
{
	static const __u64 none[CPU_WORDS];

	if (err == -EINVAL && memcmp(d->topo.isolcpus, none, sizeof(none)))
		snprintf(why, size,
			 "this kernel has no sched_ext beside isolcpus=; isolate with cpuset "
			 "partitions and nohz_full= instead");
	else
		snprintf(why, size, "%.200s; the kernel log may say why",
			 d->kernel.family[FAMILY_SCHED].why);
}

/* The sensor rests while ops.running feeds the same histograms. */
static void back_to_sensor(struct homeostatd *d)
{
	int err;

	kernel_detach_sched(&d->kernel);
	d->armed = false;
	err = kernel_attach_sense(&d->kernel);
	if (err && err != -EOPNOTSUPP)
		log_error("run-queue sensor: attaching it again: %s; vital signs stay absent until "
			  "homeostatd is restarted",
			  strerror(-err));
	kernel_pulse(&d->kernel);
}

/*
 * A driver may have to start its queues anew, others may hold the lock that this takes, for each interface; a congestion
 * control that goes waits for RCU, a tracepoint for that and for the patching of kernel text; the thread of a
 * queue has to run once on its CPU.
 */
static void slow_driver(void *ctx)
{
	struct homeostatd *d = ctx;

	heartbeat_patience(&d->heartbeat, PATIENCE_NS);
}

void arm_interfaces(struct homeostatd *d, bool retry)
{
	bool wanted = d->armed || (d->mode == HS_MODE_ACT && judge_looks(d));
	__u64 patience_ns = load(&d->heartbeat.patience_ns); /* of the caller */

	d->net.slow = slow_driver;
	d->net.ctx = d;
	d->connections.slow = slow_driver;
	d->connections.ctx = d;
	d->steer.slow = slow_driver;
	d->steer.ctx = d;
	if (wanted) /* who hands over finds queues to hand to */
		steer_follow(&d->steer, &d->kernel, &d->policy, &d->topo, true);
	net_follow(&d->net, &d->kernel, wanted ? &d->policy.profile : NULL, d->opt.root, retry);
	if (!wanted)
		steer_follow(&d->steer, &d->kernel, &d->policy, &d->topo, false);
	connections_follow(&d->connections, &d->kernel, d->armed ? &d->policy.profile : NULL,
			   d->opt.root, retry);
	store(&d->heartbeat.patience_ns, patience_ns);
	heartbeat_progress(&d->heartbeat);
}

void arm_hooks(struct homeostatd *d, __u64 now_ns, bool again)
{
	__u64 patience_ns = load(&d->heartbeat.patience_ns); /* of the caller */

	d->hooks.slow = slow_driver;
	d->hooks.ctx = d;
	hooks_follow(&d->hooks, &d->kernel, &d->policy.profile, now_ns, again);
	store(&d->heartbeat.patience_ns, patience_ns);
	heartbeat_progress(&d->heartbeat);
}

/* Gate, lease, scheduler where there is one. 0, or negative errno, the gate shut, and `why`. */
static int open_up(struct homeostatd *d, char *why, size_t size)
{
	struct hs_gate *gate = d->kernel.gate;
	int err;

	aftermath_arming(d);
	err = gate_open(gate);
	if (!err)
		err = wait_for_lease(d, 0);
	if (err == -ECANCELED) {
		snprintf(why, size, "tripped while it was being armed, reason %s",
			 trip_name(load(&gate->trip_reason)));
	} else if (err) {
		snprintf(why, size, "the pulse did not renew the lease: %s", strerror(-err));
	} else if (schedules(d)) {
		err = kernel_attach_sched(&d->kernel);
		if (err)
			explain_attach(d, err, why, size);
	}
	if (err) {
		gate_shut(gate, HS_TRIP_NONE, clock_ns());
		aftermath_not_armed(d);
	}
	return err;
}

/* The gate is open, and @start is when that began. */
static void armed(struct homeostatd *d, __u64 start)
{
	__u64 took_us;

	d->armed = true;
	heartbeat_nudge(&d->heartbeat); /* its last promise was made at rest */
	if (schedules(d))
		kernel_detach_sense(&d->kernel);
	took_us = (clock_ns() - start) / 1000;
	if (schedules(d))
		log_info("armed (%u): our scheduler is attached, after %llu us",
			 d->kernel.gate->generation, took_us);
	else
		log_warn("armed (%u), without our scheduler, after %llu us: %s",
			 d->kernel.gate->generation, took_us, d->kernel.family[FAMILY_SCHED].why);
}

int arm(struct homeostatd *d, char *why, size_t size)
{
	__u64 start = clock_ns();
	struct gate_trip before;
	int err;

	why[0] = '\0';
	if (d->armed)
		return 0;
	heartbeat_patience(&d->heartbeat, PATIENCE_NS);
	before = gate_prepare(d->kernel.gate);
	err = refuse(d, why, size);
	if (err)
		gate_spare(d->kernel.gate, before);
	else
		err = open_up(d, why, size);
	if (!err)
		armed(d, start);
	snprintf(d->refusal, sizeof(d->refusal), "%s", why);
	heartbeat_patience(&d->heartbeat, 0);
	if (!err)
		arm_interfaces(d, true);
	return err;
}

int arm_by_hand(struct homeostatd *d, char *why, size_t size)
{
	struct breaker before = {0};
	int err;

	if (d->after.breaker)
		before = *d->after.breaker;
	aftermath_by_hand(d, true);
	err = arm(d, why, size);
	if (err && d->after.breaker &&
	    !d->after.breaker->nr) /* nothing has come of it, no trip either */
		*d->after.breaker = before;
	return err;
}

/* What the heartbeat saw of a main loop that made no progress: was it stuck, or had it no CPU? */
static void stall_text(const struct homeostatd *d, __u32 reason, char *buf, size_t size)
{
	const struct heartbeat *hb = &d->heartbeat;

	buf[0] = '\0';
	if (reason == HS_TRIP_PROGRESS)
		snprintf(buf, size, " for %llu us, of which it lacked a CPU for %llu us",
			 load(&hb->stall_ns) / 1000, load(&hb->no_cpu_ns) / 1000);
}

/* What a trip was about, where it was about a figure. */
static void cause_text(const struct homeostatd *d, __u32 reason, char *buf, size_t size)
{
	const struct hs_gate *gate = d->kernel.gate;
	const struct slo_state *state;
	const struct profile_slo *level = judge_reported(d, &state);
	__u32 vital = load(&gate->trip_vital);
	bool known = vital < HS_VITAL_NR;
	int unit = known ? unit_find(vital_infos[vital].unit) : UNIT_COUNT;
	char value[32], limit[32], by[48] = "";

	buf[0] = '\0';
	if ((reason != HS_TRIP_LIMIT && reason != HS_TRIP_SLO && reason != HS_TRIP_HARM) ||
	    (!known && !load(&gate->trip_limit)))
		return;
	if (level)
		snprintf(by, sizeof(by), ", reported by uid %u, pid %d", state->uid, state->pid);
	snprintf(buf, size, " (%s was %s, limit %s%s)",
		 known	 ? vital_name(vital)
		 : level ? level->report
			 : "a figure",
		 unit_format(value, sizeof(value), load(&gate->trip_value), (enum unit)unit),
		 unit_format(limit, sizeof(limit), load(&gate->trip_limit), (enum unit)unit), by);
}

/*
 * The one place where the daemon learns that the gate was shut, by whomever. The gate is first and has
 * been; then the scheduler leaves; what was changed elsewhere is put back; then the paperwork.
 */
static void tripped(struct homeostatd *d)
{
	const struct hs_gate *gate = d->kernel.gate;
	char stall[96], cause[192], next[256];
	__u32 reason = load(&gate->trip_reason);

	back_to_sensor(d);
	plugins_tripped(d);
	changes_abort(d, "the gate was shut");
	undo_all(d);
	aftermath_tripped(d);
	stall_text(d, reason, stall, sizeof(stall));
	cause_text(d, reason, cause, sizeof(cause));
	log_error("gate shut, reason %s: %s%s%s; everything is stock. %s", trip_name(reason),
		  reason < HS_TRIP_NR ? trip_infos[reason].meaning : "?", stall, cause,
		  aftermath_text(d, next, sizeof(next)));
	/* last: with the gate shut packets are as under stock, and drivers take their time */
	arm_interfaces(d, false);
}

void arm_watch(struct homeostatd *d)
{
	if (d->armed && !__atomic_load_n(&d->kernel.gate->armed, __ATOMIC_ACQUIRE))
		tripped(d);
}

void disarm(struct homeostatd *d, enum hs_trip reason)
{
	arm_watch(d); /* who came first has given the reason */
	if (!d->armed)
		return;
	if (reason != HS_TRIP_NONE && reason != HS_TRIP_SHUTDOWN) {
		trip(d, reason, NULL);
		return;
	}
	gate_shut(d->kernel.gate, reason, clock_ns());
	if (load(&d->kernel.gate->trip_reason) !=
	    reason) { /* between the look above and the shutting */
		tripped(d);
		return;
	}
	back_to_sensor(d);
	aftermath_disarmed(d);
	log_info("disarmed (%s)%s", trip_name(reason),
		 schedules(d) ? ": the kernel's own scheduler is back" : "");
	arm_interfaces(d, false);
}

void trip(struct homeostatd *d, enum hs_trip reason, const struct gate_cause *cause)
{
	gate_shut_over(d->kernel.gate, reason, cause, clock_ns());
	arm_watch(d);
}

/* No trip: it is only that there is no place for us, for now. */
static void stand_down(struct homeostatd *d, const char *why)
{
	changes_abort(d, "disarmed");
	disarm(d, HS_TRIP_NONE);
	log_warn("disarmed: %s", why);
	snprintf(d->refusal, sizeof(d->refusal), "%s", why);
}

void arm_tick(struct homeostatd *d)
{
	char text[256];

	arm_watch(d);
	arm_interfaces(d, false);
	if (!d->armed)
		return;
	if (!schedules(d)) {
		if (refuse_idle(d, text, sizeof(text)))
			stand_down(d, text);
		return;
	}
	running_scheduler(d->opt.root, text, sizeof(text));
	if (strcmp(text, "homeostat")) {
		trip(d, HS_TRIP_SCHED_EXIT, NULL);
		log_error("our scheduler is gone (%s runs)", text[0] ? text : "none of sched_ext");
		return;
	}
	if (!(d->ticks % LIMITS_TICKS) &&
	    cgroups_limited(d->opt.root, text, sizeof(text), daemon_progress, d) > 0)
		stand_down(d, text);
}

int set_mode(struct homeostatd *d, enum hs_mode mode, char *why, size_t size)
{
	why[0] = '\0';
	if (mode != HS_MODE_ACT)
		disarm(d, HS_TRIP_NONE);
	if (mode != d->mode)
		changes_abort(d, "the mode was changed");
	d->mode = mode;
	store(&d->kernel.gate->mode, mode);
	/* the pulse turns the reflex on or off with its next beat: now */
	kernel_pulse(&d->kernel);
	log_info("mode %s", mode_name(mode));
	if (mode == HS_MODE_ACT && d->opt.guard_fd < 0)
		log_warn("no guard: should homeostatd be killed, only the kernel's side goes back "
			 "by "
			 "itself; start it by homeostat-guard, or with --supervise");
	return mode == HS_MODE_ACT && !judge_waits(d) ? arm(d, why, size) : 0;
}
