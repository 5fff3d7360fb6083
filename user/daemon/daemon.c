// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Start, main loop and stop of homeostatd. */
#include "act/by_hand.h"
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "names.h"
#include "notify.h"
#include "parse.h"
#include "privileges.h"
#include "slow.h"
#include "work.h"
#include "private_file.h"

/* data.u32 of epoll events; from SOURCE_SERVER on they are the server's. */
enum source {
	SOURCE_SIGNAL,
	SOURCE_TIMER,
	SOURCE_RING,
	SOURCE_GUARD,
	SOURCE_USHER,
	SOURCE_SENSE,
	SOURCE_SERVER
};

#define EVENTS_PER_ROUND 64  /* taken at once, between two looks at everything else */
#define EVENTS_PER_TICK 200  /* more than these are gathered instead of waking us one by one */
#define EVENTS_TICK_MAX 8192 /* more than these wait for the next tick, or are lost (and counted) */
#define FOLLOW_MS 100	     /* how often events are looked for while somebody follows */
#define ODD_NS                                                                                     \
	370000 /* a tick is no whole second: it shall not meet the same periodic task each time */
#define TOPOLOGY_TICKS 5
#define LOOK_PATIENCE_NS (100 * NS_PER_MS) /* whoever holds a socket may be waiting for a CPU */
#define STOP_PATIENCE_NS (5 * NS_PER_S)
#define STOP_HAND_NS (3 * NS_PER_S)

static void on_event(void *ctx, const struct hs_event *event)
{
	struct homeostatd *d = ctx;
	struct hs_event e = *event;
	struct json_object *line;

	d->events_now++;
	if (e.type == HS_EVENT_TRIP && e.id == HS_TRIP_PROGRESS) {
		/* the kernel cannot know: see event_log.h */
		e.to = __atomic_load_n(&d->heartbeat.stall_ns, __ATOMIC_RELAXED);
		e.value = __atomic_load_n(&d->heartbeat.no_cpu_ns, __ATOMIC_RELAXED);
	}
	event_log_enter(&d->events, &e);
	if (e.type == HS_EVENT_PLUGIN)
		plugins_heard(&d->plugins, &e);
	if (d->after.recorder)
		recorder_event(d->after.recorder, &e);
	if (!server_followed(d->server))
		return;
	line = event_json(&e);
	if (line)
		server_broadcast(d->server, line);
	json_object_put(line);
	heartbeat_progress(&d->heartbeat);
}

void daemon_event(struct homeostatd *d, struct hs_event *event)
{
	event->ts_ns = clock_ns();
	on_event(d, event);
}

/* ---- start ---- */

static int add_source(struct homeostatd *d, int fd, enum source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_loop(struct homeostatd *d)
{
	struct itimerspec second = {.it_interval = {1, ODD_NS}, .it_value.tv_sec = 1};
	sigset_t signals;
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	/* a log that nobody reads any more is no reason to die of */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &signals, NULL))
		return -errno;
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->epoll_fd < 0 || d->signal_fd < 0 || d->timer_fd < 0 ||
	    timerfd_settime(d->timer_fd, 0, &second, NULL))
		return -errno;
	err = add_source(d, d->signal_fd, SOURCE_SIGNAL);
	if (!err)
		err = add_source(d, d->timer_fd, SOURCE_TIMER);
	return err;
}

/* Prompt scheduling, before the load, which is long: wanted, not vital. */
static void ask_for_cpu(void)
{
	if (setpriority(PRIO_PROCESS, 0, -20))
		log_warn("nice -20: %s; the main loop may be late on a busy host", strerror(errno));
}

/* Memory that stays, after the load, whose working memory need not. */
static void ask_for_memory(void)
{
	/* on_tick() gives back what a long reply has left; free() would do so piece by piece, in the middle: 4 ms */
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	/* what is touched stays; what is mapped and never touched costs nothing */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_warn("locking memory: %s; a host short of memory may trip the gate",
			 strerror(errno));
}

static int open_events(struct homeostatd *d)
{
	d->ring_fd = kernel_events_open(&d->kernel, on_event, d);
	return d->ring_fd < 0 ? d->ring_fd : add_source(d, d->ring_fd, SOURCE_RING);
}

/* What senses; none of it is vital, but without the pulse nothing will ever be armed. */
static void start_sensing(struct homeostatd *d)
{
	int err = kernel_attach_sense(&d->kernel);

	if (!err)
		err = kernel_attach_exec(&d->kernel);
	if (err && err != -EOPNOTSUPP)
		log_warn("run-queue sensor: %s", d->kernel.family[FAMILY_SENSE].why);
	err = kernel_pulse(&d->kernel);
	if (err && err != -EOPNOTSUPP)
		log_warn("pulse: %s", d->kernel.family[FAMILY_PULSE].why);
}

