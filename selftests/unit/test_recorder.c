// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The flight recorder: what it keeps, what it leaves to the next, what a reader may believe. */
#include "fixture.h"

#include <pthread.h>

#include "recorder.h"

static char root[64];
static int dir_fd;
static struct recorder *r;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct recorder copy;

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	dir_fd = open(root, O_RDONLY | O_DIRECTORY);
	memset(vitals, 0, sizeof(vitals));
	memset(knobs, 0, sizeof(knobs));
	return recorder_open(&r, dir_fd, root);
}

static int teardown(void **state)
{
	(void)state;
	recorder_close(r);
	close(dir_fd);
	tree_free(root);
	return 0;
}

static void keeps_a_minute(void **state)
{
	struct recorder_span span;

	(void)state;
	vitals[HS_VITAL_STARVED] = (struct hs_vital){.present = 1};
	vitals[HS_VITAL_NR - 1].present = 1;
	for (__u64 i = 1; i <= 200; i++) {
		vitals[HS_VITAL_STARVED].value = 1000 * i;
		vitals[HS_VITAL_PSI_IO].present = i % 2;
		knobs[HS_KNOB_SLICE_BATCH].value = i;
		recorder_sample(r, vitals, knobs, i > 150, i);
		span = recorder_copy(&copy, r);
		assert_int_equal(copy.samples, i);
		assert_int_equal(copy.samples - span.sample, i < 60 ? i : 60);
	}
	for (__u64 i = span.sample; i < copy.samples; i++) {
		const struct recorder_sample *s = &copy.sample[i % (RECORDER_SAMPLES + 1)];

		assert_int_equal(s->ns, i + 1);
		assert_int_equal(s->vital[HS_VITAL_STARVED], 1000 * (i + 1));
		assert_int_equal(s->knob[HS_KNOB_SLICE_BATCH], i + 1);
		assert_int_equal(s->armed, i + 1 > 150);
		for (__u32 id = 0; id < HS_VITAL_NR; id++)
			assert_int_equal(recorder_present(s, id),
					 id == HS_VITAL_STARVED || id == HS_VITAL_NR - 1 ||
						 (id == HS_VITAL_PSI_IO && (i + 1) % 2));
	}
}

static void keeps_events_and_trips(void **state)
{
	struct recorder_trip trip = {.reason = HS_TRIP_LIMIT};
	struct hs_event event = {0};
	struct recorder_span span;

	(void)state;
	for (__u64 i = 1; i <= 2000; i++) {
		event.ts_ns = i;
		recorder_event(r, &event);
	}
	for (__u64 i = 1; i <= 20; i++) {
		trip.trip_ns = i;
		recorder_trip(r, &trip);
	}
	span = recorder_copy(&copy, r);
	assert_int_equal(copy.events - span.event, RECORDER_EVENTS);
	assert_int_equal(copy.event[span.event % (RECORDER_EVENTS + 1)].ts_ns, span.event + 1);
	assert_int_equal(copy.trips - span.trip, RECORDER_TRIPS);
	assert_int_equal(copy.trip[span.trip % (RECORDER_TRIPS + 1)].trip_ns, span.trip + 1);
}

/* The next daemon goes on where the last one stopped; text in it ends, whatever the file holds. */
static void goes_on(void **state)
{
	struct recorder_trip trip = {.reason = HS_TRIP_LIMIT};

	(void)state;
	recorder_sample(r, vitals, knobs, 1, 7);
	memset(trip.profile, 'x', sizeof(trip.profile));
	memset(trip.version, 'x', sizeof(trip.version));
	memset(trip.exit.msg, 'x', sizeof(trip.exit.msg));
	recorder_trip(r, &trip);
	recorder_close(r);
	assert_int_equal(recorder_open(&r, dir_fd, root), 0);
	recorder_copy(&copy, r);
	assert_int_equal(copy.samples, 1);
	assert_int_equal(copy.sample[0].ns, 7);
	assert_int_equal(strlen(copy.trip[0].profile), sizeof(trip.profile) - 1);
	assert_int_equal(strlen(copy.trip[0].version), sizeof(trip.version) - 1);
	assert_int_equal(strlen(copy.trip[0].exit.msg), sizeof(trip.exit.msg) - 1);
	/* nonsense begins anew */
	r->written = 5;
	recorder_close(r);
	assert_int_equal(recorder_open(&r, dir_fd, root), 0);
	assert_int_equal(r->samples, 0);
	assert_int_equal(r->written, 0);
}

static bool stop;

static void *storm(void *arg)
{
	struct hs_event event = {0};

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		event.ts_ns++;
		event.from = event.to = event.value = event.latency_ns = event.ts_ns;
		recorder_event(arg, &event);
	}
	return NULL;
}

/* A copy taken in an event storm holds no event that is half one and half another. */
static void whole_in_a_storm(void **state)
{
	pthread_t thread;
	__u64 seen = 0;

	(void)state;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, storm, r), 0);
	for (int tries = 0; seen < 5000 && tries < 100000; tries++) {
		struct recorder_span span = recorder_copy(&copy, r);

		for (__u64 i = span.event; i < copy.events; i++, seen++) {
			const struct hs_event *e = &copy.event[i % (RECORDER_EVENTS + 1)];

			assert_int_equal(e->ts_ns, i + 1);
			assert_int_equal(e->from, i + 1);
			assert_int_equal(e->latency_ns, i + 1);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_in_range(seen, 5000, ~0ULL);
}

static void hashes(void **state)
{
	(void)state;
	/* test vectors of the definition */
	assert_int_equal(recorder_hash(""), 0xcbf29ce484222325ULL);
	assert_int_equal(recorder_hash(NULL), 0xcbf29ce484222325ULL);
	assert_int_equal(recorder_hash("a"), 0xaf63dc4c8601ec8cULL);
	assert_int_equal(recorder_hash("foobar"), 0x85944171f73967e8ULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_a_minute),	TEST(keeps_events_and_trips), TEST(goes_on),
		TEST(whole_in_a_storm), cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
