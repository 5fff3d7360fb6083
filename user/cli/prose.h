/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What the daemon sends as numbers and names, as sentences. All return buf. */
#ifndef HOMEOSTAT_CLI_PROSE_H
#define HOMEOSTAT_CLI_PROSE_H

#include <stddef.h>

struct json_object;

/* An event: what happened. */
const char *prose_event(char *buf, size_t size, struct json_object *event);

/* The reply to `explain`: who set the knob, from what, and whether an actuator uses it now. */
const char *prose_why(char *buf, size_t size, struct json_object *explained);

/* Its rule: "while sched.wait… is above 100 us …"; "?" if it names what we do not know. */
const char *prose_rule(char *buf, size_t size, struct json_object *rule, const char *knob);

/* ": sched.starved_ns was 3 s, limit 2 s": of a trip over a value; else "". */
const char *prose_over(char *buf, size_t size, struct json_object *trip);

/* " for 21 ms, 18 ms of them without a CPU": of a trip for want of progress; else "". */
const char *prose_stall(char *buf, size_t size, struct json_object *trip);

/* " (sched.wait… was 12 ms, limit 5 ms)": of a trip that was about a figure; else "". */
const char *prose_cause(char *buf, size_t size, struct json_object *cause);

#endif
