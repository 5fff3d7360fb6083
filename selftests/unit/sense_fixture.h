/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A machine made of files, the slow sensors on it, the daemon that asks them, and a clock that stands still unless it is moved. */
#ifndef HOMEOSTAT_TEST_SENSE_FIXTURE_H
#define HOMEOSTAT_TEST_SENSE_FIXTURE_H

#include "fixture.h"

#include <sys/socket.h>

#include "clock.h"
#include "log.h"
#include "names.h"
#include "pmu.h"
#include "sense/sense.h"
#include "sensing.h"

struct tree_file {
	const char *path, *text;
};

static struct {
	char root[64];
	struct sense sense; /* the process … */
	int fd;		    /* … and its socket */
	struct sensing sensing;
	struct hs_vital vitals[HS_VITAL_NR];
	struct pmu pmu;
	__u64 now_ns;
	__u64 took_ns; /* by each reading */
	__u32 stale, stale_vital;
	__u64 stale_ns;
} fx;

/* Each look at the clock but a reading's first one comes took_ns later. */
static inline __u64 fx_clock(void)
{
	__u64 now = fx.now_ns;

	fx.now_ns += fx.took_ns;
	return now;
}

static inline __u64 fx_now(void)
{
	return fx.now_ns;
}

static inline void fx_stale(void *ctx, __u32 vital, __u64 age_ns)
{
	assert_ptr_equal(ctx, &fx);
	fx.stale++;
	fx.stale_vital = vital;
	fx.stale_ns = age_ns;
}

static inline void fx_put(const char *path, const char *text)
{
	tree_put(fx.root, path, text);
}

static inline void fx_remove(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", fx.root, path);
	if (remove(full))
		tree_free(full);
}

static inline int fx_setup(void **state)
{
	int pair[2];

	(void)state;
	memset(&fx, 0, sizeof(fx));
	tree_make(fx.root);
	fx.now_ns = 1000 * NS_PER_S;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fx.fd = pair[1];
	sense_open(&fx.sense, fx.root);
	fx.sense.clock = fx_clock;
	sensing_open(&fx.sensing);
	fx.sensing.clock = fx_now;
	fx.sensing.child = (struct child){.pid = getpid(), .fd = pair[0]};
	log_set_level(LOG_LEVEL_ERROR); /* what is far between here is stale each time */
	return 0;
}

static inline int fx_teardown(void **state)
{
	(void)state;
	if (fx.sensing.child.pid)
		close(fx.sensing.child.fd);
	close(fx.fd);
	tree_free(fx.root);
	return 0;
}

static inline void fx_machine(const struct tree_file *files, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		fx_put(files[i].path, files[i].text);
}

static inline void fx_ask(void)
{
	sensing_tick(&fx.sensing, fx.vitals, &fx.pmu, fx.now_ns, fx_stale, &fx);
}

/* The process does what it was asked, if it was; the sensors that it has read. */
static inline __u32 fx_answer(void)
{
	__u32 nr = (__u32)__builtin_popcount(fx.sensing.asked);

	if (nr)
		assert_int_equal(sense_answer(&fx.sense, fx.fd), 0);
	sensing_hear(&fx.sensing, fx.vitals);
	assert_int_equal(fx.sensing.asked, 0);
	return nr;
}

/* The next tick, @seconds after the last one, and all that is due in it. */
static inline void fx_tick(__u64 seconds)
{
	fx.now_ns += seconds * NS_PER_S;
	fx_ask();
	fx_answer();
}

#define absent(id) assert_int_equal(fx.vitals[HS_VITAL_##id].present, 0)

static inline void fx_is(enum hs_vital_id id, __u64 value)
{
	const struct hs_vital *v = &fx.vitals[id];

	if (!v->present || v->value != value)
		fail_msg("%s is %s%llu, not %llu", vital_name(id), v->present ? "" : "absent, was ",
			 v->value, value);
}
#define is(id, value) fx_is(HS_VITAL_##id, value)

/* All vital signs of the machine that are there are those of this list, which NR ends. */
static inline void fx_only(const enum hs_vital_id *list)
{
	for (__u32 id = HS_VITAL_CPU_BUSY; id < HS_VITAL_NR; id++) {
		bool wanted = false;

		for (size_t i = 0; list[i] != HS_VITAL_NR; i++)
			wanted |= list[i] == id;
		if (fx.vitals[id].present != wanted)
			fail_msg("%s is %s", vital_name(id), wanted ? "absent" : "there");
	}
}

#define sense_test(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

#endif
