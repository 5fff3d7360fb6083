// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat history, explain of a parameter, diff, report, snapshot: from a history, trees of files, and a played daemon. */
#include "history_fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "../../user/cli/cli.h"

static char root[64], dir[64], db[96], kb[96], sock[96];
static __u64 base; /* a whole minute, half an hour ago */
static pid_t played;

static const char knowledge[] = "parameters:\n"
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
				"    moves:\n"
				"      - { vital: net.listen_full_hz, to: down }\n"
				"    source: somewhere\n"
				"  - name: irq.affinity\n"
				"    meaning: where it comes to\n"
				"    actuator: irq\n"
				"    path: /proc/irq/{irq}/smp_affinity_list\n"
				"    type: cpus\n"
				"    timing: immediate\n"
				"    risk: 3\n"
				"    moves:\n"
				"      - { vital: irq.imbalance_permille, to: down }\n"
				"    source: somewhere\n"
				"  - name: vm.swappiness\n"
				"    meaning: how soon it swaps\n"
				"    actuator: sysctl\n"
				"    path: /proc/sys/vm/swappiness\n"
				"    type: number\n"
				"    unit: count\n"
				"    min: 0\n"
				"    max: 200\n"
				"    timing: immediate\n"
				"    risk: 2\n"
				"    source: somewhere\n"
				"  - name: nic.rx\n"
				"    meaning: its ring\n"
				"    actuator: ethtool\n"
				"    path: 'ethtool:{interface}/rings/rx'\n"
				"    type: number\n"
				"    unit: count\n"
				"    min: 64\n"
				"    max: 4096\n"
				"    timing: maintenance\n"
				"    risk: 5\n"
				"    source: somewhere\n"
				"  - { name: nic.qdisc, meaning: its queue, actuator: qdisc, path: "
				"'{interface}', type: choice, choices: fq mq, timing: maintenance, "
				"risk: 5, source: somewhere }\n";

static const char kept[] =
	"{\"ok\":true,\"changes\":[],\"kept\":["
	"{\"id\":3,\"path\":\"/proc/sys/net/core/somaxconn\",\"from\":\"128\",\"to\":\"4096\"},"
	"{\"id\":2,\"path\":\"/proc/sys/net/core/somaxconn\",\"from\":\"64\",\"to\":\"128\"},"
	"{\"id\":4,\"path\":\"/proc/irq/7/smp_affinity_list\",\"from\":\"0\",\"to\":\"0-3\"},"
	"{\"id\":5,\"path\":\"/sys/of/another/base\",\"from\":\"a\",\"to\":\"b\"}],"
	"\"activity\":\"idle\",\"now_ns\":1}\n";

static void answer(int fd)
{
	char request[4096];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(request, sizeof(request), in))
		if (write(fd, kept, sizeof(kept) - 1) < 0)
			break;
	if (in)
		fclose(in);
}

static void play_daemon(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	played = fork();
	assert_true(played >= 0);
	if (!played)
		for (;;)
			answer(accept(fd, NULL, NULL));
	close(fd);
}

/* What has happened, by both clocks. */
static struct history_time when(__u64 second)
{
	return (struct history_time){second * NS, (second - base + 5000) * NS};
}

static void take(struct history *h, struct json_object *reply, __u64 second)
{
	assert_int_equal(history_changes(h, reply, BOOT, when(second)), 1);
	json_object_put(reply);
}

