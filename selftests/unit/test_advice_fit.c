// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Advice against knowledge base, machine and load; the advice of the profiles that are shipped. */
#include "advice_fixture.h"

static void loads(void **state)
{
	struct vital_now v[HS_VITAL_NR] = {0};
	struct load_state l;
	__u64 t = S;

	(void)state;
	load_init(&l);
	assert_int_equal(load_look(&l, t, v), -1);
	v[HS_VITAL_PSI_MEMORY] = (struct vital_now){true, 0};
	assert_int_equal(load_look(&l, t, v), PROFILE_LOAD_IDLE);
	static const struct {
		enum hs_vital_id vital;
		__u64 value;
		enum profile_load load;
	} each[] = {
		{HS_VITAL_PSI_CPU, 50, PROFILE_LOAD_COMPUTE},
		{HS_VITAL_RUN_NORMAL, 2000000, PROFILE_LOAD_COMPUTE},
		{HS_VITAL_BURST, 3000, PROFILE_LOAD_BURST},
		{HS_VITAL_PACKET_BURST, 3000, PROFILE_LOAD_BURST},
		{HS_VITAL_PSI_IO, 100, PROFILE_LOAD_IO},
		{HS_VITAL_PSI_MEMORY, 100, PROFILE_LOAD_MEMORY},
	};
	/* each wins over those before it, but only after 3 s */
	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		int before = l.now;

		v[each[i].vital] = (struct vital_now){true, each[i].value};
		for (int s = 0; s < 3; s++)
			assert_int_equal(load_look(&l, t += S, v), before);
		assert_int_equal(load_look(&l, t += S, v), each[i].load);
	}
	/* it stays above the leaving level, and goes below it */
	v[HS_VITAL_PSI_MEMORY].value = 50;
	for (int s = 0; s < 10; s++)
		assert_int_equal(load_look(&l, t += S, v), PROFILE_LOAD_MEMORY);
	v[HS_VITAL_PSI_MEMORY].value = 49;
	for (int s = 0; s < 3; s++)
		load_look(&l, t += S, v);
	assert_int_equal(load_look(&l, t += S, v), PROFILE_LOAD_IO);
	/* a moment of something else is none */
	v[HS_VITAL_PSI_IO].value = 0;
	load_look(&l, t += S, v);
	load_look(&l, t += S, v);
	v[HS_VITAL_PSI_IO].value = 100;
	for (int s = 0; s < 5; s++)
		assert_int_equal(load_look(&l, t += S, v), PROFILE_LOAD_IO);
	memset(v, 0, sizeof(v));
	assert_int_equal(load_look(&l, t += S, v), -1);
}

static void under_a_load(void **state)
{
	(void)state;
	begin("  - name: a\n    when: { vital: net.listen_full_hz, above: 1, load: io }\n"
	      "    propose: { parameter: vm.swappiness, value: '1' }\n" LOSS "    reason: r\n");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(100);
	assert_int_equal(w.asks, 0);
	vital(HS_VITAL_PSI_IO, 500);
	seconds(5);
	assert_int_equal(w.asks, 1);
}

