// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Who watches over the armed state, on a kernel that is played: the judge of what it does, the undo table, the guard. */
#include "arm_fixture.h"

#include <sys/socket.h>

#include "change.h"
#include "guard_link.h"
#include "json.h"
#include "names.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

/* ---- judge.c ---- */

/* One second: what tasks of both classes wait. */
static void second(__u64 wait_ns)
{
	d.tick_ns += S;
	for (int s = 0; s < HELPING_SIGNS; s++)
		vitals[helping_vital((enum helping_sign)s)] =
			(struct hs_vital){.value = wait_ns, .present = 1, .updated_ns = d.tick_ns};
	judge_tick(&d);
}

static struct json_object *told(const char *key)
{
	static struct json_object *reply;
	struct json_object *part = NULL;

	json_object_put(reply);
	reply = NULL;
	if (!key)
		return NULL;
	reply = json_object_new_object();
	judge_json(&d, reply);
	assert_true(json_object_object_get_ex(reply, key, &part));
	return part;
}

static int looks_told(void)
{
	const struct hs_event *e;
	int nr = 0;

	for (__u64 age = 0; (e = event_log_newest(&d.events, age)); age++)
		nr += e->type == HS_EVENT_LOOK;
	return nr;
}

/* The first arming waits; then we are worse than stock, which is looked at, and proved. */
static void harm_from_end_to_end(void **state)
{
	struct json_object *row;
	char why[256];
	int t;

	(void)state;
	d.tick_ns = 100 * S;
	judge_first(&d);
	assert_true(judge_waits(&d));
	assert_int_equal(set_mode(&d, HS_MODE_ACT, why, sizeof(why)), 0);
	assert_false(d.armed);
	for (t = 0; t < 20 && !d.armed; t++)
		second(1 * MS);
	assert_true(d.armed);
	assert_in_range(t, 5, 8);
	assert_int_equal(looks_told(), 0); /* it was no look from among us */
	for (t = 0; t < 40 && !d.after.recorder->trips; t++)
		second(d.armed ? 400 * MS : 1 * MS);
	assert_in_range(t, 15, 25);
	assert_false(d.armed || gate.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_HARM);
	assert_int_equal(gate.trip_value, 400 * MS);
	assert_int_equal(looks_told(), 2); /* left, and came back */
	assert_string_equal(js_str(told("helping"), "verdict"), "harm");
	assert_int_equal(js_u64(told("helping"), "looks"), 1);
	assert_int_equal(js_get_array(told("helping"), "vitals", &row), 0);
	row = json_object_array_get_idx(row, 0);
	assert_int_equal(js_u64(row, "value"), 400 * MS);
	assert_int_equal(js_u64(row, "baseline"), 1 * MS);
	assert_int_equal(js_u64(row, "ratio_permille"), 400 * 1000);
	told(NULL);
}

/* Back from a look, what speaks against arming is heard; so is a person who changed the mode. */
static void back_from_a_look(void **state)
{
	struct helping *h = &d.judge.helping;
	char why[256];

	(void)state;
	d.tick_ns = 100 * S;
	judge_first(&d);
	d.kernel.family[FAMILY_PULSE].state = FAMILY_OFF;
	for (int t = 0; t < 20; t++)
		second(1 * MS);
	assert_false(d.armed);
	assert_non_null(strstr(d.refusal, "the pulse does not run"));
	assert_int_equal(h->phase, PHASE_REST);
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.refusal[0] = '\0';
	judge_first(&d);
	assert_int_equal(set_mode(&d, HS_MODE_ADVISE, why, sizeof(why)), 0);
	for (int t = 0; t < 20; t++)
		second(1 * MS);
	assert_false(d.armed);
	assert_string_equal(d.refusal, "");
	assert_false(judge_waits(&d));
}

