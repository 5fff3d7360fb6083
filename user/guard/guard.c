// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* From the daemon's hello on: no allocation, and no system call but those of main.c's filter. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "gate.h"
#include "guard_link.h"
#include "log.h"
#include "notify.h"

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* ---- start ---- */

/* In the child: never returns. */
static void become_daemon(char **argv, int link)
{
	char number[16], **with = argv - 2;
	sigset_t none;

	snprintf(number, sizeof(number), "%d", link);
	with[0] = argv[0];
	with[1] = (char *)"--guard-fd";
	with[2] = number;
	sigemptyset(&none);
	if (!fcntl(link, F_SETFD, 0) && signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
	    !sigprocmask(SIG_SETMASK, &none, NULL))
		execv(with[0], with);
	log_error("guard: %s: %s", with[0], strerror(errno));
	_exit(127);
}

int guard_start(struct guard *g, char **argv)
{
	int pipe_fd[2], link[2], err = undo_open(&g->undo, g->dir, g->root, true);
	sigset_t signals;

	if (err) {
		log_error("guard: %s/" UNDO_FILE ": %s", g->dir, undo_error(err));
		return err;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	g->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g->signals < 0 || sigprocmask(SIG_BLOCK, &signals, NULL) ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	g->notify = notify_open();
	g->pipe = pipe_fd[1];
	g->restorer = fork();
	if (!g->restorer) {
		close(pipe_fd[1]); /* or it would never see its end */
		restorer_settle();
		_exit(restorer_main(pipe_fd[0], g->dir, g->root, argv[0]));
	}
	close(pipe_fd[0]);
	g->restorer_fd = pidfd_open(g->restorer, 0);
	if (g->restorer_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link))
		return -errno;
	g->link = link[0];
	g->start_ns = clock_ns();
	g->daemon = fork();
	if (!g->daemon)
		become_daemon(argv, link[1]);
	close(link[1]);
	g->daemon_fd = pidfd_open(g->daemon, 0);
	return g->daemon_fd < 0 ? -errno : 0;
}

/* ---- watch ---- */

static void send_daemon(struct guard *g, int signal)
{
	if (pidfd_send_signal(g->daemon_fd, signal, NULL, 0))
		log_error("guard: signal %d to the daemon: %s", signal, strerror(errno));
}

static void ask_restorer(struct guard *g, char what)
{
	if (g->restorer_fd >= 0 && write(g->pipe, &what, 1) != 1)
		log_error("guard: asking the restorer: %s", strerror(errno));
}

static void kill_daemon(struct guard *g, const char *why)
{
	if (g->killed)
		return;
	g->killed = true;
	send_daemon(g, SIGKILL);
	log_error("guard: the daemon %s: killed", why);
}

__u64 guard_look(struct guard *g, __u64 now)
{
	__u64 due = g->gate ? load(&g->gate->due_ns) : g->start_ns + GUARD_HELLO_NS;
	__u64 beat = g->gate ? load(&g->gate->heartbeat_ns) : due, wait;

	if (now < due + GUARD_GRACE_NS) {
		wait = due + GUARD_GRACE_NS - now;
		if (g->gate && (!load(&g->gate->armed) || due - beat >= GUARD_RESTING_NS) &&
		    wait < GUARD_REST_NS)
			wait = GUARD_REST_NS;
		return wait;
	}
	if (!g->gate) {
		kill_daemon(g, "does not come up");
		return GUARD_REST_NS;
	}
	if (load(&g->gate->armed)) {
		gate_shut(g->gate, HS_TRIP_HEARTBEAT, now);
		log_error("guard: the daemon's heartbeat is overdue: gate shut");
	}
	if (g->broken_ns != due || now - g->look_ns >= GUARD_LOOK_NS) { /* signals come, too */
		g->looks = g->broken_ns == due ? g->looks + 1 : 0;
		g->broken_ns = due;
		g->look_ns = now;
	}
	/* did it act when it fell silent? */
	if (g->looks >= (load(&g->gate->trip_ns) > beat ? GUARD_LOOKS_ACTING : GUARD_LOOKS_LOOKING))
		kill_daemon(g, "is deaf");
	return GUARD_LOOK_NS;
}