static int load_kernel(struct homeostatd *d, struct profile *profile)
{
	char error[512] = "";
	int err;

	err = kernel_load(&d->kernel, &d->topo, d->opt.root, d->opt.variant, error, sizeof(error));
	if (!err)
		err = policy_apply(&d->policy, &d->kernel, &d->topo, profile, d->opt.root, error,
				   sizeof(error));
	if (err)
		log_error("%s", error[0] ? error : strerror(-err));
	else if (d->kernel.variant.points)
		log_info("variant %s of the scheduler: %s", d->kernel.variant.name,
			 d->kernel.variant.about);
	return err;
}

/* The directory of the socket: also the place of what outlives us until the next boot. */
static int open_run_dir(struct homeostatd *d)
{
	char path[PATH_MAX], why[160];
	int fd;

	snprintf(path, sizeof(path), "%s", d->opt.socket);
	fd = private_dir(AT_FDCWD, dirname(path), 0755, why, sizeof(why));
	if (fd < 0)
		log_error("runtime directory %s: %s", path, why);
	return fd;
}

void daemon_progress(void *ctx)
{
	struct homeostatd *d = ctx;

	heartbeat_progress(&d->heartbeat);
}

/* What can be refused cheaply is tried before anything is loaded. */
static int open_doors(struct homeostatd *d)
{
	int err = open_loop(d), run_fd;

	if (err) {
		log_error("event loop: %s", strerror(-err));
		return err;
	}
	if (d->sensing.child.pid && add_source(d, d->sensing.child.fd, SOURCE_SENSE))
		log_warn("homeostat-sense is heard once a second only");
	if (d->opt.guard_fd >= 0) {
		err = add_source(d, d->opt.guard_fd, SOURCE_GUARD);
		if (err) {
			log_error("the guard's socket: %s", strerror(-err));
			return err;
		}
	}
	run_fd = open_run_dir(d);
	if (run_fd < 0)
		return run_fd;
	err = server_open(&d->server, d->opt.socket, d->epoll_fd, SOURCE_SERVER, verb_answer, d);
	if (err)
		log_error("%s: %s%s", d->opt.socket, strerror(-err),
			  err == -EADDRINUSE ? "; another homeostatd runs: stop it first"
			  : err == -EEXIST   ? ", and is no socket: remove it"
					     : "");
	else /* from here on the directory is ours */
		err = aftermath_open(d, run_fd);
	if (!err)
		server_progress(d->server, daemon_progress);
	close(run_fd);
	return err;
}

static void silence_bell(void *kernel)
{
	kernel_bell_silence(kernel);
}

/* Without it the heartbeat learns of a trip by others at its next look: slower, and no reason not to run. */
static struct heartbeat_bell open_bell(struct homeostatd *d)
{
	struct heartbeat_bell bell = {kernel_bell_open(&d->kernel), silence_bell, &d->kernel};

	if (bell.fd < 0 && bell.fd != -EOPNOTSUPP)
		log_warn("the heartbeat's bell: %s; after a trip sched_ext will leave more slowly",
			 strerror(-bell.fd));
	return bell;
}

/* While we may: who shares interfaces for us, if the profile shares one. It is no reason not to run. */
static void start_usher(struct homeostatd *d)
{
	struct beside *beside = &d->net.beside;
	char why[256] = "";
	int fd;

	if (!profile_beside(&d->policy.profile)) {
		beside_without(beside,
			       "homeostatd was started with a profile without `xdp: beside`: "
			       "restart it with this one");
		return;
	}
	fd = kernel_load_beside(&d->kernel, why, sizeof(why));
	if (fd < 0) {
		beside_without(beside, why);
		return;
	}
	if (!beside_start(beside, fd) && add_source(d, beside->usher.fd, SOURCE_USHER))
		log_warn("the usher is heard once a second only");
	close(fd);
}

/* From here on everything runs that will run, the gate still shut. */
static int start_parts(struct homeostatd *d)
{
	struct heartbeat_bell bell;
	int err = open_events(d);

	if (err) {
		log_error("event ring buffer: %s", strerror(-err));
		return err;
	}
	bell = open_bell(d);
	if (pmu_open(&d->pmu, pmu_hardware, &d->topo))
		log_debug("the processors' counters: %s", d->pmu.why);
	kernel_keep_maps(&d->kernel); /* not for those that are forked now */
	start_usher(d);
	changes_hand(d);
	err = certified_load(d);
	if (err)
		return err;
	err = privileges_drop(); /* before there are threads: they inherit it */
	if (err)
		return err;
	err = heartbeat_start(&d->heartbeat, d->kernel.gate, d->policy.profile.heartbeat_limit_ns,
			      &d->housekeeping, &bell);
	if (err) {
		log_error("heartbeat thread: %s", strerror(-err));
		return err;
	}
	/* before the guard sees the gate: it has had the hook run for that one */
	if (d->after.died_ns)
		gate_spare(d->kernel.gate, (struct gate_trip){.reason = HS_TRIP_DIED,
							      .ns = d->after.died_ns,
							      .cause.vital = HS_VITAL_NR});
	return guard_greet(d);
}

