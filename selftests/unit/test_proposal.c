// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Proposals: three shapes become one message; what is wrong is refused with a pointer to where. */
#include "fixture.h"

#include "control.h"
#include "json.h"
#include "proposal.h"

static const struct kb_machine machine = {.memory_bytes = 8ULL << 30, .cpus = 4};
static struct kb kb;
static struct proposals got;
static struct json_fault fault;

static int load(void **state)
{
	char error[512];

	(void)state;
	if (kb_load(&kb, HS_POLICY "/parameters.yaml", error, sizeof(error)))
		fail_msg("%s", error);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	kb_free(&kb);
	return 0;
}

static int read_text(const char *text)
{
	return proposals_read(&got, text, strlen(text), PROPOSAL_PERSON, &kb, &machine, &fault);
}

/* A text, and the message that it becomes. */
static void becomes(const char *text, const char *expected)
{
	struct json_object *message;

	if (read_text(text))
		fail_msg("%s: refused at '%s': %s", text, fault.pointer, fault.why);
	message = proposals_message(&got);
	assert_non_null(message);
	assert_string_equal(js_line(message), expected);
	json_object_put(message);
}

static void refused(const char *text, const char *pointer, const char *why)
{
	assert_int_equal(read_text(text), -EINVAL);
	if (strcmp(fault.pointer, pointer) || !strstr(fault.why, why))
		fail_msg("%s: '%s' '%s', not '%s' '%s'", text, fault.pointer, fault.why, pointer,
			 why);
}

#define HEAD "{\"verb\":\"propose\",\"source\":\"person\",\"proposals\":["
#define SOMAXCONN "\"parameter\":\"net.core.somaxconn\",\"value\":\"8192\",\"reason\":\"full\""
#define MESSAGE HEAD "{" SOMAXCONN ",\"can_auto_apply\":true}]}"

static void lists(void **state)
{
	(void)state;
	becomes("{\"recommendations\":[{" SOMAXCONN "}]}", MESSAGE);
	becomes("{\"proposals\":[{" SOMAXCONN "}]}", MESSAGE);
	becomes("[{" SOMAXCONN "}]", MESSAGE);
	becomes(MESSAGE, MESSAGE);
	/* a number is a value, one reason is enough for all */
	becomes("{\"reasoning\":\"full\",\"recommendations\":[{\"value\":8192,\"parameter\":\"net."
		"core.somaxconn\"}]}",
		MESSAGE);
	becomes("[{\"value\":8.192e3,\"parameter\":\"net.core.somaxconn\",\"reasoning\":\"full\"}]",
		MESSAGE);
	becomes("{\"source\":\"model\",\"recommendations\":[{" SOMAXCONN
		",\"timing\":\"idle\",\"risk\":4,\"can_auto_apply\":false,\"rollback_if\":[\"net."
		"listen_full_hz>100\",\"psi.io.some_permille  <  5\"],\"restart_required\":true},"
		"{\"parameter\":\"net.rps_cpus[eth0,*]\",\"value\":\"f\",\"reason\":\"hot\"}]}",
		"{\"verb\":\"propose\",\"source\":\"model\",\"proposals\":[{" SOMAXCONN
		",\"timing\":\"idle\",\"risk\":4,\"can_auto_apply\":false,\"rollback_if\":[\"net."
		"listen_full_hz > 100\",\"psi.io.some_permille < 5\"],\"restart_required\":true},"
		"{\"parameter\":\"net.rps_cpus[eth0,*]\",\"value\":\"f\",\"reason\":\"hot\","
		"\"can_auto_apply\":true}]}");
	assert_ptr_equal(got.proposal[1].kb, kb_find(&kb, "net.rps_cpus"));
	/* a line break in a reason is a blank */
	becomes("[{\"parameter\":\"vm.swappiness\",\"value\":1,\"reason\":\"a\\nb\"}]",
		HEAD "{\"parameter\":\"vm.swappiness\",\"value\":\"1\",\"reason\":\"a b\",\"can_"
		     "auto_apply\":true}]}");
}

