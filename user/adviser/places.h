/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Values by the machine's topology: `to: spread` and `to: pack`. It looks at a machine below a root, once a second while a rule
 * may ask; what it says depends on nothing but what it has seen there.
 *
 * Allowed are CPUs that are online, not isolated and not nohz_full. Busy is a CPU's share of time that was not idle, in the last
 * second. Near a device are the allowed CPUs of its NUMA node; all that are allowed where it has none, or none of its node are.
 *
 * spread, of the queues of network interfaces (RPS): of interfaces that take in PLACES_PACKETS_HZ and a tenth of all packets, are no loopback and
 * stand on no other one, and have fewer queues than there are CPUs near. Each queue gets the CPUs that share a last-level cache with the
 * one that most of the card's interrupts come to, where there are two at least, of those near; of these those that are no busier than their mean,
 * the least busy PLACES_QUEUE_CPUS at most. A queue that has as many CPUs already, all of them near, keeps those.
 *
 * spread, of interrupts: of those of network cards that come PLACES_IRQS_HZ. As few on one CPU near the card as can be; who is on a CPU
 * that is near and not over that number stays, the others go to the CPU with fewest, of these to the least busy.
 *
 * spread, of what has no objects (a kernel's own work): the CPUs that are allowed. pack, of anything: the first CPU that is allowed, and the others of its core.
 */
#ifndef HOMEOSTAT_PLACES_H
#define HOMEOSTAT_PLACES_H

#include "rules.h"
#include "topology.h"

#define PLACES_PACKETS_HZ 1000		  /* fewer are no work for one CPU: some us each */
#define PLACES_IRQS_HZ 500		  /* likewise */
#define PLACES_QUEUE_CPUS 8		  /* more caches than that cost more than they carry */
#define PLACES_STALE_NS 5000000000ULL	  /* a sample of before is none */
#define PLACES_TOPOLOGY_NS 10000000000ULL /* so long CPUs are taken to be as they were */
#define PLACES_NICS_MAX 256
#define PLACES_IRQS_MAX 512

struct places_nic {
	char name[16]; /* IFNAMSIZ */
	__u64 packets, hz;
	bool hot;
	int node;	     /* NUMA node; -1 = it has none */
	unsigned int queues; /* of receiving; known of one that is hot */
};

struct places_irq {
	char name[16];	  /* its number */
	unsigned int nic; /* index */
	__u64 count, hz;
	int cpu; /* that it comes to; -1 = not known */
};

struct places {
	const char *root;
	__u64 at_ns;	     /* of the last sample; 0 = none */
	__u64 span_ns;	     /* from the one before to it */
	bool known;	     /* that was one, and not long ago: rates are known */
	unsigned int at_nic; /* whose interrupts are looked at, in a sample */
	__u64 topology_ns;
	struct topology topology;
	struct places_cpu {
		__u64 busy, all; /* ticks */
		__u32 permille;	 /* of the last second */
	} cpu[HS_CPUS_MAX];
	struct places_nic nic[PLACES_NICS_MAX],
		old_nic[PLACES_NICS_MAX]; /* old: of the last sample */
	unsigned int nics_nr, old_nics_nr;
	struct places_irq irq[PLACES_IRQS_MAX], old_irq[PLACES_IRQS_MAX];
	unsigned int irqs_nr, old_irqs_nr;
	char text[256 * 1024]; /* of one file */
};

/* A sample. What cannot be read is not there. @root: of /proc and /sys, NULL or "" = the real ones; has to outlive it. */
void places_look(struct places *places, const char *root, __u64 now_ns);

/* Which objects of a parameter are worth a plan now: one call of @visit for each text that kb_files() takes. */
void places_hot(const struct places *places, const struct kb_parameter *kb,
		void (*visit)(void *ctx, const char *objects), void *ctx);

/* rules.h has it. */
bool places_plan(struct places *places, const struct rules_parameter *p, enum profile_form form,
		 struct rules_plan *plan);

/* Why a parameter cannot be of that form; NULL: it can. Pure. */
const char *places_unfit(const struct kb_parameter *kb);

#endif
