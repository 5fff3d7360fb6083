// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The manifest of the certified mode, what is refused in it, and how declared constraints are counted. */
#include "fixture.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon.h"
#include "json.h"
#include "manifest.h"

static char root[64], profile[PATH_MAX], parameters[PATH_MAX], policy[PATH_MAX], error[4096];
static struct manifest m, n;
static struct manifest_parts parts;

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	tree_put(root, "/profile.yaml",
		 "name: one\nknobs:\n  - { name: sched.slice.batch_us, value: 20ms, min: 1ms }\n");
	tree_put(root, "/parameters.yaml", "[]\n");
	tree_put(root, "/policy.bpf.o", "an object");
	assert_non_null(realpath(root, profile));
	snprintf(parameters, sizeof(parameters), "%.1000s/parameters.yaml", profile);
	snprintf(policy, sizeof(policy), "%.1000s/policy.bpf.o", profile);
	strcat(profile, "/profile.yaml");
	parts = (struct manifest_parts){.object = "kernel",
					.object_len = 6,
					.profile = profile,
					.parameters = parameters,
					.policy = {policy}};
	*error = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

static void made(struct manifest *manifest)
{
	if (manifest_make(manifest, &parts, error, sizeof(error)))
		fail_msg("%s", error);
}

static void test_make(void **state)
{
	char *text;

	(void)state;
	made(&m);
	/* printf kernel | sha256sum */
	assert_string_equal(m.value[MANIFEST_KERNEL],
			    "6923dd1bc0460082c5d55a831908c24a282860b7f1cd6c2b79cf1bc8857c639c");
	assert_string_equal(m.path[MANIFEST_POLICY_0], policy);
	assert_string_equal(m.value[MANIFEST_POLICY_1], "");
	text = manifest_text(&m);
	assert_non_null(text);
	assert_int_equal(manifest_parse(&n, text, strlen(text), error, sizeof(error)), 0);
	assert_memory_equal(&m, &n, sizeof(m));
	assert_false(manifest_differs(&m, &n, error, sizeof(error)));
	free(text);
}

static void differs(const char *what)
{
	made(&n);
	assert_true(manifest_differs(&m, &n, error, sizeof(error)));
	assert_int_equal(strncmp(error, what, strlen(what)), 0);
	assert_string_not_equal(m.hash, n.hash);
}

static void test_differs(void **state)
{
	(void)state;
	made(&m);
	tree_put(root, "/policy.bpf.o", "an objecT");
	differs("policy_0 /");
	assert_non_null(strstr(error, "expected "));
	assert_non_null(strstr(error, ", found "));
	tree_put(root, "/policy.bpf.o", "an object");
	tree_put(root, "/parameters.yaml", "[ ]\n");
	differs("parameters /");
	tree_put(root, "/parameters.yaml", "[]\n");
	parts.object = "Kernel";
	differs("kernel_programs: expected ");
	parts.object = "kernel";
	parts.policy[0] = NULL;
	differs("policy_0 /");
	assert_non_null(strstr(error, ", found none"));
	parts.policy[0] = policy;
	/* another bound is named before the profile that states it; a comment is the profile alone */
	tree_put(root, "/profile.yaml",
		 "name: one\nknobs:\n  - { name: sched.slice.batch_us, value: 20ms, min: 2ms }\n");
	differs("bounds: expected ");
	tree_put(
		root, "/profile.yaml",
		"name: one\nknobs:\n  - { name: sched.slice.batch_us, value: 20ms, min: 1ms } #\n");
	differs("profile /");
	strcpy(n.value[MANIFEST_PROGRAM], "9.9");
	assert_true(manifest_differs(&m, &n, error, sizeof(error)));
	assert_int_equal(strcmp(error, "program: expected " HS_VERSION ", found 9.9"), 0);
}

