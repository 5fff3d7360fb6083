// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which CPUs an object is to have, by what was seen of the machine. places.h says how. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "places.h"

/* A set of CPUs. */
struct cpus {
	__u64 set[CPU_WORDS];
	unsigned int nr;
};

static void add(struct cpus *cpus, __u32 cpu)
{
	if (cpu_in(cpus->set, cpu))
		return;
	cpus->set[cpu / 64] |= 1ULL << (cpu % 64);
	cpus->nr++;
}

/* "0-3,8" */
static void list_of(const struct cpus *cpus, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (__u32 first = 0, last; first < HS_CPUS_MAX && len < size; first = last + 1) {
		last = first;
		if (!cpu_in(cpus->set, first))
			continue;
		while (cpu_in(cpus->set, last + 1))
			last++;
		len += (size_t)snprintf(text + len, size - len, last > first ? "%s%u-%u" : "%s%u",
					len ? "," : "", first, last);
	}
}

/* Groups of 32 bits in hex, as the kernel takes them. */
static void mask_of(const struct cpus *cpus, char *text, size_t size)
{
	size_t len = 0;

	for (int group = HS_CPUS_MAX / 32; group-- > 0 && len < size;) {
		__u32 bits = (__u32)(cpus->set[group / 2] >> (group % 2 * 32));

		if (len)
			len += (size_t)snprintf(text + len, size - len, ",%08x", bits);
		else if (bits || !group)
			len = (size_t)snprintf(text, size, "%x", bits);
	}
}

static void value_of(const struct kb_parameter *kb, const struct cpus *cpus,
		     char value[PROPOSAL_VALUE_LEN])
{
	if (kb->type == KB_TYPE_MASK)
		mask_of(cpus, value, PROPOSAL_VALUE_LEN);
	else
		list_of(cpus, value, PROPOSAL_VALUE_LEN);
}

/* "00000001,0000000f" or "0-3": the set that a value is. */
static void cpus_of(const struct kb_parameter *kb, const char *value, struct cpus *cpus)
{
	__u64 set[CPU_WORDS] = {0};
	__u32 bit = 0;

	*cpus = (struct cpus){0};
	if (kb->type == KB_TYPE_CPUS && parse_cpus(value, set, CPU_WORDS))
		return;
	for (size_t i = strlen(value); kb->type == KB_TYPE_MASK && i-- > 0;) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, value[i] | 0x20);

		if (value[i] == ',' || !digit || bit >= HS_CPUS_MAX)
			continue;
		set[bit / 64] |= (__u64)(digit - digits) << (bit % 64);
		bit += 4;
	}
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
		if (cpu_in(set, cpu))
			add(cpus, cpu);
	}
}

static bool within(const struct cpus *cpus, const struct cpus *all)
{
	for (size_t i = 0; i < CPU_WORDS; i++) {
		if (cpus->set[i] & ~all->set[i])
			return false;
	}
	return true;
}

/* ---- which there are ---- */

/* The CPUs that are allowed, of one node if there are any there; -1: of all. */
static void near_node(const struct topology *t, int node, struct cpus *cpus)
{
	*cpus = (struct cpus){0};
	for (__u32 cpu = 0; cpu < t->possible_nr && cpu < HS_CPUS_MAX; cpu++) {
		if (topology_housekeeping(t, cpu) && (node < 0 || t->cpu[cpu].node == (__u32)node))
			add(cpus, cpu);
	}
	if (!cpus->nr && node >= 0)
		near_node(t, -1, cpus);
}

/* Goes before: less busy, then the lower number. */
static bool less_busy(const struct places *places, __u32 a, __u32 b)
{
	__u32 x = places->cpu[a].permille, y = places->cpu[b].permille;

	return x != y ? x < y : a < b;
}

/* Of @from those that are no busier than their mean, the least busy PLACES_QUEUE_CPUS at most. */
static void least_busy(const struct places *places, const struct cpus *from, struct cpus *cpus)
{
	__u64 sum = 0;

	*cpus = (struct cpus){0};
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++)
		sum += cpu_in(from->set, cpu) ? places->cpu[cpu].permille : 0;
	while (cpus->nr < PLACES_QUEUE_CPUS) {
		__u32 best = HS_CPUS_MAX;

		for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
			if (cpu_in(from->set, cpu) && !cpu_in(cpus->set, cpu) &&
			    (best == HS_CPUS_MAX || less_busy(places, cpu, best)))
				best = cpu;
		}
		if (best == HS_CPUS_MAX || (__u64)places->cpu[best].permille * from->nr > sum)
			return;
		add(cpus, best);
	}
}

