/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* homeostatd as a whole: what main() owns and the verbs work on. */
#ifndef HOMEOSTAT_DAEMON_H
#define HOMEOSTAT_DAEMON_H

#include <sched.h>
#include <stdbool.h>

#include "aftermath.h"
#include "certified.h"
#include "changes.h"
#include "connections.h"
#include "event_log.h"
#include "gate.h"
#include "heartbeat.h"
#include "judge.h"
#include "hooks.h"
#include "kernel.h"
#include "net.h"
#include "plugins.h"
#include "pmu.h"
#include "policy.h"
#include "sensing.h"
#include "server.h"
#include "slow.h"
#include "steer.h"
#include "tcp_look.h"
#include "topology.h"
#include "undo.h"

struct options {
	const char *profile;  /* NULL = stock */
	const char *manifest; /* of the certified mode; NULL = it is not */
	const char *kb;	      /* the knowledge base */
	const char *socket;
	const char *state;   /* directory of the records */
	const char *variant; /* of the scheduler: a linked object; NULL = none */
	const char *root;    /* of /proc and /sys; "" = the real one */
	int guard_fd;	     /* to homeostat-guard, -1 = there is none */
	enum hs_mode mode;
	bool mode_named, kb_named; /* on the command line */
	bool check;
	bool supervise;
	bool leave;
};

struct homeostatd {
	struct options opt;
	struct topology topo;
	struct kernel kernel;
	struct policy policy;
	struct plugins plugins;
	struct profile_calendar
		calendar; /* of the profile that was loaded: it may have others take turns */
	__u64 shift_ns;	  /* a change of turns was refused: not before this */
	struct net net;
	struct connections connections;
	struct hooks hooks;
	struct tcp_look tcp_look;
	struct sensing sensing;
	struct steer steer;
	struct pmu pmu;
	struct heartbeat heartbeat;
	struct event_log events;
	struct judge judge;
	struct changes changes;
	struct aftermath after;
	struct certified certified;
	struct undo undo;
	struct server *server;
	cpu_set_t housekeeping;
	enum hs_mode mode;
	bool armed; /* we opened the gate and have not yet seen it shut */
	bool stop;
	int exit_err;	   /* why it stops by itself: negative errno */
	bool rush;	   /* events came faster than they are worth a wake-up each */
	bool events_left;  /* the ring may hold more than was taken in this round */
	bool served;	   /* a request was answered since the last tick */
	__u32 events_now;  /* events since the last tick */
	char refusal[256]; /* why the last arming was refused, "" = it was not */
	__u64 start_ns;
	__u64 tick_ns; /* last tick */
	__u64 ticks;
	char cpus_seen[6144]; /* what watch_cpus() looks at, as last read */
	int epoll_fd, signal_fd, timer_fd, ring_fd;
	int notify_fd; /* to systemd, negative = it did not ask */
};

/* ---- daemon.c ---- */

/*
 * Loads, attaches, listens; arms if the mode is act. 0, or negative errno after one clear line in the
 * log; daemon_stop() in any case.
 */
int daemon_start(struct homeostatd *d, const struct options *opt);

/* Until SIGTERM or SIGINT. 0, or negative errno. */
int daemon_run(struct homeostatd *d);

/* Gate shut, scheduler gone, everything closed: in this order. */
void daemon_stop(struct homeostatd *d);

/* An event of the daemon's own (ts_ns is set): into the log, and to who follows. */
void daemon_event(struct homeostatd *d, struct hs_event *event);

/* ---- profiles.c ---- */

/* Loads a profile and puts it in force; the running one stays if it is bad. 0 or negative errno. */
int daemon_load_profile(struct homeostatd *d, const char *path, char *error, size_t size);

/* The profile that was loaded last once more, with its calendar. 0; -ENOENT: there is none; other negative errno. */
int daemon_reload(struct homeostatd *d, char *error, size_t size);

/* What homeostatd is started with, or stock. 0, or negative errno after one clear line in the log. */
int profiles_first(struct homeostatd *d, struct profile *profile);

/* Tasks that run already get what is declared for them now. */
void profiles_rematch(struct homeostatd *d);

/* Once a second: the calendar's next one, as by a reload; not while a change is judged by what this one does, nor on a mission. */
void profiles_follow(struct homeostatd *d);

/* ---- arm.c ---- */

/*
 * Opens the gate and attaches the scheduler, if the mode is act and nothing speaks against it.
 * 0 (also if armed already); else negative errno and `why`.
 */
int arm(struct homeostatd *d, char *why, size_t size);

/* The same for a person who says so: an earlier trip, or several, speak no longer against it. */
int arm_by_hand(struct homeostatd *d, char *why, size_t size);

/* Shuts the gate, waits until the scheduler is gone, takes up the sensor again. */
void disarm(struct homeostatd *d, enum hs_trip reason);

/*
 * A trip of the daemon's own: shuts the gate with all that is known of why, and all that follows (see
 * aftermath.h). Harmless if not armed.
 */
void trip(struct homeostatd *d, enum hs_trip reason, const struct gate_cause *cause);

/*
 * Attaches to the profile's interfaces what looks at packets, or takes it off: it is there while we are armed, and,
 * with the gate shut, while stock is looked at, as many a driver stops its queues to attach a program. @retry: also to those
 * that could not be attached to. Likewise, while armed, our congestion control and what looks at new connections.
 */
void arm_interfaces(struct homeostatd *d, bool retry);

/*
 * Attaches the hooks that somebody asks for now, and takes the others off (hooks.h). @again: also those that could not be
 * attached.
 */
void arm_hooks(struct homeostatd *d, __u64 now_ns, bool again);

/* Notices a gate that somebody else shut, and a scheduler that the kernel ended. */
void arm_watch(struct homeostatd *d);

/* The same, and the slower checks: once a second. */
void arm_tick(struct homeostatd *d);

/* The main loop of this struct homeostatd is well: for what takes long on its behalf. */
void daemon_progress(void *d);

/* Changes the mode, arming and disarming as it takes. 0 or negative errno and `why`. */
int set_mode(struct homeostatd *d, enum hs_mode mode, char *why, size_t size);

/* ---- house.c ---- */

/*
 * Puts the process, and what it starts from now on, on CPUs that nobody has reserved, or leaves it where it is if there are none. 0, or
 * negative errno.
 */
int house_keep(struct homeostatd *d);

/*
 * Hotplug and cpuset partitions change what a CPU is for, which is cheap to notice and dear to read: notices it, and has policy, pulse and
 * this process follow.
 */
void house_watch(struct homeostatd *d);

/* ---- guarded.c ---- */

/*
 * Opens the undo table beside the control socket, takes its lock for good, and puts back what an earlier
 * daemon has left. 0, or negative errno after one clear line in the log.
 */
int undo_take(struct homeostatd *d);

/* Puts back what stands in the undo table, one line in the log for each. Is there something that waits for a driver? */
bool undo_all(struct homeostatd *d);

/* Makes itself known to the guard, if there is one. 0, or negative errno after a line in the log. */
int guard_greet(struct homeostatd *d);

/* The guard's socket can be read: if it is dead, trips and has the main loop end. */
void guard_heard(struct homeostatd *d);

/* ---- verbs.c ---- */

/* Answers a request (server_handler; ctx is the daemon). */
struct json_object *verb_answer(void *ctx, struct json_object *request, struct peer *peer);

#endif
