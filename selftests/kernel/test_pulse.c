// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The pulse in a real kernel, as root: the test plays the sensor (writes into SENSE), the daemon
 * (heartbeat, CONFIG, RULES, wishes) and the reader. Nothing is attached: only maps and one timer.
 */
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
#include "lib/hist.h"
#include "homeostat.skel.h"

#define MS 1000000ULL
#define SEC_NS 1000000000ULL
#define VITAL(id) (&fx.skel->data_vitals->vitals[HS_VITAL_##id])
#define KNOB(id) (&fx.skel->data_knobs->knobs[HS_KNOB_##id])

static struct {
	struct homeostat_bpf *skel;
	struct ring_buffer *rb;
	struct hs_gate *gate;
	struct hs_config config;
	char *sense; /* of CPU 0 */
	size_t sense_len;
	/* offsets in struct sense_cpu (kern/state.h) and its bank, from BTF */
	size_t epoch, every, count, crit_run_ns, bank, bank_len;
	size_t used, wait, wait_max_ns, run_ns, off_ns, sleeps;
	struct hs_event events[4096];
	unsigned events_nr;
} fx;

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC_NS + t.tv_nsec;
}

/* Offset of a member of a structure; a miss fails the test. Sets *member_type. */
static size_t member(const struct btf *btf, __u32 type, const char *name, __u32 *member_type)
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

static void find_layout(void)
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
	fx.used = member(btf, bank, "used", NULL);
	fx.wait = member(btf, bank, "wait", NULL);
	fx.wait_max_ns = member(btf, bank, "wait_max_ns", NULL);
	fx.run_ns = member(btf, bank, "run_ns", NULL);
	fx.off_ns = member(btf, bank, "off_ns", NULL);
	fx.sleeps = member(btf, bank, "sleeps", NULL);
}

static __u64 *sense_u64(size_t at)
{
	return (__u64 *)(fx.sense + at);
}

static __u64 *counter(enum hs_counter id)
{
	return sense_u64(fx.count + 8 * id);
}

/* What the sensor does for a wait of a class, on CPU 0. */
static void feed(enum hs_class class, __u64 ns, unsigned times)
{
	size_t b = fx.bank + fx.bank_len * (*(volatile __u32 *)(fx.sense + fx.epoch) & 1);
	__u32 i = hist_index(ns);

	*sense_u64(b + fx.used + 16 * class + 8 * (i / 64)) |= 1ULL << (i % 64);
	((__u32 *)(fx.sense + b + fx.wait))[HS_HIST_BUCKETS * class + i] += times;
	if (ns > *sense_u64(b + fx.wait_max_ns))
		*sense_u64(b + fx.wait_max_ns) = ns;
}

static void set_config(void)
{
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.CONFIG), &zero, &fx.config,
					     BPF_ANY), 0);
}

static void set_bound(__u32 id, struct hs_bound b)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.BOUNDS), &id, &b, BPF_ANY),
			 0);
}

static void set_rules(const struct hs_rule *r, __u32 nr)
{
	fx.config.rules_base = fx.config.rules_base ? 0 : HS_RULES_MAX;
	for (__u32 i = 0; i < nr; i++) {
		__u32 key = fx.config.rules_base + i;

		assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx.skel->maps.RULES), &key, &r[i],
						     BPF_ANY), 0);
	}
	fx.config.rules_nr = nr;
	set_config();
}

static void set_wish(__u32 id, __u64 value, enum hs_cause cause)
{
	struct hs_wish *w = &fx.skel->data_wishes->wishes[id];

	w->value = value;
	w->cause = cause;
	*(volatile __u32 *)&w->gen = w->gen + 1;
}

static void beat_now(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fx.skel->progs.pulse_start),
						&opts), 0);
	assert_int_equal(opts.retval, 0);
}

/* The daemon's heartbeat: the next one is promised within limit_ns. */
static void heartbeat(__u64 limit_ns)
{
	fx.gate->heartbeat_ns = now_ns();
	*(volatile __u64 *)&fx.gate->due_ns = fx.gate->heartbeat_ns + limit_ns;
}