/* The first CPU that is allowed, and the others of its core. */
static void first_core(const struct places *places, struct cpus *cpus)
{
	const struct topology *t = &places->topology;
	char text[256];
	struct cpus all;
	__u64 core[CPU_WORDS];
	__u32 first = 0;

	*cpus = (struct cpus){0};
	near_node(t, -1, &all);
	while (first < HS_CPUS_MAX && !cpu_in(all.set, first))
		first++;
	if (first == HS_CPUS_MAX)
		return;
	add(cpus, first);
	if (read_filef(places->root, text, sizeof(text),
		       "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", first) < 0 ||
	    parse_cpus(text, core, CPU_WORDS))
		return;
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
		if (cpu_in(core, cpu) && cpu_in(all.set, cpu))
			add(cpus, cpu);
	}
}

/* ---- queues ---- */

static const struct places_nic *nic_of(const struct places *places, const char *object)
{
	size_t len = strcspn(object, ",");

	for (unsigned int i = 0; i < places->nics_nr; i++) {
		const struct places_nic *nic = &places->nic[i];

		if (strlen(nic->name) == len && !strncmp(nic->name, object, len))
			return nic;
	}
	return NULL;
}

/* Of those near the ones that share a cache with the CPU that most of its interrupts come to, if there are two. */
static void near_nic(const struct places *places, const struct places_nic *nic, struct cpus *cpus)
{
	const struct topology *t = &places->topology;
	const struct places_irq *most = NULL;
	struct cpus sharers = {0};

	for (unsigned int i = 0; i < places->irqs_nr; i++) {
		const struct places_irq *irq = &places->irq[i];

		if (&places->nic[irq->nic] == nic && irq->cpu >= 0 && (!most || irq->hz > most->hz))
			most = irq;
	}
	for (__u32 cpu = 0; most && cpu < HS_CPUS_MAX; cpu++) {
		if (cpu_in(cpus->set, cpu) && t->cpu[cpu].llc == t->cpu[most->cpu].llc)
			add(&sharers, cpu);
	}
	if (sharers.nr > 1)
		*cpus = sharers;
}

static void plan_queues(const struct places *places, const struct rules_parameter *p,
			struct rules_plan *plan)
{
	bool moves = false, spread = false;

	for (unsigned int i = p->objects_max; i-- > 0;) {
		const struct rules_object *o = &p->object[i];
		const struct places_nic *nic = o->known ? nic_of(places, o->name) : NULL;
		struct cpus near, wanted, has;
		char from[48], to[48];

		if (!nic || !nic->hot)
			continue;
		near_node(&places->topology, nic->node, &near);
		if (nic->queues >= near.nr)
			continue;
		near_nic(places, nic, &near);
		least_busy(places, &near, &wanted);
		cpus_of(p->kb, o->now, &has);
		if (has.nr >= wanted.nr && within(&has, &near)) {
			spread = true;
			continue;
		}
		moves = true;
		value_of(p->kb, &wanted, plan->value[i]);
		list_of(&near, from, sizeof(from));
		list_of(&wanted, to, sizeof(to));
		snprintf(plan->why, sizeof(plan->why), "%.15s on CPUs %s, the least busy of %s",
			 nic->name, to, from);
	}
	if (!moves)
		snprintf(plan->why, sizeof(plan->why), "%s",
			 spread ? "busy queues are spread already"
				: "no interface has much to do and few queues");
}

/* ---- interrupts ---- */

/* Where the interrupts of one node are, and are to be. */
struct spreading {
	const struct places *places;
	const struct places_irq
		*irq[KB_FILES_MAX]; /* of each object; NULL = it is none, or not busy */
	struct cpus near;
	unsigned int each;	      /* on one CPU at most */
	unsigned int on[HS_CPUS_MAX]; /* how many are there by now */
	unsigned int moved, nr;
};

static const struct places_irq *irq_of(const struct places *places, const struct rules_object *o)
{
	for (unsigned int i = 0; o->known && i < places->irqs_nr; i++) {
		if (!strcmp(places->irq[i].name, o->name))
			return places->irq[i].hz >= PLACES_IRQS_HZ ? &places->irq[i] : NULL;
	}
	return NULL;
}

/* One that need not move? */
static bool stays(struct spreading *s, const struct places_irq *irq)
{
	return irq->cpu >= 0 && cpu_in(s->near.set, (__u32)irq->cpu) && s->on[irq->cpu] < s->each;
}

static __u32 best_for(const struct spreading *s)
{
	__u32 best = HS_CPUS_MAX;

	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
		if (!cpu_in(s->near.set, cpu))
			continue;
		if (best == HS_CPUS_MAX || s->on[cpu] < s->on[best] ||
		    (s->on[cpu] == s->on[best] && less_busy(s->places, cpu, best)))
			best = cpu;
	}
	return best;
}

static int node_of(const struct spreading *s, unsigned int i)
{
	return s->places->nic[s->irq[i]->nic].node;
}

