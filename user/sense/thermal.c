// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Temperatures: thermal zones, and the chips of hwmon that sit in processors and NVMe drives (AMD's processors have no zone). Other
 * chips are left out: an input of theirs that leads nowhere shows any temperature. So are disks, which asking would keep awake.
 */
#include <errno.h>
#include <string.h>

#include "parse.h"
#include "clock.h"
#include "sense.h"

#define ZONES "/sys/class/thermal"
#define CHIPS "/sys/class/hwmon"
#define TRIPS_MAX 16
#define COLDEST_MC (-100000)
#define HOTTEST_MC 250000
#define SLOPE_NS (8 * NS_PER_S) /* less says nothing: many sensors show whole degrees */

/* Notes the lowest temperature at which something is throttled or switched off; a fan that starts is no harm. 0 = none. */
static bool zone(struct sense *s, struct sense_object *zone)
{
	static const char *const harmful[] = {"passive", "hot", "critical"};
	__s64 mc;

	zone->limit = 0;
	for (int trip = 0; trip < TRIPS_MAX; trip++) {
		/* drivers give what is not set as 0, or as below absolute zero */
		if (sense_signed(s, &mc, ZONES "/%s/trip_point_%d_temp", zone->name, trip) ||
		    mc <= 0 || mc > HOTTEST_MC || (zone->limit && (__u64)mc >= zone->limit))
			continue;
		for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
			if (sense_says(s, harmful[i], ZONES "/%s/trip_point_%d_type", zone->name,
				       trip))
				zone->limit = (__u64)mc;
		}
	}
	return true;
}

static bool chip(struct sense *s, struct sense_object *chip)
{
	static const char *const known[] = {"coretemp", "k10temp", "zenpower", "nvme"};

	if (sense_number(s, &chip->limit, CHIPS "/%s/temp1_crit", chip->name) ||
	    chip->limit > HOTTEST_MC)
		chip->limit = 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (sense_says(s, known[i], CHIPS "/%s/name", chip->name))
			return true;
	}
	return false;
}

struct heat {
	bool known, limited, busy;
	__u64 hottest, margin; /* millidegrees */
};

static void feel(struct heat *h, int err, __s64 mc, __u64 limit)
{
	__u64 t = mc > 0 ? (__u64)mc : 0, margin = limit > t ? limit - t : 0;

	h->busy |= err == -EAGAIN || err == -EBUSY;
	if (err || mc < COLDEST_MC || mc > HOTTEST_MC)
		return;
	h->hottest = h->known && h->hottest > t ? h->hottest : t;
	h->known = true;
	if (!limit)
		return;
	h->margin = h->limited && h->margin < margin ? h->margin : margin;
	h->limited = true;
}

/* From the oldest of the last readings to this one. */
static void slope(struct sense *s, __u64 mc)
{
	__u32 n = s->thermal.readings, at = n % SENSE_HEAT, oldest = n < SENSE_HEAT ? 0 : at;
	__u64 span, from = s->thermal.mc[oldest];

	span = n ? s->now_ns - s->thermal.at_ns[oldest] : 0;
	s->thermal.mc[at] = mc;
	s->thermal.at_ns[at] = s->now_ns;
	s->thermal.readings++;
	if (span >= SLOPE_NS)
		sense_enter(s, HS_VITAL_THERMAL_SLOPE,
			    mc > from ? (mc - from) * 1000 / (span / NS_PER_MS) : 0);
}

int sense_thermal(struct sense *s)
{
	struct sense_set *zones = &s->thermal.zones, *chips = &s->thermal.chips;
	struct heat h = {0};
	__s64 mc = 0;
	int err;

	sense_find(s, zones, ZONES, "thermal_zone", zone);
	sense_find(s, chips, CHIPS, "hwmon", chip);
	for (__u32 i = 0; i < zones->nr; i++) {
		err = sense_signed(s, &mc, ZONES "/%s/temp", zones->object[i].name);
		feel(&h, err, mc, zones->object[i].limit);
	}
	for (__u32 i = 0; i < chips->nr; i++) {
		err = sense_signed(s, &mc, CHIPS "/%s/temp1_input", chips->object[i].name);
		feel(&h, err, mc, chips->object[i].limit);
	}
	if (!h.known) {
		s->thermal.readings = 0;
		return h.busy ? -EAGAIN : 0;
	}
	sense_enter(s, HS_VITAL_THERMAL_HOTTEST, h.hottest);
	if (h.limited)
		sense_enter(s, HS_VITAL_THERMAL_MARGIN, h.margin);
	slope(s, h.hottest);
	return 0;
}
