// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What anybody may propose: refused with a reason and a pointer, or a message that means the same when it is read again. */
#include "fuzz.h"

#include <string.h>

#include "control.h"
#include "json.h"
#include "proposal.h"

#define HEAD(name, by, place)                                                                      \
	"  - {name: " name ", meaning: m, actuator: " by ", path: '" place "', source: s, "

static const char parameters[] = "parameters:\n" HEAD("net.core.somaxconn", "sysctl", "/proc/sys/net/core/somaxconn") "type: number, unit: count, min: 128, max: 65535, timing: immediate, risk: 2}\n" HEAD("net.rps_cpus", "sysfs", "/sys/class/net/{interface}/queues/rx-{queue}/rps_cpus") "type: mask, timing: idle, risk: 3}\n" HEAD(
	"vm.thp", "sysfs",
	"/sys/kernel/mm/thp") "type: choice, choices: always madvise never, timing: task, "
			      "risk: 4}\n" HEAD(
				      "net.rings.rx", "ethtool",
				      "ethtool:{interface}/rings/rx") "type: number, "
								      "unit: packets, "
								      "min: 64, max: "
								      "16384, timing: "
								      "maintenance, risk: "
								      "6}\n" HEAD(
									      "boot."
									      "nohz_"
									      "full",
									      "boot",
									      "nohz_"
									      "full") "type: cpus, "
										      "timing: "
										      "reboot, "
										      "risk: "
										      "6}\n" HEAD(
											      "boot"
											      "."
											      "miti"
											      "gati"
											      "ons",
											      "boo"
											      "t",
											      "miti"
											      "gati"
											      "ons") "t"
												     "y"
												     "p"
												     "e"
												     ":"
												     " "
												     "f"
												     "l"
												     "a"
												     "g"
												     ","
												     " "
												     "r"
												     "e"
												     "p"
												     "o"
												     "r"
												     "t"
												     ":"
												     " "
												     "y"
												     "e"
												     "s"
												     ","
												     " "
												     "t"
												     "i"
												     "m"
												     "i"
												     "n"
												     "g"
												     ":"
												     " "
												     "r"
												     "e"
												     "b"
												     "o"
												     "o"
												     "t"
												     ","
												     " "
												     "r"
												     "i"
												     "s"
												     "k"
												     ":"
												     " "
												     "1"
												     "0"
												     "}"
												     "\n";

static const struct kb *kb(void)
{
	static struct kb base;
	char error[256];

	if (!base.nr)
		promise(!kb_parse(&base, "kb", parameters, strlen(parameters), error,
				  sizeof(error)));
	return &base;
}

/* One value that may be, or some for objects that may be. */
static void check_values(const struct proposals *all, const struct proposal *p)
{
	static const struct kb_machine here = {.memory_bytes = 1 << 30, .cpus = 4};
	char why[160];

	promise(!p->parts == !!p->value[0] && p->first + p->parts <= all->parts_nr);
	promise((p->parts ? proposal_alone : proposal_parameter)(kb(), p->parameter, why,
								 sizeof(why)) == p->kb);
	promise(p->parts || !kb_value(p->kb, p->value, &here, why, sizeof(why)));
	for (unsigned int i = p->first; i < p->first + p->parts; i++) {
		promise(!kb_check_objects(p->kb, all->part[i].object, why, sizeof(why)));
		promise(!kb_value(p->kb, all->part[i].value, &here, why, sizeof(why)));
	}
}

static void check_one(const struct proposal *p)
{
	promise(p->kb && !p->kb->report && p->parameter[0] && p->reason[0]);
	promise(p->risk <= KB_RISK_MAX && (!p->risk || p->risk >= p->kb->risk));
	promise(p->timing < KB_TIMING_NR && (p->timing < 0 || p->timing >= (int)p->kb->timing));
}

/* The message as text, to be freed. */
static char *line_of(const struct proposals *proposals)
{
	struct json_object *message = proposals_message(proposals);
	char *line;

	promise(message);
	line = strdup(js_line(message));
	promise(line && strlen(line) < CONTROL_REQUEST_MAX);
	json_object_put(message);
	return line;
}

int FUZZ_TARGET(proposal)(const uint8_t *data, size_t size)
{
	static const struct kb_machine here = {.memory_bytes = 1 << 30, .cpus = 4};
	static struct proposals first, again;
	struct json_fault fault;
	char *line, *same;

	if (proposals_read(&first, (const char *)data, size, PROPOSAL_MODEL, kb(), &here, &fault)) {
		promise(fault.why[0] && (!fault.pointer[0] || fault.pointer[0] == '/'));
		return 0;
	}
	promise(!fault.why[0] && first.nr > 0 && first.nr <= PROPOSALS_MAX);
	promise(proposals_rollbacks(&first) <= PROPOSAL_ROLLBACKS_MAX);
	for (unsigned int i = 0; i < first.nr; i++)
		check_one(&first.proposal[i]), check_values(&first, &first.proposal[i]);
	line = line_of(&first);
	promise(!proposals_read(&again, line, strlen(line), PROPOSAL_PERSON, kb(), &here, &fault));
	same = line_of(&again);
	promise(!strcmp(line, same));
	free(line);
	free(same);
	return 0;
}
