// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Which family a failed load is blamed on, from libbpf's own words; and the log itself. */
#include "fixture.h"

#include <bpf/libbpf.h>

#include "kernel.h"
#include "load_log.h"
#include "log.h"

/* Speaks as libbpf does, through the function that is set. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	va_list ap;

	libbpf_set_print(print);
	va_start(ap, fmt);
	print(LIBBPF_WARN, fmt, ap);
	va_end(ap);
}

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
		{"libbpf: prog 'rematch': failed to load: -22\n", FAMILY_TASKS,
		 "prog 'rematch': failed to load: -22"},
		{"libbpf: prog 'loss_init': BPF program load failed: Invalid argument\n"
		 "libbpf: prog 'loss_init': -- BEGIN PROG LOAD LOG --\n"
		 "kfunc 'bbr_init' is referenced but wasn't resolved\n"
		 "processed 0 insns (limit 1000000)\n"
		 "-- END PROG LOAD LOG --\n",
		 FAMILY_TCP_LOSS, "kfunc 'bbr_init' is referenced but wasn't resolved"},
		{"libbpf: prog 'tcp_acked': failed to load: -22\n", FAMILY_TCP,
		 "prog 'tcp_acked': failed to load: -22"},
		{"libbpf: prog 'sockops_connection': failed to load: -1\n", FAMILY_SOCKOPS,
		 "prog 'sockops_connection': failed to load: -1"},
		{"libbpf: prog 'sockets_list': failed to load: -1\n", FAMILY_SOCKETS,
		 "prog 'sockets_list': failed to load: -1"},
		{"libbpf: struct_ops init_kern tcp_ops: Cannot find member release in kernel BTF\n",
		 FAMILY_TCP,
		 "struct_ops init_kern tcp_ops: Cannot find member release in kernel BTF"},
		{"libbpf: struct_ops init_kern loss_ops: Cannot find member x in kernel BTF\n",
		 FAMILY_TCP_LOSS,
		 "struct_ops init_kern loss_ops: Cannot find member x in kernel BTF"},
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

/* A verifier's log of any length: what counts is its end. */
static void keeps_the_end(void **state)
{
	static const char end[] = "R1 is not what it should be\nprocessed 12 insns\n";
	size_t size = 100000;
	char *log = malloc(size), why[256];

	(void)state;
	assert_non_null(log);
	memset(log, 'x', size);
	log[0] = '\n';
	log[size - sizeof(end) - 1] = '\n';
	strcpy(log + size - sizeof(end), end);
	load_log_take();
	load_log_clear();
	say("libbpf: prog '%s': -- BEGIN PROG LOAD LOG --\n%s-- END PROG LOAD LOG --\n", "tasks",
	    log);
	say("libbpf: prog '%s': failed to load: -22\n", "tasks");
	assert_int_equal(load_log_blame(load_log(), why, sizeof(why)), FAMILY_TASKS);
	assert_string_equal(why, "R1 is not what it should be");
	libbpf_set_print(NULL);
	free(log);
}

/* A log that nobody reads does not hold us up; what was lost is said once somebody does. */
static void the_log_never_waits(void **state)
{
	int saved = dup(STDERR_FILENO), fd[2];
	char text[65536];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	for (int i = 0; i < 10000; i++)
		log_error("%0100d", i);
	assert_true(read(fd[0], text, sizeof(text)) > 0);
	log_error("heard again");
	n = read(fd[0], text, sizeof(text) - 1);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "lines of this log were lost"));
	assert_non_null(strstr(text, "heard again"));
	close(saved);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blames),
		cmocka_unit_test(keeps_the_end),
		cmocka_unit_test(the_log_never_waits),
	};

	return cmocka_run_group_tests_name("load_log", tests, NULL, NULL);
}
