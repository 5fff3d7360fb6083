// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Reading from the kernel programs: events, tasks, counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fault.h"
#include "kernel.h"
#include "names.h"
#include "homeostat.skel.h" /* after the types that it uses */

/* libbpf's callback has one context; ours has two halves. Lives as long as the ring. */
struct ring_context {
	kernel_event_fn fn;
	void *ctx;
};

static int on_sample(void *ctx, void *data, size_t size)
{
	struct ring_context *c = ctx;

	/* a record of another size is not ours to guess at */
	if (size == sizeof(struct hs_event))
		c->fn(c->ctx, data);
	return 0;
}

int kernel_events_open(struct kernel *k, kernel_event_fn fn, void *ctx)
{
	static struct ring_context context; /* one ring per process */

	context = (struct ring_context){fn, ctx};
	k->ring = ring_buffer__new(bpf_map__fd(k->skel->maps.EVENTS), on_sample, &context, NULL);
	return k->ring ? ring_buffer__epoll_fd(k->ring) : -errno;
}

int kernel_events(struct kernel *k, int max)
{
	return k->ring ? ring_buffer__consume_n(k->ring, (size_t)max) : 0;
}

static int on_bell(void *ctx, void *data, size_t size)
{
	(void)ctx, (void)data, (void)size; /* that it rang is all there is to know */
	return 0;
}

int kernel_bell_open(struct kernel *k)
{
	int fd = bpf_map__fd(k->skel->maps.BELL);

	if (k->family[FAMILY_SCHED].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	k->bell = ring_buffer__new(fd, on_bell, NULL, NULL);
	return k->bell ? fd : -errno;
}

void kernel_bell_silence(struct kernel *k)
{
	ring_buffer__consume(k->bell);
}

int kernel_tasks(struct kernel *k, int (*fn)(void *ctx, const struct hs_task_record *task),
		 void *ctx)
{
	struct hs_task_record batch[64];
	size_t have = 0;
	ssize_t n;
	int fd, err = 0;

	if (k->family[FAMILY_TASKS].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	if (!k->tasks_link)
		k->tasks_link = bpf_program__attach_iter(k->skel->progs.tasks, NULL);
	if (!k->tasks_link)
		return -errno;
	k->family[FAMILY_TASKS].state = FAMILY_ON;
	fd = bpf_iter_create(bpf_link__fd(k->tasks_link));
	if (fd < 0)
		return fd;
	while (!err && (n = read(fd, (char *)batch + have, sizeof(batch) - have)) > 0) {
		size_t whole;

		have += (size_t)n;
		whole = have / sizeof(batch[0]);
		for (size_t i = 0; i < whole && !err; i++)
			err = fn(ctx, &batch[i]);
		have -= whole * sizeof(batch[0]);
		memmove(batch, (char *)batch + whole * sizeof(batch[0]), have);
	}
	if (!err && n < 0)
		err = -errno;
	close(fd);
	return err;
}

int kernel_rematch(struct kernel *k)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, "rematch");
	struct bpf_link *link;
	char buf[64];
	ssize_t n;
	int fd;

	if (!prog || bpf_program__fd(prog) < 0)
		return -EOPNOTSUPP;
	link = bpf_program__attach_iter(prog, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	/* it writes nothing: reading to the end runs it over all tasks */
	do {
		n = fd < 0 ? fd : read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && fd >= 0 && errno == EAGAIN));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return n < 0 ? -EIO : 0;
}

int kernel_drops(struct kernel *k, __u64 packets[HS_DROPS_MAX])
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	__u64 *cpu;

	memset(packets, 0, HS_DROPS_MAX * sizeof(*packets));
	if (cpus <= 0)
		return cpus ? cpus : -EINVAL;
	cpu = calloc((size_t)cpus, sizeof(*cpu));
	if (!cpu)
		return -ENOMEM;
	for (__u32 reason = 0; reason < HS_DROPS_MAX && !err; reason++) {
		err = bpf_map_lookup_elem(k->fd.drops, &reason, cpu);
		for (int i = 0; i < cpus && !err; i++)
			packets[reason] += cpu[i];
	}
	free(cpu);
	return err;
}

/* The kind of interrupt that a row of IRQS is of. */
static enum hs_irq_kind irq_kind(__u32 row)
{
	enum hs_irq_kind kind = HS_IRQ_KIND_NR - 1;

	while (row < irq_kind_infos[kind].first)
		kind--;
	return kind;
}

int kernel_irqs(struct kernel *k,
		int (*fn)(void *ctx, enum hs_irq_kind kind, __u32 number, const struct hs_irq *cpu),
		void *ctx)
{
	__u64 from_ns = __atomic_load_n(&k->hooks->irq_from_ns, __ATOMIC_RELAXED);
	int cpus = libbpf_num_possible_cpus(), err = 0;
	struct hs_irq *cpu;

	if (cpus <= 0)
		return cpus ? cpus : -EINVAL;
	/* with holes among the possible CPUs the kernel's values would be another CPU's */
	if ((__u32)cpus != k->cpus_nr)
		return -EOPNOTSUPP;
	cpu = calloc((size_t)cpus, sizeof(*cpu));
	if (!cpu)
		return -ENOMEM;
	for (__u32 row = 0; row < HS_IRQS_MAX && !err; row++) {
		enum hs_irq_kind kind = irq_kind(row);
		bool came = false;

		err = bpf_map_lookup_elem(k->fd.irqs, &row, cpu);
		for (int i = 0; i < cpus && !err; i++) {
			if (cpu[i].from_ns != from_ns)
				cpu[i] = (struct hs_irq){0};
			came |= cpu[i].runs != 0;
		}
		if (!err && came)
			err = fn(ctx, kind,
				 row - irq_kind_infos[kind].first + irq_kind_infos[kind].from, cpu);
	}
	free(cpu);
	return err;
}

int kernel_counters(struct kernel *k, __u64 sum[HS_COUNT_NR])
{
	char *entry;
	int err = 0;

	memset(sum, 0, HS_COUNT_NR * sizeof(*sum));
	if (!k->count_at || k->count_at + HS_COUNT_NR * sizeof(*sum) > k->sense_size)
		return -EOPNOTSUPP;
	entry = malloc(k->sense_size);
	if (!entry)
		return -ENOMEM;
	for (__u32 cpu = 0; cpu < k->cpus_nr && !err; cpu++) {
		__u64 count[HS_COUNT_NR];

		err = bpf_map_lookup_elem(k->fd.sense, &cpu, entry);
		memcpy(count, entry + k->count_at, sizeof(count));
		for (int i = 0; i < HS_COUNT_NR && !err; i++)
			sum[i] += count[i];
	}
	free(entry);
	return err;
}
