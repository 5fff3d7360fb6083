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

/* Which programs a hook is, and their family. */
static enum family_id hook_programs(const struct kernel *k, enum hs_hook hook,
				    struct bpf_program *prog[2])
{
	prog[1] = NULL;
	switch (hook) {
	case HS_HOOK_DROPS:
		prog[0] = k->skel->progs.drops_kfree;
		return FAMILY_DROPS;
	case HS_HOOK_RECEIVE:
		prog[0] = k->skel->progs.receive_ready;
		return FAMILY_RECEIVE;
	default:
		/* running first, or what is raised now would be taken for waiting */
		prog[0] = k->skel->progs.softirq_run;
		prog[1] = k->skel->progs.softirq_raised;
		return FAMILY_SOFTIRQ;
	}
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

int kernel_hook(struct kernel *k, enum hs_hook hook)
{
	struct bpf_program *prog[2];
	enum family_id id = hook_programs(k, hook, prog);
	int err = 0;

	if (__atomic_load_n(&k->hooks->on, __ATOMIC_RELAXED) & 1U << hook)
		return 0;
	k->hooks->since_ns[hook] = clock_ns();
	if (hook == HS_HOOK_RECEIVE)
		err = stamps(k, true);
	for (int i = 0; i < 2 && prog[i] && !err; i++)
		err = kernel_attach(k, id, prog[i], &k->hook_link[hook][i]);
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
	struct bpf_program *prog[2];
	enum family_id id;

	if (!k->skel || !k->hooks)
		return;
	id = hook_programs(k, hook, prog);
	__atomic_and_fetch(&k->hooks->on, ~(1U << hook), __ATOMIC_RELAXED);
	for (int i = 1; i >= 0; i--) {
		bpf_link__destroy(k->hook_link[hook][i]);
		k->hook_link[hook][i] = NULL;
	}
	if (hook == HS_HOOK_RECEIVE && k->stamps_fd)
		stamps(k, false);
	if (k->family[id].state == FAMILY_ON)
		k->family[id].state = FAMILY_OFF;
}
