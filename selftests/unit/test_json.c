// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "fixture.h"

#include "event_log.h"
#include "json.h"
#include "names.h"

static struct json_object *parse(const char *text)
{
	return js_parse(text, strlen(text));
}

static const char *const refused[] = {
	"",
	"1",
	"[]",
	"null",
	"{",
	"{}x",

	"{\"a\":1,}",
	"{\"a\":\"\xff\"}",
	"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
	/* a key twice, also hidden by an escape or further down */
	"{\"verb\":\"status\",\"verb\":\"trip\"}",
	"{\"verb\":\"status\",\"\\u0076erb\":\"trip\"}",
	"{\"a\":[{\"b\":1,\"b\":1}]}",
	"{\"a\":{\"\":1,\"\":2}}",
	/* what json-c would take were it not told to be strict */
	"{'a':1}",
	"{\"a\":1}/**/",
	"/**/{\"a\":1}",
	"{\"a\":01}",
	"{\"a\":+1}",
	"{\"a\":.5}",
	"{\"a\":1.}",
	"{\"a\":0x1}",
	"{\"a\":NaN}",
	"{\"a\":nan}",
	"{\"a\":Infinity}",
	"{\"a\":-Infinity}",
	"{\"a\":True}",
	"{\"a\":TRUE}",
	"{\"a\":NULL}",
	"{\"a\":\"\n\"}",
	"{\"a\":\"\t\"}",
	"{\"a\" 1}",
	"{a:1}",
	"{\"a\":[1,]}",
	"{,}",
	"{\"a\":1}{\"b\":2}",
	"{\"a\":1} \"",
	"{\"a\":\"\\x41\"}",
	/* what would cut a string short, and half a character */
	"{\"verb\\u0000junk\":\"status\"}",
	"{\"verb\":\"status\\u0000x\"}",
	"{\"a\":\"\\ud800\"}",
	"{\"a\":\"\\ud800\\u0041\"}",
	"{\"a\":\"\\ud800x\"}",
	"{\"a\":\"\\udc00\"}",
	"{\"a\":\"\\u12\"}",
	"{\"a\":\"\\u12g4\"}",
	"{\"a\":\"\\",
	"{\"a\":\"\\u",
	/* numbers that do not fit */
	"{\"a\":18446744073709551616}",
	"{\"a\":-9223372036854775809}",
	"{\"a\":99999999999999999999999999999999999999999999999999}",
	"{\"a\":1e999}",
	/* not UTF-8: overlong, surrogate, cut off, beyond the last plane */
	"{\"a\":\"\xc0\xaf\"}",
	"{\"a\":\"\xe0\x80\xaf\"}",
	"{\"a\":\"\xed\xa0\x80\"}",
	"{\"a\":\"\xe2\x82\"}",
	"{\"a\":\"\xf8\x88\x80\x80\x80\"}",
	"{\"\xff\":1}",
};

static void strict(void **state)
{
	struct json_object *obj;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		obj = parse(refused[i]);
		if (obj)
			fail_msg("accepted: %s as %s", refused[i], js_line(obj));
	}
	/* length counts, not a NUL */
	assert_null(js_parse("{\"a\":1}\0", 8));
	assert_null(js_parse("{\"a\":\"\0\"}", 9));
	obj = parse("{\"a\":[1.5,-2E+3,0.1e-2,0,-0,true,false,null,-9223372036854775808]}");
	assert_non_null(obj);
	json_object_put(obj);
	obj = parse("{\"a:\\\":\":[{\"b\":1},{\"b\":2}],\"c\":null}");
	assert_non_null(obj); /* colons within strings are no keys; the same key in two objects */
	json_object_put(obj);
	obj = parse("{\"a\":1}");
	assert_non_null(obj);
	json_object_put(obj);
}

