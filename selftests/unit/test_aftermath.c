// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What follows a trip, as a whole, on a kernel that is only memory. */
#include "fixture.h"

#include <sys/socket.h>

#include "clock.h"
#include "daemon.h"
#include "guard_link.h"
#include "json.h"
#include "names.h"
#include "private_file.h"
#include "statedir.h"
#include "verbs.h"

#define S 1000000000ULL

static char root[64], state_dir[96];
static int run_fd;
static struct homeostatd d;
static struct hs_gate gate;
static struct hs_exit ended;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct undo_table undo_table;
/* nothing is attached, but its members are named */
static char skeleton[64 * 1024] __attribute__((aligned(16)));

static void fresh_daemon(void)
{
	memset(&d, 0, sizeof(d));
	gate = (struct hs_gate){.abi_version = HS_ABI_VERSION, .trip_vital = HS_VITAL_NR};
	d.kernel = (struct kernel){.gate = &gate,
				   .vitals = vitals,
				   .knobs = knobs,
				   .exit = &ended,
				   .skel = (struct homeostat_bpf *)skeleton};
	for (int i = 0; i < FAMILY_NR; i++)
		d.kernel.family[i].state = FAMILY_UNAVAILABLE;
	d.heartbeat.now = clock_ns;
	d.heartbeat.gate = &gate;
	d.mode = HS_MODE_ACT;
	d.opt.root = root;
	d.opt.state = state_dir;
	d.opt.guard_fd = -1;
	profile_stock(&d.policy.profile);
	d.policy.profile.trip.rearm_ns = 10 * S;
	assert_int_equal(aftermath_open(&d, run_fd), 0);
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", root);
	tree_put(root, "/run", NULL);
	run_fd = open(root, O_RDONLY | O_DIRECTORY);
	memset(&ended, 0, sizeof(ended));
	memset(&undo_table, 0, sizeof(undo_table));
	fresh_daemon();
	aftermath_begin(&d, &d.policy.profile.trip);
	return 0;
}

/* As a dying process does: nothing but the files is left. */
static void dies(void)
{
	scribe_stop(&d.after.scribe);
	breaker_close(d.after.breaker);
	recorder_close(d.after.recorder);
	profile_free(&d.policy.profile);
}

static int teardown(void **state)
{
	(void)state;
	aftermath_close(&d);
	profile_free(&d.policy.profile);
	close(run_fd);
	tree_free(root);
	return 0;
}

static void opens(void)
{
	gate_prepare(&gate);
	aftermath_arming(&d);
	assert_int_equal(gate_open(&gate), 0);
	d.armed = true;
}

static struct json_object *status_of(const char *key)
{
	static struct json_object *reply;
	struct json_object *part = NULL;

	json_object_put(reply);
	reply = json_object_new_object();
	aftermath_status(&d, reply);
	if (js_get_obj(reply, key, &part))
		part = NULL;
	return part;
}

static void expect_rearm(const char *state, __u64 trips)
{
	struct json_object *rearm = status_of("rearm");

	if (!state) {
		assert_null(rearm);
		return;
	}
	assert_non_null(rearm);
	assert_string_equal(js_str(rearm, "state"), state);
	assert_int_equal(js_u64(rearm, "trips"), trips);
	assert_int_equal(js_bool(rearm, "held"), !strcmp(state, "held"));
	assert_true(*js_str(rearm, "why"));
}

static const struct recorder_trip *newest(void)
{
	const struct recorder *r = d.after.recorder;

	assert_true(r->trips > 0);
	return &r->trip[(r->trips - 1) % (RECORDER_TRIPS + 1)];
}

