// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The judge of steering: every RATE_NS it reads from the kernel's own books how busy each CPU was, says who is hot and who
 * is a target, and whether anything is to be done at all. It alone writes `steer`; act/steer.h reads it for each packet.
 *
 * A timer of its own, next to the pulse: it runs only while packets may be steered, at its own pace, and a kernel that does
 * not show its books to BPF has the pulse all the same. It stops by itself when the gate is shut; the daemon starts it.
 *
 * An idle host pays nothing: no flow is looked up as long as nobody is above the limit (HS_STEER_OFF). When somebody gets
 * there, flows are remembered for one gap before the first is placed (HS_STEER_WATCH), as nobody knows before who is silent.
 * A second after the last packet was handed over, with nobody hot, it is off again.
 *
 * Known limits. Busy time is counted by tick where the kernel has it so (no CONFIG_IRQ_TIME_ACCOUNTING): then a load is right
 * to a sixth, HZ being 250. Of many CPUs the last are LOOK_CPUS / CPUs rounds later.
 */
#include "state.h"
#include "lib/knob.h"
#include "lib/hist.h"
#include "lib/steer.h"

#define NSEC 1000000000ULL
#define LOOK_NS 25000000ULL /* as the pulse's rates */
#define LOOK_CPUS 64	    /* at a time; the next ones follow soon */
#define LOOK_NEXT_NS 1000000ULL
#define QUIET_NS NSEC /* … and a flow that was silent for so long is a new one */

extern const volatile __u64 tick_ns; /* a jiffy: pulse.bpf.c */

struct steer_timer {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_timer);
} STEER SEC(".maps");

/* Busy time of a CPU at the last look. */
struct steer_busy {
	__u64 busy_ns, at_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HS_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct steer_busy);
} STEER_BUSY SEC(".maps");

/* Of the round that is under way: written by the timer's callback alone. */
static struct {
	__u32 cpu;   /* next to look at */
	__u32 nr;    /* targets found */
	__u32 hot;   /* hot CPUs found */
	__u32 above; /* the knob */
	__u64 handed;
	__u64 now;
} look __attribute__((used)); /* used: or clang splits it, against its BTF */

/* All that a CPU does but idle: user, nice, system, softirq, irq and steal (enum cpu_usage_stat). */
static __always_inline __u64 busy_of(__u32 cpu)
{
	const struct kernel_cpustat *k = bpf_per_cpu_ptr(&kernel_cpustat, cpu);

	if (!k)
		return 0;
	return k->cpustat[0] + k->cpustat[1] + k->cpustat[2] + k->cpustat[3] + k->cpustat[4] +
	       k->cpustat[7];
}

static __always_inline bool is_target(__u32 cpu)
{
	struct hs_cpu_topo *t = bpf_map_lookup_elem(&CPUS, &cpu);

	return t && t->steer && !t->isolated && !t->nohz_full && !t->reserved;
}

static __noinline int look_at(__u32 cpu)
{
	struct hs_steer_cpu *books = bpf_map_lookup_elem(&STEER_CPUS, &cpu);
	struct steer_busy *last = bpf_map_lookup_elem(&STEER_BUSY, &cpu);
	struct hs_steer_load *l;
	__u64 busy;

	if (!books || !last || cpu >= HS_CPUS_MAX)
		return 0;
	l = &steer.cpu[cpu];
	busy = busy_of(cpu);
	if (last->at_ns && look.now > last->at_ns)
		l->load_permille = steer_load(l->load_permille,
					      busy > last->busy_ns ? busy - last->busy_ns : 0,
					      look.now - last->at_ns);
	last->busy_ns = busy;
	last->at_ns = look.now;
	l->target = is_target(cpu);
	l->hot = look.above < knob_stock(HS_KNOB_STEER_ABOVE) &&
		 steer_hot(l->hot, l->load_permille, look.above);
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
	if (look.hot || look.handed != steer.handed)
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

/* Everything at its beginning, of the arming that is now. */
static __always_inline void begin_anew(void)
{
	*(volatile __u32 *)&steer.state = HS_STEER_OFF;
	steer.quiet_ns = 0;
	look.cpu = 0;
	barrier();
	*(volatile __u32 *)&steer.generation = gate.generation;
}

static __always_inline void round_begin(void)
{
	look.nr = 0;
	look.hot = 0;
	look.handed = 0;
	look.above = knob_bounded(HS_KNOB_STEER_ABOVE);
}

static int steer_beat(void *map, __u32 *key, struct steer_timer *t)
{
	(void)map;
	(void)key;
	if (!*(volatile __u32 *)&gate.armed) {
		*(volatile __u32 *)&steer.state = HS_STEER_OFF;
		steer.generation =
			gate.generation - 1; /* of no arming: the next one is to start us */
		return 0;
	}
	if (steer.generation != gate.generation)
		begin_anew();
	look.now = bpf_ktime_get_ns();
	if (!look.cpu)
		round_begin();
	HS_NO_UNROLL
	for (__u32 i = 0; i < LOOK_CPUS; i++) {
		if (look.cpu >= nr_cpus)
			break;
		look_at(look.cpu);
		look.cpu++;
	}
	if (look.cpu < nr_cpus) {
		bpf_timer_start(&t->timer, LOOK_NEXT_NS, 0);
		return 0;
	}
	look.cpu = 0;
	state_set();
	bpf_timer_start(&t->timer, LOOK_NS, 0);
	return 0;
}

/* Starts the judge, or has it look at once. Returns 0 or a negative errno. */
SEC("syscall")
int steer_start(void *ctx)
{
	__u32 zero = 0;
	struct steer_timer *t = bpf_map_lookup_elem(&STEER, &zero);
	int err;

	(void)ctx;
	if (!t)
		return -2; /* ENOENT: cannot happen */
	err = bpf_timer_init(&t->timer, &STEER, CLOCK_MONOTONIC);
	if (err && err != -16) /* EBUSY: made before */
		return err;
	if (!err) {
		bpf_timer_set_callback(&t->timer, steer_beat);
		steer.generation = gate.generation - 1;
	}
	return bpf_timer_start(&t->timer, 1000, 0);
}