static void maps(void **state)
{
	static const char both[] =
		HEAD "{" SOMAXCONN ",\"can_auto_apply\":true},{\"parameter\":\"vm.thp\",\"value\":"
		     "\"never\",\"reason\":\"full\",\"can_auto_apply\":true}]}";

	(void)state;
	becomes("{\"target_values\":{\"net.core.somaxconn\":8192,\"vm.thp\":\"never\"},"
		"\"reasoning\":\"full\"}",
		both);
	becomes("{\"reason\":\"full\",\"parameters\":{\"net.core.somaxconn\":\"8192\",\"vm.thp\":"
		"\"never\"}}",
		both);
	becomes("{\"reason\":\"full\",\"values\":{\"net.core.somaxconn\":8192}}", MESSAGE);
	becomes("{\"reason\":\"full\",\"timing\":\"task\",\"values\":{\"net.core.somaxconn\":8192}"
		"}",
		HEAD "{" SOMAXCONN ",\"timing\":\"task\",\"can_auto_apply\":true}]}");
}

static void actions(void **state)
{
	(void)state;
	becomes("{\"action\":{" SOMAXCONN "},\"safety\":\"safe\"}", MESSAGE);
	becomes("{\"action\":{\"parameter\":\"net.core.somaxconn\",\"value\":8192},\"reason\":"
		"\"full\",\"safety_level\":\"safe\"}",
		MESSAGE);
	becomes("{" SOMAXCONN "}", MESSAGE);
	becomes("{" SOMAXCONN ",\"safety\":\"moderate\"}",
		HEAD "{" SOMAXCONN ",\"risk\":5,\"can_auto_apply\":true}]}");
	/* what is dangerous waits for a person, whatever else is said */
	becomes("{" SOMAXCONN ",\"safety_level\":\"dangerous\",\"risk\":2,\"can_auto_apply\":true}",
		HEAD "{" SOMAXCONN ",\"risk\":8,\"can_auto_apply\":false}]}");
	becomes("{" SOMAXCONN ",\"safety_level\":\"dangerous\",\"risk\":9}",
		HEAD "{" SOMAXCONN ",\"risk\":9,\"can_auto_apply\":false}]}");
}

/* Nobody talks down what the knowledge base says. */
static void the_knowledge_base_is_the_least(void **state)
{
	(void)state;
	becomes("[{\"parameter\":\"net.rings.rx[eth0]\",\"value\":512,\"reason\":\"r\",\"risk\":1,"
		"\"timing\":\"immediate\"}]",
		HEAD "{\"parameter\":\"net.rings.rx[eth0]\",\"value\":\"512\",\"reason\":\"r\","
		     "\"timing\":\"maintenance\",\"risk\":6,\"can_auto_apply\":true}]}");
}

static void wrapped(void **state)
{
	(void)state;
	becomes("```json\n{" SOMAXCONN "}\n```", MESSAGE);
	becomes("Sure! I looked at {cpu} and [eth0] and [1, 2], see ${HOME}:\n\n~~~\n[{" SOMAXCONN
		"}]\n~~~\nTell me {if} it helped [1].\n",
		MESSAGE);
	becomes("\xef\xbb\xbf{" SOMAXCONN "}\r\n", MESSAGE);
	/* the same again, with other blanks and in another order, is no second one */
	becomes("{" SOMAXCONN "} that is: {\"reason\" : \"full\", \"value\":\"8192\", "
		"\"parameter\":\"net.core.somaxconn\"}",
		MESSAGE);
	/* brackets within texts are no brackets */
	becomes("[{\"parameter\":\"vm.swappiness\",\"value\":1,\"reason\":\"a } ] { [ \\\" b\"}]",
		HEAD "{\"parameter\":\"vm.swappiness\",\"value\":\"1\",\"reason\":\"a } ] { [ \\\" "
		     "b\",\"can_auto_apply\":true}]}");
}

