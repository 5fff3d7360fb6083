// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Verb table, options, help, and talking to the daemon. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "../history/history.h"
#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "../lib/statedir.h"
#include "cli.h"
#include "policy.h"

const struct verb cli_verbs[] = {
	{"status", "", "mode, gate, scheduler, pulse and program families", NULL, cmd_status},
	{"vitals", "[PREFIX] [--cpus]", "vital signs: now, average, peak",
	 "PREFIX  only vital signs whose name begins with it, such as sched.wait\n"
	 "--cpus  run-queue wait of each CPU and class instead\n",
	 cmd_vitals},
	{"knobs", "[PREFIX]", "knobs: value, where it comes from, bounds",
	 "PREFIX  only knobs whose name begins with it\n", cmd_knobs},
	{"workloads", "[--tasks]", "declared workloads, and how tasks are classified",
	 "--tasks  every task that was seen, not only those in a class other than normal\n",
	 cmd_workloads},
	{"flows", "", "interfaces, declared flows, and what became of their packets", NULL,
	 cmd_flows},
	{"connections", "[TIME]",
	 "TCP connections in our care: congestion control, and what was set",
	 "TIME  look at all connections for so long (3s to 60s, root): how each class of them "
	 "fares\n",
	 cmd_connections},
	{"drops", "[TIME]", "packets that the network stack drops, by its reason (root)",
	 "TIME  how long to look (default 5s, 1ms to 60s); only then they are counted\n",
	 cmd_drops},
	{"irqs", "[TIME] [--cpus | --cpu N]",
	 "what hard and soft interrupts take, by device and by CPU (root)",
	 "TIME     how long to look (default 5s, 100ms to 60s); only then they are measured\n"
	 "--cpus   of each CPU the share of time in them instead\n"
	 "--cpu N  only those of that CPU\n",
	 cmd_irqs},
	{"steer", "", "which CPU goes on with incoming packets, and how busy each one is", NULL,
	 cmd_steer},
	{"events", "[-f] [-n N]", "what happened: reflexes, trips, classes, deadlines",
	 "-f, --follow  goes on until interrupted\n"
	 "-n N          only the last N (default 20; with -f 0)\n",
	 cmd_events},
	{"explain", "KNOB | PARAMETER", "why a knob, or a parameter of the machine, has its value",
	 "PARAMETER    as `homeostat kb list` has it: the value that it has, who changed it when, "
	 "why, "
	 "and what\n"
	 "             became of it; needs no daemon\n"
	 "--file FILE  another knowledge base (default " KB_FILE ")\n"
	 "--db FILE    another history (default " HISTORY_DB ")\n"
	 "--root DIR   looks at /proc and /sys below DIR\n",
	 cmd_explain},
	{"top", "[-d SECONDS]", "live view; q quits",
	 "-d SECONDS  between two looks (default 1, 1 … 60)\n", cmd_top},
	{"mode", "[MODE]", "shows or sets the mode: observe, advise, act", NULL, cmd_mode},
	{"arm", "", "lets the actuators act (mode act; after trips, however many)", NULL, cmd_arm},
	{"disarm", "", "takes the actuators back, in good order", NULL, cmd_disarm},
	{"wish", "KNOB VALUE | KNOB --clear", "asks for a value of a knob, within its bounds",
	 "VALUE    with its unit: 8ms, 30%, 16\n"
	 "--clear  gives the knob back to the profile\n",
	 cmd_wish},
	{"report", "[--5m|--1h|--6h|--day|--week] [--markdown] | NAME VALUE",
	 "how the host has fared; or tells a figure of an application",
	 "--5m, --1h, --6h, --day, --week  over which time (default --5m)\n"
	 "--markdown  as a document\n"
	 "--db FILE   another history (default " HISTORY_DB ")\n"
	 "NAME        a report that the profile's slo names\n"
	 "VALUE       a whole number, in whatever the profile's limit counts; forgotten after 5 "
	 "s\n",
	 cmd_report},
	{"trip", "", "shuts the gate at once, with or without the daemon (root)",
	 "Stores into the kernel's memory by itself, so it works also while homeostatd hangs or\n"
	 "is stopped. All actuators are stock from the next event on.\n",
	 cmd_trip},
	{"changes", "", "what was changed of the machine, by whom, why, with what effect", NULL,
	 cmd_changes},
	{"history", "[--since TIME] [PARAMETER]",
	 "what was changed of the machine, also before the last boot",
	 "--since TIME  within that time (90s, 10min, 12h, 7d), or since a moment (2026-11-21, "
	 "2026-11-21T12:34:56Z)\n"
	 "PARAMETER     only changes of it\n"
	 "--db FILE     another history (default " HISTORY_DB ")\n"
	 "Needs no daemon.\n",
	 cmd_history},
	{"diff", "[--check]", "what is committed against what the kernel shows now",
	 "--check      says only what differs\n"
	 "--file FILE  another knowledge base (default " KB_FILE ")\n"
	 "--root DIR   looks at /proc and /sys below DIR\n"
	 "Changes nothing.\n",
	 cmd_diff},
	{"pending", "[--kb FILE]",
	 "of these, what waits for a person: what is expected of it, and what it undoes", NULL,
	 cmd_pending},
	{"approve", "ID", "lets a change be made that waits for it (root)", NULL, cmd_approve},
	{"reject", "ID [--why TEXT]",
	 "has a change not made, or put back while it is watched (root)", NULL, cmd_reject},
	{"confirm", "ID", "keeps a change that could have cut the host off (root)",
	 "Without it such a change goes back by itself: whoever is cut off need do nothing.\n",
	 cmd_confirm},
	{"activity", "[busy|idle|mission|unknown]",
	 "says what the host does, or shows what was said",
	 "busy     at work: changes for between two tasks wait\n"
	 "idle     nothing is to be done: changes for an idle host may be made now\n"
	 "mission  nothing is changed\n"
	 "unknown  homeostat looks by itself\n"
	 "What is said counts for an hour.\n",
	 cmd_activity},
	{"restore", "[--all | --since TIME | --id ID] [--root DIR]",
	 "puts back what a dead homeostatd has left changed, and what is committed (root)",
	 "Replays the undo table, newest change first, and leaves alone what somebody else has\n"
	 "written since. The table lies beside the control socket.\n"
	 "--all         what is committed, too: all of it since the boot\n"
	 "--since TIME  of it, what was committed within that time: 10min\n"
	 "--id ID       of it, that one; see `homeostat changes`\n"
	 "--root DIR    writes below DIR\n"
	 "A homeostatd that lives is asked to put back what is committed; what is under way is its "
	 "own.\n",
	 cmd_restore},
	{"incidents", "[--state DIR]", "records of trips, newest last (root)",
	 "--state DIR  the daemon's state directory (default " STATE_DIR ")\n"
	 "Reads the directory by itself and needs no daemon.\n",
	 cmd_incidents},
	{"incident", "[NAME] [--state DIR]", "one record: why, and the minute before (root)",
	 "NAME         as `homeostat incidents` lists it; without it the newest\n"
	 "--state DIR  the daemon's state directory (default " STATE_DIR ")\n"
	 "With --json the record as it was written: it has more than is shown.\n",
	 cmd_incident},
	{"certify", "--out FILE [--profile FILE] [--kb FILE] [OBJ…]",
	 "writes the manifest of what is to run: for homeostatd --manifest",
	 "--out FILE      the manifest; must not be there yet\n"
	 "--profile FILE  what it acts by (default /etc/homeostat/profiles/balanced.yaml)\n"
	 "--kb FILE       another knowledge base (default " KB_FILE ")\n"
	 "OBJ…            objects of policies: the first one acts in place of the rules, a second "
	 "one is\n"
	 "                asked beside it, in shadow\n",
	 cmd_certify},
	{"record", "--out FILE [--for TIME] [--all]",
	 "records what the reflex decides, and by what (root)",
	 "--out FILE  the log; must not be there yet\n"
	 "--for TIME  for so long (10s, 5min); without it until it is interrupted\n"
	 "--all       also the vital signs that nobody reads: for `policy replay`\n"
	 "Reaches into the kernel by itself and needs nothing of the daemon. Exit code 5: records "
	 "were lost.\n",
	 cmd_record},
	{"replay", "LOG [OBJ… | --manifest FILE]",
	 "computes the decisions of a log again, and compares (root)",
	 "OBJ…             objects of policies, for slot 0 and 1: they answer by themselves. "
	 "Without\n"
	 "                 them what they answered is taken as it is recorded\n"
	 "--manifest FILE  those that it names; the log has to be of that certified mode\n"
	 "Loads the kernel programs of this homeostat once more, attached to nothing, and gives "
	 "them\n"
	 "what was recorded: identical, or the first difference. Exit code 5: a difference, or the "
	 "log\n"
	 "is not whole.\n",
	 cmd_replay},
	{"profile", "check FILE | show | load FILE", "checks, shows or changes the profile",
	 "check FILE  reads it as the daemon would, needs no daemon\n"
	 "show        the one that is in force\n"
	 "load FILE   puts it in force; a bad one is refused and the old one stays\n",
	 cmd_profile},
	{"policy", "new | build | check | link | replay | load | unload | list | show …",
	 "policies written in C: template, build, check, and in the slots of the pulse",
	 "new NAME [DIR]     writes NAME.bpf.c, a policy to begin with, and NAME.test.c, its test\n"
	 "build FILE.bpf.c   compiles it to FILE.bpf.o and judges that, as check does before it "
	 "asks "
	 "the "
	 "kernel\n"
	 "  -o OBJECT        to another file\n"
	 "  --test           builds and runs FILE.test.c instead, on this host, without the "
	 "kernel\n"
	 "  --include DIR    where homeostat/plugin.h lies (default " HS_INCLUDE ")\n"
	 "check OBJECT       has the verifier judge it, too, and shows what it may do and costs "
	 "(root)\n"
	 "  --verbose        with all that the verifier says when it refuses it\n"
	 "link FILE.bpf.c    makes FILE.o of our scheduler and a variant's decision points, for\n"
	 "                   homeostatd --variant\n"
	 "  -o OBJECT, --include DIR   as above\n"
	 "  --lib DIR        where linkable.bpf.o lies (default " HS_LIB ")\n"
	 "replay OBJECT LOG  what it would have wished, beside what was recorded (root)\n"
	 "load OBJECT        puts it into a slot of the homeostatd that runs (root), by default\n"
	 "  --shadow         asked, and what it wishes is told, not done\n"
	 "  --canary TIME    acts for so long (1s to 1h), and goes on if nothing is worse by it\n"
	 "  --full           acts, in place of the rules and of who acted before\n"
	 "unload NAME|SLOT   takes it out (root)\n"
	 "list [--dir DIR]   what is in the slots, and the objects in DIR (default\n"
	 "                   " POLICY_DIR ")\n"
	 "show [NAME|SLOT]   what it does and costs; and how the last ones ended\n"
	 "new, build, check, link and replay need no daemon. The compiler is clang, or what CLANG "
	 "in "
	 "the\n"
	 "environment names.\n",
	 cmd_policy},
	{"kb", "list [PREFIX] | show NAME | check [FILE]",
	 "what may be changed beside BPF: parameters, ranges, risks",
	 "list [PREFIX]  all of them, or those whose name begins with it\n"
	 "show NAME      one, with its range on this machine\n"
	 "check [FILE]   reads it as the daemon would, and looks what of it is here\n"
	 "--file FILE    another knowledge base (default " KB_FILE ")\n"
	 "--root DIR     looks at /proc and /sys below DIR\n"
	 "Needs no daemon.\n",
	 cmd_kb},
	{"apply", "FILE | - [--check]", "proposes changes of parameters (see kb): all or none",
	 "FILE           one JSON value, also with chatter around it; - is standard input\n"
	 "--check        only reads it, and shows what would be asked for; needs no daemon\n"
	 "--source NAME  who proposes, where FILE does not say: person (default), rules, model\n"
	 "--kb FILE      another knowledge base (default " KB_FILE ")\n"
	 "--root DIR     looks at /proc and /sys below DIR\n",
	 cmd_apply},
	{"snapshot", "[--yaml] [--root DIR]", "the host at this instant, layer by layer",
	 "--yaml       YAML, which is also the default\n"
	 "--root DIR   looks at /proc and /sys below DIR\n"
	 "--file FILE  another knowledge base (default " KB_FILE ")\n"
	 "Needs no daemon.\n",
	 cmd_snapshot},
	{"boot", "stage NAME=VALUE… | show | check | keep | cancel | revert",
	 "boot parameters: one boot on trial, then permanent (root)",
	 "stage NAME=VALUE…  for the next boot alone; the one after it is as before. Without a\n"
	 "                   VALUE, or a flag that is no: is taken out\n"
	 "show               what is on trial, what is permanent, and whether all of it is there\n"
	 "check              after a boot: has it got them? What fell back is told (exit code 5)\n"
	 "keep               makes permanent what a boot was good with\n"
	 "cancel             takes back what is staged\n"
	 "revert             takes out what is permanent\n"
	 "--keep             check: makes it permanent, if this boot is good\n"
	 "--kb FILE          stage: another knowledge base (default " KB_FILE ")\n"
	 "--root DIR         reads and writes below DIR\n"
	 "Needs no daemon.\n",
	 cmd_boot},
	{"doctor", "[--root DIR] [--btf FILE]", "what can run on this machine, and what would help",
	 "--root DIR  reads /proc, /sys and /boot below DIR; loads nothing\n"
	 "--btf FILE  judges another kernel by its BTF; loads nothing\n",
	 cmd_doctor},
	{"version", "", "versions of program, daemon and kernel interface", NULL, cmd_version},
	{"help", "[VERB]", "this text", NULL, cmd_help},
	{"help-tables", "", NULL, "Copies stdin to stdout and fills in lines such as @knobs@.\n",
	 cmd_help_tables},
	{"complete", "verbs|knobs|vitals|modes|reports|incidents|parameters|boot", NULL,
	 "Names for the shell's completion.\n", cmd_complete},
};
const size_t cli_verbs_nr = sizeof(cli_verbs) / sizeof(*cli_verbs);

