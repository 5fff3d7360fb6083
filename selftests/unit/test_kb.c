// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The knowledge base: what is refused and where, values and ranges, what is on a machine; the one that is shipped. */
#include "fixture.h"

#include "../../user/cli/cli.h"
#include "ethtool.h"
#include "kb.h"
#include "names.h"

static const char one[] = "parameters:\n"
			  "  - name: net.core.somaxconn\n"
			  "    meaning: longest queue\n"
			  "    actuator: sysctl\n"
			  "    path: /proc/sys/net/core/somaxconn\n"
			  "    type: number\n"
			  "    unit: count\n"
			  "    min: 128\n"
			  "    max: 65535\n"
			  "    stock: 4096\n"
			  "    timing: immediate\n"
			  "    risk: 2\n"
			  "    source: the kernel's documentation\n";
static const struct kb_machine machine = {.memory_bytes = 8ULL << 30, .cpus = 4};
static char error[512], root[64];

static int parse(struct kb *kb, const char *text)
{
	return kb_parse(kb, "/k.yaml", text, strlen(text), error, sizeof(error));
}

/* The text above with one line in the place of another; and what it is refused with. */
static void refused(const char *line, const char *instead, const char *why)
{
	char text[2048];
	const char *at = strstr(one, line);
	struct kb kb;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - one), one, instead, at + strlen(line));
	assert_int_equal(parse(&kb, text), -EINVAL);
	if (strncmp(error, "/k.yaml:", 8) || !strstr(error, why))
		fail_msg("'%s', not '%s'", error, why);
	assert_null(kb.parameter);
}

static void accepts(void **state)
{
	const struct kb_parameter *p;
	struct kb kb;

	(void)state;
	assert_int_equal(parse(&kb, one), 0);
	assert_int_equal(kb.nr, 1);
	p = kb_find(&kb, "net.core.somaxconn");
	assert_non_null(p);
	assert_null(kb_find(&kb, "net.core.somaxcon"));
	assert_int_equal(p->actuator, KB_SYSCTL);
	assert_int_equal(p->risk, 2);
	assert_int_equal(p->line, 2);
	assert_string_equal(p->restart, "");
	assert_false(p->netns || p->report || p->moves_nr);
	kb_free(&kb);
}

#define CARD(path)                                                                                 \
	"sysctl\n    path: /proc/sys/net/core/somaxconn\n", "ethtool\n    path: " path "\n"

static void refuses(void **state)
{
	(void)state;
	refused("    risk: 2\n", "    risk: 2\n    among: ../x\n",
		"expected the name of a file beside it");
	refused("    risk: 2\n", "    risk: 11\n", ":12: 'risk: 11'; expected 1 to 10");
	refused("    risk: 2\n", "    risk: 0\n", ":12: ");
	refused("    risk: 2\n", "", "parameter lacks 'risk'");
	refused("    risk: 2\n", "    risk: 2\n    danger: 3\n", "unknown key 'danger'");
	refused("sysctl\n", "sysctrl\n",
		":4: unknown actuator 'sysctrl'; expected one of: sysctl,");
	refused("/proc/sys/net", "/sys/net", ":5: 'path: /sys/net/core/somaxconn'");
	refused("/proc/sys/net", "/proc/sys/../net", ":5: ");
	refused("core/somaxconn\n", "{cor}/somaxconn\n", ":5: 'path: ");
	refused(CARD("/proc/sys/net/core/somaxconn"), "expected 'ethtool:…'");
	refused(CARD("'ethtool:eth0/rings/rx'"),
		"expected 'ethtool:{interface}/…' with one of: rings/rx, ");
	refused(CARD("'ethtool:{interface}/rings/rx-max'"), ":5: 'path: ");
	refused(CARD("'ethtool:{interface}/rings/mini'"), ":5: 'path: ");
	refused(CARD("'ethtool:{interface}'"), ":5: 'path: ");
	refused("core/somaxconn\n", "{cpu/somaxconn\n", "unknown object");
	refused("type: number", "type: figure", ":6: unknown type 'figure'");
	refused("    unit: count\n", "", "a number without 'unit'");
	refused("unit: count", "unit: furlongs", ":7: unknown unit 'furlongs'");
	refused("    min: 128\n", "", "a number without a range");
	refused("min: 128", "min: 70000", ":8: 'min' is above 'max'");
	refused("min: 128", "min: 5% of memory", "of something in count");
	refused("min: 128", "min: 101% of memory", ":8: ");
	refused("min: 128", "min: some", "expected a number, 'N% of memory' or 'N per cpu'");
	refused("min: 128", "min: 1 per cpus", "expected a number");
	refused("stock: 4096", "stock: 1", ":10: 'stock: 1': out of its range");
	refused("stock: 4096", "stock: much", "expected a whole number");
	refused("timing: immediate", "timing: now", ":11: unknown timing 'now'");
	refused("timing: immediate", "timing: reboot", "go together");
	refused("    risk: 2\n", "    risk: 2\n    netns: maybe\n", "expected yes or no");
	refused("    risk: 2\n", "    risk: 2\n    choices: a b\n", "'choices' are for");
	refused("    risk: 2\n", "    risk: 2\n    needs: vm.swappiness\n",
		"is no other parameter");
	refused("    risk: 2\n", "    risk: 2\n    conflicts: net.core.somaxconn\n",
		"is no other parameter");
	refused("    risk: 2\n", "    risk: 2\n    moves:\n      - { vital: no.such, to: up }\n",
		"unknown vital sign 'no.such'");
	refused("    risk: 2\n",
		"    risk: 2\n    moves:\n      - { vital: net.drops_hz, to: left }\n",
		"expected up or down");
	refused("    risk: 2\n", "    risk: 2\n  - name: net.core.somaxconn\n", "lacks");
}

