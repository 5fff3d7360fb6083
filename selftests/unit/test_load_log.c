// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which family a failed load is blamed on, from libbpf's own words. */
#include "fixture.h"

#include "kernel.h"

static void blames(void **state)
{
	static const struct {
		const char *log;
		enum family_id family;
		const char *why;
	} cases[] = {
		{"libbpf: prog 'tasks': BPF program load failed: Invalid argument\n"
		 "libbpf: prog 'tasks': -- BEGIN PROG LOAD LOG --\n"
		 "0: (b7) r1 = 1\n"
		 "R1 invalid mem access 'scalar'\n"
		 "processed 12 insns (limit 1000000)\n"
		 "-- END PROG LOAD LOG --\n"
		 "libbpf: prog 'tasks': failed to load: -22\n"
		 "libbpf: failed to load object 'homeostat_bpf'\n",
		 FAMILY_TASKS, "R1 invalid mem access 'scalar'"},
		{"libbpf: prog 'sense_switch': failed to find kernel BTF type ID of "
		 "'sched_switch': -3\n",
		 FAMILY_SENSE,
		 "prog 'sense_switch': failed to find kernel BTF type ID of "
		 "'sched_switch': -3"},
		{"libbpf: struct_ops init_kern: struct sched_ext_ops is not found in kernel BTF\n",
		 FAMILY_SCHED,
		 "struct_ops init_kern: struct sched_ext_ops is not found in kernel BTF"},
		{"libbpf: extern (func ksym) 'scx_bpf_create_dsq': func_proto [12] incompatible "
		 "with "
		 "vmlinux [99]\n",
		 FAMILY_SCHED,
		 "extern (func ksym) 'scx_bpf_create_dsq': func_proto [12] "
		 "incompatible with vmlinux [99]"},
		{"libbpf: Error in bpf_create_map_xattr(GATE): -1\n", FAMILY_NR, ""},
		{"libbpf: prog 'nobody': failed\n", FAMILY_NR, ""},
		{"", FAMILY_NR, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[256];

		assert_int_equal(load_log_blame(cases[i].log, why, sizeof(why)), cases[i].family);
		assert_string_equal(why, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(blames)};

	return cmocka_run_group_tests_name("load_log", tests, NULL, NULL);
}