static void members(void **state)
{
	struct json_object *obj =
		parse("{\"n\":18446744073709551615,\"m\":-1,\"s\":\"x\",\"b\":true,"
		      "\"a\":[],\"o\":{},\"z\":null}");
	struct json_object *part;
	const char *s;
	__u64 n;
	bool b;

	(void)state;
	assert_non_null(obj);
	assert_int_equal(js_get_u64(obj, "n", &n), 0);
	assert_true(n == ~0ULL);
	assert_int_equal(js_get_u64(obj, "m", &n), -EINVAL);
	assert_int_equal(js_get_u64(obj, "s", &n), -EINVAL);
	assert_int_equal(js_get_u64(obj, "q", &n), -ENOENT);
	assert_int_equal(js_get_str(obj, "s", &s), 0);
	assert_string_equal(s, "x");
	assert_int_equal(js_get_bool(obj, "b", &b), 0);
	assert_true(b);
	assert_int_equal(js_get_array(obj, "a", &part), 0);
	assert_int_equal(js_get_obj(obj, "o", &part), 0);
	assert_int_equal(js_get_obj(obj, "a", &part), -EINVAL);
	assert_int_equal(js_u64(obj, "q"), 0);
	assert_string_equal(js_str(obj, "n"), "");
	assert_string_equal(js_str(NULL, "n"), "");
	assert_true(js_is_null(obj, "z") && js_is_null(obj, "q") && !js_is_null(obj, "s"));
	json_object_put(obj);
}

static void writes(void **state)
{
	struct json_object *obj = json_object_new_object();
	char text[1024];

	(void)state;
	assert_true(js_add_u64(obj, "n", ~0ULL));
	assert_true(js_add_str(obj, "s", "a\xff\"\n\xc3\xa4"));
	js_add_bool(js_push_obj(js_add_array(obj, "a")), "b", false);
	assert_string_equal(js_line(obj), "{\"n\":18446744073709551615,\"s\":\"a?\\\"\\n\xc3\xa4\","
					  "\"a\":[{\"b\":false}]}");
	json_object_put(obj);
	/* long text: kept whole if it is UTF-8, cut where it stops being so */
	obj = json_object_new_object();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	js_add_str(obj, "l", text);
	assert_int_equal(strlen(js_str(obj, "l")), sizeof(text) - 1);
	text[800] = (char)0x80;
	js_add_str(obj, "l", text);
	assert_int_equal(strlen(js_str(obj, "l")), 800);
	text[5] = (char)0xc0; /* an overlong form starts here, too */
	js_add_str(obj, "l", text);
	assert_int_equal(js_str(obj, "l")[5], '?');
	assert_null(js_push_obj(NULL));
	assert_false(js_add_u64(NULL, "x", 1));
	json_object_put(obj);
}

static void odd_events(void **state)
{
	(void)state;
	/* no id from the kernel may lead out of a table */
	for (__u32 type = 0; type <= HS_EVENT_NR; type++) {
		struct hs_event odd = {.type = type,
				       .id = ~0U,
				       .vital = ~0U,
				       .cause = ~0U,
				       .from = ~0ULL,
				       .to = ~0ULL,
				       .pid = 1};
		struct json_object *obj;

		memset(odd.comm, 0xff, sizeof(odd.comm)); /* not even terminated */
		obj = event_json(&odd);
		assert_non_null(obj);
		json_object_put(obj);
		odd.cause = HS_CAUSE_REFLEX;
		json_object_put(event_json(&odd));
	}
}

static void event_ring(void **state)
{
	static struct event_log log;
	struct json_object *array = json_object_new_array(), *first;

	(void)state;
	assert_null(event_log_newest(&log, 0));
	for (__u64 i = 0; i < CONTROL_EVENTS_MAX + 10; i++) {
		struct hs_event e = {.ts_ns = i,
				     .type = i % 2 ? HS_EVENT_KNOB : HS_EVENT_CLASS,
				     .id = HS_KNOB_SLICE_BATCH};

		event_log_enter(&log, &e);
	}
	assert_int_equal(event_log_newest(&log, 0)->ts_ns, CONTROL_EVENTS_MAX + 9);
	assert_int_equal(event_log_newest(&log, CONTROL_EVENTS_MAX - 1)->ts_ns, 10);
	assert_null(event_log_newest(&log, CONTROL_EVENTS_MAX));
	event_log_json(&log, array, 3, HS_KNOB_SLICE_BATCH);
	assert_int_equal(json_object_array_length(array), 3);
	first = json_object_array_get_idx(array, 0);
	assert_int_equal(js_u64(first, "ts_ns"), CONTROL_EVENTS_MAX + 5);
	assert_string_equal(js_str(first, "type"), "knob");
	json_object_put(array);
	array = json_object_new_array();
	event_log_json(&log, array, ~0ULL, HS_KNOB_NR);
	assert_int_equal(json_object_array_length(array), CONTROL_EVENTS_MAX);
	json_object_put(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict),     cmocka_unit_test(members),
		cmocka_unit_test(writes),     cmocka_unit_test(odd_events),
		cmocka_unit_test(event_ring),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
