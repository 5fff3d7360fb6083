/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A daemon whose kernel is played, for tests of arming: linked with --wrap, its pulse renews the lease, and its scheduler
 * attaches, as the test says.
 */
#ifndef HOMEOSTAT_ARM_FIXTURE_H
#define HOMEOSTAT_ARM_FIXTURE_H

#include "fixture.h"

#include <sys/epoll.h>

#include "clock.h"
#include "daemon.h"

#define S 1000000000ULL
#define MS 1000000ULL

static char root[64], state_dir[96], socket_path[96];
static int run_fd, epoll_fd;
static struct homeostatd d;
static struct hs_gate gate;
static struct hs_exit ended;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_wish wishes[HS_KNOB_NR];
static char skeleton[64 * 1024] __attribute__((aligned(16)));

/* ---- the kernel ---- */

enum beat {
	BEAT_RENEWS,
	BEAT_IS_LOST,
	BEAT_FAILS,
	BEAT_FINDS_A_TRIP,
};
static enum beat beat;
static int attach_err, attached;

int __wrap_kernel_pulse(struct kernel *k);
int __wrap_kernel_attach_sched(struct kernel *k);
void __wrap_kernel_detach_sched(struct kernel *k);

int __wrap_kernel_pulse(struct kernel *k)
{
	if (!k->gate->armed)
		return 0;
	switch (beat) {
	case BEAT_RENEWS:
		k->gate->lease_jiffies++;
		return 0;
	case BEAT_FAILS:
		return -EIO;
	case BEAT_FINDS_A_TRIP:
		gate_shut(k->gate, HS_TRIP_OPERATOR, clock_ns());
		return 0;
	default:
		return 0;
	}
}

int __wrap_kernel_attach_sched(struct kernel *k)
{
	snprintf(k->family[FAMILY_SCHED].why, sizeof(k->family[FAMILY_SCHED].why), "%s",
		 attach_err ? "attaching: no" : "");
	attached += !attach_err;
	return attach_err;
}

void __wrap_kernel_detach_sched(struct kernel *k)
{
	/* the order of disarming: the gate is first */
	assert_false(k->gate->armed);
	attached = 0;
}

/* Slots that our program for packets is attached in. */
static __u32 looked_at;

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic);
void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot);

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic)
{
	assert_true(k->gate->armed); /* never a program that would let everything pass */
	assert_int_equal(ifindex, 3);
	*unfit = "its driver, as played";
	looked_at |= 1U << slot;
	*generic = false;
	return 0;
}

void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot)
{
	assert_false(k->gate->armed);
	looked_at &= ~(1U << slot);
}

/* Likewise for those that go out. */
static __u32 goes_out;

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex);
void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot);
int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16]);
int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced);

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex)
{
	assert_true(k->gate->armed);
	assert_int_equal(ifindex, 3);
	goes_out |= 1U << slot;
	return 0;
}

void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot)
{
	assert_false(k->gate->armed);
	goes_out &= ~(1U << slot);
}

int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16])
{
	(void)k, (void)ifindex;
	strcpy(name, "fq");
	return 0;
}

int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced)
{
	(void)k, (void)ifindex, (void)paced;
	return 0;
}

/* Is it looked after new connections? */
static bool looks_after;

int __wrap_kernel_attach_tcp(struct kernel *k, const char *cgroup);
void __wrap_kernel_detach_tcp(struct kernel *k);
int __wrap_kernel_connections(struct kernel *k, bool restore,
			      int (*fn)(void *ctx, const struct hs_connection *connection),
			      void *ctx);

int __wrap_kernel_attach_tcp(struct kernel *k, const char *cgroup)
{
	(void)cgroup;
	assert_true(k->gate->armed);
	looks_after = true;
	return 0;
}

void __wrap_kernel_detach_tcp(struct kernel *k)
{
	(void)k;
	looks_after = false;
}

int __wrap_kernel_connections(struct kernel *k, bool restore,
			      int (*fn)(void *ctx, const struct hs_connection *connection),
			      void *ctx)
{
	(void)k, (void)restore, (void)fn, (void)ctx;
	return 0;
}

/* Hooks: how often one came or went, each as a slow step. */
static struct hs_hooks hooks;
static unsigned hooked, unhooked;

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook);
void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook);

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook)
{
	assert_in_range(d.heartbeat.patience_ns, clock_ns() + S, clock_ns() + 5 * S);
	k->hooks->on |= 1U << hook;
	hooked++;
	return 0;
}

void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook)
{
	assert_in_range(d.heartbeat.patience_ns, clock_ns() + S, clock_ns() + 5 * S);
	k->hooks->on &= ~(1U << hook);
	unhooked++;
}

static void scheduler_is(const char *name)
{
	tree_put(root, "/sys/kernel/sched_ext/state", name ? "enabled\n" : "disabled\n");
	tree_put(root, "/sys/kernel/sched_ext/root/ops", name ? name : "");
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", root);
	snprintf(socket_path, sizeof(socket_path), "%s/run/control.sock", root);
	tree_put(root, "/run", NULL);
	tree_put(root, "/sys/fs/cgroup/app", NULL);
	tree_put(root, "/proc/uptime", "100.00 50.00\n");
	tree_put(root, "/proc/loadavg", "0.00 0.00 0.00 3/100 1000\n");
	scheduler_is(NULL);
	memset(&d, 0, sizeof(d));
	memset(vitals, 0, sizeof(vitals));
	gate = (struct hs_gate){.abi_version = HS_ABI_VERSION, .trip_vital = HS_VITAL_NR};
	beat = BEAT_RENEWS;
	attach_err = attached = 0;
	looked_at = goes_out = 0;
	hooks.on = hooked = unhooked = 0;
	looks_after = false;
	d.kernel = (struct kernel){.gate = &gate,
				   .vitals = vitals,
				   .knobs = knobs,
				   .wishes = wishes,
				   .exit = &ended,
				   .hooks = &hooks,
				   .skel = (struct homeostat_bpf *)skeleton};
	memset(&d.kernel.fd, 0xff, sizeof(d.kernel.fd)); /* no maps */
	for (int i = 0; i < FAMILY_NR; i++)
		d.kernel.family[i].state = FAMILY_UNAVAILABLE;
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.kernel.family[FAMILY_SCHED].state = FAMILY_OFF;
	d.topo.online[0] = 3;
	d.heartbeat.now = clock_ns;
	d.heartbeat.gate = &gate;
	d.mode = HS_MODE_ACT;
	d.opt.root = root;
	d.opt.state = state_dir;
	d.opt.socket = socket_path;
	d.opt.kb = "/nonexistent";
	d.opt.guard_fd = -1;
	profile_stock(&d.policy.profile);
	judge_set(&d);
	run_fd = open(root, O_RDONLY | O_DIRECTORY);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(aftermath_open(&d, run_fd), 0);
	return server_open(&d.server, socket_path, epoll_fd, 100, verb_answer, &d);
}

static int teardown(void **state)
{
	(void)state;
	server_close(d.server);
	undo_close(&d.undo);
	aftermath_close(&d);
	profile_free(&d.policy.profile);
	close(run_fd);
	close(epoll_fd);
	tree_free(root);
	return 0;
}

static void arms(void)
{
	char why[256];

	if (arm(&d, why, sizeof(why)))
		fail_msg("%s", why);
	assert_true(d.armed && gate.armed && attached);
	assert_int_equal(d.after.breaker->acting, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
