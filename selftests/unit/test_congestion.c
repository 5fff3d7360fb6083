// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What the kernel counts, as scores; and the numbers of its counters. */
#include "fixture.h"

#include <errno.h>

#include "../../kern/lib/congestion.h"
#include "hooks.h"
#include "mib.h"
#include "policy.h"

static void congestion(void **state)
{
	struct counts c = {.packets = 40000, .rounds = 1000};

	(void)state;
	assert_int_equal(congestion_of(&c, 0), 0);
	c.udp_full = 100;
	assert_int_equal(congestion_of(&c, 0), 250); /* 2.5 permille, a hundredfold */
	c.squeezes = 100;
	assert_int_equal(congestion_of(&c, 0), 250);
	assert_int_equal(congestion_of(&c, 500), 250);
	assert_int_equal(congestion_of(&c, 600), 250);
	assert_int_equal(congestion_of(&c, 800), 600);
	c.squeezes = 900;
	assert_int_equal(congestion_of(&c, 600), 900);
	c.drops = 40000; /* as many lost as came */
	assert_int_equal(congestion_of(&c, 600), 1000);
	assert_int_equal(congestion_of(&c, 5000), 1000);
	/* few packets: one lost of three is no alarm, ten in one window are */
	c = (struct counts){.packets = 3, .udp_full = 1};
	assert_int_equal(congestion_of(&c, 0), 100);
	c.udp_full = 10;
	assert_int_equal(congestion_of(&c, 0), 1000);
	c = (struct counts){.squeezes = 1, .rounds = 1};
	assert_int_equal(congestion_of(&c, 0), 125);
	/* nothing came, all was refused */
	c = (struct counts){.drops = 5000};
	assert_int_equal(congestion_of(&c, 0), 1000);
}

static void imbalance(void **state)
{
	(void)state;
	assert_int_equal(imbalance_of(0, 0, 0, 0), 0);
	assert_int_equal(imbalance_of(50, 50, 1, 100), 0);
	assert_int_equal(imbalance_of(50, 100, 2, 100), 0);
	assert_int_equal(imbalance_of(80, 80, 2, 100), 500);
	assert_int_equal(imbalance_of(80, 80, 8, 100), 875);
	assert_int_equal(imbalance_of(80, 120, 2, 100), 250);
	/* less than 1 % of its time: nothing to share */
	assert_int_equal(imbalance_of(9, 9, 2, 1000), 0);
	assert_int_equal(imbalance_of(10, 10, 2, 1000), 500);
}

/* Numbers come from enumerations without a name, by the enumerators' names; all else is passed by. */
static void counters(void **state)
{
	struct btf *btf = btf__new_empty();
	__u32 number[MIB_NR];

	(void)state;
	mib_find(number, btf);
	assert_true(number[MIB_OUT_SEGS] == MIB_NONE && number[MIB_RETRANS_SEGS] == MIB_NONE &&
		    number[MIB_LISTEN_DROPS] == MIB_NONE);
	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_enum(btf, "other", 4);
	btf__add_enum_value(btf, "TCP_MIB_OUTSEGS", 99);
	btf__add_enum(btf, NULL, 4);
	btf__add_enum_value(btf, "TCP_MIB_OUTSEGSX", 1);
	btf__add_enum_value(btf, "TCP_MIB_OUTSEGS", 12);
	btf__add_enum_value(btf, "TCP_MIB_RETRANSSEGS", 13);
	mib_find(number, btf);
	assert_int_equal(number[MIB_OUT_SEGS], 12);
	assert_int_equal(number[MIB_RETRANS_SEGS], 13);
	assert_true(number[MIB_LISTEN_DROPS] == MIB_NONE);
	btf__add_enum(btf, NULL, 4);
	btf__add_enum_value(btf, "LINUX_MIB_LISTENDROPS", 0);
	mib_find(number, btf);
	assert_int_equal(number[MIB_LISTEN_DROPS], 0);
	btf__free(btf);
}

