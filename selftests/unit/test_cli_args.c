// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat without a daemon: help, wrong usage, exit codes, names, profile check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/lib/json.h"
#include "../../user/lib/names.h"

#define NO_SOCKET "/nonexistent/homeostat.sock"

/* What one run of the program left. */
struct run {
	int rc;
	char *out;
	char *err;
};

/* Runs `homeostat WORDS`; words are separated by single spaces. run_free() it. */
static struct run run(const char *words)
{
	char *copy = strdup(words), *argv[32] = {"homeostat"}, *save = NULL;
	struct run r = {0};
	size_t out_len, err_len;
	FILE *out = open_memstream(&r.out, &out_len), *err = open_memstream(&r.err, &err_len);
	int argc = 1;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	r.rc = cli_main(argc, argv, out, err);
	fclose(out);
	fclose(err);
	free(copy);
	return r;
}

static void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
}

/* Runs, and checks exit code and a part of what is said where. */
static void expect(const char *words, int rc, const char *out, const char *err)
{
	struct run r = run(words);

	if (r.rc != rc || (out && !strstr(r.out, out)) || (err && !strstr(r.err, err)))
		fail_msg("'%s': exit code %d (want %d)\nout: %s\nerr: %s", words, r.rc, rc, r.out,
			 r.err);
	if (!out)
		assert_string_equal(r.out, "");
	if (!err)
		assert_string_equal(r.err, "");
	run_free(&r);
}

static void help(void **state)
{
	char words[128];

	(void)state;
	expect("--help", CLI_OK, "Usage: homeostat", NULL);
	expect("-h", CLI_OK, "Exit codes:", NULL);
	expect("help", CLI_OK, "Verbs:", NULL);
	expect("help trip", CLI_OK, "shuts the gate at once", NULL);
	expect("nonsense --help", CLI_OK, "Verbs:", NULL);
	expect("--nonsense --help", CLI_OK, "Verbs:", NULL);
	/* every verb, hidden ones too, before and behind, with whatever else is on the line */
	for (size_t i = 0; i < cli_verbs_nr; i++) {
		snprintf(words, sizeof(words), "%s --help", cli_verbs[i].name);
		expect(words, CLI_OK, cli_verbs[i].name, NULL);
		snprintf(words, sizeof(words), "--json %s -x y z -h", cli_verbs[i].name);
		expect(words, CLI_OK, cli_verbs[i].name, NULL);
		snprintf(words, sizeof(words), "--help %s", cli_verbs[i].name);
		expect(words, CLI_OK, "Usage:", NULL);
	}
}

