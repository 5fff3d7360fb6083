// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Parameters that stand for several objects: each from its own value, and back to it; and what a rule's conditions can be. */
#include "advice_fixture.h"

#define POLICY(nr) "/sys/devices/system/cpu/cpufreq/policy" #nr "/"
#define WHEN "    when: { vital: net.listen_full_hz, above: 1 }\n"
#define REST "    goal: energy\n    cooldown: 30s\n    reason: r\n"

static const char half[] = "  - name: half\n" WHEN
			   "    propose: { parameter: 'cpu.frequency.max[*]', times: 0.5, least: "
			   "500000 }\n" BACK REST;
static const char save[] = "  - name: save\n" WHEN "    propose: { parameter: 'cpu.governor[*]', "
			   "value: powersave }\n" BACK REST;

/* A host with this advice whose values are in a tree. */
static void begin_in_tree(const char *advice)
{
	begin(advice);
	begin_tree();
}

static void need(bool is)
{
	vital(HS_VITAL_LISTEN_FULL, is ? 50 : 0);
}

/* It is needed, and each change helps a bit, so that the next one is not put off. */
static void needed(int nr)
{
	for (__u64 level = 1ULL << 60; nr--; level -= level / 5) {
		vital(HS_VITAL_LISTEN_FULL, level);
		seconds(1);
	}
}

/* Of CPUs that share a clock one is named; each clock goes from its own value and back to it, in one message. */
static void each_its_own(void **state)
{
	(void)state;
	begin_in_tree(half);
	clock_of(0, 1, "4000000\n", "performance\n");
	clock_of(2, 3, "2000000\n", "performance\n");
	clock_of(4, 4, "1200000\n", "performance\n");
	seconds(10);
	assert_int_equal(w.asks, 0);
	needed(2);
	assert_int_equal(w.asks, 1);
	assert_int_equal(w.moved, 1);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=2000000 cpu2=1000000 cpu4=600000");
	/* again, as far as each may go: the last one by what is left, then not at all */
	needed(30);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=1000000 cpu2=500000 cpu4=500000");
	needed(30);
	assert_int_equal(w.asks, 3);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=500000");
	seconds(100);
	assert_int_equal(w.asks, 3);
	assert_int_equal(told("all objects of cpu.frequency.max[*] are as far as they may go"), 1);
	need(false);
	seconds(60);
	assert_int_equal(w.asks, 3);
	seconds(1);
	assert_int_equal(w.asks, 4);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=4000000 cpu2=2000000 cpu4=1200000");
	assert_string_equal(w.reason, "half: no longer needed: r");
	holds(CLOCK(1) "scaling_max_freq", "4000000");
	holds(CLOCK(3) "scaling_max_freq", "2000000");
	seconds(1000);
	assert_int_equal(w.asks, 4);
	assert_false(w.a.rules.rule[0].holds);
}

/* One value for all that are there is one word; who comes later gets it, who is gone meanwhile gets his own when he is back. */
static void come_and_go(void **state)
{
	(void)state;
	begin_in_tree(save);
	clock_of(0, 0, "1\n", "performance\n");
	clock_of(1, 1, "1\n", "schedutil\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.governor[*] powersave");
	clock_of(2, 2, "1\n", "ondemand\n");
	vanish("/sys/devices/system/cpu/cpu1/cpufreq");
	seconds(28);
	assert_int_equal(w.asks, 1);
	seconds(1);
	assert_int_equal(w.asks, 2);
	holds(CLOCK(2) "scaling_governor", "powersave");
	need(false);
	seconds(61);
	assert_int_equal(w.asks, 3);
	assert_string_equal(w.last, "cpu.governor cpu0=performance cpu2=ondemand");
	assert_true(w.a.rules.rule[0].holds);
	/* the kernel gives a CPU that comes back what it had; once it is back, that is put back, too */
	clock_of(3, 3, "1\n", "performance\n");
	vanish("/sys/devices/system/cpu/cpufreq/policy1");
	clock_of(1, 1, "1\n", "powersave\n");
	seconds(100);
	assert_int_equal(w.asks, 4);
	assert_string_equal(w.last, "cpu.governor cpu1=schedutil");
	assert_false(w.a.rules.rule[0].holds);
	holds(CLOCK(3) "scaling_governor", "performance");
}