static void refuses_texts(void **state)
{
	(void)state;
	refused("", "", "no JSON object");
	refused("I would do nothing.", "", "no JSON object");
	refused("[1, 2]", "", "no JSON object");
	refused("[]", "", "no JSON object");
	refused("{" SOMAXCONN "} or {\"parameter\":\"vm.swappiness\",\"value\":1,\"reason\":\"r\"}",
		"", "two different JSON values");
	/* half an answer is none: what is whole within it is not taken */
	refused("{\"recommendations\":[{" SOMAXCONN "}", "/recommendations", "expected ',' or ']'");
	refused("[{" SOMAXCONN "},", "/1", "expected a text in double quotes, a number");
	refused("x\n{" SOMAXCONN ",\n'risk': 2}", "", "not JSON in line 3: expected a key");
	refused("{" SOMAXCONN ",}", "", "expected a key in double quotes");
	refused("{\"values\":{\"vm.swappiness\" 3}}", "/values/vm.swappiness", "expected ':'");
	refused("{\"values\":{\"vm.swappiness\":1,\"vm.swappiness\":2}}", "/values/vm.swappiness",
		"this key stands twice");
	refused("{\"values\":{\"vm.swappiness\":1 \"x\":2}}", "/values", "expected ',' or '}'");
	refused("{\"values\":{\"a/b~c\":01}}", "/values/a~1b~0c", "expected a text");
	refused("{\"values\":{\"vm\\u002eswappiness\":1}}", "/values", "or has an escape");
	refused("{\"reason\":\"a\\qb\"}", "/reason", "bad escape");
	refused("{\"reason\":\"a\\u0000b\"}", "/reason", "bad escape");
	refused("{\"reason\":\"a\nb\"}", "/reason", "control character");
	refused("{\"reason\":\"\xff\"}", "/reason", "control character");
	refused("{\"reason\":99999999999999999999}", "/reason", "a number");
	refused("{\"reason\":NaN}", "/reason", "a number");
	refused("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}", "/a/a/a/a/a/a",
		"nested too deep");
}

static void refuses_shapes(void **state)
{
	(void)state;
	refused("{}", "", "none of the three shapes");
	refused("{\"reason\":\"r\"}", "", "none of the three shapes");
	refused("{\"recommendations\":[],\"reason\":\"r\"}", "/recommendations", "at least one");
	refused("{\"recommendations\":{},\"reason\":\"r\"}", "/recommendations", "expected a list");
	refused("{\"recommendations\":[{" SOMAXCONN "}],\"proposals\":[]}", "/proposals",
		"beside 'recommendations'");
	refused("{\"recommendations\":[{" SOMAXCONN "}],\"values\":{}}", "/values", "unknown key");
	refused("{\"recommendations\":[{" SOMAXCONN "}],\"risk\":1}", "/risk",
		"unknown key; expected one of: recommendations, proposals, reason");
	refused("{\"recommendations\":[{" SOMAXCONN "},7]}", "/recommendations/1",
		"expected an object");
	refused("{\"recommendations\":[{" SOMAXCONN ",\"safety\":\"safe\"}]}",
		"/recommendations/0/safety", "unknown key");
	refused("{\"recommendations\":[{" SOMAXCONN ",\"reasoning\":\"r\"}]}",
		"/recommendations/0/reasoning", "beside 'reason'");
	refused("{\"verb\":\"trip\",\"proposals\":[{" SOMAXCONN "}]}", "/verb", "\"propose\"");
	refused("{\"source\":\"oracle\",\"proposals\":[{" SOMAXCONN "}]}", "/source",
		"unknown source 'oracle'; expected person, rules or model");
	refused("{\"values\":{\"vm.swappiness\":1}}", "", "lacks 'reason'");
	refused("{\"values\":{},\"reason\":\"r\"}", "/values", "at least one parameter");
	refused("{\"values\":[1],\"reason\":\"r\"}", "/values", "expected an object");
	refused("{\"values\":{\"vm.swappiness\":1},\"reason\":\"r\",\"safety\":\"safe\"}",
		"/safety", "unknown key");
	refused("{\"action\":7,\"reason\":\"r\"}", "/action", "expected an object");
	refused("{\"action\":{" SOMAXCONN "},\"safety\":\"fine\"}", "/safety",
		"unknown safety level 'fine'; expected safe, moderate or dangerous");
	refused("{\"action\":{" SOMAXCONN "},\"safety\":\"safe\",\"safety_level\":\"safe\"}",
		"/safety_level", "beside 'safety'");
	refused("{\"action\":{" SOMAXCONN ",\"goal\":1}}", "/action/goal", "unknown key");
	refused("{\"action\":{" SOMAXCONN "},\"risk\":1}", "/risk", "unknown key");
}

