// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * How the pulse grows with the number of CPUs: the real program, told of up to 256 of them, on a guest
 * that has one. In the lab guest a nanosecond is an instruction, so these are counts, not timings.
 *
 * The test is alone on the CPU and looks at the clock all the time. Whatever interrupts it shows as a
 * gap; if the pulse's own books have changed behind it, it was a beat. What the beat took by these
 * books is the cost of the program; the gap is what it took of the machine, interrupt included.
 *
 * test_growth [FILE]: FILE takes a line of JSON for each case, for scripts/lab growth.
 */
#include "pulse_fixture.h"

#define FOLD_MOST_NS (50 * MS)
#define BEAT_MOST_NS (100 * 1000ULL)
#define SHARE_MOST_PPM 5000 /* 0.5 % of one CPU */
#define PAUSE_NS (100 * SEC_NS)

/*
 * What the sensors have gathered on each CPU when a fold begins, in buckets of all classes. Busy: as many
 * as they take samples in 10 ms (EVERY_HZ in kern/fold.h). Wide: five octaves of each class, which is
 * what samples of many windows come to. Full: all there are.
 */
enum fill {
	FILL_NONE,
	FILL_BUSY,
	FILL_WIDE,
	FILL_FULL,
	FILL_NR
};
static const struct {
	const char *name;
	unsigned first, buckets;
} fills[] = {
	{"idle", 0, 0},
	{"busy", 40, 20},
	{"wide", 40, 60},
	{"full", 0, HS_CLASS_NR *(HIST_TOP + 1)},
};

/* The heart's rate, as in policy/profiles/balanced.yaml. */
struct heart {
	const char *name;
	__u64 period_ns;
	unsigned rounds; /* for figures; a test needs one */
};
static const struct heart stressed = {"stressed", MS, 8}, resting = {"resting", 250 * MS, 2};

/* One beat after the other, as seen from outside. */
struct meter {
	struct bpf_map *bss; /* with the pulse's state, which is static */
	size_t size, spent_ns, rates_ns;
	__u64 spent, rates;    /* at the last beat */
	__u64 look_ns, least;  /* the last look, and the shortest way from one to the next */
	__u32 first, last;     /* epochs of the first and the last CPU at the last beat */
	__u64 beat_ns, gap_ns; /* of the last beat */
	bool begins, ends;     /* a fold, in that beat */
};

struct figures {
	__u64 rounds, beats;	   /* beats that folded */
	__u64 fold_ns;		   /* what these took … */
	__u64 beat_most_ns;	   /* … the longest of them … */
	__u64 span_most_ns;	   /* … and from the first one's begin to the last one's end */
	__u64 rest_beats, rest_ns; /* the others */
	__u64 interrupt_ns;	   /* what a beat costs beside, where nothing else came with it */
	__u64 interval_ns;	   /* from fold to fold */
};

static FILE *out;

static void meter_open(struct meter *m)
{
	const struct btf *btf = bpf_object__btf(fx.skel->obj);
	const struct btf_type *t = btf__type_by_id(btf, btf__find_by_name(btf, ".bss"));

	m->least = SEC_NS;
	m->bss = bpf_object__find_map_by_name(fx.skel->obj, ".bss");
	m->size = bpf_map__value_size(m->bss);
	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(t) + i;
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), "pulse"))
			continue;
		m->spent_ns = v->offset + member(btf, var->type, "spent_ns", NULL);
		m->rates_ns = v->offset + member(btf, var->type, "rates_ns", NULL);
		return;
	}
	fail_msg("no variable 'pulse'");
}

/* Looks into the books. Returns whether there was a beat since it last did. */
static bool meter_read(struct meter *m)
{
	__u32 zero = 0, first, last;
	__u64 spent, rates;
	char state[16384]; /* .bss of the pulse: some 9 KB with today's vital signs */

	assert_true(m->size <= sizeof(state));
	assert_int_equal(bpf_map__lookup_elem(m->bss, &zero, sizeof(zero), state, m->size, 0), 0);
	memcpy(&spent, state + m->spent_ns, sizeof(spent));
	memcpy(&rates, state + m->rates_ns, sizeof(rates));
	if (spent == m->spent && rates == m->rates)
		return false;
	first = epoch_of(0);
	last = epoch_of(fx.cpus - 1);
	m->beat_ns = rates == m->rates ? spent - m->spent : spent; /* begun anew */
	m->begins = first != m->first;
	m->ends = last != m->last;
	m->spent = spent;
	m->rates = rates;
	m->first = first;
	m->last = last;
	return true;
}

/* Waits for the next interruption that is a beat. */
static void wait_beat(struct meter *m)
{
	__u64 start = now_ns(), now;

	for (m->look_ns = start;; m->look_ns = now) {
		now = now_ns();
		if (now - start > 5 * SEC_NS)
			fail_msg("the pulse does not beat");
		m->gap_ns = now - m->look_ns;
		if (m->gap_ns < m->least)
			m->least = m->gap_ns;
		if (m->gap_ns < 4 * m->least)
			continue;
		m->gap_ns -= m->least;
		m->look_ns = now;
		if (meter_read(m))
			return;
		now = now_ns();
	}
}

static void set_window(__u64 ns)
{
	fx.config.window_ns = ns;
	set_config();
}

/* Samples that are all in buckets of their own: the dearest way to have so many. */
static void fill(enum fill fill)
{
	for (__u32 cpu = 0; cpu < fx.cpus; cpu++) {
		for (unsigned i = 0; i < fills[fill].buckets; i++)
			feed_cpu(cpu, i % HS_CLASS_NR,
				 hist_low(fills[fill].first + i / HS_CLASS_NR), 1);
	}
}