static void arm(void)
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

static int on_event(void *ctx, void *data, size_t size)
{
	(void)ctx;
	assert_true(size >= sizeof(struct hs_event));
	if (fx.events_nr < sizeof(fx.events) / sizeof(fx.events[0]))
		fx.events[fx.events_nr++] = *(struct hs_event *)data;
	return 0;
}

/* The first event of a type, or NULL. Takes in what is new. */
static struct hs_event *event(enum hs_event_type type)
{
	ring_buffer__consume(fx.rb);
	for (unsigned i = 0; i < fx.events_nr; i++) {
		if (fx.events[i].type == type)
			return &fx.events[i];
	}
	return NULL;
}

static unsigned event_count(enum hs_event_type type)
{
	unsigned n = 0;

	ring_buffer__consume(fx.rb);
	for (unsigned i = 0; i < fx.events_nr; i++)
		n += fx.events[i].type == type;
	return n;
}

static int load(void)
{
	struct bpf_program *p;
	struct bpf_map *m;

	fx.skel = homeostat_bpf__open();
	if (!fx.skel)
		return -1;
	bpf_object__for_each_program(p, fx.skel->obj)
		bpf_program__set_autoload(p, p == fx.skel->progs.pulse_start);
	bpf_object__for_each_map(m, fx.skel->obj) {
		if (bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(m, false);
	}
	return homeostat_bpf__load(fx.skel);
}

static int setup(void **state)
{
	(void)state;
	memset(&fx, 0, sizeof(fx));
	if (load())
		return -1;
	find_layout();
	fx.gate = &fx.skel->data_gate->gate;
	fx.rb = ring_buffer__new(bpf_map__fd(fx.skel->maps.EVENTS), on_event, NULL, NULL);
	fx.sense_len = sysconf(_SC_PAGESIZE) * 2;
	fx.sense = mmap(NULL, fx.sense_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(fx.skel->maps.SENSE), 0);
	if (!fx.rb || fx.sense == MAP_FAILED)
		return -1;
#define X(id, name, unit, stock, min, max, slew, meaning)                                          \
	set_bound(HS_KNOB_##id, (struct hs_bound){ min, max, stock, slew });
	HS_KNOBS(X)
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

static int teardown(void **state)
{
	(void)state;
	munmap(fx.sense, fx.sense_len);
	ring_buffer__free(fx.rb);
	homeostat_bpf__destroy(fx.skel);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* A vital sign lies within one bucket (a quarter of its value) of the exact quantile. */
static void assert_near(__u64 got, __u64 exact)
{
	if (got + 16 < exact - exact / 4 || got > exact + exact / 4 + 16)
		fail_msg("got %llu, exact is %llu", got, exact);
}

static void test_quantiles(void **state)
{
	static __u64 sample[1000];
	__u32 seed = 1;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		seed = seed * 1664525 + 1013904223;
		/* 5 … 20 us, and 3 in 100 in the milliseconds */
		sample[i] = i % 33 ? 5000 + seed % 15000 : 1000000 + seed % 4000000;
		feed(HS_CLASS_NORMAL, sample[i], 1);
	}
	feed(HS_CLASS_BATCH, 30 * MS, 200);
	qsort(sample, 1000, sizeof(sample[0]), by_value);
	beat_now();
	UNTIL(VITAL(WAIT_NORMAL_P99)->present && VITAL(WAIT_BATCH_P99)->present);
	assert_near(VITAL(WAIT_NORMAL_P50)->value, sample[499]);
	assert_near(VITAL(WAIT_NORMAL_P95)->value, sample[949]);
	assert_near(VITAL(WAIT_NORMAL_P99)->value, sample[989]);
	assert_near(VITAL(WAIT_BATCH_P50)->value, 30 * MS);
	assert_int_equal(VITAL(JITTER_NORMAL)->value,
			 VITAL(WAIT_NORMAL_P99)->value - VITAL(WAIT_NORMAL_P50)->value);
	assert_int_equal(VITAL(STABILITY_NORMAL)->value, VITAL(WAIT_NORMAL_P50)->value * 1000 /
								 VITAL(WAIT_NORMAL_P99)->value);
	assert_false(VITAL(WAIT_CRITICAL_P99)->present);
	assert_false(VITAL(SHARE_CRITICAL)->present);
	assert_true(VITAL(PULSE_PERIOD)->present && VITAL(PULSE_COST)->value > 0);
}

/* A class without samples keeps its quantiles for a second, then it is absent. */
static void test_absent(void **state)
{
	(void)state;
	feed(HS_CLASS_CRITICAL, 7000, 200);
	beat_now();
	UNTIL(VITAL(WAIT_CRITICAL_P50)->present);
	assert_near(VITAL(WAIT_CRITICAL_P50)->value, 7000);
	UNTIL(!VITAL(WAIT_CRITICAL_P50)->present);
	assert_true(now_ns() - VITAL(WAIT_CRITICAL_P50)->updated_ns >= SEC_NS);
}

/* A handful of samples waits for more, but for 100 ms at most. */
static void test_few(void **state)
{
	__u64 start;

	(void)state;
	beat_now();
	UNTIL(VITAL(SWITCHES)->present);
	start = now_ns();
	feed(HS_CLASS_CRITICAL, 7000, 5);
	UNTIL(VITAL(WAIT_CRITICAL_P50)->present);
	/* the window that the samples fell into began up to a pulse earlier */
	assert_true(now_ns() - start >= 80 * MS);
	assert_near(VITAL(WAIT_CRITICAL_P50)->value, 7000);
}

static void test_rates(void **state)
{
	__u32 *every = (__u32 *)(fx.sense + fx.every);
	size_t b;

	(void)state;
	beat_now();
	UNTIL(VITAL(SWITCHES)->present && *every == 1);
	assert_int_equal(VITAL(SWITCHES)->value, 0);
	/* 20 per 100 us and more: far above 2000/s */
	WAIT_UNTIL(*every > 1 && VITAL(MIGRATIONS)->value > 0, {
		*counter(HS_COUNT_SWITCH) += 20;
		*counter(HS_COUNT_SAMPLED) += 10;
		*counter(HS_COUNT_MIGRATE) += 5;
	});
	assert_true(*every <= 64);
	assert_true(VITAL(SWITCHES)->value > 2000 || VITAL(SWITCHES)->peak > 2000);
	/* half of the measured ones */
	assert_in_range(VITAL(MIGRATIONS)->peak, VITAL(SWITCHES)->peak / 2 - 1,
			VITAL(SWITCHES)->peak / 2 + 1);
	b = fx.bank + fx.bank_len * (*(volatile __u32 *)(fx.sense + fx.epoch) & 1);
	*sense_u64(b + fx.run_ns + 8 * HS_CLASS_NORMAL) = 4000;
	*sense_u64(b + fx.off_ns + 8 * HS_CLASS_NORMAL) = 90000;
	*sense_u64(b + fx.sleeps + 8 * HS_CLASS_NORMAL) = 4;
	feed(HS_CLASS_NORMAL, 1000, 200);
	UNTIL(VITAL(RUN_NORMAL)->present);
	assert_int_equal(VITAL(RUN_NORMAL)->value, 1000);
	assert_int_equal(VITAL(OFFCPU_NORMAL)->value, 22500);
	UNTIL(VITAL(STARVED)->present);
	assert_true(VITAL(STARVED)->peak >= 1000);
}

static void test_lease_and_trip(void **state)
{
	__u64 lease, due;

	(void)state;
	assert_int_equal(fx.gate->lease_jiffies, 0);
	beat_now(); /* not armed: nobody arms, no lease */
	UNTIL(fx.gate->period_ns);
	assert_int_equal(fx.gate->lease_jiffies, 0);
	arm();
	UNTIL(fx.gate->lease_jiffies);
	lease = fx.gate->lease_jiffies;
	heartbeat(20 * SEC_NS); /* a promise that is capped at 1 s, but moves with time */
	UNTIL(fx.gate->lease_jiffies > lease);
	heartbeat(30 * MS);
	due = fx.gate->due_ns;
	UNTIL(!fx.gate->armed);
	assert_int_equal(fx.gate->trip_reason, HS_TRIP_HEARTBEAT);
	assert_true(fx.gate->trip_ns > due && fx.gate->trip_ns < due + 20 * MS);
	assert_int_equal(fx.gate->lease_jiffies, 0);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->id, HS_TRIP_HEARTBEAT);
	assert_int_equal(event(HS_EVENT_TRIP)->from, fx.gate->heartbeat_ns);
	assert_int_equal(event_count(HS_EVENT_TRIP), 1);
}

/* Somebody else shuts the gate: the pulse says so and takes the knobs back to stock. */
static void test_foreign_trip(void **state)
{
	(void)state;
	arm();
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_PROFILE);
	fx.gate->trip_reason = HS_TRIP_OPERATOR;
	fx.gate->trip_ns = now_ns();
	fx.gate->armed = 0;
	UNTIL(KNOB(SLICE_BATCH)->value == 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_STOCK);
	UNTIL(event(HS_EVENT_TRIP));
	assert_int_equal(event(HS_EVENT_TRIP)->id, HS_TRIP_OPERATOR);
	/* the wish is taken anew at the next arming */
	fx.gate->trip_reason = HS_TRIP_NONE;
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
}

static void test_wish(void **state)
{
	struct hs_event *e;
	__u64 start;

	(void)state;
	arm();
	UNTIL(fx.gate->lease_jiffies);
	set_wish(HS_KNOB_SLICE_BATCH, 7000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 7000);
	UNTIL(event(HS_EVENT_KNOB));
	e = event(HS_EVENT_KNOB);
	assert_int_equal(e->id, HS_KNOB_SLICE_BATCH);
	assert_int_equal(e->cause, HS_CAUSE_WISH);
	assert_int_equal(e->from, 5000);
	assert_int_equal(e->to, 7000);
	/* out of bounds: to the bound */
	set_wish(HS_KNOB_SLICE_BATCH, 1000000000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 100000);
	set_wish(HS_KNOB_SLICE_BATCH, 0, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 500);
	/* slew: 10000/s, 5 ms of it in hand at most */
	set_bound(HS_KNOB_SLICE_BATCH, (struct hs_bound){ 500, 100000, 5000, 10000 });
	start = now_ns();
	set_wish(HS_KNOB_SLICE_BATCH, 1500, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 1500);
	assert_true(now_ns() - start >= 90 * MS);
}

static struct hs_rule cut_rule(void)
{
	return (struct hs_rule){
		.vital = HS_VITAL_WAIT_CRITICAL_P99,
		.knob = HS_KNOB_SLICE_BATCH,
		.kind = HS_RULE_AIMD,
		.low = 20000,
		.high = 100000,
		.gain_up = 500,
		.gain_down = 400,
	};
}

static void test_aimd(void **state)
{
	struct hs_rule r = cut_rule();
	struct hs_event *e;

	(void)state;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	/* one bad sample is enough with hold 0; it is not waited for more */
	feed(HS_CLASS_CRITICAL, 500000, 1);
	UNTIL(KNOB(SLICE_BATCH)->value == 4000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_REFLEX);
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 0);
	UNTIL(event(HS_EVENT_REFLEX));
	e = event(HS_EVENT_REFLEX);
	assert_int_equal(e->id, HS_KNOB_SLICE_BATCH);
	assert_int_equal(e->vital, HS_VITAL_WAIT_CRITICAL_P99);
	assert_int_equal(e->cause, HS_CAUSE_REFLEX);
	assert_int_equal(e->from, 8000);
	assert_int_equal(e->to, 4000);
	assert_near(e->value, 500000);
	assert_true(e->latency_ns > 0 && e->latency_ns < 100 * MS);
	/* in between: it rests */
	WAIT_UNTIL(VITAL(WAIT_CRITICAL_P99)->value < 100000, feed(HS_CLASS_CRITICAL, 50000, 50));
	assert_int_equal(KNOB(SLICE_BATCH)->value, 4000);
	/* calm: back to the base, not beyond */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 8000, feed(HS_CLASS_CRITICAL, 5000, 50));
	/* and down to the bound when it never ends */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 500, feed(HS_CLASS_CRITICAL, 5 * MS, 2));
}

