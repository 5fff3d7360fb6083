// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Incident records: what stands in them, and that neither disk nor directory can spoil them. */
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "clock.h"
#include "incident.h"
#include "json.h"
#include "names.h"
#include "private_file.h"
#include "scribe.h"

#define S 1000000000ULL
#define WALL 1795264496ULL /* 2026-11-21 12:34:56 UTC */

static char root[64];
static int dir_fd;
static struct recorder *r;

static int setup(void **state)
{
	int root_fd;

	(void)state;
	tree_make(root);
	tree_put(root, "/records", NULL);
	root_fd = open(root, O_RDONLY | O_DIRECTORY);
	assert_int_equal(recorder_open(&r, root_fd, root), 0);
	dir_fd = openat(root_fd, "records", O_RDONLY | O_DIRECTORY);
	close(root_fd);
	return dir_fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_close(r);
	close(dir_fd);
	tree_free(root);
	return 0;
}

static struct recorder_trip a_trip(enum hs_trip reason)
{
	struct recorder_trip t = {.trip_ns = 100 * S,
				  .seen_ns = 101 * S,
				  .wall_ns = WALL * S,
				  .safe_ns = 100 * S + 5000,
				  .off_ns = 100 * S + 1400000,
				  .heartbeat_ns = 99 * S,
				  .heartbeat_limit_ns = 20000000,
				  .profile_hash = 0xabc,
				  .reason = reason,
				  .vital = HS_VITAL_NR,
				  .mode = HS_MODE_ACT,
				  .generation = 3,
				  .trips = 2};

	strcpy(t.profile, "edge");
	strcpy(t.version, "1.2");
	return t;
}

/* The record of a trip as JSON, through a copy as the scribe takes it. */
static struct json_object *record_of(const struct recorder_trip *trip)
{
	static struct recorder copy;
	struct recorder_span span = recorder_copy(&copy, r);

	return incident_json(&copy, &span, trip);
}

static int records(char ***names)
{
	return incidents_list(dir_fd, names);
}

static int records_nr(void)
{
	char **names;
	int nr = records(&names);

	incidents_free(names, nr);
	return nr;
}

static void the_minute_before(void **state)
{
	static struct hs_vital vitals[HS_VITAL_NR];
	static struct hs_knob knobs[HS_KNOB_NR];
	struct recorder_trip t = a_trip(HS_TRIP_LIMIT);
	struct json_object *o, *part, *row;
	struct hs_event event = {.type = HS_EVENT_TRIP, .id = HS_TRIP_LIMIT};

	(void)state;
	vitals[HS_VITAL_STARVED].present = 1;
	vitals[HS_VITAL_STARVED].value = 42;
	knobs[HS_KNOB_SLICE_BATCH].value = 43;
	/* one of an earlier life, five of this minute, one that came after */
	for (const __u64 *at =
		     (const __u64[]){30 * S, 96 * S, 97 * S, 98 * S, 99 * S, 100 * S, 200 * S, 0};
	     *at; at++) {
		recorder_sample(r, vitals, knobs, 1, *at);
		event.ts_ns = *at;
		recorder_event(r, &event);
	}
	t.vital = HS_VITAL_STARVED;
	t.value = 12000000;
	t.limit = 5000000;
	o = record_of(&t);
	assert_string_equal(js_str(o, "reason"), "limit");
	assert_string_equal(js_str(o, "meaning"), trip_infos[HS_TRIP_LIMIT].meaning);
	assert_string_equal(js_str(o, "wall"), "2026-11-21T12:34:56Z");
	assert_string_equal(js_str(o, "mode"), "act");
	assert_string_equal(js_str(o, "version"), "1.2");
	assert_true(*js_str(o, "kernel"));
	assert_int_equal(js_u64(o, "generation"), 3);
	assert_int_equal(js_u64(o, "safe_ns"), 100 * S + 5000);
	assert_int_equal(js_u64(o, "off_ns"), 100 * S + 1400000);
	assert_int_equal(js_get_obj(o, "cause", &part), 0);
	assert_string_equal(js_str(part, "vital"), "sched.starved_ns");
	assert_string_equal(js_str(part, "unit"), "ns");
	assert_int_equal(js_u64(part, "value"), 12000000);
	assert_int_equal(js_u64(part, "limit"), 5000000);
	assert_int_equal(js_get_obj(o, "profile", &part), 0);
	assert_string_equal(js_str(part, "name"), "edge");
	assert_string_equal(js_str(part, "fnv1a64"), "0000000000000abc");
	assert_true(js_is_null(o, "sched_ext"));
	assert_int_equal(js_get_array(o, "events", &part), 0);
	assert_int_equal(json_object_array_length(part), 5);
	assert_int_equal(js_get_array(o, "samples", &part), 0);
	assert_int_equal(json_object_array_length(part), 5);
	part = json_object_array_get_idx(part, 0);
	assert_int_equal(js_u64(part, "ns"), 96 * S);
	assert_int_equal(js_get_array(part, "vitals", &row), 0);
	assert_int_equal(json_object_array_length(row), HS_VITAL_NR);
	assert_int_equal(json_object_get_int(json_object_array_get_idx(row, HS_VITAL_STARVED)), 42);
	/* absent is null, not 0 */
	assert_null(json_object_array_get_idx(row, HS_VITAL_PSI_IO));
	assert_int_equal(js_get_array(part, "knobs", &row), 0);
	assert_int_equal(json_object_get_int(json_object_array_get_idx(row, HS_KNOB_SLICE_BATCH)),
			 43);
	json_object_put(o);
}

