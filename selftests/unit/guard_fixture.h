/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Guard, restorer and hook, with real processes. The daemon is the test program again, started by the
 * guard as `PROGRAM --guard-fd N DIR ROOT DEEDS`; its gate is a memory file.
 */
#ifndef HOMEOSTAT_TEST_GUARD_FIXTURE_H
#define HOMEOSTAT_TEST_GUARD_FIXTURE_H

#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "../../user/guard/guard.h"
#include "change.h"
#include "clock.h"
#include "gate.h"
#include "guard_link.h"
#include "log.h"
#include "parse.h"
#include "trust.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

static char root[64], dir[80];
static struct guard g;

/* ---- the daemon ---- */

static volatile sig_atomic_t asked;

static inline void on_term(int signal)
{
	asked = signal;
}

static inline struct hs_gate *new_gate(int *fd)
{
	struct hs_gate *gate;

	*fd = memfd_create("gate", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, 4096))
		return NULL;
	gate = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (gate == MAP_FAILED)
		return NULL;
	gate->abi_version = HS_ABI_VERSION;
	gate->heartbeat_ns = clock_ns();
	gate->due_ns = clock_ns() + 60 * NS_PER_S;
	return gate;
}

static inline void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static inline bool there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return !access(path, F_OK);
}

struct fake {
	struct undo undo;
	struct hs_gate *gate;
	int gate_fd;
	int link;
};

static inline void tell_up(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/up", root);
	close(creat(path, 0600));
}

/* One letter, one deed. -1 = goes on, else its exit code. */
static inline int deed(struct fake *f, char letter)
{
	switch (letter) {
	case 'c': /* changes something */
		return change_file(f->undo.table, root, 0, SWAPPINESS, "10") < 0 ? 98 : -1;
	case 'a':
		f->gate->armed = 1;
		return -1;
	case 'v':
		f->gate->abi_version++;
		return -1;
	case 'h':
		return guard_hello(f->link, f->gate_fd, f->gate_fd) ? 97 : -1;
	case 'u': /* tells the test that it is up */
		tell_up();
		return -1;
	case 't':
		gate_shut(f->gate, HS_TRIP_OPERATOR, clock_ns());
		undo_set_reason(f->undo.table, "operator");
		return guard_tripped(f->link) ? 96 : -1;
	case 'p': /* what the daemon before it died of */
		gate_spare(f->gate, (struct gate_trip){.reason = HS_TRIP_DIED, .ns = 1});
		return -1;
	case 'x': /* what the kernel does to the scheduler of who dies */
		gate_shut(f->gate, HS_TRIP_SCHED_EXIT, clock_ns());
		return -1;
	case 'b': /* what the pulse makes of it */
		gate_shut(f->gate, HS_TRIP_HEARTBEAT, clock_ns());
		return -1;
	case 'l':
		gate_shut_over(f->gate, HS_TRIP_LIMIT,
			       &(struct gate_cause){.vital = 3, .value = 7, .limit = 5},
			       clock_ns());
		return -1;
	case 'n': /* nonsense */
		send(f->link, "nonsense", 8, 0);
		return -1;
	case 'w': /* waits to be asked */
		while (!asked)
			nap();
		return -1;
	case 'g': /* waits for the guard's end, and then for a word from the test */
		while (!guard_gone(f->link) || !there("go"))
			nap();
		return -1;
	case 'd': /* deaf */
		f->gate->due_ns = clock_ns();
		for (;;)
			pause();
	case 'k':
		return raise(SIGKILL);
	case 's': /* an orderly end */
		gate_shut(f->gate, HS_TRIP_SHUTDOWN, clock_ns());
		undo_forget(f->undo.table, 0);
		return 0;
	default:
		return letter - '0';
	}
}

static inline int fake_daemon(int link, const char *deeds)
{
	struct fake f = {.link = link};
	int code = -1;

	signal(SIGTERM, on_term);
	f.gate = new_gate(&f.gate_fd);
	if (!f.gate || guard_take(link) || undo_open(&f.undo, dir, root, false) ||
	    undo_lock(&f.undo, 0))
		return 99;
	while (code < 0 && *deeds)
		code = deed(&f, *deeds++);
	return code < 0 ? 0 : code;
}

/* ---- the tests ---- */

static inline int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(dir, sizeof(dir), "%s/run", root);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "one\n");
	tree_put(root, SWAPPINESS, "60\n");
	g = (struct guard){.dir = dir, .root = root};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	undo_close(&g.undo);
	tree_free(root);
	return 0;
}

static inline bool holds(const char *path, const char *value)
{
	char now[256];

	return read_file(root, path, now, sizeof(now)) >= 0 && !strcmp(now, value);
}

/* Polls for up to 20 s. */
#define EVENTUALLY(condition)                                                                      \
	do {                                                                                       \
		for (int i = 0; i < 10000 && !(condition); i++)                                    \
			nap();                                                                     \
		assert_true(condition);                                                            \
	} while (0)

static inline int start(const char *deeds)
{
	static char *argv[8];

	argv[2] = (char *)"/proc/self/exe";
	argv[3] = dir;
	argv[4] = root;
	argv[5] = (char *)deeds;
	argv[6] = NULL;
	return guard_start(&g, argv + 2);
}

/* The guard's whole life, without the filter. */
static inline int guarded(const char *deeds)
{
	if (start(deeds))
		return -1;
	if (!guard_watch(&g, true))
		assert_true(guard_watch(&g, false));
	return guard_end(&g);
}

/* A hook that tells what it was told, and how long it sleeps. */
static inline void hook(const char *name, const char *sleep, __u32 limit_ms, mode_t mode)
{
	char path[96], text[512];
	struct undo undo;

	snprintf(path, sizeof(path), "%s%s", root, name);
	snprintf(text, sizeof(text),
		 "#!/bin/sh\n"
		 "[ -r /dev/stdin ] && read -r line\n"
		 "echo $(ls /proc/self/fd | wc -l) >%s/fds\n"
		 "echo \"$HOMEOSTAT_REASON\" >%s/reason.new\n"
		 "mv %s/reason.new %s/reason\n"
		 "%s\n",
		 root, root, root, root, sleep);
	tree_put(root, name, text);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	assert_int_equal(undo_set_hook(undo.table, path, limit_ms), 0);
	undo_close(&undo);
}

/* A trip of which nobody has told yet. */
static inline void hook_due(const char *reason)
{
	struct undo undo;

	assert_int_equal(undo_open(&undo, dir, root, true), 0);
	undo_set_reason(undo.table, reason);
	undo_close(&undo);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The program's main(): the daemon where the guard starts it so, else the tests. */
#define GUARD_MAIN(name, tests)                                                                    \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		if (argc == 6 && !strcmp(argv[1], "--guard-fd")) {                                 \
			snprintf(dir, sizeof(dir), "%s", argv[3]);                                 \
			snprintf(root, sizeof(root), "%s", argv[4]);                               \
			return fake_daemon(atoi(argv[2]), argv[5]);                                \
		}                                                                                  \
		return cmocka_run_group_tests_name(name, tests, NULL, NULL);                       \
	}

#endif