static void a_trip(void **state)
{
	struct gate_cause cause = {HS_VITAL_STARVED, 12000000, 5000000};
	char why[256];

	(void)state;
	expect_rearm(NULL, 0);
	ended = (struct hs_exit){.kind = 3, .msg = "told to"};
	opens();
	assert_int_equal(d.after.breaker->acting, 1);
	trip(&d, HS_TRIP_LIMIT, &cause);
	assert_false(d.armed);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(d.after.breaker->acting, 0);
	assert_int_equal(newest()->reason, HS_TRIP_LIMIT);
	assert_int_equal(newest()->vital, HS_VITAL_STARVED);
	assert_int_equal(newest()->value, 12000000);
	assert_int_equal(newest()->limit, 5000000);
	assert_int_equal(newest()->generation, 1);
	assert_int_equal(newest()->exit.kind, 3);
	assert_string_equal(newest()->exit.msg, "told to");
	assert_string_equal(newest()->profile, "stock");
	assert_in_range(newest()->rearm_in_ns, 9 * S, 10 * S);
	expect_rearm("waiting", 1);
	assert_in_range(js_u64(status_of("rearm"), "in_ns"), 9 * S, 10 * S);
	assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), -EAGAIN);
	assert_non_null(strstr(why, "trip 1 of 3 within 3600 s (limit): it arms again in"));
	/* the same trip is not seen twice */
	arm_watch(&d);
	assert_int_equal(d.after.recorder->trips, 1);
}

/* Of two figures with the same limit and value, the one that was missed; and who said so. */
static void names_the_figure(void **state)
{
	struct gate_cause cause = {HS_VITAL_NR, 900, 500};
	struct profile *profile = &d.policy.profile;

	(void)state;
	profile->slo_nr = 3;
	profile->slo[0] = (struct profile_slo){HS_VITAL_STARVED, "", 500, S};
	profile->slo[1] = (struct profile_slo){HS_VITAL_NR, "queue.length", 500, S};
	profile->slo[2] = (struct profile_slo){HS_VITAL_NR, "orders.late", 500, S};
	d.judge.slo.state[1] = (struct slo_state){.value = 900, .uid = 1, .pid = 2};
	d.judge.slo.state[2] = (struct slo_state){.value = 900, .uid = 1234, .pid = 77};
	d.judge.slo.missed = 2;
	opens();
	trip(&d, HS_TRIP_SLO, &cause);
	assert_string_equal(newest()->report, "orders.late");
	assert_int_equal(newest()->value, 900);
	assert_int_equal(newest()->report_uid, 1234);
	assert_int_equal(newest()->report_pid, 77);
	opens();
	trip(&d, HS_TRIP_HARM, &cause);
	assert_string_equal(newest()->report, "");
}

static void held_after_three(void **state)
{
	char why[256];

	(void)state;
	for (int i = 0; i < 3; i++) {
		opens();
		trip(&d, HS_TRIP_SLO, NULL);
	}
	expect_rearm("held", 3);
	assert_int_equal(newest()->held, 1);
	assert_int_equal(newest()->rearm_in_ns, 0);
	assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "held at stock after 3 trips"));
	/* mode act is not enough; an arming by hand that comes to nothing changes nothing */
	aftermath_by_hand(&d, false);
	expect_rearm("held", 3);
	assert_int_equal(arm_by_hand(&d, why, sizeof(why)), -EOPNOTSUPP);
	expect_rearm("held", 3);
	aftermath_by_hand(&d, true);
	expect_rearm(NULL, 0);
	assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), 0);
}

static void by_itself(void **state)
{
	struct breaker *b = d.after.breaker;

	(void)state;
	opens();
	trip(&d, HS_TRIP_HEARTBEAT, NULL);
	aftermath_tick(&d);
	assert_int_equal(d.after.retry_ns, 0); /* not yet */
	/* the pause is over: it tries, is refused for want of a kernel, and tries again later */
	b->trip_ns[0] = clock_ns() - 11 * S;
	aftermath_tick(&d);
	assert_non_null(strstr(d.refusal, "the pulse does not run"));
	assert_in_range(d.after.retry_ns, clock_ns() + 9 * S, clock_ns() + 10 * S);
	expect_rearm("free", 1);
	d.refusal[0] = '\0';
	aftermath_tick(&d);
	assert_string_equal(d.refusal, ""); /* not at once */
	d.after.retry_ns = 0;
	aftermath_tick(&d);
	assert_non_null(strstr(d.refusal, "the pulse does not run"));
	/* nor in another mode, nor once a person has disarmed */
	d.refusal[0] = '\0';
	d.after.retry_ns = 0;
	d.mode = HS_MODE_OBSERVE;
	aftermath_tick(&d);
	d.mode = HS_MODE_ACT;
	aftermath_latch(&d);
	aftermath_tick(&d);
	assert_string_equal(d.refusal, "");
	expect_rearm("by-hand", 1);
}

