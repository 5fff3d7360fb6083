/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the kernel counts anyway, for each CPU: packets and what became of them, time in interrupts, stalls for memory.
 * Part of pulse.bpf.c, and included by its other half alone: it is read while the pulse folds, nothing is attached for
 * it, and no event becomes dearer. What the scores mean is in lib/congestion.h.
 *
 * Model. Where a fold begins RATE_NS after counters were last read, each CPU's are read as it is folded, and
 * what they have grown by goes into sums; after the last CPU these become vital signs. Shares of time come less often
 * (SHARE_NS), as many a kernel knows such time by its ticks alone: 25 of them at 250 Hz. So do TCP's counters, which
 * tell of connections: their numbers differ from kernel to kernel, and the loader looks them up by name.
 *
 * Known limits. The counters are variables of the kernel that BPF sees only where the kernel keeps all its symbols
 * (CONFIG_KALLSYMS_ALL); elsewhere the program with this in it does not load, the one without does, and these vital
 * signs are absent. The counters of UDP and TCP are those of the daemon's network namespace, the others those of the whole
 * host. On a CPU that interrupts never tick (nohz_full, idle) time in interrupts is known late.
 */
#ifndef HOMEOSTAT_COUNTS_H
#define HOMEOSTAT_COUNTS_H

#include "vital.h"
#include "lib/congestion.h"

#define SHARE_NS 100000000ULL /* shares of time are taken over this time at least */
#define WORK_COUNTS 5	      /* in the fold's unit (fold.h): reading one CPU's counters */

extern const struct softnet_data softnet_data __ksym __weak;
extern const struct kernel_cpustat kernel_cpustat __ksym __weak;
extern const struct kernel_stat kstat __ksym __weak;
extern const struct vm_event_state vm_event_states __ksym __weak;

enum counts_part {
	COUNTS_PACKETS = 1,
	COUNTS_DROPS = 2,
	COUNTS_TIMES = 4,
	COUNTS_MEMORY = 8,
	COUNTS_UDP = 16,
	COUNTS_IRQS = 32,
	COUNTS_TCP = 64,
};

/* Set before load (user/lib/mib.h). */
const volatile __u32 mib_number[MIB_NR] = {MIB_NONE, MIB_NONE, MIB_NONE};

struct counts_cpu {
	struct counts last;
	__u64 irq_ns, softirq_ns; /* when shares were last taken */
	__u32 parts;		  /* enum counts_part; 0 = not read yet */
	__u32 timed;		  /* irq_ns and softirq_ns are */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct counts_cpu);
} COUNTS SEC(".maps");

/* Written by the timer callback, but for the addresses. */
static struct {
	/* where the counters of UDP over IPv4 and IPv6, of TCP, and of TCP on Linux are, less a CPU's distance; 0 = none */
	__u64 udp[2], tcp, linux_tcp;
	__u32 on;		 /* the present fold reads counters … */
	__u32 share;		 /* … and takes shares of time, and TCP's */
	__u32 cpu;		 /* next to read */
	__u32 parts;		 /* what this kernel has */
	__u64 from_ns, share_ns; /* when counters were last read, and shares taken */
	struct counts sum;
	__u64 irq_ns, softirq_ns; /* of all CPUs … */
	__u64 cpus;		  /* … that have been seen alive */
	__u64 busiest_ns;	  /* hard and soft, of the CPU with most of both … */
	__u64 softirq_most_ns;	  /* … and of the one with most soft */
} counts __attribute__((used));

/* Of the task that loads us: the counters of its network namespace, which lives as long as it does. */
static __always_inline void counts_find(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!bpf_core_field_exists(struct netns_mib, udp_statistics))
		return;
	counts.udp[0] = (__u64)BPF_CORE_READ(task, nsproxy, net_ns, mib.udp_statistics);
	counts.udp[1] = (__u64)BPF_CORE_READ(task, nsproxy, net_ns, mib.udp_stats_in6);
	counts.tcp = (__u64)BPF_CORE_READ(task, nsproxy, net_ns, mib.tcp_statistics);
	counts.linux_tcp = (__u64)BPF_CORE_READ(task, nsproxy, net_ns, mib.net_statistics);
}

