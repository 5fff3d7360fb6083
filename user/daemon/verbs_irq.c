// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* `irqs`: what interrupts take, by kind and number and by CPU. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "names.h"
#include "verbs.h"

struct irq_list {
	struct json_object *rows;
	struct irq_sums {
		__u64 hard_ns, soft_ns;
	} *sums; /* by CPU */
	__u32 cpus;
	__u64 only_cpu; /* HS_CPUS_MAX = all */
};

static int list_irq(void *ctx, enum hs_irq_kind kind, __u32 number, const struct hs_irq *cpu)
{
	struct irq_list *l = ctx;
	struct hs_irq sum = {0};
	struct json_object *row;
	__u32 busiest = 0;

	for (__u32 i = 0; i < l->cpus; i++) {
		if (kind == HS_IRQ_SOFT)
			l->sums[i].soft_ns += cpu[i].time_ns;
		else
			l->sums[i].hard_ns += cpu[i].time_ns;
		if (l->only_cpu != HS_CPUS_MAX && l->only_cpu != i)
			continue;
		sum.runs += cpu[i].runs;
		sum.time_ns += cpu[i].time_ns;
		if (cpu[i].longest_ns > sum.longest_ns)
			sum.longest_ns = cpu[i].longest_ns;
		if (cpu[i].time_ns > cpu[busiest].time_ns)
			busiest = i;
	}
	row = sum.runs ? js_push_obj(l->rows) : NULL;
	if (!row)
		return 0;
	js_add_str(row, "kind", irq_kind_infos[kind].name);
	js_add_u64(row, "number", number);
	js_add_u64(row, "runs", sum.runs);
	js_add_u64(row, "time_ns", sum.time_ns);
	js_add_u64(row, "longest_ns", sum.longest_ns);
	if (l->only_cpu != HS_CPUS_MAX)
		return 0;
	js_add_u64(row, "busiest_cpu", busiest);
	js_add_u64(row, "busiest_ns", cpu[busiest].time_ns);
	return 0;
}

static void list_cpus(struct json_object *array, const struct irq_list *l)
{
	for (__u32 i = 0; i < l->cpus; i++) {
		struct json_object *row = js_push_obj(array);

		js_add_u64(row, "cpu", i);
		js_add_u64(row, "hard_ns", l->sums[i].hard_ns);
		js_add_u64(row, "soft_ns", l->sums[i].soft_ns);
	}
}

/* The CPU that the request names; HS_CPUS_MAX where it names none. 0 or negative errno. */
static int irq_cpu(struct call *call, __u64 *cpu)
{
	int err = js_get_u64(call->request, "cpu", cpu);

	if (err == -ENOENT) {
		*cpu = HS_CPUS_MAX;
		return 0;
	}
	if (!err && *cpu < call->d->kernel.cpus_nr)
		return 0;
	snprintf(call->error, sizeof(call->error), "expected cpu: below %u",
		 call->d->kernel.cpus_nr);
	return -EINVAL;
}

/* It goes on counting while the rows are read: half of that time is in them, on average. */
static int list_irqs(struct call *call, struct irq_list *l)
{
	__u64 begun = clock_ns();
	int err = kernel_irqs(&call->d->kernel, list_irq, l);

	js_add_u64(call->reply, "counted_ns",
		   begun + (clock_ns() - begun) / 2 - call->d->kernel.hooks->irq_from_ns);
	return err;
}

/* What interrupts took, by kind and number and by CPU, since somebody began to look, or the hook is on. */
int verb_irqs(struct call *call)
{
	struct kernel *k = &call->d->kernel;
	struct irq_list l = {.cpus = k->cpus_nr};
	int err = irq_cpu(call, &l.only_cpu);
	bool on;

	if (!err)
		err = call_look(call, HS_HOOK_IRQ, "interrupts", FAMILY_IRQ);
	if (err < 0)
		return err;
	on = k->hooks->on & 1U << HS_HOOK_IRQ;
	js_add_bool(call->reply, "looking", on);
	if (err) { /* begins: there is nothing to tell yet */
		kernel_irqs_anew(k);
		return 0;
	}
	if (!on)
		return 0;
	l.sums = calloc(k->cpus_nr, sizeof(*l.sums));
	if (!l.sums)
		return -ENOMEM;
	l.rows = js_add_array(call->reply, "irqs");
	heartbeat_patience(&call->d->heartbeat, LIST_PATIENCE_NS);
	err = list_irqs(call, &l);
	heartbeat_patience(&call->d->heartbeat, 0);
	list_cpus(js_add_array(call->reply, "cpus"), &l);
	free(l.sums);
	return err;
}