/* Two rules on one knob: as long as one of them is in distress, the other does not let go. */
static void test_two_rules(void **state)
{
	struct hs_rule r[2] = { cut_rule(), cut_rule() };

	(void)state;
	r[0].vital = HS_VITAL_WAIT_NORMAL_P99; /* calm throughout */
	r[1].cooldown_ns = 10 * SEC_NS;
	set_rules(r, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	feed(HS_CLASS_CRITICAL, 500000, 1);
	UNTIL(KNOB(SLICE_BATCH)->value == 4000);
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 1);
	for (unsigned i = 0; i < 10; i++) {
		__u64 seen = VITAL(SWITCHES)->updated_ns;

		WAIT_UNTIL(VITAL(SWITCHES)->updated_ns != seen,
			   feed(HS_CLASS_CRITICAL, 50000, 5));
		assert_int_equal(KNOB(SLICE_BATCH)->value, 4000);
	}
	/* the second one calm as well, but in its cooldown: the first lets go */
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 8000, feed(HS_CLASS_CRITICAL, 5000, 50));
	assert_int_equal(KNOB(SLICE_BATCH)->rule, 0);
}

static void test_proportional(void **state)
{
	struct hs_rule r = cut_rule();

	(void)state;
	r.kind = HS_RULE_PROPORTIONAL;
	r.gain_up = -1000;
	r.cooldown_ns = 10 * SEC_NS; /* one step */
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 50000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 50000);
	feed(HS_CLASS_CRITICAL, 300000, 200); /* excess 2: bucket 262144 … 327679, so 1.6 … 2.3 */
	UNTIL(event(HS_EVENT_REFLEX));
	assert_in_range(event(HS_EVENT_REFLEX)->to, 50000 - 2300, 50000 - 1600);
	UNTIL(KNOB(SLICE_BATCH)->value == event(HS_EVENT_REFLEX)->to);
}

