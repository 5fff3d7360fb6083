// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Arming, leaving and tripping as a whole, on a kernel that is played. */
#include "arm_fixture.h"

static void refuses(int err, const char *text)
{
	char why[256];

	assert_int_equal(arm(&d, why, sizeof(why)), err);
	if (!strstr(why, text))
		fail_msg("'%s' is not in: %s", text, why);
	assert_string_equal(d.refusal, why);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(d.after.breaker->acting, 0);
}

static void arms_and_leaves(void **state)
{
	char why[256];

	(void)state;
	arms();
	assert_int_equal(gate.generation, 1);
	assert_int_equal(arm(&d, why, sizeof(why)), 0); /* already */
	assert_int_equal(gate.generation, 1);
	disarm(&d, HS_TRIP_NONE);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.trip_reason, HS_TRIP_NONE);
	assert_int_equal(d.after.recorder->trips, 0);
	disarm(&d, HS_TRIP_NONE); /* harmless */
	/* somebody trips just then: that is no leave in good order */
	arms();
	gate.trip_reason = HS_TRIP_LIMIT; /* claimed, not yet shut */
	disarm(&d, HS_TRIP_NONE);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.trip_reason, HS_TRIP_LIMIT);
	assert_int_equal(d.after.recorder->trips, 1);
	assert_int_equal(arm_by_hand(&d, why, sizeof(why)), 0);
	disarm(&d, HS_TRIP_NONE);
	/* by mode, too */
	assert_int_equal(set_mode(&d, HS_MODE_ACT, why, sizeof(why)), 0);
	assert_true(d.armed);
	assert_int_equal(gate.mode, HS_MODE_ACT);
	assert_int_equal(set_mode(&d, HS_MODE_OBSERVE, why, sizeof(why)), 0);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.mode, HS_MODE_OBSERVE);
}

/* Our program is on the interface while we are armed, and while stock is looked at. */
static void packets(void **state)
{
	char why[256];

	(void)state;
	tree_put(root, "/sys/class/net/eth0/ifindex", "3\n");
	strcpy(d.policy.profile.interface[0].name, "eth0");
	d.policy.profile.interface_nr = 1;
	d.kernel.family[FAMILY_XDP].state = d.kernel.family[FAMILY_TC].state = FAMILY_OFF;
	arm_tick(&d);
	assert_int_equal(looked_at | goes_out, 0);
	arms();
	assert_true(looked_at && goes_out == looked_at);
	d.judge.helping.phase = PHASE_LOOK;
	disarm(&d, HS_TRIP_NONE);
	arm_tick(&d);
	assert_false(gate.armed);
	assert_true(looked_at && goes_out == looked_at);
	d.judge.helping.phase = PHASE_BACK;
	arms();
	/* somebody changes the mode, or says disarm, during a look */
	d.judge.helping.phase = PHASE_LOOK;
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(set_mode(&d, HS_MODE_OBSERVE, why, sizeof(why)), 0);
	arm_tick(&d);
	assert_int_equal(looked_at | goes_out, 0);
	d.mode = HS_MODE_ACT;
	d.judge.helping.phase = PHASE_REST;
	arms();
	assert_true(looked_at && goes_out == looked_at);
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(looked_at | goes_out, 0);
	arms();
	scheduler_is("homeostat\n");
	trip(&d, HS_TRIP_OPERATOR, NULL);
	assert_int_equal(looked_at | goes_out, 0);
}

/* The kernel may take its time with each hook: that is no stall, and afterwards the patience is what it was. */
static void hooks_take_their_time(void **state)
{
	(void)state;
	d.heartbeat.patience_ns = 7; /* a caller's */
	d.hooks.until_ns[HS_HOOK_DROPS] = 200;
	d.policy.profile.config.limits_nr = 1;
	d.policy.profile.config.limit[0].vital = HS_VITAL_SOFTIRQ_DELAY;
	arm_hooks(&d, 100, true);
	assert_int_equal(hooked, 2);
	arm_hooks(&d, 199, false);
	assert_int_equal(hooked + unhooked, 2);
	arm_hooks(&d, 200, false);
	assert_int_equal(unhooked, 1);
	assert_int_equal(d.heartbeat.patience_ns, 7);
}