static void what_was_said(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_PROGRESS);
	struct json_object *o, *part;

	(void)state;
	t.stall_ns = 21000000;
	t.no_cpu_ns = 18000000;
	t.exit.kind = 64;
	t.exit.code = 7;
	strcpy(t.exit.msg, "by \"name\"\n");
	t.held = 1;
	o = record_of(&t);
	assert_true(js_is_null(o, "cause"));
	assert_int_equal(js_get_obj(o, "heartbeat", &part), 0);
	assert_int_equal(js_u64(part, "stall_ns"), 21000000);
	assert_int_equal(js_u64(part, "no_cpu_ns"), 18000000);
	assert_int_equal(js_get_obj(o, "sched_ext", &part), 0);
	assert_int_equal(js_u64(part, "kind"), 64);
	assert_string_equal(js_str(part, "msg"), "by \"name\"\n");
	assert_int_equal(js_get_obj(o, "rearm", &part), 0);
	assert_true(js_bool(part, "held"));
	assert_int_equal(js_u64(part, "trips"), 2);
	json_object_put(o);
	/* a figure of an application's */
	t = a_trip(HS_TRIP_SLO);
	t.value = 9;
	t.limit = 8;
	o = record_of(&t);
	assert_int_equal(js_get_obj(o, "cause", &part), 0);
	assert_string_equal(js_str(part, "vital"), "");
	assert_int_equal(js_u64(part, "limit"), 8);
	assert_true(js_is_null(part, "uid"));
	json_object_put(o);
	strcpy(t.report, "orders.late");
	t.report_uid = 1234;
	t.report_pid = 77;
	o = record_of(&t);
	assert_int_equal(js_get_obj(o, "cause", &part), 0);
	assert_string_equal(js_str(part, "vital"), "orders.late");
	assert_int_equal(js_u64(part, "uid"), 1234);
	assert_int_equal(js_u64(part, "pid"), 77);
	json_object_put(o);
}

