// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "recorder.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

#define RECORDER_MAGIC 0x68737263 /* "hsrc" */

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define NR(array) (sizeof(array) / sizeof((array)[0]))

int recorder_open(struct recorder **r, int dir_fd, const char *root)
{
	struct mapped_head head;
	char why[160];
	void *mem;
	int there;

	/* its size tells versions of it apart that abi.h's number does not */
	mapped_head(&head, root, RECORDER_MAGIC, HS_ABI_VERSION, sizeof(**r));
	there = mapped_open(&mem, dir_fd, RECORDER_FILE, &head, why, sizeof(why));
	*r = mem;
	if (there < 0)
		return there;
	if (there && (*r)->written > (*r)->trips) {
		**r = (struct recorder){.head = head};
		snprintf(why, sizeof(why), "it holds nonsense");
	}
	if (why[0])
		log_warn("the flight recorder's file, " RECORDER_FILE ", is made anew: %s", why);
	return 0;
}

void recorder_close(struct recorder *r)
{
	mapped_close(r, sizeof(*r));
}

/* Counted only once it is whole. */
static void counted(__u64 *count)
{
	__atomic_store_n(count, *count + 1, __ATOMIC_RELEASE);
}

void recorder_sample(struct recorder *r, const struct hs_vital *vitals, const struct hs_knob *knobs,
		     __u32 armed, __u64 now_ns)
{
	struct recorder_sample *s = &r->sample[r->samples % NR(r->sample)];

	s->ns = now_ns;
	s->armed = armed;
	memset(s->present, 0, sizeof(s->present));
	for (int i = 0; i < HS_VITAL_NR; i++) {
		s->present[i / 64] |= (__u64) !!load(&vitals[i].present) << i % 64;
		s->vital[i] = load(&vitals[i].value);
	}
	for (int i = 0; i < HS_KNOB_NR; i++)
		s->knob[i] = load(&knobs[i].value);
	counted(&r->samples);
}

void recorder_event(struct recorder *r, const struct hs_event *event)
{
	r->event[r->events % NR(r->event)] = *event;
	counted(&r->events);
}

void recorder_trip(struct recorder *r, const struct recorder_trip *trip)
{
	r->trip[r->trips % NR(r->trip)] = *trip;
	counted(&r->trips);
}

/* Counts of whole entries of a ring of `size` slots: one may be in the making. */
static __u64 first_of(__u64 count, __u64 size)
{
	return count < size ? 0 : count - (size - 1);
}

/* It may come from a file. */
static void terminate(struct recorder_trip *t)
{
	t->exit.msg[sizeof(t->exit.msg) - 1] = '\0';
	t->report[sizeof(t->report) - 1] = '\0';
	t->profile[sizeof(t->profile) - 1] = '\0';
	t->version[sizeof(t->version) - 1] = '\0';
	for (int i = 0; i < RECORDER_UNDONE; i++) {
		t->undone.entry[i].path[sizeof(t->undone.entry[i].path) - 1] = '\0';
		t->undone.entry[i].old[sizeof(t->undone.entry[i].old) - 1] = '\0';
	}
}

struct recorder_span recorder_copy(struct recorder *to, const struct recorder *from)
{
	struct recorder_span span;

	/* counts first: what they count is whole by then; what comes later is not looked at */
	to->samples = __atomic_load_n(&from->samples, __ATOMIC_ACQUIRE);
	to->events = __atomic_load_n(&from->events, __ATOMIC_ACQUIRE);
	to->trips = __atomic_load_n(&from->trips, __ATOMIC_ACQUIRE);
	to->written = load(&from->written);
	to->failed = load(&from->failed);
	to->running = from->running;
	memcpy(to->sample, from->sample, sizeof(to->sample));
	memcpy(to->event, from->event, sizeof(to->event));
	memcpy(to->trip, from->trip, sizeof(to->trip));
	for (size_t i = 0; i < NR(to->trip); i++)
		terminate(&to->trip[i]);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* … but may have been written over what was copied */
	span.sample = first_of(load(&from->samples), NR(to->sample));
	span.event = first_of(load(&from->events), NR(to->event));
	span.trip = first_of(load(&from->trips), NR(to->trip));
	return span;
}

__u64 recorder_hash(const char *text)
{
	__u64 hash = 0xcbf29ce484222325ULL;

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}