static void test_hold_and_cooldown(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 start, first;

	(void)state;
	r.hold_ns = 40 * MS;
	r.cooldown_ns = 60 * MS;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 64000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 64000);
	start = now_ns();
	WAIT_UNTIL(event_count(HS_EVENT_REFLEX) >= 1, feed(HS_CLASS_CRITICAL, 500000, 1));
	first = event(HS_EVENT_REFLEX)->ts_ns;
	assert_true(first - start >= 40 * MS);
	/* the reaction time counts from the window of the crossing, hold included */
	assert_true(event(HS_EVENT_REFLEX)->latency_ns >= 40 * MS);
	WAIT_UNTIL(event_count(HS_EVENT_REFLEX) >= 2, feed(HS_CLASS_CRITICAL, 500000, 1));
	assert_true(now_ns() - first >= 60 * MS);
}

static void test_freeze(void **state)
{
	struct hs_rule r = cut_rule();
	bool bad = true;

	(void)state;
	fx.config.freeze_turns = 3;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	WAIT_UNTIL(KNOB(SLICE_BATCH)->frozen, {
		if (KNOB(SLICE_BATCH)->value <= 4000)
			bad = false;
		if (KNOB(SLICE_BATCH)->value >= 7900)
			bad = true;
		feed(HS_CLASS_CRITICAL, bad ? 500000 : 5000, bad ? 1 : 50);
	});
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_FROZEN);
	UNTIL(event(HS_EVENT_FREEZE));
	assert_int_equal(event(HS_EVENT_FREEZE)->to, 5000);
	/* neither wish nor rule moves it … */
	set_wish(HS_KNOB_SLICE_BATCH, 9000, HS_CAUSE_WISH);
	set_wish(HS_KNOB_SLICE_NORMAL, 9000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_NORMAL)->value == 9000);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	/* … until the next arming */
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 9000);
	assert_int_equal(KNOB(SLICE_BATCH)->frozen, 0);
}

