// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat incidents and incident: from a directory of records, good ones and others. */
#include "fixture.h"

#include <sys/wait.h>

#include "../../user/cli/cli.h"

#define FIRST "20261121T123456Z-3-limit.json"
#define SECOND "20261121T124456Z-4-progress.json"
#define BROKEN "20261121T130000Z-5-slo.json"

static char root[64];

static const char first[] =
	"{\"reason\":\"limit\",\"meaning\":\"a vital sign was beyond\",\"wall\":\"2026-11-21T12:34:"
	"56Z\","
	"\"trip_ns\":100000000000,\"safe_ns\":100000012000,\"off_ns\":100001400000,\"mode\":"
	"\"act\",\"generation\":3,"
	"\"version\":\"1.2\",\"kernel\":\"7.3.4\","
	"\"cause\":{\"vital\":\"sched.starved_ns\",\"unit\":\"ns\",\"value\":12000000,\"limit\":"
	"5000000},"
	"\"profile\":{\"name\":\"edge\",\"fnv1a64\":\"00000000000000ab\"},"
	"\"heartbeat\":{\"last_ns\":99990000000,\"limit_ns\":20000000},"
	"\"rearm\":{\"in_ns\":20000000000,\"trips\":2,\"held\":false},"
	"\"sched_ext\":{\"kind\":64,\"code\":7,\"msg\":\"told to\"},"
	"\"undone\":{\"values\":2,\"first\":[{\"path\":\"/proc/sys/vm/swappiness\",\"old\":\"60\","
	"\"outcome\":\"put back\"}]},"
	"\"vitals\":[\"sched.starved_ns\",\"psi.io.some_permille\",\"of.a.later.version\"],"
	"\"knobs\":[],\"samples\":[{\"ns\":1,\"vitals\":[9000,null,1]},{\"ns\":2,\"vitals\":[3000,"
	"null,1]},"
	"{\"ns\":3,\"vitals\":[4000]},{\"ns\":4}],"
	"\"events\":[{\"ts_ns\":1500000000,\"type\":\"trip\",\"trip\":\"lease\"}]}\n";

static const char second[] =
	"{\"reason\":\"progress\",\"meaning\":\"no progress\",\"wall\":\"2026-11-21T12:44:56Z\","
	"\"cause\":null,\"heartbeat\":{\"stall_ns\":21000000,\"no_cpu_ns\":18000000},"
	"\"rearm\":{\"in_ns\":0,\"trips\":3,\"held\":true}}\n";

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	tree_put(root, "/state/incidents/" FIRST, first);
	tree_put(root, "/state/incidents/" SECOND, second);
	tree_put(root, "/state/incidents/notes.txt", "not ours");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

/* Runs `homeostat WORDS --state STATE`; checks as in test_cli_args.c. */
static void expect(const char *words, int rc, const char *out, const char *err)
{
	char *copy = strdup(words), *said = NULL, *told = NULL, *save = NULL, dir[96];
	size_t said_len, told_len;
	FILE *o = open_memstream(&said, &said_len), *e = open_memstream(&told, &told_len);
	char *argv[32] = {"homeostat"};
	int argc = 1, got;

	snprintf(dir, sizeof(dir), "%s/state", root);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc++] = "--state";
	argv[argc++] = dir;
	got = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	if (got != rc || (out && !strstr(said, out)) || (err && !strstr(told, err)))
		fail_msg("'%s': exit code %d (want %d)\nout: %s\nerr: %s", words, got, rc, said,
			 told);
	if (!err)
		assert_string_equal(told, "");
	free(copy);
	free(said);
	free(told);
}

static void lists(void **state)
{
	(void)state;
	expect("incidents", CLI_OK,
	       "2026-11-21T12:34:56Z  limit     " FIRST "\n2026-11-21T12:44:56Z  progress  " SECOND
	       "\n",
	       NULL);
	expect("incidents --json", CLI_OK, "{\"incidents\":[{\"name\":\"" FIRST "\"", NULL);
	tree_put(root, "/state/incidents/" BROKEN, "{\"reason\":");
	expect("incidents", CLI_OK, "unreadable  " BROKEN, NULL);
}