/* Twenty minutes at one hertz, and the last five up to now; a change after ten that has cured what overflowed. */
static void write_history(void)
{
	char why[HISTORY_ERROR_LEN];
	struct play p = {0};
	struct json_object *other;
	struct history *h;
	struct feed *feed;

	assert_int_equal(history_open(&h, db, NULL, why, sizeof(why)), 0);
	assert_int_equal(feed_open(&feed, h), 0);
	play_add(&p, "net.listen_full_hz", "hz");
	play_add(&p, "sched.wait.normal.p99_ns", "ns");
	play_add(&p, "psi.io.some_permille", "permille");
	play_add(&p, "thermal.hottest_mc", "count");
	play_add(&p, "pulse.cost_ns", "ns");
	for (__u64 s = base; s < (__u64)time(NULL); s++) {
		play_set(&p, 0, s < base + 600 ? 120 : 0, 0);
		play_set(&p, 1, s == base + 1500 ? 90000000 : 5000 + s % 10, 5000);
		play_set(&p, 2, s == base + 1500 ? 700 : 10, 10);
		play_set(&p, 3, 45000 + s % 3, 45000);
		play_set(&p, 4, 3000, 3000);
		assert_int_equal(feed_take(feed, p.reply, when(s)), 0);
	}
	assert_int_equal(feed_flush(feed), 0);
	take(h, one_change(7, "pending", "risk 2", 5600 * NS, 5600 * NS), base + 600);
	take(h, one_change(7, "watched", "allowed", 5600 * NS, 5605 * NS), base + 605);
	take(h, one_change(7, "committed", "it helped", 5600 * NS, 5620 * NS), base + 620);
	/* of one interrupt, and not the first one */
	other = json_object_new_object();
	change_add(other, 8, "committed", "no harm", 5700 * NS, 5720 * NS, "irq.affinity",
		   "/proc/irq/7/smp_affinity_list", "0", "0-3");
	take(h, other, base + 720);
	play_free(&p);
	feed_close(feed);
	history_close(h);
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	history_dir(dir);
	snprintf(db, sizeof(db), "%s/history.db", dir);
	snprintf(kb, sizeof(kb), "%s/kb.yaml", dir);
	snprintf(sock, sizeof(sock), "%s/s", dir);
	tree_put(dir, "/kb.yaml", knowledge);
	base = (__u64)time(NULL) - 1800;
	base -= base % 60;
	write_history();
	play_daemon();
	tree_put(root, "/proc/sys/net/core/somaxconn", "4096\n");
	tree_put(root, "/proc/irq/1/smp_affinity_list", "0\n");
	tree_put(root, "/proc/irq/7/smp_affinity_list", "0,1,2,3\n");
	tree_put(root, "/proc/sys/vm/swappiness", "60\n");
	tree_put(root, "/proc/sys/kernel/random/boot_id", BOOT "\n");
	tree_put(root, "/sys/of/another/base", "b\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kill(played, SIGKILL);
	waitpid(played, NULL, 0);
	tree_free(root);
	tree_free(dir);
	return 0;
}

/* Runs `homeostat WORDS`, where @X stands for a path; what it said is the caller's. */
static char *say(const char *words, int rc, const char *err)
{
	static const struct {
		const char *word, *value;
	} paths[] = {{"@db", db}, {"@kb", kb}, {"@root", root}, {"@socket", sock}};
	char *copy = strdup(words), *said = NULL, *told = NULL, *save = NULL;
	size_t said_len, told_len;
	FILE *o = open_memstream(&said, &said_len), *e = open_memstream(&told, &told_len);
	char *argv[32] = {"homeostat"};
	int argc = 1, got;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		for (size_t i = 0; i < 4; i++)
			if (!strcmp(w, paths[i].word))
				w = (char *)paths[i].value;
		argv[argc++] = w;
	}
	got = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	if (got != rc || (err && !strstr(told, err)) || (!err && *told))
		fail_msg("'%s': exit code %d (want %d)\nout: %s\nerr: %s", words, got, rc, said,
			 told);
	free(told);
	free(copy);
	return said;
}

/* All of these texts, in this order; the last one is NULL. */
static void expect(const char *words, int rc, const char *err, ...)
{
	char *said = say(words, rc, err), *at = said;
	const char *text;
	va_list ap;

	va_start(ap, err);
	while ((text = va_arg(ap, const char *))) {
		at = strstr(at, text);
		if (!at)
			fail_msg("'%s': no (more) '%s' in:\n%s", words, text, said);
		at += strlen(text);
	}
	va_end(ap);
	free(said);
}

static void lists_what_was(void **state)
{
	(void)state;
	expect("history --db @db", CLI_OK, NULL, "change 8: committed: no harm\n",
	       "change 7: committed: it helped\n",
	       "by uid 990, rules, risk 2, immediate: queues overflow\n",
	       "/proc/sys/net/core/somaxconn: 128 -> 4096\n", "pending: risk 2\n",
	       "watched: allowed\n", "committed\n", NULL);
	expect("history --db @db --json", CLI_OK, NULL, "{\"changes\":[{\"boot_id\":\"" BOOT "\"",
	       "\"states\":[{\"state\":\"pending\"", NULL);
	expect("history --db @db net.core.somaxconn --since 1h", CLI_OK, NULL, "change 7", NULL);
	expect("history --db @db --since 2d", CLI_OK, NULL, "change 7", NULL);
	expect("history --db @db --since 2020-01-01", CLI_OK, NULL, "change 7", NULL);
	expect("history --db @db --since 5min", CLI_OK, NULL, "nothing was changed\n", NULL);
	expect("history --db @db vm.nothing", CLI_OK, NULL, "nothing was changed of vm.nothing\n",
	       NULL);
	expect("history --db /nonexistent/history.db", CLI_FAILED,
	       "systemctl start homeostat-historian", NULL);
	expect("history --db @kb", CLI_FAILED, "not a database", NULL);
	expect("history --db @kb --json", CLI_FAILED, NULL, "{\"error\":", NULL);
}

