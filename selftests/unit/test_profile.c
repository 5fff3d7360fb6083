// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Profiles: what is accepted, and that what is refused names line and remedy. */
#include "fixture.h"

#include <time.h>

#include "names.h"
#include "profile.h"

static const char good[] =
	"name: mine\n"
	"description: one line\n"
	"pulse: { min: 500us, max: 100ms, window: 20ms, stress_wait: 2ms, stress_switches: 900 }\n"
	"heartbeat: { limit: 30ms }\n"
	"freeze: { turns: 4, window: 5s }\n"
	"weights: { loss: 50%, jitter: 300permille, work: 0%, energy: 100% }\n"
	"knobs:\n"
	"  - { name: sched.slice.batch_us, value: 8ms, min: 1ms, max: 20ms }\n"
	"rules:\n"
	"  - { when: sched.wait.critical.p99_ns, low: 20us, high: 100us,\n"
	"      knob: sched.slice.batch_us, kind: aimd, up: 500permille, down: 200us,\n"
	"      hold: 5ms, cooldown: 20ms }\n"
	"  - { when: sched.jitter.critical_ns, low: 1us, high: 1us,\n"
	"      knob: sched.slice.batch_us, kind: proportional, up: -300us, down: 200us }\n"
	"limits:\n"
	"  - { vital: sched.starved_ns, max: 2s, windows: 3 }\n"
	"  - { vital: sched.wait.critical.p99_ns, max: 20ms, times: 8 }\n"
	"slo:\n"
	"  - { vital: sched.wait.critical.p99_ns, max: 5ms, for: 7s }\n"
	"  - { report: orders.late-1, max: 12 }\n"
	"helping: { margin: 150%, floor: 20ms, for: 30s, observe: 8s }\n"
	"trip: { rearm: 20s, rearm_max: 10min, trips: 4, window: 1h, hook: /usr/lib/a.sh,\n"
	"  hook_limit: 500ms }\n"
	"workloads:\n"
	"  - { name: probe, class: critical, match: { comm: cyclictest, pid: 123 }, period: 1ms,\n"
	"      deadline: 500us, runtime: 50us, cpus: \"2-3\", isolation: true, criticality: 500 }\n"
	"  - { name: web, class: normal, match: { cgroup: /system.slice/web.service } }\n";

static int parse(struct profile *p, const char *text, char *error, size_t size)
{
	return profile_parse(p, "p.yaml", text, strlen(text), error, size);
}