static void test_bad_parts(void **state)
{
	char path[PATH_MAX + 8];

	(void)state;
	parts.policy[0] = root; /* a directory */
	assert_int_equal(manifest_make(&m, &parts, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "not a plain file"));
	snprintf(path, sizeof(path), "%s.none", policy);
	parts.policy[0] = path;
	assert_int_equal(manifest_make(&m, &parts, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, ".none: "));
	parts.policy[0] = policy;
	tree_put(root, "/profile.yaml", "name: one\nnonsense: 1\n");
	assert_int_equal(manifest_make(&m, &parts, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "profile.yaml:2: "));
	tree_put(root, "/night.yaml", "name: night\n");
	tree_put(root, "/profile.yaml",
		 "name: one\ncalendar:\n  - { when: 'Mon 22:00-06:00', profile: night.yaml }\n");
	assert_int_equal(manifest_make(&m, &parts, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "a profile with a calendar is several"));
}

/* Replaces the first @from in the manifest's text by @to, with the hash made right again or not. */
static void planted(const char *from, const char *to, bool sealed, const char *why)
{
	char *text = manifest_text(&m), changed[8192], hash[MANIFEST_HASH_LEN + 1];
	const char *at = strstr(text, from);
	size_t len;

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		 at + strlen(from));
	if (sealed) {
		char *line = strstr(changed, "sha256: ");

		manifest_hash(changed, (size_t)(line - changed), hash);
		memcpy(line + 8, hash, MANIFEST_HASH_LEN);
	}
	len = strlen(changed);
	assert_int_equal(manifest_parse(&n, changed, len, error, sizeof(error)), -EINVAL);
	if (!strstr(error, why))
		fail_msg("'%s' is not '%s'", error, why);
	free(text);
}