static void plan_node(struct spreading *s, int node, struct rules_plan *plan)
{
	bool moves[KB_FILES_MAX] = {0};
	unsigned int nr = 0;

	near_node(&s->places->topology, node, &s->near);
	for (unsigned int i = 0; i < KB_FILES_MAX; i++)
		nr += s->irq[i] && node_of(s, i) == node;
	if (!s->near.nr)
		return;
	s->each = (nr + s->near.nr - 1) / s->near.nr;
	for (unsigned int i = 0; i < KB_FILES_MAX; i++) {
		if (!s->irq[i] || node_of(s, i) != node)
			continue;
		moves[i] = !stays(s, s->irq[i]);
		if (!moves[i])
			s->on[s->irq[i]->cpu]++;
	}
	for (unsigned int i = 0; i < KB_FILES_MAX; i++) {
		__u32 cpu = moves[i] ? best_for(s) : 0;

		if (!moves[i])
			continue;
		s->on[cpu]++;
		s->moved++;
		snprintf(plan->value[i], sizeof(plan->value[i]), "%u", cpu);
	}
	s->nr += nr;
}

static void plan_irqs(const struct places *places, const struct rules_parameter *p,
		      struct rules_plan *plan)
{
	struct spreading s = {.places = places};
	struct cpus to = {0};
	char list[48];

	for (unsigned int i = 0; i < p->objects_max; i++)
		s.irq[i] = irq_of(places, &p->object[i]);
	for (unsigned int i = 0; i < p->objects_max; i++) {
		bool first = s.irq[i]; /* of its node */

		for (unsigned int j = 0; first && j < i; j++)
			first = !s.irq[j] || node_of(&s, j) != node_of(&s, i);
		if (first)
			plan_node(&s, node_of(&s, i), plan);
	}
	for (__u32 cpu = 0; cpu < HS_CPUS_MAX; cpu++) {
		if (s.on[cpu])
			add(&to, cpu);
	}
	list_of(&to, list, sizeof(list));
	if (s.nr && !s.moved)
		snprintf(plan->why, sizeof(plan->why), "busy interrupts are spread already");
	else if (s.nr)
		snprintf(plan->why, sizeof(plan->why),
			 "%u of %u busy interrupts of network cards move, over CPUs %.40s", s.moved,
			 s.nr, list);
	else
		snprintf(plan->why, sizeof(plan->why),
			 "no interrupt of a network card comes %d times a second", PLACES_IRQS_HZ);
}

/* ---- all ---- */

/* One set for each object. */
static void plan_same(const struct cpus *cpus, const struct rules_parameter *p, const char *what,
		      struct rules_plan *plan)
{
	char list[48];

	list_of(cpus, list, sizeof(list));
	snprintf(plan->why, sizeof(plan->why), "CPUs %s: %s", list, what);
	for (unsigned int i = 0; i < p->objects_max; i++) {
		if (p->object[i].known)
			value_of(p->kb, cpus, plan->value[i]);
	}
}

/* What the objects of a parameter are. */
static bool has_queues(const struct kb_parameter *kb)
{
	return strstr(kb->path, "/rps_cpus");
}

const char *places_unfit(const struct kb_parameter *kb)
{
	if (kb->type != KB_TYPE_CPUS && kb->type != KB_TYPE_MASK)
		return "it is no set of CPUs; expected another parameter for 'to'";
	if (kb->actuator == KB_BOOT ||
	    (proposal_objects(kb) && kb->actuator != KB_IRQ && !has_queues(kb)))
		return "its CPUs are not found out from the machine; expected 'value'";
	return NULL;
}

void places_hot(const struct places *places, const struct kb_parameter *kb,
		void (*visit)(void *ctx, const char *objects), void *ctx)
{
	char objects[KB_OBJECTS_LEN];

	for (unsigned int i = 0; has_queues(kb) && i < places->nics_nr; i++) {
		snprintf(objects, sizeof(objects), "%s,*", places->nic[i].name);
		if (places->nic[i].hot)
			visit(ctx, objects);
	}
	for (unsigned int i = 0; kb->actuator == KB_IRQ && i < places->irqs_nr; i++) {
		if (places->irq[i].hz >= PLACES_IRQS_HZ)
			visit(ctx, places->irq[i].name);
	}
}

bool places_plan(struct places *places, const struct rules_parameter *p, enum profile_form form,
		 struct rules_plan *plan)
{
	struct cpus cpus;

	*plan = (struct rules_plan){0};
	if (!places->known || !places->topology.possible_nr) {
		snprintf(plan->why, sizeof(plan->why), "%s",
			 places->topology_ns && !places->topology.possible_nr
				 ? "the CPUs of this machine cannot be read"
				 : "the machine is looked at for a second first");
		return false;
	}
	near_node(&places->topology, -1, &cpus);
	if (!cpus.nr) {
		snprintf(plan->why, sizeof(plan->why), "no CPU is allowed: all are isolated");
		return false;
	}
	if (form == PROFILE_FORM_PACK) {
		first_core(places, &cpus);
		plan_same(&cpus, p, "one core", plan);
	} else if (p->kb->actuator == KB_IRQ) {
		plan_irqs(places, p, plan);
	} else if (has_queues(p->kb)) {
		plan_queues(places, p, plan);
	} else {
		plan_same(&cpus, p, "all that are allowed", plan);
	}
	return true;
}
