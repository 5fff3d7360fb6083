// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Recognition: lib/recognise.h, the same code that runs in BPF, and what a profile says of it. */
#include "fixture.h"

#include "lib/recognise.h"
#include "profile.h"

#define WINDOW_NS 64000000ULL
#define NEVER (~0ULL)
#define WINDOWS_LEN 8 /* all stories of so many windows */

/* 20 Mbit/s and 20 000 packets a second: 160 000 bytes and 1280 packets in a window. */
static const struct recognise_limits limits = {10000, 1280};

static __u64 slot_of(__u32 verdict, __u64 units, __u64 packets)
{
	return (__u64)verdict << RECOGNISE_VERDICT_AT | packets << RECOGNISE_PACKETS_AT | units;
}

static __u32 verdict_of(__u64 slot)
{
	return slot >> RECOGNISE_VERDICT_AT & 3;
}

static void test_windows(void **state)
{
	static const __u64 ticks[] = {10000000, 4000000, 3333333, 2000000, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
		assert_in_range(ticks[i] << recognise_shift(ticks[i]), 64000000, 128000000);
}

static void test_limits(void **state)
{
	struct recognise_limits l =
		recognise_limits_of(20000, 100000000, 20000, 10000000, WINDOW_NS);

	(void)state;
	assert_int_equal(l.units, limits.units);
	assert_int_equal(l.packets, limits.packets);
	l = recognise_limits_of(100000000, 100000000, 10000000, 10000000, WINDOW_NS);
	assert_true(l.units == NEVER && l.packets == NEVER);
	/* the least that the knobs can be is more than nothing, the most below never fits */
	l = recognise_limits_of(100, 100000000, 100, 10000000, WINDOW_NS);
	assert_true(l.units == 50 && l.packets == 6);
	l = recognise_limits_of(99999999, 100000000, 9999999, 10000000, 128000000);
	assert_int_equal(l.units, 99999999);
	assert_int_equal(l.packets, 1279999);
}

/* By bytes and seconds, as the knobs have it. */
static enum recognised defined(__u32 verdict, __u64 units, __u64 packets, bool tcp, bool never)
{
	double share = verdict == RECOGNISED_BULK ? 0.5 : 1, seconds = WINDOW_NS / 1e9;
	double bytes = (double)units * RECOGNISE_UNIT,
	       mean = packets ? bytes / (double)packets : 1e9;

	if (!never && mean >= 512 && bytes * 8 / seconds >= share * 20e6)
		return RECOGNISED_BULK;
	if (!never && !tcp && (double)packets / seconds >= share * 20e3)
		return RECOGNISED_BULK;
	return packets && packets <= 128 && mean < 512 ? RECOGNISED_REQUEST : RECOGNISED_NOT;
}

static void test_judged(void **state)
{
	static const __u64 sizes[] = {1, 4, 31, 32, 33, 95, 4096}; /* units of a packet */
	static const struct recognise_limits never = {NEVER, NEVER};
	unsigned seen[3] = {0};

	(void)state;
	for (__u64 packets = 0; packets < 1400; packets++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			for (__u32 how = 0; how < 12; how++) {
				__u64 units = packets * sizes[s];
				__u32 verdict = how % 3;
				bool tcp = how / 3 % 2, off = how / 6;
				enum recognised is =
					recognise_judged(slot_of(verdict, units, packets),
							 off ? &never : &limits, tcp);

				assert_int_equal(is, defined(verdict, units, packets, tcp, off));
				seen[is]++;
			}
		}
	}
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > 1000);
}

/* The verdict after what the first @nr windows said, by the definition. */
static __u32 told(const __u32 *said, int nr)
{
	__u32 verdict = RECOGNISED_NOT;
	int since = 0; /* windows before that have been made use of */

	for (int i = 0; i < nr; i++) {
		bool three = i - since >= 2;

		if (verdict == RECOGNISED_REQUEST && said[i] != RECOGNISED_REQUEST) {
			verdict = RECOGNISED_NOT;
			since = i;
		} else if (verdict == RECOGNISED_BULK && three && said[i] != RECOGNISED_BULK &&
			   said[i - 1] != RECOGNISED_BULK && said[i - 2] != RECOGNISED_BULK) {
			verdict = RECOGNISED_NOT;
			since = i + 1;
		} else if (verdict == RECOGNISED_NOT && three && said[i] &&
			   said[i] == said[i - 1] && said[i] == said[i - 2]) {
			verdict = said[i];
			since = i + 1;
		}
	}
	return verdict;
}