/* What was put back: the first ones by name, all of them by number; no word that is not known. */
static void what_was_undone(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_DIED);
	struct json_object *record, *undone, *first;

	(void)state;
	t.undone.nr = RECORDER_UNDONE + 5;
	for (int i = 0; i < RECORDER_UNDONE; i++) {
		snprintf(t.undone.entry[i].path, sizeof(t.undone.entry[i].path), "/sys/%d", i);
		strcpy(t.undone.entry[i].old, "1");
	}
	t.undone.entry[0].outcome = UNDO_FOREIGN;
	t.undone.entry[1].outcome = ~0U;
	record = record_of(&t);
	assert_int_equal(js_get_obj(record, "undone", &undone), 0);
	assert_int_equal(js_u64(undone, "values"), RECORDER_UNDONE + 5);
	assert_int_equal(js_get_array(undone, "first", &first), 0);
	assert_int_equal(json_object_array_length(first), RECORDER_UNDONE);
	assert_string_equal(js_str(json_object_array_get_idx(first, 0), "path"), "/sys/0");
	assert_string_equal(js_str(json_object_array_get_idx(first, 0), "outcome"),
			    undo_outcome_name(UNDO_FOREIGN));
	assert_string_equal(js_str(json_object_array_get_idx(first, 1), "outcome"), "?");
	json_object_put(record);
}

static void expect_written(const struct recorder_trip *t, const char *wanted)
{
	struct json_object *o = record_of(t);
	char name[INCIDENT_NAME_LEN];

	assert_int_equal(incident_write(dir_fd, o, t, name), 0);
	assert_string_equal(name, wanted);
	assert_true(incident_name_ok(name));
	json_object_put(o);
}

static void expect_refused(const struct recorder_trip *t, int err)
{
	struct json_object *o = record_of(t);
	char name[INCIDENT_NAME_LEN];

	assert_int_equal(incident_write(dir_fd, o, t, name), err);
	json_object_put(o);
}

static void writes(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_HEARTBEAT);
	struct stat st;
	char **names;

	(void)state;
	expect_written(&t, "20261121T123456Z-1-heartbeat.json");
	/* never over another */
	expect_written(&t, "20261121T123456Z-2-heartbeat.json");
	/* the order is that of writing, whatever the clock says */
	t.wall_ns -= S;
	t.reason = HS_TRIP_SCHED_STALL;
	expect_written(&t, "20261121T123455Z-3-sched-stall.json");
	assert_int_equal(records(&names), 3);
	assert_string_equal(names[2], "20261121T123455Z-3-sched-stall.json");
	assert_string_equal(names[0], "20261121T123456Z-1-heartbeat.json");
	assert_int_equal(fstatat(dir_fd, names[0], &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	incidents_free(names, 3);
}

/* A link in the place of the temporary file: what it names is left alone. */
static void follows_no_link(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_HEARTBEAT);
	char victim[96];
	struct stat st;

	(void)state;
	tree_put(root, "/victim", "dear");
	snprintf(victim, sizeof(victim), "%s/victim", root);
	assert_int_equal(symlinkat(victim, dir_fd, ".incident.tmp"), 0);
	assert_int_equal(symlinkat(victim, dir_fd, "20261121T123456Z-3-heartbeat.json"), 0);
	expect_written(&t, "20261121T123456Z-4-heartbeat.json");
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 4);
}

static void a_full_disk(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_HEARTBEAT);
	struct json_object *o = record_of(&t);
	struct rlimit before, small;
	char name[INCIDENT_NAME_LEN];
	struct stat st;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){100, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(incident_write(dir_fd, o, &t, name), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	/* whole or not at all */
	assert_int_equal(records_nr(), 0);
	assert_int_equal(fstatat(dir_fd, ".incident.tmp", &st, 0), -1);
	json_object_put(o);
}

static void keeps_the_newest(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_LEASE);
	char **names;

	(void)state;
	tree_put(root, "/records/notes.txt", "not ours");
	tree_put(root, "/records/20261121T123456Z-3-lease.json.bak", "not ours");
	for (int i = 0; i < INCIDENTS_KEPT + 5; i++, t.wall_ns += S) {
		struct json_object *o = record_of(&t);
		char name[INCIDENT_NAME_LEN];

		assert_int_equal(incident_write(dir_fd, o, &t, name), 0);
		json_object_put(o);
	}
	assert_int_equal(incident_prune(dir_fd), 0);
	assert_int_equal(records(&names), INCIDENTS_KEPT);
	assert_string_equal(names[0], "20261121T123501Z-6-lease.json");
	incidents_free(names, INCIDENTS_KEPT);
	assert_int_equal(faccessat(dir_fd, "notes.txt", F_OK, 0), 0);
	assert_int_equal(faccessat(dir_fd, "20261121T123456Z-3-lease.json.bak", F_OK, 0), 0);
}

