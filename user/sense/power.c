// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Power: what processors count (RAPL), what batteries and power sensors show, and energy per unit of work, as MISSION has it: user
 * instructions where the processor counts them, CPU time in capacity units, bytes delivered. Energy is what processors counted;
 * where none does, it is the power of the whole machine times time, and marked as estimated.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "sense.h"

#define RAPL "/sys/class/powercap"
#define SUPPLIES "/sys/class/power_supply"
#define METERS "/sys/class/hwmon"
#define GAP_MS 60000 /* a counter may have come round more than once in a longer time */

/* intel-rapl:0, but not intel-rapl:0:1, which is a part of it, and not psys, which is the whole machine. */
static bool package(struct sense *s, struct sense_object *domain)
{
	return !strchr(strchr(domain->name, ':') + 1, ':') &&
	       !sense_number(s, &domain->limit, RAPL "/%s/max_energy_range_uj", domain->name) &&
	       !sense_says(s, "psys", RAPL "/%s/name", domain->name);
}

/* Energy since it was last read, uJ; the counter begins again with 0 after its range. */
static bool used(struct sense_object *domain, __u64 now_uj, __u64 *uj)
{
	struct sense_counter *c = &domain->counter[0];
	__u64 last = c->last;
	bool round = c->known && now_uj < last && last <= domain->limit;

	if (!sense_increase(c, now_uj, uj) && !round)
		return false;
	if (round)
		*uj = domain->limit - last + now_uj;
	return true;
}

int sense_package(struct sense *s)
{
	struct sense_set *set = &s->power.packages;
	__u64 now_uj, uj, sum_uj = 0;
	__u32 known = 0;

	sense_find(s, set, RAPL, "intel-rapl:", package);
	for (__u32 i = 0; i < set->nr; i++) {
		if (sense_number(s, &now_uj, RAPL "/%s/energy_uj", set->object[i].name)) {
			/* one of two that cannot be read is no half of the power */
			set->object[i].counter[0].known = false;
			continue;
		}
		known += used(&set->object[i], now_uj, &uj);
		sum_uj += uj;
	}
	if (!known || known < set->nr || !s->span_ms || s->span_ms > GAP_MS)
		return 0;
	s->power.package_uj += sum_uj;
	sense_enter(s, HS_VITAL_POWER_PACKAGE, sum_uj / s->span_ms);
	return 0;
}

/* Of the machine: not of a mouse or a headset. */
static bool supply(struct sense *s, struct sense_object *supply)
{
	return (sense_says(s, "Battery", SUPPLIES "/%s/type", supply->name) ||
		sense_says(s, "UPS", SUPPLIES "/%s/type", supply->name)) &&
	       !sense_says(s, "Device", SUPPLIES "/%s/scope", supply->name);
}

/* Sensors of the power line that people solder onto boards. */
static bool meter(struct sense *s, struct sense_object *meter)
{
	static const char *const known[] = {"ina219", "ina220", "ina226", "ina230", "ina231"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (sense_says(s, known[i], METERS "/%s/name", meter->name))
			return true;
	}
	return false;
}

static int property(const struct sense *s, const char *supply, const char *name, __u64 *value)
{
	return sense_number(s, value, SUPPLIES "/%s/%s", supply, name);
}

/* Charge, and what a full one has: uWh, or uAh, or %. */
static bool charge(const struct sense *s, const char *name, __u64 *now, __u64 *full)
{
	if (!property(s, name, "energy_now", now) && !property(s, name, "energy_full", full))
		return *full;
	if (!property(s, name, "charge_now", now) && !property(s, name, "charge_full", full))
		return *full;
	*full = 100;
	return !property(s, name, "capacity", now);
}

/* Power out of a battery, uW. Some drivers give a current that flows out as below zero. */
static bool drain(const struct sense *s, const char *name, __u64 *uw)
{
	__s64 value, uv;

	if (!sense_signed(s, &value, SUPPLIES "/%s/power_now", name)) {
		*uw = (__u64)llabs(value);
		return true;
	}
	if (sense_signed(s, &value, SUPPLIES "/%s/current_now", name) ||
	    sense_signed(s, &uv, SUPPLIES "/%s/voltage_now", name))
		return false;
	*uw = (__u64)llabs(value) / 1000 * ((__u64)llabs(uv) / 1000);
	return true;
}