/*
 * A fold begins. Where it is @busy with rates, the next one reads the counters: what a pulse takes, somebody waits
 * for. Folds that come seldom (a large host) do both.
 */
static __always_inline void counts_begin(__u64 now, __u64 every_ns, bool busy)
{
	__u64 open = now - counts.from_ns;

	counts.on = open >= (busy ? 2 * every_ns : every_ns);
	counts.share = counts.on && now - counts.share_ns >= SHARE_NS;
	counts.cpu = 0;
	counts.irq_ns = counts.softirq_ns = counts.cpus = 0;
	counts.busiest_ns = counts.softirq_most_ns = 0;
}

/* What a counter has grown by; those of 32 bits may have wrapped. */
#define GROWN(sum, last, now, type)                                                                \
	do {                                                                                       \
		type v_ = (now);                                                                   \
		(sum) += (type)(v_ - (type)(last));                                                \
		(last) = v_;                                                                       \
	} while (0)

static __always_inline __u32 softnet_drops(const struct softnet_data *s)
{
	if (bpf_core_field_exists(s->drop_counters))
		return s->drop_counters.drops0.counter + s->drop_counters.drops1.counter;
	return s->dropped.counter;
}

static __always_inline __u32 counts_packets(__u32 cpu, struct counts_cpu *c, struct counts *sum)
{
	const struct softnet_data *s;
	const struct kernel_stat *k;
	__u32 parts = 0;

	if (&softnet_data && (s = bpf_per_cpu_ptr(&softnet_data, cpu))) {
		GROWN(sum->packets, c->last.packets, s->processed, __u32);
		GROWN(sum->squeezes, c->last.squeezes, s->time_squeeze, __u32);
		parts |= COUNTS_PACKETS;
		if (bpf_core_field_exists(s->drop_counters.drops0.counter) ||
		    bpf_core_field_exists(s->dropped.counter)) {
			GROWN(sum->drops, c->last.drops, softnet_drops(s), __u32);
			parts |= COUNTS_DROPS;
		}
	}
	if (&kstat && (k = bpf_per_cpu_ptr(&kstat, cpu))) {
		GROWN(sum->irqs, c->last.irqs, k->irqs_sum, __u64);
		GROWN(sum->rounds, c->last.rounds, k->softirqs[NET_RX_SOFTIRQ], __u32);
		parts |= COUNTS_IRQS;
	}
	return parts;
}

#define EVENT(v, item)                                                                             \
	(bpf_core_enum_value_exists(enum vm_event_item, item)                                      \
		 ? (v)[bpf_core_enum_value(enum vm_event_item, item)]                              \
		 : 0)

static __always_inline __u32 counts_memory(__u32 cpu, struct counts_cpu *c, struct counts *sum)
{
	const struct vm_event_state *state;
	const unsigned long *v;

	if (!&vm_event_states || !(state = bpf_per_cpu_ptr(&vm_event_states, cpu)) ||
	    !bpf_core_enum_value_exists(enum vm_event_item, COMPACTSTALL))
		return 0;
	v = state->event;
	GROWN(sum->reclaims, c->last.reclaims,
	      EVENT(v, ALLOCSTALL_DMA) + EVENT(v, ALLOCSTALL_DMA32) + EVENT(v, ALLOCSTALL_NORMAL) +
		      EVENT(v, ALLOCSTALL_MOVABLE) + EVENT(v, ALLOCSTALL_DEVICE),
	      __u64);
	GROWN(sum->compacts, c->last.compacts, EVENT(v, COMPACTSTALL), __u64);
	return COUNTS_MEMORY;
}

/*
 * Counters that are not a variable but allocated lie as far from their address as a variable's copy from the variable: a
 * CPU's distance, 0 where it cannot be known.
 */
static __always_inline __u64 distance_of(__u32 cpu)
{
	const void *copy;

	if (!&kernel_cpustat || !(copy = bpf_per_cpu_ptr(&kernel_cpustat, cpu)))
		return 0;
	return copy - (const void *)&kernel_cpustat;
}