int daemon_start(struct homeostatd *d, const struct options *opt)
{
	struct profile profile;
	char why[512];
	int err;

	memset(d, 0, sizeof(*d));
	d->opt = *opt;
	profile_set_root(opt->root);
	d->start_ns = clock_ns();
	d->epoll_fd = d->signal_fd = d->timer_fd = d->ring_fd = -1;
	d->notify_fd = notify_open();
	if (d->notify_fd < 0 && d->notify_fd != -ENOENT)
		log_warn("NOTIFY_SOCKET: %s; systemd is told nothing", strerror(-d->notify_fd));
	ask_for_cpu();
	err = topology_read(&d->topo, opt->root);
	if (err) {
		log_error("reading the CPUs of this host: %s", strerror(-err));
		return err;
	}
	err = certified_begin(d);
	if (!err)
		err = profiles_first(d, &profile);
	if (err)
		return err;
	err = house_keep(d);
	if (err)
		log_warn("cannot keep to housekeeping CPUs: %s", strerror(-err));
	/* before there is anything that it would hold as well */
	if (sensing_start(&d->sensing, d->opt.root))
		log_warn("%s", d->sensing.why);
	err = open_doors(d);
	if (!err)
		err = undo_take(d);
	if (!err)
		aftermath_begin(d, &profile.trip);
	if (!err) {
		if (!d->certified.on) /* nobody proposes anything */
			keeping_open(d);
		err = load_kernel(d, &profile);
	}
	profile_free(&profile);
	if (err)
		return err;
	changes_open(d);
	log_debug("start: loaded after %llu us", (clock_ns() - d->start_ns) / 1000);
	ask_for_memory();
	err = start_parts(d);
	if (err)
		return err;
	aftermath_profile(d);
	start_sensing(d);
	arm_hooks(d, clock_ns(), true);
	house_watch(d);
	slow_read(d->kernel.vitals, d->opt.root, clock_ns());
	judge_set(d);
	if (d->opt.mode == HS_MODE_ACT && !d->certified.on)
		judge_first(d);
	err = certified_seat(d);
	if (err)
		return err;
	err = set_mode(d, d->opt.mode, why, sizeof(why));
	if (err) /* what can be seen is still worth seeing */
		log_error("not armed: %s", why);
	malloc_trim(0);
	notify_send(d->notify_fd, "READY=1");
	log_info("homeostatd runs, profile %s, mode %s, after %llu us", d->policy.profile.name,
		 mode_name(d->mode), (clock_ns() - d->start_ns) / 1000);
	return 0;
}

/* ---- loop ---- */

static void on_signal(struct homeostatd *d)
{
	struct signalfd_siginfo info;
	char error[512];

	while (read(d->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			d->stop = true;
			aftermath_asked(d);
		} else {
			daemon_reload(d, error, sizeof(error));
		}
	}
}

/* More events than are worth a wake-up each: the ring is left alone until the next tick. */
static void watch_ring(struct homeostatd *d, bool on)
{
	struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u32 = SOURCE_RING};

	if (d->rush != on)
		return;
	d->rush = !on;
	epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, d->ring_fd, &event);
}

/* Some of what the ring holds; the rest in the next round. */
static void take_events(struct homeostatd *d)
{
	d->events_left = kernel_events(&d->kernel, EVENTS_PER_ROUND) == EVENTS_PER_ROUND &&
			 d->events_now <= EVENTS_TICK_MAX;
	if (!d->events_left && d->events_now > EVENTS_PER_TICK)
		watch_ring(d, false);
	heartbeat_progress(&d->heartbeat);
}

/* One piece of a look at TCP connections; the rest in the next rounds. */
static void look_on(struct homeostatd *d)
{
	heartbeat_patience(&d->heartbeat, LOOK_PATIENCE_NS);
	tcp_look_step(&d->tcp_look, &d->kernel, clock_ns());
	heartbeat_patience(&d->heartbeat, 0);
	heartbeat_progress(&d->heartbeat);
}

static void on_stale(void *ctx, __u32 vital, __u64 age_ns)
{
	struct hs_event event = {.type = HS_EVENT_STALE, .vital = vital, .latency_ns = age_ns};

	daemon_event(ctx, &event);
}

