// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat policy check against a real verifier: what it shows, what it says of a refusal, and that nothing stays. As root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/lib/json.h"
#include "../../user/lib/plugin.h"

#define DIR "/lab/policy/"

/* Runs `homeostat policy check OPTION OBJECT`; the exit code, and what was said on both outputs. */
static int check(const char *option, const char *object, char *said, size_t size)
{
	char path[128], *text = NULL, *argv[] = {"homeostat", "policy", "check", path, NULL, NULL};
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc;

	assert_non_null(f);
	snprintf(path, sizeof(path), DIR "%s.bpf.o", object);
	argv[4] = (char *)option;
	rc = cli_main(option ? 5 : 4, argv, f, f);
	fclose(f);
	snprintf(said, size, "%s", text);
	free(text);
	return rc;
}

static int count(int (*next)(__u32 from, __u32 *id))
{
	__u32 id = 0;
	int nr = 0;

	while (!next(id, &id))
		nr++;
	return nr;
}

static int programs_before, maps_before;

static int look(void **state)
{
	(void)state;
	programs_before = count(bpf_prog_get_next_id);
	maps_before = count(bpf_map_get_next_id);
	return 0;
}

/* The kernel frees what is gone only after a while. */
static int nothing_stays(void **state)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	int patience = 1000;

	(void)state;
	while ((count(bpf_prog_get_next_id) > programs_before ||
		count(bpf_map_get_next_id) > maps_before) &&
	       patience--)
		nanosleep(&pause, NULL);
	return patience < 0;
}

static void says(const char *said, const char *what)
{
	if (!strstr(said, what))
		fail_msg("'%s' is not in: %s", what, said);
}

static void shows_pi(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(check(NULL, "pi", said, sizeof(said)), CLI_OK);
	says(said, "policy     pi: holds the wait of critical tasks");
	says(said, "reads      sched.wait.critical.p99_ns\n");
	says(said, "turns      sched.slice.batch_us: 500 us to 100 ms, stock 5 ms\n");
	says(said, "calls      nothing\n");
	says(said, "maps       2 of 8 at most, 240 bytes of 1048576\n");
	says(said, "state      24 bytes, kept");
	says(said, "of 20000 at most\nfits ");
}

static void shows_table_to_programs(void **state)
{
	struct json_object *o, *row, *rows;
	__u64 insns, work, bytes;
	char said[4096];

	(void)state;
	assert_int_equal(check("--json", "table", said, sizeof(said)), CLI_OK);
	o = json_tokener_parse(said);
	assert_non_null(o);
	assert_string_equal(js_str(o, "name"), "table");
	assert_int_equal(js_get_u64(o, "insns", &insns), 0);
	assert_int_equal(js_get_u64(o, "work", &work), 0);
	assert_int_equal(js_get_u64(o, "map_bytes", &bytes), 0);
	assert_int_equal(js_u64(o, "work_max"), PLUGIN_WORK_CALLS);
	/* each instruction but what pads is walked through, and no one can be without a slot */
	assert_true(insns > 20 && work > 20 && work < 2 * insns);
	assert_int_equal(bytes, 1264);
	assert_int_equal(js_get_array(o, "calls", &rows), 0);
	assert_int_equal(json_object_array_length(rows), PLUGIN_CALL_NR);
	assert_int_equal(js_get_array(o, "turns", &rows), 0);
	assert_int_equal(json_object_array_length(rows), 2);
	row = json_object_array_get_idx(rows, 1);
	assert_string_equal(js_str(row, "name"), "sched.slice.normal_us");
	json_object_put(o);
}

/* Only the verifier knows, and says so in one line. */
static void endless(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(check(NULL, "bad/endless", said, sizeof(said)), CLI_FINDINGS);
	says(said, "homeostat: endless: the verifier refuses it: ");
	says(said, " endless.bpf.c:10: infinite loop detected at insn ");
	says(said, ", at `while (");
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void outside(void **state)
{
	char said[16384];

	(void)state;
	assert_int_equal(check(NULL, "bad/outside", said, sizeof(said)), CLI_FINDINGS);
	says(said, " outside.bpf.c:10: R2 min value is outside of the allowed memory range, at `");
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_int_equal(check("--verbose", "bad/outside", said, sizeof(said)), CLI_FINDINGS);
	says(said, "\ninvalid access to memory, mem_size=768 off=768 size=8\n");
	says(said, "\nprocessed ");
	assert_int_equal(check("--json", "bad/outside", said, sizeof(said)), CLI_FINDINGS);
	says(said, "{\"error\":\"outside: the verifier refuses it: ");
}

/* The verifier would take it. */
static void too_much_work(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(check(NULL, "bad/work", said, sizeof(said)), CLI_FINDINGS);
	says(said, "homeostat: work: too much work: the verifier walks through ");
	says(said, " instructions, 20000 are allowed; ");
	assert_int_equal(check(NULL, "bad/calls", said, sizeof(said)), CLI_FINDINGS);
	says(said, "homeostat: calls: too much work: the verifier walks through ");
	says(said, " instructions, 2000 are allowed to one that calls helpers; ");
}

/* One that is refused before is not shown to it: what it has of the kernel is not there. */
static void refused_before(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(check("--verbose", "bad/larger", said, sizeof(said)), CLI_FINDINGS);
	says(said,
	     "homeostat: larger.bpf.o: struct homeostat_vitals is not the one of this version");
	assert_null(strstr(said, "processed "));
}

/* Nothing is wrong with it that can be seen without the verifier; more is for root to know. */
static void not_root(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		char said[4096];
		int rc;

		if (setresuid(65534, 65534, 65534))
			_exit(99);
		rc = check(NULL, "pi", said, sizeof(said));
		_exit(strstr(said, "run it as root") ? rc : 98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CLI_REFUSED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, look, nothing_stays)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_pi),	     TEST(shows_table_to_programs), TEST(endless),  TEST(outside),
		TEST(too_much_work), TEST(refused_before),	    TEST(not_root),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
