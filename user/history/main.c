// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat-historian: command line and clock. Exit codes: 0 fine, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/log.h"
#include "../lib/notify.h"
#include "../lib/version.h"
#include "historian.h"

static const char help[] =
	"Usage: homeostat-historian [--db FILE] [--socket PATH]\n\n"
	"Writes down what homeostatd says: vital signs, and what was changed of the machine.\n"
	"`homeostat history`, `report` and `explain` read it.\n\n"
	"  --db FILE      the database (" HISTORY_DB ")\n"
	"  --socket PATH  homeostatd's control socket (" CONTROL_SOCKET ")\n"
	"  --help         this text\n"
	"  --version      its version\n";

static __u64 clock_ns_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

/* A second after the other, until a signal. 0 or negative errno, told. */
static int run(struct historian *h, int signals, int timer)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
	__u64 expired;
	int err = 0;

	while (!err) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return 0;
		if (read(timer, &expired, sizeof(expired)) < 0)
			continue;
		err = historian_step(h, (struct history_time){clock_ns_of(CLOCK_REALTIME),
							      clock_ns_of(CLOCK_MONOTONIC)});
	}
	log_error("%s: %s", h->db, history_error(h->history));
	return err;
}

static int serve(struct historian *h)
{
	const struct itimerspec second = {{1, 0}, {1, 0}};
	int signals, timer, notify, err;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (signals < 0 || timer < 0 || timerfd_settime(timer, 0, &second, NULL)) {
		log_error("signals or timer: %s", strerror(errno));
		return 1;
	}
	err = historian_open(h);
	notify = notify_open();
	if (!err) {
		notify_send(notify, "READY=1");
		err = run(h, signals, timer);
	}
	historian_close(h);
	if (notify >= 0)
		close(notify);
	close(timer);
	close(signals);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"db", required_argument, NULL, 'd'},
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct historian h = {.db = HISTORY_DB, .socket = CONTROL_SOCKET, .root = ""};
	int c;

	while ((c = getopt_long(argc, argv, "d:s:hV", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			h.db = optarg;
			break;
		case 's':
			h.socket = optarg;
			break;
		case 'h':
			return fputs(help, stdout) < 0;
		case 'V':
			return printf("homeostat-historian %s\n", HS_VERSION) < 0;
		default:
			fputs(help, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "homeostat-historian: unknown argument '%s'\n\n%s", argv[optind],
			help);
		return 2;
	}
	return serve(&h);
}