static const char options_help[] = "Options, before or after the verb:\n"
				   "  --json         JSON on stdout (one line) instead of text\n"
				   "  --socket PATH  control socket (default " CONTROL_SOCKET ")\n"
				   "  -h, --help     this text, or that of the verb\n"
				   "  --version      same as version\n";

void cli_help(FILE *f)
{
	fputs("Usage: homeostat [OPTION…] VERB [ARG…]\n\nVerbs:\n", f);
	for (size_t i = 0; i < cli_verbs_nr; i++)
		if (cli_verbs[i].summary)
			fprintf(f, "  %-10s %s\n", cli_verbs[i].name, cli_verbs[i].summary);
	fprintf(f, "\n%s\nExit codes:\n", options_help);
#define X(id, code, meaning) fprintf(f, "  %d  %s\n", code, meaning);
	CLI_EXITS(X)
#undef X
}

void cli_help_verb(FILE *f, const struct verb *verb)
{
	fprintf(f, "Usage: homeostat %s%s%s\n", verb->name, *verb->args ? " " : "", verb->args);
	if (verb->summary)
		fprintf(f, "\n%s\n", verb->summary);
	if (verb->details)
		fprintf(f, "\n%s", verb->details);
	fprintf(f, "\n%s", options_help);
}

const struct verb *cli_verb(const char *name)
{
	for (size_t i = 0; i < cli_verbs_nr; i++)
		if (!strcmp(cli_verbs[i].name, name))
			return &cli_verbs[i];
	return NULL;
}