static void refuses_entries(void **state)
{
	(void)state;
	refused("[{\"value\":1,\"reason\":\"r\"}]", "/0", "lacks 'parameter'");
	refused("[{\"parameter\":\"vm.swappiness\",\"reason\":\"r\"}]", "/0", "lacks 'value'");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":1}]", "/0", "lacks 'reason'");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":1,\"reason\":\"\"}]", "/0/reason",
		"an empty text");
	refused("[{\"parameter\":\"vm.swappines\",\"value\":1,\"reason\":\"r\"}]", "/0/parameter",
		"unknown parameter 'vm.swappines'");
	refused("{\"values\":{\"vm.swap/x\":1},\"reason\":\"r\"}", "/values/vm.swap~1x",
		"unknown parameter 'vm.swap/x'");
	refused("[{\"parameter\":7,\"value\":1,\"reason\":\"r\"}]", "/0/parameter",
		"expected a text");
	refused("[{\"parameter\":\"boot.mitigations\",\"value\":\"off\",\"reason\":\"r\"}]",
		"/0/parameter", "only ever reported");
	refused("[{" SOMAXCONN "},{" SOMAXCONN "}]", "/1/parameter", "stands twice");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":201,\"reason\":\"r\"}]", "/0/value",
		"'201' for 'vm.swappiness': out of its range; expected 0 to 200 count");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":-1,\"reason\":\"r\"}]", "/0/value",
		"a whole number");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":1.5,\"reason\":\"r\"}]", "/0/value",
		"not whole");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":true,\"reason\":\"r\"}]", "/0/value",
		"a text or a whole number");
	refused("[{\"parameter\":\"vm.swappiness\",\"value\":null,\"reason\":\"r\"}]", "/0/value",
		"a text or a whole number");
	refused("[{\"parameter\":\"vm.thp\",\"value\":\"sometimes\",\"reason\":\"r\"}]", "/0/value",
		"expected one of: always madvise never");
	refused("[{" SOMAXCONN ",\"timing\":\"soon\"}]", "/0/timing", "unknown timing 'soon'");
	refused("[{" SOMAXCONN ",\"timing\":\"reboot\"}]", "/0/timing", "no boot parameter");
	refused("[{" SOMAXCONN ",\"risk\":0}]", "/0/risk", "from 1 to 10");
	refused("[{" SOMAXCONN ",\"risk\":\"low\"}]", "/0/risk", "from 1 to 10");
	refused("[{" SOMAXCONN ",\"can_auto_apply\":1}]", "/0/can_auto_apply", "true or false");
	refused("[{" SOMAXCONN ",\"restart_required\":\"no\"}]", "/0/restart_required",
		"true or false");
	refused("[{" SOMAXCONN ",\"rollback_if\":\"x\"}]", "/0/rollback_if", "expected a list");
	refused("[{" SOMAXCONN ",\"rollback_if\":[7]}]", "/0/rollback_if/0", "VITAL > NUMBER");
	refused("[{" SOMAXCONN ",\"rollback_if\":[\"net.listen_full_hz > 1\",\"net.no > 1\"]}]",
		"/0/rollback_if/1", "unknown vital sign 'net.no'");
	refused("[{" SOMAXCONN ",\"rollback_if\":[\"net.listen_full_hz = 1\"]}]",
		"/0/rollback_if/0", "expected net.listen_full_hz > NUMBER");
	refused("[{" SOMAXCONN ",\"rollback_if\":[\"net.listen_full_hz > 1.5\"]}]",
		"/0/rollback_if/0", "'1.5' is no whole number; expected one in hz");
}

