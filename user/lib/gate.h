/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The gate from user space: who opens it and who shuts it, without a lock between them. Shutting wins:
 * also a trip that comes while an arming is under way, gate still shut, leaves its time in trip_ns,
 * and gate_open() looks there after it has opened.
 */
#ifndef HOMEOSTAT_GATE_H
#define HOMEOSTAT_GATE_H

#include "../../kern/abi.h"

/* What a trip was about, for HS_TRIP_LIMIT, _SLO and _HARM. */
struct gate_cause {
	__u32 vital; /* enum hs_vital_id, HS_VITAL_NR = none */
	__u64 value;
	__u64 limit;
};

/* What the gate said of its last trip. */
struct gate_trip {
	__u32 reason; /* enum hs_trip */
	__u64 ns;
	struct gate_cause cause;
};

/*
 * An arming begins: what was said of the last trip is cleared, and returned for gate_spare(). From
 * here on a trip stops gate_open(). For the one who arms only.
 */
struct gate_trip gate_prepare(struct hs_gate *gate);

/* The arming ends before gate_open(): what was said is said again. */
void gate_spare(struct hs_gate *gate, struct gate_trip before);

/* Opens. 0, or -ECANCELED: tripped since gate_prepare(), or just now; then the gate is shut and says why. */
int gate_open(struct hs_gate *gate);

/* Shuts, if it is open. Whoever came first has given the reason (see struct hs_gate); it is kept. */
void gate_shut(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns);

/* gate_shut() with what it was about (NULL: nothing to say). */
void gate_shut_over(struct hs_gate *gate, enum hs_trip reason, const struct gate_cause *cause,
		    __u64 now_ns);

/*
 * gate_shut() from another process, which also stops an arming that is under way. By OPERATOR it is
 * counted in gate.by_hand, too: no arming of the daemon's own accord follows.
 */
void gate_trip(struct hs_gate *gate, enum hs_trip reason, __u64 now_ns);

#endif
