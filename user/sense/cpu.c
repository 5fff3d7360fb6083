// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What the CPUs do, and how fast: /proc/stat, cpu_capacity, cpufreq. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"
#include "sense.h"

#define CPUS "/sys/devices/system/cpu"
#define FULL 1024 /* cpu_capacity of the strongest CPU there can be */

/* As /proc/stat has them, in ticks. Time of guests is in USER and NICE already. */
enum field {
	USER,
	NICE,
	SYSTEM,
	IDLE,
	IOWAIT,
	IRQ,
	SOFTIRQ,
	STEAL,
	FIELDS
};

/* The numbers behind "cpu" or "cpu12". 0 or -EINVAL. */
static int take_fields(const char *at, __u64 field[FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		if (*at != ' ')
			return -EINVAL;
		at += strspn(at, " ");
		if (parse_digits(&at, ~0ULL, &field[i]))
			return -EINVAL;
	}
	return *at && !strchr(" \n", *at) ? -EINVAL : 0;
}

static bool capacity(struct sense *s, struct sense_object *cpu)
{
	return !sense_number(s, &cpu->limit, CPUS "/%s/cpu_capacity", cpu->name) &&
	       cpu->limit <= FULL;
}

/* Ticks of programs on all CPUs, each times its capacity; *full is the largest of these. */
static int weighed(const struct sense *s, const __u64 all[FIELDS], __u64 *ticks, __u64 *full)
{
	const struct sense_set *set = &s->cpu.capacities;
	__u64 field[FIELDS];

	*full = FULL;
	*ticks = (all[USER] + all[NICE]) * FULL;
	if (!set->nr)
		return 0;
	*full = *ticks = 0;
	for (__u32 i = 0; i < set->nr; i++) {
		const struct sense_object *cpu = &set->object[i];
		size_t len = strlen(cpu->name);
		const char *at = s->text;

		while ((at = strchr(at, '\n'))) {
			if (!strncmp(++at, cpu->name, len) && at[len] == ' ')
				break;
		}
		if (!at) /* offline */
			continue;
		if (take_fields(at + len, field))
			return -EINVAL;
		*ticks += (field[USER] + field[NICE]) * cpu->limit;
		*full = cpu->limit > *full ? cpu->limit : *full;
	}
	return *full ? 0 : -EINVAL;
}

static void add_work(struct sense *s, const __u64 all[FIELDS])
{
	__u64 ticks, full, delta, tick_us = 1000000 / (__u64)sysconf(_SC_CLK_TCK);

	sense_find(s, &s->cpu.capacities, CPUS, "cpu", capacity);
	if (!weighed(s, all, &ticks, &full) && sense_increase(&s->cpu.work, ticks, &delta))
		s->cpu.work_us += delta * tick_us / full;
}

int sense_cpu_time(struct sense *s)
{
	__u64 field[FIELDS], delta[FIELDS], whole = 0;
	bool known = true;

	if (sense_text(s, "/proc/stat") || strncmp(s->text, "cpu ", 4) ||
	    take_fields(s->text + 3, field))
		return 0;
	for (int i = 0; i < FIELDS; i++) {
		/* the time of IOWAIT may be given to IDLE later */
		known &= sense_increase(&s->cpu.field[i], field[i], &delta[i]) || i == IOWAIT;
		whole += delta[i];
	}
	add_work(s, field);
	if (!known || !s->span_ms)
		return 0;
	sense_share(s, HS_VITAL_CPU_BUSY, whole - delta[IDLE] - delta[IOWAIT] - delta[STEAL],
		    whole);
	sense_share(s, HS_VITAL_CPU_IOWAIT, delta[IOWAIT], whole);
	sense_share(s, HS_VITAL_CPU_STEAL, delta[STEAL], whole);
	return 0;
}

static bool clock_rate(struct sense *s, struct sense_object *policy)
{
	return !sense_number(s, &policy->limit, CPUS "/cpufreq/%s/cpuinfo_max_freq",
			     policy->name) &&
	       policy->limit;
}

int sense_cpu_clock(struct sense *s)
{
	__u64 khz, sum = 0, nr = 0, share, lowest = ~0ULL;

	sense_find(s, &s->cpu.clocks, CPUS "/cpufreq", "policy", clock_rate);
	for (__u32 i = 0; i < s->cpu.clocks.nr; i++) {
		const struct sense_object *policy = &s->cpu.clocks.object[i];

		if (!sense_number(s, &khz, CPUS "/cpufreq/%s/scaling_cur_freq", policy->name)) {
			sum += khz * 1000 / policy->limit;
			nr++;
		}
		if (!sense_number(s, &khz, CPUS "/cpufreq/%s/scaling_max_freq", policy->name)) {
			share = khz * 1000 / policy->limit;
			lowest = share < lowest ? share : lowest;
		}
	}
	if (nr)
		sense_enter(s, HS_VITAL_CPU_FREQ, sum / nr);
	if (lowest != ~0ULL)
		sense_enter(s, HS_VITAL_CPU_FREQ_LIMIT, lowest);
	return 0;
}
