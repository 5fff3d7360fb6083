/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The flight recorder: the last minute of vital signs and knobs, the last events, the last trips. A
 * mapped file (mapped.h) of about 130 KiB that outlives the daemon; the next one goes on in it. The main
 * loop writes, and allocates nothing; the scribe (scribe.h) reads, in a process of its own.
 */
#ifndef HOMEOSTAT_RECORDER_H
#define HOMEOSTAT_RECORDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../kern/abi.h"
#include "mapped.h"
#include "profile.h"
#include "undo.h"

#define RECORDER_FILE "recorder"
#define RECORDER_SAMPLES 60 /* one a second */
#define RECORDER_EVENTS 512
#define RECORDER_TRIPS 8
#define RECORDER_UNDONE 16
#define RECORDER_SPAN_NS 60000000000ULL /* what is older does not belong to a trip */

struct recorder_sample {
	__u64 ns;
	__u64 present[(HS_VITAL_NR + 63) / 64]; /* one bit for each vital sign */
	__u64 vital[HS_VITAL_NR];
	__u64 knob[HS_KNOB_NR];
	__u32 armed;
	__u32 pad;
};

/* Was it measured at that time? @vital below HS_VITAL_NR. */
static inline bool recorder_present(const struct recorder_sample *s, __u32 vital)
{
	return s->present[vital / 64] >> vital % 64 & 1;
}

/* What was put back of what had been changed outside BPF. */
struct recorder_undone {
	__u32 nr; /* of these the first RECORDER_UNDONE are named; the log names all */
	__u32 pad;
	struct {
		__u32 outcome; /* enum undo_outcome */
		char path[UNDO_PATH_LEN];
		char old[60]; /* the value from before, cut */
	} entry[RECORDER_UNDONE];
};

/* What is known of a trip apart from what led to it. Times are CLOCK_MONOTONIC unless named wall. */
struct recorder_trip {
	__u64 trip_ns; /* 0 = none */
	__u64 seen_ns; /* when the daemon came to know */
	__u64 wall_ns; /* CLOCK_REALTIME of trip_ns */
	__u64 safe_ns; /* first decision by stock rules; 0 = none was seen */
	__u64 off_ns;  /* the kernel's own scheduler had all tasks back; 0 = not known */
	__u64 heartbeat_ns, heartbeat_limit_ns;
	__u64 stall_ns, no_cpu_ns; /* PROGRESS */
	__u64 value, limit;	   /* of the vital sign, or figure, that it was about */
	__u64 events_lost;
	__u64 rearm_in_ns; /* pause before it arms again; 0 = a person has to, or none is needed */
	__u64 profile_hash;
	__u32 reason; /* enum hs_trip */
	__u32 vital;  /* enum hs_vital_id, HS_VITAL_NR = none */
	__u32 mode;   /* enum hs_mode */
	__u32 generation;
	__u32 trips; /* in the window */
	__u32 held;
	uid_t report_uid; /* who said the figure `report` */
	pid_t report_pid;
	struct recorder_undone undone;
	struct hs_exit exit;		 /* what sched_ext said; kind 0 = nothing */
	char report[PROFILE_REPORT_LEN]; /* SLO: the application's figure that it was about */
	char profile[PROFILE_NAME_LEN];
	char version[16]; /* of homeostat */
};

/*
 * The file. Of each ring one slot is being written; the others are whole. Counts only grow, and are
 * stored after what they count.
 */
struct recorder {
	struct mapped_head head;
	__u64 samples, events, trips;
	__u64 written;		      /* trips that the scribe is done with */
	__u64 failed;		      /* of these, the records that could not be written */
	struct recorder_trip running; /* what will be known of this daemon if it dies now */
	struct recorder_sample sample[RECORDER_SAMPLES + 1];
	struct hs_event event[RECORDER_EVENTS + 1];
	struct recorder_trip trip[RECORDER_TRIPS + 1];
};

/* Maps it (dir_fd: the runtime directory); warns of what was wrong. 0 or negative errno. */
int recorder_open(struct recorder **r, int dir_fd, const char *root);
void recorder_close(struct recorder *r);

void recorder_sample(struct recorder *r, const struct hs_vital *vitals, const struct hs_knob *knobs,
		     __u32 armed, __u64 now_ns);
void recorder_event(struct recorder *r, const struct hs_event *event);
void recorder_trip(struct recorder *r, const struct recorder_trip *trip);

/*
 * Copies it while the main loop may be writing, and says from which count on the copy's entries are
 * whole: [first, count) of each ring.
 */
struct recorder_span {
	__u64 sample, event, trip;
};
struct recorder_span recorder_copy(struct recorder *to, const struct recorder *from);

/* 64-bit FNV-1a of a text: tells profiles apart, proves nothing. NULL counts as "". */
__u64 recorder_hash(const char *text);

#endif
