// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Policy plug-ins in the slots of the pulse: what they are shown, what becomes of what they wish, and how each is shut out. */
#include <errno.h>
#include <sys/mman.h>

#include "pulse_fixture.h"
#include "../../user/daemon/kernel.h"
#include "../../user/lib/plugin.h"

#define DIR "/lab/policy/"
#define SLOT(i) ((volatile struct hs_slot *)&fx.skel->data_slots->slots[i])

/* As in selftests/plugin/hostile.bpf.c. */
enum how {
	IDLE,
	SET,
	RUBBISH,
	UNDECLARED,
	SCRIBBLE,
	BOUNDS,
	SLOW,
	SWING
};
struct hostile {
	__u64 how, value, calls, last_ns, seen, unread, found;
};

static struct {
	struct plugin plugin;
	int link;
	volatile struct hostile *state;
} in[HS_SLOTS];

/* The object of that name, loaded for slot i. */
static void load_for(struct plugin *p, __u32 i, const char *name)
{
	char path[64], error[512] = "";

	snprintf(path, sizeof(path), DIR "%s.bpf.o", name);
	if (plugin_open(p, path, error, sizeof(error)) ||
	    plugin_load(p,
			bpf_program__fd(fx.counts ? fx.skel->progs.counts_start
						  : fx.skel->progs.pulse_start),
			i, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(p->insns && p->work >= p->insns / 2 && p->work <= PLUGIN_WORK_MAX);
}

/* Takes slot i by it; it is not asked yet. */
static void take(__u32 i, const char *name)
{
	struct plugin *p = &in[i].plugin;
	void *state;

	load_for(p, i, name);
	in[i].link = plugin_attach(p);
	assert_true(in[i].link >= 0);
	state = mmap(NULL, p->state_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->state_fd, 0);
	assert_true(state != MAP_FAILED);
	in[i].state = state;
}

static void leave(__u32 i)
{
	munmap((void *)in[i].state, in[i].plugin.state_size);
	close(in[i].link);
	plugin_close(&in[i].plugin);
	memset(&in[i], 0, sizeof(in[i]));
}

/* What hostile declares. */
static void run(__u32 i, enum hs_slot_run how)
{
	fx.config.slot[i] = (struct hs_slot_config){
		.gen = fx.config.slot[i].gen + 1,
		.run = how,
		.reads = {HS_VITAL_WAIT_CRITICAL_P99 + 1, HS_VITAL_SWITCHES + 1},
		.turns = {HS_KNOB_SLICE_BATCH + 1, HS_KNOB_SLICE_NORMAL + 1,
			  HS_KNOB_BATCH_DUTY + 1},
	};
	set_config();
}

static void run_same(__u32 i, enum hs_slot_run how)
{
	fx.config.slot[i].run = how;
	set_config();
}

static void calls_again(__u32 i)
{
	__u64 calls = in[i].state->calls;

	UNTIL(in[i].state->calls >= calls + 2);
}

static void test_acts(void **state)
{
	(void)state;
	take(0, "hostile");
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	in[0].state->how = SET;
	in[0].state->value = 3000;
	usleep(20000);				 /* ten windows in which it must not happen */
	assert_int_equal(in[0].state->calls, 0); /* in its slot, but not to be asked */
	run(0, HS_SLOT_RUN_ACT);
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PLUGIN);
	assert_int_equal(event(HS_EVENT_REFLEX)->cause, HS_CAUSE_PLUGIN);
	calls_again(0);
	assert_int_equal(in[0].state->found, 3000);
	assert_int_equal(in[0].state->unread,
			 0); /* vital signs that it does not declare are absent */
	assert_true(in[0].state->last_ns <= now_ns() && in[0].state->last_ns > now_ns() - SEC_NS);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_NONE);
	assert_true(SLOT(0)->calls && SLOT(0)->acted && SLOT(0)->steps == 1);
	assert_true(SLOT(0)->spent_ns >= SLOT(0)->longest_ns &&
		    SLOT(0)->longest_ns >= SLOT(0)->last_ns && SLOT(0)->last_ns);
	/* without an opinion, the knobs stay */
	in[0].state->how = IDLE;
	UNTIL(SLOT(0)->declined > 2);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 3000);
	/* a wish of a person stands back, and is where it goes back to */
	set_wish(HS_KNOB_SLICE_BATCH, 9000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 9000);
	in[0].state->how = SET;
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	run_same(0, HS_SLOT_RUN_OFF);
	UNTIL(KNOB(SLICE_BATCH)->value == 9000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_WISH);
	leave(0);
}

