// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The gate: a trip wins, whenever it comes. */
#include "fixture.h"

#include <pthread.h>

#include "gate.h"

static struct hs_gate gate;

static int fresh(void **state)
{
	(void)state;
	gate = (struct hs_gate){.trip_reason = HS_TRIP_HEARTBEAT, .trip_ns = 5, .generation = 3};
	return 0;
}

static void opens_and_shuts(void **state)
{
	(void)state;
	gate_prepare(&gate);
	assert_int_equal(gate_open(&gate), 0);
	assert_int_equal(gate.armed, 1);
	assert_int_equal(gate.generation, 4);
	assert_int_equal(gate.trip_reason, HS_TRIP_NONE);
	gate_shut(&gate, HS_TRIP_PROGRESS, 7);
	gate_shut(&gate, HS_TRIP_SHUTDOWN, 8); /* too late to be the reason */
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_reason, HS_TRIP_PROGRESS);
	assert_int_equal(gate.trip_ns, 7);
	/* an operator's, too; but it is counted */
	assert_int_equal(gate.by_hand, 0);
	gate_trip(&gate, HS_TRIP_HEARTBEAT, 9);
	assert_int_equal(gate.by_hand, 0);
	gate_trip(&gate, HS_TRIP_OPERATOR, 9);
	assert_int_equal(gate.by_hand, 1);
	assert_int_equal(gate.trip_reason, HS_TRIP_PROGRESS);
	assert_int_equal(gate.trip_ns, 7);
}

static void a_refused_arming_leaves_no_trace(void **state)
{
	struct gate_trip before;

	(void)state;
	before = gate_prepare(&gate);
	assert_int_equal(gate.trip_reason, HS_TRIP_NONE);
	gate_spare(&gate, before);
	assert_int_equal(gate.trip_reason, HS_TRIP_HEARTBEAT);
	assert_int_equal(gate.trip_ns, 5);
	assert_int_equal(gate.generation, 3);
}

static void a_trip_stops_an_arming(void **state)
{
	(void)state;
	gate_prepare(&gate);
	gate_trip(&gate, HS_TRIP_OPERATOR, 7);
	assert_int_equal(gate_open(&gate), -ECANCELED);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_reason, HS_TRIP_OPERATOR);
	assert_int_equal(gate.trip_ns, 7);
	/* one that came before does not stop the next */
	gate_prepare(&gate);
	assert_int_equal(gate_open(&gate), 0);
	gate_trip(&gate, HS_TRIP_OPERATOR, 8);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_reason, HS_TRIP_OPERATOR);
	assert_int_equal(gate.trip_ns, 8);
}

static pthread_barrier_t barrier;

static void *tripper(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		pthread_barrier_wait(&barrier);
		gate_trip(&gate, HS_TRIP_OPERATOR, 7);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* Details are the first one's, too; an arming that comes to nothing leaves them, the next one clears them. */
static void says_what_it_was_about(void **state)
{
	const struct gate_cause first = {HS_VITAL_STARVED, 900, 500};
	const struct gate_cause second = {HS_VITAL_PSI_CPU, 1, 0};

	(void)state;
	gate_prepare(&gate);
	assert_int_equal(gate.trip_vital, HS_VITAL_NR);
	assert_int_equal(gate_open(&gate), 0);
	gate_shut_over(&gate, HS_TRIP_SLO, &first, 7);
	gate_shut_over(&gate, HS_TRIP_HARM, &second, 8);
	assert_int_equal(gate.trip_reason, HS_TRIP_SLO);
	assert_int_equal(gate.trip_vital, HS_VITAL_STARVED);
	assert_int_equal(gate.trip_value, 900);
	assert_int_equal(gate.trip_limit, 500);
	gate_spare(&gate, gate_prepare(&gate));
	assert_int_equal(gate.trip_vital, HS_VITAL_STARVED);
	assert_int_equal(gate.trip_value, 900);
	gate_prepare(&gate);
	assert_int_equal(gate.trip_vital, HS_VITAL_NR);
	assert_int_equal(gate.trip_value, 0);
	/* somebody has taken the reason and not yet stored armed: it stays his, and the gate is shut */
	assert_int_equal(gate_open(&gate), 0);
	gate.trip_reason = HS_TRIP_SCHED_STALL;
	gate_shut(&gate, HS_TRIP_PROGRESS, 9);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_reason, HS_TRIP_SCHED_STALL);
	assert_int_equal(gate.trip_ns, 0);
}

/* At the same instant as the opening: afterwards the gate is shut, and says why. */
static void a_race(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, tripper, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		gate_prepare(&gate);
		pthread_barrier_wait(&barrier);
		gate_open(&gate);
		pthread_barrier_wait(&barrier);
		assert_int_equal(gate.armed, 0);
		assert_int_equal(gate.trip_reason, HS_TRIP_OPERATOR);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(opens_and_shuts, fresh),
		cmocka_unit_test_setup(a_refused_arming_leaves_no_trace, fresh),
		cmocka_unit_test_setup(a_trip_stops_an_arming, fresh),
		cmocka_unit_test_setup(says_what_it_was_about, fresh),
		cmocka_unit_test_setup(a_race, fresh),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
