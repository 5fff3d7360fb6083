/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The pulse in a real kernel, as root: the test plays the sensor (writes into SENSE), the daemon
 * (heartbeat, CONFIG, RULES, wishes) and the reader. Nothing is attached: only maps and one timer.
 */
#ifndef HOMEOSTAT_PULSE_FIXTURE_H
#define HOMEOSTAT_PULSE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "abi.h"
#include "families.h"
#include "netns.h"
#include "lib/hist.h"
#include "mib.h"
#include "ops_fit.h"
#include "homeostat.skel.h"

#define MS 1000000ULL
#define SEC_NS 1000000000ULL
#define VITAL(id) (&fx.skel->data_vitals->vitals[HS_VITAL_##id])
#define KNOB(id) (&fx.skel->data_knobs->knobs[HS_KNOB_##id])

#define UNUSED __attribute__((unused))

static struct {
	struct homeostat_bpf *skel;
	struct ring_buffer *rb;
	struct hs_gate *gate;
	struct hs_config config;
	__u32 cpus;  /* that the programs believe in */
	bool counts; /* the larger of the two pulses is loaded */
	char *sense;
	size_t sense_len, sense_stride;
	/* offsets in struct sense_cpu (kern/state.h) and its bank, from BTF */
	size_t epoch, every, count, crit_run_ns, bank, bank_len;
	size_t used, wait, n, wait_max_ns, worker_max_ns, run_ns, off_ns, sleeps;
	struct hs_event events[4096];
	unsigned events_nr;
} fx;

static UNUSED __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC_NS + t.tv_nsec;
}

/* Offset of a member of a structure; a miss fails the test. Sets *member_type. */
static UNUSED size_t member(const struct btf *btf, __u32 type, const char *name, __u32 *member_type)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;

		if (strcmp(btf__name_by_offset(btf, m->name_off), name))
			continue;
		if (member_type)
			*member_type = m->type;
		return btf_member_bit_offset(t, i) / 8;
	}
	fail_msg("no member %s", name);
	return 0;
}

static UNUSED void find_layout(void)
{
	const struct btf *btf = bpf_object__btf(fx.skel->obj);
	__u32 cpu = bpf_map__btf_value_type_id(fx.skel->maps.SENSE), bank;

	fx.epoch = member(btf, cpu, "epoch", NULL);
	fx.every = member(btf, cpu, "every", NULL);
	fx.count = member(btf, cpu, "count", NULL);
	fx.crit_run_ns = member(btf, cpu, "crit_run_ns", NULL);
	fx.bank = member(btf, cpu, "bank", &bank);
	bank = btf_array(btf__type_by_id(btf, bank))->type;
	fx.bank_len = btf__resolve_size(btf, bank);
	fx.sense_stride = btf__resolve_size(btf, cpu);
	fx.used = member(btf, bank, "used", NULL);
	fx.wait = member(btf, bank, "wait", NULL);
	fx.n = member(btf, bank, "n", NULL);
	fx.wait_max_ns = member(btf, bank, "wait_max_ns", NULL);
	fx.worker_max_ns = member(btf, bank, "worker_max_ns", NULL);
	fx.run_ns = member(btf, bank, "run_ns", NULL);
	fx.off_ns = member(btf, bank, "off_ns", NULL);
	fx.sleeps = member(btf, bank, "sleeps", NULL);
}

static UNUSED __u64 *sense_u64(size_t at)
{
	return (__u64 *)(fx.sense + at);
}

static UNUSED __u64 *counter(enum hs_counter id)
{
	return sense_u64(fx.count + 8 * id);
}

/* How often a CPU has been folded, modulo 2^32. */
static UNUSED __u32 epoch_of(__u32 cpu)
{
	return *(volatile __u32 *)(fx.sense + cpu * fx.sense_stride + fx.epoch);
}

/* What the sensor does for a wait of a class. */
static UNUSED void feed_cpu(__u32 cpu, enum hs_class class, __u64 ns, unsigned times)
{
	size_t b = cpu * fx.sense_stride + fx.bank + fx.bank_len * (epoch_of(cpu) & 1);
	__u32 i = hist_index(ns);

	*sense_u64(b + fx.used + 16 * class + 8 * (i / 64)) |= 1ULL << (i % 64);
	((__u32 *)(fx.sense + b + fx.wait))[HS_HIST_BUCKETS * class + i] += times;
	*sense_u64(b + fx.n + 8 * class) += times;
	if (ns > *sense_u64(b + fx.wait_max_ns))
		*sense_u64(b + fx.wait_max_ns) = ns;
}

