// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "heartbeat.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "gate.h"
#include "log.h"
#include "parse.h"

#define REST_NS (250 * NS_PER_MS)     /* while the pulse has not said how fast it beats */
#define REST_MAX_NS (500 * NS_PER_MS) /* the slowest pulse that a profile may ask for */

/*
 * sched_ext ends a scheduler with several RCU grace periods, and the kernel's RCU thread is an ordinary
 * task that waits its turn behind every hog: 10 to 23 ms. Whoever wakes up above the hogs ends the turn of
 * the one that runs; so, for as long as a leave may take, we look often: 3 ms. The bell says when to begin.
 */
#define LEAVE_NS (30 * NS_PER_MS)
#define LEAVE_LOOK_NS (100 * NS_PER_US)

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* CPU time of the main loop, 0 = not known. */
static __u64 main_cpu_ns(const struct heartbeat *hb)
{
	struct timespec ts;

	if (!hb->main_tid || clock_gettime(hb->main_clock, &ts))
		return 0;
	return (__u64)ts.tv_sec * NS_PER_S + (__u64)ts.tv_nsec;
}

/* 'R' = runs or wants to, 'S', 'D' …; 0 = not known. */
static char main_state(const struct heartbeat *hb)
{
	char stat[64] = "", *end;

	if (hb->main_tid) /* its beginning is enough */
		read_filef("", stat, sizeof(stat), "/proc/self/task/%d/stat", hb->main_tid);
	end = strrchr(stat, ')'); /* behind the name, which may hold anything */
	return end && end[1] ? end[2] : '\0';
}

__u64 heartbeat_no_cpu(__u64 stall_ns, __u64 ran_ns, char state)
{
	return state == 'R' && ran_ns < stall_ns ? stall_ns - ran_ns : 0;
}

/*
 * CPU time that the main loop has used since its last sign of progress; not less, perhaps more: since the
 * look before that.
 */
static __u64 ran_ns(struct heartbeat *hb, __u64 busy)
{
	__u64 cpu = main_cpu_ns(hb);

	if (busy != hb->mark_ns) {
		hb->mark_ns = busy;
		hb->mark_cpu_ns = hb->look_cpu_ns;
	}
	hb->look_cpu_ns = cpu;
	return cpu - hb->mark_cpu_ns;
}

/*
 * How long the main loop has been stuck, 0 = it is not; then *look_ns is brought forward to the moment at
 * which it would be. That nobody let it run is said, but no excuse: from outside, a loop that spins while
 * others have the CPU looks the same, and T_safe is owed for that one.
 */
static __u64 stuck_ns(const struct heartbeat *hb, __u64 busy, __u64 now, __u64 limit,
		      __u64 *look_ns)
{
	__u64 since = busy ? busy : load(&hb->round_ns);
	__u64 until = since + (busy ? limit : HEARTBEAT_LOOP_NS);

	if (busy && load(&hb->patience_ns) > until)
		until = load(&hb->patience_ns);
	if (now >= until)
		return now - since;
	if (until < *look_ns)
		*look_ns = until;
	return 0;
}

/* The gate first; what only the log wants to know comes after. */
static void shut(struct heartbeat *hb, __u64 now, __u64 stall, __u64 ran, bool busy)
{
	bool first = load(&hb->gate->armed); /* afterwards it may go on, but that is not why */

	if (first) {
		store(&hb->stall_ns, stall);
		store(&hb->no_cpu_ns, 0);
	}
	gate_shut(hb->gate, HS_TRIP_PROGRESS, now);
	if (first && busy)
		store(&hb->no_cpu_ns, heartbeat_no_cpu(stall, ran, main_state(hb)));
}

/*
 * Was the gate shut a moment ago, by a trip or in good order? Then our scheduler is on its way out.
 * Whoever shut it need not have said when: our scheduler does.
 */
static bool leaving(const struct hs_gate *gate, __u64 now)
{
	return !load(&gate->armed) &&
	       (now - load(&gate->trip_ns) < LEAVE_NS || now - load(&gate->safe_ns) < LEAVE_NS);
}

struct heartbeat_step heartbeat_look(struct heartbeat *hb)
{
	__u64 now = hb->now(), limit = load(&hb->limit_ns), sleep = load(&hb->gate->period_ns);
	__u64 busy = load(&hb->busy_since_ns), ran = ran_ns(hb, busy), stall;
	struct heartbeat_step step = {0};
	struct hs_gate *gate = hb->gate;

	/* while the gate is shut nobody depends on it: a promise kept ready for the next arming */
	if (!sleep || (!load(&hb->gate->armed) && sleep < REST_NS))
		sleep = REST_NS;
	if (sleep > REST_MAX_NS)
		sleep = REST_MAX_NS;
	if (sleep < limit / 3)
		sleep = limit / 3;
	/* the promise stays the long one: an arming may come right now */
	step.next_ns = now + (leaving(gate, now) ? LEAVE_LOOK_NS : sleep);
	stall = stuck_ns(hb, busy, now, limit, &step.next_ns);
	if (!stall) {
		store(&gate->due_ns, now + sleep + limit - limit / 3);
		store(&gate->heartbeat_ns, now);
		return step;
	}
	step.stalled = true;
	shut(hb, now, stall, ran, busy);
	step.next_ns = now + (leaving(gate, now) ? LEAVE_LOOK_NS : limit / 3);
	return step;
}

