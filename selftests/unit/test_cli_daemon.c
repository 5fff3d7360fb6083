// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat against a daemon that a child process plays: what is asked, what is made of the answer. */
#include "fixture.h"

#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../kern/abi.h"
#include "../../user/cli/cli.h"
#include "../../user/cli/doctor.h"
#include "../../user/lib/control.h"
#include "../../user/lib/json.h"

#define KNOB "sched.slice.batch_us"

/* The part of a request that must be there, and the lines that answer it (the stream ends then). */
struct answer {
	const char *request;
	const char *reply;
};

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define ABI STRING(HS_ABI_VERSION)

static const char status_line[] =
	"{\"ok\":true,\"version\":\"9.9\",\"abi\":" ABI ",\"mode\":\"act\",\"profile\":\"edge\","
	"\"armed\":true,\"scheduler\":\"homeostat\",\"tripped\":null,\"generation\":3,"
	"\"heartbeat\":{\"age_ns\":45000000,\"limit_ns\":20000000},"
	"\"pulse\":{\"period_ns\":1000000,\"cost_ns\":3400},"
	"\"families\":[{\"name\":\"sensor\",\"state\":\"on\",\"why\":\"\"},"
	"{\"name\":\"sched_ext\",\"state\":\"unavailable\",\"why\":\"no such class\"}],"
	"\"helping\":{\"verdict\":\"fine\",\"meaning\":\"no worse\",\"first\":false,\"looks\":2,"
	"\"acquitted\":1,\"undecided\":1,\"baseline_age_ns\":20000000000,"
	"\"load\":{\"running\":4,\"busy_permille\":985},\"vitals\":["
	"{\"name\":\"sched.wait.critical.p99_ns\",\"unit\":\"ns\",\"value\":8000,"
	"\"baseline\":720000,\"ratio_permille\":11,\"limit\":4720000},"
	"{\"name\":\"sched.wait.normal.p99_ns\",\"unit\":\"ns\",\"value\":9000}]},"
	"\"slo\":[{\"name\":\"late\",\"unit\":\"count\",\"reported\":true,\"present\":true,"
	"\"value\":13,\"max\":12,\"above_ns\":2000000000},"
	"{\"name\":\"sched.starved_ns\",\"unit\":\"ns\",\"reported\":false,\"present\":false,"
	"\"max\":1000000000,\"above_ns\":0}],"
	"\"limits\":[{\"name\":\"sched.starved_ns\",\"unit\":\"ns\",\"max\":0,\"in_force\":0}],"
	"\"sensing\":{\"state\":\"hangs\",\"why\":\"homeostat-sense hangs\"},"
	"\"uptime_ns\":60000000000,\"events_lost\":7,\"counters\":{}}\n";

/* clang-format off: one text */
#define CHANGE(id, state, more)                                                                    \
	"{\"id\":" #id ",\"state\":\"" state "\",\"source\":\"rules\",\"uid\":900,\"why\":\"w\","  \
	"\"reason\":\"r\",\"risk\":2,\"timing\":\"idle\",\"at_ns\":3000000000" more                \
	",\"files\":3,"                                                                            \
	"\"moves\":[\"a.b_hz down\",\"c.d up\"],\"parameters\":[{\"parameter\":\"p\","             \
	"\"path\":\"/sys/x\",\"from\":\"1\",\"to\":\"2\"}]}"
/* clang-format on */

