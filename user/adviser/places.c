// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a plan needs to know of the machine: CPUs, network interfaces and their interrupts, and how busy they are. */
#include "places.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define S 1000000000ULL
#define NET "/sys/class/net"
#define LOOPBACK 772 /* ARPHRD_LOOPBACK */

/* A number of a network interface. */
static __u64 number(const struct places *places, __u64 otherwise, const char *nic, const char *file)
{
	char text[64];
	__u64 value;

	if (read_filef(places->root, text, sizeof(text), NET "/%s/%s", nic, file) < 0 ||
	    parse_u64(text, &value))
		return otherwise;
	return value;
}

/* One call of @visit for each name of a directory; how many it has taken. */
static unsigned int each(struct places *places, const char *path,
			 bool (*visit)(struct places *places, const char *name))
{
	char full[PATH_MAX];
	DIR *dir = root_path(full, sizeof(full), places->root, path) ? NULL : opendir(full);
	struct dirent *e;
	unsigned int nr = 0;

	while (dir && (e = readdir(dir)))
		nr += e->d_name[0] != '.' && visit(places, e->d_name);
	if (dir)
		closedir(dir);
	return nr;
}

/* In a second. */
static __u64 rate(const struct places *places, __u64 before, __u64 now)
{
	__u64 ms = places->span_ns / (S / 1000);

	return ms && now > before ? (now - before) * 1000 / ms : 0;
}

/* ---- CPUs ---- */

/* "cpu3 user nice system idle iowait irq softirq steal …" */
static void take_cpu(struct places_cpu *cpu, const char *at)
{
	__u64 field[8], all = 0, busy;

	for (int i = 0; i < 8; i++) {
		at += strspn(at, " ");
		if (parse_digits(&at, ~0ULL, &field[i]))
			return;
		all += field[i];
	}
	busy = all - field[3] - field[4];
	cpu->permille = all > cpu->all && busy >= cpu->busy
				? (__u32)((busy - cpu->busy) * 1000 / (all - cpu->all))
				: 0;
	cpu->all = all;
	cpu->busy = busy;
}

static void look_at_cpus(struct places *places, __u64 now_ns)
{
	const char *at = places->text;
	__u64 cpu;

	if (!places->topology_ns || now_ns - places->topology_ns >= PLACES_TOPOLOGY_NS) {
		if (topology_read(&places->topology, places->root))
			memset(&places->topology, 0, sizeof(places->topology));
		places->topology_ns = now_ns;
	}
	/* of a machine so large that its interrupts do not fit, the CPUs come first */
	if (read_file(places->root, "/proc/stat", places->text, sizeof(places->text)) == -ENOENT)
		return;
	while ((at = strstr(at, "\ncpu"))) {
		at += strlen("\ncpu");
		if (!parse_digits(&at, HS_CPUS_MAX - 1, &cpu))
			take_cpu(&places->cpu[cpu], at);
	}
}

/* ---- network interfaces ---- */

static bool is_below(struct places *places, const char *name)
{
	(void)places;
	return !strncmp(name, "lower_", strlen("lower_"));
}

static bool is_queue(struct places *places, const char *name)
{
	(void)places;
	return !strncmp(name, "rx-", strlen("rx-"));
}

static int node_of(const struct places *places, const char *nic)
{
	/* a card of virtio stands on the one of PCI, which has a node */
	__u64 node = number(places, HS_CPUS_MAX, nic, "device/numa_node");

	if (node == HS_CPUS_MAX)
		node = number(places, HS_CPUS_MAX, nic, "device/../numa_node");
	return node < HS_CPUS_MAX ? (int)node : -1; /* the kernel writes -1 where there is none */
}

