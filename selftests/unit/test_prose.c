// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The CLI's sentences, made from what the daemon sends. */
#include "fixture.h"

#include "../../user/cli/prose.h"
#include "../../user/lib/json.h"
#include "event_log.h"

static const struct {
	struct hs_event event;
	const char *text;
} event_texts[] = {
	{{.type = HS_EVENT_REFLEX,
	  .id = HS_KNOB_SLICE_BATCH,
	  .vital = HS_VITAL_WAIT_NORMAL_P99,
	  .cause = HS_CAUSE_REFLEX,
	  .from = 20000,
	  .to = 10000,
	  .value = 16000000,
	  .latency_ns = 1200000,
	  .rule = 0},
	 "sched.slice.batch_us went from 20 ms to 10 ms: sched.wait.normal.p99_ns is 16 ms "
	 "(rule 1, after 1.2 ms)"},
	{{.type = HS_EVENT_ADVICE,
	  .id = HS_KNOB_BATCH_DUTY,
	  .cause = HS_CAUSE_PROFILE,
	  .from = 1000,
	  .to = 500},
	 "sched.batch.duty_permille would go from 100 % to 50 %: profile"},
	{{.type = HS_EVENT_CLASS,
	  .from = HS_CLASS_NORMAL,
	  .to = HS_CLASS_CRITICAL,
	  .latency_ns = 16000000,
	  .pid = 42,
	  .comm = "redis-server-lo"},
	 "redis-server-lo[42] went from normal to critical, 16 ms after it was first seen"},
	{{.type = HS_EVENT_TRIP,
	  .id = HS_TRIP_LIMIT,
	  .vital = HS_VITAL_PULSE_LATE,
	  .value = 12000000,
	  .to = 5000000},
	 "gate shut: a vital sign was beyond a hard limit of the profile: pulse.late_ns "
	 "was 12 ms, limit 5 ms"},
	{{.type = HS_EVENT_TRIP, .id = HS_TRIP_HEARTBEAT},
	 "gate shut: the daemon's heartbeat was overdue"},
	{{.type = HS_EVENT_TRIP, .id = HS_TRIP_PROGRESS, .to = 21000000, .value = 18000000},
	 "gate shut: the daemon's main loop made no progress for 21 ms, 18 ms of them "
	 "without a CPU"},
	{{.type = HS_EVENT_FREEZE, .id = HS_KNOB_SLICE_BATCH, .from = 8000, .to = 5000},
	 "sched.slice.batch_us turned back and forth too often: frozen at stock, 5 ms "
	 "(was 8 ms)"},
	{{.type = HS_EVENT_DEADLINE, .latency_ns = 2000, .pid = 7, .comm = "probe"},
	 "probe[7] missed its deadline by 2 us"},
	{{.type = HS_EVENT_BUDGET, .id = 3, .pid = 7, .comm = "probe"},
	 "probe[7] competes as normal: critical budget of CPU 3 is used up"},
	{{.type = HS_EVENT_PLUGIN,
	  .id = 1,
	  .from = HS_SLOT_END_SLOW,
	  .to = HS_KNOB_NR,
	  .vital = HS_VITAL_NR,
	  .latency_ns = 2000},
	 "the policy in slot 1 was shut out: it took longer than its budget (its last call took 2 "
	 "us)"},
	{{.type = HS_EVENT_PLUGIN,
	  .from = HS_SLOT_END_RUBBISH,
	  .to = HS_KNOB_SLICE_BATCH,
	  .vital = HS_VITAL_NR,
	  .latency_ns = 2000},
	 "the policy in slot 0 was shut out: it wished for a knob what is outside its bounds "
	 "(sched.slice.batch_us) (its last call took 2 us)"},
	{{.type = HS_EVENT_PLUGIN,
	  .from = HS_SLOT_END_REVERTED,
	  .to = HS_KNOB_NR,
	  .vital = HS_VITAL_NR},
	 "the policy in slot 0 is gone: as a canary it was worse than what was before it"},
	{{.type = HS_EVENT_PLUGIN, .to = HS_KNOB_NR, .vital = HS_VITAL_NR},
	 "the policy in slot 0 is a canary no more: it acts"},
	{{.type = HS_EVENT_LOOK,
	  .vital = HS_VITAL_WAIT_NORMAL_P99,
	  .value = 9000000,
	  .to = 5000000},
	 "left to look at stock: sched.wait.normal.p99_ns is 9 ms, above 5 ms"},
	{{.type = HS_EVENT_LOOK,
	  .id = 1,
	  .vital = HS_VITAL_WAIT_NORMAL_P99,
	  .value = 9000000,
	  .to = 5000000},
	 "stock was looked at: sched.wait.normal.p99_ns was 9 ms, and is allowed 5 ms"},
	{{.type = HS_EVENT_STALE, .vital = HS_VITAL_THERMAL_HOTTEST, .latency_ns = 6000000000},
	 "thermal.hottest_mc was not measured for 6 s and is absent"},
	{{.type = HS_EVENT_PROFILE, .from = 0, .to = 2},
	 "another profile is in force: shift 2 of the calendar"},
	{{.type = HS_EVENT_PROFILE, .from = 2, .to = 0},
	 "another profile is in force: the one that was loaded"},
	{{.type = 4711}, "?"},
};