/* Advise: the same steps, as advice; no knob moves. Observe: not even that. */
static void test_advise(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 seen;

	(void)state;
	set_rules(&r, 1);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	beat_now();
	feed(HS_CLASS_CRITICAL, 500000, 200);
	UNTIL(VITAL(WAIT_CRITICAL_P99)->present);
	seen = VITAL(SWITCHES)->updated_ns;
	UNTIL(VITAL(SWITCHES)->updated_ns != seen);
	ring_buffer__consume(fx.rb);
	assert_int_equal(fx.events_nr, 0);
	fx.gate->mode = HS_MODE_ADVISE;
	beat_now();
	WAIT_UNTIL(event_count(HS_EVENT_ADVICE) >= 2, feed(HS_CLASS_CRITICAL, 500000, 1));
	assert_int_equal(event(HS_EVENT_ADVICE)->cause, HS_CAUSE_PROFILE);
	assert_int_equal(event_count(HS_EVENT_REFLEX) + event_count(HS_EVENT_KNOB), 0);
	assert_int_equal(KNOB(SLICE_BATCH)->value, 5000);
	assert_int_equal(KNOB(SLICE_BATCH)->cause, HS_CAUSE_STOCK);
}

static void test_heart_rate(void **state)
{
	(void)state;
	fx.config.stress_wait_ns = MS;
	set_config();
	beat_now();
	UNTIL(fx.gate->period_ns == MS);
	/* each calm second doubles it: two steps are enough to see */
	UNTIL(fx.gate->period_ns == 4 * MS);
	feed(HS_CLASS_NORMAL, 2 * MS, 1);
	UNTIL(fx.gate->period_ns == MS);
	fx.config.period_max_ns = 2 * MS;
	set_config();
	UNTIL(fx.gate->period_ns == 2 * MS);
	fx.config.stress_switches_hz = 1000;
	set_config();
	WAIT_UNTIL(fx.gate->period_ns == MS, *counter(HS_COUNT_SWITCH) += 10);
}

