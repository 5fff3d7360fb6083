// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The limits of the profiles that are shipped, judged by the code of the pulse: what is wrong trips before
 * a coarser watchdog ends us, and what a healthy host shows does not.
 */
#include "fixture.h"

#include "clock.h"
#include "gate.h"
#include "heartbeat.h"
#include "invariant.h"
#include "names.h"
#include "profile.h"

#define WATCHDOG_NS (2 * NS_PER_S) /* sched_ext's own: timeout_ms of our scheduler */
#define WINDOWS 40
#define NEVER WINDOWS

static const char *const names[] = {"balanced", "battery", "edge", "hft"};
static struct profile profile;
static __u64 seen[WINDOWS]; /* a vital sign, window by window */

static int unload(void **state)
{
	(void)state;
	profile_free(&profile);
	return 0;
}

static void load(const char *name)
{
	char path[PATH_MAX], error[512];

	snprintf(path, sizeof(path), HS_PROFILES "/%s.yaml", name);
	if (profile_load(&profile, path, error, sizeof(error)))
		fail_msg("%s", error);
}

#define FOR_EACH_PROFILE                                                                           \
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && (load(names[i]), true);         \
	     i++, profile_free(&profile))

/* The window in which seen[] trips: from `first` to `last`, or NEVER. */
static void expect_trip(__u32 vital, int first, int last)
{
	struct limit_state ls = {0};
	__u32 i = 0;
	int w = 0;

	while (i < profile.config.limits_nr && profile.config.limit[i].vital != vital)
		i++;
	if (i == profile.config.limits_nr)
		fail_msg("%s: no limit on %s", profile.name, vital_name(vital));
	while (w < WINDOWS && !limit_judge(&profile.config.limit[i], &ls, 1, seen[w], (__u64)w + 1))
		w++;
	if (w < first || w > last)
		fail_msg("%s: %s trips in window %d, not in %d to %d (%d is never)", profile.name,
			 vital_name(vital), w, first, last, NEVER);
}

/* One window in which such a wait ended; before and after it, waits as ever. */
static void one_wait(__u64 healthy_ns, __u64 wait_ns)
{
	for (int w = 0; w < WINDOWS; w++)
		seen[w] = w % 3 ? healthy_ns : 0;
	seen[WINDOWS / 2] = wait_ns;
}

/* The longest wait that the profile lets a person wish for. */
static void a_starved_task(void **state)
{
	(void)state;
	FOR_EACH_PROFILE
	{
		__u64 healthy_ns = profile.knob[HS_KNOB_STARVATION].bound.max * NS_PER_MS;

		one_wait(healthy_ns, healthy_ns + healthy_ns / 4);
		expect_trip(HS_VITAL_STARVED, NEVER, NEVER);
		one_wait(healthy_ns, WATCHDOG_NS - 100 * NS_PER_MS);
		expect_trip(HS_VITAL_STARVED, WINDOWS / 2, WINDOWS / 2);
	}
}

/* ksoftirqd comes next when the slice that runs is over, the longest that there may be. */
static void a_starved_softirq(void **state)
{
	(void)state;
	FOR_EACH_PROFILE
	{
		__u64 healthy_ns = profile.knob[HS_KNOB_SLICE_BATCH].bound.max * 1000;

		one_wait(healthy_ns, 2 * healthy_ns);
		expect_trip(HS_VITAL_SOFTIRQ_STARVED, NEVER, NEVER);
		one_wait(healthy_ns, WATCHDOG_NS * 3 / 4);
		expect_trip(HS_VITAL_SOFTIRQ_STARVED, WINDOWS / 2, WINDOWS / 2);
	}
}

static __u64 at_ns(void)
{
	return 10 * NS_PER_S;
}

/*
 * How late a pulse under stress can be without the lease being over meanwhile, whatever the moment: then
 * every actuator is stock, and no limit has a say any more.
 */
static __u64 late_within_lease(void)
{
	struct hs_gate gate = {.armed = 1, .period_ns = profile.config.period_min_ns};
	struct heartbeat hb = {.gate = &gate,
			       .now = at_ns,
			       .limit_ns = profile.heartbeat_limit_ns,
			       .round_ns = at_ns()};
	__u64 period = gate.period_ns, odd = period / 8 < 37000 ? period / 8 : 37000;
	struct heartbeat_step step = heartbeat_look(&hb);

	assert_false(step.stalled);
	/* it is just before the next beat, and the pulse comes after pulse_next() */
	return gate.due_ns - step.next_ns - (period + period / 16 + odd);
}

static void late_pulses(void **state)
{
	(void)state;
	FOR_EACH_PROFILE
	{
		__u64 late_ns = late_within_lease();

		for (int w = 0; w < WINDOWS; w++)
			seen[w] = late_ns;
		expect_trip(HS_VITAL_PULSE_LATE, 3, WINDOWS / 2);
		/* a pause of a virtual machine, now and then, is no heart that fails */
		for (int w = 0; w < WINDOWS; w++)
			seen[w] = w % 6 < 2 ? late_ns : profile.config.period_min_ns / 4;
		expect_trip(HS_VITAL_PULSE_LATE, NEVER, NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_starved_task, unload),
		cmocka_unit_test_teardown(a_starved_softirq, unload),
		cmocka_unit_test_teardown(late_pulses, unload),
	};

	return cmocka_run_group_tests_name("profile_limits", tests, NULL, NULL);
}