static void test_sees(void **state)
{
	(void)state;
	take(1, "hostile"); /* the other slot */
	arm();
	run(1, HS_SLOT_RUN_ACT);
	WAIT_UNTIL(in[1].state->seen, *counter(HS_COUNT_SWITCH) += 100);
	assert_int_equal(SLOT(0)->calls, 0);
	leave(1);
}

static void test_shadow(void **state)
{
	struct hs_event *e;
	__u64 told;

	(void)state;
	take(0, "hostile");
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	in[0].state->how = SET;
	in[0].state->value = 3000;
	run(0, HS_SLOT_RUN_SHADOW);
	UNTIL(event(HS_EVENT_ADVICE));
	e = event(HS_EVENT_ADVICE);
	assert_int_equal(e->cause, HS_CAUSE_PLUGIN);
	assert_int_equal(e->id, HS_KNOB_SLICE_BATCH);
	assert_int_equal(e->from, 8000);
	assert_int_equal(e->to, 3000);
	assert_int_equal(SLOT(0)->wished[HS_KNOB_SLICE_BATCH], 3000);
	calls_again(0);
	told = SLOT(0)->steps;
	calls_again(0);
	assert_int_equal(SLOT(0)->steps, told); /* once is enough */
	assert_int_equal(KNOB(SLICE_BATCH)->value, 8000);
	assert_int_equal(SLOT(0)->acted, 0);
	/* rubbish shuts it in shadow, too */
	in[0].state->how = RUBBISH;
	UNTIL(SLOT(0)->shut == HS_SLOT_END_RUBBISH);
	leave(0);
}

/* Shut out for @end, and what it had moved is where it belongs; rules are at work again. */
static void is_shut(enum hs_slot_end end)
{
	struct hs_event *e;
	__u64 calls;

	UNTIL(SLOT(0)->shut == end);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	UNTIL(event(HS_EVENT_PLUGIN));
	e = event(HS_EVENT_PLUGIN);
	assert_int_equal(e->id, 0);
	assert_int_equal(e->from, end);
	assert_int_equal(e->latency_ns, SLOT(0)->last_ns);
	assert_true(fx.gate->armed);
	calls = in[0].state->calls;
	usleep(20000); /* ten windows in which it must not happen */
	assert_int_equal(in[0].state->calls, calls);
	assert_int_equal(event_count(HS_EVENT_PLUGIN), 1);
}

static void begin(enum how how)
{
	take(0, "hostile");
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	in[0].state->how = SET;
	in[0].state->value = 3000;
	run(0, HS_SLOT_RUN_ACT);
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	in[0].state->how = how;
}

static void test_rubbish(void **state)
{
	(void)state;
	begin(RUBBISH);
	is_shut(HS_SLOT_END_RUBBISH);
	assert_int_equal(event(HS_EVENT_PLUGIN)->to, HS_KNOB_SLICE_BATCH);
	assert_int_equal(event(HS_EVENT_PLUGIN)->value, ~0ULL);
	/* nothing of the call that was rubbish was done */
	assert_int_not_equal(KNOB(SLICE_NORMAL)->cause, HS_CAUSE_PLUGIN);
	/* something else in the slot: it begins anew */
	in[0].state->how = SET;
	run(0, HS_SLOT_RUN_ACT);
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_NONE);
	leave(0);
}

static void test_bounds(void **state)
{
	(void)state;
	begin(BOUNDS);
	is_shut(HS_SLOT_END_RUBBISH);
	leave(0);
}

static void test_scribble(void **state)
{
	__u64 switches, starvation;

	(void)state;
	begin(SCRIBBLE);
	starvation = KNOB(STARVATION)->value;
	UNTIL(KNOB(SLICE_BATCH)->value == 5000); /* stock, which is what it wishes */
	switches = VITAL(SWITCHES)->value;
	calls_again(0);
	assert_int_not_equal(switches, ~0ULL);
	assert_int_not_equal(VITAL(PULSE_PERIOD)->value, ~0ULL);
	assert_int_equal(KNOB(STARVATION)->value, starvation);
	/* what it wrote over the bounds it does not find again */
	in[0].state->how = BOUNDS;
	is_shut(HS_SLOT_END_RUBBISH);
	leave(0);
}

static void test_undeclared(void **state)
{
	(void)state;
	begin(UNDECLARED);
	calls_again(0);
	assert_int_equal(KNOB(STARVATION)->cause, HS_CAUSE_STOCK);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_NONE);
	leave(0);
}