/* Advice that does not fit the knowledge base: file, line, why. */
static void unfit(const char *propose, const char *why)
{
	char text[1024], error[512];
	struct profile profile;
	struct rules rules;

	snprintf(text, sizeof(text),
		 "name: test\nadvice:\n  - name: a\n    when: { vital: net.drops_hz, above: 1 }\n"
		 "    propose: %s\n    goal: loss\n    reason: r\n",
		 propose);
	if (profile_parse(&profile, "/p.yaml", text, strlen(text), error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(rules_init(&rules, &profile, &kb, &machine, error, sizeof(error)),
			 -EINVAL);
	if (strncmp(error, "/p.yaml:3: advice 'a' for ", 26) || !strstr(error, why))
		fail_msg("'%s', not '%s'", error, why);
	rules_free(&rules);
	profile_free(&profile);
}

static void fits_the_knowledge_base(void **state)
{
	(void)state;
	unfit("{ parameter: vm.swappines, times: 2 }", "unknown parameter 'vm.swappines'");
	unfit("{ parameter: boot.mitigations, value: off }", "only ever reported");
	unfit("{ parameter: vm.swappiness, value: '201' }", "expected 0 to 200");
	unfit("{ parameter: vm.thp.defrag, times: 2 }", "no single number");
	unfit("{ parameter: net.ipv4.tcp_rmem, times: 2 }", "no single number");
	unfit("{ parameter: vm.swappiness, to: spread }", "it is no set of CPUs");
	unfit("{ parameter: 'net.xps_cpus[*,*]', to: spread }", "not found out from the machine");
	unfit("{ parameter: boot.nohz_full, to: pack }", "not found out from the machine");
	unfit("{ parameter: vm.swappiness, add: 1, without: vm.swappines }",
	      "unknown parameter 'vm.swappines'");
	unfit("{ parameter: vm.swappiness, add: 1, without: net.rps_cpus }",
	      "expected net.rps_cpus[…] with one object for each place");
	unfit("{ parameter: net.rps_cpus, value: f }",
	      "expected net.rps_cpus[…] with one object for each place");
	unfit("{ parameter: 'net.rings.rx[eth0]', value: '512' }", "is in no file");
}

/* Whatever a rule asks for, it stays within the range, and goes the way that it means to. */
static void within_the_range(void **state)
{
	(void)state;
	begin("  - name: a\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: vm.swappiness, times: 1000 }\n" LOSS "    reason: r\n");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(2);
	assert_string_equal(w.last, "vm.swappiness 200");
	/* 0 times anything is 0: one more is the least that it can do */
	put("vm.swappiness", "0");
	seconds(31);
	assert_string_equal(w.last, "vm.swappiness 1");
	/* above what the rule may set: it does not pull it down */
	begin(LISTEN("listen", LOSS));
	put("net.core.somaxconn", "20000");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(100);
	assert_int_equal(w.asks, 0);
	begin("  - name: a\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: vm.swappiness, add: -100, least: 10 }\n" LOSS
	      "    reason: r\n");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(100);
	assert_int_equal(w.asks, 1);
	is("vm.swappiness", "10");
}

/* The advice of the profiles that are shipped fits what is shipped, on a small machine as well. */
static void shipped(void **state)
{
	static const struct kb_machine small = {.memory_bytes = 256ULL << 20, .cpus = 1};
	static const char *const names[] = {"balanced", "battery", "edge", "hft"};
	char path[PATH_MAX], error[512];
	struct profile profile;
	struct rules rules;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), HS_POLICY "/profiles/%s.yaml", names[i]);
		if (profile_load(&profile, path, error, sizeof(error)) ||
		    rules_init(&rules, &profile, &kb, &small, error, sizeof(error)))
			fail_msg("%s", error);
		assert_true(rules.nr >= 5);
		/* what is measured only where a hook is attached costs something: no advice asks for that */
		for (unsigned int j = 0; j < HS_HOOK_NR; j++)
			assert_false(profile_asks(&profile, hook_infos[j].feeds));
		rules_free(&rules);
		profile_free(&profile);
	}
}

/* A host with each of the field's ills in turn: the cure is proposed, and nothing else. */
static void ills(void **state)
{
	static const struct {
		enum hs_vital_id vital;
		__u64 value;
		const char *parameter, *from, *to;
	} ill[] = {
		{HS_VITAL_LISTEN_FULL, 50, "net.core.somaxconn", "4096", "8192"},
		{HS_VITAL_LISTEN_FULL, 50, "net.ipv4.tcp_max_syn_backlog", "512", "1024"},
		{HS_VITAL_UDP_FULL, 500, "net.core.rmem_default", "212992", "425984"},
		{HS_VITAL_UDP_FULL, 500, "net.core.rmem_max", "212992", "425984"},
		{HS_VITAL_BACKLOG_DROPS, 50, "net.core.netdev_max_backlog", "1000", "2000"},
		{HS_VITAL_SQUEEZES, 50, "net.core.netdev_budget", "300", "600"},
		{HS_VITAL_SQUEEZES, 50, "net.core.netdev_budget_usecs", "2000", "4000"},
		{HS_VITAL_PSI_IO, 600, "vm.dirty_ratio", "20", "10"},
		{HS_VITAL_PSI_IO, 600, "vm.dirty_background_ratio", "10", "5"},
		{HS_VITAL_PSI_MEMORY, 400, "vm.swappiness", "60", "40"},
		{HS_VITAL_COMPACT_STALLS, 100, "vm.thp.defrag", "madvise", "defer"},
	};
	const size_t nr = sizeof(ill) / sizeof(*ill);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		begin_shipped("balanced", "");
		for (size_t j = 0; j < nr; j++)
			put(ill[j].parameter, ill[j].from), vital(ill[j].vital, 0);
		seconds(60);
		assert_int_equal(w.asks, 0);
		vital(ill[i].vital, ill[i].value);
		seconds(25);
		for (size_t j = 0; j < nr; j++)
			is(ill[j].parameter,
			   ill[j].vital == ill[i].vital ? ill[j].to : ill[j].from);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(under_a_load),
		cmocka_unit_test(fits_the_knowledge_base),
		cmocka_unit_test(within_the_range),
		cmocka_unit_test(shipped),
		cmocka_unit_test(ills),
	};

	return cmocka_run_group_tests_name("advice_fit", tests, load, unload);
}