int cmd_help(struct cli *cli, int argc, char **argv)
{
	const struct verb *verb;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc)
		return rc;
	if (!argc) {
		cli_help(cli->out);
		return CLI_OK;
	}
	verb = cli_verb(argv[0]);
	if (!verb || argc > 1)
		return cli_usage(cli, "no verb '%s'", argv[argc - 1]);
	cli_help_verb(cli->out, verb);
	return CLI_OK;
}

static void say_error(struct cli *cli, const char *fmt, va_list ap)
{
	char text[2048];
	struct json_object *o;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (!cli->json) {
		fprintf(cli->err, "homeostat: %s\n", text);
		return;
	}
	o = json_object_new_object();
	js_add_str(o, "error", text);
	out_json(cli, o);
	json_object_put(o);
}

void cli_error(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(cli, fmt, ap);
	va_end(ap);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(cli, fmt, ap);
	va_end(ap);
	if (!cli->json)
		fprintf(cli->err, "try: homeostat %s%s--help\n", cli->verb ? cli->verb : "",
			cli->verb ? " " : "");
	return CLI_USAGE;
}

/*
 * Takes one option from argv[*i]. 1: it was one; 0: an argument; -1: it was wrong, and told.
 */
static int take_option(struct cli *cli, const struct cli_option *o, int argc, char **argv, int *i)
{
	for (; o && o->name; o++) {
		size_t n = strlen(o->name);

		if (strncmp(argv[*i], o->name, n))
			continue;
		if (o->flag && !argv[*i][n]) {
			*o->flag = true;
			return 1;
		}
		if (o->value && argv[*i][n] == '=' && n > 2) {
			*o->value = argv[*i] + n + 1;
			return 1;
		}
		if (o->value && !argv[*i][n]) {
			if (*i + 1 >= argc) {
				cli_usage(cli, "%s wants a value", o->name);
				return -1;
			}
			*o->value = argv[++*i];
			return 1;
		}
	}
	return 0;
}