static void wrong_usage(void **state)
{
	static const char *const wrong[] = {
		"nonsense",
		"--nonsense",
		"--socket",
		"status extra",
		"status --nonsense",
		"knobs a b",
		"explain",
		"explain no.such.knob",
		"mode dance",
		"mode act act",
		"arm now",
		"disarm now",
		"wish",
		"trip now",
		"report a",
		"report --5m --1h",
		"report --5m a",
		"history a b",
		"history --since yesterday",
		"history --since 1x",
		"diff now",
		"snapshot now",
		"explain a b",
		"report a b",
		"report a -1",
		"report a 1.5",
		"report a 99999999999999999999",
		"report a 1 2",
		"restore now",
		"record",
		"record --out",
		"record --out /nowhere/log x",
		"record --out /nowhere/log --for 0s",
		"record --out /nowhere/log --for soon",
		"replay",
		"replay a b c d",
		"replay a b --manifest m",
		"certify",
		"certify --out /nowhere/m a b c",
		"policy replay",
		"policy replay a",
		"policy replay a b c",
		"profile",
		"profile check",
		"profile burn x",
		"doctor x",
		"events -n",
		"events -n x",
		"events -n -1",
		"events -n 100000",
		"top -d 0",
		"top -d 61",
		"version 1",
		"help nonsense",
		"drops 2h",
		"irqs 2h",
		"irqs 1s 1s",
		"irqs --cpu some",
		"irqs --cpu 1 --cpus",
		"incidents x",
		"incident x",
		"incident a b",
		"complete",
		"complete nonsense",
		"workloads x",
		"events x",
		"vitals a b",
		"wish no.such 1",
		"wish sched.slice.batch_us",
		"wish sched.slice.batch_us 8ms 9ms",
		"wish sched.slice.batch_us 8ms --clear",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		expect(wrong[i], CLI_USAGE, NULL, "--help");
	/* alone, it shows how it is used, but that is no success */
	expect("", CLI_USAGE, NULL, "Verbs:");
	expect("mode dance", CLI_USAGE, NULL, "observe, advise, act");
	expect("record --out /nowhere/log", CLI_FAILED, NULL, "/nowhere/log: No such file");
	expect("replay /nowhere/log", CLI_FAILED, NULL, "/nowhere/log: No such file");
	expect("policy replay a /nowhere/log", CLI_FAILED, NULL, "/nowhere/log: No such file");
	expect("certify --out /nowhere/m --profile /nowhere/p", CLI_FAILED, NULL,
	       "/nowhere/p: No such file");
	/* one way to write it, not two */
	expect("report --markdown --json", CLI_USAGE, "{\"error\":\"report takes", NULL);
	expect("snapshot --yaml --json", CLI_USAGE, "{\"error\":\"snapshot takes", NULL);
}

static void wish_units(void **state)
{
	(void)state;
	expect("wish sched.slice.batch_us 8", CLI_USAGE, NULL, "unit");
	expect("wish sched.slice.batch_us 1500ns", CLI_USAGE, NULL, "whole");
	expect("wish sched.slice.batch_us -8ms", CLI_USAGE, NULL, "unknown option");
	expect("wish sched.batch.duty_permille 8ms", CLI_USAGE, NULL, "unit");
	expect("wish sched.slice.batch_us 99999999999999999999s", CLI_USAGE, NULL, "large");
}

static void no_daemon(void **state)
{
	static const char *const verb[] = {
		"status",
		"vitals",
		"vitals --cpus",
		"knobs",
		"workloads",
		"events",
		"events -f",
		"explain sched.slice.batch_us",
		"mode",
		"mode observe",
		"arm",
		"disarm",
		"profile show",
		"diff",
		"diff --check",
		"wish sched.slice.batch_us 8ms",
		"wish sched.slice.batch_us --clear",
	};
	char words[160];

	(void)state;
	for (size_t i = 0; i < sizeof(verb) / sizeof(*verb); i++) {
		snprintf(words, sizeof(words), "%s --socket %s", verb[i], NO_SOCKET);
		expect(words, CLI_NO_DAEMON, NULL, "systemctl start homeostatd");
		/* the other ways to write it, and the error as JSON */
		snprintf(words, sizeof(words), "--socket=%s --json %s", NO_SOCKET, verb[i]);
		expect(words, CLI_NO_DAEMON, "{\"error\":", NULL);
	}
	expect("version --socket " NO_SOCKET, CLI_OK, "cannot be asked", NULL);
	expect("--version --socket " NO_SOCKET, CLI_OK, "kernel interface", NULL);
}

/* A test has no terminal on a memory stream. */
static void top_without_terminal(void **state)
{
	(void)state;
	expect("top", CLI_FAILED, NULL, "top needs a terminal");
	expect("top --json", CLI_USAGE, "{\"error\":\"top has no JSON", NULL);
}

static void names(void **state)
{
	struct run r = run("complete knobs");
	char line[128];

	(void)state;
	for (int i = 0; i < HS_KNOB_NR; i++) {
		snprintf(line, sizeof(line), "%s\n", knob_infos[i].name);
		assert_non_null(strstr(r.out, line));
	}
	run_free(&r);
	r = run("complete verbs");
	assert_non_null(strstr(r.out, "status\n"));
	assert_null(strstr(r.out, "complete\n")); /* hidden */
	run_free(&r);
	expect("complete modes", CLI_OK, "observe\nadvise\nact\n", NULL);
	expect("complete vitals", CLI_OK, "pulse.period_ns\n", NULL);
}

static void profile_check(void **state)
{
	char path[] = "/tmp/test_cli_profile.XXXXXX", words[128];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "name: x\nnonsense: 1\n", 20), 20);
	close(fd);
	snprintf(words, sizeof(words), "profile check %s", path);
	expect(words, CLI_FINDINGS, NULL, path); /* file:line: reason */
	snprintf(words, sizeof(words), "profile check %s --json", path);
	expect(words, CLI_FINDINGS, "{\"error\":", NULL);
	/* load refuses it before the daemon is asked */
	snprintf(words, sizeof(words), "profile load %s --socket " NO_SOCKET, path);
	expect(words, CLI_FINDINGS, NULL, path);
	unlink(path);
	expect("profile check /nonexistent.yaml", CLI_FAILED, NULL, "/nonexistent.yaml");
}