#define LOSS "\"net.listen_full_hz > 1\""

/* Four in all, as the daemon has it: the fifth is refused where it stands. */
static void conditions_of_all(void **state)
{
	(void)state;
	becomes("{\"reason\":\"full\",\"rollback_if\":[" LOSS "," LOSS "," LOSS "," LOSS
		"],\"values\":{\"net.core.somaxconn\":8192,\"vm.thp\":\"never\"}}",
		HEAD "{" SOMAXCONN ",\"can_auto_apply\":true,\"rollback_if\":[" LOSS "," LOSS
		     "," LOSS "," LOSS "]},{\"parameter\":\"vm.thp\",\"value\":"
		     "\"never\",\"reason\":\"full\",\"can_auto_apply\":true}]}");
	refused("{\"reason\":\"full\",\"rollback_if\":[" LOSS "," LOSS "," LOSS "," LOSS "," LOSS
		"],\"values\":{\"net.core.somaxconn\":8192}}",
		"/rollback_if/4", "more than 4 conditions in all");
	refused("[{" SOMAXCONN ",\"rollback_if\":[" LOSS "," LOSS "," LOSS
		"]},{\"parameter\":\"vm.thp\",\"value\":\"never\",\"reason\":\"r\","
		"\"rollback_if\":[" LOSS "," LOSS "]}]",
		"/1/rollback_if/1", "more than 4 conditions in all");
}

static void objects(void **state)
{
	char why[160];

	(void)state;
	assert_non_null(proposal_parameter(&kb, "vm.swappiness", why, sizeof(why)));
	assert_non_null(proposal_parameter(&kb, "net.rps_cpus[*,*]", why, sizeof(why)));
	assert_non_null(proposal_parameter(&kb, "net.rings.rx[eth0.7]", why, sizeof(why)));
	assert_non_null(proposal_parameter(&kb, "net.qdisc[br-1]", why, sizeof(why)));
	assert_non_null(proposal_parameter(&kb, "cgroup.cpu.weight[system.slice/a.service]", why,
					   sizeof(why)));
	static const char *const bad[] = {
		"vm.swappiness[eth0]",	   "net.rps_cpus",
		"net.rps_cpus[eth0]",	   "net.rps_cpus[eth0,0,0]",
		"net.rps_cpus[eth0,0",	   "net.rps_cpus[eth0,0]x",
		"net.rps_cpus[../..,0]",   "net.rps_cpus[a/b,0]",
		"net.rps_cpus[,0]",	   "net.rps_cpus[e*,0]",
		"cgroup.cpu.weight[/a]",   "cgroup.cpu.weight[a/../b]",
		"cgroup.cpu.weight[a//b]", "cgroup.cpu.weight[a/]",
		"net.rps_cpus[]",	   "",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		if (proposal_parameter(&kb, bad[i], why, sizeof(why)) || !why[0])
			fail_msg("'%s' is taken for one", bad[i]);
	}
}

