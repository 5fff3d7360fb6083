// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a person is told of a change that waits for him. */
#include "fixture.h"

#include "../../user/cli/pending.h"
#include "json.h"

#define P(name, more)                                                                              \
	"  - { name: " name ", meaning: m, actuator: sysctl, path: /proc/sys/vm/" name             \
	", type: number, unit: count, min: 0, max: 9, timing: immediate, risk: 1, source: s" more  \
	" }\n"

static const char kb_text[] = "parameters:\n" P("one", ", needs: two, conflicts: three")
	P("two", "") P("three", "") P("four", ", needs: one") P("five", ", conflicts: one");

#define CHANGE(id, state, why, name)                                                               \
	"{\"id\":" #id ",\"state\":\"" state "\",\"why\":\"" why                                   \
	"\",\"moves\":[\"net.listen_full_hz down\"],\"parameters\":[{\"parameter\":\"" name        \
	"\",\"path\":\"/proc/sys/vm/" name "\",\"from\":\"1\",\"to\":\"2\"}]}"

static const char reply_text[] = "{\"changes\":[" CHANGE(9, "pending", "w", "one") "," CHANGE(
	8, "rolled_back", "made it worse",
	"one") "," CHANGE(7, "committed", "helped",
			  "one") "," CHANGE(6, "committed", "other",
					    "two") "," CHANGE(5, "rejected", "no",
							      "one") "],"
								     "\"kept\":[{\"id\":7,\"path\":"
								     "\"/proc/sys/vm/"
								     "one\",\"from\":\"0\",\"to\":"
								     "\"1\"},"
								     "{\"id\":6,\"path\":\"/proc/"
								     "sys/vm/"
								     "two\",\"from\":\"0\",\"to\":"
								     "\"1\"}]}";

static struct json_object *whole;
static char *shown;

/* What is shown of the first change. */
static void show(const struct kb *kb)
{
	struct json_object *changes;
	size_t size;
	FILE *f;

	json_object_put(whole);
	free(shown);
	whole = js_parse(reply_text, sizeof(reply_text) - 1);
	assert_non_null(whole);
	pending_add(whole, kb);
	assert_int_equal(js_get_array(whole, "changes", &changes), 0);
	f = open_memstream(&shown, &size);
	assert_non_null(f);
	pending_show(f, json_object_array_get_idx(changes, 0));
	fclose(f);
	/* only what waits for a person has it */
	assert_true(js_is_null(json_object_array_get_idx(changes, 1), "expected"));
}

static void tells(void **state)
{
	char error[256];
	struct kb kb;

	(void)state;
	assert_int_equal(kb_parse(&kb, "kb", kb_text, sizeof(kb_text) - 1, error, sizeof(error)),
			 0);
	show(&kb);
	kb_free(&kb);
	assert_non_null(strstr(shown, "    expected: net.listen_full_hz is to go down ("));
	assert_non_null(strstr(
		shown, "    on this host so far: 1 stayed, 1 went back; the last one: made it "
		       "worse\n"
		       "    undoes what change 7 has committed: /proc/sys/vm/one: 0 -> 1\n"
		       "    needs: two\n"
		       "    others need it: four\n"
		       "    not to be changed together with: three, five\n"));
	assert_null(strstr(shown, "/proc/sys/vm/two"));
	show(NULL);
	assert_non_null(strstr(shown, "undoes what change 7"));
	assert_null(strstr(shown, "needs"));
	json_object_put(whole);
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tells)};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
