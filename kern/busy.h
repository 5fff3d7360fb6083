/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The judge of steering: how busy each CPU is, who hands packets over and who may get them, and whether anything is to be
 * done at all. Part of pulse.bpf.c, and included by its counting half alone. It alone writes `steer`; act/steer.h reads it for
 * each packet.
 *
 * Every LOOK_NS, while net.steer.above_permille says more than never, it reads from the kernel how long each CPU was idle;
 * all else is load. Idle time is known to the nanosecond also where time in interrupts is known by ticks alone, of which an idle CPU
 * has none: one that does nothing but take packets would look free by the kernel's books of busy time.
 *
 * An idle host pays nothing for each packet: no flow is looked up as long as nobody is above the limit (HS_STEER_OFF). When
 * somebody gets there, flows are remembered for one gap before the first is placed (HS_STEER_WATCH), as nobody knows before
 * who is silent. A second after the last packet was handed over, with nobody hot, it is off again.
 *
 * Known limits. Of many CPUs the last are looked at LOOK_CPUS / CPUs pulses later. A kernel that shows neither of its two ways
 * to count idle time gives load by ticks: right to a sixth, HZ being 250.
 */
#ifndef HOMEOSTAT_BUSY_H
#define HOMEOSTAT_BUSY_H

#include "fold.h"
#include "lib/knob.h"
#include "lib/steer.h"

#define LOOK_NS 25000000ULL /* as rates; the pulse comes as often while flows may be handed over */
#define LOOK_CPUS 64	    /* in one pulse */
#define QUIET_NS NSEC	    /* … and a flow that was silent for so long is a new one */

extern const struct tick_sched tick_cpu_sched __ksym __weak;
extern const volatile __u64 tick_ns; /* a jiffy: pulse.bpf.c */

/* Idle time of a CPU at the last look. */
struct steer_idle {
	__u64 idle_ns, at_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct steer_idle);
} STEER_IDLE SEC(".maps");

/* Of the round that is under way: written by the timer's callback alone. */
static struct {
	__u32 cpu;   /* next to look at … */
	__u32 under; /* … in a round that is under way */
	__u32 nr;    /* targets found */
	__u32 hot;   /* hot CPUs found */
	__u64 above; /* the knob */
	__u64 handed;
	__u64 now;	      /* when this round began … */
	__u64 at;	      /* … and when the CPU is looked at */
} look __attribute__((used)); /* used: or clang splits it, against its BTF */

#define CPUSTAT(t, item) ((t)[bpf_core_enum_value(enum cpu_usage_stat, item)])

/* Idle since it came up, in some measure: differences count. Of late all of it is in kernel_cpustat. */
static __always_inline __u64 idle_of(__u32 cpu)
{
	const struct kernel_cpustat *k = NULL;
	const struct tick_sched *s;
	__u64 idle;

	if (&kernel_cpustat)
		k = bpf_per_cpu_ptr(&kernel_cpustat, cpu);
	if (k && bpf_core_field_exists(k->idle_entrytime)) {
		idle = CPUSTAT(k->cpustat, CPUTIME_IDLE) + CPUSTAT(k->cpustat, CPUTIME_IOWAIT);
		return k->idle_elapse ? idle + look.at - k->idle_entrytime : idle;
	}
	if (&tick_cpu_sched && bpf_core_field_exists(struct tick_sched, flags) &&
	    bpf_core_field_exists(struct tick_sched, idle_sleeptime) &&
	    (s = bpf_per_cpu_ptr(&tick_cpu_sched, cpu))) {
		idle = s->idle_sleeptime + s->iowait_sleeptime;
		return s->flags & TS_FLAG_IDLE_ACTIVE ? idle + look.at - s->idle_entrytime : idle;
	}
	if (!k)
		return 0;
	return look.at - CPUSTAT(k->cpustat, CPUTIME_USER) - CPUSTAT(k->cpustat, CPUTIME_NICE) -
	       CPUSTAT(k->cpustat, CPUTIME_SYSTEM) - CPUSTAT(k->cpustat, CPUTIME_SOFTIRQ) -
	       CPUSTAT(k->cpustat, CPUTIME_IRQ) - CPUSTAT(k->cpustat, CPUTIME_STEAL);
}

static __always_inline bool is_target(__u32 cpu)
{
	struct hs_cpu_topo *t = bpf_map_lookup_elem(&CPUS, &cpu);

	return t && t->steer && !t->isolated && !t->nohz_full && !t->reserved;
}

static __always_inline bool is_online(__u32 cpu)
{
	struct hs_cpu_topo *t = bpf_map_lookup_elem(&CPUS, &cpu);

	return t && t->online;
}