static UNUSED void feed(enum hs_class class, __u64 ns, unsigned times)
{
	feed_cpu(0, class, ns, times);
}

static UNUSED void set_config(void)
{
	__u32 zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(fx.skel->maps.CONFIG), &zero, &fx.config, BPF_ANY),
		0);
}

static UNUSED void set_bound(__u32 id, struct hs_bound b)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.BOUNDS), &id, &b, BPF_ANY),
			 0);
}

static UNUSED void set_rules(const struct hs_rule *r, __u32 nr)
{
	fx.config.rules_base = fx.config.rules_base ? 0 : HS_RULES_MAX;
	for (__u32 i = 0; i < nr; i++) {
		__u32 key = fx.config.rules_base + i;

		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(fx.skel->maps.RULES), &key, &r[i], BPF_ANY),
			0);
	}
	fx.config.rules_nr = nr;
	set_config();
}

static UNUSED void set_wish(__u32 id, __u64 value, enum hs_cause cause)
{
	struct hs_wish *w = &fx.skel->data_wishes->wishes[id];

	w->value = value;
	w->cause = cause;
	*(volatile __u32 *)&w->gen = w->gen + 1;
}

static UNUSED void beat_now(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int prog = bpf_program__fd(fx.counts ? fx.skel->progs.counts_start
					     : fx.skel->progs.pulse_start);

	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	assert_int_equal(opts.retval, 0);
}

/* The daemon's heartbeat: the next one is promised within limit_ns. */
static UNUSED void heartbeat(__u64 limit_ns)
{
	fx.gate->heartbeat_ns = now_ns();
	*(volatile __u64 *)&fx.gate->due_ns = fx.gate->heartbeat_ns + limit_ns;
}

static UNUSED void arm(void)
{
	heartbeat(10 * SEC_NS);
	fx.gate->mode = HS_MODE_ACT;
	fx.gate->generation++;
	*(volatile __u32 *)&fx.gate->armed = 1;
	beat_now();
}

