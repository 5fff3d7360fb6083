// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat-guard: command line, and what it takes on and gives up once the daemon has said hello.
 * Exit codes: those of the daemon; 128 + signal where it was killed; 1 failed, 2 wrong usage.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"
#include "parse.h"

#define PRIORITY 3 /* SCHED_FIFO; above the heartbeat's 2 */

/* All that it needs after the start; whatever else it calls kills it. */
static const int allowed[] = {
	SCMP_SYS(ppoll),	     /* waits; is there room in the log? */
	SCMP_SYS(read),		     /* messages of the daemon, signals */
	SCMP_SYS(write),	     /* to restorer, systemd, log */
	SCMP_SYS(pidfd_send_signal), /* signals passed on, SIGKILL */
	SCMP_SYS(waitid),	     /* how they ended */
	SCMP_SYS(clock_gettime),     /* where the vDSO has no clock */
	SCMP_SYS(exit_group),
};

static int filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)
		      : -ENOMEM;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = seccomp_load(ctx); /* sets no_new_privs, too */
	seccomp_release(ctx);
	return err;
}

/* A guard that could not do one of these still guards: it says so and goes on. */
static void want(int failed, const char *what)
{
	if (failed)
		log_warn("guard: %s: %s", what, strerror(failed < -1 ? -failed : errno));
}

static void harden(const struct guard *g)
{
	const struct sched_param param = {.sched_priority = PRIORITY};
	cap_t none = cap_init();
	cpu_set_t cpus;

	/* where the daemon keeps house: not on CPUs that are kept for somebody */
	want(sched_getaffinity(g->daemon, sizeof(cpus), &cpus) ||
		     sched_setaffinity(0, sizeof(cpus), &cpus),
	     "affinity");
	want(sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO");
	want(mlockall(MCL_CURRENT | MCL_FUTURE), "locking memory");
	want(write_file("", OOM_SCORE, "-1000"), "oom_score_adj");
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	want(!none || cap_set_proc(none), "giving up capabilities");
	cap_free(none);
	want(filter(), "seccomp");
}

static const char help[] =
	"Usage: homeostat-guard [--rundir DIR] -- /PATH/TO/homeostatd [ARG…]\n\n"
	"Runs homeostatd; when that is dead or deaf, shuts the gate, puts back what was changed,\n"
	"and ends with its exit code. DIR is that of its control socket (/run/homeostat).\n";

int main(int argc, char **argv)
{
	static struct guard g = {.dir = "/run/homeostat", .root = ""};
	int i = 1;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return fputs(help, stdout) < 0;
	if (argc > 2 && !strcmp(argv[1], "--rundir")) {
		g.dir = argv[2];
		i = 3;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") || argv[i + 1][0] != '/') {
		fputs(help, stderr);
		return 2;
	}
	if (guard_start(&g, argv + i + 1))
		return 1;
	if (!guard_watch(&g, true)) {
		harden(&g);
		guard_watch(&g, false);
	}
	_exit(guard_end(&g));
}