static void what_speaks_against_it(void **state)
{
	(void)state;
	d.mode = HS_MODE_ADVISE;
	refuses(-EPERM, "mode is advise");
	d.mode = HS_MODE_ACT;
	d.kernel.family[FAMILY_PULSE].state = FAMILY_OFF;
	refuses(-EOPNOTSUPP, "the pulse does not run");
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.kernel.family[FAMILY_SCHED].state = FAMILY_UNAVAILABLE;
	refuses(-EOPNOTSUPP, "nothing to arm");
	d.kernel.family[FAMILY_SCHED].state = FAMILY_OFF;
	scheduler_is("other\n");
	refuses(-EBUSY, "(other)");
	scheduler_is(NULL);
	tree_put(root, "/sys/fs/cgroup/app/cpu.max", "50000 100000\n");
	refuses(-EBUSY, "cpu.max");
	tree_put(root, "/sys/fs/cgroup/app/cpu.max", "max 100000\n");
	d.after.breaker->latched = 1;
	refuses(-EPERM, "`homeostat arm`");
	d.after.breaker->latched = 0;
	/* what was said of the last trip is still said after a refusal */
	gate.trip_reason = HS_TRIP_HARM;
	gate.trip_ns = 7;
	d.mode = HS_MODE_OBSERVE;
	refuses(-EPERM, "mode is observe");
	assert_int_equal(gate.trip_reason, HS_TRIP_HARM);
	assert_int_equal(gate.trip_ns, 7);
	d.mode = HS_MODE_ACT;
	arms();
}

/* Packets of an interface, or connections, but no sched_ext. */
static void declares(bool interface, bool tcp)
{
	struct profile *p = &d.policy.profile;

	tree_put(root, "/sys/class/net/eth0/ifindex", "3\n");
	strcpy(p->interface[0].name, "eth0");
	p->interface_nr = interface;
	p->flow_nr = 1;
	p->flow[0] =
		(struct profile_flow){.class = HS_FLOW_BULK, .protocol = -1, .dscp = 8, .tcp = tcp};
}

static void arms_the_rest(void)
{
	char why[256];

	if (arm(&d, why, sizeof(why)))
		fail_msg("%s", why);
	assert_true(d.armed && gate.armed && !attached);
}

/* Without sched_ext, what does not need it still acts; what it is that others do to schedulers is none of its business. */
static void without_a_scheduler(void **state)
{
	struct family *f = d.kernel.family;

	(void)state;
	f[FAMILY_SCHED].state = FAMILY_UNAVAILABLE;
	strcpy(f[FAMILY_SCHED].why, "this kernel has no sched_ext");
	f[FAMILY_XDP].state = f[FAMILY_SOCKOPS].state = FAMILY_OFF;
	refuses(-EOPNOTSUPP, "this kernel has no sched_ext, and the profile has no flows");
	declares(true, false);
	scheduler_is("other\n");
	tree_put(root, "/sys/fs/cgroup/app/cpu.max", "50000 100000\n");
	arms_the_rest();
	assert_true(looked_at && !looks_after);
	d.ticks = 60;
	arm_tick(&d);
	assert_true(d.armed);
	trip(&d, HS_TRIP_OPERATOR, NULL);
	assert_false(looked_at || d.armed);
	assert_int_equal(d.after.recorder->trips, 1);
	breaker_forgive(d.after.breaker);
	/* connections need no interface, critical ones may get a knob at any time */
	declares(false, true);
	arms_the_rest();
	assert_true(looks_after && !looked_at);
	d.policy.profile.flow[0].tcp = 0;
	d.policy.profile.flow[0].class = HS_FLOW_CRITICAL;
	arm_tick(&d);
	assert_true(d.armed);
	/* another profile, for the scheduler alone: nothing is left to be armed for, and that is no trip */
	d.policy.profile.flow_nr = 0;
	arm_tick(&d);
	assert_false(d.armed || gate.armed || looks_after);
	assert_non_null(strstr(d.refusal, "nothing to arm: this kernel has no sched_ext"));
	assert_int_equal(d.after.recorder->trips, 1);
	/* nor is there where the kernel lacks the families, too */
	declares(true, false);
	f[FAMILY_XDP].state = FAMILY_UNAVAILABLE;
	refuses(-EOPNOTSUPP, "nothing to arm");
	f[FAMILY_TC].state = FAMILY_OFF;
	arms_the_rest();
	disarm(&d, HS_TRIP_NONE);
	/* recognition needs no flow */
	declares(true, false);
	d.policy.profile.flow_nr = 0;
	refuses(-EOPNOTSUPP, "nothing to arm");
	d.policy.profile.recognise = 1;
	arms_the_rest();
	disarm(&d, HS_TRIP_NONE);
	d.policy.profile.recognise = 0;
	/* steering needs no flow */
	declares(true, false);
	d.policy.profile.flow_nr = 0;
	d.policy.profile.steer_cpus[0] = 2;
	refuses(-EOPNOTSUPP, "nothing to arm");
	f[FAMILY_STEER].state = FAMILY_ON; /* what it takes is there */
	arms_the_rest();
	disarm(&d, HS_TRIP_NONE);
	f[FAMILY_STEER].state = FAMILY_UNAVAILABLE;
	d.policy.profile.steer_cpus[0] = 0;
	declares(false, true);
	f[FAMILY_SOCKOPS].state = FAMILY_UNAVAILABLE;
	refuses(-EOPNOTSUPP, "nothing to arm");
}