/* Whatever eight windows may say. */
static void test_mind(void **state)
{
	unsigned seen[3] = {0};

	(void)state;
	for (int story = 0; story < 6561; story++) {
		struct recognise_mind m = {0};
		__u32 said[WINDOWS_LEN];

		for (int i = 0, rest = story; i < WINDOWS_LEN; i++, rest /= 3) {
			said[i] = (__u32)rest % 3;
			recognise_step(&m, said[i]);
			assert_int_equal(m.verdict, told(said, i + 1));
			assert_true(m.streak < RECOGNISE_WINDOWS && m.candidate < 3);
		}
		seen[m.verdict]++;
	}
	assert_true(seen[RECOGNISED_BULK] > 100 && seen[RECOGNISED_REQUEST] > 100);
}

/* A window ends: nothing of it is left but what is thought. */
static void test_close(void **state)
{
	const __u64 bulk = slot_of(RECOGNISED_BULK, 20000, 300),
		    request = slot_of(RECOGNISED_REQUEST, 10, 2);
	__u64 at = 4090ULL << RECOGNISE_WINDOW_AT, next;

	(void)state;
	for (__u32 gap = 1; gap < 4096; gap++) {
		__u32 window = (4090 + gap) & RECOGNISE_WINDOW;

		next = recognise_close(at | bulk, window, &limits, true);
		if (gap == 4095) { /* it is a later one: as it is */
			assert_true(next == (at | bulk));
			continue;
		}
		assert_int_equal(recognise_window(next), window);
		assert_true(!recognise_units(next) && !recognise_packets(next));
		/* three empty windows are enough */
		assert_int_equal(verdict_of(next), gap > 3 ? RECOGNISED_NOT : RECOGNISED_BULK);
		next = recognise_close(at | request, window, &limits, true);
		assert_int_equal(verdict_of(next),
				 gap > RECOGNISE_FORGET ? RECOGNISED_NOT : RECOGNISED_REQUEST);
	}
	/* two windows of bulk, one empty, one of bulk: not three in a row */
	next = at;
	for (int i = 0; i < 4; i++)
		next = recognise_close(next | slot_of(0, 20000, 300),
				       recognise_window(next) + 1 + (i == 1), &limits, true);
	assert_int_equal(verdict_of(next), RECOGNISED_NOT);
	/* and with one more they are */
	next = recognise_close(next | slot_of(0, 20000, 300), recognise_window(next) + 1, &limits,
			       true);
	assert_int_equal(verdict_of(next), RECOGNISED_BULK);
}

/* It never gets into what stands above, however much comes. */
static void test_count(void **state)
{
	static const __u32 each[][2] = {
		{524288, 1}, {1, 1}, {524288, 65535}, {60, 2000}, {1 << 28, 1}};
	const __u64 above = ~0ULL << RECOGNISE_WINDOW_AT;

	(void)state;
	assert_int_equal(recognise_units(recognise_count(0, 16, 1)), 1);
	assert_int_equal(recognise_units(recognise_count(0, 17, 1)), 2);
	assert_int_equal(recognise_packets(recognise_count(0, 17, 3)), 3);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		__u64 slot = 0, before = ~0ULL;

		for (int n = 0; n < 300000; n++) {
			slot = recognise_count(slot | above, each[i][0], each[i][1]);
			assert_true((slot & above) == above);
		}
		while (slot != before) {
			before = slot;
			slot = recognise_count(slot, each[i][0], each[i][1]);
		}
		/* and what it says of the mean stays right */
		if (each[i][0] / each[i][1] >= 512)
			assert_int_equal(recognise_judged(slot & ~above, &limits, true),
					 RECOGNISED_BULK);
	}
}

static void test_verdict(void **state)
{
	(void)state;
	assert_int_equal(HS_FLOW_OTHERS + RECOGNISED_BULK, HS_FLOW_SEEN_BULK);
	assert_int_equal(HS_FLOW_OTHERS + RECOGNISED_REQUEST, HS_FLOW_SEEN_REQUEST);
	assert_int_equal(recognise_verdict(slot_of(RECOGNISED_BULK, 1, 1)), RECOGNISED_BULK);
	assert_int_equal(recognise_verdict(slot_of(RECOGNISED_NOT, 1, 1)), RECOGNISED_NOT);
	/* requests as long as they are few, and small */
	assert_int_equal(recognise_verdict(slot_of(RECOGNISED_REQUEST, 4096, 128)),
			 RECOGNISED_REQUEST);
	assert_int_equal(recognise_verdict(slot_of(RECOGNISED_REQUEST, 4096, 129)), RECOGNISED_NOT);
	assert_int_equal(recognise_verdict(slot_of(RECOGNISED_REQUEST, 4097, 128)), RECOGNISED_NOT);
}

/* What is thought of a flow of packets of @bytes, @hz a second, that runs for @windows more, from *@slot and *@window on. */
static enum recognised runs(__u64 *slot, __u32 *window, __u32 windows, __u32 bytes, __u32 hz,
			    bool tcp)
{
	__u64 due = 0;

	for (__u32 end = *window + windows; *window < end; (*window)++) {
		for (due += (__u64)hz * 64; due >= 1000; due -= 1000) {
			if (recognise_window(*slot) != (*window & RECOGNISE_WINDOW))
				*slot = recognise_close(*slot, *window, &limits, tcp);
			*slot = recognise_count(*slot, bytes, 1);
		}
	}
	return recognise_verdict(*slot);
}

