// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Our hooks that cost something at each event, and what the kernel has to do for one of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/net_tstamp.h>

#include <bpf/libbpf.h>

#include "clock.h"
#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */

/* One program at one tracepoint. */
struct point {
	struct bpf_program *prog;
	const char
		*tracepoint; /* may be missing in a kernel; NULL: as the program's section says */
};

/* x86: what its own timer and other CPUs have a CPU do. Elsewhere these are devices as any others. */
static const char *const vectors[][2] = {
	{"local_timer_entry", "local_timer_exit"},
	{"reschedule_entry", "reschedule_exit"},
	{"call_function_entry", "call_function_exit"},
	{"call_function_single_entry", "call_function_single_exit"},
	{"irq_work_entry", "irq_work_exit"},
};

_Static_assert(4 + sizeof(vectors) / sizeof(**vectors) <= KERNEL_HOOK_LINKS,
	       "a hook has more points than links");

static void irq_points(const struct kernel *k, struct point at[KERNEL_HOOK_LINKS])
{
	*at++ = (struct point){k->skel->progs.irq_device_begins, NULL};
	*at++ = (struct point){k->skel->progs.irq_device_ends, NULL};
	*at++ = (struct point){k->skel->progs.irq_soft_begins, NULL};
	*at++ = (struct point){k->skel->progs.irq_soft_ends, NULL};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		*at++ = (struct point){k->skel->progs.irq_vector_begins, vectors[i][0]};
		*at++ = (struct point){k->skel->progs.irq_vector_ends, vectors[i][1]};
	}
}

/* Of what a hook consists, the rest of @at being empty, and its family. */
static enum family_id hook_points(const struct kernel *k, enum hs_hook hook,
				  struct point at[KERNEL_HOOK_LINKS])
{
	memset(at, 0, KERNEL_HOOK_LINKS * sizeof(*at));
	switch (hook) {
	case HS_HOOK_DROPS:
		at[0].prog = k->skel->progs.drops_kfree;
		return FAMILY_DROPS;
	case HS_HOOK_RECEIVE:
		at[0].prog = k->skel->progs.receive_ready;
		return FAMILY_RECEIVE;
	case HS_HOOK_IRQ:
		irq_points(k, at);
		return FAMILY_IRQ;
	default:
		/* running first, or what is raised now would be taken for waiting */
		at[0].prog = k->skel->progs.softirq_run;
		at[1].prog = k->skel->progs.softirq_raised;
		return FAMILY_SOFTIRQ;
	}
}

static int attach_point(struct kernel *k, enum family_id id, const struct point *p,
			struct bpf_link **link)
{
	int err;

	if (!p->tracepoint || k->family[id].state == FAMILY_UNAVAILABLE)
		return kernel_attach(k, id, p->prog, link);
	*link = bpf_program__attach_raw_tracepoint(p->prog, p->tracepoint);
	err = *link ? 0 : errno;
	if (!err || err == ENOENT)
		return 0;
	snprintf(k->family[id].why, sizeof(k->family[id].why), "attaching %s: %s", p->tracepoint,
		 strerror(err));
	return -err;
}

/* The kernel stamps packets while some socket asks for it: this one, which is bound to nothing and gets none. */
void kernel_stamps_open(struct kernel *k)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	k->stamps_fd = fd + 1;
	if (fd < 0)
		snprintf(k->family[FAMILY_RECEIVE].why, sizeof(k->family[FAMILY_RECEIVE].why),
			 "no socket that asks for time stamps: %s", strerror(errno));
}

static int stamps(const struct kernel *k, bool on)
{
	int what = on ? SOF_TIMESTAMPING_RX_SOFTWARE : 0;

	return setsockopt(k->stamps_fd - 1, SOL_SOCKET, SO_TIMESTAMPING, &what, sizeof(what))
		       ? -errno
		       : 0;
}

void kernel_hooks_clock(struct kernel *k)
{
	struct timespec tai, real;
	const __s64 second = NS_PER_S;
	__s64 ahead;

	clock_gettime(CLOCK_TAI, &tai);
	clock_gettime(CLOCK_REALTIME, &real);
	/* whole seconds by definition, but for what lies between the two readings */
	ahead = (tai.tv_sec - real.tv_sec) * second + tai.tv_nsec - real.tv_nsec + second / 2;
	ahead -= ahead % second;
	__atomic_store_n(&k->hooks->tai_ahead_ns, (__u64)ahead, __ATOMIC_RELAXED);
}

void kernel_irqs_anew(struct kernel *k)
{
	__atomic_store_n(&k->hooks->irq_from_ns, clock_ns(), __ATOMIC_RELAXED);
}

int kernel_hook(struct kernel *k, enum hs_hook hook)
{
	struct point at[KERNEL_HOOK_LINKS];
	enum family_id id;
	int err = 0;

	if (!k->skel)
		return -EOPNOTSUPP;
	id = hook_points(k, hook, at);
	if (__atomic_load_n(&k->hooks->on, __ATOMIC_RELAXED) & 1U << hook)
		return 0;
	k->hooks->since_ns[hook] = clock_ns();
	if (hook == HS_HOOK_RECEIVE)
		err = stamps(k, true);
	if (hook == HS_HOOK_IRQ)
		kernel_irqs_anew(k);
	for (int i = 0; i < KERNEL_HOOK_LINKS && at[i].prog && !err; i++)
		err = attach_point(k, id, &at[i], &k->hook_link[hook][i]);
	if (err) {
		kernel_unhook(k, hook);
		return err;
	}
	k->family[id].state = FAMILY_ON;
	k->family[id].why[0] = '\0';
	__atomic_or_fetch(&k->hooks->on, 1U << hook, __ATOMIC_RELEASE);
	return 0;
}

void kernel_unhook(struct kernel *k, enum hs_hook hook)
{
	struct point at[KERNEL_HOOK_LINKS];
	enum family_id id;

	if (!k->skel || !k->hooks)
		return;
	id = hook_points(k, hook, at);
	__atomic_and_fetch(&k->hooks->on, ~(1U << hook), __ATOMIC_RELAXED);
	for (int i = KERNEL_HOOK_LINKS - 1; i >= 0; i--) {
		bpf_link__destroy(k->hook_link[hook][i]);
		k->hook_link[hook][i] = NULL;
	}
	if (hook == HS_HOOK_RECEIVE && k->stamps_fd)
		stamps(k, false);
	if (k->family[id].state == FAMILY_ON)
		k->family[id].state = FAMILY_OFF;
}
