// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "gate.h"

#include <errno.h>
#include <stddef.h>

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
/* in one order with all that is stored and loaded around it: both sides rely on that */
#define armed_set(gate, v) __atomic_exchange_n(&(gate)->armed, v, __ATOMIC_SEQ_CST)

struct gate_trip gate_prepare(struct hs_gate *gate)
{
	struct gate_trip before = {load(&gate->trip_reason), load(&gate->trip_ns)};

	/* the reason last: while there is one, a trip leaves no time */
	store(&gate->trip_ns, 0);
	__atomic_store_n(&gate->trip_reason, HS_TRIP_NONE, __ATOMIC_SEQ_CST);
	return before;
}

void gate_spare(struct hs_gate *gate, struct gate_trip before)
{
	store(&gate->trip_ns, before.ns);
	store(&gate->trip_reason, before.reason);
}

int gate_open(struct hs_gate *gate)
{
	store(&gate->leaving, 0);
	store(&gate->safe_ns, 0);
	store(&gate->lease_jiffies, 0);
	store(&gate->generation, gate->generation + 1);
	armed_set(gate, 1);
	if (!__atomic_load_n(&gate->trip_ns, __ATOMIC_SEQ_CST))
		return 0;
	store(&gate->trip_reason, HS_TRIP_OPERATOR);
	armed_set(gate, 0);
	return -ECANCELED;
}

void gate_condemn(struct hs_gate *gate, enum hs_trip reason, const struct gate_cause *cause,
		  __u64 now_ns)
{
	static const struct gate_cause none = {.vital = HS_VITAL_NR};

	if (!cause)
		cause = &none;
	store(&gate->trip_vital, cause->vital);
	store(&gate->trip_value, cause->value);
	store(&gate->trip_limit, cause->limit);
	store(&gate->trip_reason, reason);
	store(&gate->trip_ns, now_ns);
}

void gate_shut_over(struct hs_gate *gate, enum hs_trip reason, const struct gate_cause *cause,
		    __u64 now_ns)
{
	if (!load(&gate->armed))
		return;
	/* reason and time first: whoever sees the gate shut finds them */
	gate_condemn(gate, reason, cause, now_ns);
	armed_set(gate, 0);
}

void gate_shut(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns)
{
	gate_shut_over(gate, reason, NULL, now_ns);
}

void gate_trip(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns)
{
	/* twice: gate_prepare() may have wiped out what the first time left */
	for (int i = 0; i < 2; i++) {
		gate_shut(gate, reason, now_ns);
		/* a gate that was tripped before keeps what it says */
		if (load(&gate->trip_reason) == HS_TRIP_NONE)
			store(&gate->trip_ns, now_ns);
		/* opened between the two? then it is open for nobody */
		if (armed_set(gate, 0))
			store(&gate->trip_reason, reason);
	}
}