static void a_person_trips(void **state)
{
	char why[256];

	(void)state;
	opens();
	gate_trip(&gate, HS_TRIP_OPERATOR, clock_ns());
	arm_watch(&d);
	assert_int_equal(newest()->reason, HS_TRIP_OPERATOR);
	expect_rearm("by-hand", 0);
	aftermath_by_hand(&d, false);
	expect_rearm(NULL, 0);
	/* while it waits: the gate is shut and says so already, and still it is heard */
	opens();
	trip(&d, HS_TRIP_HEARTBEAT, NULL);
	expect_rearm("waiting", 1);
	gate_trip(&gate, HS_TRIP_OPERATOR, clock_ns());
	assert_int_equal(gate.trip_reason, HS_TRIP_HEARTBEAT);
	aftermath_tick(&d);
	expect_rearm("by-hand", 1);
	/* in the last moment before it arms again, and in that between trip and notice */
	aftermath_by_hand(&d, true);
	gate_trip(&gate, HS_TRIP_OPERATOR, clock_ns());
	assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), -EPERM);
	aftermath_by_hand(&d, true);
	opens();
	gate_shut(&gate, HS_TRIP_LEASE, clock_ns());
	gate_trip(&gate, HS_TRIP_OPERATOR, clock_ns());
	arm_watch(&d);
	assert_int_equal(newest()->reason, HS_TRIP_LEASE);
	expect_rearm("by-hand", 1);
}

/* In good order: no trip, no record. A trip that came first is one all the same. */
/* A person who takes it back to looking only wants it stock, whatever the next start is told. */
static void a_person_only_looks(void **state)
{
	static const char *const modes[] = {"observe", "advise"};
	char why[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct call call = {.d = &d, .request = json_object_new_object()};

		js_add_str(call.request, "mode", modes[i]);
		opens();
		assert_int_equal(verb_mode(&call), 0);
		json_object_put(call.request);
		assert_false(d.armed);
		expect_rearm(NULL, 0); /* in this mode there is nothing to wait for */
		dies();
		fresh_daemon();
		aftermath_begin(&d, &d.policy.profile.trip);
		assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), -EPERM);
		expect_rearm("by-hand", 0);
		aftermath_by_hand(&d, false); /* mode act */
		assert_int_equal(aftermath_refuse(&d, why, sizeof(why)), 0);
	}
}

static void in_good_order(void **state)
{
	(void)state;
	opens();
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(gate.trip_reason, HS_TRIP_NONE);
	opens();
	disarm(&d, HS_TRIP_SHUTDOWN);
	assert_int_equal(d.after.recorder->trips, 0);
	assert_int_equal(d.after.breaker->acting, 0);
	expect_rearm(NULL, 0);
	opens();
	gate_shut(&gate, HS_TRIP_LEASE, clock_ns());
	disarm(&d, HS_TRIP_SHUTDOWN);
	assert_int_equal(newest()->reason, HS_TRIP_LEASE);
	opens();
	disarm(&d, HS_TRIP_OPERATOR);
	assert_int_equal(newest()->reason, HS_TRIP_OPERATOR);
	assert_int_equal(d.after.recorder->trips, 2);
}

