// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the guest's tests do to a policy in a slot, and count of the kernel:
 *
 *	policytool count		how many BPF programs, maps and links there are
 *	policytool has PROGRAM		is that program (by its id) still there? 1: no
 *	policytool state PROGRAM	the state of its policy, in words of 64 bits
 *	policytool set PROGRAM N VALUE	word N of it
 *	policytool watch KNOB		until SIGTERM, each ms: its least and its greatest value, how far it went within
 *				WATCH_MS, and how often somebody else than a policy had moved it
 */
#include <linux/types.h>
#include <signal.h>

#include "abi.h"
#include "maps.h"

#define WATCH_MS 10

#define MAPS_MAX 64
#define WORDS_MAX 64

static int fail(const char *what, int err)
{
	fprintf(stderr, "policytool: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 2;
}

static int count_ids(int (*next)(__u32 start, __u32 *id))
{
	__u32 id = 0;
	int nr = 0;

	while (!next(id, &id))
		nr++;
	return nr;
}

static int count(void)
{
	printf("programs %d maps %d links %d\n", count_ids(bpf_prog_get_next_id),
	       count_ids(bpf_map_get_next_id), count_ids(bpf_link_get_next_id));
	return 0;
}

/* The map of the state; its size into *size. */
static int state_map(__u32 program, __u32 *size)
{
	__u32 ids[MAPS_MAX], info_size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (__u64)(size_t)ids};
	int prog = bpf_prog_get_fd_by_id(program);

	if (prog < 0 || bpf_prog_get_info_by_fd(prog, &info, &info_size))
		return prog < 0 ? prog : -errno;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		__u32 map_size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && !bpf_map_get_info_by_fd(fd, &map, &map_size) &&
		    !strcmp(map.name, ".data.state")) {
			*size = map.value_size;
			return map.value_size <= WORDS_MAX * sizeof(__u64) ? fd : -E2BIG;
		}
		close(fd);
	}
	return -ENOENT;
}

/* Word @n becomes @value; all are printed if @value is NULL. */
static int state(__u32 program, __u32 n, const __u64 *value)
{
	__u64 word[WORDS_MAX] = {0};
	__u32 key = 0, size = 0;
	int fd = state_map(program, &size), err;

	if (fd < 0)
		return fail("state", fd);
	err = bpf_map_lookup_elem(fd, &key, word);
	if (!err && value && (n + 1) * sizeof(*word) <= size) {
		word[n] = *value;
		err = bpf_map_update_elem(fd, &key, word, BPF_ANY);
	}
	if (err)
		return fail("state", err);
	for (__u32 i = 0; !value && i < size / sizeof(*word); i++)
		printf("%llu%c", word[i], i + 1 < size / sizeof(*word) ? ' ' : '\n');
	return 0;
}

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static int knob_id(const char *name)
{
	static const char *const names[] = {
#define X(id, dotted, ...) dotted,
		HS_KNOBS (X)
#undef X
	};

	for (int i = 0; i < HS_KNOB_NR; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

static int watch(const char *name)
{
	volatile struct hs_knob *knobs =
		map_find(".data.knobs", sizeof(*knobs) * HS_KNOB_NR, false);
	int id = knob_id(name);
	__u64 seen[WATCH_MS], least = ~0ULL, greatest = 0, furthest = 0, n = 0;
	__u64 others = 0;
	uint64_t next = now_ns();

	if (!knobs || id < 0)
		return fail(name, ENOENT);
	signal(SIGTERM, end);
	load_fifo(1);
	while (!over && sleep_until(next += 1000000)) {
		__u64 value = knobs[id].value, was = n >= WATCH_MS ? seen[n % WATCH_MS] : value;
		__u64 went = value > was ? value - was : was - value;

		seen[n++ % WATCH_MS] = value;
		least = value < least ? value : least;
		greatest = value > greatest ? value : greatest;
		furthest = went > furthest ? went : furthest;
		others += knobs[id].cause != HS_CAUSE_PLUGIN;
	}
	printf("least %llu greatest %llu furthest %llu looks %llu others %llu\n", least, greatest,
	       furthest, n, others);
	return 0;
}

int main(int argc, char **argv)
{
	__u32 program = argc > 2 ? (__u32)strtoul(argv[2], NULL, 0) : 0;
	__u64 value;

	if (argc == 2 && !strcmp(argv[1], "count"))
		return count();
	if (argc == 3 && !strcmp(argv[1], "has"))
		return bpf_prog_get_fd_by_id(program) < 0;
	if (argc == 3 && !strcmp(argv[1], "watch"))
		return watch(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "state"))
		return state(program, 0, NULL);
	if (argc == 5 && !strcmp(argv[1], "set")) {
		value = strtoull(argv[4], NULL, 0);
		return state(program, (__u32)strtoul(argv[3], NULL, 0), &value);
	}
	fprintf(stderr, "usage: see the head of policytool.c\n");
	return 2;
}