static void hooks_of_profile(void **state)
{
	static struct profile p;

	(void)state;
	assert_false(hooks_wanted(&p, HS_HOOK_DROPS) || hooks_wanted(&p, HS_HOOK_SOFTIRQ));
	p.rule[1].vital = HS_VITAL_DROPS; /* not in force: there is one rule */
	p.config.rules_nr = 1;
	assert_false(hooks_wanted(&p, HS_HOOK_DROPS));
	p.config.rules_nr = 2;
	assert_true(hooks_wanted(&p, HS_HOOK_DROPS));
	assert_false(hooks_wanted(&p, HS_HOOK_SOFTIRQ));
	p.config.limit[0].vital = HS_VITAL_SOFTIRQ_DELAY;
	assert_false(hooks_wanted(&p, HS_HOOK_SOFTIRQ));
	p.config.limits_nr = 1;
	assert_true(hooks_wanted(&p, HS_HOOK_SOFTIRQ));
	memset(&p, 0, sizeof(p));
	p.slo[0].vital = HS_VITAL_DROPS;
	assert_false(hooks_wanted(&p, HS_HOOK_DROPS));
	p.slo_nr = 1;
	assert_true(hooks_wanted(&p, HS_HOOK_DROPS));
}

static void rule_on_bulk(void **state)
{
	static struct profile p;

	(void)state;
	p.rule[0] = (struct hs_rule){
		.vital = HS_VITAL_CONGESTION, .knob = HS_KNOB_BULK_LIMIT, .high = 300};
	p.rule[1] = (struct hs_rule){
		.vital = HS_VITAL_WAIT_NORMAL_P99, .knob = HS_KNOB_SLICE_BATCH, .high = 7};
	assert_true(policy_rule(&p, 0).high == ~0ULL);
	assert_int_equal(policy_rule(&p, 1).high, 7);
	p.flow_nr = 2;
	p.flow[0].class = HS_FLOW_CRITICAL;
	p.flow[1].class = HS_FLOW_BULK;
	assert_true(policy_rule(&p, 0).high == ~0ULL);
	p.interface_nr = 1;
	assert_int_equal(policy_rule(&p, 0).high, 300);
	p.flow_nr = 1;
	p.rule[1].knob = HS_KNOB_BULK_PACE;
	assert_true(policy_rule(&p, 1).high == ~0ULL);
	assert_true(policy_rule(&p, 0).high == ~0ULL);
}

static struct {
	int err;
	unsigned attached, detached;
} played;
static struct hs_hooks shared;

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook);
void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook);

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook)
{
	played.attached++;
	if (!played.err)
		k->hooks->on |= 1U << hook;
	return played.err;
}

void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook)
{
	played.detached++;
	k->hooks->on &= ~(1U << hook);
}

static void hooks_by_time_and_profile(void **state)
{
	struct kernel k = {.hooks = &shared};
	static struct profile p;
	struct hooks hooks = {};

	(void)state;
	hooks_follow(&hooks, &k, &p, 100, true);
	assert_int_equal(played.attached + played.detached, 0);
	hooks.until_ns[HS_HOOK_DROPS] = 200; /* somebody looks */
	hooks_follow(&hooks, &k, &p, 150, false);
	hooks_follow(&hooks, &k, &p, 199, false);
	assert_int_equal(shared.on, 1U << HS_HOOK_DROPS);
	assert_int_equal(played.attached, 1);
	hooks_follow(&hooks, &k, &p, 200, false);
	assert_int_equal(shared.on, 0);
	assert_int_equal(played.detached, 1);
	/* a rule asks: what fails is not tried again and again */
	p.config.rules_nr = 1;
	p.rule[0].vital = HS_VITAL_SOFTIRQ_DELAY;
	played.err = -EPERM;
	hooks_follow(&hooks, &k, &p, 300, true);
	hooks_follow(&hooks, &k, &p, 400, false);
	assert_int_equal(played.attached, 2);
	played.err = 0;
	hooks_follow(&hooks, &k, &p, 500, true);
	assert_int_equal(shared.on, 1U << HS_HOOK_SOFTIRQ);
	p.config.rules_nr = 0;
	hooks_follow(&hooks, &k, &p, 600, false);
	assert_int_equal(shared.on, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(congestion),
		cmocka_unit_test(imbalance),
		cmocka_unit_test(counters),
		cmocka_unit_test(hooks_of_profile),
		cmocka_unit_test(hooks_by_time_and_profile),
		cmocka_unit_test(rule_on_bulk),
	};

	return cmocka_run_group_tests_name("congestion", tests, NULL, NULL);
}