/* What somebody else has set since is his; the others go back. */
static void somebody_elses(void **state)
{
	(void)state;
	begin_in_tree(save);
	clock_of(0, 0, "1\n", "performance\n");
	clock_of(1, 1, "1\n", "performance\n");
	need(true);
	seconds(2);
	file(CLOCK(1) "scaling_governor", "userspace\n");
	need(false);
	seconds(100);
	assert_int_equal(told("somebody else has set cpu.governor[*] of cpu1 to 'userspace' since"),
			 1);
	assert_string_equal(w.last, "cpu.governor cpu0=performance");
	holds(CLOCK(1) "scaling_governor", "userspace");
	/* one that the daemon yields: nothing is held */
	begin_in_tree(save);
	clock_of(0, 0, "1\n", "performance\n");
	w.verdict = TX_YIELDED;
	need(true);
	seconds(2);
	need(false);
	seconds(1000);
	assert_int_equal(w.asks, 1);
	assert_false(w.a.rules.rule[0].holds);
}

/* A change of four files that is rolled back is one failure, and leaves nothing to go back to. */
static void all_or_none(void **state)
{
	(void)state;
	begin_in_tree(half);
	for (int cpu = 0; cpu < 4; cpu++)
		clock_of(cpu, cpu, "2000000\n", "performance\n");
	w.verdict = TX_ROLLED_BACK;
	need(true);
	seconds(3);
	assert_int_equal(w.changes_nr, 4);
	assert_int_equal(w.a.rules.parameter[0].failed, 1);
	need(false);
	seconds(1000);
	assert_int_equal(w.asks, 1);
}

/* Started anew, its rules know by the daemon which object had what. */
static void started_anew(void **state)
{
	(void)state;
	begin_in_tree(half);
	clock_of(0, 0, "4000000\n", "performance\n");
	clock_of(1, 1, "2000000\n", "performance\n");
	need(true);
	seconds(33);
	assert_int_equal(w.asks, 2);
	need(false);
	seconds(1);
	begin_rules();
	rules_changes(&w.a.rules, w.now_ns, w.change, w.changes_nr);
	rules_remember(&w.a.rules, w.change, w.changes_nr);
	assert_true(w.a.rules.rule[0].holds);
	assert_int_equal(w.a.rules.parameter[0].committed, 2);
	seconds(100);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=4000000 cpu1=2000000");
	assert_int_equal(w.asks, 3);
	/* and once more, that it has gone back */
	begin_rules();
	rules_remember(&w.a.rules, w.change, w.changes_nr);
	assert_false(w.a.rules.rule[0].holds);
}

/* By what the kernel lists: the nearest clock; and who has not got that governor is left out. */
static void what_it_can_have(void **state)
{
	(void)state;
	begin_in_tree(half);
	clock_of(0, 0, "1800000\n", "performance\n");
	clock_of(1, 1, "1800000\n", "performance\n");
	file(POLICY(0) "scaling_available_frequencies", "600000 1000000 1500000 1800000 \n");
	file(POLICY(1) "scaling_available_frequencies", "1800000 1700000\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=1000000 cpu1=1700000");
	seconds(30);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=600000");
	seconds(300);
	assert_int_equal(w.asks, 2);
	begin_in_tree(save);
	clock_of(0, 0, "1\n", "performance\n");
	clock_of(1, 1, "1\n", "performance\n");
	file(POLICY(1) "scaling_available_governors", "performance schedutil\n");
	need(true);
	seconds(300);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "cpu.governor cpu0=powersave");
	holds(CLOCK(1) "scaling_governor", "performance");
	/* nobody has */
	begin_in_tree(save);
	clock_of(1, 1, "1\n", "performance\n");
	file(POLICY(1) "scaling_available_governors", "performance schedutil\n");
	need(true);
	seconds(300);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("no object of cpu.governor[*] can be changed so here"), 1);
}

/* However many have come and gone: who is gone, and was not changed, makes room. */
static void room_for_all(void **state)
{
	char path[64];

	(void)state;
	begin_in_tree(save);
	for (int cpu = 0; cpu < 2 * KB_FILES_MAX; cpu++) {
		clock_of(cpu, cpu, "1\n", "performance\n");
		seconds(1);
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq", cpu);
		vanish(path);
	}
	clock_of(200, 201, "1\n", "schedutil\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.governor[*] powersave");
	/* those that it has changed keep theirs */
	for (int cpu = 300; cpu < 300 + 2 * KB_FILES_MAX; cpu++) {
		clock_of(cpu, cpu, "1\n", "performance\n");
		vital(HS_VITAL_LISTEN_FULL, 1);
		seconds(1);
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq", cpu);
		vanish(path);
	}
	need(false);
	seconds(100);
	assert_string_equal(w.last, "cpu.governor cpu200=schedutil");
}