static void accepts(void **state)
{
	struct profile p;
	char error[512];

	(void)state;
	if (parse(&p, good, error, sizeof(error)))
		fail_msg("%s", error);
	assert_string_equal(p.name, "mine");
	assert_string_equal(p.text, good);
	assert_int_equal(p.config.period_min_ns, 500000);
	assert_int_equal(p.config.period_max_ns, 100000000);
	assert_int_equal(p.config.stress_switches_hz, 900);
	assert_int_equal(p.config.freeze_turns, 4);
	assert_int_equal(p.heartbeat_limit_ns, 30000000);
	assert_int_equal(p.weights.loss_permille, 500);
	assert_int_equal(p.weights.jitter_permille, 300);
	assert_int_equal(p.weights.work_permille, 0);
	assert_int_equal(p.weights.energy_permille, 1000);
	assert_true(p.knob[HS_KNOB_SLICE_BATCH].stated);
	assert_int_equal(p.knob[HS_KNOB_SLICE_BATCH].value, 8000);
	assert_int_equal(p.knob[HS_KNOB_SLICE_BATCH].bound.max, 20000);
	assert_int_equal(p.knob[HS_KNOB_SLICE_NORMAL].value,
			 knob_infos[HS_KNOB_SLICE_NORMAL].bound.stock);
	assert_int_equal(p.config.rules_nr, 2);
	assert_int_equal(p.rule[0].gain_up, 500);
	assert_int_equal(p.rule[0].gain_down, 200);
	assert_int_equal(p.rule[0].cooldown_ns, 20000000);
	assert_int_equal(p.rule[1].kind, HS_RULE_PROPORTIONAL);
	assert_int_equal(p.rule[1].gain_up, -300);
	assert_int_equal(p.config.limits_nr, 2);
	assert_int_equal(p.config.limit[0].vital, HS_VITAL_STARVED);
	assert_int_equal(p.config.limit[0].max, 2000000000);
	assert_int_equal(p.config.limit[0].windows, 3);
	assert_int_equal(p.limit_times[0], 0);
	assert_int_equal(p.config.limit[1].windows, 1);
	assert_int_equal(p.limit_times[1], 8);
	assert_int_equal(p.slo_nr, 2);
	assert_int_equal(p.slo[0].vital, HS_VITAL_WAIT_CRITICAL_P99);
	assert_int_equal(p.slo[0].max, 5000000);
	assert_int_equal(p.slo[0].for_ns, 7000000000);
	assert_string_equal(p.slo[0].report, "");
	assert_int_equal(p.slo[1].vital, HS_VITAL_NR);
	assert_string_equal(p.slo[1].report, "orders.late-1");
	assert_int_equal(p.slo[1].max, 12);
	assert_int_equal(p.slo[1].for_ns, 5000000000);
	assert_int_equal(p.helping.margin_permille, 1500);
	assert_int_equal(p.helping.floor_ns, 20000000);
	assert_int_equal(p.helping.for_ns, 30000000000);
	assert_int_equal(p.helping.observe_ns, 8000000000);
	assert_int_equal(p.trip.rearm_ns, 20000000000);
	assert_int_equal(p.trip.rearm_max_ns, 600000000000);
	assert_int_equal(p.trip.trips, 4);
	assert_int_equal(p.trip.window_ns, 3600000000000);
	assert_string_equal(p.trip.hook, "/usr/lib/a.sh");
	assert_int_equal(p.trip.hook_limit_ns, 500000000);
	assert_int_equal(p.workload_nr, 2);
	assert_int_equal(p.workload[0].workload.cpus[0], 0xc);
	assert_int_equal(p.workload[0].workload.isolation, 1);
	assert_int_equal(p.workload[0].match_nr, 2);
	assert_int_equal(p.workload[0].match[1].pid, 123);
	assert_string_equal(p.workload[1].match[0].text, "/system.slice/web.service");
	profile_free(&p);
}

static void minimal_is_stock(void **state)
{
	struct profile p, stock;
	char error[512];

	(void)state;
	profile_stock(&stock);
	assert_int_equal(parse(&p, "name: a\n", error, sizeof(error)), 0);
	assert_memory_equal(&p.config, &stock.config, sizeof(p.config));
	assert_memory_equal(p.knob, stock.knob, sizeof(p.knob));
	assert_memory_equal(&p.helping, &stock.helping, sizeof(p.helping));
	assert_memory_equal(&p.trip, &stock.trip, sizeof(p.trip));
	assert_memory_equal(&p.weights, &stock.weights, sizeof(p.weights));
	assert_int_equal(p.weights.loss_permille, 400);
	assert_int_equal(p.weights.jitter_permille, 200);
	assert_int_equal(p.weights.work_permille, 400);
	assert_int_equal(p.weights.energy_permille, 0);
	assert_int_equal(p.slo_nr, 0);
	profile_free(&p);
	/* switched off, and other parts as they were */
	assert_int_equal(parse(&p, "name: a\nhelping: { margin: 0% }\n", error, sizeof(error)), 0);
	assert_int_equal(p.helping.margin_permille, 0);
	assert_int_equal(p.helping.for_ns, stock.helping.for_ns);
	profile_free(&p);
}

#define RULE(low, high, knob, kind, up, down)                                                      \
	"name: a\nrules:\n  - when: sched.wait.normal.p99_ns\n    low: " low "\n    high: " high   \
	"\n    knob: " knob "\n    kind: " kind "\n    up: " up "\n    down: " down "\n"
#define LIMIT(rest) "name: a\nlimits:\n  - { " rest " }\n"
#define SLO(rest) "name: a\nslo:\n  - { " rest " }\n"
#define LOAD(rest) "name: a\nworkloads:\n  - { name: w, " rest " }\n"