/* A full ring loses events and counts them; the pulse goes on. */
static void test_events_lost(void **state)
{
	struct hs_rule r = cut_rule();
	__u64 lost;

	(void)state;
	r.kind = HS_RULE_PROPORTIONAL;
	r.gain_up = 1;
	r.gain_down = 100000;
	set_rules(&r, 1);
	arm();
	fx.gate->mode = HS_MODE_ADVISE; /* no matter which; every step is an event */
	for (unsigned i = 0; i < 6000 && !fx.gate->events_lost; i++) {
		set_wish(HS_KNOB_SLICE_BATCH, 1000 + i % 2, HS_CAUSE_WISH);
		set_wish(HS_KNOB_SLICE_NORMAL, 1000 + i % 2, HS_CAUSE_WISH);
		beat_now();
		lost = VITAL(SWITCHES)->updated_ns;
		if (i % 16 == 0)
			UNTIL(VITAL(SWITCHES)->updated_ns != lost);
		usleep(20);
	}
	assert_true(fx.gate->events_lost > 0);
	lost = VITAL(SWITCHES)->updated_ns;
	UNTIL(VITAL(SWITCHES)->updated_ns != lost);
}

/* The verifier's log is the veristat target's business. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_quantiles),    TEST(test_absent),       TEST(test_few),
		TEST(test_rates),        TEST(test_lease_and_trip), TEST(test_foreign_trip),
		TEST(test_wish),         TEST(test_aimd),         TEST(test_proportional), TEST(test_two_rules),
		TEST(test_hold_and_cooldown), TEST(test_freeze),  TEST(test_advise),
		TEST(test_heart_rate),   TEST(test_events_lost),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("pulse", tests, NULL, NULL);
}