/* What scripts/lab tunes and rewards by. */
static void profile_numbers(void **state)
{
	static const char text[] =
		"name: x\n"
		"weights: { loss: 50%, jitter: 0%, work: 7permille, energy: 1% }\n"
		"knobs:\n"
		"  - { name: sched.starvation_ms, value: 100ms }\n"
		"  - { name: sched.slice.batch_us, value: 8ms, max: 20ms }\n";
	char path[] = "/tmp/test_cli_numbers.XXXXXX", words[128];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	snprintf(words, sizeof(words), "profile check %s --json", path);
	expect(words, CLI_OK,
	       "\"weights\":{\"loss_permille\":500,\"jitter_permille\":0,\"work_permille\":7,"
	       "\"energy_permille\":10}",
	       NULL);
	expect(words, CLI_OK,
	       "\"knobs\":[{\"name\":\"sched.slice.batch_us\",\"unit\":\"us\",\"value\":8000,"
	       "\"min\":500,\"max\":20000},{\"name\":\"sched.starvation_ms\",\"unit\":\"ms\","
	       "\"value\":100,\"min\":10,\"max\":1000}]",
	       NULL);
	unlink(path);
}

/* A hook that would not be run is found out now, not at the first trip; the host may be another one. */
static void profile_hook(void **state)
{
	char path[] = "/tmp/test_cli_hook.XXXXXX", words[128], text[128];
	int fd = mkstemp(path), len;

	(void)state;
	assert_true(fd >= 0);
	len = snprintf(text, sizeof(text), "name: x\ntrip: { hook: /nonexistent/hook }\n");
	assert_int_equal(pwrite(fd, text, (size_t)len, 0), len);
	snprintf(words, sizeof(words), "profile check %s", path);
	expect(words, CLI_OK, "fine; profile x",
	       "warning: hook /nonexistent/hook would not be run here: No such file or directory");
	snprintf(words, sizeof(words), "profile check %s --json", path);
	expect(words, CLI_OK, "would not be run here: No such file or directory\"}", NULL);
	/* the file itself is no program; its directory is /tmp, which is sticky */
	len = snprintf(text, sizeof(text), "name: x\ntrip: { hook: %s }\n", path);
	assert_int_equal(pwrite(fd, text, (size_t)len, 0), len);
	assert_int_equal(ftruncate(fd, len), 0);
	snprintf(words, sizeof(words), "profile check %s", path);
	expect(words, CLI_OK, "fine", "would not be run here: not a program");
	assert_int_equal(fchmod(fd, 0700), 0);
	snprintf(words, sizeof(words), "profile check %s --json", path);
	expect(words, CLI_OK, "\"warning\":null", NULL);
	close(fd);
	unlink(path);
}

/* Every @table@ of the man pages is one that help-tables knows. */
static void help_tables(void **state)
{
	static const char *const pages[] = {"docs/homeostat.8.scd", "docs/homeostatd.8.scd",
					    "docs/homeostat-profile.5.scd"};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		if (access(pages[i], R_OK))
			skip();
		assert_non_null(freopen(pages[i], "r", stdin));
		r = run("help-tables");
		assert_int_equal(r.rc, CLI_OK);
		assert_true(strlen(r.out) > 1000);
		assert_null(strstr(r.out, "\n@"));
		run_free(&r);
	}
}

/* The example in the man page is one that the daemon would take. */
static void man_example(void **state)
{
	char path[] = "/tmp/test_cli_example.XXXXXX", words[128], line[512];
	FILE *page = fopen("docs/homeostat-profile.5.scd", "r"), *yaml;
	bool inside = false;

	(void)state;
	if (!page)
		skip();
	yaml = fdopen(mkstemp(path), "w");
	assert_non_null(yaml);
	while (fgets(line, sizeof(line), page))
		if (!strcmp(line, "```\n"))
			inside = !inside;
		else if (inside)
			fputs(line, yaml);
	fclose(page);
	fclose(yaml);
	snprintf(words, sizeof(words), "profile check %s", path);
	expect(words, CLI_OK, "profile control, rules: 1, workloads: 1",
	       "warning: hook /usr/local/sbin/tripped");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help),
		cmocka_unit_test(wrong_usage),
		cmocka_unit_test(wish_units),
		cmocka_unit_test(no_daemon),
		cmocka_unit_test(top_without_terminal),
		cmocka_unit_test(names),
		cmocka_unit_test(profile_check),
		cmocka_unit_test(profile_numbers),
		cmocka_unit_test(profile_hook),
		cmocka_unit_test(help_tables),
		cmocka_unit_test(man_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