/* Slow is what takes long, so the limit comes to it: a knob that turns too often is frozen, whoever turns it. */
static void test_swing(void **state)
{
	(void)state;
	fx.config.freeze_turns = 5;
	begin(SWING);
	UNTIL(KNOB(SLICE_BATCH)->frozen);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	assert_non_null(event(HS_EVENT_FREEZE));
	/* what it has frozen is let go with it */
	run_same(0, HS_SLOT_RUN_OFF);
	UNTIL(!KNOB(SLICE_BATCH)->frozen && KNOB(SLICE_BATCH)->value == 8000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PROFILE);
	leave(0);
}

static void test_worse(void **state)
{
	(void)state;
	/* half of ten measurements above it, and the policy goes: it takes all ten to trip */
	fx.config.limit[0] = (struct hs_limit){HS_VITAL_WAIT_CRITICAL_P99, 10, 100000};
	fx.config.limits_nr = 1;
	begin(SET);
	WAIT_UNTIL(SLOT(0)->shut, feed(HS_CLASS_CRITICAL, 500000, 20));
	is_shut(HS_SLOT_END_WORSE);
	assert_int_equal(event(HS_EVENT_PLUGIN)->vital, HS_VITAL_WAIT_CRITICAL_P99);
	leave(0);
}

static int setup_slow(void **state)
{
	with_budget = 40; /* a call takes more, and less than ten times as much */
	return setup(state);
}

static int setup_very_slow(void **state)
{
	with_budget = 1;
	return setup(state);
}

static int teardown_slow(void **state)
{
	with_budget = 0;
	return teardown(state);
}

/* Asked until it is shut; how often that was. */
static __u64 slow_calls(void)
{
	take(0, "hostile");
	arm();
	run(0, HS_SLOT_RUN_ACT);
	UNTIL(SLOT(0)->shut);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_SLOW);
	UNTIL(event(HS_EVENT_PLUGIN));
	assert_int_equal(event(HS_EVENT_PLUGIN)->from, HS_SLOT_END_SLOW);
	assert_true(fx.gate->armed);
	leave(0);
	return SLOT(0)->calls;
}

static void test_slow(void **state)
{
	(void)state;
	assert_int_equal(slow_calls(), HS_SLOT_SLOW);
}

static void test_very_slow(void **state)
{
	(void)state;
	assert_int_equal(slow_calls(), 1);
}

/* What was worse already when it came to act is not its doing, however long it has acted before. */
static void test_not_its_doing(void **state)
{
	__u64 acted;

	(void)state;
	fx.config.limit[0] = (struct hs_limit){HS_VITAL_WAIT_CRITICAL_P99, 100000, 100000};
	fx.config.limits_nr = 1;
	begin(SET);
	UNTIL(SLOT(0)->acted > 100);
	run_same(0, HS_SLOT_RUN_OFF);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	fx.config.limit[0].windows = 40;
	set_config();
	/* above its limit for less than half of the times, then it acts again */
	for (int i = 0; i < 10; i++) {
		__u64 was = VITAL(WAIT_CRITICAL_P99)->updated_ns;

		WAIT_UNTIL(VITAL(WAIT_CRITICAL_P99)->updated_ns != was,
			   feed(HS_CLASS_CRITICAL, 500000, 20));
	}
	run_same(0, HS_SLOT_RUN_ACT);
	acted = SLOT(0)->acted;
	WAIT_UNTIL(!fx.gate->armed || SLOT(0)->shut, feed(HS_CLASS_CRITICAL, 500000, 20));
	assert_true(SLOT(0)->acted > acted + 10);
	assert_int_equal(SLOT(0)->shut == HS_SLOT_END_WORSE, 0);
	leave(0);
}

/* It acts in advise; that the gate was shut once, before, is no reason to end it. */
static void test_old_trip(void **state)
{
	(void)state;
	take(0, "hostile");
	in[0].state->how = SET;
	in[0].state->value = 3000;
	fx.gate->trip_reason = HS_TRIP_OPERATOR;
	fx.gate->mode = HS_MODE_ADVISE;
	fx.gate->generation++;
	beat_now();
	run(0, HS_SLOT_RUN_ACT);
	UNTIL(SLOT(0)->acted > 2);
	fx.gate->mode = HS_MODE_OBSERVE;
	beat_now();
	fx.gate->trip_reason = HS_TRIP_NONE;
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_NONE);
	leave(0);
}

static void test_tripped(void **state)
{
	(void)state;
	begin(SET);
	fx.gate->trip_reason = HS_TRIP_OPERATOR;
	*(volatile __u32 *)&fx.gate->armed = 0;
	UNTIL(SLOT(0)->shut == HS_SLOT_END_TRIPPED);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	/* armed again: the rules, not the policy */
	fx.gate->trip_reason = HS_TRIP_NONE;
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	usleep(20000); /* ten windows in which it must not happen */
	assert_int_equal(KNOB(SLICE_BATCH)->value, 8000);
	assert_int_equal(SLOT(0)->shut, HS_SLOT_END_TRIPPED);
	leave(0);
}

