// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Somebody else with an XDP program, who knows nothing of us:
 *
 *	neighbour join IFNAME PRIORITY   under libxdp's dispatcher
 *	neighbour leave IFNAME PRIORITY  the one of that priority
 *	neighbour clear IFNAME           whatever is there
 *	neighbour alone IFNAME           in the place itself, until it is killed
 *	neighbour list IFNAME            PRIORITY NAME COUNT of each component, in their order; COUNT is - for others
 *	neighbour hold IFNAME SECONDS    keeps libxdp's lock for so long
 *	neighbour cost IFNAME            ns of one run of what is attached, a UDP packet, the median of 100
 *
 * Exit code: 0, 1.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "neighbour.skel.h"

#define NAME "neighbour"
#define RUNS 100

static int fail(const char *what, int err)
{
	fprintf(stderr, NAME ": %s: %s\n", what, strerror(-err));
	return 1;
}

static int join(int ifindex, unsigned int priority)
{
	struct neighbour_bpf *skel = neighbour_bpf__open();
	struct xdp_program *p = skel ? xdp_program__from_bpf_obj(skel->obj, "xdp") : NULL;
	int err;

	if (!p || libxdp_get_error(p))
		return fail("open", (int)libxdp_get_error(p));
	xdp_program__set_run_prio(p, priority);
	err = xdp_program__attach(p, ifindex, XDP_MODE_NATIVE, 0);
	return err ? fail("join", err) : 0;
}

static int leave(int ifindex, unsigned int priority)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;
	int err;

	if (!mp || libxdp_get_error(mp))
		return fail("leave", (int)libxdp_get_error(mp));
	while ((p = xdp_multiprog__next_prog(p, mp))) {
		if (!strcmp(xdp_program__name(p), NAME) && xdp_program__run_prio(p) == priority)
			break;
	}
	if (!p)
		return fail("leave", -ENOENT);
	err = xdp_program__detach(p, ifindex, xdp_multiprog__attach_mode(mp), 0);
	return err ? fail("leave", err) : 0;
}

static int clear(int ifindex)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	int err = (int)libxdp_get_error(mp);

	if (!mp || err)
		return fail("clear", err);
	err = xdp_multiprog__detach(mp);
	return err ? fail("clear", err) : 0;
}

static int alone(int ifindex)
{
	struct neighbour_bpf *skel = neighbour_bpf__open_and_load();
	int err;

	if (!skel)
		return fail("load", -errno);
	err = bpf_xdp_attach(ifindex, bpf_program__fd(skel->progs.neighbour), XDP_FLAGS_DRV_MODE,
			     NULL);
	if (err)
		return fail("attach", err);
	puts("attached");
	fflush(stdout);
	pause();
	return bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL) ? 1 : 0;
}

/* What ours has counted. */
static int count(int prog_fd, __u64 *counted)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info), map_id = 0, zero = 0;
	int fd, err;

	info.nr_map_ids = 1;
	info.map_ids = (__u64)(unsigned long)&map_id;
	err = bpf_prog_get_info_by_fd(prog_fd, &info, &size);
	fd = err ? err : bpf_map_get_fd_by_id(map_id);
	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, counted);
	close(fd);
	return err;
}

static int list(int ifindex)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;
	long err = libxdp_get_error(mp);
	__u64 counted;

	if (err == -ENOENT)
		return 0; /* nobody */
	if (!mp || err)
		return fail("list", (int)err);
	if (xdp_multiprog__is_legacy(mp))
		printf("- %s -\n", xdp_program__name(xdp_multiprog__main_prog(mp)));
	while ((p = xdp_multiprog__next_prog(p, mp))) {
		printf("%u %s ", xdp_program__run_prio(p), xdp_program__name(p));
		if (!strcmp(xdp_program__name(p), NAME) && !count(xdp_program__fd(p), &counted))
			printf("%llu\n", counted);
		else
			puts("-");
	}
	xdp_multiprog__close(mp);
	return 0;
}

static int hold(unsigned int seconds)
{
	int fd = open("/sys/fs/bpf/xdp", O_RDONLY | O_DIRECTORY);

	if (fd < 0 || flock(fd, LOCK_EX))
		return fail("hold", -errno);
	puts("held");
	fflush(stdout);
	sleep(seconds); /* it is to be held for so long: nothing is waited for */
	return 0;
}

static int ascending(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

/* One to port 9000 of nobody in particular. */
static int cost(int ifindex)
{
	static unsigned char frame[64] = {
		[12] = 0x08, [14] = 0x45, [17] = 50, [22] = 64, [23] = 17, [26] = 10,	77,  0,
		2,	     10,	  77,	     0,		1,	   [36] = 0x23, 0x28};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 100);
	__u32 id = 0, took[RUNS];
	int err = bpf_xdp_query_id(ifindex, 0, &id), fd;

	fd = err ? err : bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fail("cost", fd);
	for (int i = 0; i < RUNS; i++) {
		err = bpf_prog_test_run_opts(fd, &run);
		if (err)
			return fail("run", err);
		took[i] = run.duration;
	}
	qsort(took, RUNS, sizeof(took[0]), ascending);
	printf("%u\n", took[RUNS / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	int ifindex = argc > 2 ? (int)if_nametoindex(argv[2]) : 0;
	unsigned int priority = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;

	if (!ifindex) {
		fprintf(stderr,
			NAME ": join|leave|clear|alone|list|hold|cost IFNAME [PRIORITY|SECONDS]\n");
		return 1;
	}
	if (!strcmp(argv[1], "join"))
		return join(ifindex, priority);
	if (!strcmp(argv[1], "leave"))
		return leave(ifindex, priority);
	if (!strcmp(argv[1], "clear"))
		return clear(ifindex);
	if (!strcmp(argv[1], "alone"))
		return alone(ifindex);
	if (!strcmp(argv[1], "hold"))
		return hold(priority);
	return !strcmp(argv[1], "cost") ? cost(ifindex) : list(ifindex);
}