/* text; line that the message must name; words that it must contain */
static const struct {
	const char *text;
	int line;
	const char *reason;
	const char *expected;
} bad[] = {
	{"", 1, "empty", "name"},
	{"name: a\nspeed: 3\n", 2, "unknown key 'speed'", "weights, knobs"},
	{"name: a\nname: b\n", 2, "twice", "once"},
	{"name: a\npulse:\n  min: 1ms\n  min: 2ms\n", 4, "twice", "once"},
	{"name: a\npulse: { mni: 1ms }\n", 2, "unknown key 'mni'", "min, max"},
	{"description: x\n", 1, "lacks 'name'", "name: "},
	{"name: Big Name\n", 1, "bad name", "a-z"},
	{"name: a\npulse: 3\n", 2, "not a mapping", "min"},
	{"name: a\nknobs: 3\n", 2, "not a list", "- {"},
	{"name: [a]\n", 1, "no plain value", "name: value"},
	{"name: a\npulse: { min: 1 }\n", 2, "unit", "500us"},
	{"name: a\npulse: { min: 1km }\n", 2, "unit", "500us"},
	{"name: a\npulse: { min: 10us }\n", 2, "out of bounds", "100 us"},
	{"name: a\npulse: { min: 100ms, max: 1ms }\n", 2, "longer", "min <= max"},
	{"name: a\nheartbeat: { limit: 4ms }\n", 2, "out of bounds", "5 ms"},
	{"name: a\nheartbeat: {}\n", 2, "lacks 'limit'", "limit"},
	{"name: a\nweights: 3\n", 2, "not a mapping", "loss, jitter, work, energy"},
	{"name: a\nweights: { loss: 1%, jitter: 1%, work: 1% }\n", 2, "lacks 'energy'", "energy"},
	{"name: a\nweights: { loss: 1%, jitter: 1%, work: 1%, energy: 1%, fun: 1% }\n", 2,
	 "unknown key 'fun'", "loss, jitter"},
	{"name: a\nweights:\n  loss: 1%\n  jitter: 1\n  work: 1%\n  energy: 1%\n", 4, "unit",
	 "30%"},
	{"name: a\nweights:\n  loss: 1%\n  jitter: 1%\n  work: 101%\n  energy: 1%\n", 5,
	 "out of bounds", "0 % to 100 %"},
	{"name: a\nweights: { loss: -1%, jitter: 1%, work: 1%, energy: 1% }\n", 2, "not a quantity",
	 "30%"},
	{"name: a\nweights: { loss: 0%, jitter: 0%, work: 0%, energy: 0% }\n", 2,
	 "all weights are 0", "one above 0"},
	{"name: a\nknobs:\n  - { name: x, value: 1ms }\n", 3, "unknown knob", "homeostat knobs"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 300us }\n", 3, "out of bounds",
	 "500 us to 100 ms"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 30% }\n", 3, "unit",
	 "microseconds"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 1500ns }\n", 3, "whole",
	 "microseconds"},
	{"name: a\nknobs:\n  - { name: sched.starvation_ms, value: 100500us }\n", 3, "whole", "ms"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us,\n      value: 8ms,\n      max: 4ms "
	 "}\n",
	 4, "out of bounds", "4 ms"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 8ms, min: 9ms, max: 7ms }\n", 3,
	 "below its min", "min <= max"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 8ms, max: 1s }\n", 3,
	 "out of bounds", "100 ms"},
	{"name: a\nknobs:\n  - { name: sched.slice.batch_us, value: 8ms }\n"
	 "  - { name: sched.slice.batch_us, value: 9ms }\n",
	 4, "twice", "once"},
	{RULE("2ms", "1ms", "sched.slice.batch_us", "aimd", "50%", "1ms"), 5, "low is above",
	 "low <= high"},
	{RULE("1ms", "2ms", "nope", "aimd", "50%", "1ms"), 6, "unknown knob", "homeostat knobs"},
	{RULE("1ms", "2ms", "sched.slice.batch_us", "pid", "50%", "1ms"), 7, "unknown kind",
	 "aimd"},
	{RULE("1ms", "2ms", "sched.slice.batch_us", "aimd", "1000permille", "1ms"), 8,
	 "changes nothing", "1000permille"},
	{RULE("1ms", "2ms", "sched.slice.batch_us", "aimd", "-50%", "1ms"), 8, "not a quantity",
	 "30%"},
	{RULE("1ms", "2ms", "sched.slice.batch_us", "aimd", "50%", "0us"), 9, "out of bounds",
	 "1 us"},
	{RULE("30%", "2ms", "sched.slice.batch_us", "aimd", "50%", "1ms"), 4, "unit", "a time"},
	{"name: a\nrules:\n  - { when: x }\n", 3, "lacks 'low'", "low"},
	{LOAD("class: critical, match: {}"), 3, "match of 'w' is empty", "cgroup, comm or pid"},
	{LOAD("class: critical"), 3, "lacks 'match'", "match"},
	{LOAD("class: urgent, match: { comm: x }"), 3, "unknown class", "critical, normal"},
	{LOAD("class: critical, match: { cgroup: a/b }"), 3, "bad cgroup", "/system.slice"},
	{LOAD("class: critical, match: { cgroup: /a/../b }"), 3, "bad cgroup", "/system.slice"},
	{LOAD("class: critical, match: { cgroup: /a// }"), 3, "bad cgroup", "/system.slice"},
	{LOAD("class: critical, match: { comm: 0123456789abcdef }"), 3, "bad command", "15 bytes"},
	{LOAD("class: critical, match: { pid: 0 }"), 3, "out of bounds", "1 to"},
	{LOAD("class: critical, match: { comm: x }, period: 1ms, deadline: 2ms"), 3,
	 "longer than period", "deadline <= period"},
	{LOAD("class: critical, match: { comm: x }, period: 1ms, runtime: 2ms"), 3,
	 "longer than period", "runtime <="},
	{LOAD("class: batch, match: { comm: x }, deadline: 2ms"), 3, "for class batch", "critical"},
	{LOAD("class: critical, match: { comm: x }, cpus: two"), 3, "not a list", "0-3,8"},
	{LOAD("class: critical, match: { comm: x }, cpus: 5000"), 3, "out of bounds", "0-3,8"},
	{LOAD("class: critical, match: { comm: x }, isolation: true"), 3, "without cpus",
	 "expected cpus too"},
	{LOAD("class: critical, match: { comm: x }, cpus: (null)"), 3, "cpus", "list such as"},
	{LOAD("class: critical, match: { comm: x }, isolation: yes"), 3, "isolation",
	 "true or false"},
	{LOAD("class: critical, match: { comm: x }, criticality: 1001"), 3, "out of bounds",
	 "1000"},
	{"name: a\nworkloads:\n  - { name: homeostatd, class: batch, match: { pid: 1 } }\n", 3,
	 "own", "another name"},
	{"name: a\nworkloads:\n  - { name: w, class: batch, match: { pid: 1 } }\n"
	 "  - { name: w, class: batch, match: { pid: 2 } }\n",
	 4, "twice, first in line 3", "once"},
	{"name: a\nworkloads:\n  - { name: w, class: batch, match: { pid: 1 } }\n"
	 "  - { name: x, class: batch, match: { pid: 1 } }\n",
	 4, "in line 3 matches the same", "once"},
	{"name: a\ndescription: *a\n", 2, "alias ('a')", "plain values"},
	{"name: a\npulse: { window: 1ms, min: 2ms }\n", 2, "shorter than the shortest", "window"},
	{"name: a\nrules:\n  - { when: sched.wait.normal.p99_ns, low: 1ms, high: 2ms,\n"
	 "      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }\n"
	 "  - { when: sched.wait.normal.p99_ns, low: 1ms, high: 2ms,\n"
	 "      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }\n",
	 5, "already in rule 1", "once"},
	{"name: a\nrules:\n  - { when: sched.wait.normal.p99_ns, low: 1ms, high: 2ms,\n"
	 "      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1s }\n",
	 4, "out of bounds", "100 ms"},
	{"name: a\nrules:\n  - { when: sched.wait.normal.p99_ns, low: 1, high: 2ms,\n"
	 "      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }\n",
	 3, "unit", "a time"},
	{"name: a\nrules:\n  - { when: sched.wait.normal.p99_ns, low: 1ms, high: 0ms,\n"
	 "      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }\n",
	 3, "out of bounds", "1 ns"},
	{"name: a\ndescription: \"two\\nlines\"\n", 2, "bad description", "one line"},
	{"name: a\nworkloads:\n  - { name: \"w w\", class: batch, match: { pid: 1 } }\n", 3,
	 "bad workload name", "a-z"},
	{"name: a\nworkloads:\n  - { name: w, class: batch, match: { cgroup: /a//b } }\n", 3,
	 "cgroup", "expected"},
	{"name: a\nworkloads:\n  - { name: w, class: critical, match: { pid: 1 }, period: 1 }\n", 3,
	 "unit", "a time"},
	{"name: a\nworkloads:\n  - { name: w, class: critical, match: { pid: 1 }, deadline: 1 }\n",
	 3, "unit", "a time"},
	{"name: a\nworkloads:\n  - { name: w, class: critical, match: { pid: 1 }, runtime: 1 }\n",
	 3, "unit", "a time"},
	{"name: &b a\n", 1, "anchor or alias ('b')", "plain values"},
	{"name: !b a\n", 1, "a tag ('!b')", "plain values"},
	{"!!str name: a\n", 1, "a tag", "plain values"},
	{"name: a\nrules: !r [\n", 2, "('!r')", "plain values"},
	{"name: a\npulse: !p {\n", 2, "('!p')", "plain values"},
	{"\"name\\0zzz\": a\n", 1, "NUL", "plain name"},
	{"name: a\nrules: &r [\n", 2, "('r')", "plain values"},
	{"name: a\npulse: &p {\n", 2, "('p')", "plain values"},
	{"name: a\nrules: [[[[[[[[[[[[[[[[\n", 2, "too deep", "8 levels"},
	{"name: a\nrules: { a: { a: { a: { a: { a: { a: { a: { a: 1\n", 2, "too deep", "8"},
	{LIMIT("vital: nope, max: 1s"), 3, "unknown vital", "homeostat vitals"},
	{LIMIT("vital: sched.starved_ns"), 3, "lacks 'max'", "max"},
	{LIMIT("vital: sched.starved_ns, max: 3"), 3, "unit", "a time"},
	{LIMIT("vital: sched.starved_ns, max: 3s, windows: 0"), 3, "out of bounds", "1 to 1000"},
	{LIMIT("vital: sched.starved_ns, max: 3s, windows: 1001"), 3, "out of bounds", "1 to 1000"},
	{LIMIT("vital: sched.starved_ns, max: 3s, times: 4"), 3, "no stock baseline",
	 "sched.wait.critical.p99_ns"},
	{LIMIT("vital: sched.wait.normal.p99_ns, max: 3s, times: 1"), 3, "out of bounds",
	 "2 to 1000"},
	{LIMIT("vital: sched.starved_ns, max: 3s }\n  - { vital: sched.starved_ns, max: 2s"), 4,
	 "already in limit 1", "once"},
	{"name: a\nlimits: { vital: x }\n", 2, "not a list", "- {"},
	{SLO("max: 3"), 3, "neither vital nor report", "exactly one"},
	{SLO("vital: sched.starved_ns, report: a, max: 3s"), 3, "both", "exactly one"},
	{SLO("vital: nope, max: 3"), 3, "unknown vital", "homeostat vitals"},
	{SLO("report: A, max: 3"), 3, "bad name of a report", "a-z"},
	{SLO("report: a23456789012345678901234567890123, max: 3"), 3, "bad name of a report", "31"},
	{SLO("report: a, max: 3ms"), 3, "unit", "a bare number"},
	{SLO("report: a, max: 3, for: 500ms"), 3, "out of bounds", "1 s to"},
	{SLO("report: a, max: 3 }\n  - { report: a, max: 4"), 4, "already in slo 1", "once"},
	{SLO("vital: sched.starved_ns, max: 3s }\n  - { vital: sched.starved_ns, max: 2s"), 4,
	 "already in slo 1", "once"},
	{SLO("report: a, max: 3, until: 3s"), 3, "unknown key 'until' in slo", "for"},
	{"name: a\nhelping: { for: 10s }\n", 2, "lacks 'margin'", "margin"},
	{"name: a\nhelping: { margin: 9% }\n", 2, "out of bounds", "10 %"},
	{"name: a\nhelping: { margin: 1001% }\n", 2, "out of bounds", "1000 %"},
	{"name: a\nhelping:\n  margin: 50%\n  for: 500ms\n", 4, "out of bounds", "1 s"},
	{"name: a\nhelping: { margin: 50%, for: 61min }\n", 2, "out of bounds", "3600 s"},
	{"name: a\nhelping: { margin: 50%, floor: 2s }\n", 2, "out of bounds", "1 s"},
	{"name: a\nhelping: { margin: 50%, observe: 0s }\n", 2, "out of bounds", "1 s"},
	{"name: a\ntrip: { rearm: 0s }\n", 2, "out of bounds", "1 s"},
	{"name: a\ntrip: { rearm: 10m }\n", 2, "unit", "a time"},
	{"name: a\ntrip: { rearm_max: 10s }\n", 2, "without rearm", "rearm too"},
	{"name: a\ntrip: { rearm: 10s, rearm_max: 5s }\n", 2, "longer than rearm_max",
	 "rearm <= rearm_max"},
	{"name: a\ntrip: { trips: 0 }\n", 2, "out of bounds", "1 to 16"},
	{"name: a\ntrip: { trips: 17 }\n", 2, "out of bounds", "1 to 16"},
	/* pauses that push the first trip out of the window before the last one: it would never be held */
	{"name: a\ntrip:\n  rearm: 30min\n  rearm_max: 1h\n  trips: 3\n  window: 1h\n", 6,
	 "pauses before trip 3 take 5400 s", "window >= 10800 s"},
	{"name: a\ntrip: { rearm: 1000s, rearm_max: 1h, trips: 3, window: 5999s }\n", 2,
	 "window of 5999 s", "window >= 6000 s"},
	{"name: a\ntrip: { rearm: 16min, rearm_max: 1h }\n", 2, "take 2880 s", "window >= 5760 s"},
	/* nor would a day be enough */
	{"name: a\ntrip: { rearm: 1h, rearm_max: 24h, trips: 16, window: 24h }\n", 2,
	 "take 975600 s", "fewer trips, or shorter pauses"},
	{"name: a\ntrip:\n  window: 25h\n", 3, "out of bounds", "86400 s"},
	{"name: a\ntrip: { hook: run.sh }\n", 2, "bad hook", "an absolute path"},
	{"name: a\ntrip: { hook: / }\n", 2, "bad hook", "an absolute path"},
	{"name: a\ntrip: { hook: /a/../b }\n", 2, "bad hook", "without . or .."},
	{"name: a\ntrip: { hook: /a//b }\n", 2, "bad hook", "an absolute path"},
	{"name: a\ntrip: { hook: \"/a\\tb\" }\n", 2, "bad hook", "an absolute path"},
	{"name: a\ntrip: { hook: /a, hook_limit: 50ms }\n", 2, "out of bounds", "100 ms"},
	{"name: a\ntrip: { hook: /a, hook_limit: 61s }\n", 2, "out of bounds", "100 ms"},
	{"name: a\n---\nname: b\n", 3, "second document", "one in a file"},
	{"name: a\n  b: [\n", 2, "not YAML", "key: value"},
	{"name: \"a\\0b\"\n", 1, "NUL", "text"},
	{"- a\n", 1, "not a mapping", "name"},
};

