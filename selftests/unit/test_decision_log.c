// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A log of decisions as it is read: what is refused, what is told, and what two records of one call differ in. */
#include "fixture.h"

#include "cli/recompute.h"
#include "decision_fixture.h"

static struct log_image image;
static struct decision_log l;
static char error[512];

static int setup(void **state)
{
	(void)state;
	log_image(&image);
	*error = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	decision_log_close(&l);
	return 0;
}

static int opened(size_t size)
{
	return decision_log_open(&l, fmemopen(&image, size, "r"), error, sizeof(error));
}

/* Reads all of it; what the last decision_log_next() said. */
static int read_all(size_t size)
{
	int rc;

	assert_int_equal(opened(size), 0);
	while ((rc = decision_log_next(&l, error, sizeof(error))) > 0)
		;
	return rc;
}

static void refused(const char *why)
{
	assert_int_equal(read_all(sizeof(image)), -EINVAL);
	assert_non_null(strstr(error, why));
	teardown(NULL);
	log_image(&image);
}

static void test_reads(void **state)
{
	(void)state;
	assert_int_equal(opened(sizeof(image)), 0);
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 1);
	assert_int_equal(l.record.mark.type, HS_DECISION_STATE);
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 1);
	assert_int_equal(l.record.call.run, 2);
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 1);
	assert_memory_equal(decision_items(&l.record.call), &image.wish, 2 * sizeof(image.wish));
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 1);
	assert_string_equal(decision_type_name(l.record.call.type), "rules");
	assert_false(l.ended);
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 0);
	assert_true(l.ended && !l.cut && !l.lost && !l.torn);
	assert_int_equal(l.number, 4);
	assert_int_equal(decision_log_next(&l, error, sizeof(error)), 0);
}

/* Cut anywhere: everything before the cut counts, and the cut is told. */
static void test_cut(void **state)
{
	size_t whole[] = {offsetof(struct log_image, state), offsetof(struct log_image, reset),
			  offsetof(struct log_image, wishes), offsetof(struct log_image, rules),
			  offsetof(struct log_image, end)};

	(void)state;
	for (size_t size = sizeof(image.head);
	     size<sizeof(image); size += size> sizeof(image.state) ? 1 : 97) {
		unsigned int before = 0;
		bool between = false;

		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
			before += i && whole[i] <= size;
			between |= whole[i] == size;
		}
		assert_int_equal(read_all(size), 0);
		assert_int_equal(l.number, before);
		assert_int_equal(l.cut, !between);
		assert_false(l.ended);
		decision_log_close(&l);
	}
}

static void test_head(void **state)
{
	(void)state;
	assert_int_equal(opened(sizeof(image.head) - 1), -EINVAL);
	assert_non_null(strstr(error, "no log of decisions"));
	decision_log_close(&l);
	image.head.magic[0] = 'h';
	assert_int_equal(opened(sizeof(image)), -EINVAL);
	decision_log_close(&l);
	log_image(&image);
	image.head.version++;
	assert_int_equal(opened(sizeof(image)), -EINVAL);
	assert_non_null(strstr(error, "version 2 of such logs"));
	decision_log_close(&l);
	log_image(&image);
	image.head.abi_version--;
	assert_int_equal(opened(sizeof(image)), -EINVAL);
	assert_non_null(strstr(error, "use that one"));
	decision_log_close(&l);
	log_image(&image);
	memset(image.head.program, 'x', sizeof(image.head.program));
	assert_int_equal(opened(sizeof(image)), -EINVAL);
	decision_log_close(&l);
	errno = ENOENT;
	assert_int_equal(decision_log_open(&l, NULL, error, sizeof(error)), -ENOENT);
	assert_string_equal(error, strerror(ENOENT));
}

static void test_numbers(void **state)
{
	(void)state;
	image.state.mark.type = HS_DECISION_NR;
	refused("record 1: no such record");
	image.state.mark.size -= 8;
	refused("record 1 (state): it is no state of this version");
	image.state.config.rules_nr = HS_RULES_MAX + 1;
	refused("out of range");
	image.state.config.rules_base = 1;
	refused("out of range");
	image.reset.run = 3;
	refused("record 2 (reset): a number in it is out of range");
	image.reset.moving = 1ULL << HS_KNOB_NR;
	refused("out of range");
	image.reset.acting = HS_SLOTS + 1;
	refused("out of range");
	image.reset.near = HS_VITAL_NR + 1;
	refused("out of range");
	image.reset.trip = HS_TRIP_NR;
	refused("out of range");
	image.reset.flags = 2;
	refused("out of range");
	image.wishes.items = 3;
	refused("record 3 (wishes): its size is not that of its items");
	image.wishes.items = ~0U;
	refused("its size is not that of its items");
	image.wishes.size = 16;
	refused("no such record");
	image.wishes.size = 32;
	refused("its size is not that of its items");
	image.wishes.size += 4;
	refused("no such record");
}

