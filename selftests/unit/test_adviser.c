// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat-adviser against a daemon that a child process plays: what it asks, what it makes of the answers. */
#include "fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../user/adviser/adviser.h"
#include "log.h"

/* the program itself, whose main() is not among what the tests are linked with */
#define main adviser_main
#include "../../user/adviser/main.c"
#undef main

#define S 1000000000ULL

static const char advice[] = "name: test\n"
			     "advice:\n"
			     "  - name: listen\n"
			     "    when: { vital: net.listen_full_hz, above: 1, for: 3s }\n"
			     "    propose: { parameter: net.core.somaxconn, times: 2 }\n"
			     "    back: { below: 1, for: 5s }\n"
			     "    goal: loss\n"
			     "    cooldown: 5s\n"
			     "    reason: full\n";
#define PROPOSAL(value, why)                                                                       \
	"{\"verb\":\"propose\",\"source\":\"rules\",\"proposals\":[{\"parameter\":\"net.core."     \
	"somaxconn\",\"value\":\"" value "\",\"reason\":\"listen: " why                            \
	"\",\"can_auto_apply\":true}]}\n"
#define VITALS(value, age)                                                                         \
	"{\"ok\":true,\"vitals\":[{\"name\":\"net.listen_full_hz\",\"unit\":\"hz\",\"present\":"   \
	"true,\"value\":" value ",\"age_ns\":" age "},{\"name\":\"psi.io.some_permille\","         \
	"\"present\":false},{\"name\":\"no.such\",\"present\":true,\"value\":1}],\"cpus\":[]}\n"
#define NO_CHANGES "{\"ok\":true,\"changes\":[]}\n"
#define CHANGE(state)                                                                              \
	"{\"ok\":true,\"changes\":[{\"id\":7,\"state\":\"" state                                   \
	"\",\"source\":\"rules\",\"at_ns\":1,\"parameters\":[{\"parameter\":\"net.core."           \
	"somaxconn\",\"object\":\"\",\"from\":\"4096\",\"to\":\"8192\"},{\"parameter\":\"of a "    \
	"later version\"}]},{\"id\":6,\"state\":\"of a later version\",\"parameters\":[]},7]}\n"
#define TAKEN "{\"ok\":true,\"id\":7,\"state\":\"watched\",\"why\":\"\"}\n"

/* What the daemon answers, and where; `asked` has the requests that were not for vital signs. */
struct played {
	const char *vitals, *changes, *propose;
};
static struct {
	char dir[64], socket[96], asked[96];
	pid_t pid;
	struct kb kb;
	struct profile profile;
	struct adviser a;
	__u64 now_ns;
} w;

static void answer(int fd, const struct played *played)
{
	char request[CONTROL_REQUEST_MAX];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(request, sizeof(request), in)) {
		const char *reply = strstr(request, "\"vitals\"")    ? played->vitals
				    : strstr(request, "\"changes\"") ? played->changes
								     : played->propose;
		FILE *f = strstr(request, "\"vitals\"") ? NULL : fopen(w.asked, "a");

		if (f) {
			fputs(request, f);
			fclose(f);
		}
		if (write(fd, reply, strlen(reply)) < 0)
			break;
	}
	if (in)
		fclose(in);
}

static void daemon_start(const struct played *played)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, w.socket);
	unlink(w.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	while (!w.pid)
		answer(accept(fd, NULL, NULL), played);
	close(fd);
}

static void daemon_end(void)
{
	if (w.pid > 0) {
		kill(w.pid, SIGKILL);
		waitpid(w.pid, NULL, 0);
	}
	w.pid = 0;
}

/* Another daemon in its place, on the same connection or not. */
static void daemon_becomes(const struct played *played)
{
	daemon_end();
	adviser_close(&w.a);
	daemon_start(played);
}