static void refuses(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct profile p = {.workload_nr = 4711};
		char error[512] = "", line[32], *expected;

		snprintf(line, sizeof(line), "p.yaml:%d: ", bad[i].line);
		assert_int_equal(parse(&p, bad[i].text, error, sizeof(error)), -EINVAL);
		assert_int_equal(p.workload_nr, 4711); /* untouched */
		expected = strstr(error, "; expected ");
		if (strncmp(error, line, strlen(line)) || !strstr(error, bad[i].reason) ||
		    !expected || !strstr(expected, bad[i].expected) || strchr(error, '\n'))
			failed++, print_error("%s\nwith: %s\nwanted line %d, '%s', '%s'\n",
					      bad[i].text, error, bad[i].line, bad[i].reason,
					      bad[i].expected);
	}
	assert_int_equal(failed, 0);
}

static void too_many(void **state)
{
	struct profile p;
	char text[65536] = "name: a\nworkloads:\n", error[512];
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i <= PROFILE_WORKLOADS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"  - { name: w%d, class: batch, match: { pid: %d } }\n", i,
					i + 1);
	assert_int_equal(parse(&p, text, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "p.yaml:66: too many workloads; expected at most 63"));
}

/* Whatever is cut off or mixed up: an answer, never a crash (the sanitizers watch). */
static void survives(void **state)
{
	static const char junk[] = "{}[]:,-&*!|>'\"%@`#\n \t0a~\\";
	char text[sizeof(good)], error[512];
	unsigned int seed = 1;
	struct profile p;

	(void)state;
	for (size_t len = 0; len < sizeof(good) - 1; len += 7) {
		if (!profile_parse(&p, "p", good, len, error, sizeof(error)))
			profile_free(&p);
	}
	for (int i = 0; i < 3000; i++) {
		memcpy(text, good, sizeof(good));
		for (int j = 0; j < 3; j++) {
			seed = seed * 1664525 + 1013904223;
			text[(seed >> 8) % (sizeof(good) - 1)] =
				junk[(seed >> 4) % (sizeof(junk) - 1)];
		}
		if (!profile_parse(&p, "p", text, sizeof(good) - 1, error, sizeof(error)))
			profile_free(&p);
	}
	assert_int_equal(profile_parse(&p, "p", "\xff\xfe\x00", 3, error, sizeof(error)), -EINVAL);
	assert_int_equal(profile_parse(&p, "p", good, strlen(good), error, 8), 0);
	profile_free(&p);
}