int cli_options(struct cli *cli, const struct cli_option *options, int *argc, char **argv)
{
	const struct cli_option common[] = {
		{"--json", NULL, &cli->json},
		{"--socket", &cli->socket, NULL},
		{0},
	};
	int left = 0;

	for (int i = 0; i < *argc; i++) {
		int taken;

		if (!strcmp(argv[i], "--")) {
			while (++i < *argc)
				argv[left++] = argv[i];
			break;
		}
		taken = take_option(cli, common, *argc, argv, &i);
		if (!taken)
			taken = take_option(cli, options, *argc, argv, &i);
		if (taken < 0)
			return CLI_USAGE;
		if (taken)
			continue;
		if (argv[i][0] == '-' && argv[i][1])
			return cli_usage(cli, "unknown option '%s'", argv[i]);
		argv[left++] = argv[i];
	}
	*argc = left;
	return CLI_OK;
}

void cli_wait(unsigned long long ns)
{
	struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t))
		;
}

int cli_unreachable(struct cli *cli, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		cli_error(cli, "%s: not allowed; join the group %s, or run it as root", cli->socket,
			  CONTROL_GROUP);
		return CLI_REFUSED;
	case -ETIMEDOUT:
		cli_error(cli,
			  "homeostatd does not answer; `homeostat trip` (as root) shuts the gate "
			  "without it, `systemctl restart homeostatd` starts it anew");
		return CLI_NO_DAEMON;
	case -EPIPE:
	case -ECONNRESET:
		cli_error(cli, "homeostatd closed the connection: it has too many clients, or it "
			       "ended");
		return CLI_NO_DAEMON;
	case -ENOENT:
	case -ECONNREFUSED:
		cli_error(
			cli,
			"homeostatd is not running (%s: %s); start it: systemctl start homeostatd",
			cli->socket, strerror(-err));
		return CLI_NO_DAEMON;
	default:
		cli_error(cli, "%s: %s; see systemctl status homeostatd", cli->socket,
			  strerror(-err));
		return CLI_NO_DAEMON;
	}
}