static void twice(void **state)
{
	char text[2048];
	struct kb kb;

	(void)state;
	snprintf(text, sizeof(text), "%s%s", one, strchr(one, '\n') + 1);
	assert_int_equal(parse(&kb, text), -EINVAL);
	assert_non_null(strstr(error, ":14: 'net.core.somaxconn' stands twice, first in line 2"));
	assert_int_equal(parse(&kb, ""), -EINVAL);
	assert_int_equal(parse(&kb, "parameters: []\n"), -EINVAL);
	assert_int_equal(kb_load(&kb, "/nonexistent/k.yaml", error, sizeof(error)), -ENOENT);
	assert_int_equal(kb_load(&kb, "/dev/null", error, sizeof(error)), -ENOTSUP);
}

/* One value for one type. */
static void value(struct kb_parameter p, const char *text, int err, const char *reason)
{
	char why[160] = "";

	p.unit = "KiB";
	p.choices = p.choices ? p.choices : "";
	if (kb_value(&p, text, &machine, why, sizeof(why)) != err || !strstr(why, reason))
		fail_msg("'%s': '%s', not '%s'", text, why, reason);
}

static void values(void **state)
{
	const struct kb_parameter number = {
		.type = KB_TYPE_NUMBER, .min = {KB_PLAIN, 16}, .max = {KB_OF_MEMORY, 10}};
	const struct kb_parameter numbers = {
		.type = KB_TYPE_NUMBERS, .min = {KB_PLAIN, 16}, .max = {KB_PER_CPU, 8}};
	const struct kb_parameter choice = {.type = KB_TYPE_CHOICE,
					    .choices = "always defer+madvise never"};

	(void)state;
	assert_int_equal(kb_bound(&numbers, &numbers.max, &machine), 32);
	value(number, "16", 0, "");
	value(number, "83886", 0, ""); /* 1 % of 8 GiB in KiB */
	value(number, "83887", -ERANGE, "expected 16 to 83886 KiB");
	value(number, "15", -ERANGE, "expected 16");
	value(number, "", -EINVAL, "a whole number");
	value(number, "-16", -EINVAL, "a whole number");
	value(number, "16 17", -EINVAL, "a whole number");
	value(number, "16k", -EINVAL, "a whole number");
	value(number, "99999999999999999999", -EINVAL, "a whole number");
	value(numbers, "16 20\t32", 0, "");
	value(numbers, "16 33", -ERANGE, "expected 16 to 32");
	value(numbers, "16,20", -EINVAL, "whole numbers");
	value((struct kb_parameter){.type = KB_TYPE_SWITCH}, "1", 0, "");
	value((struct kb_parameter){.type = KB_TYPE_SWITCH}, "2", -EINVAL, "0 or 1");
	value(choice, "never", 0, "");
	value(choice, "madvise", -EINVAL, "expected one of: always");
	value(choice, "always never", -EINVAL, "expected one of");
	value(choice, "", -EINVAL, "expected one of");
	value((struct kb_parameter){.type = KB_TYPE_CPUS}, "2-7,9", 0, "");
	value((struct kb_parameter){.type = KB_TYPE_CPUS}, "7-2", -EINVAL, "a list of CPUs");
	value((struct kb_parameter){.type = KB_TYPE_MASK}, "00000001,ffffffff", 0, "");
	value((struct kb_parameter){.type = KB_TYPE_MASK}, "f,", -EINVAL, "hex");
	value((struct kb_parameter){.type = KB_TYPE_MASK}, "0x3", -EINVAL, "hex");
	value((struct kb_parameter){.type = KB_TYPE_MASK}, "123456789", -EINVAL, "hex");
	value((struct kb_parameter){.type = KB_TYPE_FLAG}, "yes", 0, "");
	value((struct kb_parameter){.type = KB_TYPE_FLAG}, "1", -EINVAL, "yes or no");
}