static bool add_nic(struct places *places, const char *name)
{
	struct places_nic *nic = &places->nic[places->nics_nr];

	if (places->nics_nr == PLACES_NICS_MAX || strlen(name) >= sizeof(nic->name))
		return false;
	*nic = (struct places_nic){.node = -1};
	strcpy(nic->name, name);
	nic->packets = number(places, 0, name, "statistics/rx_packets");
	for (unsigned int i = 0; i < places->old_nics_nr; i++) {
		if (!strcmp(places->old_nic[i].name, name))
			nic->hz = rate(places, places->old_nic[i].packets, nic->packets);
	}
	places->nics_nr++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct places_nic *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void look_at_nics(struct places *places)
{
	char path[PATH_MAX];
	__u64 sum = 0;

	memcpy(places->old_nic, places->nic, sizeof(places->nic));
	places->old_nics_nr = places->known ? places->nics_nr : 0;
	places->nics_nr = 0;
	each(places, NET, add_nic);
	qsort(places->nic, places->nics_nr, sizeof(*places->nic), by_name);
	for (unsigned int i = 0; i < places->nics_nr; i++)
		sum += places->nic[i].hz;
	for (unsigned int i = 0; i < places->nics_nr; i++) {
		struct places_nic *nic = &places->nic[i];

		snprintf(path, sizeof(path), NET "/%s", nic->name);
		nic->hot = nic->hz >= PLACES_PACKETS_HZ && nic->hz >= sum / 10 &&
			   number(places, 0, nic->name, "type") != LOOPBACK &&
			   !each(places, path, is_below);
		nic->node = node_of(places, nic->name);
		strcat(path, "/queues");
		nic->queues = nic->hot ? each(places, path, is_queue) : 0;
	}
}

/* ---- their interrupts ---- */

/* "7,0,1200,3": how many came to each CPU. */
static __u64 sum_of(const char *at)
{
	__u64 sum = 0, n;

	for (; !parse_digits(&at, ~0ULL, &n); at += *at == ',')
		sum += n;
	return sum;
}

/* The only CPU of a list; -1: there is none, or several. */
static int only_cpu(const struct places *places, const char *irq, const char *file)
{
	char text[64];
	__u64 cpu;

	if (read_filef(places->root, text, sizeof(text), "/proc/irq/%s/%s", irq, file) < 0 ||
	    parse_u64_max(text, HS_CPUS_MAX - 1, &cpu))
		return -1;
	return (int)cpu;
}

/* Of the interface that is looked at: the last one. */
static bool add_irq(struct places *places, const char *name)
{
	struct places_irq *irq = &places->irq[places->irqs_nr];
	__u64 ignored;

	if (places->irqs_nr == PLACES_IRQS_MAX || strlen(name) >= sizeof(irq->name) ||
	    parse_u64(name, &ignored))
		return false;
	for (unsigned int i = 0; i < places->irqs_nr; i++) {
		if (!strcmp(places->irq[i].name, name)) /* of two interfaces of one card */
			return false;
	}
	if (read_filef(places->root, places->text, sizeof(places->text),
		       "/sys/kernel/irq/%s/per_cpu_count", name) < 0)
		return false;
	*irq = (struct places_irq){.nic = places->at_nic, .count = sum_of(places->text)};
	strcpy(irq->name, name);
	for (unsigned int i = 0; i < places->old_irqs_nr; i++) {
		if (!strcmp(places->old_irq[i].name, name))
			irq->hz = rate(places, places->old_irq[i].count, irq->count);
	}
	irq->cpu = only_cpu(places, name, "effective_affinity_list");
	if (irq->cpu < 0)
		irq->cpu = only_cpu(places, name, "smp_affinity_list");
	places->irqs_nr++;
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct places_irq *x = a, *y = b;
	int order = (int)strlen(x->name) - (int)strlen(y->name);

	return order ? order : strcmp(x->name, y->name);
}

static void look_at_irqs(struct places *places)
{
	static const char *const dirs[] = {"device/msi_irqs", "device/../msi_irqs"};
	char path[PATH_MAX];

	memcpy(places->old_irq, places->irq, sizeof(places->irq));
	places->old_irqs_nr = places->known ? places->irqs_nr : 0;
	places->irqs_nr = 0;
	for (unsigned int i = 0; i < places->nics_nr; i++) {
		places->at_nic = i;
		for (size_t j = 0; j < 2; j++) {
			snprintf(path, sizeof(path), NET "/%s/%s", places->nic[i].name, dirs[j]);
			if (each(places, path, add_irq))
				break;
		}
	}
	/* directories have an order of their own */
	qsort(places->irq, places->irqs_nr, sizeof(*places->irq), by_number);
}

void places_look(struct places *places, const char *root, __u64 now_ns)
{
	places->root = root;
	places->span_ns = places->at_ns ? now_ns - places->at_ns : 0;
	places->known = places->span_ns && places->span_ns <= PLACES_STALE_NS;
	places->at_ns = now_ns;
	look_at_cpus(places, now_ns);
	look_at_nics(places);
	look_at_irqs(places);
}
