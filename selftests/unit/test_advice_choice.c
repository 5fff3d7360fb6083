// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which of several rules goes first, and which waits for which. */
#include "advice_fixture.h"

/* Of two that want one parameter the higher goal gets it; the other says that it waits. */
static void goals(void **state)
{
	(void)state;
	begin("  - name: thrift\n    when: { vital: psi.cpu.some_permille, below: 10permille }\n"
	      "    propose: { parameter: net.core.somaxconn, times: 0.5 }\n"
	      "    goal: energy\n    reason: r\n" LISTEN("listen", LOSS));
	vital(HS_VITAL_PSI_CPU, 1000);
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(3);
	vital(HS_VITAL_PSI_CPU, 0);
	seconds(1);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "net.core.somaxconn 8192");
	assert_int_equal(told("thrift waits: listen of goal loss wants net.core.somaxconn first"),
			 1);
}

/* Of one goal, whose parameter has the better record. */
static void records(void **state)
{
	const struct rules_change bad = {.id = 1,
					 .at_ns = 900 * S,
					 .state = TX_ROLLED_BACK,
					 .reason = "",
					 .from = "",
					 .to = "",
					 .kb = kb_find(&kb, "vm.swappiness")};
	struct rules_change history[2];

	(void)state;
	begin("  - name: a\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: 'net.rps_cpus[*,*]', value: f }\n" LOSS "    reason: r\n"
	      "  - name: b\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: vm.swappiness, value: '1' }\n" LOSS "    reason: r\n");
	history[0] = history[1] = bad;
	history[0].at_ns = 990 * S;
	history[0].id = 2;
	/* a host that has seen it fail twice: who begins anew knows it, and waits */
	rules_changes(&w.a.rules, w.now_ns, history, 2);
	put("net.rps_cpus", "1");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(5);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "net.rps_cpus[*,*] f");
	seconds(50);
	assert_true(w.asks > 1);
	is("vm.swappiness", "1");
	/* the same history once more changes nothing */
	assert_int_equal(w.a.rules.parameter[w.a.rules.rule[1].parameter].failed, 2);
	rules_changes(&w.a.rules, w.now_ns, history, 2);
	assert_int_equal(w.a.rules.parameter[w.a.rules.rule[1].parameter].failed, 2);
}

/* What a parameter needs goes along in one message, or the rule waits and says so. */
static void needs(void **state)
{
	static const char entries[] =
		"  - name: entries\n    when: { vital: irq.imbalance_permille, above: 500permille "
		"}\n"
		"    propose: { parameter: net.core.rps_sock_flow_entries, value: '32768' }\n"
		"    goal: jitter\n    reason: r\n";
	char both[2048];

	(void)state;
	begin(entries);
	put("net.core.rps_sock_flow_entries", "0");
	put("net.rps_flow_cnt", "0");
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	seconds(100);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("net.core.rps_sock_flow_entries needs net.rps_flow_cnt, which is not "
			      "set and which no rule sets now"),
			 1);
	/* a person sets it: then it goes */
	put("net.rps_flow_cnt", "4096");
	seconds(2);
	assert_int_equal(w.asks, 1);
	/* or another rule, in the same message */
	snprintf(both, sizeof(both),
		 "%s  - name: count\n"
		 "    when: { vital: irq.imbalance_permille, above: 500permille }\n"
		 "    propose: { parameter: 'net.rps_flow_cnt[*,*]', value: '4096' }\n"
		 "    goal: loss\n    reason: r\n",
		 entries);
	begin(both);
	put("net.core.rps_sock_flow_entries", "0");
	put("net.rps_flow_cnt", "0");
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	seconds(2);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last,
			    "net.rps_flow_cnt[*,*] 4096 net.core.rps_sock_flow_entries 32768");
}

static void conflicts(void **state)
{
	static const char two[] =
		"  - name: late\n    when: { vital: net.listen_full_hz, above: 1 }\n"
		"    propose: { parameter: 'net.b[*]', value: '1' }\n"
		"    goal: jitter\n    reason: r\n"
		"  - name: lost\n    when: { vital: net.listen_full_hz, above: 1 }\n"
		"    propose: { parameter: 'net.a[*]', value: '1' }\n"
		"    goal: loss\n    reason: r\n";
	static const char base[] =
		"parameters:\n"
		"  - {name: net.a, meaning: m, actuator: sysfs, path: '/sys/{interface}/a', type: "
		"switch, stock: 0, timing: immediate, risk: 1, conflicts: net.b, source: s}\n"
		"  - {name: net.b, meaning: m, actuator: sysfs, path: '/sys/{interface}/b', type: "
		"switch, stock: 0, timing: immediate, risk: 1, conflicts: net.a, source: s}\n";
	struct kb other, shipped = kb;
	char error[256];

	(void)state;
	assert_int_equal(kb_parse(&other, "k", base, strlen(base), error, sizeof(error)), 0);
	kb = other;
	begin(two);
	put("net.a", "0");
	put("net.b", "0");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(1);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "net.a[*] 1");
	assert_int_equal(told("late waits: lost of goal loss wants net.a[*], which conflicts with "
			      "it, first"),
			 1);
	/* and it goes on waiting for as long as that is set */
	seconds(500);
	is("net.b", "0");
	assert_int_equal(w.moved, 1);
	assert_true(told("net.b[*] conflicts with net.a") >= 1);
	/* also by whom nobody knows */
	begin(two);
	put("net.a", "0");
	put("net.b", "1");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(100);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("lost waits: net.a[*] conflicts with net.b[*], which is set to '1'"),
			 1);
	profile_free(&w.profile);
	rules_free(&w.a.rules);
	kb = shipped;
	kb_free(&other);
}

/* Two rules raise one parameter: it goes back when neither needs it, to what was before both. */
static void held_by_two(void **state)
{
	(void)state;
	begin(LISTEN(
		"listen",
		BACK LOSS) "  - name: udp\n    when: { vital: net.udp_full_hz, above: 1 }\n"
			   "    propose: { parameter: net.core.somaxconn, times: 2 }\n" BACK LOSS
			   "    reason: r\n");
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(4);
	assert_string_equal(w.last, "net.core.somaxconn 8192");
	vital(HS_VITAL_LISTEN_FULL, 0);
	vital(HS_VITAL_UDP_FULL, 50);
	seconds(3);
	assert_string_equal(w.last, "net.core.somaxconn 16384");
	vital(HS_VITAL_UDP_FULL, 1);
	seconds(200); /* the first one would go back, but the second one holds on */
	assert_int_equal(w.asks, 2);
	vital(HS_VITAL_UDP_FULL, 0);
	seconds(100);
	assert_int_equal(w.asks, 3);
	is("net.core.somaxconn", "4096");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goals),     cmocka_unit_test(records),	    cmocka_unit_test(needs),
		cmocka_unit_test(conflicts), cmocka_unit_test(held_by_two),
	};

	return cmocka_run_group_tests_name("advice_choice", tests, load, unload);
}
