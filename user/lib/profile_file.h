/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The YAML of a profile, its shape checked, its scalars still text: what libcyaml's schema can say.
 * Private to profile*.c; everybody else takes struct profile.
 */
#ifndef HOMEOSTAT_PROFILE_FILE_H
#define HOMEOSTAT_PROFILE_FILE_H

#include <stddef.h>

#include <yaml.h>

/* Every member is the text of the file; NULL where an optional one is not stated. */
struct pulse_text {
	char *min, *max, *window, *stress_wait, *stress_switches;
};
struct heartbeat_text {
	char *limit;
};
struct freeze_text {
	char *turns, *window;
};
struct weights_text {
	char *loss, *jitter, *work, *energy;
};
struct knob_text {
	char *name, *value, *min, *max;
};
struct rule_text {
	char *when, *low, *high, *knob, *kind, *up, *down, *hold, *cooldown;
};
struct match_text {
	char *cgroup, *comm, *pid;
};
struct workload_text {
	char *name, *class, *period, *deadline, *runtime, *cpus, *isolation, *criticality;
	struct match_text *match;
};
struct steer_text {
	char *cpus;
};
struct interface_text {
	char *name, *xdp;
};
struct flow_text {
	char *name, *class, *protocol, *port, *peer_port, *peer, *dscp, *mark, *tcp;
};
struct limit_text {
	char *vital, *max, *windows, *times;
};
struct slo_text {
	char *vital, *report, *max, *lasting; /* "for", which C keeps for itself */
};
struct helping_text {
	char *margin, *floor, *lasting, *observe;
};
struct trip_text {
	char *rearm, *rearm_max, *trips, *window, *hook, *hook_limit;
};
struct profile_text {
	char *name, *description, *recognise;
	struct pulse_text *pulse;
	struct heartbeat_text *heartbeat;
	struct freeze_text *freeze;
	struct weights_text *weights;
	struct knob_text *knobs;
	struct rule_text *rules;
	struct limit_text *limits;
	struct slo_text *slo;
	struct helping_text *helping;
	struct trip_text *trip;
	struct steer_text *steer;
	struct interface_text *interfaces;
	struct flow_text *flows;
	struct workload_text *workloads;
	unsigned int knobs_count, rules_count, limits_count, slo_count, interfaces_count,
		flows_count, workloads_count;
};

struct profile_file {
	const char *path; /* for messages */
	char *error;	  /* where messages go */
	size_t error_size;
	yaml_document_t document; /* for line numbers */
	struct profile_text *text;
};

/*
 * Parses and checks the shape: keys known, none twice, none missing, mapping where a mapping belongs,
 * not too many. 0, -EINVAL with file->error filled, or -ENOMEM. profile_file_free() it in any case.
 */
int profile_file_read(struct profile_file *file, const char *text, size_t len);
void profile_file_free(struct profile_file *file);

/*
 * Line (from 1) of `key` in entry `index` of the sequence `part`, or of `part` itself when it is a
 * mapping (index < 0); key NULL: of the entry. The nearest thing that exists, else 1.
 */
unsigned int profile_file_line(struct profile_file *file, const char *part, int index,
			       const char *key);

/* Writes "path:line: …" to file->error and returns -EINVAL. */
int profile_file_wrong(struct profile_file *file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
