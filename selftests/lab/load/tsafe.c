// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The stop-watch of the dead man's switch. It does something bad to homeostat (or starts it) and
 * watches, from outside and above it (SCHED_FIFO, locked memory), what the kernel does: the gate,
 * mapped by itself as `homeostat trip` maps it, and /sys/kernel/sched_ext/state.
 *
 *	t_trip      the gate was shut
 *	t_safe      the first scheduling decision by stock rules
 *	t_off       the kernel's own scheduler had all tasks back
 *	t_disabled  sched_ext says so
 *
 * in ns after the deed. The first three are taken from the gate, so they are exact; the last is as exact
 * as the polling (100 µs). When sched_ext took the tasks without a decision by our stock rules, the host
 * was safe when they were back: t_safe = t_off then.
 */
#include "maps.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "abi.h"

static const char usage[] =
	"Does one of these, then times trip, safety and the end of sched_ext:\n"
	"  -s SIGNAL -p PID  sends a signal (by number)\n"
	"  -j JSON           sends a request to the control socket\n"
	"  -t                shuts the gate itself\n"
	"  -T                … and says neither why nor when: armed = 0 and nothing else\n"
	"  -x COMMAND        runs it with sh -c\n"
	"  -e COMMAND        the other way round: runs it and times until the gate is open\n"
	"                    and sched_ext enabled (t_armed)\n"
	"  -S PATH           control socket (default /run/homeostat/control.sock)\n"
	"Gives up after -d seconds, with exit code 1.\n";

#define STATE_FILE "/sys/kernel/sched_ext/state"
#define POLL_NS 100000

struct deed {
	int signal;
	pid_t pid;
	const char *request;
	const char *socket;
	const char *command;
	bool trip;
	bool bare;  /* the trip is one store */
	bool start; /* command starts homeostat */
};

/* sched_ext's state, "" where there is none. */
static void state_read(char *buf, size_t size)
{
	int fd = open(STATE_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

static bool state_is(const char *what)
{
	char buf[32];

	state_read(buf, sizeof(buf));
	return !strcmp(buf, what);
}

/* The gate of the newest homeostat, mapped; NULL while there is none. */
static volatile struct hs_gate *gate_find(bool writable)
{
	volatile struct hs_gate *found = map_find(".data.gate", sizeof(*found), writable);

	if (found && found->abi_version != HS_ABI_VERSION)
		errx(1, "the gate has ABI version %u, not %u", found->abi_version, HS_ABI_VERSION);
	return found;
}

static int request_open(const char *path)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(u.sun_path, sizeof(u.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (void *)&u, sizeof(u)))
		err(1, "%s", path);
	return fd;
}

static void run(const char *command)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return;
	struct sched_param p = {};

	/* what it starts is an ordinary process */
	sched_setscheduler(0, SCHED_OTHER, &p);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Returns the time right before the deed. */
static uint64_t deed_do(const struct deed *d, volatile struct hs_gate *gate)
{
	int fd = d->request ? request_open(d->socket) : -1;
	uint64_t t0 = now_ns();

	if (d->signal) {
		if (kill(d->pid, d->signal))
			err(1, "kill %d", d->pid);
	} else if (d->request) {
		if (dprintf(fd, "%s\n", d->request) < 0)
			err(1, "%s", d->socket);
	} else if (d->trip) {
		if (!d->bare) {
			gate->trip_reason = HS_TRIP_OPERATOR;
			gate->trip_ns = t0;
		}
		__atomic_store_n(&gate->armed, 0, __ATOMIC_RELEASE);
	} else {
		run(d->command);
	}
	return t0;
}

static int watch_stop(const struct load *l, const struct deed *d)
{
	volatile struct hs_gate *gate = gate_find(d->trip);
	uint64_t t0, disabled = 0, off, safe, trip;
	struct line line;

	if (!gate || !gate->armed || !state_is("enabled"))
		errx(1, "homeostat is not armed: there is nothing to measure");
	t0 = deed_do(d, gate);
	while (now_ns() < t0 + l->seconds * NS_PER_S) {
		if (state_is("disabled")) {
			disabled = now_ns();
			break;
		}
		sleep_until(now_ns() + POLL_NS);
	}
	/* what the gate says of an earlier trip does not count */
	trip = gate->trip_ns >= t0 ? gate->trip_ns : 0;
	off = gate->off_ns >= t0 ? gate->off_ns : disabled;
	safe = gate->safe_ns >= t0 ? gate->safe_ns : disabled ? off : 0;
	line_begin(&line, l->name);
	if (trip) {
		line_u64(&line, "t_trip_ns", trip - t0);
		line_u64(&line, "trip_reason", gate->trip_reason);
	}
	if (safe)
		line_u64(&line, "t_safe_ns", safe - t0);
	if (disabled) { /* before that, off is of one task, not of all */
		line_u64(&line, "t_off_ns", off - t0);
		line_u64(&line, "t_disabled_ns", disabled - t0);
	}
	if (disabled && trip && off >= trip)
		line_u64(&line, "trip_to_off_ns", off - trip);
	line_u64(&line, "armed", gate->armed);
	line_end(&line, l->out);
	return !disabled;
}

static int watch_start(const struct load *l, const struct deed *d)
{
	uint64_t t0 = deed_do(d, NULL), armed = 0, enabled = 0;
	volatile struct hs_gate *gate = NULL;
	struct line line;

	while (!armed && now_ns() < t0 + l->seconds * NS_PER_S) {
		if (!enabled && state_is("enabled"))
			enabled = now_ns();
		if (enabled && !gate)
			gate = gate_find(false);
		if (gate && gate->armed)
			armed = now_ns();
		else
			sleep_until(now_ns() + POLL_NS);
	}
	line_begin(&line, l->name);
	if (enabled)
		line_u64(&line, "t_enabled_ns", enabled - t0);
	if (armed)
		line_u64(&line, "t_armed_ns", armed - t0);
	line_end(&line, l->out);
	return !armed;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "tsafe", .usage = usage, .seconds = 10};
	struct deed d = {.socket = "/run/homeostat/control.sock"};
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "s:p:j:tTx:e:S:")) != -1) {
		switch (c) {
		case 's':
			d.signal = (int)number(optarg, c, 1, 64);
			break;
		case 'p':
			d.pid = (pid_t)number(optarg, c, 1, INT32_MAX);
			break;
		case 'j':
			d.request = optarg;
			break;
		case 'T':
			d.bare = true;
			/* fall through */
		case 't':
			d.trip = true;
			break;
		case 'x':
			d.command = optarg;
			break;
		case 'e':
			d.command = optarg;
			d.start = true;
			break;
		case 'S':
			d.socket = optarg;
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	if (!d.signal + !d.request + !d.trip + !d.command != 3 || !d.signal != !d.pid)
		errx(2, "exactly one deed, please; see -h");
	load_begin();
	load_lock();
	/* above the hogs and whatever is tested, below the kernel's own helpers (50) */
	load_fifo(1);
	return d.start ? watch_start(&l, &d) : watch_stop(&l, &d);
}