static void found_dead(void **state)
{
	struct hs_event event = {.type = HS_EVENT_KNOB, .ts_ns = clock_ns()};
	char **names, why[160], path[128];
	int fd, nr;

	(void)state;
	d.policy.profile.trip.rearm_ns = 0;
	opens();
	aftermath_tick(&d);
	recorder_event(d.after.recorder, &event);
	dies();
	fresh_daemon();
	aftermath_undone(&d, &(struct undo_entry){.path = "/proc/sys/vm/swappiness", .old = "60"},
			 UNDO_RESTORED);
	aftermath_begin(&d, &d.policy.profile.trip);
	assert_int_equal(newest()->reason, HS_TRIP_DIED);
	assert_int_equal(newest()->generation, 1);
	assert_int_equal(newest()->undone.nr, 1);
	assert_string_equal(newest()->undone.entry[0].path, "/proc/sys/vm/swappiness");
	assert_int_equal(d.after.undone.nr, 0);
	assert_true(d.after.died_ns);
	assert_in_range(newest()->trip_ns, 1, d.after.died_ns);
	expect_rearm("waiting", 1);
	/* it is counted once */
	dies();
	fresh_daemon();
	aftermath_begin(&d, &d.policy.profile.trip);
	assert_int_equal(d.after.recorder->trips, 1);
	assert_int_equal(d.after.died_ns, 0);
	expect_rearm("waiting", 1);
	/* and written up once */
	scribe_stop(&d.after.scribe);
	snprintf(path, sizeof(path), "%s/incidents", state_dir);
	fd = private_dir(AT_FDCWD, path, 0, why, sizeof(why));
	assert_true(fd >= 0);
	nr = incidents_list(fd, &names);
	assert_int_equal(nr, 1);
	assert_non_null(strstr(names[0], "-1-died.json"));
	incidents_free(names, nr);
	close(fd);
}

/* It was tripped before it died, and the guard has told of that: still tripped, for that reason. */
static void found_dead_of_a_trip(void **state)
{
	__u64 tripped;

	(void)state;
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		d.policy.profile.trip.rearm_ns = 0;
		opens();
		aftermath_tick(&d);
		tripped = clock_ns();
		dies();
		if (by_hand)
			assert_int_equal(breaker_latch(root), 0);
		fresh_daemon();
		d.policy.profile.trip.rearm_ns = 0;
		d.undo.table = &undo_table;
		undo_table.trip = (struct undo_trip){.trip_ns = tripped,
						     .reason = HS_TRIP_LIMIT,
						     .vital = HS_VITAL_STARVED,
						     .value = 3000,
						     .limit = 2000};
		if (by_hand) /* that it just died would be no reason not to arm */
			memset(&undo_table.trip, 0, sizeof(undo_table.trip));
		aftermath_begin(&d, &d.policy.profile.trip);
		assert_int_equal(newest()->reason, by_hand ? HS_TRIP_DIED : HS_TRIP_LIMIT);
		if (!by_hand) {
			assert_int_equal(newest()->trip_ns, tripped);
			assert_int_equal(newest()->vital, HS_VITAL_STARVED);
			assert_int_equal(newest()->value, 3000);
			assert_int_equal(newest()->limit, 2000);
		}
		assert_int_equal(undo_table.trip.trip_ns, 0);
		expect_rearm("by-hand", 1);
		aftermath_by_hand(&d, true);
	}
	/* without it */
	opens();
	dies();
	fresh_daemon();
	d.policy.profile.trip.rearm_ns = 0;
	d.undo.table = &undo_table;
	aftermath_begin(&d, &d.policy.profile.trip);
	assert_int_equal(newest()->reason, HS_TRIP_DIED);
	assert_int_equal(d.after.breaker->latched, 0);
}

/* The recorder is gone, too: it is known that it died, and nothing else. */
static void found_dead_without_a_trace(void **state)
{
	(void)state;
	opens();
	dies();
	assert_int_equal(unlinkat(run_fd, RECORDER_FILE, 0), 0);
	fresh_daemon();
	aftermath_begin(&d, &d.policy.profile.trip);
	assert_int_equal(newest()->reason, HS_TRIP_DIED);
	assert_int_equal(newest()->trip_ns, d.after.died_ns);
	assert_string_equal(newest()->profile, "");
}