static void shows(void **state)
{
	(void)state;
	/* the newest */
	expect("incident", CLI_OK, SECOND "\nwhen       2026-11-21T12:44:56Z\n", NULL);
	expect("incident", CLI_OK,
	       "reason     progress: no progress for 21 ms, 18 ms of them without a CPU\n", NULL);
	expect("incident", CLI_OK, "again      trip 3 in the window; held at stock\n", NULL);
	expect("incident " FIRST, CLI_OK,
	       "limit: a vital sign was beyond (sched.starved_ns was 12 ms, limit 5 ms)\n", NULL);
	expect("incident " FIRST, CLI_OK,
	       "stock      12 us after the gate was shut\n"
	       "off        1.4 ms after it: all tasks with the kernel's own scheduler\n",
	       NULL);
	expect("incident " FIRST, CLI_OK, "sched_ext  kind 64, code 7: told to\n", NULL);
	expect("incident " FIRST, CLI_OK,
	       "undone     /proc/sys/vm/swappiness: put back (60)\nundone     1 more\n", NULL);
	expect("incident " FIRST, CLI_OK, "edge (00000000000000ab), mode act, armed 3 times", NULL);
	expect("incident " FIRST, CLI_OK, "last one 10 ms before, limit 20 ms", NULL);
	expect("incident " FIRST, CLI_OK, "by itself after 20 s\n", NULL);
	/* least, most, last; what was absent all the time, or is unknown here, is left out */
	expect("incident " FIRST, CLI_OK, "sched.starved_ns                   3 us  9 us  4 us\n\n",
	       NULL);
	expect("incident " FIRST, CLI_OK, "last events, of 1\n[    1.500000] trip", NULL);
	expect("incident --json " FIRST, CLI_OK, "\"msg\":\"told to\"", NULL);
}

static void refuses(void **state)
{
	char path[128];

	(void)state;
	expect("incident ../incidents/" FIRST, CLI_USAGE, NULL, "is no name of a record");
	expect("incident notes.txt", CLI_USAGE, NULL, "is no name of a record");
	expect("incident a b", CLI_USAGE, NULL, "one NAME");
	expect("incidents x", CLI_USAGE, NULL, "no argument");
	expect("incident 20261121T123456Z-9-limit.json", CLI_FAILED, NULL, "No such file");
	tree_put(root, "/state/incidents/" BROKEN, "{\"reason\":");
	expect("incident", CLI_FAILED, NULL, BROKEN ": this is no incident record");
	snprintf(path, sizeof(path), "%s/state/incidents/" BROKEN, root);
	/* something huge, a link, a pipe that nobody writes to */
	assert_int_equal(truncate(path, 2 * 1024 * 1024), 0);
	expect("incident", CLI_FAILED, NULL, "this is no incident record");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(FIRST, path), 0);
	expect("incident", CLI_FAILED, NULL, "Too many levels");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect("incident", CLI_FAILED, NULL, "this is no incident record");
}

static void nothing_there(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/state/incidents", root);
	tree_free(path);
	expect("incidents", CLI_FAILED, NULL, "no homeostatd has kept records there");
	expect("incident", CLI_FAILED, NULL, "no homeostatd has kept records there");
	tree_put(root, "/state/incidents", NULL);
	expect("incidents", CLI_OK, "(none)\n", NULL);
	expect("incident", CLI_FAILED, NULL, "there is no record of any trip");
}

/* Whoever may not read is told who may. */
static void not_allowed(void **state)
{
	char path[128];
	int status;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/state", root);
	assert_int_equal(chmod(path, 0), 0);
	pid = fork();
	if (!pid) {
		if (!geteuid() && setresuid(65534, 65534, 65534))
			_exit(2);
		expect("incidents", CLI_REFUSED, NULL, "the records of trips are for root");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists), TEST(shows), TEST(refuses), TEST(nothing_there), TEST(not_allowed),
	};

	return cmocka_run_group_tests_name("cli_incidents", tests, NULL, NULL);
}
