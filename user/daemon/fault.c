// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The verb `fault`: what a defect of ours might do, on order. In the fault build only
 * (build/fault/homeostatd): the daemon that is installed has neither the verb nor the switches.
 */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "change.h"
#include "clock.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "log.h"
#include "parse.h"
#include "verbs.h"

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

void fault_object(struct homeostat_bpf *skel)
{
	const char *text = getenv("HOMEOSTAT_FAULT_ABI");
	__u64 version;

	if (text && !parse_u64(text, &version))
		skel->data_gate->gate.abi_version = (__u32)version;
}

static int hang(struct call *call, struct hs_fault *fault, __u64 value)
{
	struct timespec ts = clock_timespec(NS_PER_S);

	(void)call, (void)fault, (void)value;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL) != EINVAL)
		; /* never: the time is valid */
	return -EINVAL;
}

static int spin(struct call *call, struct hs_fault *fault, __u64 value)
{
	static volatile bool on = true;

	(void)call, (void)fault, (void)value;
	while (on)
		;
	return 0;
}

static int segv(struct call *call, struct hs_fault *fault, __u64 value)
{
	int *volatile nowhere = NULL;

	(void)call, (void)fault, (void)value;
	return ++*nowhere;
}

static int pulse_late(struct call *call, struct hs_fault *fault, __u64 value)
{
	(void)call;
	store(&fault->pulse_late_ns, value);
	return 0;
}

static int pulse_dead(struct call *call, struct hs_fault *fault, __u64 value)
{
	if (value)
		store(&fault->died_ns, 0);
	store(&fault->pulse_dead, value != 0);
	if (value)
		return 0;
	/* for who measures: its death, and what followed */
	js_add_u64(call->reply, "died_ns", fault->died_ns);
	js_add_u64(call->reply, "safe_ns", call->d->kernel.gate->safe_ns);
	/* alive again: somebody has to give it the first push */
	return kernel_pulse(&call->d->kernel);
}

static int lose_task(struct call *call, struct hs_fault *fault, __u64 value)
{
	__u64 pid;

	(void)value;
	if (js_get_u64(call->request, "pid", &pid) || pid > INT32_MAX) {
		snprintf(call->error, sizeof(call->error), "expected pid (of a thread; 0 = none)");
		return -EINVAL;
	}
	store(&fault->lose_pid, (__u32)pid);
	return 0;
}

static int scribble(struct call *call, struct hs_fault *fault, __u64 value)
{
	(void)call;
	store(&fault->scribble, value != 0);
	return 0;
}

static int no_storage(struct call *call, struct hs_fault *fault, __u64 value)
{
	(void)call;
	store(&fault->no_storage, (__u32)(value < UINT32_MAX ? value : UINT32_MAX));
	return 0;
}

static int event_storm(struct call *call, struct hs_fault *fault, __u64 value)
{
	(void)call;
	store(&fault->storm, (__u32)(value < STORM_MAX ? value : STORM_MAX));
	return 0;
}

/* As an actuator would: through the undo table. */
static int change(struct call *call, struct hs_fault *fault, __u64 value)
{
	const char *path = js_str(call->request, "path");
	char text[24];
	int index;

	(void)fault;
	snprintf(text, sizeof(text), "%llu", value);
	index = change_file(call->d->undo.table, call->d->opt.root, 0, path, text);
	return index < 0 ? index : 0;
}

static const struct fault {
	const char *name;
	int (*fn)(struct call *call, struct hs_fault *fault, __u64 value);
	const char *value; /* what it stands for; NULL = 1 (on) or 0 (off), 1 if it is left out */
} faults[] = {
	{"hang", hang, NULL},
	{"spin", spin, NULL},
	{"segv", segv, NULL},
	{"pulse-late", pulse_late, "ns"},
	{"pulse-dead", pulse_dead, NULL},
	{"lose-task", lose_task, NULL},
	{"no-storage", no_storage, "attempts that fail"},
	{"scribble", scribble, NULL},
	{"change", change, "a number for the file at path"},
	{"event-storm", event_storm, "events with each pulse"},
};

static const struct fault *find_fault(const char *name)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!strcmp(faults[i].name, name))
			return &faults[i];
	}
	return NULL;
}

int verb_fault(struct call *call)
{
	const char *what = js_str(call->request, "what");
	const struct fault *f = find_fault(what);
	__u64 value = 1;

	if (!f) {
		snprintf(call->error, sizeof(call->error), "unknown fault '%.32s'", what);
		return -EINVAL;
	}
	if (js_get_u64(call->request, "value", &value) && f->value) {
		snprintf(call->error, sizeof(call->error), "%s: expected value (%s)", f->name,
			 f->value);
		return -EINVAL;
	}
	log_warn("fault: %s %llu, as asked", f->name, value);
	return f->fn(call, &call->d->kernel.skel->data_fault->fault, value);
}