static void test_parse(void **state)
{
	(void)state;
	made(&m);
	planted("program: ", "program:  ", false,
		"it was changed after it was made: its lines have "
		"the hash ");
	planted("interface: ", "Interface: ", true, "3: 'Interface' is not expected here");
	planted("interface: ", "interface:", true, "3: expected KEY: VALUE");
	planted("bounds: ", "bounds: 0", true, "5: no value of 'bounds'");
	planted("bounds: ", "profile: ", true, "5: 'profile' is not expected here");
	planted("profile.yaml\n", "profile.yaml\nprofile: 1\n", true, "'profile' is not expected");
	planted(" /", " ", true, "6: no value of 'profile'");
	planted("policy_0: ", "policy_1: ", true, "8: 'policy_1' is not expected here");
	planted("sha256: ", "sha256: 0", false, "9: no hash");
	planted("manifest: 1\n", "", true, "1: 'program' is not expected here");
	assert_int_equal(manifest_parse(&n, "", 0, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "it is not whole");
	assert_int_equal(manifest_parse(&n, "manifest: 1", 11, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "1: no line of a manifest");
	assert_int_equal(manifest_parse(&n, "a\0b\n", 4, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "1: no line of a manifest");
}

static void test_end(void **state)
{
	char *text, longer[8192];

	(void)state;
	made(&m);
	text = manifest_text(&m);
	snprintf(longer, sizeof(longer), "%s#\n", text);
	assert_int_equal(manifest_parse(&n, longer, strlen(longer), error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "10: something follows its hash");
	/* cut anywhere */
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(manifest_parse(&n, text, len, error, sizeof(error)), -EINVAL);
	free(text);
}

/* ---- the daemon ---- */

static struct homeostatd d;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_decisions decisions;

static void certified(void)
{
	memset(&d, 0, sizeof(d));
	memset(vitals, 0, sizeof(vitals));
	memset(knobs, 0, sizeof(knobs));
	memset(&decisions, 0, sizeof(decisions));
	d.kernel.vitals = vitals;
	d.kernel.knobs = knobs;
	d.kernel.decisions = &decisions;
	d.certified.on = true;
	strcpy(d.certified.manifest.hash, "0123456789abcdef");
	profile_stock(&d.policy.profile);
}

/* The manifest of the files of setup(), in the file @path of them. */
static void write_manifest(char path[PATH_MAX])
{
	char *text;

	parts.object = kernel_object(&parts.object_len);
	made(&m);
	text = manifest_text(&m);
	assert_non_null(text);
	tree_put(root, "/manifest", text);
	free(text);
	snprintf(path, PATH_MAX, "%s/manifest", root);
}

static int begins(const struct options *options)
{
	memset(&d, 0, sizeof(d));
	d.opt = *options;
	return certified_begin(&d);
}

/* What the command line says beside it, who may write what it names, and what becomes of it while it is read. */
static void test_begins(void **state)
{
	char path[PATH_MAX];
	struct options options = {.manifest = path};

	(void)state;
	write_manifest(path);
	options.kb = "/somewhere"; /* the default, which nobody has named */
	assert_int_equal(begins(&options), 0);
	assert_true(d.certified.on && d.opt.mode == HS_MODE_ACT);
	assert_string_equal(d.opt.kb, parameters);
	options.kb_named = true;
	assert_int_equal(begins(&options), -EINVAL);
	options.kb = parameters;
	options.mode_named = true;
	assert_int_equal(begins(&options), -EINVAL);
	options.mode = HS_MODE_ACT;
	options.profile = parameters;
	assert_int_equal(begins(&options), -EINVAL);
	options.profile = profile;
	assert_int_equal(begins(&options), 0);
	/* it was read meanwhile: nothing is loaded of what was changed then */
	tree_put(root, "/parameters.yaml", "[ ]\n");
	assert_int_equal(certified_load(&d), -EPERM);
	assert_int_equal(d.certified.clerk.pid, 0);
	tree_put(root, "/parameters.yaml", "[]\n");
	for (const char *const *file =
		     (const char *const[]){path, profile, parameters, policy, NULL};
	     *file; file++) {
		assert_int_equal(chmod(*file, 0666), 0);
		assert_int_equal(begins(&options), -EPERM);
		assert_false(d.certified.on);
		assert_int_equal(chmod(*file, 0644), 0);
	}
	assert_int_equal(begins(&options), 0);
	assert_int_equal(unlink(policy), 0);
	assert_int_equal(begins(&options), -ENOENT);
}

static bool refuses(const char *verb, const char *mode)
{
	struct json_object *request = json_object_new_object();
	bool is;

	js_add_str(request, "mode", mode);
	is = certified_refuses(&d, verb, request, error, sizeof(error));
	json_object_put(request);
	return is;
}

static void test_refuses(void **state)
{
	static const char *const refused[] = {"wish",	     "unwish",	     "profile_load",
					      "reload",	     "propose",	     "approve",
					      "policy_load", "policy_unload"};
	static const char *const free_to[] = {"status", "arm",	   "disarm", "trip",
					      "reject", "restore", "events", "report"};

	(void)state;
	certified();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_true(refuses(refused[i], ""));
		assert_non_null(strstr(error, "(manifest 0123456789ab…): "));
		assert_non_null(strstr(error, refused[i]));
	}
	for (size_t i = 0; i < sizeof(free_to) / sizeof(free_to[0]); i++)
		assert_false(refuses(free_to[i], ""));
	d.mode = HS_MODE_ADVISE;
	assert_false(refuses("mode", "observe"));
	assert_false(refuses("mode", "advise"));
	assert_true(refuses("mode", "act"));
	assert_false(refuses("mode", "nonsense")); /* the verb says so */
	d.certified.on = false;
	assert_false(refuses("wish", ""));
}

static void looks(int constraint, __u64 checked, __u64 violated)
{
	const struct certified_count *count = &d.certified.count[constraint];

	certified_tick(&d);
	assert_int_equal(count->checked, checked);
	assert_int_equal(count->violated, violated);
}

static void test_limits(void **state)
{
	(void)state;
	certified();
	d.policy.profile.config.limits_nr = 2;
	d.policy.profile.config.limit[0] = (struct hs_limit){HS_VITAL_STARVED, 1, 1000};
	d.policy.profile.config.limit[1] = (struct hs_limit){HS_VITAL_REFLEX_FROZEN, 1, 1};
	looks(CERTIFIED_LIMITS, 0, 0); /* not armed */
	d.armed = true;
	looks(CERTIFIED_LIMITS, 0, 0); /* absent */
	vitals[HS_VITAL_STARVED] = (struct hs_vital){.present = 1, .value = 1000};
	looks(CERTIFIED_LIMITS, 1, 0);
	vitals[HS_VITAL_STARVED].value = 1001;
	vitals[HS_VITAL_REFLEX_FROZEN].present = 1;
	looks(CERTIFIED_LIMITS, 3, 1);
	assert_true(d.certified.count[CERTIFIED_LIMITS].now);
	assert_string_equal(d.certified.count[CERTIFIED_LIMITS].last,
			    "sched.starved_ns is 1001, at most 1000 is declared");
	vitals[HS_VITAL_STARVED].value = 0;
	looks(CERTIFIED_LIMITS, 5, 1);
	assert_false(d.certified.count[CERTIFIED_LIMITS].now);
}

static void test_bounds(void **state)
{
	(void)state;
	certified();
	d.policy.profile.knob[HS_KNOB_SLICE_BATCH].bound.min = 6000;
	looks(CERTIFIED_BOUNDS, 0, 0); /* never turned */
	knobs[HS_KNOB_SLICE_BATCH] = (struct hs_knob){.gen = 1, .value = 5000};
	looks(CERTIFIED_BOUNDS, 1, 0); /* stock, which is always allowed */
	knobs[HS_KNOB_SLICE_BATCH].value = 5999;
	looks(CERTIFIED_BOUNDS, 2, 1);
	assert_string_equal(d.certified.count[CERTIFIED_BOUNDS].last,
			    "sched.slice.batch_us is 5999, 6000 … 100000 is declared");
	knobs[HS_KNOB_SLICE_BATCH].value = 100001;
	looks(CERTIFIED_BOUNDS, 3, 2);
	knobs[HS_KNOB_SLICE_BATCH].value = 100000;
	looks(CERTIFIED_BOUNDS, 4, 2);
}

static void test_log(void **state)
{
	int pair[2];

	(void)state;
	certified();
	looks(CERTIFIED_LOG, 1, 1);
	assert_string_equal(d.certified.count[CERTIFIED_LOG].last, "nobody writes the log");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	d.certified.clerk = (struct child){.pid = getpid(), .fd = pair[0]};
	looks(CERTIFIED_LOG, 2, 2);
	assert_string_equal(d.certified.count[CERTIFIED_LOG].last,
			    "the log's writer is held up: the disk is slow");
	decisions.until_ns = ~0ULL;
	looks(CERTIFIED_LOG, 3, 2);
	decisions.lost = 4;
	looks(CERTIFIED_LOG, 4, 3);
	assert_string_equal(d.certified.count[CERTIFIED_LOG].last, "4 decisions found no room");
	looks(CERTIFIED_LOG, 5, 3);
	close(pair[1]);
	d.certified.clerk.pid = 1 << 30; /* of nobody: nothing is to be reaped */
	looks(CERTIFIED_LOG, 6, 4);
	assert_int_equal(d.certified.clerk.pid, 0);
}

static void test_policies(void **state)
{
	struct json_object *reply = json_object_new_object(), *part, *rows;

	(void)state;
	certified();
	d.certified.policies = 1;
	strcpy(d.certified.offer[0].name, "pi");
	d.plugins.seat[0].fds.nr = 2;
	looks(CERTIFIED_POLICIES, 1, 0);
	d.plugins.seat[0].fds.nr = 0;
	looks(CERTIFIED_POLICIES, 2, 1);
	certified_json(&d, reply);
	assert_int_equal(js_get_obj(reply, "certified", &part), 0);
	assert_string_equal(js_str(part, "manifest"), "0123456789abcdef");
	assert_int_equal(js_get_array(part, "constraints", &rows), 0);
	assert_int_equal(json_object_array_length(rows), CERTIFIED_CONSTRAINT_NR);
	rows = json_object_array_get_idx(rows, CERTIFIED_POLICIES);
	assert_string_equal(js_str(rows, "name"), "policies");
	assert_int_equal(js_u64(rows, "checked"), 2);
	assert_int_equal(js_u64(rows, "violated"), 1);
	assert_string_equal(js_str(rows, "last"), "policy pi is gone");
	d.certified.on = false;
	certified_json(&d, reply);
	assert_true(js_is_null(reply, "certified"));
	json_object_put(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_make, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begins, setup, teardown),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests_name("certified", tests, NULL, NULL);
}