/* Files that take libyaml seconds, or deep into the stack, were they given to its loader. */
static void no_time_bombs(void **state)
{
	static const char *const parts[] = {"[",   "{a: ",  "- ",    "? ",  "[ - ", "!!a ", "&a ",
					    "\"",  "'",	    "%A\n",  "\t",  "# ",   "a: ",  "a:\n",
					    "*a ", "...\n", "---\n", "|\n", ", "};
	static char text[PROFILE_TEXT_MAX];
	char error[512];
	struct profile p;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strlen(parts[i]), len = 0;
		clock_t start = clock();

		for (; len + n <= sizeof(text); len += n)
			memcpy(text + len, parts[i], n);
		assert_int_not_equal(profile_parse(&p, "p", text, len, error, sizeof(error)), 0);
		/* sanitized, on a busy machine; without the check it is 15 s */
		if (clock() - start > CLOCKS_PER_SEC)
			fail_msg("'%s' again and again: %ld ms", parts[i],
				 (long)((clock() - start) * 1000 / CLOCKS_PER_SEC));
	}
}

static void loads_files(void **state)
{
	char root[64], path[128], error[512], big[PROFILE_TEXT_MAX + 2];
	struct profile p;

	(void)state;
	tree_make(root);
	tree_put(root, "/a.yaml", good);
	memset(big, '#', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	tree_put(root, "/big.yaml", big);
	snprintf(path, sizeof(path), "%s/a.yaml", root);
	assert_int_equal(profile_load(&p, path, error, sizeof(error)), 0);
	assert_string_equal(p.path, path);
	profile_free(&p);
	profile_free(&p); /* harmless */
	snprintf(path, sizeof(path), "%s/big.yaml", root);
	assert_int_equal(profile_load(&p, path, error, sizeof(error)), -EFBIG);
	assert_non_null(strstr(error, "expected at most 64 KiB"));
	snprintf(path, sizeof(path), "%s/none.yaml", root);
	assert_int_equal(profile_load(&p, path, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "none.yaml: No such file"));
	/* nobody will ever write into it: that must not hold us up */
	snprintf(path, sizeof(path), "%s/fifo", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(profile_load(&p, path, error, sizeof(error)), -ENOTSUP);
	assert_non_null(strstr(error, "not a regular file"));
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),	 cmocka_unit_test(minimal_is_stock),
		cmocka_unit_test(refuses),	 cmocka_unit_test(too_many),
		cmocka_unit_test(survives),	 cmocka_unit_test(loads_files),
		cmocka_unit_test(no_time_bombs),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
