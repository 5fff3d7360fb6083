// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What it costs that a decision of the scheduler is somebody else's, by three ways: a function that is linked into the program
 * (what variants are), a table of rules, a tail call. The ways take turns within one run; of each the least and the median of
 * many runs of 4 000 decisions are told, less those of the loop alone. Nothing is attached.
 *
 * Usage: points [ROUNDS]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "abi.h"
#include "variant.h"
#include "points.h"
#include "points.skel.h"

#define ROUNDS_MAX 2001

enum way {
	NONE,
	CALL,
	TABLE,
	TAIL,
	WAY_NR
};
static const char *const names[WAY_NR] = {"the loop alone", "a linked function",
					  "a table of 8 rules, the last fits", "a tail call"};
static double cost_ns[WAY_NR][ROUNDS_MAX];

static double look(const struct points_bpf *skel, const struct bpf_program *prog)
{
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		err(1, "%s", bpf_program__name(prog));
	return (double)skel->bss->took_ns / POINTS_LOOKS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void rules(struct points_bpf *skel)
{
	struct {
		__u32 class, cpu;
		__u64 burst_min_ns, burst_max_ns;
	} row = {.class = HS_CLASS_NORMAL, .cpu = 1};

	for (__u32 i = 0; i < POINTS_ROWS; i++) {
		row.burst_min_ns = i + 1 < POINTS_ROWS ? 1000000 : 0;
		row.burst_max_ns = 2000000;
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.ROWS), &i, &row, BPF_ANY))
			err(1, "rules");
	}
}

int main(int argc, char **argv)
{
	struct points_bpf *skel = points_bpf__open_and_load();
	int rounds = argc > 1 ? atoi(argv[1]) : 301, fd;
	__u32 zero = 0;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		errx(2, "usage: points [ROUNDS]");
	if (!skel)
		err(1, "loading the ways");
	fd = bpf_program__fd(skel->progs.points_tail);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.CALLS), &zero, &fd, BPF_ANY))
		err(1, "tail call");
	rules(skel);
	for (int i = 0; i < rounds; i++) {
		const struct bpf_program *way[WAY_NR] = {
			skel->progs.points_none, skel->progs.points_call, skel->progs.points_table,
			skel->progs.points_tailed};

		for (int w = 0; w < WAY_NR; w++)
			cost_ns[w][i] = look(skel, way[w]);
	}
	printf("| a decision by | least, ns | median, ns |\n| --- | ---: | ---: |\n");
	for (int w = 0; w < WAY_NR; w++)
		qsort(cost_ns[w], rounds, sizeof(double), by_size);
	for (int w = CALL; w < WAY_NR; w++)
		printf("| %s | %.1f | %.1f |\n", names[w], cost_ns[w][0] - cost_ns[NONE][0],
		       cost_ns[w][rounds / 2] - cost_ns[NONE][rounds / 2]);
	points_bpf__destroy(skel);
	return 0;
}
