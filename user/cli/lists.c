// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat vitals, knobs, workloads, flows, connections, steer: what the daemon answers, as tables. */
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/units.h"
#include "cli.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* Leaves in the array @key of @reply only the rows whose "name" begins with @prefix. */
static void keep_prefix(struct json_object *reply, const char *key, const char *prefix)
{
	struct json_object *rows, *kept;

	if (js_get_array(reply, key, &rows))
		return;
	kept = json_object_new_array();
	for (size_t i = 0; kept && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!strncmp(js_str(row, "name"), prefix, strlen(prefix)))
			json_object_array_add(kept, json_object_get(row));
	}
	js_add(reply, key, kept);
}

static struct json_object *array_of(struct json_object *reply, const char *key)
{
	struct json_object *rows = NULL;

	js_get_array(reply, key, &rows);
	return rows;
}

/* Asks @verb, filters by @prefix and prints the array @key. */
static int list(struct cli *cli, const char *verb, const char *key, const char *prefix,
		const struct column *columns, size_t nr)
{
	struct json_object *reply;
	int rc = cli_call(cli, control_request(verb), &reply);

	if (rc)
		return rc;
	if (prefix)
		keep_prefix(reply, key, prefix);
	if (prefix && !json_object_array_length(array_of(reply, key))) {
		cli_error(cli, "no name begins with '%s'; see homeostat %s", prefix, verb);
		rc = CLI_FAILED;
	} else if (cli->json) {
		out_json(cli, reply);
	} else {
		out_table(cli->out, array_of(reply, key), columns, nr);
	}
	json_object_put(reply);
	return rc;
}

int cmd_vitals(struct cli *cli, int argc, char **argv)
{
	static const struct column vitals[] = {
		{"name", "VITAL SIGN", COLUMN_TEXT}, {"value", "NOW", COLUMN_UNIT},
		{"ewma", "AVERAGE", COLUMN_UNIT},    {"peak", "PEAK", COLUMN_UNIT},
		{"meaning", "MEANING", COLUMN_TEXT},
	};
	static const struct column cpus[] = {
		{"cpu", "CPU", COLUMN_NUMBER}, {"class", "CLASS", COLUMN_TEXT},
		{"p50_ns", "P50", COLUMN_NS},  {"p95_ns", "P95", COLUMN_NS},
		{"p99_ns", "P99", COLUMN_NS},  {"samples", "SAMPLES", COLUMN_NUMBER},
	};
	bool by_cpu = false;
	const struct cli_option options[] = {{"--cpus", NULL, &by_cpu}, {0}};
	int rc = cli_options(cli, options, &argc, argv);

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "vitals takes one PREFIX");
	if (by_cpu)
		return list(cli, "vitals", "cpus", NULL, cpus, NR(cpus));
	return list(cli, "vitals", "vitals", argc ? argv[0] : NULL, vitals, NR(vitals));
}

int cmd_knobs(struct cli *cli, int argc, char **argv)
{
	static const struct column knobs[] = {
		{"name", "KNOB", COLUMN_TEXT},	 {"value", "VALUE", COLUMN_UNIT},
		{"cause", "CAUSE", COLUMN_TEXT}, {"base", "BASE", COLUMN_UNIT},
		{"stock", "STOCK", COLUMN_UNIT}, {"min", "MIN", COLUMN_UNIT},
		{"max", "MAX", COLUMN_UNIT},	 {"meaning", "MEANING", COLUMN_TEXT},
	};
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "knobs takes one PREFIX");
	return list(cli, "knobs", "knobs", argc ? argv[0] : NULL, knobs, NR(knobs));
}

/* Adds the tasks of the pages that follow (a reply holds CONTROL_TASKS_MAX of them). */
static int more_tasks(struct cli *cli, struct json_object *all)
{
	struct json_object *tasks = array_of(all, "tasks"), *reply, *request, *page;
	__u64 next;
	int rc = CLI_OK;

	while (tasks && !js_get_u64(all, "next", &next) && next) {
		request = control_request("workloads");
		js_add_u64(request, "from", next);
		rc = cli_call(cli, request, &reply);
		if (rc)
			return rc;
		page = array_of(reply, "tasks");
		for (size_t i = 0; page && i < json_object_array_length(page); i++)
			json_object_array_add(tasks,
					      json_object_get(json_object_array_get_idx(page, i)));
		js_add_u64(all, "next", js_u64(reply, "next"));
		json_object_put(reply);
	}
	json_object_object_del(all, "next");
	return rc;
}

