// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a policy plug-in costs: one look of the reflex (once in each window of the pulse) with eight rules, and with a policy
 * in a slot besides. The arms take turns within one run, so that what the machine does meanwhile falls on all of them; of each
 * the least and the median of many runs of 2 000 looks are told. Attaches nothing but the policy to its slot, and that to a
 * program of its own: what runs on this machine is not touched.
 *
 * Usage: slots POLICY.bpf.o [ROUNDS]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "abi.h"
#include "names.h"
#include "lib/plugin.h"
#include "slots.h"
#include "slots.skel.h"

#define RULES_NR 8
#define ROUNDS_MAX 2001

enum arm {
	EMPTY,
	RULED,
	SHADOWED,
	ACTED,
	ARM_NR
};
static const char *const arm_names[ARM_NR] = {"no rule", "8 rules", "8 rules, a policy in shadow",
					      "8 rules, a policy acts"};

static struct slots_bpf *skel;
static struct hs_config config;
static double cost_ns[ARM_NR][ROUNDS_MAX];

static void put(struct bpf_map *map, __u32 key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY))
		err(1, "%s", bpf_map__name(map));
}

/* Rules as balanced has them: looked at each time, and never above. */
static void prepare(void)
{
	struct hs_rule rule = {
		.vital = HS_VITAL_WAIT_CRITICAL_P99,
		.knob = HS_KNOB_SLICE_BATCH,
		.kind = HS_RULE_AIMD,
		.low = 100000000,
		.high = 200000000,
		.gain_up = 500,
		.gain_down = 400,
	};

	for (__u32 i = 0; i < HS_KNOB_NR; i++)
		put(skel->maps.BOUNDS, i, &knob_infos[i].bound);
	for (__u32 i = 0; i < RULES_NR; i++)
		put(skel->maps.RULES, i, &rule);
	skel->data_vitals->vitals[HS_VITAL_WAIT_CRITICAL_P99].present = 1;
	skel->data_vitals->vitals[HS_VITAL_WAIT_CRITICAL_P99].value = 200000;
	skel->data_vitals->vitals[HS_VITAL_SWITCHES].present = 1;
	config.freeze_turns = 1000000;
	config.freeze_window_ns = 1000000000;
}

static void arm_set(enum arm arm, const struct homeostat_policy *policy)
{
	config.rules_nr = arm == EMPTY ? 0 : RULES_NR;
	config.slot[0].run = arm == SHADOWED ? HS_SLOT_RUN_SHADOW
			     : arm == ACTED  ? HS_SLOT_RUN_ACT
					     : HS_SLOT_RUN_OFF;
	memcpy(config.slot[0].reads, policy->reads, sizeof(policy->reads));
	memcpy(config.slot[0].turns, policy->turns, sizeof(policy->turns));
	config.slot[0].gen++;
	put(skel->maps.CONFIG, 0, &config);
}

static double look(void)
{
	struct slots_looks looks = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &looks, .ctx_size_in = sizeof(looks));

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.slots_look), &opts))
		err(1, "running the reflex");
	return (double)looks.ns / SLOTS_LOOKS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void begin(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.slots_begin), &opts))
		err(1, "beginning");
}

static void table(int rounds)
{
	double *base = cost_ns[RULED];

	for (int arm = 0; arm < ARM_NR; arm++)
		qsort(cost_ns[arm], rounds, sizeof(double), by_size);
	printf("| one look of the reflex | least, ns | median, ns | over the rules alone, least | "
	       "median |\n"
	       "| --- | ---: | ---: | ---: | ---: |\n");
	for (int arm = 0; arm < ARM_NR; arm++)
		printf("| %s | %.1f | %.1f | %+.1f | %+.1f |\n", arm_names[arm], cost_ns[arm][0],
		       cost_ns[arm][rounds / 2], cost_ns[arm][0] - base[0],
		       cost_ns[arm][rounds / 2] - base[rounds / 2]);
}

int main(int argc, char **argv)
{
	struct plugin plugin;
	char error[512];
	int rounds = argc > 2 ? atoi(argv[2]) : 301;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
		errx(2, "usage: slots POLICY.bpf.o [ROUNDS]");
	if (plugin_open(&plugin, argv[1], error, sizeof(error)))
		errx(1, "%s", error);
	skel = slots_bpf__open_and_load();
	if (!skel)
		err(1, "loading the reflex");
	if (plugin_load(&plugin, bpf_program__fd(skel->progs.slots_look), 0, error, sizeof(error)))
		errx(1, "%s", error);
	if (plugin_attach(&plugin) < 0)
		errx(1, "the policy cannot be put into the slot");
	prepare();
	begin();
	for (int i = 0; i < rounds; i++) {
		for (int arm = 0; arm < ARM_NR; arm++) {
			arm_set(arm, &plugin.policy);
			look(); /* to be warm, and to have begun */
			cost_ns[arm][i] = look();
		}
	}
	if (skel->data_slots->slots[0].shut)
		warnx("the slot was shut: %s", slot_end_name(skel->data_slots->slots[0].shut));
	printf("%s: %llu calls, %llu of them acted\n", plugin.policy.name,
	       skel->data_slots->slots[0].calls, skel->data_slots->slots[0].acted);
	table(rounds);
	plugin_close(&plugin);
	slots_bpf__destroy(skel);
	return 0;
}