/* After a boot without a clock: it is the oldest that go, and what was just written is the newest. */
static void a_clock_that_says_1970(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_LEASE);
	char **names;

	(void)state;
	for (int i = 0; i < INCIDENTS_KEPT + 5; i++) {
		struct json_object *o = record_of(&t);
		char name[INCIDENT_NAME_LEN];

		if (i == INCIDENTS_KEPT)
			t.wall_ns = 7 * S;
		assert_int_equal(incident_write(dir_fd, o, &t, name), 0);
		json_object_put(o);
		assert_int_equal(incident_prune(dir_fd), 0);
		assert_int_equal(faccessat(dir_fd, name, F_OK, 0), 0);
	}
	assert_int_equal(records(&names), INCIDENTS_KEPT);
	assert_string_equal(names[0], "20261121T123456Z-6-lease.json");
	assert_string_equal(names[INCIDENTS_KEPT - 1], "19700101T000007Z-55-lease.json");
	incidents_free(names, INCIDENTS_KEPT);
	/* no number is left */
	tree_put(root, "/records/20261121T123456Z-9999999999-lease.json", "");
	expect_refused(&t, -EOVERFLOW);
}

static void names(void **state)
{
	static const char *const wrong[] = {
		"",
		".",
		"..",
		"../20261121T123456Z-3-heartbeat.json",
		"20261121T123456Z-3-heart/beat.json",
		"20261121T123456Z-3-.json",
		"20261121T123456Z--lease.json",
		"20261121T123456Z-3-lease.jso",
		"20261121T123456Z-3-lease.json.json",
		"20261121T12345Z-3-lease.json",
		"202611211T123456Z-3-lease.json",
		"20261121T123456Z-12345678901-lease.json",
		"20261121T123456Z-3-LEASE.json",
		"20261121T123456Z-3-"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaa.json",
	};

	(void)state;
	assert_true(incident_name_ok("20261121T123456Z-4294967295-sched-hotplug-9.json"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (incident_name_ok(wrong[i]))
			fail_msg("'%s' passes", wrong[i]);
}

/* ---- the directory ---- */

static int open_dir(const char *path, mode_t mode)
{
	char full[160], why[160] = "";
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, path);
	fd = private_dir(AT_FDCWD, full, mode, why, sizeof(why));
	if (fd < 0) {
		assert_true(why[0]);
		return fd;
	}
	close(fd);
	return 0;
}

static void directories(void **state)
{
	char path[96], other[96];
	struct stat st;

	(void)state;
	assert_int_equal(open_dir("/fresh", 0), -ENOENT);
	assert_int_equal(open_dir("/fresh/deep", 0700), -ENOENT);
	assert_int_equal(open_dir("/fresh", 0700), 0);
	snprintf(path, sizeof(path), "%s/fresh", root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(open_dir("/fresh///", 0700), 0);
	for (const mode_t *mode = (const mode_t[]){0722, 0720, 0702, 01777, 0}; *mode; mode++) {
		assert_int_equal(chmod(path, *mode), 0);
		assert_int_equal(open_dir("/fresh", 0700), -EPERM);
	}
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(open_dir("/fresh", 0700), 0);
	snprintf(other, sizeof(other), "%s/link", root);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(open_dir("/link", 0700), -ENOTDIR);
	assert_int_equal(open_dir("/link/", 0700), -ENOTDIR);
	tree_put(root, "/file", "");
	assert_int_equal(open_dir("/file", 0700), -ENOTDIR);
	if (!geteuid()) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(open_dir("/fresh", 0700), -EPERM);
	}
}

/* ---- the scribe ---- */

static __u64 done(void)
{
	return __atomic_load_n(&r->written, __ATOMIC_ACQUIRE);
}

static void until_done(__u64 trips)
{
	struct timespec ts = clock_timespec(NS_PER_MS);

	for (int i = 0; i < 20000 && done() < trips; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	assert_int_equal(done(), trips);
}

static void the_scribe_writes(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_LIMIT);
	struct child scribe;
	int pid;

	(void)state;
	/* one that an earlier daemon left */
	recorder_trip(r, &t);
	assert_int_equal(scribe_start(&scribe, r, dir_fd), 0);
	pid = scribe.pid;
	until_done(1);
	t.reason = HS_TRIP_SLO;
	recorder_trip(r, &t);
	t.reason = HS_TRIP_HARM;
	recorder_trip(r, &t);
	assert_int_equal(scribe_wake(&scribe), 0);
	until_done(3);
	/* asked to end, it ends what it has begun */
	t.reason = HS_TRIP_GUARD;
	recorder_trip(r, &t);
	assert_int_equal(scribe_wake(&scribe), 0);
	kill(pid, SIGTERM); /* as a supervisor does, to all at once */
	scribe_stop(&scribe);
	assert_int_equal(done(), 4);
	assert_int_equal(r->failed, 0);
	assert_int_equal(records_nr(), 4);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(scribe_wake(&scribe), -ECHILD);
	scribe_stop(&scribe);
}

static void more_than_it_can_keep(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_LIMIT);

	(void)state;
	for (int i = 0; i < 3 * RECORDER_TRIPS; i++, t.generation++)
		recorder_trip(r, &t);
	scribe_write(r, dir_fd);
	assert_int_equal(done(), 3 * RECORDER_TRIPS);
	assert_int_equal(records_nr(), RECORDER_TRIPS);
}

