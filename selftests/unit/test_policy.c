// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat policy new and build, with the compiler and the headers of this build. */
#include "fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../../user/cli/cli.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	tree_make(dir);
	setenv("CLANG", HS_CLANG, 1);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	tree_free(dir);
	return 0;
}

/* `homeostat WORDS`, where @ is the directory and # the build's headers. Exit code; what was said, in text. */
static int run(const char *words, char text[4096])
{
	char line[4096], *argv[16] = {"homeostat"}, *out = NULL, *save, *to = line;
	int argc = 1, rc;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (; *words; words++) {
		if (*words == '@' || *words == '#')
			to += sprintf(to, "%s", *words == '@' ? dir : HS_BUILD "/include");
		else
			*to++ = *words;
	}
	*to = '\0';
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	rc = cli_main(argc, argv, f, f);
	fclose(f);
	snprintf(text, 4096, "%s", out);
	free(out);
	return rc;
}

static void expect(const char *words, int rc, const char *says)
{
	char text[4096];
	int got = run(words, text);

	if (got != rc || !strstr(text, says))
		fail_msg("'%s': exit code %d (want %d), without '%s': %s", words, got, rc, says,
			 text);
}

static bool there(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

/* Puts a text in the place of the first that is @from. */
static void edit(const char *name, const char *from, const char *to)
{
	char path[PATH_MAX], *text, *at;
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	text = calloc(1, 65536);
	assert_non_null(text);
	size = fread(text, 1, 65535, f);
	assert_true(size && size < 65535);
	fclose(f);
	at = strstr(text, from);
	assert_non_null(at);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(f);
	free(text);
}

static void from_the_template(void **state)
{
	(void)state;
	expect("policy new mine @", CLI_OK, "/mine.bpf.c\n");
	assert_true(there("mine.bpf.c") && there("mine.test.c"));
	expect("policy build --test @/mine.bpf.c --include #", CLI_OK, "");
	assert_false(there("mine.bpf.o"));
	expect("policy build @/mine.bpf.c --include #", CLI_OK, "/mine.bpf.o: policy mine, fine");
	assert_true(there("mine.bpf.o"));
	expect("policy build @/mine.bpf.c -o @/other.o --include # --json", CLI_OK,
	       "{\"name\":\"mine\",\"object\":\"");
	assert_true(there("other.o"));
	/* what is there is not written over */
	expect("policy new mine @", CLI_FAILED, "/mine.bpf.c: File exists");
}

/* Both files or none. */
static void new_beside_another_test(void **state)
{
	(void)state;
	tree_put(dir, "/half.test.c", "kept\n");
	expect("policy new half @", CLI_FAILED, "/half.test.c: File exists");
	assert_false(there("half.bpf.c"));
	expect("policy new half @/nowhere", CLI_FAILED, "No such file or directory");
}

static void test_that_fails(void **state)
{
	(void)state;
	expect("policy new wrong @", CLI_OK, "");
	edit("wrong.bpf.c", "slice / 8", "slice / 9");
	expect("policy build --test @/wrong.bpf.c --include #", CLI_FINDINGS,
	       "it does not do what its test expects (exit code 1)");
}

/* Is nothing in the directory that is hidden? */
static bool tidy(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	assert_non_null(d);
	while ((entry = readdir(d)))
		found |= entry->d_name[0] == '.' && strcmp(entry->d_name, ".") &&
			 strcmp(entry->d_name, "..");
	closedir(d);
	return !found;
}

/* One that is refused is told, and does not stay. */
static void refused(void **state)
{
	(void)state;
	expect("policy new bad @", CLI_OK, "");
	edit("bad.bpf.c", "TURNS(SLICE_BATCH)", "TURNS(SLICE_BATCH, SLICE_BATCH)");
	expect("policy build @/bad.bpf.c --include #", CLI_FINDINGS,
	       "bad.bpf.o: TURNS() has a knob twice");
	assert_false(there("bad.bpf.o"));
	expect("policy check @/bad.bpf.o", CLI_FAILED, "No such file or directory");
	edit("bad.bpf.c", "#define LOW_NS 100000", "#error not yet");
	expect("policy build @/bad.bpf.c --include #", CLI_FAILED, "does not compile it");
	assert_false(there("bad.bpf.o"));
	assert_true(tidy());
}

/* What stands in the place of an object that comes to nothing, stays; what is no file, always. */
static void older_stays(void **state)
{
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	expect("policy new old @", CLI_OK, "");
	tree_put(dir, "/old.bpf.o", "kept");
	edit("old.bpf.c", "TURNS(SLICE_BATCH)", "TURNS(SLICE_BATCH, SLICE_BATCH)");
	expect("policy build @/old.bpf.c --include #", CLI_FINDINGS,
	       "old.bpf.o: TURNS() has a knob twice");
	edit("old.bpf.o", "kept", "kept");
	edit("old.bpf.c", "TURNS(SLICE_BATCH, SLICE_BATCH)", "TURNS(SLICE_BATCH)");
	/* the very source may be named, a device, a link, a directory */
	snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink("old.bpf.o", path), 0);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect("policy build @/old.bpf.c --include # -o @/fifo", CLI_FAILED, "no regular file");
	expect("policy build @/old.bpf.c --include # -o @/link", CLI_FAILED, "no regular file");
	expect("policy build @/old.bpf.c --include # -o @", CLI_FAILED, "no regular file");
	expect("policy build @/old.bpf.c --include # -o @/", CLI_FAILED, "no name of a file");
	expect("policy build @/old.bpf.c --include # -o @/no/where", CLI_FAILED,
	       "/no/where: No such file");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	edit("old.bpf.o", "kept", "kept");
	expect("policy build @/old.bpf.c --include #", CLI_OK, "policy old, fine");
	expect("policy build @/old.bpf.c --include #", CLI_OK, "policy old, fine");
	assert_true(tidy());
}

