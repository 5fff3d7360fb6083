// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Places of declared workloads: over a reload, an index never comes to mean another workload. */
#include "fixture.h"

#include "policy.h"

static struct profile_workload rows[2][PROFILE_WORKLOADS_MAX];
static struct profile running = {.workload = rows[0]}, fresh = {.workload = rows[1]};

/* Words of one letter: the names. */
static void declare(struct profile *p, const char *names)
{
	p->workload_nr = (__u32)strlen(names);
	memset(p->workload, 0, p->workload_nr * sizeof(*p->workload));
	for (__u32 i = 0; i < p->workload_nr; i++)
		p->workload[i].workload.name[0] = names[i];
}

static __u32 slot_of(const struct profile *p, char name)
{
	for (__u32 i = 0; i < p->workload_nr; i++) {
		if (p->workload[i].workload.name[0] == name)
			return p->workload[i].slot;
	}
	return HS_WORKLOAD_SELF;
}

static void names_keep_their_slots(void **state)
{
	static const struct profile none;

	(void)state;
	declare(&running, "abc");
	policy_slots(&none, &running);
	for (__u32 i = 0; i < 3; i++)
		assert_int_equal(running.workload[i].slot, WORKLOAD_FIRST + i);
	/* another order, one gone, one new: the new one does not take the place of the gone one */
	declare(&fresh, "xca");
	policy_slots(&running, &fresh);
	assert_int_equal(slot_of(&fresh, 'a'), slot_of(&running, 'a'));
	assert_int_equal(slot_of(&fresh, 'c'), slot_of(&running, 'c'));
	assert_int_equal(slot_of(&fresh, 'x'), WORKLOAD_FIRST + 3);
	assert_null(policy_workload(&fresh, slot_of(&running, 'b')));
	assert_ptr_equal(policy_workload(&fresh, WORKLOAD_FIRST + 3), &fresh.workload[0]);
	/* with the next profile it is free */
	declare(&running, "yxca");
	policy_slots(&fresh, &running);
	assert_int_equal(slot_of(&running, 'y'), WORKLOAD_FIRST + 1);
	assert_int_equal(slot_of(&running, 'x'), WORKLOAD_FIRST + 3);
}

/* All places taken: nobody gets the daemon's, no two get the same. */
static void a_full_house(void **state)
{
	char names[PROFILE_WORKLOADS_MAX + 1] = "";
	bool seen[HS_WORKLOADS_MAX] = {[HS_WORKLOAD_SELF] = true};
	static const struct profile none;

	(void)state;
	memset(names, 0, sizeof(names));
	for (int i = 0; i < PROFILE_WORKLOADS_MAX; i++)
		names[i] = (char)('A' + i);
	declare(&running, names);
	policy_slots(&none, &running);
	for (int i = 1; i < PROFILE_WORKLOADS_MAX; i += 2)
		names[i] = (char)(names[i] | 0x80);
	declare(&fresh, names);
	policy_slots(&running, &fresh);
	for (int i = 0; i < PROFILE_WORKLOADS_MAX; i++) {
		__u32 slot = fresh.workload[i].slot;

		assert_true(slot < HS_WORKLOADS_MAX && !seen[slot]);
		seen[slot] = true;
		if (i % 2 == 0)
			assert_int_equal(slot, running.workload[i].slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_keep_their_slots),
		cmocka_unit_test(a_full_house),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