static int begin(void **state)
{
	static const struct kb_machine machine = {.memory_bytes = 8ULL << 30, .cpus = 4};
	char error[512];

	(void)state;
	memset(&w, 0, sizeof(w));
	log_set_level(LOG_LEVEL_ERROR);
	tree_make(w.dir);
	snprintf(w.socket, sizeof(w.socket), "%s/s", w.dir);
	snprintf(w.asked, sizeof(w.asked), "%s/asked", w.dir);
	tree_put(w.dir, "/proc/sys/net/core/somaxconn", "4096\n");
	if (kb_load(&w.kb, HS_POLICY "/parameters.yaml", error, sizeof(error)) ||
	    profile_parse(&w.profile, "/p.yaml", advice, strlen(advice), error, sizeof(error)) ||
	    rules_init(&w.a.rules, &w.profile, &w.kb, &machine, error, sizeof(error)))
		fail_msg("%s", error);
	w.a.socket = w.socket;
	w.a.root = w.dir;
	w.now_ns = 1000 * S;
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_end();
	adviser_close(&w.a);
	rules_free(&w.a.rules);
	profile_free(&w.profile);
	kb_free(&w.kb);
	tree_free(w.dir);
	return 0;
}

static void seconds(int nr)
{
	while (nr--)
		assert_int_equal(adviser_step(&w.a, w.now_ns += S), 0);
}

/* What has been asked but for vital signs, since the last look. */
static void asked(const char *expected)
{
	char text[8192] = "";
	FILE *f = fopen(w.asked, "r");

	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	}
	if (strcmp(text, expected))
		fail_msg("'%s', not '%s'", text, expected);
	unlink(w.asked);
}

#define LOOK "{\"verb\":\"changes\"}\n"

static void proposes_and_goes_back(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	const struct played done = {VITALS("0", "1000"), CHANGE("committed"), TAKEN};

	(void)state;
	daemon_start(&ill);
	seconds(3);
	asked(LOOK); /* when it connects, for its record */
	seconds(1);
	asked(PROPOSAL("8192", "full"));
	assert_true(rules_wait(&w.a.rules));
	tree_put(w.dir, "/proc/sys/net/core/somaxconn", "8192\n");
	daemon_becomes(&done);
	seconds(1);
	assert_false(rules_wait(&w.a.rules));
	assert_int_equal(w.a.rules.parameter[0].committed, 1);
	asked(LOOK);
	seconds(6);
	/* and what became of it is asked for a second later */
	asked(PROPOSAL("4096", "no longer needed: full") LOOK);
}

static void is_refused(void **state)
{
	const struct played no = {VITALS("50", "1000"),
				  "{\"ok\":false,\"error\":\"unknown verb\",\"errno\":38}\n",
				  "{\"ok\":false,\"error\":\"propose is for root\",\"errno\":1}\n"};
	const struct played odd = {VITALS("50", "1000"), NO_CHANGES,
				   "{\"ok\":true,\"id\":7,\"state\":\"dreaming\"}\n"};

	(void)state;
	daemon_start(&no);
	seconds(4);
	asked(LOOK PROPOSAL("8192", "full"));
	assert_string_equal(w.a.rules.rule[0].said, "refused: propose is for root");
	assert_false(rules_wait(&w.a.rules));
	daemon_becomes(&odd);
	w.now_ns += 100 * S;
	assert_int_equal(adviser_step(&w.a, w.now_ns), -EPROTO);
	assert_false(rules_wait(&w.a.rules));
}

/* Absent, or too old: nothing to go by. */
static void needs_fresh_vital_signs(void **state)
{
	const struct played old = {VITALS("50", "10000000001"), NO_CHANGES, TAKEN};
	const struct played none = {"{\"ok\":true,\"vitals\":[]}\n", NO_CHANGES, TAKEN};
	const struct played no = {"{\"ok\":false,\"error\":\"busy\"}\n", NO_CHANGES, TAKEN};

	(void)state;
	daemon_start(&old);
	seconds(20);
	asked(LOOK);
	daemon_becomes(&none);
	seconds(20);
	asked(LOOK);
	daemon_becomes(&no);
	assert_int_equal(adviser_step(&w.a, w.now_ns += S), -EREMOTEIO);
	assert_non_null(w.a.control);
}

