// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "gate.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
/* in one order with all that is stored and loaded around it: both sides rely on that */
#define armed_set(gate, v) __atomic_exchange_n(&(gate)->armed, v, __ATOMIC_SEQ_CST)

static const struct gate_cause no_cause = {.vital = HS_VITAL_NR};

/* Takes the place of the one who gives the reason; struct hs_gate says how. Returns whether it was free. */
static bool claim(struct hs_gate *gate, enum hs_trip reason)
{
	__u32 none = HS_TRIP_NONE;

	return __atomic_compare_exchange_n(&gate->trip_reason, &none, (__u32)reason, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void detail(struct hs_gate *gate, const struct gate_cause *cause)
{
	store(&gate->trip_vital, cause->vital);
	store(&gate->trip_value, cause->value);
	store(&gate->trip_limit, cause->limit);
}

struct gate_trip gate_prepare(struct hs_gate *gate)
{
	struct gate_trip before = {
		.reason = load(&gate->trip_reason),
		.ns = load(&gate->trip_ns),
		.cause = {load(&gate->trip_vital), load(&gate->trip_value),
			  load(&gate->trip_limit)},
	};

	detail(gate, &no_cause);
	/* the reason last: while there is one, a trip leaves no time */
	store(&gate->trip_ns, 0);
	__atomic_store_n(&gate->trip_reason, HS_TRIP_NONE, __ATOMIC_SEQ_CST);
	return before;
}

void gate_spare(struct hs_gate *gate, struct gate_trip before)
{
	detail(gate, &before.cause);
	store(&gate->trip_ns, before.ns);
	store(&gate->trip_reason, before.reason);
}

int gate_open(struct hs_gate *gate)
{
	store(&gate->leaving, 0);
	store(&gate->safe_ns, 0);
	store(&gate->off_ns, 0);
	store(&gate->lease_jiffies, 0);
	store(&gate->generation, gate->generation + 1);
	armed_set(gate, 1);
	if (!__atomic_load_n(&gate->trip_ns, __ATOMIC_SEQ_CST))
		return 0;
	claim(gate, HS_TRIP_OPERATOR);
	armed_set(gate, 0);
	return -ECANCELED;
}

void gate_shut_over(struct hs_gate *gate, enum hs_trip reason, const struct gate_cause *cause,
		    __u64 now_ns)
{
	if (!load(&gate->armed))
		return;
	if (claim(gate, reason)) {
		detail(gate, cause ? cause : &no_cause);
		store(&gate->trip_ns, now_ns);
	}
	armed_set(gate, 0);
}

void gate_shut(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns)
{
	gate_shut_over(gate, reason, NULL, now_ns);
}

void gate_trip(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns)
{
	/* also where the gate is shut already, and the daemon waits to open it again */
	if (reason == HS_TRIP_OPERATOR)
		__atomic_fetch_add(&gate->by_hand, 1, __ATOMIC_SEQ_CST);
	/* twice: gate_prepare() may have wiped out what the first time left */
	for (int i = 0; i < 2; i++) {
		gate_shut(gate, reason, now_ns);
		/* a gate that was tripped before keeps what it says */
		if (load(&gate->trip_reason) == HS_TRIP_NONE)
			store(&gate->trip_ns, now_ns);
		/* opened between the two? then it is open for nobody */
		if (armed_set(gate, 0))
			claim(gate, reason);
	}
}