static int tree(void **state)
{
	(void)state;
	tree_make(root);
	tree_put(root, "/proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n");
	tree_put(root, "/sys/devices/system/cpu/possible", "0-3\n");
	tree_put(root, "/proc/cmdline", "root=/dev/sda1 nohz_full=2-3 threadirqs isolcpusx=1\n");
	tree_put(root, "/proc/sys/net/core/somaxconn", "70000\n");
	tree_put(root, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	tree_put(root, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	tree_put(root, "/sys/class/net/lo/mtu", "65536\n");
	tree_put(root, "/sys/class/net/eth1/mtu", "1500\n");
	tree_put(root, "/ethtool:eth1/rings/rx", "512\n");
	tree_put(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
	tree_put(root, "/sys/devices/system/cpu/cpufreq/scaling_governor", "nobody\n");
	return 0;
}

static int tree_end(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

static void now(const struct kb *kb, const char *name, int err, const char *expected)
{
	const struct kb_parameter *p = kb_find(kb, name);
	char buf[64] = "";

	assert_non_null(p);
	assert_int_equal(kb_now(p, root, buf, sizeof(buf)), err);
	if (!err)
		assert_string_equal(buf, expected);
}

/* The shipped one, and a machine of files. */
static void on_a_machine(void **state)
{
	struct kb_machine here;
	struct kb kb;

	(void)state;
	assert_int_equal(kb_machine_read(&here, root), 0);
	assert_int_equal(here.memory_bytes, 8ULL << 30);
	assert_int_equal(here.cpus, 4);
	assert_int_equal(kb_machine_read(&here, "/nonexistent"), -ENOENT);
	if (kb_load(&kb, HS_POLICY "/parameters.yaml", error, sizeof(error)))
		fail_msg("%s", error);
	now(&kb, "net.core.somaxconn", 0, "70000");
	now(&kb, "net.ipv4.tcp_rmem", 0, "4096 131072 6291456");
	now(&kb, "vm.thp", 0, "madvise");
	now(&kb, "cpu.governor", 0, "powersave");
	now(&kb, "vm.swappiness", -ENOENT, "");
	now(&kb, "net.qdisc", -EOPNOTSUPP, "");
	/* that of the first card that has it */
	now(&kb, "net.rings.rx", 0, "512");
	now(&kb, "net.rings.tx", -ENOENT, "");
	now(&kb, "boot.nohz_full", 0, "2-3");
	now(&kb, "boot.threadirqs", 0, "yes");
	now(&kb, "boot.isolcpus", -ENOENT, "");
	kb_free(&kb);
}

/* What may be asked for of a card, on the largest of machines, the table lets be written; and of that table nothing is left out. */
static void check_cards(const struct kb *kb)
{
	static const struct kb_machine large = {.memory_bytes = 1ULL << 44, .cpus = 4096};
	const struct ethtool_member *m;
	unsigned int found = 0, writable = 0;
	size_t nr;

	m = ethtool_members(&nr);
	for (size_t i = 0; i < nr; i++) {
		writable += m[i].set != 0;
		for (unsigned int j = 0; j < kb->nr; j++) {
			const struct kb_parameter *p = &kb->parameter[j];

			if (p->actuator != KB_ETHTOOL ||
			    strcmp(strchr(p->path, '}') + 2, m[i].name))
				continue;
			found++;
			if (p->type == KB_TYPE_SWITCH)
				assert_true(!m[i].least && m[i].most == 1);
			else if (kb_bound(p, &p->min, &large) < m[i].least ||
				 kb_bound(p, &p->max, &large) > m[i].most)
				fail_msg("%s is beyond the table's numbers", p->name);
		}
	}
	assert_int_equal(found, writable);
}

static char visited[512];

static int visit(void *ctx, const char *path)
{
	size_t len = strlen(visited);
	char objects[KB_OBJECTS_LEN], among[64];

	if (kb_objects_of(ctx, path, objects))
		fail_msg("%s is none of it", path);
	if (kb_among(ctx, root, path, among, sizeof(among)) < 0)
		strcpy(among, "-");
	snprintf(visited + len, sizeof(visited) - len, "%s (%s) ", objects, among);
	return 0;
}

/* The objects of a parameter, and what they can be. */
static void visits(const struct kb *kb, const char *name, const char *objects, int nr,
		   const char *expected)
{
	const struct kb_parameter *p = kb_find(kb, name);
	char why[160];

	assert_non_null(p);
	visited[0] = '\0';
	assert_int_equal(kb_files(p, objects, root, visit, (void *)p, why, sizeof(why)), nr);
	assert_string_equal(visited, expected);
}

static void is_not(const struct kb *kb, const char *name, const char *path)
{
	char objects[KB_OBJECTS_LEN];

	assert_int_equal(kb_objects_of(kb_find(kb, name), path, objects), -EINVAL);
}

/* CPUs that share a clock have one file, by two names; the first one counts. */
static void objects_there(void **state)
{
	char path[PATH_MAX];
	struct kb kb;

	(void)state;
	assert_int_equal(kb_load(&kb, HS_POLICY "/parameters.yaml", error, sizeof(error)), 0);
	tree_put(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors",
		 "performance powersave\n");
	tree_put(root, "/sys/devices/system/cpu/cpu1/online", "1\n");
	tree_put(root, "/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "schedutil\n");
	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu1/cpufreq", root);
	assert_int_equal(symlink("../cpu0/cpufreq", path), 0);
	visits(&kb, "cpu.governor", "*", 2, "cpu0 (performance powersave) cpu2 (-) ");
	visits(&kb, "cpu.governor", "cpu1", 1, "cpu1 (performance powersave) ");
	visits(&kb, "net.core.somaxconn", "", 1, " (-) ");
	tree_put(root, "/sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n");
	tree_put(root, "/sys/class/net/eth0/queues/rx-10/rps_cpus", "0\n");
	visits(&kb, "net.rps_cpus", "*,*", 2, "eth0,0 (-) eth0,10 (-) ");
	/* a part of a package is no package */
	tree_put(root, "/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "1\n");
	tree_put(root, "/sys/class/powercap/intel-rapl:0:0/constraint_0_power_limit_uw", "1\n");
	visits(&kb, "cpu.power_limit", "*", 1, "0 (-) ");
	tree_put(root, "/sys/fs/cgroup/a/b/cpu.weight", "100\n");
	visits(&kb, "cgroup.cpu.weight", "a/b", 1, "a/b (-) ");
	is_not(&kb, "net.core.somaxconn", "/proc/sys/net/core/somaxcon");
	is_not(&kb, "net.core.somaxconn", "/proc/sys/net/core/somaxconns");
	is_not(&kb, "net.rps_cpus", "/sys/class/net//queues/rx-0/rps_cpus");
	is_not(&kb, "net.rps_cpus", "/sys/class/net/eth0/queues/rx-/rps_cpus");
	is_not(&kb, "cpu.governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq");
	kb_free(&kb);
}

/* What the shipped one promises: enough of it, each actuator, isolcpus with a warning, mitigations never proposed. */
static void shipped(void **state)
{
	unsigned int by[KB_ACTUATOR_NR] = {0};
	struct kb kb;

	(void)state;
	assert_int_equal(kb_load(&kb, HS_POLICY "/parameters.yaml", error, sizeof(error)), 0);
	assert_true(kb.nr >= 40);
	for (unsigned int i = 0; i < kb.nr; i++) {
		const struct kb_parameter *p = &kb.parameter[i];

		by[p->actuator]++;
		/* who conflicts does so mutually */
		for (unsigned int j = 0; j < kb.nr; j++) {
			if (kb_has_word(p->conflicts, kb.parameter[j].name) &&
			    !kb_has_word(kb.parameter[j].conflicts, p->name))
				fail_msg("%s conflicts with %s, but not the other way", p->name,
					 kb.parameter[j].name);
		}
	}
	for (int i = 0; i < KB_ACTUATOR_NR; i++)
		assert_true(by[i] > 0);
	check_cards(&kb);
	assert_true(kb_find(&kb, "boot.isolcpus")->warning[0]);
	assert_true(kb_find(&kb, "boot.mitigations")->report);
	kb_free(&kb);
}

/* `homeostat WORDS --file … --root …`: its exit code, and a part of what it says. */
static void cli(const char *words, int rc, const char *out, const char *err)
{
	char line[512], *argv[16] = {"homeostat"}, *save = NULL, *said = NULL, *failed = NULL;
	size_t said_len, failed_len;
	FILE *o = open_memstream(&said, &said_len), *e = open_memstream(&failed, &failed_len);
	int argc = 1, got;

	snprintf(line, sizeof(line), "%s --root %s", words, root);
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	got = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	if (got != rc || !strstr(said, out) || !strstr(failed, err))
		fail_msg("%s: %d, '%s', '%s'", words, got, said, failed);
	free(said);
	free(failed);
}

#define FILE_IS " --file " HS_POLICY "/parameters.yaml"

static void verbs(void **state)
{
	char words[256];

	(void)state;
	cli("kb list net.core.somax" FILE_IS, CLI_OK,
	    "net.core.somaxconn  sysctl  immediate     2  70000", "");
	cli("kb list" FILE_IS, CLI_OK, "boot.threadirqs", "");
	cli("kb list nonsense" FILE_IS, CLI_FAILED, "", "no parameter's name begins with");
	cli("kb show vm.min_free_kbytes" FILE_IS, CLI_OK, "1024 to 419430 KiB here", "");
	cli("kb show vm.min_free_kbytes" FILE_IS, CLI_OK, "not there", "");
	cli("kb show vm.thp --json" FILE_IS, CLI_OK, "\"now\":\"madvise\"", "");
	cli("kb show vm.thp --json" FILE_IS, CLI_OK,
	    "\"choices\":[\"always\",\"madvise\",\"never\"]", "");
	cli("kb show nonsense" FILE_IS, CLI_FAILED, "", "no parameter 'nonsense'");
	cli("kb check " HS_POLICY "/parameters.yaml", CLI_OK,
	    "net.core.somaxconn is '70000' here: out of its range; expected 128 to 65535 count",
	    "");
	cli("kb check --json " HS_POLICY "/parameters.yaml", CLI_OK, "\"there\":7", "");
	tree_put(root, "/bad.yaml", "parameters:\n  - name: x\n");
	snprintf(words, sizeof(words), "kb check %s/bad.yaml", root);
	cli(words, CLI_FINDINGS, "", "bad.yaml:2: parameter lacks");
	cli("kb check /nonexistent/k.yaml", CLI_FAILED, "", "expected a readable file");
	cli("kb", CLI_USAGE, "", "list, show or check");
	cli("kb show", CLI_USAGE, "", "list, show or check");
	cli("kb burn x", CLI_USAGE, "", "list, show or check");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(twice),
		cmocka_unit_test(values),
		cmocka_unit_test(shipped),
		cmocka_unit_test_setup_teardown(on_a_machine, tree, tree_end),
		cmocka_unit_test_setup_teardown(objects_there, tree, tree_end),
		cmocka_unit_test_setup_teardown(verbs, tree, tree_end),
	};

	return cmocka_run_group_tests_name("kb", tests, NULL, NULL);
}