/* Without a daemon it waits for one, and goes on where it was. */
static void outlives_the_daemon(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	const struct played broken = {"rubbish\n", NO_CHANGES, TAKEN};

	(void)state;
	assert_int_equal(adviser_step(&w.a, w.now_ns += S), -ENOENT);
	assert_true(w.a.gone);
	daemon_start(&ill);
	seconds(2);
	assert_false(w.a.gone);
	daemon_end();
	assert_true(adviser_step(&w.a, w.now_ns += S) < 0);
	assert_null(w.a.control);
	assert_true(w.a.gone);
	daemon_start(&broken);
	assert_int_equal(adviser_step(&w.a, w.now_ns += S), -EPROTO);
	daemon_becomes(&ill);
	seconds(2);
	asked(LOOK LOOK LOOK PROPOSAL("8192", "full") LOOK);
	/* what was under way is not known to this one: it counts as never made */
	assert_false(rules_wait(&w.a.rules));
}

/* What waits for a person is asked for less often, and is found all the same. */
static void waits_for_a_person(void **state)
{
	const struct played waiting = {VITALS("50", "1000"), CHANGE("waiting"),
				       "{\"ok\":true,\"id\":7,\"state\":\"waiting\"}\n"};
	const struct played rejected = {VITALS("0", "1000"), CHANGE("rejected"), TAKEN};
	char text[8192] = "";
	unsigned int looks = 0;
	FILE *f;

	(void)state;
	daemon_start(&waiting);
	seconds(4 + ADVISER_SOON + 5 * ADVISER_LATER);
	assert_true(rules_wait(&w.a.rules));
	f = fopen(w.asked, "r");
	assert_non_null(f);
	while (fgets(text, sizeof(text), f))
		looks += !strcmp(text, LOOK);
	fclose(f);
	assert_int_equal(looks, 1 + ADVISER_SOON + 5);
	daemon_becomes(&rejected);
	seconds(1);
	assert_false(rules_wait(&w.a.rules));
	assert_int_equal(w.a.rules.parameter[0].failed, 1);
}

static void looks_once(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	const struct played well = {VITALS("0", "1000"), NO_CHANGES, TAKEN};
	char *said;
	size_t len;

	(void)state;
	w.a.dry = open_memstream(&said, &len);
	assert_int_equal(adviser_once(&w.a, w.now_ns), -ENOENT);
	daemon_start(&well);
	assert_int_equal(adviser_once(&w.a, w.now_ns), 0);
	fflush(w.a.dry);
	assert_int_equal(len, 0);
	daemon_becomes(&ill);
	assert_int_equal(adviser_once(&w.a, w.now_ns), 0);
	assert_string_equal(said, PROPOSAL("8192", "full"));
	fclose(w.a.dry);
	free(said);
	asked(LOOK LOOK);
}

#define GOVERNOR(cpu) "/sys/devices/system/cpu/cpu" #cpu "/cpufreq/scaling_governor"
#define FILE_OF(cpu, from)                                                                         \
	"\"path\":\"" GOVERNOR(cpu) "\",\"from\":\"" #from "\",\"to\":\"powersave\"}"
#define HEADER                                                                                     \
	"{\"ok\":true,\"changes\":[{\"id\":7,\"state\":\"committed\",\"source\":\"rules\","        \
	"\"at_ns\":1,\"reason\":\"save: r\",\"files\":2,\"parameters\":[{\"parameter\":"           \
	"\"cpu.governor\","
#define KEPT "]}],\"kept\":[{\"id\":7,"

static void other_advice(const char *text)
{
	static const struct kb_machine machine = {.memory_bytes = 8ULL << 30, .cpus = 4};
	char error[512];

	rules_free(&w.a.rules);
	profile_free(&w.profile);
	if (profile_parse(&w.profile, "/p.yaml", text, strlen(text), error, sizeof(error)) ||
	    rules_init(&w.a.rules, &w.profile, &w.kb, &machine, error, sizeof(error)))
		fail_msg("%s", error);
	adviser_init(&w.a);
}

