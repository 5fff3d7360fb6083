// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A rule's course: up, and back, and what it learns. */
#include "advice_fixture.h"

static void up_and_back(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	seconds(100);
	assert_int_equal(w.asks, 0);
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(3);
	assert_int_equal(w.asks, 0);
	/* a moment without it: it has to last anew */
	vital(HS_VITAL_LISTEN_FULL, 1);
	seconds(1);
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(3);
	assert_int_equal(w.asks, 0);
	seconds(1);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "net.core.somaxconn 8192");
	assert_string_equal(w.reason, "listen: its queue is full");
	/* not again before the cooldown is over; then it has lasted long enough */
	seconds(29);
	assert_int_equal(w.asks, 1);
	seconds(1);
	assert_int_equal(w.asks, 2);
	is("net.core.somaxconn", "16384");
	/* the most that the rule may: that is said, once, and nothing is asked for */
	seconds(300);
	assert_int_equal(w.asks, 2);
	assert_int_equal(told("net.core.somaxconn is '16384', as far as it may go"), 1);
	/* the need is gone: the value from before its first change */
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(60);
	assert_int_equal(w.asks, 2);
	seconds(1);
	assert_int_equal(w.asks, 3);
	assert_string_equal(w.last, "net.core.somaxconn 4096");
	assert_string_equal(w.reason, "listen: no longer needed: its queue is full");
	seconds(1000);
	assert_int_equal(w.asks, 3);
	is("net.core.somaxconn", "4096");
}

/* What is absent is not 0, neither for the one nor for the other. */
static void absent(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(5);
	assert_int_equal(w.asks, 1);
	w.vital[HS_VITAL_LISTEN_FULL].present = false;
	seconds(500);
	assert_int_equal(w.asks, 1);
	/* nor is a value that cannot be read */
	begin(LISTEN("listen", LOSS));
	vital(HS_VITAL_LISTEN_FULL, 50);
	w.value[0].name[0] = '\0';
	seconds(100);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("the present value of net.core.somaxconn cannot be read here"), 1);
}

static void somebody_else(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(5);
	vital(HS_VITAL_LISTEN_FULL, 0);
	put("net.core.somaxconn", "5000");
	seconds(200);
	assert_int_equal(w.asks, 1);
	is("net.core.somaxconn", "5000");
	assert_int_equal(told("somebody else has set net.core.somaxconn to '5000' since"), 1);
	/* and one that an administrator wrote under watch is left alone for an hour */
	begin(LISTEN("listen", BACK LOSS));
	w.verdict = TX_YIELDED;
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(3600);
	assert_int_equal(w.asks, 1);
	assert_int_equal(told("is left alone for an hour"), 1);
	seconds(10);
	assert_int_equal(w.asks, 2);
}

/* Rolled back: the pause doubles from the second on, to an hour, and a success ends that. */
static void rolled_back(void **state)
{
	static const enum tx_state bad[] = {TX_ROLLED_BACK, TX_FAILED, TX_REJECTED, TX_EXPIRED};
	__u64 at_ns[12] = {0}, pause_s;
	unsigned int seen = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++, seen = 0) {
		(void)state;
		begin(LISTEN("listen", BACK LOSS));
		w.verdict = bad[i];
		vital(HS_VITAL_LISTEN_FULL, 50);
		while (seen < 11) {
			seconds(1);
			if (w.asks > seen)
				at_ns[seen++] = w.now_ns;
			assert_true(w.now_ns < 40000 * S);
		}
		is("net.core.somaxconn", "4096");
		for (unsigned int n = 1; n < 11; n++) {
			pause_s = 30ULL << (n - 1);
			pause_s = pause_s > 3600 ? 3600 : pause_s;
			/* a second under watch comes before it */
			assert_in_range((at_ns[n] - at_ns[n - 1]) / S, pause_s, pause_s + 5);
		}
		/* nothing is held: it has no value to go back to */
		vital(HS_VITAL_LISTEN_FULL, 0);
		seconds(4000);
		assert_int_equal(w.asks, 11);
	}
	assert_int_equal(w.a.rules.parameter[0].failed, 11);
	w.verdict = TX_COMMITTED;
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(6);
	assert_int_equal(w.asks, 12);
	assert_int_equal(w.a.rules.parameter[0].committed, 1);
	assert_int_equal(w.a.rules.parameter[0].failed_in_row, 0);
}

static void refusals(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	w.refuses = true;
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(4 + 30 + 60 + 120 + 5);
	assert_int_equal(w.asks, 4);
	assert_int_equal(told("refused: not allowed"), 1);
	assert_false(rules_wait(&w.a.rules));
}

/* A change that helps nothing is tried more and more rarely; one that does goes on. */
static void in_vain(void **state)
{
	(void)state;
	begin("  - name: swap\n    when: { vital: psi.memory.some_permille, above: 100permille }\n"
	      "    propose: { parameter: vm.swappiness, add: -5 }\n" LOSS "    reason: r\n");
	vital(HS_VITAL_PSI_MEMORY, 800);
	seconds(2 + 30 + 60 + 120 + 10);
	/* the first two a cooldown apart, then 60 s, then 120 s */
	assert_int_equal(w.asks, 4);
	assert_int_equal(w.a.rules.parameter[0].vain_in_row, 4);
	/* the fifth one is watched for a while, and helps */
	w.verdict = TX_WATCHED;
	seconds(240);
	assert_int_equal(w.asks, 5);
	vital(HS_VITAL_PSI_MEMORY, 700);
	seconds(2);
	w.verdict = TX_COMMITTED;
	seconds(2);
	assert_int_equal(w.a.rules.parameter[0].vain_in_row, 0);
}

