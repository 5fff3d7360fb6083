// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Switches between the arms of scripts/bench within milliseconds, which a homeostatd that starts and ends
 * could not. Loads what homeostatd loads, by its own loader. For each line of standard input, the name of an
 * arm, it attaches and detaches, and answers with the switches and samples that the sensor has counted so far.
 *
 *   off        nothing is attached, the pulse rests
 *   empty      a program that does nothing, at the hook that the sensor has
 *   sampled    sensor and pulse as under homeostatd that observes, the pulse as fast as it gets then
 *   unsampled  the same, and the wait of every switch is measured
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "log.h"
#include "names.h"
#include "empty.skel.h"
#include "homeostat.skel.h" /* after the types that it uses */

#define MS 1000000ULL

static struct kernel kernel;
static struct empty_bpf *empty;
static __u32 every_max; /* as it is by itself: kern/fold.h */

static void bounds_set(void)
{
	for (__u32 i = 0; i < HS_KNOB_NR; i++) {
		if (bpf_map_update_elem(kernel.fd.bounds, &i, &knob_infos[i].bound, BPF_ANY))
			err(1, "bounds");
	}
}

/* A pulse every so often, with a window of the same length; and one now. */
static void pulse_set(__u64 period_ns)
{
	struct hs_config config = {
		.period_min_ns = period_ns,
		.period_max_ns = period_ns,
		.window_ns = period_ns,
		.stress_wait_ns = 4 * MS,
		.stress_switches_hz = 2000,
	};
	__u32 zero = 0;
	int rc;

	if (bpf_map_update_elem(kernel.fd.config, &zero, &config, BPF_ANY))
		err(1, "pulse's configuration");
	rc = kernel_pulse(&kernel);
	if (rc)
		errx(1, "pulse: %s", strerror(-rc));
}

/* Goes over to an arm. */
static void arm_set(const char *arm)
{
	bool observing = !strcmp(arm, "sampled") || !strcmp(arm, "unsampled");

	empty_bpf__detach(empty);
	kernel_detach_sense(&kernel);
	if (!strcmp(arm, "empty") && empty_bpf__attach(empty))
		err(1, "attaching the empty program");
	kernel.skel->data_sense->every_max = strcmp(arm, "unsampled") ? every_max : 1;
	if (observing && kernel_attach_sense(&kernel))
		errx(1, "attaching the sensor: %s", kernel.family[FAMILY_SENSE].why);
	pulse_set(observing ? 10 * MS : 500 * MS);
}

int main(void)
{
	char line[32], error[512];
	__u64 count[HS_COUNT_NR];
	struct topology topo;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_ERROR);
	if (topology_read(&topo, ""))
		errx(1, "the host's CPUs cannot be read from /sys");
	if (kernel_load(&kernel, &topo, "", NULL, error, sizeof(error)))
		errx(1, "%s", error);
	every_max = kernel.skel->data_sense->every_max;
	bounds_set();
	empty = empty_bpf__open_and_load();
	if (!empty)
		err(1, "loading the empty program");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "off") && strcmp(line, "empty") && strcmp(line, "sampled") &&
		    strcmp(line, "unsampled"))
			errx(2, "no arm '%s'", line);
		if (kernel_counters(&kernel, count))
			errx(1, "the sensor's counters cannot be read");
		arm_set(line);
		printf("%s %llu %llu\n", line, count[HS_COUNT_SWITCH], count[HS_COUNT_SAMPLED]);
	}
	kernel_close(&kernel);
	empty_bpf__destroy(empty);
	return 0;
}