int cli_call(struct cli *cli, struct json_object *request, struct json_object **reply)
{
	return cli_call_with(cli, request, NULL, reply);
}

int cli_call_with(struct cli *cli, struct json_object *request, const struct descriptors *fds,
		  struct json_object **reply)
{
	struct control *control = NULL;
	bool ok;
	int err, rc = CLI_OK;

	*reply = NULL;
	err = request ? control_open(&control, cli->socket) : -ENOMEM;
	if (!err)
		err = control_call_with(control, request, fds, reply);
	if (err && *reply) {
		/* it answered: no is an answer, too */
		cli_error(cli, "%s",
			  *js_str(*reply, "error") ? js_str(*reply, "error") : strerror(-err));
		rc = CLI_REFUSED;
	} else if (err) {
		rc = cli_unreachable(cli, err);
	} else if (!js_get_bool(*reply, "ok", &ok)) {
		json_object_object_del(*reply, "ok");
	}
	if (rc) {
		json_object_put(*reply);
		*reply = NULL;
	}
	control_close(control);
	json_object_put(request);
	return rc;
}

int cli_order(struct cli *cli, struct json_object *request)
{
	struct json_object *reply;
	int rc = cli_call(cli, request, &reply);

	if (!rc && cli->json)
		out_json(cli, reply);
	json_object_put(reply);
	return rc;
}

/* --help anywhere wins, whatever else is wrong. */
static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* Number of leading arguments that are options of the whole program. */
static int leading_options(int argc, char **argv)
{
	int n = 0;

	while (n < argc && argv[n][0] == '-' && strcmp(argv[n], "--version"))
		n += strcmp(argv[n], "--socket") ? 1 : 2;
	return n < argc ? n : argc;
}

int cli_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct cli cli = {.socket = CONTROL_SOCKET, .out = out, .err = err};
	const struct verb *verb;
	int lead, left, rc;

	argc--, argv++;
	lead = left = leading_options(argc, argv);
	verb = lead < argc ? cli_verb(strcmp(argv[lead], "--version") ? argv[lead] : "version")
			   : NULL;
	if (wants_help(argc, argv)) {
		if (verb)
			cli_help_verb(out, verb);
		else
			cli_help(out);
		return CLI_OK;
	}
	rc = cli_options(&cli, NULL, &left, argv);
	if (rc)
		return rc;
	if (lead >= argc) {
		cli_help(err);
		return CLI_USAGE;
	}
	if (!verb)
		return cli_usage(&cli, "no verb '%s'", argv[lead]);
	cli.verb = verb->name;
	rc = verb->run(&cli, argc - lead - 1, argv + lead + 1);
	if (fflush(out) || ferror(out)) {
		fprintf(err, "homeostat: output: %s\n", strerror(errno));
		return rc ? rc : CLI_FAILED;
	}
	return rc;
}