/* One policy follows another, in the other slot: no pulse without one of the two, and a knob that both turn does not go back. */
static void test_swap(void **state)
{
	__u64 acted, calls;

	(void)state;
	begin(SET);
	take(1, "hostile");
	in[1].state->how = IDLE;
	fx.config.slot[0].run = HS_SLOT_RUN_OFF;
	acted = SLOT(0)->acted;
	run(1, HS_SLOT_RUN_ACT);
	UNTIL(SLOT(1)->acted > 3);
	assert_true(SLOT(0)->acted >= acted);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 3000);
	assert_int_equal(in[1].state->found, 3000);
	/* two that are to act: the first one does, the other is not asked */
	fx.config.slot[0].run = HS_SLOT_RUN_ACT;
	set_config();
	UNTIL(SLOT(0)->acted > acted + 3);
	calls = in[1].state->calls;
	calls_again(0);
	assert_int_equal(in[1].state->calls, calls);
	leave(0);
	leave(1);
}

/* Two in one slot there are not. */
static void test_busy(void **state)
{
	struct plugin second;

	(void)state;
	take(0, "hostile");
	load_for(&second, 0, "pi");
	assert_int_equal(plugin_attach(&second), -EBUSY);
	plugin_close(&second);
	leave(0);
}

static void test_pi(void **state)
{
	(void)state;
	take(0, "pi");
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	run(0, HS_SLOT_RUN_ACT);
	/* they wait too long: down, to the bound in the end; and up again */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 500, feed(HS_CLASS_CRITICAL, 2 * MS, 20));
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value > 4000, feed(HS_CLASS_CRITICAL, 5000, 200));
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PLUGIN);
	leave(0);
}

/* What the daemon takes of a client, as this kernel tells of it. */
static void handed_over(struct kernel *k, int link, int prog, int err)
{
	struct kernel_plugin p = {.slot = HS_SLOTS};
	char why[160] = "";

	if (kernel_plugin(k, link, prog, &p, why, sizeof(why)) != err)
		fail_msg("link %d, program %d: not %d; %s", link, prog, err, why);
	if (err)
		return;
	assert_int_equal(p.slot, 1);
	assert_int_equal(p.work, in[1].plugin.work);
}

static void test_handed_over(void **state)
{
	struct kernel k = {.skel = fx.skel};
	int map, pulse;

	(void)state;
	k.family[FAMILY_COUNTS].state = fx.counts ? FAMILY_OFF : FAMILY_UNAVAILABLE;
	kernel_plugin_targets(&k);
	pulse = bpf_program__fd(fx.skel->progs.pulse_start);
	map = bpf_map__fd(fx.skel->maps.CONFIG);
	take(1, "hostile");
	handed_over(&k, in[1].link, in[1].plugin.prog_fd, 0);
	handed_over(&k, in[1].plugin.prog_fd, in[1].link, -EINVAL);
	handed_over(&k, in[1].plugin.prog_fd, in[1].plugin.prog_fd, -EINVAL);
	handed_over(&k, in[1].link, in[1].link, -EINVAL);
	handed_over(&k, in[1].link, pulse, -EINVAL);
	handed_over(&k, map, in[1].plugin.prog_fd, -EINVAL);
	handed_over(&k, in[1].link, map, -EINVAL);
	handed_over(&k, 0, 1, -EINVAL);
	handed_over(&k, -1, -1, -EINVAL);
	/* another pulse; another function of it */
	k.pulse_id++;
	handed_over(&k, in[1].link, in[1].plugin.prog_fd, -EACCES);
	k.pulse_id--;
	k.slot_type[1]++;
	handed_over(&k, in[1].link, in[1].plugin.prog_fd, -EACCES);
	leave(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_acts),
		TEST(test_sees),
		TEST(test_shadow),
		TEST(test_rubbish),
		TEST(test_bounds),
		TEST(test_scribble),
		TEST(test_undeclared),
		TEST(test_swing),
		TEST(test_worse),
		TEST(test_tripped),
		TEST(test_swap),
		TEST(test_busy),
		cmocka_unit_test_setup_teardown(test_slow, setup_slow, teardown_slow),
		cmocka_unit_test_setup_teardown(test_very_slow, setup_very_slow, teardown_slow),
		TEST(test_not_its_doing),
		TEST(test_old_trip),
		TEST(test_pi),
		TEST(test_handed_over),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