/* No room for it: then there is none. */
static void new_on_a_full_disk(void **state)
{
	const struct rlimit none = {100, RLIM_INFINITY};
	struct rlimit before;
	char text[4096];
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	rc = run("policy new full @", text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, CLI_FAILED);
	assert_non_null(strstr(text, "/full.bpf.c: File too large"));
	assert_false(there("full.bpf.c") || there("full.test.c"));
}

static void what_is_missing(void **state)
{
	(void)state;
	expect("policy new lone @", CLI_OK, "");
	expect("policy build @/lone.bpf.c --include @", CLI_FAILED,
	       "/homeostat/plugin.h: No such file or directory; --include names where");
	setenv("CLANG", "/nonexistent/clang", 1);
	expect("policy build @/lone.bpf.c --include #", CLI_FAILED,
	       "/nonexistent/clang: there is no such compiler");
	setenv("CLANG", HS_CLANG, 1);
}

static void wrong_usage(void **state)
{
	static const char *const wrong[] = {
		"policy",
		"policy sing",
		"policy new",
		"policy new Mine",
		"policy new -",
		"policy new 1",
		"policy new 1a",
		"policy new a/b",
		"policy new a b c",
		"policy new a12345678901234567890123456789012",
		"policy build",
		"policy build mine.c",
		"policy build .bpf.c",
		"policy build a.bpf.c b.bpf.c",
		"policy build a.bpf.c --test -o b.o",
		"policy build a.bpf.c --nonsense",
		"policy check",
		"policy check a b",
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (run(wrong[i], text) != CLI_USAGE || !strstr(text, "try: homeostat policy"))
			fail_msg("'%s': %s", wrong[i], text);
	}
}

/* What check says before the kernel is asked; bad objects are refused without it. */
static void check(void **state)
{
	(void)state;
	expect("policy check " HS_BUILD "/plugin/bad/helper.bpf.o", CLI_FINDINGS,
	       "homeostat_reflex() calls bpf_ktime_get_ns()");
	expect("policy check --json " HS_BUILD "/plugin/bad/helper.bpf.o", CLI_FINDINGS,
	       "{\"error\":\"helper.bpf.o: ");
	expect("policy check @", CLI_FAILED, "Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_the_template, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(new_beside_another_test, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_that_fails, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(refused, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(older_stays, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(new_on_a_full_disk, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(what_is_missing, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(wrong_usage, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(check, make_dir, drop_dir),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