static void a_disk_that_fails(void **state)
{
	struct recorder_trip t = a_trip(HS_TRIP_LIMIT);
	struct rlimit before, small;
	struct child scribe;
	char path[96];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){100, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(scribe_start(&scribe, r, dir_fd), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	recorder_trip(r, &t);
	assert_int_equal(scribe_wake(&scribe), 0);
	until_done(1);
	assert_int_equal(r->failed, 1);
	assert_int_equal(records_nr(), 0);
	/* it is still there, and says so of the next one, too: now its directory is gone */
	snprintf(path, sizeof(path), "%s/records", root);
	assert_int_equal(rmdir(path), 0);
	recorder_trip(r, &t);
	assert_int_equal(scribe_wake(&scribe), 0);
	until_done(2);
	assert_int_equal(r->failed, 2);
	scribe_stop(&scribe);
}

/* Killed: the daemon is told, and goes on. */
static void a_dead_scribe(void **state)
{
	struct timespec ts = clock_timespec(NS_PER_MS);
	struct child scribe;
	bool lost;
	int err = 0;

	(void)state;
	assert_int_equal(scribe_start(&scribe, r, dir_fd), 0);
	assert_false(child_lost(&scribe));
	assert_int_equal(kill(scribe.pid, SIGKILL), 0);
	for (int i = 0; i < 20000 && scribe.pid; i++) {
		lost = child_lost(&scribe);
		assert_int_equal(lost, !scribe.pid);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	assert_int_equal(scribe.pid, 0);
	assert_false(child_lost(&scribe)); /* that was said */
	assert_int_equal(scribe_wake(&scribe), -ECHILD);
	/* and between two looks */
	assert_int_equal(scribe_start(&scribe, r, dir_fd), 0);
	assert_int_equal(kill(scribe.pid, SIGKILL), 0);
	for (int i = 0; i < 20000 && !err; i++) {
		err = scribe_wake(&scribe);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	assert_true(err == -EPIPE || err == -ECONNRESET);
	scribe_stop(&scribe);
	assert_int_equal(scribe.pid, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_undone),	 TEST(the_minute_before),
		TEST(what_was_said),	 TEST(writes),
		TEST(follows_no_link),	 TEST(a_full_disk),
		TEST(keeps_the_newest),	 TEST(a_clock_that_says_1970),
		cmocka_unit_test(names), TEST(directories),
		TEST(the_scribe_writes), TEST(more_than_it_can_keep),
		TEST(a_disk_that_fails), TEST(a_dead_scribe),
	};

	return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
