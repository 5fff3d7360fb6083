// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Variants of the scheduler: homeostat policy link, and what the daemon looks at before it loads one. */
#include "fixture.h"

#include <bpf/libbpf.h>
#include <sys/stat.h>

#include "../../user/cli/cli.h"
#include "kernel_variant.h"
#include "manifest.h"

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

static const char *in_dir(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* `homeostat policy link` of that source, with kernel programs from @lib. Exit code. */
static int link_source(const char *source, const char *lib, char said[1024])
{
	char *out = NULL, object[PATH_MAX], file[PATH_MAX];
	char *argv[] = {"homeostat",	     "policy", "link",	   file, "-o", object, "--include",
			HS_BUILD "/include", "--lib",  (char *)lib};
	size_t size;
	FILE *f;
	int rc;

	snprintf(file, sizeof(file), "%s", in_dir("v.bpf.c"));
	snprintf(object, sizeof(object), "%s", in_dir("v.o"));
	f = fopen(file, "we");
	assert_non_null(f);
	fprintf(f, "#include <homeostat/variant.h>\n%s\n", source);
	fclose(f);
	f = open_memstream(&out, &size);
	assert_non_null(f);
	rc = cli_main(sizeof(argv) / sizeof(*argv), argv, f, f);
	fclose(f);
	snprintf(said, 1024, "%s", out);
	free(out);
	return rc;
}

#define PLACE                                                                                      \
	"int homeostat_place(struct homeostat_task *t, struct homeostat_wake *w) { return t && w " \
	"? w->prev : -1; }\n"
#define CLASSIFY                                                                                   \
	"int homeostat_classify(struct homeostat_task *t) { return t ? HS_CLASS_BATCH : -1; }\n"

static void refused(const char *source, const char *lib, int rc, const char *says)
{
	char said[1024];
	int got = link_source(source, lib, said);

	if (got != rc || !strstr(said, says))
		fail_msg("exit code %d (want %d), without '%s': %s", got, rc, says, said);
	assert_int_equal(access(in_dir("v.o"), F_OK), -1);
}

static void link_refuses(void **state)
{
	(void)state;
	refused(PLACE, HS_BUILD, CLI_FINDINGS, "no HOMEOSTAT_VARIANT");
	refused("HOMEOSTAT_VARIANT(\"v\", \"\", VARIANT_PLACE);\n" CLASSIFY, HS_BUILD, CLI_FINDINGS,
		"VARIANT_CLASSIFY and the function homeostat_classify go together");
	refused("HOMEOSTAT_VARIANT(\"v\", \"\", VARIANT_PLACE);\n", HS_BUILD, CLI_FINDINGS,
		"VARIANT_PLACE and the function homeostat_place go together");
	refused("HOMEOSTAT_VARIANT(\"v\", \"\", 0);\n", HS_BUILD, CLI_FINDINGS,
		"no decision point");
	refused("HOMEOSTAT_VARIANT(\"v\", \"\", VARIANT_PLACE);\n" PLACE, "/nowhere", CLI_FAILED,
		"/nowhere/linkable.bpf.o");
	refused("HOMEOSTAT_VARIANT(\"v\", \"\", VARIANT_PLACE);\nint homeostat_place", HS_BUILD,
		CLI_FAILED, "does not compile");
}

/* What stands in the place of a variant that comes to nothing, stays; what is no file, always. */
static void older_stays(void **state)
{
	static const char source[] = "HOMEOSTAT_VARIANT(\"v\", \"\", VARIANT_PLACE);\n" PLACE;
	char said[1024], text[8] = "";
	struct stat st;
	FILE *f;

	(void)state;
	tree_put(dir, "/v.o", "kept");
	assert_int_equal(link_source(source, "/nowhere", said), CLI_FAILED);
	assert_int_equal(link_source(CLASSIFY, HS_BUILD, said), CLI_FINDINGS);
	f = fopen(in_dir("v.o"), "re");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), 4);
	assert_string_equal(text, "kept");
	fclose(f);
	assert_int_equal(unlink(in_dir("v.o")), 0);
	assert_int_equal(mkfifo(in_dir("v.o"), 0600), 0);
	assert_int_equal(link_source(source, HS_BUILD, said), CLI_FAILED);
	assert_non_null(strstr(said, "no regular file"));
	assert_int_equal(link_source(source, "/nowhere", said), CLI_FAILED);
	assert_int_equal(lstat(in_dir("v.o"), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

static struct bpf_object *opened(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	assert_non_null(obj);
	return obj;
}

/* What the daemon says of the object v.o if its own programs are those in @ours. */
static int judged(const char *object, const char *ours, struct homeostat_variant *v, char why[256])
{
	char hash[MANIFEST_HASH_LEN + 1], *bytes;
	size_t length;
	struct bpf_object *a = opened(object), *b = opened(ours);
	int err;

	bytes = manifest_file(ours, &length);
	assert_non_null(bytes);
	manifest_hash(bytes, length, hash);
	free(bytes);
	why[0] = '\0';
	memset(v, 0, sizeof(*v));
	err = variant_judge(a, b, hash, v, why, 256);
	bpf_object__close(a);
	bpf_object__close(b);
	return err;
}

/* The hash that the object names is another one. */
static void changed(const char *path)
{
	char *bytes, hash[MANIFEST_HASH_LEN + 1], *at, *ours;
	size_t length, our_length;
	FILE *f;

	ours = manifest_file(HS_BUILD "/homeostat.bpf.o", &our_length);
	bytes = manifest_file(path, &length);
	assert_true(ours && bytes);
	manifest_hash(ours, our_length, hash);
	at = memmem(bytes, length, hash, MANIFEST_HASH_LEN);
	assert_non_null(at);
	*at = *at == '0' ? '1' : '0';
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, length, f), length);
	fclose(f);
	free(bytes);
	free(ours);
}