static void on_tick(struct homeostatd *d)
{
	__u64 expired;

	if (read(d->timer_fd, &expired, sizeof(expired)) < 0)
		return;
	d->ticks++;
	notify_watchdog(d->notify_fd);
	d->tick_ns = clock_ns();
	d->events_now = 0;
	watch_ring(d, true);
	take_events(d);
	arm_tick(d);
	slow_read(d->kernel.vitals, d->opt.root, d->tick_ns);
	work_follow(&d->pmu, d->kernel.vitals, work_wanted(&d->policy.profile), d->tick_ns);
	sensing_hear(&d->sensing, d->kernel.vitals);
	sensing_tick(&d->sensing, d->kernel.vitals, &d->pmu, d->tick_ns, on_stale, d);
	arm_hooks(d, d->tick_ns, false);
	tcp_look_tick(&d->tcp_look, &d->kernel, &d->policy.profile, d->tick_ns);
	judge_tick(d);
	changes_tick(d);
	plugins_tick(d);
	certified_tick(d);
	profiles_follow(d);
	aftermath_tick(d);
	heartbeat_progress(&d->heartbeat);
	if (policy_refresh(&d->policy, &d->kernel, d->opt.root) > 0) {
		log_info("declared cgroups came or went");
		profiles_rematch(d);
	}
	if (!(d->ticks % TOPOLOGY_TICKS))
		house_watch(d);
	if (d->served) /* a long reply leaves the heap in pieces */
		malloc_trim(0);
	d->served = false;
}

static void on_source(struct homeostatd *d, const struct epoll_event *event)
{
	switch (event->data.u32) {
	case SOURCE_SIGNAL:
		on_signal(d);
		break;
	case SOURCE_TIMER:
		on_tick(d);
		break;
	case SOURCE_RING:
		take_events(d);
		break;
	case SOURCE_GUARD:
		guard_heard(d);
		break;
	case SOURCE_USHER:
		arm_interfaces(d, false);
		break;
	case SOURCE_SENSE:
		sensing_hear(&d->sensing, d->kernel.vitals);
		break;
	default:
		server_event(d->server, event->data.u32, event->events);
	}
	heartbeat_progress(&d->heartbeat);
}

int daemon_run(struct homeostatd *d)
{
	struct epoll_event events[8];

	while (!d->stop) {
		bool followed = server_followed(d->server);
		bool more = d->events_left || tcp_look_busy(&d->tcp_look);
		int nr, wait = more ? 0 : followed ? FOLLOW_MS : -1;

		heartbeat_idle(&d->heartbeat);
		nr = epoll_wait(d->epoll_fd, events, 8, wait);
		heartbeat_busy(&d->heartbeat);
		if (nr < 0 && errno != EINTR) {
			log_error("event loop: %s", strerror(errno));
			return -errno;
		}
		for (int i = 0; i < nr; i++)
			on_source(d, &events[i]);
		if (followed || d->events_left)
			take_events(d);
		if (tcp_look_busy(&d->tcp_look))
			look_on(d);
		arm_watch(d);
		plugins_watch(d);
	}
	return d->exit_err;
}

void daemon_stop(struct homeostatd *d)
{
	notify_send(d->notify_fd, "STOPPING=1");
	if (d->heartbeat.running)
		heartbeat_patience(&d->heartbeat, STOP_PATIENCE_NS);
	changes_abort(d, "homeostatd ends");
	disarm(d, HS_TRIP_SHUTDOWN);
	/* what a driver was at is put back, too, and what had to wait for that */
	for (__u64 end_ns = clock_ns() + STOP_HAND_NS; undo_all(d) && clock_ns() < end_ns;)
		by_hand_wait(200);
	heartbeat_stop(&d->heartbeat);
	/* nobody beats from here on; the guard knows by when we shall be gone */
	if (d->kernel.gate)
		__atomic_store_n(&d->kernel.gate->due_ns, clock_ns() + STOP_PATIENCE_NS,
				 __ATOMIC_RELAXED);
	server_close(d->server);
	d->server = NULL;
	beside_stop(&d->net.beside);
	sensing_stop(&d->sensing);
	certified_end(d);
	plugins_close(&d->plugins);
	kernel_close(&d->kernel);
	changes_close(d);
	policy_free(&d->policy);
	profile_calendar_free(&d->calendar);
	pmu_close(&d->pmu);
	undo_close(&d->undo);
	if (d->notify_fd >= 0)
		close(d->notify_fd);
	aftermath_close(d);
	for (int *fd = (int[]){d->epoll_fd, d->signal_fd, d->timer_fd, -1}; *fd >= 0; fd++)
		close(*fd);
}