static bool metered(const struct sense *s, __u64 *sum_uw)
{
	const struct sense_set *set = &s->power.meters;
	__u64 uw;

	*sum_uw = 0;
	for (__u32 i = 0; i < set->nr; i++) {
		if (sense_number(s, &uw, METERS "/%s/power1_input", set->object[i].name))
			return false;
		*sum_uw += uw;
	}
	return set->nr;
}

int sense_supply(struct sense *s)
{
	__u64 now, full, permille = 0, batteries = 0, uw, sum_uw = 0, feeding = 0;
	const struct sense_set *set = &s->power.supplies;
	bool known = true;

	sense_find(s, &s->power.supplies, SUPPLIES, "", supply);
	sense_find(s, &s->power.meters, METERS, "hwmon", meter);
	for (__u32 i = 0; i < set->nr; i++) {
		const char *name = set->object[i].name;

		if (sense_says(s, "0", SUPPLIES "/%s/present", name) ||
		    !charge(s, name, &now, &full))
			continue;
		permille += now * 1000 / full;
		batteries++;
		if (!sense_says(s, "Discharging", SUPPLIES "/%s/status", name))
			continue;
		feeding++;
		known &= drain(s, name, &uw);
		sum_uw += known ? uw : 0;
	}
	if (batteries) {
		sense_enter(s, HS_VITAL_POWER_BATTERY, permille / batteries);
		sense_enter(s, HS_VITAL_POWER_ON_BATTERY, feeding > 0);
	}
	if ((feeding && known) || metered(s, &sum_uw)) {
		sense_enter(s, HS_VITAL_POWER_MACHINE, sum_uw / 1000);
		s->power.machine_uj += sum_uw / 1000 * s->span_ms;
	}
	return 0;
}

/* Energy since the last call, uJ, by the best that there is. */
static bool energy(struct sense *s, __u64 *uj, bool *estimated)
{
	struct sense_counter *package = &s->power.package, *machine = &s->power.machine;
	__u64 machine_uj;
	bool counted = sense_increase(package, s->power.package_uj, uj);
	bool seen = sense_increase(machine, s->power.machine_uj, &machine_uj);

	/* who is not there now was not there for all of the time */
	package->known = sense_present(s, HS_VITAL_POWER_PACKAGE);
	machine->known = sense_present(s, HS_VITAL_POWER_MACHINE);
	*estimated = !(counted && package->known);
	if (!*estimated)
		return true;
	*uj = machine_uj;
	return seen && machine->known;
}

static void per(struct sense *s, enum hs_vital_id id, __u64 uj, __u64 work, __u64 least,
		__u64 unit_nj, bool estimated)
{
	if (work < least) /* of nearly nothing everything is a large part */
		return;
	if (estimated)
		sense_estimate(s, id, uj * unit_nj / work);
	else
		sense_enter(s, id, uj * unit_nj / work);
}

/* No file of its own: it divides what the others have read, and what the daemon knows of the processors' counters. */
int sense_energy(struct sense *s)
{
	__u64 uj, work_us, bytes, instructions;
	bool estimated, known = energy(s, &uj, &estimated), worked, sent, counted;

	worked = sense_increase(&s->power.work, s->cpu.work_us, &work_us);
	sent = sense_increase(&s->power.bytes, s->net.sent_bytes, &bytes);
	counted = sense_increase(&s->power.instructions, s->instructions, &instructions);
	if (!known)
		return 0;
	if (counted && s->whole)
		per(s, HS_VITAL_ENERGY_INSTRUCTION, uj, instructions, 1000000, 1000000, estimated);
	if (worked)
		per(s, HS_VITAL_ENERGY_CPU, uj, work_us, 50000, 1000000, estimated);
	if (sent)
		per(s, HS_VITAL_ENERGY_BYTE, uj, bytes, 10000, 1000, estimated);
	return 0;
}