/* Tasks in the class normal that nobody declared are the uninteresting many. */
static void drop_normal(struct json_object *reply)
{
	struct json_object *tasks = array_of(reply, "tasks"), *kept = json_object_new_array();

	for (size_t i = 0; tasks && kept && i < json_object_array_length(tasks); i++) {
		struct json_object *row = json_object_array_get_idx(tasks, i);

		if (strcmp(js_str(row, "class"), "normal") || *js_str(row, "workload"))
			json_object_array_add(kept, json_object_get(row));
	}
	js_add(reply, "tasks", kept);
}

int cmd_workloads(struct cli *cli, int argc, char **argv)
{
	static const struct column declared[] = {
		{"name", "WORKLOAD", COLUMN_TEXT},	{"class", "CLASS", COLUMN_TEXT},
		{"period_ns", "PERIOD", COLUMN_NS},	{"deadline_ns", "DEADLINE", COLUMN_NS},
		{"runtime_ns", "RUNTIME", COLUMN_NS},	{"tasks", "TASKS", COLUMN_NUMBER},
		{"wakeups", "RUNS", COLUMN_NUMBER},	{"misses", "MISSED", COLUMN_NUMBER},
		{"overruns", "OVERRAN", COLUMN_NUMBER}, {"run_mean_ns", "MEAN", COLUMN_NS},
		{"run_stddev_ns", "STDDEV", COLUMN_NS}, {"run_max_ns", "WORST", COLUMN_NS},
		{"resp_max_ns", "RESPONSE", COLUMN_NS},
	};
	static const struct column tasks[] = {
		{"pid", "PID", COLUMN_NUMBER},
		{"comm", "COMMAND", COLUMN_TEXT},
		{"class", "CLASS", COLUMN_TEXT},
		{"workload", "WORKLOAD", COLUMN_TEXT},
		{"cpu", "CPU", COLUMN_NUMBER},
		{"burst_ns", "RUN", COLUMN_NS},
		{"wakeups", "RUNS", COLUMN_NUMBER},
		{"classified_after_ns", "CLASSIFIED", COLUMN_NS},
		{"changes", "CHANGES", COLUMN_NUMBER},
	};
	bool every = false;
	const struct cli_option options[] = {{"--tasks", NULL, &every}, {0}};
	struct json_object *reply;
	int rc = cli_options(cli, options, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "workloads takes no argument");
	rc = cli_call(cli, control_request("workloads"), &reply);
	if (rc)
		return rc;
	rc = more_tasks(cli, reply);
	if (!rc && !every)
		drop_normal(reply);
	if (!rc && cli->json) {
		out_json(cli, reply);
	} else if (!rc) {
		out_table(cli->out, array_of(reply, "declared"), declared, NR(declared));
		fputc('\n', cli->out);
		out_table(cli->out, array_of(reply, "tasks"), tasks, NR(tasks));
	}
	json_object_put(reply);
	return rc;
}

int cmd_flows(struct cli *cli, int argc, char **argv)
{
	static const struct column interfaces[] = {
		{"name", "INTERFACE", COLUMN_TEXT},	{"xdp", "XDP", COLUMN_TEXT},
		{"place", "PLACE", COLUMN_TEXT},	{"why", "WHY NOT", COLUMN_TEXT},
		{"egress", "EGRESS", COLUMN_TEXT},	{"qdisc", "QUEUEING", COLUMN_TEXT},
		{"egress_why", "WHY NOT", COLUMN_TEXT},
	};
	static const struct column flows[] = {
		{"name", "FLOW", COLUMN_TEXT},	       {"class", "CLASS", COLUMN_TEXT},
		{"packets", "CAME", COLUMN_NUMBER},    {"shed", "SHED", COLUMN_NUMBER},
		{"sent", "WENT", COLUMN_NUMBER},       {"prioritised", "PRIORITY", COLUMN_NUMBER},
		{"marked", "MARKED", COLUMN_NUMBER},   {"paced", "PACED", COLUMN_NUMBER},
		{"delayed", "DELAYED", COLUMN_NUMBER}, {"delay_mean_ns", "BY", COLUMN_NS},
		{"dropped", "DROPPED", COLUMN_NUMBER},
	};
	struct json_object *reply;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "flows takes no argument");
	rc = cli_call(cli, control_request("flows"), &reply);
	if (rc)
		return rc;
	if (cli->json) {
		out_json(cli, reply);
	} else {
		out_table(cli->out, array_of(reply, "interfaces"), interfaces, NR(interfaces));
		fputc('\n', cli->out);
		out_table(cli->out, array_of(reply, "flows"), flows, NR(flows));
	}
	json_object_put(reply);
	return rc;
}

#define CONNECTIONS_LEAST_NS (3 * NS_PER_S) /* two looks of the daemon are in it, a second apart */