static const struct answer answers[] = {
	{"\"verb\":\"changes\"",
	 "{\"ok\":true,\"changes\":[" CHANGE(7, "pending", ",\"due_ns\":8000000000") "," CHANGE(
		 6, "committed",
		 "") "],\"kept\":[{\"id\":6,\"path\":\"/sys/x\",\"from\":\"1\","
		     "\"to\":\"2\"}],\"activity\":\"busy\",\"now_ns\":5000000000}\n"},
	{"\"verb\":\"approve\",\"id\":7",
	 "{\"ok\":true,\"changes\":[" CHANGE(7, "waiting", "") "]}\n"},
	{"\"verb\":\"approve\"", "{\"ok\":false,\"error\":\"there is no change 9\",\"errno\":2}\n"},
	{"\"verb\":\"reject\",\"id\":7,\"why\":\"no\"",
	 "{\"ok\":true,\"changes\":[" CHANGE(7, "rejected", "") "]}\n"},
	{"\"verb\":\"confirm\",\"id\":7",
	 "{\"ok\":true,\"changes\":[" CHANGE(7, "committed", "") "]}\n"},
	{"\"activity\":\"mission\"", "{\"ok\":true}\n"},
	{"\"verb\":\"activity\"", "{\"ok\":false,\"error\":\"unknown activity\",\"errno\":22}\n"},
	{"\"verb\":\"status\"", status_line},
	{"\"verb\":\"vitals\"",
	 "{\"ok\":true,\"vitals\":[{\"name\":\"pulse.cost_ns\",\"unit\":\"ns\",\"value\":3400,"
	 "\"ewma\":3000,\"peak\":9000,\"present\":true,\"meaning\":\"duration\"},"
	 "{\"name\":\"psi.io.some_permille\",\"unit\":\"permille\",\"value\":5,\"ewma\":5,"
	 "\"peak\":5,\"present\":false,\"meaning\":\"share\"},"
	 "{\"name\":\"energy.per_byte_nj\",\"unit\":\"nj\",\"value\":20000,\"ewma\":9000,"
	 "\"peak\":20000,\"present\":true,\"estimated\":true,\"meaning\":\"energy\"}],"
	 "\"cpus\":[{\"cpu\":1,\"class\":\"normal\",\"p50_ns\":1000,\"p95_ns\":2000,\"p99_ns\":"
	 "3000,"
	 "\"samples\":42}]}\n"},
	{"\"verb\":\"knobs\"",
	 "{\"ok\":true,\"knobs\":[{\"name\":\"" KNOB "\",\"unit\":\"us\",\"value\":2000,"
	 "\"base\":8000,\"stock\":5000,\"min\":500,\"max\":100000,\"cause\":\"reflex\",\"rule\":0,"
	 "\"changed_ago_ns\":1000,\"frozen\":false,\"meaning\":\"slice\"}]}\n"},
	/* the second page first: its request holds the first one's */
	{"\"from\":", "{\"ok\":true,\"declared\":[],\"tasks\":[{\"pid\":12,\"comm\":\"second\","
		      "\"class\":\"critical\",\"workload\":\"\",\"cpu\":0}],\"next\":0}\n"},
	{"\"verb\":\"workloads\"",
	 "{\"ok\":true,\"declared\":[{\"name\":\"probe\",\"class\":\"critical\",\"wakeups\":5}],"
	 "\"tasks\":[{\"pid\":11,\"comm\":\"first\",\"class\":\"batch\",\"workload\":\"\",\"cpu\":"
	 "1},"
	 "{\"pid\":13,\"comm\":\"dull\",\"class\":\"normal\",\"workload\":\"\",\"cpu\":1}],"
	 "\"next\":12}\n"},
	{"\"follow\":true", "{\"ts_ns\":1500000000,\"type\":\"trip\",\"trip\":\"lease\"}\n"
			    "{\"ts_ns\":2500000000,\"type\":\"plugin\",\"slot\":1,"
			    "\"end\":\"slow\",\"latency_ns\":2000}\n"},
	{"\"verb\":\"events\"",
	 "{\"ok\":true,\"events\":[{\"ts_ns\":1500000000,\"type\":\"class\",\"pid\":5,"
	 "\"comm\":\"redis\",\"from\":\"normal\",\"to\":\"critical\",\"latency_ns\":16000000}]}\n"},
	{"\"verb\":\"explain\"",
	 "{\"ok\":true,\"name\":\"" KNOB "\",\"value\":2000,\"stock\":5000,"
	 "\"cause\":\"stock\",\"armed\":true,\"rule\":null,\"last_events\":[]}\n"},
	{"\"value\":8000", "{\"ok\":true}\n"},
	{"\"verb\":\"unwish\"", "{\"ok\":true}\n"},
	{"\"name\":\"late\",\"value\":12", "{\"ok\":true}\n"},
	{"\"verb\":\"report\"", "{\"ok\":false,\"error\":\"no service level\",\"errno\":2}\n"},
	{"\"verb\":\"arm\"", "{\"ok\":false,\"error\":\"cpu.max is set on /x\",\"errno\":16}\n"},
	{"\"verb\":\"disarm\"", "{\"ok\":false,\"error\":\"root only\",\"errno\":1}\n"},
	{"\"mode\":\"advise\"", "{\"ok\":true}\n"},
	{"\"verb\":\"profile_show\"", "{\"ok\":true,\"name\":\"edge\",\"yaml_path\":\"/e.yaml\","
				      "\"text\":\"name: edge\"}\n"},
	{"\"proposals\":[{\"parameter\":\"vm.swappiness\",\"value\":\"10\",\"reason\":\"r\",\"can_"
	 "auto_"
	 "apply\":true}]",
	 "{\"ok\":true,\"id\":7,\"state\":\"watched\",\"why\":\"written, watched for 30 s\"}\n"},
	{"\"verb\":\"policies\"",
	 "{\"ok\":true,\"pulse\":5,\"asked\":true,\"slots\":[{\"name\":\"pi\",\"slot\":0,"
	 "\"taken\":true,\"about\":\"holds the wait\",\"as\":\"canary\",\"run\":\"act\","
	 "\"left_ns\":7000000000,\"program\":50,\"keeps_state\":true,"
	 "\"reads\":[\"sched.switches_hz\"],\"turns\":[{\"name\":\"" KNOB "\",\"unit\":\"us\","
	 "\"value\":5000,\"wished\":3000}],\"calls\":30,\"declined\":3,\"acted\":20,\"steps\":2,"
	 "\"mean_ns\":90,\"longest_ns\":800,\"last_ns\":70},"
	 "{\"name\":\"two\",\"slot\":1,\"taken\":true,\"about\":\"b\",\"as\":\"waits\","
	 "\"reads\":[],\"turns\":[]}],\"settling\":false,"
	 "\"endings\":[{\"name\":\"bad\",\"slot\":1,\"end\":\"rubbish\",\"meaning\":\"it wished\","
	 "\"text\":\"a.b = 7\",\"ago_ns\":2000000000}]}\n"},
	{"\"verb\":\"policy_unload\",\"slot\":1", "{\"ok\":true,\"slot\":1,\"name\":\"two\"}\n"},
	{"\"verb\":\"policy_unload\",\"name\":\"no\"",
	 "{\"ok\":false,\"error\":\"no policy 'no' is in a slot\",\"errno\":2}\n"},
	{"\"source\":\"model\",\"proposals\":[{\"parameter\":\"vm.swappiness\",\"value\":\"11\"",
	 "{\"ok\":true,\"id\":8,\"state\":\"rejected\",\"why\":\"not on this host\"}\n"},
	{"\"value\":\"12\"", "{\"ok\":true,\"id\":9,\"state\":\"failed\",\"why\":\"EIO\"}\n"},
	{"", "{\"ok\":false,\"error\":\"unknown verb\",\"errno\":22}\n"},
};