static void bounds(void **state)
{
	char text[PROPOSAL_TEXT_MAX + 2], *at = text;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "{" SOMAXCONN "}", strlen("{" SOMAXCONN "}"));
	assert_int_equal(proposals_read(&got, text, PROPOSAL_TEXT_MAX, PROPOSAL_MODEL, &kb,
					&machine, &fault),
			 0);
	assert_int_equal(got.source, PROPOSAL_MODEL);
	assert_int_equal(proposals_read(&got, text, PROPOSAL_TEXT_MAX + 1, PROPOSAL_MODEL, &kb,
					&machine, &fault),
			 -EFBIG);
	assert_non_null(strstr(fault.why, "at most 64 KiB"));
	/* nine parameters are too many */
	at += sprintf(at, "{\"reason\":\"r\",\"values\":{");
	for (int i = 0; i < 9; i++)
		at += sprintf(at, "%s\"net.rps_cpus[eth%d,0]\":\"f\"", i ? "," : "", i);
	sprintf(at, "}}");
	refused(text, "/values/net.rps_cpus[eth8,0]", "more than 8 parameters");
	/* a reason that is too long, and eight whose escapes do not fit one line */
	snprintf(text, sizeof(text), "{\"values\":{\"vm.swappiness\":1},\"reason\":\"%0600d\"}", 0);
	refused(text, "/reason", "a text of 600 bytes; expected at most 511");
	assert_true(PROPOSALS_MAX *
			    (PROPOSAL_REASON_LEN + PROPOSAL_PARAMETER_LEN + PROPOSAL_VALUE_LEN) <
		    CONTROL_REQUEST_MAX);
}

/* What a rule adds is checked, too. */
static void adds(void **state)
{
	const struct kb_parameter *p = kb_find(&kb, "vm.swappiness");
	struct proposals rules = {.source = PROPOSAL_RULES};
	struct json_object *message;
	char why[160];

	(void)state;
	assert_int_equal(proposals_add(&rules, p, p->name, "500", "r", &machine, why, sizeof(why)),
			 -ERANGE);
	assert_int_equal(rules.nr, 0);
	for (int i = 0; i < PROPOSALS_MAX; i++)
		assert_int_equal(
			proposals_add(&rules, p, p->name, "10", "r", &machine, why, sizeof(why)),
			0);
	assert_int_equal(proposals_add(&rules, p, p->name, "10", "r", &machine, why, sizeof(why)),
			 -ENOSPC);
	rules.nr = 1;
	message = proposals_message(&rules);
	assert_string_equal(js_line(message),
			    "{\"verb\":\"propose\",\"source\":\"rules\",\"proposals\":[{"
			    "\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\","
			    "\"can_auto_apply\":true}]}");
	json_object_put(message);
}

/* Of a single value, wherever it lies: as json_find() has it. */
static void values(void **state)
{
	(void)state;
	assert_int_equal(json_value_len("{\"a\":[1,{}]}, more", 18, &fault), 12);
	assert_int_equal(json_value_len("x", 1, &fault), 0);
	assert_string_equal(fault.why, "not JSON in line 1: no object and no list; expected one");
	assert_int_equal(json_value_len("[1,[2,x]]", 9, &fault), 0);
	assert_string_equal(fault.pointer, "/1/1");
}

#define EACH(values) "[{\"parameter\":\"net.rps_cpus\",\"values\":{" values "},\"reason\":\"hot\"}]"