#define OF " --file @kb --root @root"

static void explains_a_parameter(void **state)
{
	(void)state;
	expect("explain net.core.somaxconn --db @db" OF, CLI_OK, NULL,
	       "net.core.somaxconn = 4096 (stock 4096)\n", "why        change 7, committed ",
	       ": queues overflow\n", "change 7: committed",
	       "effect: net.listen_full_hz went from 120 /s to 0 /s (meant to go down)\n", NULL);
	expect("explain net.core.somaxconn --json --db @db" OF, CLI_OK, NULL, "\"now\":\"4096\"",
	       "\"effect\":[{\"vital\":\"net.listen_full_hz\"", "\"before\":120", "\"after\":0",
	       NULL);
	tree_put(root, "/proc/sys/net/core/somaxconn", "128\n");
	expect("explain net.core.somaxconn --db @db" OF, CLI_OK, NULL, "net.core.somaxconn = 128",
	       "change 7 made it 4096", "somebody else has written it", NULL);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "another\n");
	expect("explain net.core.somaxconn --db @db" OF, CLI_OK, NULL, "in an earlier boot", NULL);
	tree_put(root, "/proc/sys/kernel/random/boot_id", BOOT "\n");
	tree_put(root, "/proc/sys/net/core/somaxconn", "4096\n");
	expect("explain irq.affinity --db @db" OF, CLI_OK, NULL, "irq.affinity = 0\n",
	       "change 8, committed", NULL);
	tree_put(root, "/proc/irq/7/smp_affinity_list", "2\n");
	expect("explain irq.affinity --db @db" OF, CLI_OK, NULL, "change 8 made it 0-3", NULL);
	tree_put(root, "/proc/irq/7/smp_affinity_list", "0,1,2,3\n");
	expect("explain vm.swappiness --db @db" OF, CLI_OK, NULL, "vm.swappiness = 60\n",
	       "no change that stayed is in the history", NULL);
	expect("explain nic.qdisc --db @db" OF, CLI_OK, NULL, "nic.qdisc = (not known)\n",
	       "it is no file", NULL);
	expect("explain nic.rx --db @db" OF, CLI_OK, NULL, "nic.rx = (not known)\n",
	       "it is not on this machine", NULL);
	tree_put(root, "/sys/class/net/eth0/mtu", "1500\n");
	tree_put(root, "/ethtool:eth0/rings/rx", "512\n");
	expect("explain nic.rx --db @db" OF, CLI_OK, NULL, "nic.rx = 512", NULL);
	/* what the kernel shows is known without a history */
	expect("explain net.core.somaxconn --db /none.db" OF, CLI_OK, "/none.db: No such file",
	       "= 4096", "not known: there is no history", NULL);
	expect("explain net.core.somaxconn --db @db --file @kb --root /nonexistent", CLI_OK, NULL,
	       "(not known)", "it is not on this machine", NULL);
	expect("explain net.core.nothing --db @db" OF, CLI_USAGE, "homeostat kb list", NULL);
}

static void tells_what_differs(void **state)
{
	(void)state;
	/* however a list of CPUs is written, and only the younger of two */
	expect("diff --socket @socket" OF, CLI_OK, NULL, "/proc/sys/net/core/somaxconn", "4096",
	       "4096", "as committed", "/proc/irq/7/smp_affinity_list", "0-3", "0,1,2,3",
	       "as committed", "/sys/of/another/base", "as committed", NULL);
	expect("diff --check --socket @socket" OF, CLI_OK, NULL, NULL);
	tree_put(root, "/proc/sys/net/core/somaxconn", "512\n");
	expect("diff --check --socket @socket" OF, CLI_FINDINGS, NULL, "4096", "512",
	       "somebody else's\n", NULL);
	expect("diff --check --json --socket @socket" OF, CLI_FINDINGS, NULL,
	       "{\"differ\":1,\"values\":[{\"id\":3,\"parameter\":\"net.core.somaxconn\"",
	       "\"now\":\"512\",\"same\":false,", "}]}\n", NULL);
	tree_put(root, "/proc/sys/net/core/somaxconn", "128\n");
	expect("diff --socket @socket" OF, CLI_FINDINGS, NULL, "as before", NULL);
	tree_put(root, "/proc/sys/net/core/somaxconn", "4096\n");
	tree_put(root, "/sys/of/another/base", "c\n");
	expect("diff --check --socket @socket" OF, CLI_FINDINGS, NULL, "/sys/of/another/base",
	       NULL);
	tree_put(root, "/sys/of/another/base", "b\n");
	/* without the knowledge base it is less sure, and says so */
	expect("diff --socket @socket --file /none.yaml --root @root", CLI_FINDINGS,
	       "letter by letter", "0,1,2,3", "somebody else's", NULL);
	expect("diff --socket @socket --file @kb --root /nonexistent", CLI_FINDINGS, NULL,
	       "No such file", NULL);
}