/* Of a change with many files the daemon tells the first ones: what is committed is in another list, and goes back as well. */
static void all_files_go_back(void **state)
{
	static const char first[] = FILE_OF(0, performance), second[] = FILE_OF(1, schedutil),
			  other[] = FILE_OF(2, ondemand);
	struct played done = {VITALS("0", "1000"), NULL, TAKEN};
	char changes[2048];

	(void)state;
	snprintf(changes, sizeof(changes), HEADER "%s" KEPT "%s,{\"id\":7,%s,{\"id\":9,%s]}\n",
		 first, first, second, other);
	done.changes = changes;
	other_advice("name: t\nadvice:\n  - name: save\n"
		     "    when: { vital: net.listen_full_hz, above: 1 }\n"
		     "    propose: { parameter: 'cpu.governor[*]', value: powersave }\n"
		     "    back: { below: 1, for: 5s }\n    goal: energy\n    reason: r\n");
	for (int cpu = 0; cpu < 3; cpu++) {
		char path[64];

		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
		tree_put(w.dir, path, "powersave\n");
	}
	daemon_start(&done);
	seconds(6);
	assert_int_equal(w.a.rules.parameter[0].committed, 1);
	asked(LOOK "{\"verb\":\"propose\",\"source\":\"rules\",\"proposals\":[{\"parameter\":\"cpu."
		   "governor\","
		   "\"values\":{\"cpu1\":\"schedutil\",\"cpu0\":\"performance\"},\"reason\":\"save:"
		   " no longer "
		   "needed: r\",\"can_auto_apply\":true}]}\n");
}

/* What is found out from the machine takes two looks at it, a second apart, also where it looks once. */
static void looks_at_the_machine(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	const struct played well = {VITALS("0", "1000"), NO_CHANGES, TAKEN};
	char *said;
	size_t len;

	(void)state;
	other_advice("name: t\nadvice:\n  - name: pack\n"
		     "    when: { vital: net.listen_full_hz, above: 1, for: 3s }\n"
		     "    propose: { parameter: cpu.workqueues, to: pack }\n"
		     "    goal: energy\n    reason: r\n");
	tree_put(w.dir, "/sys/devices/system/cpu/possible", "0-3\n");
	tree_put(w.dir, "/sys/devices/system/cpu/isolated", "0\n");
	tree_put(w.dir, "/sys/devices/virtual/workqueue/cpumask", "f\n");
	daemon_start(&ill);
	w.a.dry = open_memstream(&said, &len);
	assert_int_equal(adviser_once(&w.a, w.now_ns), 0);
	fclose(w.a.dry);
	assert_string_equal(
		said, "{\"verb\":\"propose\",\"source\":\"rules\",\"proposals\":[{\"parameter\":"
		      "\"cpu.workqueues\",\"value\":\"2\",\"reason\":\"pack: r (CPUs 1: one "
		      "core)\",\"can_auto_apply\":true}]}\n");
	free(said);
	/* it is looked at while a rule may ask, and not otherwise */
	w.a.dry = NULL;
	daemon_becomes(&well);
	seconds(1);
	memset(&w.a.places, 0, sizeof(w.a.places));
	seconds(3);
	assert_int_equal(w.a.places.at_ns, 0);
	daemon_becomes(&ill);
	seconds(2);
	assert_int_equal(w.a.places.at_ns, w.now_ns);
}

static void pretends(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	char *said;
	size_t len;

	(void)state;
	daemon_start(&ill);
	w.a.dry = open_memstream(&said, &len);
	seconds(12);
	assert_string_equal(said, PROPOSAL("8192", "full") PROPOSAL("8192", "full"));
	fclose(w.a.dry);
	free(said);
	asked(LOOK);
}