static void more_undone_than_named(void **state)
{
	struct undo_entry entry = {.path = "/sys/x"};

	(void)state;
	memset(entry.old, 'x', sizeof(entry.old) - 1);
	for (int i = 0; i < RECORDER_UNDONE + 5; i++)
		aftermath_undone(&d, &entry, UNDO_FAILED);
	opens();
	trip(&d, HS_TRIP_LIMIT, NULL);
	assert_int_equal(newest()->undone.nr, RECORDER_UNDONE + 5);
	assert_int_equal(newest()->undone.entry[RECORDER_UNDONE - 1].outcome, UNDO_FAILED);
	assert_int_equal(strlen(newest()->undone.entry[0].old), 59);
}

static void the_hook_is_asked_for(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	d.opt.guard_fd = pair[0];
	d.undo.table = &undo_table;
	memcpy(&undo_table.magic, &(__u64){UNDO_MAGIC}, sizeof(__u64));
	undo_table.version = UNDO_VERSION;
	strcpy(d.policy.profile.trip.hook, "/usr/bin/true");
	aftermath_profile(&d);
	assert_string_equal(undo_table.hook, "/usr/bin/true");
	assert_int_equal(undo_table.hook_limit_ms, 10000);
	opens();
	assert_int_equal(guard_hear(pair[1], NULL), -EAGAIN);
	trip(&d, HS_TRIP_SCHED_STALL, NULL);
	assert_int_equal(guard_hear(pair[1], NULL), GUARD_TRIPPED);
	assert_string_equal(undo_table.reason, "sched-stall");
	assert_int_equal(undo_table.hook_due, 1);
	/* in good order there is nothing to run it for */
	opens();
	assert_int_equal(undo_table.hook_due, 0);
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(guard_hear(pair[1], NULL), -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

/* Shut by the pulse or the heartbeat while it was being armed: a trip. By a person, or for nothing: none. */
static void tripped_while_arming(void **state)
{
	static const enum hs_trip none[] = {HS_TRIP_NONE, HS_TRIP_OPERATOR};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		opens();
		d.armed = false; /* arm() is not through yet */
		gate_shut(&gate, none[i], 1);
		aftermath_not_armed(&d);
		assert_int_equal(d.after.breaker->nr, 0);
		assert_int_equal(d.after.breaker->acting, 0);
		assert_int_equal(d.after.recorder->trips, 0);
	}
	opens();
	d.armed = false;
	gate_shut(&gate, HS_TRIP_HEARTBEAT, clock_ns());
	aftermath_not_armed(&d);
	assert_int_equal(d.after.breaker->nr, 1);
	assert_int_equal(d.after.breaker->acting, 0);
	assert_int_equal(newest()->reason, HS_TRIP_HEARTBEAT);
	expect_rearm("waiting", 1);
}

static void without_records(void **state)
{
	(void)state;
	assert_true(js_bool(status_of("incidents"), "recorded"));
	dies();
	tree_free(state_dir);
	tree_put(root, "/state", "a file");
	fresh_daemon();
	aftermath_begin(&d, &d.policy.profile.trip);
	assert_false(js_bool(status_of("incidents"), "recorded"));
	opens();
	trip(&d, HS_TRIP_LIMIT, NULL);
	expect_rearm("waiting", 1);
	assert_int_equal(js_u64(status_of("incidents"), "trips"), 1);
	assert_int_equal(js_u64(status_of("incidents"), "written"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_trip),
		TEST(names_the_figure),
		TEST(held_after_three),
		TEST(by_itself),
		TEST(a_person_trips),
		TEST(a_person_only_looks),
		TEST(in_good_order),
		TEST(found_dead),
		TEST(found_dead_of_a_trip),
		TEST(found_dead_of_a_trip),
		TEST(found_dead_without_a_trace),
		TEST(more_undone_than_named),
		TEST(the_hook_is_asked_for),
		TEST(tripped_while_arming),
		TEST(without_records),
	};

	return cmocka_run_group_tests_name("aftermath", tests, NULL, NULL);
}