/* The played daemon. */
struct daemon {
	pid_t pid;
	char dir[64];
	char socket[96];
};

static void answer(int fd)
{
	char request[CONTROL_REQUEST_MAX];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(request, sizeof(request), in))
		for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
			const char *reply = answers[i].reply;

			if (!strstr(request, answers[i].request))
				continue;
			if (write(fd, reply, strlen(reply)) < 0 ||
			    strstr(request, "\"follow\":true")) {
				fclose(in);
				return;
			}
			break;
		}
	if (in)
		fclose(in);
}

static int daemon_start(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_non_null(d);
	snprintf(d->dir, sizeof(d->dir), "/tmp/test_cli.XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->socket, sizeof(d->socket), "%s/s", d->dir);
	strcpy(addr.sun_path, d->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	d->pid = fork();
	assert_true(d->pid >= 0);
	if (!d->pid)
		for (;;)
			answer(accept(fd, NULL, NULL));
	close(fd);
	*state = d;
	return 0;
}

static int daemon_stop(void **state)
{
	struct daemon *d = *state;

	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	unlink(d->socket);
	rmdir(d->dir);
	free(d);
	return 0;
}

/* Runs `homeostat WORDS` with the played daemon's socket; checks as in test_cli_args.c. */
static void expect(void **state, const char *words, int rc, const char *out, const char *err)
{
	struct daemon *d = *state;
	char *copy = strdup(words), *said = NULL, *told = NULL, *save = NULL;
	char *argv[32] = {"homeostat", "--socket", d->socket};
	size_t said_len, told_len;
	FILE *o = open_memstream(&said, &said_len), *e = open_memstream(&told, &told_len);
	int argc = 3, got;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	got = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	if (got != rc || (out && !strstr(said, out)) || (err && !strstr(told, err)))
		fail_msg("'%s': exit code %d (want %d)\nout: %s\nerr: %s", words, got, rc, said,
			 told);
	if (!err)
		assert_string_equal(told, "");
	free(copy);
	free(said);
	free(told);
}

static void reads(void **state)
{
	expect(state, "status", CLI_OK, "gate       open, armed 3 times\n", NULL);
	expect(state, "status", CLI_OK, "sched_ext unavailable: no such class\n", NULL);
	expect(state, "status", CLI_OK, "lost       7 events\n", NULL);
	expect(state, "status", CLI_OK, "sensing    homeostat-sense hangs\n", NULL);
	expect(state, "status", CLI_OK,
	       "helping    fine: no worse\n"
	       "           sched.wait.critical.p99_ns 8 us; stock 720 us (x 0.01), allowed 4.72 "
	       "ms\n"
	       "           sched.wait.normal.p99_ns 9 us; stock not known\n"
	       "           load: 4 want to run, CPUs 98 % busy; stock seen 20 s ago\n"
	       "           2 looks at stock, 1 without harm, 1 undecided\n"
	       "slo        late 13, at most 12: missed\n"
	       "           sched.starved_ns absent, at most 1 s\n"
	       "limits     sched.starved_ns at most 0 ns\n",
	       NULL);
	expect(state, "complete reports", CLI_OK, "late\n", NULL);
	expect(state, "vitals", CLI_OK, "pulse.cost_ns         3.4 us     3 us    9 us  duration\n",
	       NULL);
	/* absent is not 0, and not 5 ‰ either */
	expect(state, "vitals psi", CLI_OK, "psi.io.some_permille    -        -     -  share\n",
	       NULL);
	expect(state, "vitals energy", CLI_OK,
	       "energy.per_byte_nj  ~20 uJ    ~9 uJ  ~20 uJ  energy\n", NULL);
	expect(state, "vitals --cpus", CLI_OK, "normal", NULL);
	expect(state, "vitals nonsense", CLI_FAILED, NULL, "no name begins with 'nonsense'");
	expect(state, "knobs", CLI_OK, "2 ms  reflex  8 ms   5 ms", NULL);
	expect(state, "explain " KNOB, CLI_OK, KNOB " = 2 ms (stock 5 ms)\n", NULL);
	expect(state, "explain " KNOB, CLI_OK, "why        nobody changed it: stock, 5 ms\n", NULL);
	expect(state, "events", CLI_OK,
	       "[    1.500000] class    redis[5] went from normal to critical, 16 ms", NULL);
	expect(state, "mode", CLI_OK, "act\n", NULL);
	expect(state, "profile show", CLI_OK, "# edge, from /e.yaml\nname: edge\n", NULL);
}

static void policies(void **state)
{
	expect(state, "policy show", CLI_OK,
	       "pi: holds the wait\n"
	       "slot       0, program 50\n"
	       "as         canary, judged in 7 s\n"
	       "reads      sched.switches_hz\n"
	       "turns      " KNOB ", at 5 ms, wished 3 ms\n"
	       "calls      30, 3 of them without an opinion; acted in 20, 2 steps\n"
	       "takes      90 ns on average, 800 ns at most, 70 ns the last time\n",
	       NULL);
	expect(state, "policy show 1", CLI_OK, "two: b\n", NULL);
	expect(state, "policy show two", CLI_OK, "calls      none yet\n", NULL);
	expect(state, "policy show bad", CLI_OK,
	       "bad: gone from slot 1 2 s ago: rubbish, it wished: a.b = 7\n", NULL);
	expect(state, "policy show other", CLI_FAILED, NULL, "no policy 'other'");
	expect(state, "policy show pi --json", CLI_OK, "{\"slots\":[{\"name\":\"pi\"", NULL);
	expect(state, "policy list --dir /nonexistent", CLI_OK,
	       "   0  pi      canary     30     20      2  90 ns   800 ns\n", NULL);
	expect(state, "policy list --dir /nonexistent", CLI_OK, "/nonexistent:\n(none)\n", NULL);
	expect(state, "policy unload 1", CLI_OK, "policy two is out of slot 1\n", NULL);
	expect(state, "policy unload no", CLI_REFUSED, NULL, "no policy 'no'");
	expect(state, "policy unload", CLI_USAGE, NULL, "NAME or SLOT");
	expect(state, "policy load", CLI_USAGE, NULL, "one OBJ");
	expect(state, "policy load x --full --shadow", CLI_USAGE, NULL, "one of --shadow");
	expect(state, "policy load x --canary 3", CLI_USAGE, NULL, "--canary 3: ");
	expect(state, "policy load /nonexistent.bpf.o", CLI_FAILED, NULL, "/nonexistent.bpf.o");
}

static void doctor_asks(void **state)
{
	const struct daemon *played = *state;
	struct doctor d = {
		.root = "", .socket = played->socket, .findings = json_object_new_array()};
	const char *text;

	probe_daemon(&d);
	text = json_object_to_json_string_ext(d.findings, JSON_C_TO_STRING_PLAIN);
	assert_non_null(strstr(text, "homeostatd 9.9, mode act, armed"));
	assert_non_null(strstr(text, "{\"state\":\"warn\",\"family\":\"sensors\",\"reason\":"
				     "\"homeostat-sense hangs\","
				     "\"help\":\"systemctl restart homeostatd\"}"));
	json_object_put(d.findings);
}

static void reads_json(void **state)
{
	expect(state, "--json status", CLI_OK, "\"profile\":\"edge\"", NULL);
	expect(state, "status --json", CLI_OK, "{\"version\":\"9.9\"", NULL); /* without "ok" */
	expect(state, "vitals psi --json", CLI_OK, "{\"vitals\":[{\"name\":\"psi.io", NULL);
	expect(state, "knobs --json", CLI_OK, "\"cause\":\"reflex\"", NULL);
	expect(state, "workloads --json", CLI_OK, "\"declared\":[{\"name\":\"probe\"", NULL);
	expect(state, "events --json", CLI_OK, "{\"events\":[{\"ts_ns\":1500000000", NULL);
	expect(state, "explain " KNOB " --json", CLI_OK, "\"cause\":\"stock\"", NULL);
	expect(state, "mode --json", CLI_OK, "{\"mode\":\"act\"}\n", NULL);
	expect(state, "profile show --json", CLI_OK, "\"text\":\"name: edge\"", NULL);
	expect(state, "version --json", CLI_OK, "\"daemon_version\":\"9.9\"", NULL);
}

static void workloads(void **state)
{
	/* both pages, without the uninteresting */
	expect(state, "workloads", CLI_OK, " 11  first ", NULL);
	expect(state, "workloads", CLI_OK, " 12  second ", NULL);
	expect(state, "workloads --tasks", CLI_OK, " 13  dull ", NULL);
	expect(state, "workloads --json", CLI_OK,
	       "\"tasks\":[{\"pid\":11,\"comm\":\"first\",\"class\":\"batch\",\"workload\":\"\","
	       "\"cpu\":1},{\"pid\":12,\"comm\":\"second\",\"class\":\"critical\",\"workload\":"
	       "\"\","
	       "\"cpu\":0}]}",
	       NULL);
}

/* Everything that came is shown; that the daemon went is told and is no success. */
static void follow(void **state)
{
	expect(state, "events -f", CLI_NO_DAEMON,
	       "[    1.500000] trip     gate shut: the pulse did not renew the lease\n"
	       "[    2.500000] plugin   the policy in slot 1 was shut out: it took longer than its "
	       "budget (its last call took 2 us)\n",
	       "ended the stream");
	expect(state, "events --follow --json", CLI_NO_DAEMON, "\"latency_ns\":2000}\n", NULL);
}

static void orders(void **state)
{
	expect(state, "wish " KNOB " 8ms", CLI_OK, "", NULL);
	expect(state, "wish " KNOB " --clear --json", CLI_OK, "{}\n", NULL);
	expect(state, "mode advise", CLI_OK, "", NULL);
	expect(state, "report late 12", CLI_OK, "", NULL);
	expect(state, "report late 12 --json", CLI_OK, "{}\n", NULL);
	expect(state, "report other 12", CLI_REFUSED, NULL, "no service level");
	/* no is an answer: the daemon's words, and an exit code of its own */
	expect(state, "arm", CLI_REFUSED, NULL, "cpu.max is set on /x");
	expect(state, "disarm", CLI_REFUSED, NULL, "root only");
	expect(state, "arm --json", CLI_REFUSED, "{\"error\":\"cpu.max is set on /x\"}", NULL);
	expect(state, "wish " KNOB " 9ms", CLI_REFUSED, NULL, "unknown verb");
}

/* A file beside the socket, for as long as it is applied. */
static void apply(void **state, const char *text, const char *options, int rc, const char *out,
		  const char *err)
{
	struct daemon *d = *state;
	char path[128], words[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/p", d->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	snprintf(words, sizeof(words), "apply --kb " HS_POLICY "/parameters.yaml %s %s", path,
		 options);
	expect(state, words, rc, out, err);
	unlink(path);
}

#define WANTS(value) "{\"parameter\":\"vm.swappiness\",\"value\":" value ",\"reason\":\"r\"}"

/* A value for each object: a line for each, with what it has now. */
static void apply_to_each(void **state)
{
	static const char text[] =
		"[{\"parameter\":\"cpu.governor\",\"values\":{\"cpu1\":\"powersave\","
		"\"cpu7\":\"powersave\"},\"reason\":\"r\"}]";
	char options[128], root[64];

	tree_make(root);
	tree_put(root, "/proc/meminfo", "MemTotal: 8388608 kB\n");
	tree_put(root, "/sys/devices/system/cpu/possible", "0-3\n");
	tree_put(root, "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "schedutil\n");
	snprintf(options, sizeof(options), "--check --root %s", root);
	apply(state, text, options, CLI_OK,
	      "cpu.governor[cpu1]  schedutil  powersave  immediate     3  r\n", NULL);
	apply(state, text, options, CLI_OK,
	      "cpu.governor[cpu7]  -          powersave  immediate     3  r\n", NULL);
	tree_free(root);
}

static void applies(void **state)
{
	apply(state, "I would:\n```json\n" WANTS("10") "\n```\n", "", CLI_OK,
	      "id 7: watched: written, watched for 30 s\n", NULL);
	apply(state, WANTS("10"), "", CLI_OK, "PARAMETER      NOW", NULL);
	apply(state, WANTS("10"), "--json", CLI_OK,
	      "{\"id\":7,\"state\":\"watched\",\"why\":\"written, watched for 30 s\"}\n", NULL);
	/* an answer that is no is no success */
	apply(state, WANTS("11"), "--source model", CLI_REFUSED,
	      "id 8: rejected: not on this host\n", NULL);
	apply(state, WANTS("12"), "", CLI_FAILED, "id 9: failed: EIO\n", NULL);
	apply(state, WANTS("13"), "", CLI_REFUSED, NULL, "unknown verb");
	/* nothing is sent: the daemon would refuse it */
	apply(state, WANTS("13"), "--check --root /", CLI_OK, "immediate     3  r\n", NULL);
	apply(state, WANTS("13"), "--check --json", CLI_OK,
	      "{\"verb\":\"propose\",\"source\":\"person\",\"proposals\":[", NULL);
	apply_to_each(state);
	apply(state, WANTS("500"), "", CLI_FINDINGS, NULL, "/p: /value: '500' for 'vm.swappiness'");
	apply(state, "no", "", CLI_FINDINGS, NULL, "/p: no JSON object");
	apply(state, "no", "--json", CLI_FINDINGS, "{\"error\":\"", NULL);
	apply(state, "no", "--source oracle", CLI_USAGE, NULL, "no source 'oracle'");
	apply(state, "no", "and more", CLI_USAGE, NULL, "apply takes one FILE");
	apply(state, "no", "--root /nonexistent", CLI_FAILED, NULL, "expected /proc and /sys");
	expect(state, "apply /nonexistent/p --kb " HS_POLICY "/parameters.yaml", CLI_FAILED, NULL,
	       "/nonexistent/p: No such file or directory; expected a readable file");
	expect(state, "apply /dev/null --kb /nonexistent/k", CLI_FAILED, NULL,
	       "/nonexistent/k: No such");
}

/* What was changed of the machine, and a person's word on it. */
static void changes(void **state)
{
	expect(state, "changes", CLI_OK,
	       "7 pending (2 s ago, ends in 3 s): w\n"
	       "    by uid 900, rules, risk 2, idle: r\n"
	       "    meant to move: a.b_hz down, c.d up\n"
	       "    /sys/x: 1 -> 2\n"
	       "    and 2 more\n"
	       "6 committed (2 s ago): w\n",
	       NULL);
	expect(state, "changes", CLI_OK, "\nStays until `homeostat restore --all`", NULL);
	expect(state, "--json changes", CLI_OK, "\"kept\":[{\"id\":6", NULL);
	expect(state, "--json pending --kb /nonexistent", CLI_OK, "{\"changes\":[{\"id\":7,", NULL);
	expect(state, "pending --kb " HS_POLICY "/parameters.yaml", CLI_OK,
	       "7 pending (2 s ago, ends in 3 s): w\n"
	       "    by uid 900, rules, risk 2, idle: r\n"
	       "    expected: a.b_hz is to go down, c.d is to go up\n"
	       "    on this host so far: 1 stayed, 0 went back; the last one: w\n"
	       "    undoes what change 6 has committed: /sys/x: 1 -> 2\n"
	       "    /sys/x: 1 -> 2\n",
	       NULL);
	expect(state, "pending --kb /nonexistent", CLI_OK, "7 pending", "is not told");
	expect(state, "approve 7", CLI_OK, "7 waiting (0 ns ago): w\n", NULL);
	expect(state, "approve 9", CLI_REFUSED, NULL, "there is no change 9");
	expect(state, "approve", CLI_USAGE, NULL, "approve takes one ID");
	expect(state, "approve x", CLI_USAGE, NULL, "approve takes one ID");
	expect(state, "reject 7 --why no", CLI_OK, "7 rejected", NULL);
	expect(state, "confirm 7", CLI_OK, "7 committed", NULL);
	expect(state, "activity", CLI_OK, "busy\n", NULL);
	expect(state, "--json activity", CLI_OK, "{\"activity\":\"busy\"}", NULL);
	expect(state, "activity mission", CLI_OK, "", NULL);
	expect(state, "activity lunch", CLI_REFUSED, NULL, "unknown activity");
	expect(state, "changes now", CLI_USAGE, NULL, "changes takes no argument");
	expect(state, "restore --all --id 3", CLI_USAGE, NULL, "one of --all, --since, --id");
	expect(state, "restore --id x", CLI_USAGE, NULL, "is no ID");
	expect(state, "restore --since long", CLI_USAGE, NULL, "is no time such as 10min");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),    cmocka_unit_test(reads),
		cmocka_unit_test(reads_json), cmocka_unit_test(workloads),
		cmocka_unit_test(follow),     cmocka_unit_test(orders),
		cmocka_unit_test(applies),    cmocka_unit_test(doctor_asks),
		cmocka_unit_test(policies),
	};

	return cmocka_run_group_tests(tests, daemon_start, daemon_stop);
}