/* `homeostat-adviser WORDS` with this profile; its exit code, and a part of what it says and logs. */
static void program(const char *profile, const char *words, int rc, const char *out,
		    const char *logged)
{
	char line[512], said[4096] = "", path[2][128], *argv[16] = {"homeostat-adviser"}, *save;
	int argc = 1, got, fd[2];
	FILE *f;

	tree_put(w.dir, "/p.yaml", profile);
	snprintf(line, sizeof(line),
		 "--profile %s/p.yaml --kb " HS_POLICY "/parameters.yaml --socket %s --root %s %s",
		 w.dir, w.socket, w.dir, words);
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/said%d", w.dir, i);
		fd[i] = dup(i + 1);
		assert_non_null(freopen(path[i], "w", i ? stderr : stdout));
	}
	optind = 0; /* getopt anew */
	got = adviser_main(argc, argv);
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		dup2(fd[i], i + 1);
		close(fd[i]);
	}
	for (int i = 0; i < 2; i++) {
		f = fopen(path[i], "r");
		assert_non_null(f);
		said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
		fclose(f);
		if (got != rc || !strstr(said, i ? logged : out))
			fail_msg("%s: %d, '%s'", words, got, said);
	}
}

static void as_a_program(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	char bad[1024];

	(void)state;
	log_set_level(LOG_LEVEL_INFO);
	tree_put(w.dir, "/proc/meminfo", "MemTotal: 8388608 kB\n");
	tree_put(w.dir, "/sys/devices/system/cpu/possible", "0-3\n");
	program(advice, "--help", 0, "Usage: homeostat-adviser", "");
	program(advice, "--version", 0, "homeostat-adviser ", "");
	program(advice, "--nonsense", 2, "", "--nonsense");
	program(advice, "more", 2, "", "unknown argument 'more'");
	program(advice, "--once", 1, "", "homeostatd cannot be asked");
	daemon_start(&ill);
	program(advice, "--once", 0, PROPOSAL("8192", "full"), "profile test, 1 pieces of advice");
	/* it does not begin with what is wrong: file and line */
	program("name: test\nadvice: 7\n", "--once", 2, "", "/p.yaml:2: 'advice' is not a list");
	snprintf(bad, sizeof(bad), "%.*snet.core.somaxcon%s",
		 (int)(strstr(advice, "net.core") - advice), advice,
		 strstr(advice, "net.core") + strlen("net.core.somaxconn"));
	program(bad, "--once", 2, "",
		"/p.yaml:3: advice 'listen' for 'net.core.somaxcon': unknown");
	program(advice, "--once --kb /nonexistent/k", 2, "", "/nonexistent/k: No such");
	program(advice, "--once --root /nonexistent", 1, "", "cannot be read");
	program("name: test\n", "", 0, "", "gives no advice: nothing to do");
}

/* Told to stop, it ends well. */
static void is_told_to_stop(void **state)
{
	const struct played ill = {VITALS("50", "1000"), NO_CHANGES, TAKEN};
	int status;
	pid_t pid;

	(void)state;
	tree_put(w.dir, "/proc/meminfo", "MemTotal: 8388608 kB\n");
	tree_put(w.dir, "/sys/devices/system/cpu/possible", "0-3\n");
	daemon_start(&ill);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		program(advice, "", 0, "", "");
		_exit(0);
	}
	while (access(w.asked, F_OK)) /* it has connected, and looked */
		usleep(1000);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(proposes_and_goes_back, begin, end),
		cmocka_unit_test_setup_teardown(is_refused, begin, end),
		cmocka_unit_test_setup_teardown(needs_fresh_vital_signs, begin, end),
		cmocka_unit_test_setup_teardown(outlives_the_daemon, begin, end),
		cmocka_unit_test_setup_teardown(waits_for_a_person, begin, end),
		cmocka_unit_test_setup_teardown(looks_once, begin, end),
		cmocka_unit_test_setup_teardown(pretends, begin, end),
		cmocka_unit_test_setup_teardown(all_files_go_back, begin, end),
		cmocka_unit_test_setup_teardown(looks_at_the_machine, begin, end),
		cmocka_unit_test_setup_teardown(as_a_program, begin, end),
		cmocka_unit_test_setup_teardown(is_told_to_stop, begin, end),
	};

	return cmocka_run_group_tests_name("adviser", tests, NULL, NULL);
}