/* What could not be put back is left as it is; so is all, where there are more than a change may have. */
static void left_out(void **state)
{
	(void)state;
	begin_in_tree(half);
	clock_of(0, 0, "2000000\n", "performance\n");
	clock_of(1, 1, "50000\n", "performance\n"); /* below the knowledge base's range */
	clock_of(2, 2, "no number\n", "performance\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=1000000");
	begin_in_tree(half);
	for (int cpu = 0; cpu < KB_FILES_MAX + 1; cpu++)
		clock_of(cpu, cpu, "2000000\n", "performance\n");
	need(true);
	seconds(100);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("are 65 files; expected 64 at most"), 1);
	begin_in_tree(half);
	need(true);
	seconds(100);
	assert_int_equal(told("cannot be read here: there is no /sys/"), 1);
}

/* Back as it came, as long as it is calm, and no further than to what was. */
static void back_by_steps(void **state)
{
	(void)state;
	begin_in_tree("  - name: steps\n" WHEN
		      "    propose: { parameter: 'cpu.frequency.max[*]', add: -300000 }\n"
		      "    back: { below: 1, for: 20s, steps: true }\n" REST);
	clock_of(0, 0, "2000000\n", "performance\n");
	clock_of(1, 1, "2000000\n", "performance\n");
	file(POLICY(1) "scaling_available_frequencies", "1400000 2000000\n");
	needed(32);
	assert_int_equal(w.asks, 2);
	holds(CLOCK(0) "scaling_max_freq", "1400000");
	holds(CLOCK(1) "scaling_max_freq", "1400000");
	need(false);
	seconds(20);
	assert_int_equal(w.asks, 2);
	seconds(1);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=1700000 cpu1=2000000");
	assert_true(w.a.rules.rule[0].holds);
	/* in between it is needed again: down again from there */
	needed(30);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=1400000 cpu1=1400000");
	need(false);
	seconds(200);
	assert_int_equal(w.asks, 6);
	holds(CLOCK(0) "scaling_max_freq", "2000000");
	holds(CLOCK(1) "scaling_max_freq", "2000000");
	assert_false(w.a.rules.rule[0].holds);
	seconds(1000);
	assert_int_equal(w.asks, 6);
	assert_int_equal(told("frozen"), 0);
}

