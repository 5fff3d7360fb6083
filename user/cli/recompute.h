/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Decisions computed again (kern/decision.h): the kernel programs of this build, loaded a second time and attached to nothing,
 * are given the inputs of a log, record by record. Needs root; what runs beside it is not touched.
 */
#ifndef HOMEOSTAT_CLI_RECOMPUTE_H
#define HOMEOSTAT_CLI_RECOMPUTE_H

#include "../lib/decision_log.h"

struct homeostat_bpf;
struct ring_buffer;

struct recompute {
	union decision_record made; /* what came of the last call */
	/* private */
	struct homeostat_bpf *skel;
	struct ring_buffer *ring;
	size_t made_size;
};

/* Loads. 0, or negative errno and `error`. recompute_close() in any case. */
int recompute_open(struct recompute *r, char *error, size_t size);

/* Of the program that makes the calls: a policy's object is loaded for it (lib/plugin.h), into slot @slot, and answers by itself from now on. */
int recompute_prog(const struct recompute *r);
void recompute_itself(struct recompute *r, __u32 slot, bool itself);

/* The reflex becomes what was recorded. 0 or negative errno. */
int recompute_state(struct recompute *r, const struct hs_decision_state *s);

/* One call again; what came of it is in r->made. 0 or negative errno. */
int recompute_call(struct recompute *r, const struct hs_decision *d);

void recompute_close(struct recompute *r);

/* The object that is loaded; this program's own. */
const void *recompute_object(size_t *len);

/*
 * What differs between a call as it was recorded and as it was made again: one line, knob (or vital sign, or slot), recorded
 * and recomputed. false: nothing.
 */
bool recompute_differs(const struct hs_decision *was, const struct hs_decision *now, char *text,
		       size_t size);

#endif