static __u64 larger(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* From the begin of a fold to that of the next one. Folds are held back while the banks are filled. */
static void watch_round(struct meter *m, enum fill what, struct figures *f)
{
	__u64 begin = 0;
	bool folding = false;

	heartbeat(SEC_NS * 10);
	fill(what);
	meter_read(m); /* what beat meanwhile */
	set_window(10 * MS);
	for (;;) {
		wait_beat(m);
		if (m->begins && begin)
			break;
		if (m->begins) {
			begin = m->look_ns - m->gap_ns;
			folding = true;
		}
		if (!begin)
			continue;
		if (folding) {
			f->beats++;
			f->fold_ns += m->beat_ns;
			f->beat_most_ns = larger(f->beat_most_ns, m->beat_ns);
		} else {
			f->rest_beats++;
			f->rest_ns += m->beat_ns;
		}
		if (!f->interrupt_ns || m->gap_ns - m->beat_ns < f->interrupt_ns)
			f->interrupt_ns = m->gap_ns - m->beat_ns;
		if (m->ends) {
			f->span_most_ns = larger(f->span_most_ns, m->look_ns - begin);
			folding = false;
		}
	}
	f->rounds++;
	f->interval_ns += m->look_ns - m->gap_ns - begin;
	set_window(PAUSE_NS);
	while (!m->ends)
		wait_beat(m);
}

/* What beats took of one CPU with their interrupts, in millionths. */
static __u64 share_ppm(const struct figures *f, __u64 ns, __u64 beats)
{
	return (ns + beats * f->interrupt_ns) * 1000000 / f->interval_ns;
}

static __u64 fold_share_ppm(const struct figures *f)
{
	return share_ppm(f, f->fold_ns, f->beats);
}

static void report(__u32 cpus, const struct heart *h, enum fill fill, const struct figures *f)
{
	fprintf(out, "{\"what\":\"pulse\",\"cpus\":%u,\"heart\":\"%s\",\"fill\":\"%s\",", cpus,
		h->name, fills[fill].name);
	fprintf(out, "\"fold_ns\":%llu,\"fold_beats\":%llu,\"beat_most_ns\":%llu,",
		f->fold_ns / f->rounds, f->beats / f->rounds, f->beat_most_ns);
	fprintf(out, "\"span_most_ns\":%llu,\"interval_ns\":%llu,\"interrupt_ns\":%llu,",
		f->span_most_ns, f->interval_ns / f->rounds, f->interrupt_ns);
	fprintf(out, "\"beat_ns\":%llu,\"fold_share_ppm\":%llu,\"pulse_share_ppm\":%llu}\n",
		f->rest_beats ? f->rest_ns / f->rest_beats : 0, fold_share_ppm(f),
		share_ppm(f, f->fold_ns + f->rest_ns, f->beats + f->rest_beats));
}

static void measure(__u32 cpus, const struct heart *h, enum fill fill, struct figures *f)
{
	struct meter m = {};

	assert_int_equal(setup_cpus(cpus), 0);
	fx.config.period_min_ns = h->period_ns;
	fx.config.period_max_ns = h->period_ns;
	set_window(PAUSE_NS);
	meter_open(&m);
	arm();
	wait_beat(&m);
	for (unsigned i = 0; i < (out ? h->rounds : 1); i++)
		watch_round(&m, fill, f);
	if (out)
		report(cpus, h, fill, f);
	assert_int_equal(VITAL(STARVED)->present, fill != FILL_NONE); /* the samples arrived */
	teardown(NULL);
}

/* Now and then another interrupt falls into a beat, and there may be but one; hardly three times in a row. */
static void measure_undisturbed(__u32 cpus, const struct heart *h, enum fill fill,
				struct figures *f)
{
	unsigned left = out ? 1 : 3;

	do {
		memset(f, 0, sizeof(*f));
		measure(cpus, h, fill, f);
	} while (--left && f->fold_ns / f->beats > BEAT_MOST_NS);
}

/*
 * Whatever the sensors have gathered, a fold is whole within 50 ms, and no pulse of it is long. Folding
 * takes little of one CPU; but not so little that the vital signs of 256 full banks came too seldom.
 */
static void test_fold(void **state)
{
	static const __u32 cpus[] = {1, 2, 8, 64, 256};

	(void)state;
	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		for (enum fill fill = 0; fill < FILL_NR; fill++) {
			struct figures fast, slow = {};

			measure_undisturbed(cpus[i], &stressed, fill, &fast);
			measure(cpus[i], &resting, fill, &slow);
			if (out)
				continue; /* whoever asked for the figures judges them */
			assert_in_range(fast.span_most_ns, 1, FOLD_MOST_NS);
			assert_in_range(slow.span_most_ns, 1, FOLD_MOST_NS);
			assert_in_range(fast.fold_ns / fast.beats, 1, BEAT_MOST_NS);
			/* not sooner than the window is over, give or take a beat: what shows a beat is
			 * a gap, and that may have begun with another interrupt */
			assert_in_range(fast.interval_ns / fast.rounds,
					10 * MS - stressed.period_ns, 510 * MS);
			if (fill != FILL_FULL)
				assert_in_range(fold_share_ppm(&fast), 1, SHARE_MOST_PPM);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fold)};
	int failed;

	libbpf_set_print(quiet);
	if (argc > 1 && !(out = fopen(argv[1], "w"))) {
		perror(argv[1]);
		return 2;
	}
	failed = cmocka_run_group_tests_name("growth", tests, NULL, NULL);
	return out && fclose(out) ? 2 : failed;
}
