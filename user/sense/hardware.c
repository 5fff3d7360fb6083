// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What hardware says of its own health: throttled CPUs, EDAC, PCIe, NVMe, InfiniBand. Such errors are rare, so they are counted from
 * the start of homeostatd on: a rate would be 0 all the time. What a drive knows of its wear (SMART) takes an ioctl on its device.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"
#include "sense.h"

#define CPUS "/sys/devices/system/cpu"
#define EDAC "/sys/devices/system/edac/mc"
#define PCI "/sys/bus/pci/devices"
#define NVME "/sys/class/nvme"
#define IB "/sys/class/infiniband"
#define LANES_MAX 32
#define IB_PORTS 8 /* of one device */

/* Adds to @total what each counter of a kind has grown by, of which all files of @names together are one; is there any? */
static bool tally(struct sense *s, struct sense_set *set, const char *dir, int slot,
		  const char *const names[], __u64 *total)
{
	bool any = false;

	for (__u32 i = 0; i < set->nr; i++) {
		struct sense_object *o = &set->object[i];
		__u64 value, sum = 0, delta;
		bool all = true;

		for (int n = 0; names[n]; n++) {
			all &= !sense_number(s, &value, "%s/%s/%s", dir, o->name, names[n]);
			sum += all ? value : 0;
		}
		if (!all)
			continue;
		any = true;
		sense_increase(&o->counter[slot], sum, &delta);
		*total += delta;
	}
	return any;
}

static bool has_throttle(struct sense *s, struct sense_object *cpu)
{
	__u64 count;

	return !sense_number(s, &count, CPUS "/%s/thermal_throttle/core_throttle_count", cpu->name);
}

static bool is_root(struct sense *s, struct sense_object *device)
{
	__u64 count;

	return !sense_number(s, &count, PCI "/%s/aer_rootport_total_err_cor", device->name);
}

/* Lanes in use. Asking a device that is asleep would wake it. */
static bool lanes(struct sense *s, const struct sense_object *device, __u64 *lanes)
{
	return !sense_says(s, "suspended", PCI "/%s/power/runtime_status", device->name) &&
	       !sense_number(s, lanes, PCI "/%s/current_link_width", device->name) && *lanes &&
	       *lanes <= LANES_MAX;
}

/* @limit: the most lanes that it has had. Functions of one device share its link, and the first one stands for them. */
static bool is_link(struct sense *s, struct sense_object *device)
{
	size_t len = strlen(device->name);
	__u64 now;

	return len > 2 && !strcmp(device->name + len - 2, ".0") &&
	       (device->limit || lanes(s, device, &now));
}

static void pcie(struct sense *s)
{
	static const char *const correctable[] = {"aer_rootport_total_err_cor", NULL};
	static const char *const uncorrectable[] = {"aer_rootport_total_err_nonfatal",
						    "aer_rootport_total_err_fatal", NULL};
	struct sense_set *links = &s->hardware.links;
	__u64 now, narrow = 0;

	sense_find(s, &s->hardware.roots, PCI, "", is_root);
	if (tally(s, &s->hardware.roots, PCI, 0, correctable, &s->hardware.correctable))
		sense_enter(s, HS_VITAL_HW_PCIE_CORRECTABLE, s->hardware.correctable);
	if (tally(s, &s->hardware.roots, PCI, 1, uncorrectable, &s->hardware.uncorrectable))
		sense_enter(s, HS_VITAL_HW_PCIE_UNCORRECTABLE, s->hardware.uncorrectable);
	sense_find(s, links, PCI, "", is_link);
	for (__u32 i = 0; i < links->nr; i++) {
		if (!lanes(s, &links->object[i], &now))
			continue;
		narrow += now < links->object[i].limit;
		if (now > links->object[i].limit)
			links->object[i].limit = now;
	}
	if (links->nr)
		sense_enter(s, HS_VITAL_HW_PCIE_NARROW, narrow);
}

int sense_hardware(struct sense *s)
{
	static const char *const core[] = {"thermal_throttle/core_throttle_count", NULL};
	static const char *const package[] = {"thermal_throttle/package_throttle_count", NULL};
	static const char *const ce[] = {"ce_count", NULL}, *const ue[] = {"ue_count", NULL};
	const struct sense_set *drives = &s->hardware.drives;
	__u64 down = 0, known = 0;
	char state[32];
	bool counted;

	sense_find(s, &s->hardware.cpus, CPUS, "cpu", has_throttle);
	/* not each processor counts both */
	counted = tally(s, &s->hardware.cpus, CPUS, 1, package, &s->hardware.throttles);
	counted |= tally(s, &s->hardware.cpus, CPUS, 0, core, &s->hardware.throttles);
	if (counted)
		sense_enter(s, HS_VITAL_THERMAL_THROTTLES, s->hardware.throttles);
	sense_find(s, &s->hardware.memories, EDAC, "mc", NULL);
	if (tally(s, &s->hardware.memories, EDAC, 0, ce, &s->hardware.corrected))
		sense_enter(s, HS_VITAL_HW_MEMORY_CORRECTED, s->hardware.corrected);
	if (tally(s, &s->hardware.memories, EDAC, 1, ue, &s->hardware.uncorrected))
		sense_enter(s, HS_VITAL_HW_MEMORY_UNCORRECTED, s->hardware.uncorrected);
	pcie(s);
	sense_find(s, &s->hardware.drives, NVME, "nvme", NULL);
	for (__u32 i = 0; i < drives->nr; i++) {
		if (read_filef(s->root, state, sizeof(state), NVME "/%s/state",
			       drives->object[i].name) <= 0)
			continue;
		known++;
		down += strcmp(state, "live") != 0;
	}
	if (known)
		sense_enter(s, HS_VITAL_HW_NVME_DOWN, down);
	return 0;
}

/* The errors of a port. -ENOENT: it has no counters, as others carry InfiniBand's protocol. */
static int port_errors(const struct sense *s, const char *device, int port, __u64 *errors)
{
	static const char *const names[] = {"symbol_error", "link_error_recovery", "link_downed",
					    "port_rcv_errors", "local_link_integrity_errors"};
	__u64 value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int err = sense_number(s, &value, IB "/%s/ports/%d/counters/%s", device, port,
				       names[i]);

		if (err)
			return err;
		*errors += value;
	}
	return 0;
}

/* counter[0]: errors of all ports of the device; @limit: bits of ports that have been active */
int sense_infiniband(struct sense *s)
{
	struct sense_set *set = &s->ib.devices;
	__u64 errors, delta, down = 0;
	bool counted = false, ports = false;
	char state[32];

	sense_find(s, set, IB, "", NULL);
	for (__u32 i = 0; i < set->nr; i++) {
		struct sense_object *device = &set->object[i];
		bool all = false;

		errors = 0;
		for (int port = 1; port <= IB_PORTS; port++) {
			if (read_filef(s->root, state, sizeof(state), IB "/%s/ports/%d/state",
				       device->name, port) < 0)
				break;
			ports = true;
			if (!strncmp(state, "4:", 2))
				device->limit |= 1ULL << port;
			else
				down += device->limit >> port & 1;
			all = (all || port == 1) && !port_errors(s, device->name, port, &errors);
		}
		if (!all)
			continue;
		counted = true;
		sense_increase(&device->counter[0], errors, &delta);
		s->ib.errors += delta;
	}
	if (counted)
		sense_enter(s, HS_VITAL_IB_ERRORS, s->ib.errors);
	if (ports)
		sense_enter(s, HS_VITAL_IB_DOWN, down);
	return 0;
}
