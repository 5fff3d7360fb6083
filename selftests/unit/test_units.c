// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "fixture.h"

#include "names.h"
#include "parse.h"
#include "units.h"

static void parses(void **state)
{
	static const struct {
		const char *text;
		enum unit unit;
		int err;
		__u64 value;
	} cases[] = {
		{"8ms", UNIT_US, 0, 8000},
		{"500us", UNIT_US, 0, 500},
		{"2s", UNIT_MS, 0, 2000},
		{"1500us", UNIT_MS, -EDOM, 0},
		{"1000ns", UNIT_US, 0, 1},
		{"1ns", UNIT_US, -EDOM, 0},
		{"0ms", UNIT_NS, 0, 0},
		{"300permille", UNIT_PERMILLE, 0, 300},
		{"30%", UNIT_PERMILLE, 0, 300},
		{"7.5%", UNIT_PERMILLE, 0, 75},
		{"7.55%", UNIT_PERMILLE, -EINVAL, 0},
		{"7.5ms", UNIT_NS, -EINVAL, 0},
		{"300", UNIT_PERMILLE, -EPROTO, 0},
		{"16", UNIT_COUNT, 0, 16},
		{"16ms", UNIT_COUNT, -EPROTO, 0},
		{"500", UNIT_HZ, 0, 500},
		{"500hz", UNIT_HZ, 0, 500},
		{"8MiB", UNIT_BYTES, 0, 8 << 20},
		{"20mbit", UNIT_KBIT, 0, 20000},
		{"1gbit", UNIT_KBIT, 0, 1000000},
		{"500kbit", UNIT_KBIT, 0, 500},
		{"500", UNIT_KBIT, -EPROTO, 0},
		{"85C", UNIT_MC, 0, 85000},
		{"62500mC", UNIT_MC, 0, 62500},
		{"85", UNIT_MC, -EPROTO, 0},
		{"1C/s", UNIT_MC_S, 0, 1000},
		{"65W", UNIT_MW, 0, 65000},
		{"500mW", UNIT_MW, 0, 500},
		{"20mJ", UNIT_NJ, 0, 20000000},
		{"1uJ", UNIT_NJ, 0, 1000},
		{"8", UNIT_US, -EPROTO, 0},
		{"", UNIT_US, -EINVAL, 0},
		{"-8ms", UNIT_US, -EINVAL, 0},
		{"+8ms", UNIT_US, -EINVAL, 0},
		{" 8ms", UNIT_US, -EINVAL, 0},
		{"8 ms", UNIT_US, -EINVAL, 0},
		{"0x8ms", UNIT_US, -EINVAL, 0},
		{"8msx", UNIT_US, -EPROTO, 0},
		{"18446744073709551615ns", UNIT_NS, 0, ~0ULL},
		{"18446744073709551616ns", UNIT_NS, -ERANGE, 0},
		{"18446744073709551615s", UNIT_NS, -ERANGE, 0},
		{"99999999999999999999999", UNIT_COUNT, -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		__u64 value = 4711;
		int err = unit_parse(cases[i].text, cases[i].unit, &value);

		if (err != cases[i].err || value != (err ? 4711 : cases[i].value))
			fail_msg("'%s' in %s: %d, %llu", cases[i].text, unit_name(cases[i].unit),
				 err, value);
		assert_true(strlen(unit_error(err)));
	}
}

static void formats(void **state)
{
	static const struct {
		__u64 value;
		enum unit unit;
		const char *text;
	} cases[] = {
		{0, UNIT_NS, "0 ns"},
		{999, UNIT_NS, "999 ns"},
		{1000, UNIT_NS, "1 us"},
		{1250, UNIT_NS, "1.25 us"},
		{12500, UNIT_NS, "12.5 us"},
		{100000, UNIT_NS, "100 us"},
		{8000, UNIT_US, "8 ms"},
		{100, UNIT_MS, "100 ms"},
		{1500, UNIT_MS, "1.5 s"},
		{300, UNIT_PERMILLE, "30 %"},
		{75, UNIT_PERMILLE, "7.5 %"},
		{12300, UNIT_HZ, "12300 /s"},
		{16, UNIT_COUNT, "16"},
		{8 << 20, UNIT_BYTES, "8 MiB"},
		{1000, UNIT_BYTES, "1000 B"},
		{999, UNIT_KBIT, "999 kbit/s"},
		{20000, UNIT_KBIT, "20 Mbit/s"},
		{1500000, UNIT_KBIT, "1.5 Gbit/s"},
		{62500, UNIT_MC, "62.5 C"},
		{200, UNIT_MC_S, "0.2 C/s"},
		{500, UNIT_MW, "500 mW"},
		{65000, UNIT_MW, "65 W"},
		{1200000, UNIT_MW, "1.2 kW"},
		{800, UNIT_NJ, "800 nJ"},
		{20000000, UNIT_NJ, "20 mJ"},
		{12345678901234, UNIT_NJ, "12346 J"},
	};
	char buf[32], tiny[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(unit_format(buf, sizeof(buf), cases[i].value, cases[i].unit),
				    cases[i].text);
	assert_string_equal(unit_format(tiny, sizeof(tiny), 1250, UNIT_NS), "1.2");
}

/* Every unit that abi.h names is one we can read and write. */
static void tables_have_units(void **state)
{
	(void)state;
	for (int i = 0; i < HS_VITAL_NR; i++) {
		assert_true(unit_find(vital_infos[i].unit) >= 0);
		assert_int_equal(vital_find(vital_infos[i].name), i);
		assert_string_equal(vital_name((__u32)i), vital_infos[i].name);
	}
	for (int i = 0; i < HS_KNOB_NR; i++) {
		const struct hs_bound *b = &knob_infos[i].bound;

		assert_true(unit_find(knob_infos[i].unit) >= 0);
		assert_int_equal(knob_find(knob_infos[i].name), i);
		assert_true(b->min <= b->stock && b->stock <= b->max && b->slew_per_s);
	}
	assert_int_equal(unit_find("furlong"), -ENOENT);
	assert_int_equal(vital_find(""), -ENOENT);
	assert_string_equal(knob_name(HS_KNOB_NR), "?");
	assert_string_equal(trip_name(~0U), "?");
	assert_int_equal(mode_find("act"), HS_MODE_ACT);
	assert_int_equal(class_find("batch"), HS_CLASS_BATCH);
	for (int i = 0; i < HS_COUNT_NR; i++)
		assert_true(strlen(counter_infos[i].meaning));
}

static void numbers(void **state)
{
	const char *text = "99%";
	__u64 v = 1;

	(void)state;
	assert_int_equal(parse_digits(&text, 98, &v), -ERANGE);
	assert_string_equal(text, "99%");
	assert_int_equal(parse_digits(&text, 99, &v), 0);
	assert_int_equal(v, 99);
	assert_int_equal(parse_digits(&text, 99, &v), -EINVAL);
	assert_string_equal(text, "%");
	assert_int_equal(parse_u64("18446744073709551615", &v), 0);
	assert_true(v == ~0ULL);
	assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_u64("", &v), -EINVAL);
	assert_int_equal(parse_u64("-1", &v), -EINVAL);
	assert_int_equal(parse_u64("1x", &v), -EINVAL);
	assert_int_equal(parse_u64_max("10", 9, &v), -ERANGE);
	assert_int_equal(parse_u64_max("9", 9, &v), 0);
}

static void cpu_lists(void **state)
{
	__u64 set[2];

	(void)state;
	assert_int_equal(parse_cpus("0-3,8,64", set, 2), 0);
	assert_true(set[0] == 0x10f && set[1] == 1);
	assert_int_equal(parse_cpus("", set, 2), 0);
	assert_true(!set[0] && !set[1]);
	assert_int_equal(parse_cpus("(null)", set, 2), 0);
	assert_int_equal(parse_cpus("127", set, 2), 0);
	assert_int_equal(parse_cpus("128", set, 2), -ERANGE);
	assert_int_equal(parse_cpus("3-1", set, 2), -EINVAL);
	assert_int_equal(parse_cpus("1,", set, 2), -EINVAL);
	assert_int_equal(parse_cpus("a", set, 2), -EINVAL);
	assert_int_equal(parse_cpus("0-", set, 2), -EINVAL);
	assert_int_equal(parse_cpus("99999999999999999999", set, 2), -ERANGE);
}

static void files(void **state)
{
	char root[64], buf[8];

	(void)state;
	tree_make(root);
	tree_put(root, "/proc/a", "42\n");
	tree_put(root, "/proc/long", "1234567890");
	assert_int_equal(read_file(root, "/proc/a", buf, sizeof(buf)), 2);
	assert_string_equal(buf, "42");
	assert_int_equal(read_filef(root, buf, sizeof(buf), "/%s/a", "proc"), 2);
	assert_int_equal(read_file(root, "/proc/long", buf, sizeof(buf)), -EFBIG);
	assert_string_equal(buf, "1234567");
	assert_int_equal(read_file(root, "/proc/none", buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "");
	tree_free(root);
}

static void paths(void **state)
{
	char root[64], full[128], here[PATH_MAX], buf[PATH_MAX];

	(void)state;
	tree_make(root);
	tree_put(root, "/a", "");
	snprintf(full, sizeof(full), "%s/link", root);
	assert_int_equal(symlink("a", full), 0);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(root), 0);
	assert_int_equal(path_absolute(buf, sizeof(buf), "link"), 0);
	assert_string_equal(buf, full); /* not where it points to today */
	assert_int_equal(path_absolute(buf, 8, "link"), -ENAMETOOLONG);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(path_absolute(buf, sizeof(buf), "/x"), 0);
	assert_string_equal(buf, "/x");
	tree_free(root);
}

/* What does not fit in 64 bits, at each place where it may stop to fit; names and numbers that are none. */
static void beyond(void **state)
{
	char text[32], path[PATH_MAX + 8];
	__u64 v = 7, set[1];

	(void)state;
	assert_int_equal(unit_parse("99999999999999999999s", UNIT_NS, &v), -ERANGE);
	assert_int_equal(unit_parse("1844674407370955162.0%", UNIT_PERMILLE, &v), -ERANGE);
	assert_int_equal(unit_parse("18446744073709551615%", UNIT_PERMILLE, &v), -ERANGE);
	assert_int_equal(unit_parse("1", UNIT_NR, &v), -EINVAL);
	assert_true(v == 7);
	assert_string_equal(unit_name(UNIT_PERMILLE), "permille");
	assert_string_equal(unit_format(text, sizeof(text), 2048, UNIT_BYTES), "2 KiB");
	assert_int_equal(parse_u64_max("x", 10, &v), -EINVAL);
	assert_int_equal(parse_cpus("0-x", set, 1), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(read_file("", path, text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(read_filef("", text, sizeof(text), "%s", path), -ENAMETOOLONG);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),  cmocka_unit_test(formats),
		cmocka_unit_test(numbers), cmocka_unit_test(tables_have_units),
		cmocka_unit_test(files),   cmocka_unit_test(cpu_lists),
		cmocka_unit_test(paths),   cmocka_unit_test(beyond),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