/* Global, so that the verifier looks at it once, not for each CPU. */
__noinline int look_at(__u32 cpu)
{
	struct hs_steer_cpu *books = bpf_map_lookup_elem(&STEER_CPUS, &cpu);
	struct steer_idle *last = bpf_map_lookup_elem(&STEER_IDLE, &cpu);
	struct hs_steer_load *l;
	__u64 idle, more, all;
	bool wanted;

	if (!books || !last || cpu >= HS_CPUS_MAX)
		return 0;
	l = &steer.cpu[cpu];
	look.at = bpf_ktime_get_ns(); /* idle time that is under way is of this very moment */
	idle = idle_of(cpu);
	if (last->at_ns && look.at > last->at_ns) {
		/* read while it changes, it may be off by one sleep, and the next one by as much */
		more = (__s64)(idle - last->idle_ns) > 0 ? idle - last->idle_ns : 0;
		all = look.at - last->at_ns;
		l->load_permille = steer_load(l->load_permille, more < all ? all - more : 0, all);
	}
	last->idle_ns = idle;
	last->at_ns = look.at;
	/* the idle time of a CPU that is offline stands still: that is no load */
	wanted = look.above < knob_stock(HS_KNOB_STEER_ABOVE) && is_online(cpu);
	l->target = wanted && is_target(cpu);
	l->hot = wanted && steer_hot(l->hot, l->load_permille, look.above);
	look.hot += l->hot;
	look.handed += books->handed;
	if (l->target && look.nr < HS_CPUS_MAX) {
		__u32 half = !(steer.list >> 16 & 1);

		steer.target[half][look.nr & (HS_CPUS_MAX - 1)] = cpu;
		look.nr++;
	}
	return 0;
}

static __always_inline __u64 jiffies_of(__u64 ns)
{
	return (ns + tick_ns - 1) / tick_ns;
}

/* What is to be done from here on; every CPU was looked at. */
static __noinline int state_set(void)
{
	__u64 now = bpf_jiffies64(), gap = jiffies_of(knob_bounded(HS_KNOB_STEER_GAP) * 1000);

	/* one tick may be about to end: a gap of two is one at least */
	steer.gap = gap < 2 ? 2 : gap;
	steer.forget = jiffies_of(QUIET_NS);
	*(volatile __u32 *)&steer.list = (!(steer.list >> 16 & 1)) << 16 | look.nr;
	/* without targets what is handed over still goes home by and by */
	if (look.hot || (look.nr && look.handed != steer.handed))
		steer.quiet_ns = 0;
	else if (!steer.quiet_ns)
		steer.quiet_ns = look.now;
	steer.handed = look.handed;
	if (steer.state == HS_STEER_OFF) {
		if (!look.hot || !look.nr)
			return 0;
		steer.since = now + 1; /* what was seen in this very jiffy was before */
		barrier();
		*(volatile __u32 *)&steer.state = HS_STEER_WATCH;
	} else if (steer.state == HS_STEER_WATCH && (__s64)(now - steer.since) > (__s64)steer.gap) {
		*(volatile __u32 *)&steer.state = HS_STEER_ON;
	} else if (steer.quiet_ns && look.now - steer.quiet_ns > QUIET_NS) {
		*(volatile __u32 *)&steer.state = HS_STEER_OFF;
	}
	return 0;
}

static __always_inline void steer_off(void)
{
	*(volatile __u32 *)&steer.state = HS_STEER_OFF;
	steer.quiet_ns = 0;
	look.under = 0;
}

/* A pulse. */
static __noinline int steer_judge(void)
{
	bool wanted;

	if (!pulse.armed || steer.generation != gate.generation) {
		steer_off();
		barrier();
		*(volatile __u32 *)&steer.generation = gate.generation;
	}
	wanted = pulse.armed && knob_bounded(HS_KNOB_STEER_ABOVE) < knob_stock(HS_KNOB_STEER_ABOVE);
	if (!wanted && steer.state == HS_STEER_OFF)
		return 0;
	if (pulse.period_ns > LOOK_NS)
		pulse.period_ns = LOOK_NS;
	if (!look.under) {
		if (reflex.now - look.now < LOOK_NS)
			return 0;
		look.now = reflex.now;
		look.under = 1;
		look.cpu = look.nr = look.hot = 0;
		look.handed = 0;
		look.above = knob_bounded(HS_KNOB_STEER_ABOVE);
	}
	HS_NO_UNROLL
	for (__u32 i = 0; i < LOOK_CPUS; i++) {
		if (look.cpu >= nr_cpus)
			break;
		look_at(look.cpu);
		look.cpu++;
	}
	if (look.cpu < nr_cpus)
		return 0;
	look.under = 0;
	state_set();
	return 0;
}

#endif