/* A value for each object of one parameter: one proposal. */
static void a_value_for_each(void **state)
{
	char text[8192], *at = text;

	(void)state;
	becomes(EACH("\"eth0,0\":\"f\",\"eth0,1\":3"), HEAD
		"{\"parameter\":\"net.rps_cpus\",\"values\":{\"eth0,0\":\"f\",\"eth0,1\":\"3\"},"
		"\"reason\":\"hot\",\"can_auto_apply\":true}]}");
	assert_int_equal(got.parts_nr, 2);
	/* what was written is understood */
	becomes(HEAD
		"{\"parameter\":\"cpu.governor\",\"values\":{\"cpu0\":\"powersave\"},\"reason\":"
		"\"r\",\"can_auto_apply\":true},{" SOMAXCONN ",\"can_auto_apply\":true}]}",
		HEAD
		"{\"parameter\":\"cpu.governor\",\"values\":{\"cpu0\":\"powersave\"},\"reason\":"
		"\"r\",\"can_auto_apply\":true},{" SOMAXCONN ",\"can_auto_apply\":true}]}");
	refused(EACH(""), "/0/values", "at least one value");
	refused(EACH("\"eth0,0\":\"g\""), "/0/values/eth0,0", "expected a set of CPUs");
	refused(EACH("\"eth0,0\":[]"), "/0/values/eth0,0", "expected a text or a whole number");
	refused(EACH("\"eth0\":\"f\""), "/0/values/eth0", "one object for each place");
	refused(EACH("\"eth0,*\":\"f\""), "/0/values/eth0,*", "by its name");
	refused("[{\"parameter\":\"net.rps_cpus[eth0,0]\",\"values\":{\"eth0,0\":\"f\"},\"reason\":"
		"\"r\"}]",
		"/0/parameter", "expected a parameter that has objects, without them");
	refused("[{\"parameter\":\"vm.swappiness\",\"values\":{\"a\":1},\"reason\":\"r\"}]",
		"/0/parameter", "expected a parameter that has objects");
	refused("[{\"parameter\":\"net.rps_cpus\",\"values\":7,\"reason\":\"r\"}]", "/0/values",
		"expected an object");
	refused("[{\"parameter\":\"net.rps_cpus\",\"values\":{},\"value\":1,\"reason\":\"r\"}]",
		"/0/values", "beside 'value'");
	refused("[{\"values\":{\"a\":1},\"reason\":\"r\"}]", "/0", "lacks 'parameter'");
	/* as many as a change has files, in all */
	at += sprintf(at, "[{\"parameter\":\"net.rps_cpus\",\"reason\":\"r\",\"values\":{");
	for (int i = 0; i < PROPOSAL_PARTS_MAX; i++)
		at += sprintf(at, "%s\"eth0,%d\":\"f\"", i ? "," : "", i);
	sprintf(at, "}},{\"parameter\":\"cpu.governor\",\"reason\":\"r\",\"values\":{\"cpu0\":"
		    "\"powersave\"}}]");
	refused(text, "/1/values/cpu0", "more than 64 objects in one message");
}

/* What a rule adds for objects is checked, too. */
static void adds_parts(void **state)
{
	const struct kb_parameter *p = kb_find(&kb, "cpu.governor");
	static struct proposals rules = {.source = PROPOSAL_RULES};
	char why[160];

	(void)state;
	assert_int_equal(proposals_add(&rules, p, p->name, NULL, "r", &machine, why, sizeof(why)),
			 0);
	assert_int_equal(proposals_add_part(&rules, "cpu0", "fast", &machine, why, sizeof(why)),
			 -EINVAL);
	assert_int_equal(
		proposals_add_part(&rules, "cpu0", "powersave", &machine, why, sizeof(why)), 0);
	assert_int_equal(
		proposals_add_part(&rules, "cpu0", "powersave", &machine, why, sizeof(why)),
		-EEXIST);
	assert_int_equal(proposals_add_part(&rules, "", "powersave", &machine, why, sizeof(why)),
			 -EINVAL);
	/* another parameter may have an object of that name */
	p = kb_find(&kb, "cpu.energy_preference");
	assert_int_equal(proposals_add(&rules, p, p->name, NULL, "r", &machine, why, sizeof(why)),
			 0);
	assert_int_equal(proposals_add_part(&rules, "cpu0", "power", &machine, why, sizeof(why)),
			 0);
	assert_int_equal(rules.proposal[1].first, 1);
	assert_int_equal(rules.proposal[1].parts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),	  cmocka_unit_test(maps),
		cmocka_unit_test(actions),	  cmocka_unit_test(the_knowledge_base_is_the_least),
		cmocka_unit_test(wrapped),	  cmocka_unit_test(refuses_texts),
		cmocka_unit_test(refuses_shapes), cmocka_unit_test(refuses_entries),
		cmocka_unit_test(objects),	  cmocka_unit_test(conditions_of_all),
		cmocka_unit_test(bounds),	  cmocka_unit_test(adds),
		cmocka_unit_test(values),	  cmocka_unit_test(a_value_for_each),
		cmocka_unit_test(adds_parts),
	};

	return cmocka_run_group_tests_name("proposal", tests, load, unload);
}
