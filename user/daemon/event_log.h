/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The last events, as remembered by the daemon. In those of type TRIP for want of progress it adds what
 * the kernel cannot know: `to` = how long the main loop made none, `value` = how long of that it lacked
 * a CPU.
 */
#ifndef HOMEOSTAT_EVENT_LOG_H
#define HOMEOSTAT_EVENT_LOG_H

#include <json-c/json.h>

#include "../../kern/abi.h"
#include "control.h"

struct event_log {
	struct hs_event ring[CONTROL_EVENTS_MAX];
	__u64 nr; /* entered since start; the newest is ring[(nr - 1) % CONTROL_EVENTS_MAX] */
};

void event_log_enter(struct event_log *log, const struct hs_event *event);

/* The age-th newest event (0 = the newest), or NULL. */
const struct hs_event *event_log_newest(const struct event_log *log, __u64 age);

/* As sent to clients; the caller owns it. NULL: out of memory. */
struct json_object *event_json(const struct hs_event *event);

/* Appends the newest `max` events, oldest first; with knob < HS_KNOB_NR only those about it. */
void event_log_json(const struct event_log *log, struct json_object *array, __u64 max, __u32 knob);

#endif