/* Two rules that pull one parameter end frozen, and that is reported once. */
static void fighting(void **state)
{
	(void)state;
	begin("  - name: more\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: net.core.somaxconn, times: 2 }\n"
	      "    goal: loss\n    cooldown: 20s\n    reason: r\n"
	      "  - name: less\n    when: { vital: net.udp_full_hz, above: 1 }\n"
	      "    propose: { parameter: net.core.somaxconn, times: 0.5 }\n"
	      "    goal: loss\n    cooldown: 20s\n    reason: r\n");
	for (int i = 0; i < 3000; i++) {
		/* each cures its own ill, and makes the other's */
		vital(HS_VITAL_LISTEN_FULL, strcmp(value_of("net.core.somaxconn"), "4096") ? 0 : 9);
		vital(HS_VITAL_UDP_FULL, strcmp(value_of("net.core.somaxconn"), "8192") ? 0 : 9);
		seconds(1);
	}
	/* the first change and four turns */
	assert_int_equal(w.asks, 5);
	assert_int_equal(told("net.core.somaxconn is frozen for an hour"), 1);
	is("net.core.somaxconn", "8192");
	for (int i = 0; i < 1000; i++) {
		vital(HS_VITAL_LISTEN_FULL, strcmp(value_of("net.core.somaxconn"), "4096") ? 0 : 9);
		vital(HS_VITAL_UDP_FULL, strcmp(value_of("net.core.somaxconn"), "8192") ? 0 : 9);
		seconds(1);
	}
	/* an hour later once more, and again not for ever */
	assert_int_equal(w.asks, 10);
	assert_int_equal(told("is frozen for an hour"), 2);
}

/* So does one of which the values have no order. */
static void fighting_over_words(void **state)
{
	(void)state;
	begin("  - name: a\n    when: { vital: net.listen_full_hz, above: 1 }\n"
	      "    propose: { parameter: vm.thp.defrag, value: never }\n" LOSS "    reason: r\n"
	      "  - name: b\n    when: { vital: net.udp_full_hz, above: 1 }\n"
	      "    propose: { parameter: vm.thp.defrag, value: always }\n" LOSS "    reason: r\n");
	for (int i = 0; i < 3000; i++) {
		vital(HS_VITAL_LISTEN_FULL, strcmp(value_of("vm.thp.defrag"), "never") ? 9 : 0);
		vital(HS_VITAL_UDP_FULL, strcmp(value_of("vm.thp.defrag"), "always") ? 9 : 0);
		seconds(1);
	}
	/* madvise, never, always, never …: the first that is a way back is the third change */
	assert_int_equal(w.asks, 6);
	assert_int_equal(told("vm.thp.defrag is frozen for an hour"), 1);
}

/* A slow to and fro is no fight: four turns in more than ten minutes. */
static void slowly_to_and_fro(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	for (int i = 0; i < 6; i++) {
		vital(HS_VITAL_LISTEN_FULL, 50);
		seconds(4);
		vital(HS_VITAL_LISTEN_FULL, 0);
		seconds(600);
	}
	assert_int_equal(w.asks, 12);
	assert_int_equal(told("frozen"), 0);
}

/* A proposal that is pending is not made twice; one that the daemon has forgotten is. */
static void under_way(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS));
	w.verdict = TX_WATCHED; /* no end to it */
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(1000);
	assert_int_equal(w.asks, 1);
	assert_true(rules_wait(&w.a.rules));
	w.changes_nr = 0;
	seconds(10);
	assert_int_equal(told("has forgotten change 1"), 1);
	assert_int_equal(w.asks, 2);
}

/* The program is started anew: its rules know by the daemon what they have changed, and go back. */
static void started_anew(void **state)
{
	(void)state;
	begin(LISTEN("listen", BACK LOSS) LISTEN("listen2", BACK LOSS));
	vital(HS_VITAL_LISTEN_FULL, 50);
	seconds(4);
	vital(HS_VITAL_LISTEN_FULL, 0);
	seconds(1);
	assert_int_equal(w.asks, 1);
	for (int i = 0; i < 2; i++) {
		begin_rules();
		rules_changes(&w.a.rules, w.now_ns, w.change, w.changes_nr);
		rules_remember(&w.a.rules, w.change, w.changes_nr);
		assert_int_equal(w.a.rules.rule[0].holds, !i);
		assert_false(w.a.rules.rule[1].holds);
		assert_int_equal(w.a.rules.parameter[0].committed, i + 1);
		seconds(100);
		assert_int_equal(w.asks, 2);
		is("net.core.somaxconn", "4096");
	}
	/* what a person has changed, or was rolled back, is not a rule's */
	for (unsigned int i = 0; i < w.changes_nr; i++)
		w.change[i].state = i ? TX_ROLLED_BACK : TX_COMMITTED;
	w.change[0].by_rules = false;
	rules_remember(&w.a.rules, w.change, w.changes_nr);
	assert_false(w.a.rules.rule[0].holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_and_back),	     cmocka_unit_test(absent),
		cmocka_unit_test(somebody_else),     cmocka_unit_test(rolled_back),
		cmocka_unit_test(refusals),	     cmocka_unit_test(in_vain),
		cmocka_unit_test(fighting),	     cmocka_unit_test(fighting_over_words),
		cmocka_unit_test(slowly_to_and_fro), cmocka_unit_test(under_way),
		cmocka_unit_test(started_anew),
	};

	return cmocka_run_group_tests_name("advice", tests, load, unload);
}