static void reports_health(void **state)
{
	char *said = say("report --json --db @db", CLI_OK, NULL);
	struct json_object *o = js_parse(said, strcspn(said, "\n")), *groups = NULL, *vitals = NULL,
			   *series = NULL;

	(void)state;
	assert_non_null(o);
	js_get_array(o, "groups", &groups);
	assert_string_equal(js_str(json_object_array_get_idx(groups, 0), "group"), "physical");
	js_get_array(json_object_array_get_idx(groups, 0), "vitals", &vitals);
	assert_int_equal(js_u64(json_object_array_get_idx(vitals, 0), "max"), 45002);
	js_get_array(json_object_array_get_idx(vitals, 0), "series", &series);
	assert_int_equal(json_object_array_length(series), 300);
	assert_in_range(js_u64(json_object_array_get_idx(vitals, 0), "present"), 200, 300);
	json_object_put(o);
	free(said);

	/* what is physical first, then network, storage, CPU, the rest */
	expect("report --1h --db @db", CLI_OK, NULL, "The last hour: ", "\nPhysical\n",
	       "thermal.hottest_mc", "45000", "\nNetwork\n", "net.listen_full_hz",
	       "\nStorage and memory\n", "psi.io.some_permille", "\nCpu\n",
	       "sched.wait.normal.p99_ns", "90 ms", "\nThe rest\n", "pulse.cost_ns", "\nSpikes\n",
	       "sched.wait.normal.p99_ns: 90 ms, average",
	       "psi.io.some_permille: 1 %, then 70 %, then 1 %\n", "\nChanges\n",
	       "change 7: committed", NULL);
	expect("report --day --markdown --db @db", CLI_OK, NULL, "# The last day",
	       "## Physical\n\n| VITAL SIGN", "| --- | ---: |", "## Network", "## Spikes",
	       "  - psi.io", "## Changes\n\n```\n", NULL);
	expect("report --6h --db @db", CLI_OK, NULL, "The last six hours", NULL);
	expect("report --week --json --db @db", CLI_OK, NULL, "{\"span\":\"week\"",
	       "\"samples\":", NULL);
	expect("report --db /none.db", CLI_FAILED, "homeostat-historian", NULL);
}

static void says_when_nobody_writes(void **state)
{
	char why[HISTORY_ERROR_LEN], old[128], words[192];
	struct play p = {0};
	struct history *h;
	struct feed *feed;

	(void)state;
	snprintf(old, sizeof(old), "%s/old.db", dir);
	assert_int_equal(history_open(&h, old, NULL, why, sizeof(why)), 0);
	assert_int_equal(feed_open(&feed, h), 0);
	snprintf(words, sizeof(words), "report --db %s", old);
	expect(words, CLI_OK, NULL, "Nothing was written down for ever", NULL);
	play_add(&p, "mem.free_bytes", "bytes");
	assert_int_equal(feed_take(feed, p.reply, when(base)), 0);
	assert_int_equal(feed_flush(feed), 0);
	expect(words, CLI_OK, NULL, "is homeostat-historian at work?", NULL);
	play_free(&p);
	feed_close(feed);
	history_close(h);
}