static void test_items(void **state)
{
	(void)state;
	image.wish.id = HS_KNOB_NR;
	refused("record 3 (wishes): an item of it is out of range");
	image.wish.a = HS_CAUSE_NR;
	refused("an item");
	image.wish.c = 1ULL << 32;
	refused("an item");
	image.wish.kind = HS_DECIDED_NR;
	refused("an item");
	image.aimed.a = HS_RULES_MAX << 16;
	refused("an item");
	image.aimed.a = 2 << 8;
	refused("an item");
	image.vital.id = HS_VITAL_NR;
	refused("record 4 (rules): an item");
	image.vital.a = 4;
	refused("an item");
	image.slot.id = HS_SLOTS;
	refused("an item");
	image.slot.a = HS_SLOT_END_NR << 8;
	refused("an item");
	image.slot.b = 1ULL << 31;
	refused("an item");
	image.answer.a = HS_SLOTS;
	refused("an item");
	image.answer.kind = HS_DECIDED_SUMS;
	image.answer.d = 1;
	refused("an item");
}

static void test_order(void **state)
{
	(void)state;
	image.rules.seq++;
	refused("record 4 (rules): calls are missing before it");
	image.reset.seq--;
	refused("record 2 (reset): calls are missing before it");
	/* a call that is marked is the last one before a state */
	image.wishes.flags = HS_DECISION_TORN;
	refused("record 4 (rules): a call without the state before it");
	image.end.lost = 2;
	refused("record 5: something follows the end");
	image.end.size += 8;
	assert_int_equal(read_all(sizeof(image)), 0);
	assert_true(l.cut && !l.ended);
	decision_log_close(&l);
	log_image(&image);
	/* what was lost before it began is nothing to it */
	image.end.lost = 8;
	assert_int_equal(read_all(sizeof(image)), 0);
	assert_int_equal(l.lost, 5);
}

static void differ(const char *text)
{
	struct log_image other;

	log_image(&other);
	assert_true(recompute_differs(&other.wishes, &image.wishes, error, sizeof(error)) ||
		    recompute_differs(&other.rules, &image.rules, error, sizeof(error)));
	assert_string_equal(error, text);
	log_image(&image);
}

static void test_differs(void **state)
{
	struct log_image other;

	(void)state;
	log_image(&other);
	assert_false(recompute_differs(&other.wishes, &image.wishes, error, sizeof(error)));
	image.aimed.c = 7000;
	differ("sched.slice.batch_us: recorded 5000 on its way to 8000, base 8000 (profile); "
	       "recomputed 5000 on its way to 7000, base 8000 (profile)");
	image.aimed.a |= 1 << 8;
	differ("sched.slice.batch_us: recorded 5000 on its way to 8000, base 8000 (profile); "
	       "recomputed 5000 on its way to 8000, base 8000 (profile, frozen)");
	image.wishes.items = 1;
	image.wishes.size -= sizeof(image.aimed);
	differ("sched.slice.batch_us: recorded 5000 on its way to 8000, base 8000 (profile); "
	       "recomputed nothing new");
	image.slot.a |= HS_SLOT_END_RUBBISH << 8;
	differ("the policy in slot 0: recorded asked, returned 0, none; recomputed asked, returned "
	       "0, rubbish");
	image.answer.b = 3001;
	differ("sched.slice.batch_us: recorded wished 3000; recomputed wished 3001");
	image.wishes.moving = 0;
	differ("knobs on their way: recorded 0x4; recomputed 0");
	image.rules.distress = 0;
	differ("rules in distress: recorded 1; recomputed 0");
	image.rules.acting = 0;
	differ("slot that acts (0 = rules): recorded 1; recomputed 0");
	image.rules.frozen = 2;
	differ("frozen knobs: recorded 0; recomputed 2");
	/* the other way round */
	other.rules.items = 2;
	other.rules.size -= sizeof(other.answer);
	assert_true(recompute_differs(&other.rules, &image.rules, error, sizeof(error)));
	assert_string_equal(error,
			    "sched.slice.batch_us: recorded nothing new; recomputed wished 3000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_items, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differs, setup, teardown),
	};

	return cmocka_run_group_tests_name("decision_log", tests, NULL, NULL);
}