/* The descriptor of the pulse stays open: its timer lives as long as somebody has the map. */
static void take_hello(struct guard *g, const int fds[2])
{
	struct hs_gate *gate =
		mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);

	if (gate == MAP_FAILED || gate->abi_version != HS_ABI_VERSION)
		kill_daemon(g, "brings a gate that cannot be watched");
	else if ((g->gate = gate)->trip_reason == HS_TRIP_DIED)
		g->told_ns = load(&gate->trip_ns); /* the daemon before: that was told */
}

/* One message. False: there is none, or never will be one again. */
static bool hear(struct guard *g)
{
	int fds[2], message = g->link < 0 ? -EAGAIN : guard_hear(g->link, g->gate ? NULL : fds);

	if (message == -EAGAIN)
		return false;
	if (message == GUARD_HELLO && !g->gate) {
		take_hello(g, fds);
	} else if (message == GUARD_TRIPPED && g->gate) {
		g->told_ns = load(&g->gate->trip_ns);
		ask_restorer(g, 'h');
	} else { /* its end, or nothing it should say: its pidfd and the gate tell the rest */
		g->link = -1;
	}
	return g->link >= 0;
}

bool guard_watch(struct guard *g, bool until_hello)
{
	while (!until_hello || !g->gate) {
		struct pollfd fds[] = {{.fd = g->daemon_fd, .events = POLLIN},
				       {.fd = g->link, .events = POLLIN},
				       {.fd = g->signals, .events = POLLIN},
				       {.fd = g->restorer_fd, .events = POLLIN}};
		struct timespec wait = clock_timespec(guard_look(g, clock_ns()));
		struct signalfd_siginfo info;

		if (ppoll(fds, 4, &wait, NULL) <= 0)
			continue;
		if (fds[0].revents)
			return true;
		if (fds[1].revents)
			hear(g);
		if (fds[2].revents && read(g->signals, &info, sizeof(info)) == sizeof(info))
			send_daemon(g, (int)info.ssi_signo);
		if (fds[3].revents) {
			g->restorer_fd = -1;
			send_daemon(g, SIGTERM);
			log_error("guard: the restorer is dead: the daemon is asked to end");
		}
	}
	return false;
}

/* ---- end ---- */

/* Waits for a child's end. Its exit code, 128 + signal, or -1: it did not end in time. */
static int reap(pid_t pid, int pidfd, __u64 timeout_ns)
{
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};
	struct timespec wait = clock_timespec(timeout_ns);
	siginfo_t info = {0};

	if (ppoll(&fd, 1, &wait, NULL) != 1 || waitid(P_PID, (id_t)pid, &info, WEXITED))
		return -1;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* The reason of a trip that the daemon did not live to tell of: the hook is run all the same. */
static __u32 untold(const struct guard *g, int code)
{
	__u32 reason = g->gate ? load(&g->gate->trip_reason) : HS_TRIP_NONE;

	if (!g->gate || load(&g->gate->trip_ns) == g->told_ns || reason == HS_TRIP_SHUTDOWN)
		return HS_TRIP_NONE;
	/* what follows from a death is no reason for it: a heart that stands still, a scheduler that is ended */
	if (code && (reason == HS_TRIP_SCHED_EXIT || (reason == HS_TRIP_HEARTBEAT && !g->killed)))
		__atomic_store_n(&g->gate->trip_reason, reason = HS_TRIP_DIED, __ATOMIC_RELAXED);
	return reason;
}

int guard_end(struct guard *g)
{
	int code = reap(g->daemon, g->daemon_fd, 0), undone = -1;
	__u32 reason;

	notify_send(g->notify, "STOPPING=1"); /* restorer and hook may outlast the watchdog */
	while (hear(g))			      /* its last words */
		;
	if (g->gate && code) /* in good order it shuts the gate by itself */
		gate_shut(g->gate, HS_TRIP_DIED, clock_ns());
	ask_restorer(g, 'u');
	reason = untold(g, code);
	if (reason != HS_TRIP_NONE) {
		undo_keep_trip(g->undo.table, g->gate);
		ask_restorer(g, 'h');
	}
	ask_restorer(g, 'q');
	if (code)
		log_error("guard: the daemon ended with %d", code);
	if (g->restorer_fd >= 0)
		undone = reap(g->restorer, g->restorer_fd,
			      GUARD_RESTORE_NS + undo_hooks_ms(g->undo.table) * NS_PER_MS);
	if (undone)
		log_error("guard: the restorer failed: see `homeostat restore`");
	return code ? code : undone != 0;
}