static void test_flows(void **state)
{
	static const struct {
		const char *what;
		__u32 bytes, hz;
		bool tcp;
		enum recognised is;
	} flow[] = {
		{"a copy", 1514, 5000, true, RECOGNISED_BULK},
		{"a video call", 1200, 400, false, RECOGNISED_NOT},
		{"a flood of small datagrams", 60, 25000, false, RECOGNISED_BULK},
		{"a feed", 200, 15000, false, RECOGNISED_NOT},
		{"a fast transfer's ACKs", 66, 40000, true, RECOGNISED_NOT},
		{"ACKs of 40 Mbit/s", 66, 1700, true, RECOGNISED_REQUEST},
		{"voice", 214, 50, false, RECOGNISED_REQUEST},
		{"a shell", 100, 3, true, RECOGNISED_REQUEST},
		{"a question in 1.5 s", 100, 0, true, RECOGNISED_NOT},
		{"a slow copy", 1514, 300, true, RECOGNISED_NOT},
	};
	__u64 slot;
	__u32 window;

	(void)state;
	for (size_t i = 0; i < sizeof(flow) / sizeof(flow[0]); i++) {
		slot = window = 0;
		window++;
		if (runs(&slot, &window, 64, flow[i].bytes, flow[i].hz, flow[i].tcp) != flow[i].is)
			fail_msg("%s", flow[i].what);
	}
	/* the example: three windows, and the one that sees their end; slowed down; slower still; requests at last */
	slot = 0;
	window = 1;
	assert_int_equal(runs(&slot, &window, 3, 1500, 5000, true), RECOGNISED_NOT);
	assert_int_equal(runs(&slot, &window, 1, 1500, 5000, true), RECOGNISED_BULK);
	assert_int_equal(runs(&slot, &window, 50, 1500, 1000, true), RECOGNISED_BULK);
	assert_int_equal(runs(&slot, &window, 3, 1500, 667, true), RECOGNISED_BULK);
	assert_int_equal(runs(&slot, &window, 1, 1500, 667, true), RECOGNISED_NOT);
	assert_int_equal(runs(&slot, &window, 5, 100, 100, true), RECOGNISED_REQUEST);
	/* and then a copy on the same connection: not one window is first in line with it */
	assert_int_equal(runs(&slot, &window, 1, 1500, 5000, true), RECOGNISED_NOT);
}

#define HEAD "name: a\ninterfaces:\n  - { name: eth0 }\n"
#define STATED                                                                                     \
	HEAD "recognise: true\nknobs:\n  - { name: net.recognise.bulk_kbit, value: 50mbit }\n"

static void test_profile(void **state)
{
	static const struct {
		const char *text;
		__u32 recognise;
		__u64 kbit, flood_hz;
	} right[] = {
		{HEAD, 0, 40000000, 1200000},
		{HEAD "recognise: false\n", 0, 40000000, 1200000},
		{HEAD "recognise: true\n", 1, 20000, 20000},
		{STATED, 1, 50000, 20000},
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
		{HEAD "recognise: maybe\n", "p:4: 'recognise: maybe'; expected true or false"},
		{HEAD "recognise: { bulk: 1 }\n", "p:4: "},
		{"name: a\nrecognise: true\n", "p:2: recognise without interfaces"},
	};
	static struct profile p;
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (profile_parse(&p, "p", right[i].text, strlen(right[i].text), error,
				  sizeof(error)))
			fail_msg("%s", error);
		assert_int_equal(p.recognise, right[i].recognise);
		assert_int_equal(p.knob[HS_KNOB_RECOGNISE_BULK].value, right[i].kbit);
		assert_int_equal(p.knob[HS_KNOB_RECOGNISE_FLOOD].value, right[i].flood_hz);
		/* then a rule that moves the limit of bulk has something to move it for */
		assert_int_equal(profile_holds_bulk(&p), right[i].recognise);
		profile_free(&p);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(profile_parse(&p, "p", bad[i].text, strlen(bad[i].text), error,
					       sizeof(error)),
				 -EINVAL);
		if (strncmp(error, bad[i].why, strlen(bad[i].why)))
			fail_msg("'%s', not '%s'", error, bad[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_judged),	cmocka_unit_test(test_mind),
		cmocka_unit_test(test_close),	cmocka_unit_test(test_count),
		cmocka_unit_test(test_verdict), cmocka_unit_test(test_flows),
		cmocka_unit_test(test_profile),
	};

	return cmocka_run_group_tests_name("recognise", tests, NULL, NULL);
}