static void plant_machine(void)
{
	tree_put(root, "/proc/cpuinfo",
		 "processor\t: 0\nmodel name\t: A Model of 2026\nflags\t: x\n");
	tree_put(root, "/proc/meminfo", "MemTotal:        2000 kB\nMemAvailable:    1000 kB\n");
	tree_put(root, "/sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
	tree_put(root, "/sys/class/thermal/thermal_zone0/temp", "45000\n");
	tree_put(root, "/sys/class/thermal/cooling_device0/type", "Fan\n");
	tree_put(root, "/sys/block/nvme0n1/queue/scheduler", "none [mq-deadline] kyber\n");
	tree_put(root, "/sys/block/loop0/size", "0\n");
	tree_put(root, "/sys/class/net/eth0/mtu", "1500\n");
	tree_put(root, "/sys/class/net/eth0/speed", "-1\n");
	tree_put(root, "/ethtool:eth0/rings/rx", "256\n");
	tree_put(root, "/ethtool:eth0/rings/rx-max", "4096\n");
	tree_put(root, "/ethtool:eth0/coalesce/adaptive-rx", "1\n");
	tree_put(root, "/sys/class/net/eth0/operstate", "no\n");
	tree_put(root, "/proc/net/softnet_stat",
		 "00000010 00000001 00000002 0\n00000005 00000000 00000001 0\n");
	tree_put(root, "/proc/net/snmp", "Tcp: InSegs MaxConn\nTcp: 12 -1\nIcmp: A\nIcmp: 3\n");
	tree_put(root, "/proc/net/sockstat", "sockets: used 9\nTCP: inuse 4 orphan 0\n");
	tree_put(root, "/proc/12/stat",
		 "12 (a ) name (x) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 100 5000 7 0 0\n");
	tree_put(root, "/proc/9/stat",
		 "9 (small) R 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 100 5000 2 0 0\n");
	tree_put(root, "/proc/10/stat", "10 (broken\n");
	tree_put(root, "/proc/stat", "cpu 1 2\nctxt 77\nprocs_running 2\nprocs_blocked 0\n");
	tree_put(root, "/proc/pressure/io", "some avg10=1.25 avg60=0.00 total=5\n");
	tree_put(root, "/sys/kernel/sched_ext/state", "disabled\n");
	tree_put(root, "/proc/cmdline", "root=/dev/vda quiet\n");
}

static void shows_the_instant(void **state)
{
	char *said;
	struct json_object *o;

	(void)state;
	plant_machine();
	expect("snapshot" OF, CLI_OK, NULL, "at: \"20",
	       "hardware:\n  processor: \"A Model of 2026\"\n",
	       "memory:\n    total_bytes: 2048000\n    available_bytes: 1024000\n",
	       "thermal:\n    - zone: thermal_zone0\n      type: x86_pkg_temp\n      millicelsius: "
	       "45000\n",
	       "power: []\n", "- name: nvme0n1\n      scheduler: mq-deadline\n", "network:\n",
	       "- name: eth0\n      state: \"no\"\n      mtu: 1500\n",
	       "      rings:\n        rx: 256\n        rx_max: 4096\n",
	       "      coalesce:\n        adaptive_rx: 1\n",
	       "receive:\n    packets: 21\n    dropped: 1\n    squeezed: 3\n",
	       "Tcp:\n      InSegs: 12\n      MaxConn: -1\n", "workload:\n",
	       "TCP:\n      inuse: 4\n",
	       "all: 2\n    threads: 4\n    running: 1\n    sleeping: 1\n",
	       "- pid: 12\n      name: \"a ) name (x\"\n      threads: 3\n", "cpu_ms: 2000\n",
	       "- pid: 9\n      name: small\n", "scheduling:\n", "running: 2\n",
	       "context_switches: 77\n", "io: \"1.25\"\n", "sched_ext: disabled\n",
	       "configuration:\n", "command_line: \"root=/dev/vda quiet\"\n",
	       "parameters:\n    net.core.somaxconn: \"4096\"\n    irq.affinity: \"0\"\n", NULL);
	said = say("snapshot --json" OF, CLI_OK, NULL);
	o = js_parse(said, strcspn(said, "\n"));
	assert_non_null(o);
	/* what is not there is left out: not 0 */
	assert_null(strstr(said, "speed_mbit"));
	assert_null(strstr(said, "loop0"));
	assert_null(strstr(said, "swap_bytes"));
	assert_null(strstr(said, "homeostatd"));
	json_object_put(o);
	free(said);
	expect("snapshot --root /nonexistent --file /none.yaml", CLI_OK, NULL,
	       "hardware:\n  memory: {}\n", "knowledge_base: \"", NULL);
	/* of the real machine, with a daemon that cannot be reached */
	expect("snapshot --socket /nonexistent.sock --file @kb", CLI_OK, NULL,
	       "homeostatd:\n    answers: false\n", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_was),	   cmocka_unit_test(explains_a_parameter),
		cmocka_unit_test(tells_what_differs),	   cmocka_unit_test(reports_health),
		cmocka_unit_test(says_when_nobody_writes), cmocka_unit_test(shows_the_instant),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