/* Counter @number of the table at @at. */
static __always_inline __u64 counter_at(__u64 at, __u32 number)
{
	__u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), (void *)(at + number * sizeof(unsigned long)));
	return v;
}

static __always_inline __u32 counts_udp(__u64 off, struct counts_cpu *c, struct counts *sum)
{
	__u64 full;

	if (!counts.udp[0] || !off)
		return 0;
	full = counter_at(counts.udp[0] + off, UDP_MIB_RCVBUFERRORS);
	if (counts.udp[1])
		full += counter_at(counts.udp[1] + off, UDP_MIB_RCVBUFERRORS);
	GROWN(sum->udp_full, c->last.udp_full, full, __u64);
	return COUNTS_UDP;
}

static __always_inline __u32 counts_tcp(__u64 off, struct counts_cpu *c, struct counts *sum)
{
	if (mib_number[MIB_OUT_SEGS] == MIB_NONE || mib_number[MIB_RETRANS_SEGS] == MIB_NONE ||
	    mib_number[MIB_LISTEN_DROPS] == MIB_NONE || !counts.tcp || !counts.linux_tcp || !off)
		return 0;
	if (!counts.share)
		return COUNTS_TCP;
	GROWN(sum->sent, c->last.sent, counter_at(counts.tcp + off, mib_number[MIB_OUT_SEGS]),
	      __u64);
	GROWN(sum->again, c->last.again, counter_at(counts.tcp + off, mib_number[MIB_RETRANS_SEGS]),
	      __u64);
	GROWN(sum->refused, c->last.refused,
	      counter_at(counts.linux_tcp + off, mib_number[MIB_LISTEN_DROPS]), __u64);
	return COUNTS_TCP;
}

static __always_inline __u32 counts_times(__u32 cpu, struct counts_cpu *c)
{
	struct hs_cpu_vitals *cv = bpf_map_lookup_elem(&CPU_VITALS, &cpu);
	__u64 span = reflex.now - counts.share_ns, irq, softirq;
	const struct kernel_cpustat *k;
	const struct kernel_stat *alive;
	const u64 *t;

	if (!&kernel_cpustat || !&kstat || !(k = bpf_per_cpu_ptr(&kernel_cpustat, cpu)) ||
	    !(alive = bpf_per_cpu_ptr(&kstat, cpu)))
		return 0;
	if (!counts.share)
		return COUNTS_TIMES;
	t = k->cpustat;
	irq = t[bpf_core_enum_value(enum cpu_usage_stat, CPUTIME_IRQ)];
	softirq = t[bpf_core_enum_value(enum cpu_usage_stat, CPUTIME_SOFTIRQ)];
	irq -= c->irq_ns;
	softirq -= c->softirq_ns;
	c->irq_ns += irq;
	c->softirq_ns += softirq;
	if (c->timed) {
		counts.irq_ns += irq;
		counts.softirq_ns += softirq;
		counts.cpus += alive->softirqs[TIMER_SOFTIRQ] != 0;
		if (irq + softirq > counts.busiest_ns)
			counts.busiest_ns = irq + softirq;
		if (softirq > counts.softirq_most_ns)
			counts.softirq_most_ns = softirq;
		if (cv && span) {
			cv->irq_permille = (irq + softirq) * 1000 / span;
			cv->irq_ns = reflex.now;
		}
	}
	c->timed = 1;
	return COUNTS_TIMES;
}

/* Reads one CPU's counters. What they were at the first time says nothing about now. */
__noinline int counts_read(__u32 cpu)
{
	struct counts_cpu *c = bpf_map_lookup_elem(&COUNTS, &cpu);
	struct counts none = {}, *sum;
	__u64 off = distance_of(cpu);

	if (!c)
		return 0;
	sum = c->parts ? &counts.sum : &none;
	c->parts = counts_packets(cpu, c, sum) | counts_memory(cpu, c, sum) |
		   counts_udp(off, c, sum) | counts_tcp(off, c, sum) | counts_times(cpu, c);
	counts.parts |= c->parts;
	return 0;
}