static void links_and_judges(void **state)
{
	struct homeostat_variant v;
	char said[1024], why[256];

	(void)state;
	assert_int_equal(
		link_source(
			"HOMEOSTAT_VARIANT(\"mine\", \"about it\", VARIANT_CLASSIFY);\n" CLASSIFY,
			HS_BUILD, said),
		CLI_OK);
	assert_non_null(strstr(said, "variant mine"));
	assert_int_equal(judged(in_dir("v.o"), HS_BUILD "/homeostat.bpf.o", &v, why), 0);
	assert_string_equal(v.name, "mine");
	assert_string_equal(v.about, "about it");
	assert_int_equal(v.points, VARIANT_CLASSIFY);
	/* variables of its own, behind ours */
	assert_int_equal(link_source("__u64 calls; HOMEOSTAT_VARIANT(\"mine\", \"\", VARIANT_PLACE "
				     "| VARIANT_CLASSIFY);\n" PLACE
				     "int homeostat_classify(struct homeostat_task *t) { calls++; "
				     "return t ? 1 : -1; }",
				     HS_BUILD, said),
			 CLI_OK);
	assert_int_equal(judged(in_dir("v.o"), HS_BUILD "/homeostat.bpf.o", &v, why), 0);
	assert_int_equal(v.points, VARIANT_CLASSIFY | VARIANT_PLACE);
	/* from other programs than ours: those with faults on order */
	assert_int_equal(judged(in_dir("v.o"), HS_BUILD "/fault/homeostat.bpf.o", &v, why),
			 -EINVAL);
	assert_non_null(strstr(why, "linked to other kernel programs"));
	/* … or from older ones, which differ in nothing that can be looked at */
	changed(in_dir("v.o"));
	assert_int_equal(judged(in_dir("v.o"), HS_BUILD "/homeostat.bpf.o", &v, why), -EINVAL);
	assert_non_null(strstr(why, "linked to other kernel programs than these;"));
	/* ours without a variant, and something else altogether */
	assert_int_equal(judged(HS_BUILD "/homeostat.bpf.o", HS_BUILD "/homeostat.bpf.o", &v, why),
			 -EINVAL);
	assert_non_null(strstr(why, "no HOMEOSTAT_VARIANT"));
	assert_int_equal(judged(HS_BUILD "/policy/pi.bpf.o", HS_BUILD "/homeostat.bpf.o", &v, why),
			 -EINVAL);
}

static void reads_what_is_roots(void **state)
{
	char why[256];
	size_t length;
	char *bytes;

	(void)state;
	tree_put(dir, "/v.o", "text");
	assert_int_equal(chmod(in_dir("v.o"), 0644), 0);
	bytes = variant_read(in_dir("v.o"), &length, why, sizeof(why));
	assert_non_null(bytes);
	assert_int_equal(length, 4);
	assert_memory_equal(bytes, "text", 4);
	free(bytes);
	assert_int_equal(chmod(in_dir("v.o"), 0666), 0);
	assert_null(variant_read(in_dir("v.o"), &length, why, sizeof(why)));
	assert_non_null(strstr(why, "others may write it"));
	assert_null(variant_read("v.o", &length, why, sizeof(why)));
	assert_non_null(strstr(why, "absolute"));
	assert_null(variant_read(in_dir("none"), &length, why, sizeof(why)));
	assert_null(variant_read(dir, &length, why, sizeof(why)));
	assert_non_null(strstr(why, "not a file"));
	tree_put(dir, "/empty", "");
	assert_int_equal(chmod(in_dir("empty"), 0644), 0);
	assert_null(variant_read(in_dir("empty"), &length, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(link_refuses, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(older_stays, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(links_and_judges, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(reads_what_is_roots, make_dir, drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
