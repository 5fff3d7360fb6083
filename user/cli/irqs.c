// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat irqs: what hard and soft interrupts take, for as long as one looks. The daemon knows them by their number;
 * what they are called is asked of the kernel here.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../../kern/abi.h"
#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "../lib/units.h"
#include "cli.h"

#define LOOK_LEAST_NS 100000000ULL /* reading the figures takes some milliseconds itself */

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* Of x86, from arch/x86/include/asm/irq_vectors.h. */
static const char *vector_name(__u64 number)
{
	switch (number) {
	case 0xec:
		return "local timer";
	case 0xf6:
		return "irq work";
	case 0xfb:
		return "function call, one CPU";
	case 0xfc:
		return "function call";
	case 0xfd:
		return "reschedule";
	default:
		return "";
	}
}

/* What the kernel calls soft interrupt @number: its row in /proc/softirqs, which has a column for each CPU. */
static const char *soft_name(__u64 number, char *buf, size_t size)
{
	FILE *f = fopen("/proc/softirqs", "re");
	char *line = NULL, *name = NULL;
	size_t room = 0;

	buf[0] = '\0';
	for (__u64 i = 0; f && i < number + 2 && getline(&line, &room, f) >= 0; i++)
		name = i == number + 1 ? line + strspn(line, " ") : NULL;
	if (name)
		snprintf(buf, size, "%.*s", (int)strcspn(name, ":\n"), name);
	free(line);
	if (f)
		fclose(f);
	return buf;
}

static const char *irq_name(const char *kind, __u64 number, char *buf, size_t size)
{
	if (!strcmp(kind, irq_kind_infos[HS_IRQ_VECTOR].name))
		return vector_name(number);
	if (!strcmp(kind, irq_kind_infos[HS_IRQ_SOFT].name))
		return soft_name(number, buf, size);
	if (number == HS_IRQS_MAX - 1 - irq_kind_infos[HS_IRQ_DEVICE].first)
		return "this one and those above";
	return read_filef(NULL, buf, size, "/sys/kernel/irq/%llu/actions", number) > 0 ? buf : "";
}

/* Of each of a row's times its share of the time that was counted. */
static void add_share(struct json_object *row, const char *key, const char *time, __u64 counted_ns)
{
	js_add_u64(row, key,
		   counted_ns ? (__u64)((double)js_u64(row, time) * 1000 / (double)counted_ns + 0.5)
			      : 0);
}

static int longest_first(const void *a, const void *b)
{
	__u64 x = js_u64(*(struct json_object *const *)a, "time_ns");
	__u64 y = js_u64(*(struct json_object *const *)b, "time_ns");

	return (x < y) - (x > y);
}

/* Names, shares and means beside what the daemon has measured. */
static void complete(struct json_object *reply)
{
	__u64 counted_ns = js_u64(reply, "counted_ns"), runs;
	struct json_object *irqs = NULL, *cpus = NULL, *row;
	char buf[256];

	js_get_array(reply, "irqs", &irqs);
	js_get_array(reply, "cpus", &cpus);
	for (size_t i = 0; irqs && i < json_object_array_length(irqs); i++) {
		row = json_object_array_get_idx(irqs, i);
		runs = js_u64(row, "runs");
		js_add_str(row, "name",
			   irq_name(js_str(row, "kind"), js_u64(row, "number"), buf, sizeof(buf)));
		js_add_u64(row, "rate_hz",
			   counted_ns ? (__u64)((double)runs * NS_PER_S / (double)counted_ns + 0.5)
				      : 0);
		js_add_u64(row, "mean_ns", runs ? js_u64(row, "time_ns") / runs : 0);
		add_share(row, "share_permille", "time_ns", counted_ns);
	}
	for (size_t i = 0; cpus && i < json_object_array_length(cpus); i++) {
		row = json_object_array_get_idx(cpus, i);
		add_share(row, "hard_permille", "hard_ns", counted_ns);
		add_share(row, "soft_permille", "soft_ns", counted_ns);
	}
	if (irqs)
		json_object_array_sort(irqs, longest_first);
}

static void print(struct cli *cli, struct json_object *reply, bool by_cpu)
{
	static const struct column irqs[] = {
		{"kind", "KIND", COLUMN_TEXT},
		{"number", "NUMBER", COLUMN_NUMBER},
		{"rate_hz", "PER SECOND", COLUMN_NUMBER},
		{"share_permille", "OF ONE CPU", COLUMN_PERMILLE},
		{"mean_ns", "MEAN", COLUMN_NS},
		{"longest_ns", "LONGEST", COLUMN_NS},
		{"busiest_cpu", "MOSTLY ON", COLUMN_NUMBER},
		{"name", "NAME", COLUMN_TEXT},
	};
	static const struct column cpus[] = {
		{"cpu", "CPU", COLUMN_NUMBER},
		{"hard_permille", "HARD", COLUMN_PERMILLE},
		{"soft_permille", "SOFT", COLUMN_PERMILLE},
	};
	struct json_object *rows = NULL;

	js_get_array(reply, by_cpu ? "cpus" : "irqs", &rows);
	if (cli->json)
		out_json(cli, reply);
	else if (by_cpu)
		out_table(cli->out, rows, cpus, NR(cpus));
	else
		out_table(cli->out, rows, irqs, NR(irqs));
}

/* Looks for so long. CLI_OK: the caller puts *reply. */
static int look(struct cli *cli, __u64 look_ns, const char *cpu, struct json_object **reply)
{
	struct json_object *request = control_request("irqs");
	__u64 number = 0;
	int rc;

	if (cpu && unit_parse(cpu, UNIT_COUNT, &number)) {
		json_object_put(request);
		return cli_usage(cli, "--cpu takes the number of a CPU");
	}
	js_add_u64(request, "for_ns", look_ns + NS_PER_S);
	if (cpu)
		js_add_u64(request, "cpu", number);
	rc = cli_call(cli, request, reply);
	if (rc)
		return rc;
	json_object_put(*reply);
	cli_wait(look_ns);
	request = control_request("irqs");
	if (cpu)
		js_add_u64(request, "cpu", number);
	rc = cli_call(cli, request, reply);
	if (rc || js_bool(*reply, "looking"))
		return rc;
	json_object_put(*reply);
	cli_error(cli, "the look was over before its figures were read: the machine is too busy");
	return CLI_FAILED;
}

int cmd_irqs(struct cli *cli, int argc, char **argv)
{
	const char *cpu = NULL;
	bool by_cpu = false;
	const struct cli_option options[] = {{"--cpu", &cpu, NULL}, {"--cpus", NULL, &by_cpu}, {0}};
	__u64 look_ns = 5 * NS_PER_S;
	struct json_object *reply;
	int rc = cli_options(cli, options, &argc, argv);

	if (rc)
		return rc;
	if (argc > 1 || (argc && (unit_parse(argv[0], UNIT_NS, &look_ns) ||
				  look_ns < LOOK_LEAST_NS || look_ns > CONTROL_LOOK_MAX_NS)))
		return cli_usage(cli, "irqs takes one time from 100ms to 60s");
	if (cpu && by_cpu)
		return cli_usage(cli, "--cpu and --cpus do not go together");
	rc = look(cli, look_ns, cpu, &reply);
	if (rc)
		return rc;
	complete(reply);
	print(cli, reply, by_cpu);
	json_object_put(reply);
	return CLI_OK;
}