/* Waits until `cond` holds, doing `work` meanwhile; fails after 5 s. */
#define WAIT_UNTIL(cond, work)                                                                     \
	do {                                                                                       \
		__u64 until_ = now_ns() + 5 * SEC_NS;                                              \
		while (!(cond)) {                                                                  \
			if (now_ns() > until_)                                                     \
				fail_msg("did not happen: %s", #cond);                             \
			work;                                                                      \
			usleep(100);                                                               \
		}                                                                                  \
	} while (0)
#define UNTIL(cond) WAIT_UNTIL(cond, (void)0)

static UNUSED int on_event(void *ctx, void *data, size_t size)
{
	(void)ctx;
	assert_true(size >= sizeof(struct hs_event));
	if (fx.events_nr < sizeof(fx.events) / sizeof(fx.events[0]))
		fx.events[fx.events_nr++] = *(struct hs_event *)data;
	return 0;
}

/* The first event of a type, or NULL. Takes in what is new. */
static UNUSED struct hs_event *event(enum hs_event_type type)
{
	ring_buffer__consume(fx.rb);
	for (unsigned i = 0; i < fx.events_nr; i++) {
		if (fx.events[i].type == type)
			return &fx.events[i];
	}
	return NULL;
}

static UNUSED unsigned event_count(enum hs_event_type type)
{
	unsigned n = 0;

	ring_buffer__consume(fx.rb);
	for (unsigned i = 0; i < fx.events_nr; i++)
		n += fx.events[i].type == type;
	return n;
}

static UNUSED bool with_sensor; /* load the tracepoint's program, too; the test attaches it */
static UNUSED bool with_xdp;	/* … and that of incoming packets; the test runs it */
static UNUSED bool with_steer;	/* … or the one that hands them to other CPUs */
static UNUSED bool with_tc;	/* … and those of outgoing ones */
static UNUSED bool with_tcp;	/* … and what is about connections; the test attaches it */

static UNUSED bool of_connections(const struct bpf_program *p)
{
	enum family_id id = family_of_section(bpf_program__section_name(p));

	return id == FAMILY_SOCKOPS || id == FAMILY_SOCKETS;
}

static UNUSED bool is_irq_hook(const struct bpf_program *p)
{
	return family_of_section(bpf_program__section_name(p)) == FAMILY_IRQ;
}
static UNUSED bool with_hooks;	   /* … and the hooks; the test attaches them */
static UNUSED __u64 with_budget;   /* that a call of a policy may take, ns; 0 = as it is */
static UNUSED bool without_counts; /* the pulse that does not read the kernel's counters */

static UNUSED int load(void)
{
	struct bpf_program *p;
	struct bpf_map *m;

	fx.skel = homeostat_bpf__open();
	if (!fx.skel)
		return -1;
	bpf_object__for_each_program(p, fx.skel->obj)
	{
		bpf_program__set_autoload(
			p, (fx.counts ? p == fx.skel->progs.counts_start
				      : p == fx.skel->progs.pulse_start) ||
				   (with_hooks &&
				    (p == fx.skel->progs.drops_kfree ||
				     p == fx.skel->progs.receive_ready || is_irq_hook(p) ||
				     p == fx.skel->progs.softirq_raised ||
				     p == fx.skel->progs.softirq_run)) ||
				   (with_sensor && p == fx.skel->progs.sense_switch) ||
				   (with_xdp && p == fx.skel->progs.xdp_ingress) ||
				   (with_steer && p == fx.skel->progs.steer_ingress) ||
				   (with_tc && (p == fx.skel->progs.tc_egress ||
						p == fx.skel->progs.tc_qdisc)) ||
				   (with_tcp && of_connections(p)));
	}
	bpf_object__for_each_map(m, fx.skel->obj)
	{
		if (bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(m, with_tcp && m == fx.skel->maps.tcp_ops);
	}
	ops_fit(fx.skel->obj);
	fx.skel->rodata->nr_cpus = fx.cpus;
	if (with_budget)
		fx.skel->rodata->slot_budget_ns = with_budget;
	mib_of_kernel(fx.skel->rodata->mib_number);
	fx.skel->rodata->netns_cookie = netns_cookie();
	/* of queues to CPUs the kernel allows no more than it was built for */
	bpf_map__set_max_entries(fx.skel->maps.STEER_QUEUES, libbpf_num_possible_cpus());
	return homeostat_bpf__load(fx.skel);
}

/* For a host with so many CPUs. The guest need not have them: the pulse goes by what it is told. */
static UNUSED int setup_cpus(__u32 cpus)
{
	size_t page = sysconf(_SC_PAGESIZE);

	memset(&fx, 0, sizeof(fx));
	fx.cpus = cpus;
	fx.counts = !without_counts;
	if (load())
		return -1;
	find_layout();
	fx.gate = &fx.skel->data_gate->gate;
	fx.rb = ring_buffer__new(bpf_map__fd(fx.skel->maps.EVENTS), on_event, NULL, NULL);
	fx.sense_len = (cpus * fx.sense_stride + page - 1) / page * page;
	fx.sense = mmap(NULL, fx.sense_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(fx.skel->maps.SENSE), 0);
	if (!fx.rb || fx.sense == MAP_FAILED)
		return -1;
#define X(id, name, unit, stock, min, max, slew, meaning)                                          \
	set_bound(HS_KNOB_##id, (struct hs_bound){min, max, stock, slew});
	HS_KNOBS (X)
#undef X
		fx.config = (struct hs_config){
			.period_min_ns = MS,
			.period_max_ns = 64 * MS,
			.window_ns = 2 * MS,
			.stress_wait_ns = 2 * SEC_NS,
			.stress_switches_hz = 1000000,
			.freeze_turns = 100,
			.freeze_window_ns = 10 * SEC_NS,
		};
	set_config();
	return 0;
}

static UNUSED int setup(void **state)
{
	(void)state;
	return setup_cpus(1);
}

static UNUSED int teardown(void **state)
{
	(void)state;
	munmap(fx.sense, fx.sense_len);
	ring_buffer__free(fx.rb);
	homeostat_bpf__destroy(fx.skel);
	return 0;
}

/* A vital sign lies within one bucket (a quarter of its value) of the exact quantile. */
static UNUSED void assert_near(__u64 got, __u64 exact)
{
	if (got + 16 < exact - exact / 4 || got > exact + exact / 4 + 16)
		fail_msg("got %llu, exact is %llu", got, exact);
}

/* The verifier's log is the veristat target's business. */
static UNUSED int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* With these flows, in their first half: what is of none is taken for what it does. */
static UNUSED void recognise(struct hs_flow_set *set)
{
	__u32 zero = 0;

	set->class[HS_FLOW_SEEN_BULK] = HS_FLOW_BULK;
	set->class[HS_FLOW_SEEN_REQUEST] = HS_FLOW_CRITICAL;
	set->recognise = 1;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.FLOWS), &zero, set, BPF_ANY),
			 0);
}

#endif
