// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat against a daemon that a child process plays: what is asked, what is made of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kern/abi.h"
#include "../../user/cli/cli.h"
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
	"\"uptime_ns\":60000000000,\"events_lost\":7,\"counters\":{}}\n";

static const struct answer answers[] = {
	{"\"verb\":\"status\"", status_line},
	{"\"verb\":\"vitals\"",
	 "{\"ok\":true,\"vitals\":[{\"name\":\"pulse.cost_ns\",\"unit\":\"ns\",\"value\":3400,"
	 "\"ewma\":3000,\"peak\":9000,\"present\":true,\"meaning\":\"duration\"},"
	 "{\"name\":\"psi.io.some_permille\",\"unit\":\"permille\",\"value\":5,\"ewma\":5,"
	 "\"peak\":5,\"present\":false,\"meaning\":\"share\"}],"
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
			    "{\"ts_ns\":2500000000,\"type\":\"plugin\",\"latency_ns\":2000}\n"},
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
	char request[4096];
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
	expect(state, "vitals", CLI_OK, "pulse.cost_ns         3.4 us     3 us  9 us  duration\n",
	       NULL);
	/* absent is not 0, and not 5 ‰ either */
	expect(state, "vitals psi", CLI_OK, "psi.io.some_permille    -        -     -  share\n",
	       NULL);
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
	       "[    2.500000] plugin   the policy in the reflex slot took 2 us and was shut out\n",
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),  cmocka_unit_test(reads_json), cmocka_unit_test(workloads),
		cmocka_unit_test(follow), cmocka_unit_test(orders),
	};

	return cmocka_run_group_tests(tests, daemon_start, daemon_stop);
}