/* An application's figure, from the report to the trip that names it; and limits, as they are told. */
static void a_level_is_missed(void **state)
{
	static const char text[] =
		"name: a\nslo: [ { report: late, max: 10, for: 2s } ]\nlimits:\n"
		"  - { vital: sched.wait.critical.p99_ns, max: 20ms, times: 8 }\n";
	const struct recorder_trip *t = &d.after.recorder->trip[0];
	struct slo_figure figure = {"late", 11, 900, 77};
	const struct slo_state *by = NULL;
	char error[256];

	(void)state;
	profile_free(&d.policy.profile);
	assert_int_equal(
		profile_parse(&d.policy.profile, "p", text, strlen(text), error, sizeof(error)), 0);
	judge_set(&d);
	d.tick_ns = 100 * S;
	arms();
	assert_null(judge_reported(&d, &by));
	for (int i = 0; i < 3; i++) {
		assert_true(d.armed);
		assert_in_range(slo_report(&d.judge.slo, &d.policy.profile, &figure, d.tick_ns + S),
				0, 1);
		second(1 * MS);
	}
	assert_false(d.armed || gate.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_SLO);
	assert_int_equal(gate.trip_value, 11);
	assert_string_equal(judge_reported(&d, &by)->report, "late");
	assert_int_equal(by->uid, 900);
	assert_string_equal(t->report, "late");
	assert_int_equal(t->report_uid, 900);
	assert_int_equal(t->report_pid, 77);
	assert_int_equal(js_u64(json_object_array_get_idx(told("slo"), 0), "uid"), 900);
	assert_int_equal(js_u64(json_object_array_get_idx(told("limits"), 0), "times"), 8);
	told(NULL);
}

/* ---- guarded.c ---- */

static void puts_back_what_was_left(void **state)
{
	char buf[16] = "", path[128];
	int fd;

	(void)state;
	tree_put(root, SWAPPINESS, "60\n");
	assert_int_equal(undo_take(&d), 0);
	assert_true(change_file(d.undo.table, root, 0, SWAPPINESS, "10") >= 0);
	arms();
	trip(&d, HS_TRIP_OPERATOR, NULL);
	snprintf(path, sizeof(path), "%s" SWAPPINESS, root);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	assert_int_equal(atoi(buf), 60);
	assert_int_equal(d.after.recorder->trip[0].undone.nr, 1);
	assert_string_equal(d.after.recorder->trip[0].undone.entry[0].path, SWAPPINESS);
	/* what cannot be put back, and a table that is none */
	assert_true(change_file(d.undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_int_equal(unlink(path), 0);
	undo_all(&d);
	undo_close(&d.undo);
	d.undo.table = NULL;
	snprintf(path, sizeof(path), "%s/run/undo", root);
	assert_int_equal(truncate(path, 7), 0);
	assert_true(undo_take(&d) < 0);
}

static void the_guard(void **state)
{
	int pair[2], fds[2] = {-1, -1};

	(void)state;
	assert_int_equal(guard_greet(&d), 0); /* there is none */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	d.opt.guard_fd = pair[0];
	assert_true(guard_greet(&d) < 0); /* nothing to show it */
	d.kernel.fd.gate = d.kernel.fd.pulse = run_fd;
	assert_int_equal(guard_greet(&d), 0);
	assert_int_equal(guard_hear(pair[1], fds), GUARD_HELLO);
	close(fds[0]);
	close(fds[1]);
	arms();
	guard_heard(&d); /* it lives */
	assert_true(d.armed && !d.stop);
	close(pair[1]);
	guard_heard(&d);
	assert_false(d.armed || gate.armed);
	assert_true(d.stop);
	assert_int_equal(d.exit_err, -EOWNERDEAD);
	assert_int_equal(gate.trip_reason, HS_TRIP_GUARD);
	guard_heard(&d); /* once */
	assert_int_equal(d.after.recorder->trips, 1);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(harm_from_end_to_end),    TEST(back_from_a_look), TEST(a_level_is_missed),
		TEST(puts_back_what_was_left), TEST(the_guard),
	};

	return cmocka_run_group_tests_name("armed", tests, NULL, NULL);
}