/* What a CPU of this fold costs besides. */
static __always_inline __u32 counts_work(void)
{
	return counts.on ? WORK_COUNTS : 0;
}

/* Those of the CPUs that were folded since, at most @most of them; up to @cpu. */
__noinline int counts_upto(__u32 cpu, __u32 most)
{
	if (!counts.on)
		return 0;
	HS_NO_UNROLL
	for (__u32 i = 0; i < most && i < 64; i++) {
		if (counts.cpu >= cpu)
			break;
		counts_read(counts.cpu);
		counts.cpu++;
	}
	return 0;
}

static __noinline int tcp_publish(__u64 from)
{
	struct counts *sum = &counts.sum;

	vital_set(HS_VITAL_LISTEN_FULL, rate_hz(sum->refused, reflex.now - from), from);
	vital_set(HS_VITAL_RETRANSMITS,
		  permille_of(sum->again, sum->sent + sum->again, FEW_SEGMENTS), from);
	return 0;
}

static __noinline int shares_publish(__u64 from)
{
	__u64 span = reflex.now - from, all = span * counts.cpus;

	if (counts.parts & COUNTS_TCP)
		tcp_publish(from);
	if (!all || !(counts.parts & COUNTS_TIMES))
		return 0;
	if (bpf_core_type_exists(struct irqtime)) /* else the kernel says 0, and has not looked */
		vital_set(HS_VITAL_IRQ_SHARE, counts.irq_ns * 1000 / all, from);
	vital_set(HS_VITAL_SOFTIRQ_SHARE, counts.softirq_ns * 1000 / all, from);
	vital_set(HS_VITAL_SOFTIRQ_BUSIEST, counts.softirq_most_ns * 1000 / span, from);
	vital_set(HS_VITAL_IRQ_IMBALANCE,
		  imbalance_of(counts.busiest_ns, counts.irq_ns + counts.softirq_ns, counts.cpus,
			       span),
		  from);
	return 0;
}

/* The vital signs of a fold that read counters. */
static __noinline int counts_publish(void)
{
	__u64 from = counts.from_ns, dt = reflex.now - from, usual, hz;
	struct counts *sum = &counts.sum;

	if (!counts.on)
		return 0;
	if (!counts.from_ns)
		counts.parts = 0; /* the first time: there is nothing to compare with */
	if (!counts.share_ns)
		counts.share_ns = reflex.now;
	if (counts.share && counts.parts) {
		shares_publish(counts.share_ns);
		counts.share_ns = reflex.now;
	}
	if (counts.parts & COUNTS_PACKETS) {
		hz = rate_hz(sum->packets, dt);
		usual = vitals[HS_VITAL_PACKETS].ewma;
		vital_set(HS_VITAL_PACKET_BURST, usual ? hz * 1000 / usual : 1000, from);
		vital_set(HS_VITAL_PACKETS, hz, from);
		vital_set(HS_VITAL_SQUEEZES, rate_hz(sum->squeezes, dt), from);
		vital_set(HS_VITAL_CONGESTION,
			  congestion_of(sum, vitals[HS_VITAL_SOFTIRQ_BUSIEST].value), from);
	}
	if (counts.parts & COUNTS_DROPS)
		vital_set(HS_VITAL_BACKLOG_DROPS, rate_hz(sum->drops, dt), from);
	if (counts.parts & COUNTS_IRQS)
		vital_set(HS_VITAL_IRQ_RATE, rate_hz(sum->irqs, dt), from);
	if (counts.parts & COUNTS_UDP)
		vital_set(HS_VITAL_UDP_FULL, rate_hz(sum->udp_full, dt), from);
	if (counts.parts & COUNTS_MEMORY) {
		vital_set(HS_VITAL_RECLAIM_STALLS, rate_hz(sum->reclaims, dt), from);
		vital_set(HS_VITAL_COMPACT_STALLS, rate_hz(sum->compacts, dt), from);
	}
	counts.from_ns = reflex.now;
	counts.on = 0;
	counts.sum = (struct counts){};
	return 0;
}

#endif