/* With a time: the daemon looks at all connections meanwhile. CLI_OK or, told, another exit code. */
static int look_at_connections(struct cli *cli, const char *time)
{
	unsigned long long look_ns;
	struct json_object *request, *reply;
	__u64 ns;
	int rc;

	if (unit_parse(time, UNIT_NS, &ns) || ns < CONNECTIONS_LEAST_NS || ns > CONTROL_LOOK_MAX_NS)
		return cli_usage(cli, "connections takes one time from 3s to 60s");
	look_ns = ns;
	request = control_request("connections");
	js_add_u64(request, "for_ns", look_ns + NS_PER_S);
	rc = cli_call(cli, request, &reply);
	if (rc)
		return rc;
	json_object_put(reply);
	cli_wait(look_ns);
	return CLI_OK;
}

static void print_connections(struct cli *cli, struct json_object *reply)
{
	static const struct column columns[] = {
		{"local", "LOCAL", COLUMN_TEXT},     {"peer", "PEER", COLUMN_TEXT},
		{"flow", "FLOW", COLUMN_TEXT},	     {"congestion", "CONGESTION", COLUMN_TEXT},
		{"rtt_us", "RTT US", COLUMN_NUMBER}, {"rtt_min_us", "MIN US", COLUMN_NUMBER},
		{"cwnd", "CWND", COLUMN_NUMBER},     {"delivered", "DELIVERED", COLUMN_NUMBER},
		{"lost", "LOST", COLUMN_NUMBER},     {"moves", "MOVES", COLUMN_NUMBER},
		{"set", "SET", COLUMN_TEXT},
	};
	static const struct column classes[] = {
		{"class", "CLASS", COLUMN_TEXT},
		{"rtt_us", "RTT US", COLUMN_NUMBER},
		{"rttvar_us", "VARIANCE US", COLUMN_NUMBER},
		{"retransmit_permille", "SENT AGAIN", COLUMN_PERMILLE},
		{"delivered_kbit", "KBIT/S", COLUMN_NUMBER},
	};

	if (*js_str(reply, "why"))
		fprintf(cli->out, "not attached: %s\n", js_str(reply, "why"));
	out_table(cli->out, array_of(reply, "connections"), columns, NR(columns));
	if (!js_bool(reply, "looking"))
		return;
	fputc('\n', cli->out);
	out_table(cli->out, array_of(reply, "classes"), classes, NR(classes));
}

int cmd_connections(struct cli *cli, int argc, char **argv)
{
	struct json_object *reply;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "connections takes one time from 3s to 60s");
	if (argc)
		rc = look_at_connections(cli, argv[0]);
	if (!rc)
		rc = cli_call(cli, control_request("connections"), &reply);
	if (rc)
		return rc;
	if (cli->json)
		out_json(cli, reply);
	else
		print_connections(cli, reply);
	json_object_put(reply);
	return rc;
}

int cmd_steer(struct cli *cli, int argc, char **argv)
{
	static const struct column interfaces[] = {
		{"name", "INTERFACE", COLUMN_TEXT},
		{"xdp", "XDP", COLUMN_TEXT},
		{"steer", "STEERS", COLUMN_TEXT},
		{"steer_why", "WHY NOT", COLUMN_TEXT},
	};
	static const struct column cpus[] = {
		{"cpu", "CPU", COLUMN_NUMBER},
		{"role", "ROLE", COLUMN_TEXT},
		{"load_permille", "LOAD", COLUMN_PERMILLE},
		{"kept", "KEPT", COLUMN_NUMBER},
		{"handed", "HANDED", COLUMN_NUMBER},
		{"refused", "REFUSED", COLUMN_NUMBER},
		{"missing", "MISSING", COLUMN_NUMBER},
		{"moved", "MOVED", COLUMN_NUMBER},
		{"delivered", "DELIVERED", COLUMN_NUMBER},
		{"waiting", "WAITING", COLUMN_NUMBER},
	};
	struct json_object *reply;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "steer takes no argument");
	rc = cli_call(cli, control_request("steer"), &reply);
	if (rc)
		return rc;
	if (cli->json) {
		out_json(cli, reply);
	} else {
		fprintf(cli->out, "steering: %s%s%s\n\n", js_str(reply, "state"),
			*js_str(reply, "why") ? ": " : "", js_str(reply, "why"));
		out_table(cli->out, array_of(reply, "interfaces"), interfaces, NR(interfaces));
		fputc('\n', cli->out);
		out_table(cli->out, array_of(reply, "cpus"), cpus, NR(cpus));
	}
	json_object_put(reply);
	return rc;
}