static void what_goes_wrong_on_the_way(void **state)
{
	(void)state;
	beat = BEAT_FAILS;
	refuses(-EIO, "did not renew the lease");
	beat = BEAT_IS_LOST;
	refuses(-ETIMEDOUT, "did not renew the lease");
	beat = BEAT_FINDS_A_TRIP;
	refuses(-ECANCELED, "tripped while it was being armed");
	beat = BEAT_RENEWS;
	attach_err = -ENOMEM;
	refuses(-ENOMEM, "the kernel log may say why");
	attach_err = -EINVAL;
	refuses(-EINVAL, "the kernel log may say why");
	d.topo.isolcpus[0] = 2;
	refuses(-EINVAL, "isolcpus=");
	attach_err = 0;
	arms();
}

static void what_is_seen_once_a_second(void **state)
{
	(void)state;
	arm_tick(&d); /* not armed: nothing to look for */
	arms();
	scheduler_is("homeostat\n");
	arm_tick(&d);
	assert_true(d.armed);
	/* a limit that we would not keep: no trip, but not with us */
	tree_put(root, "/sys/fs/cgroup/app/cpu.idle", "1\n");
	d.ticks = 1;
	arm_tick(&d); /* not at each tick */
	assert_true(d.armed);
	d.ticks = 60;
	arm_tick(&d);
	assert_false(d.armed);
	assert_non_null(strstr(d.refusal, "cpu.idle"));
	assert_int_equal(d.after.recorder->trips, 0);
	/* our scheduler is gone, be it for another's or for none */
	tree_put(root, "/sys/fs/cgroup/app/cpu.idle", "0\n");
	scheduler_is(NULL);
	arms();
	arm_tick(&d);
	assert_false(d.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_SCHED_EXIT);
	assert_int_equal(d.after.recorder->trips, 1);
	breaker_forgive(d.after.breaker);
	arms();
	scheduler_is("other\n");
	arm_tick(&d);
	assert_int_equal(d.after.recorder->trips, 2);
	/* the heartbeat's: somebody else's trip is seen, and told with what is known */
	scheduler_is(NULL);
	breaker_forgive(d.after.breaker);
	arms();
	d.heartbeat.stall_ns = 20 * MS;
	gate_shut(&gate, HS_TRIP_PROGRESS, clock_ns());
	arm_watch(&d);
	assert_false(d.armed);
	assert_int_equal(d.after.recorder->trips, 3);
	assert_int_equal(d.after.recorder->trip[2].stall_ns, 20 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arms_and_leaves),
		TEST(packets),
		TEST(hooks_take_their_time),
		TEST(what_speaks_against_it),
		TEST(without_a_scheduler),
		TEST(what_goes_wrong_on_the_way),
		TEST(what_is_seen_once_a_second),
	};

	return cmocka_run_group_tests_name("arm", tests, NULL, NULL);
}
