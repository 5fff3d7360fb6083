// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* GRUB's environment block: wherever our line comes to stand, and wherever a power cut comes between, GRUB reads nothing wrong. */
#include "boot_fixture.h"

#include "../../user/lib/boot_grubenv.h"

/* A block whose variables end at @end: others' lines before and behind `middle`, which may be ours, empty, or a comment. */
static void make(char block[1025], const char *middle, size_t end, const char *behind)
{
	size_t at = 25, tail = strlen(middle) + strlen(behind);

	memset(block, '#', 1024);
	block[1024] = '\0';
	memcpy(block, "# GRUB Environment Block\n", 25);
	assert_true(end >= at + 4 + tail);
	/* one variable fills it up: f=xxx… */
	memset(block + at, 'x', end - tail - at);
	memcpy(block + at, "f=", 2);
	block[end - tail - 1] = '\n';
	memcpy(block + end - tail, middle, strlen(middle));
	memcpy(block + end - strlen(behind), behind, strlen(behind));
}

static unsigned int states; /* blocks that GRUB could have found */

/* What GRUB may find at any time: others' variables, and next_entry once at most, empty or ours. Is it ours? */
static bool sane(const char *block, const char *before)
{
	char a[128], b[128], why[GRUBENV_WHY_LEN];
	unsigned int nr = 0;

	states++;
	assert_int_equal(grubenv_check(block, 1024, why, sizeof(why)), 0);
	for (const char *name = "f\0after\0"; *name; name += strlen(name) + 1) {
		assert_int_equal(env_value(before, name, a), env_value(block, name, b));
		if (env_value(before, name, a))
			assert_string_equal(a, b);
	}
	for (const char *at = block; (at = strstr(at, "\nnext_entry=")); at++)
		nr++;
	assert_true(nr <= 2);
	if (!env_value(block, "next_entry", a) || !a[0])
		return false;
	assert_string_equal(a, GRUB_ENTRY);
	assert_int_equal(nr, 1); /* of two GRUB would forget the first, and boot the last again */
	return true;
}

/* Each write of a plan, torn nowhere as it is one sector; then GRUB forgets at that moment, too. */
static void run(char block[1025], const struct grubenv_plan *plan, const char *before)
{
	char booted[1025], value[128];

	for (unsigned int i = 0; i < plan->nr; i++) {
		memcpy(block + plan->write[i].at, plan->write[i].bytes, GRUBENV_SECTOR);
		if (!sane(block, before))
			continue;
		memcpy(booted, block, 1025);
		env_forget(booted, "next_entry");
		assert_true(env_value(booted, "next_entry", value) && !value[0]);
		assert_false(sane(booted, before));
	}
}

static void at_each_place(void **state)
{
	static const char *const middles[] = {"",
					      "next_entry=\n",
					      "###########\n",
					      "next_entry=homeostat-once\n",
					      "next_entry=\nnext_entry=\n",
					      "# words\n"};
	static const char *const behinds[] = {"", "after=1\n", "###\n"};
	char before[1025], block[1025], why[GRUBENV_WHY_LEN];
	struct grubenv_plan plan;
	unsigned int set = 0, full = 0;

	(void)state;
	for (size_t m = 0; m < sizeof(middles) / sizeof(*middles); m++) {
		for (size_t k = 0; k < 3; k++) {
			for (size_t end = 80; end <= 1024; end++) {
				make(before, middles[m], end, behinds[k]);
				memcpy(block, before, 1025);
				if (grubenv_plan_set(block, &plan, why, sizeof(why))) {
					assert_non_null(strstr(why, "full"));
					assert_true(end > 1024 - 26);
					full++;
					continue;
				}
				assert_true(plan.nr <= 4);
				run(block, &plan, before);
				assert_true(sane(block, before));
				set++;
				/* once more is nothing more */
				assert_int_equal(grubenv_plan_set(block, &plan, why, sizeof(why)),
						 0);
				assert_int_equal(plan.nr, 0);
				grubenv_plan_clear(block, &plan);
				run(block, &plan, before);
				assert_false(sane(block, before));
				grubenv_plan_clear(block, &plan);
				assert_int_equal(plan.nr, 0);
			}
		}
	}
	assert_true(set > 15000 && full > 100);
	print_message("grubenv: %u blocks set and cleared, %u full; %u states that GRUB could "
		      "find\n",
		      set, full, states);
}

/* A block does not fill up: GRUB's empty line is used again and again. */
static void does_not_fill_up(void **state)
{
	char block[1025], why[GRUBENV_WHY_LEN];
	struct grubenv_plan plan;

	(void)state;
	make(block, "", 990, "");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(grubenv_plan_set(block, &plan, why, sizeof(why)), 0);
		run(block, &plan, block);
		env_forget(block, "next_entry");
	}
}

static void refused(const char *block, size_t len, const char *part)
{
	char why[GRUBENV_WHY_LEN] = "";

	assert_int_equal(grubenv_check(block, len, why, sizeof(why)), -EBADMSG);
	if (!strstr(why, part))
		fail_msg("expected '%s' in '%s'", part, why);
}

static void refusals(void **state)
{
	char block[1025], value[8], why[GRUBENV_WHY_LEN];
	struct grubenv_plan plan;

	(void)state;
	make(block, "", 100, "");
	refused(block, 1023, "1023 bytes");
	refused(block, 0, "0 bytes");
	block[0] = '!';
	refused(block, 1024, "does not begin");
	make(block, "no equals sign\n", 200, "");
	refused(block, 1024, "no line NAME=VALUE");
	make(block, "=x\n", 200, "");
	refused(block, 1024, "no line NAME=VALUE");
	make(block, "a=1", 1024, ""); /* without an end */
	refused(block, 1024, "no line NAME=VALUE");
	make(block, "a=1\\", 1024, "");
	refused(block, 1024, "no line NAME=VALUE");
	make(block, "a=1\n", 200, "");
	block[198] = '\0';
	refused(block, 1024, "no line NAME=VALUE");
	make(block, "#odd\n", 200, "");
	refused(block, 1024, "no comment");
	make(block, "# odd \\\n", 200, "");
	refused(block, 1024, "no comment");
	make(block, "next_entry=1>2\n", 200, "");
	assert_int_equal(grubenv_plan_set(block, &plan, why, sizeof(why)), -EEXIST);
	assert_non_null(strstr(why, "1>2"));
	grubenv_plan_clear(block, &plan);
	assert_int_equal(plan.nr, 0); /* it is not ours to clear */
	/* GRUB would empty the first of two lines, and boot the last again */
	make(block, "next_entry=1>2\nnext_entry=\n", 200, "");
	assert_int_equal(grubenv_plan_set(block, &plan, why, sizeof(why)), -EEXIST);
	make(block, "next_entry=1>2\n", 200, "");
	assert_int_equal(grubenv_get(block, "f", value, sizeof(value)), -E2BIG);
	assert_int_equal(grubenv_get(block, "next", value, sizeof(value)), -ENOENT);
	assert_int_equal(grubenv_get(block, "next_entry", value, sizeof(value)), 0);
	assert_string_equal(value, "1>2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_each_place),
		cmocka_unit_test(does_not_fill_up),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("boot_grubenv", tests, NULL, NULL);
}