static void events(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(event_texts) / sizeof(event_texts[0]); i++) {
		struct json_object *e = event_json(&event_texts[i].event);

		assert_string_equal(prose_event(text, sizeof(text), e), event_texts[i].text);
		json_object_put(e);
	}
}

static void check_rule(const char *rule, const char *knob, const char *wanted)
{
	struct json_object *o = js_parse(rule, strlen(rule));
	char text[256];

	assert_non_null(o);
	assert_string_equal(prose_rule(text, sizeof(text), o, knob), wanted);
	json_object_put(o);
}

static void rules(void **state)
{
	(void)state;
	check_rule("{\"when\":\"sched.wait.critical.p99_ns\",\"low\":20000,\"high\":100000,"
		   "\"kind\":\"aimd\",\"up\":500,\"down\":200}",
		   "sched.slice.batch_us",
		   "while sched.wait.critical.p99_ns is above 100 us, sched.slice.batch_us is "
		   "multiplied by 0.500; below 20 us it goes back by 200 us a step");
	check_rule("{\"when\":\"sched.wait.critical.p99_ns\",\"low\":20000,\"high\":100000,"
		   "\"kind\":\"proportional\",\"up\":-300,\"down\":200}",
		   "sched.slice.batch_us",
		   "while sched.wait.critical.p99_ns is above 100 us, sched.slice.batch_us moves "
		   "by -300 us x excess; below 20 us it goes back by 200 us a step");
	check_rule("{\"when\":\"from.the.future\"}", "sched.slice.batch_us", "?");
	check_rule("{}", "", "?");
}

static void whys(void **state)
{
	static const struct {
		const char *reply;
		const char *why;
	} cases[] = {
		{"{\"cause\":\"stock\",\"stock\":5000,\"unit\":\"us\",\"armed\":true}",
		 "nobody changed it: stock, 5 ms"},
		{"{\"cause\":\"reflex\",\"rule_index\":0,\"profile\":\"edge\",\"unit\":\"us\","
		 "\"profile_value\":8000,\"armed\":false}",
		 "rule 1 of profile edge moved it; its base is 8 ms; the gate is shut, so "
		 "actuators "
		 "use the stock value"},
		{"{\"cause\":\"wish\",\"unit\":\"us\",\"profile_value\":8000,\"armed\":true}",
		 "somebody asked for it (homeostat wish); the profile's base is 8 ms"},
		{"{\"cause\":\"frozen\",\"unit\":\"us\",\"stock\":5000,\"freeze_turns\":6,"
		 "\"freeze_window_ns\":10000000000,\"armed\":true}",
		 "it turned back and forth more than 6 times in 10 s: held at stock, 5 ms, until "
		 "the next arming"},
		{"{\"cause\":\"tomorrow\",\"armed\":true}", "cause unknown to this program"},
	};
	char text[384];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_object *o = js_parse(cases[i].reply, strlen(cases[i].reply));

		assert_string_equal(prose_why(text, sizeof(text), o), cases[i].why);
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events),
		cmocka_unit_test(rules),
		cmocka_unit_test(whys),
	};

	return cmocka_run_group_tests_name("prose", tests, NULL, NULL);
}