/* Touches the stack once, so that it is resident (mlockall has MCL_ONFAULT set). */
static void __attribute__((noinline)) touch_stack(void)
{
	char stack[HEARTBEAT_STACK / 4];

	memset(stack, 0, sizeof(stack));
	__asm__ volatile("" ::"r"(stack) : "memory");
}

/*
 * Until then, until the bell rings, or heartbeat_stop() or _nudge(): all of them mean look again. So does
 * being continued after a stop (EINTR; ppoll would begin to wait anew, and be late).
 */
static void wait_for(struct heartbeat *hb, __u64 until, const sigset_t *mask)
{
	__u64 now = hb->now();
	struct timespec left = clock_timespec(until > now ? until - now : 0);
	struct epoll_event rang;
	int nr = epoll_pwait2(hb->epoll_fd, &rang, 1, &left, mask);

	if (nr == 1) {
		hb->bell.silence(hb->bell.ctx);
	} else if (nr < 0 && errno != EINTR) { /* never to be; and never to spin above everybody */
		left = clock_timespec(until);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &left, NULL);
	}
}

static void *heartbeat_main(void *arg)
{
	struct sched_param param = {.sched_priority = HEARTBEAT_PRIORITY};
	struct heartbeat *hb = arg;
	sigset_t nudge, waiting;
	int err;

	/* it comes through while we wait only, so none is lost on the way there */
	sigemptyset(&nudge);
	sigaddset(&nudge, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &nudge, &waiting);
	sigdelset(&waiting, SIGUSR1);
	err = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	if (err)
		log_warn(
			"heartbeat: no SCHED_FIFO (%s); a busy host may trip the gate for nothing; "
			"CAP_SYS_NICE would help",
			strerror(err));
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	pthread_setname_np(pthread_self(), "heartbeat");
	touch_stack();
	if (hb->bell.fd >= 0)
		hb->bell.silence(
			hb->bell.ctx); /* for the same reason: its code is here when it is needed */
	while (!load(&hb->stop))
		wait_for(hb, heartbeat_look(hb).next_ns, &waiting);
	return NULL;
}

static void wake_up(int signal)
{
	(void)signal; /* its arrival ends epoll_pwait2 */
}

/* Edge-triggered: a ring is one wake-up, and one that cannot be silenced does not make us spin. */
static int listen_to(struct heartbeat *hb, const struct heartbeat_bell *bell)
{
	struct epoll_event edge = {.events = EPOLLIN | EPOLLET};

	hb->bell = bell ? *bell : (struct heartbeat_bell){.fd = -1};
	hb->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (hb->epoll_fd < 0)
		return -errno;
	if (hb->bell.fd >= 0 && epoll_ctl(hb->epoll_fd, EPOLL_CTL_ADD, hb->bell.fd, &edge))
		return -errno;
	return 0;
}

static int start_thread(struct heartbeat *hb, const cpu_set_t *cpus)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	err = pthread_attr_setstacksize(
		&attr, HEARTBEAT_STACK < PTHREAD_STACK_MIN ? PTHREAD_STACK_MIN : HEARTBEAT_STACK);
	if (!err && cpus)
		err = pthread_attr_setaffinity_np(&attr, sizeof(*cpus), cpus);
	if (!err)
		err = pthread_create(&hb->thread, &attr, heartbeat_main, hb);
	pthread_attr_destroy(&attr);
	return -err;
}

int heartbeat_start(struct heartbeat *hb, struct hs_gate *gate, __u64 limit_ns,
		    const cpu_set_t *cpus, const struct heartbeat_bell *bell)
{
	struct sigaction action = {.sa_handler = wake_up};
	int err;

	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;

	memset(hb, 0, sizeof(*hb));
	hb->gate = gate;
	hb->now = clock_ns;
	hb->limit_ns = limit_ns;
	hb->round_ns = clock_ns();
	if (!pthread_getcpuclockid(pthread_self(), &hb->main_clock))
		hb->main_tid = gettid();
	/* the first beat by ourselves: the gate may be opened before the thread has got a CPU */
	heartbeat_look(hb);
	err = listen_to(hb, bell);
	if (!err)
		err = start_thread(hb, cpus);
	if (err && hb->epoll_fd >= 0)
		close(hb->epoll_fd);
	hb->running = !err;
	return err;
}

void heartbeat_stop(struct heartbeat *hb)
{
	if (!hb || !hb->running)
		return;
	store(&hb->stop, true);
	pthread_kill(hb->thread, SIGUSR1);
	pthread_join(hb->thread, NULL);
	close(hb->epoll_fd);
	hb->running = false;
}

void heartbeat_busy(struct heartbeat *hb)
{
	__u64 now = hb->now();

	store(&hb->round_ns, now);
	store(&hb->busy_since_ns, now);
}

void heartbeat_idle(struct heartbeat *hb)
{
	store(&hb->round_ns, hb->now());
	store(&hb->busy_since_ns, 0);
}

void heartbeat_progress(struct heartbeat *hb)
{
	if (load(&hb->busy_since_ns))
		store(&hb->busy_since_ns, hb->now());
}

void heartbeat_patience(struct heartbeat *hb, __u64 ns)
{
	store(&hb->patience_ns, ns ? hb->now() + ns : 0);
	heartbeat_progress(hb);
}

void heartbeat_nudge(struct heartbeat *hb)
{
	if (hb->running)
		pthread_kill(hb->thread, SIGUSR1);
}

void heartbeat_set_limit(struct heartbeat *hb, __u64 limit_ns)
{
	store(&hb->limit_ns, limit_ns);
}