/* In the place of a parameter that is not there, or fails. */
static void in_its_place(void **state)
{
	static const char two[] =
		"  - name: power\n" WHEN
		"    propose: { parameter: 'cpu.power_limit[*]', times: 0.5 }\n" REST
		"  - name: clock\n" WHEN "    propose: { parameter: 'cpu.frequency.max[*]', times: "
		"0.5, without: 'cpu.power_limit[*]' }\n" REST;

	(void)state;
	begin_in_tree(two);
	clock_of(0, 0, "4000000\n", "performance\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.frequency.max cpu0=2000000");
	assert_int_equal(w.asks, 1);
	begin_in_tree(two);
	clock_of(0, 0, "4000000\n", "performance\n");
	file("/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "60000000\n");
	/* a part of a package, whose limit is its own */
	file("/sys/class/powercap/intel-rapl:0:0/constraint_0_power_limit_uw", "60000000\n");
	need(true);
	seconds(2);
	assert_string_equal(w.last, "cpu.power_limit 0=30000000");
	w.verdict = TX_FAILED;
	seconds(40);
	assert_int_equal(w.asks, 2);
	holds(CLOCK(0) "scaling_max_freq", "4000000");
	while (w.asks < 3)
		seconds(1);
	w.verdict = TX_COMMITTED;
	w.change[0].state = TX_FAILED; /* the second failure in a row */
	w.change[0].at_ns = w.now_ns;
	seconds(2);
	holds(CLOCK(0) "scaling_max_freq", "2000000");
}

/* As it will be: the margin less what it loses until then; only where both are there. */
static void ahead(void **state)
{
	(void)state;
	begin_in_tree(
		"  - name: heat\n    when: { vital: thermal.margin_mc, below: 2C, ahead: 30s }\n"
		"    propose: { parameter: vm.swappiness, add: -1 }\n" REST);
	file("/proc/sys/vm/swappiness", "60\n");
	vital(HS_VITAL_THERMAL_MARGIN, 17000);
	seconds(10);
	assert_int_equal(w.asks, 0); /* nobody says how fast */
	vital(HS_VITAL_THERMAL_SLOPE, 500);
	seconds(10);
	assert_int_equal(w.asks, 0); /* 2 C in half a minute: not below */
	vital(HS_VITAL_THERMAL_SLOPE, 501);
	seconds(1);
	assert_int_equal(w.asks, 1);
	/* steeper than there is margin: not past 0 */
	vital(HS_VITAL_THERMAL_SLOPE, 100000);
	seconds(30);
	assert_int_equal(w.asks, 2);
	/* hotter is worse where the temperature itself is told */
	begin_in_tree(
		"  - name: heat\n    when: { vital: thermal.hottest_mc, above: 90C, ahead: 30s }\n"
		"    propose: { parameter: vm.swappiness, add: -1 }\n" REST);
	file("/proc/sys/vm/swappiness", "60\n");
	vital(HS_VITAL_THERMAL_HOTTEST, 75000);
	vital(HS_VITAL_THERMAL_SLOPE, 500);
	seconds(5);
	assert_int_equal(w.asks, 0);
	vital(HS_VITAL_THERMAL_SLOPE, 501);
	seconds(1);
	assert_int_equal(w.asks, 1);
}

/* The need may be another vital sign than the ill, or the load alone. */
static void another_need(void **state)
{
	(void)state;
	begin_in_tree("  - name: a\n" WHEN "    propose: { parameter: vm.swappiness, value: '1' }\n"
		      "    back: { vital: net.packets_hz, below: 100, for: 20s }\n" REST);
	file("/proc/sys/vm/swappiness", "60\n");
	vital(HS_VITAL_PACKETS, 5000);
	need(true);
	seconds(2);
	need(false); /* it is cured, and needed all the same */
	seconds(1000);
	assert_int_equal(w.asks, 1);
	vital(HS_VITAL_PACKETS, 50);
	seconds(20);
	assert_int_equal(w.asks, 1);
	seconds(1);
	assert_int_equal(w.asks, 2);
	holds("/proc/sys/vm/swappiness", "60");
	begin_in_tree("  - name: a\n    when: { vital: cpu.busy_permille, below: 3%, load: idle }\n"
		      "    propose: { parameter: vm.swappiness, value: '1' }\n"
		      "    back: { load: not idle, for: 5s }\n" REST);
	file("/proc/sys/vm/swappiness", "60\n");
	vital(HS_VITAL_CPU_BUSY, 10);
	seconds(2);
	assert_int_equal(w.asks, 1);
	/* nothing is known: that is no other load */
	memset(w.vital, 0, sizeof(w.vital));
	seconds(100);
	assert_int_equal(w.asks, 1);
	vital(HS_VITAL_CPU_BUSY, 10);
	vital(HS_VITAL_PACKETS, 5000);
	seconds(5);
	assert_int_equal(w.asks, 1);
	seconds(5);
	assert_int_equal(w.asks, 2);
	holds("/proc/sys/vm/swappiness", "60");
}

/* One that comes and goes too often is frozen as it was, not as it has been made; and that an ill is none is not held against it. */
static void frozen_as_it_was(void **state)
{
	(void)state;
	begin_in_tree(
		"  - name: rest\n    when: { vital: cpu.busy_permille, below: 3% }\n"
		"    propose: { parameter: 'cpu.governor[*]', value: powersave }\n"
		"    back: { above: 20% }\n    goal: energy\n    cooldown: 60s\n    reason: r\n");
	clock_of(0, 0, "1\n", "performance\n");
	for (int i = 0; i < 30; i++) {
		vital(HS_VITAL_CPU_BUSY, 10);
		seconds(65);
		vital(HS_VITAL_CPU_BUSY, 500);
		seconds(4);
		holds(CLOCK(0) "scaling_governor", "performance");
	}
	assert_int_equal(w.a.rules.parameter[0].vain_in_row, 0);
	assert_int_equal(told("frozen"), 1);
	assert_in_range(w.asks, 4, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_its_own),
		cmocka_unit_test(come_and_go),
		cmocka_unit_test(somebody_elses),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(started_anew),
		cmocka_unit_test(what_it_can_have),
		cmocka_unit_test(left_out),
		cmocka_unit_test(room_for_all),
		cmocka_unit_test(back_by_steps),
		cmocka_unit_test(in_its_place),
		cmocka_unit_test(ahead),
		cmocka_unit_test(another_need),
		cmocka_unit_test(frozen_as_it_was),
	};

	return cmocka_run_group_tests_name("advice_objects", tests, load, unload);
}
