/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Changes of the machine over a tree of files, in virtual seconds: for test_transaction.c and test_propose.c. */
#ifndef HOMEOSTAT_TX_FIXTURE_H
#define HOMEOSTAT_TX_FIXTURE_H

#include "undo_fixture.h"

#include "act/transaction.h"
#include "json.h"

#define S 1000000000ULL
#define SOMAXCONN "/proc/sys/net/core/somaxconn"
#define RPS(queue) "/sys/class/net/eth0/queues/rx-" queue "/rps_cpus"

static const char kb_text[] =
	"parameters:\n"
	"  - { name: net.core.somaxconn, meaning: m, actuator: sysctl, path: " SOMAXCONN
	", type: number, unit: count, min: 128, max: 65535, timing: immediate, risk: 2, source: "
	"s,\n"
	"      moves: [ { vital: net.listen_full_hz, to: down } ] }\n"
	"  - { name: vm.swappiness, meaning: m, actuator: sysctl, path: " SWAPPINESS
	", type: number, unit: count, min: 0, max: 200, timing: immediate, risk: 3, source: s, "
	"conflicts: vm.dirty }\n"
	"  - { name: vm.dirty, meaning: m, actuator: sysctl, path: /proc/sys/vm/dirty_ratio, type: "
	"number, unit: "
	"percent, min: 1, max: 60, timing: idle, risk: 7, source: s }\n"
	"  - { name: thp, meaning: m, actuator: sysfs, path: " THP
	", type: choice, choices: always madvise never, timing: immediate, risk: 4, watch: 5s, "
	"source: s }\n"
	"  - { name: rps, meaning: m, actuator: sysfs, path: "
	"'/sys/class/net/{interface}/queues/rx-{queue}/rps_cpus', "
	"type: mask, timing: immediate, risk: 3, cuts_off: yes, watch: 3s, source: s }\n"
	"  - { name: seen, meaning: m, actuator: sysctl, path: /proc/sys/vm/dirty_ratio, report: "
	"yes, type: number, "
	"unit: percent, min: 1, max: 60, timing: idle, risk: 1, source: s }\n"
	"  - { name: qdisc, meaning: m, actuator: qdisc, path: '{interface}', type: choice, "
	"choices: "
	"fq mq, timing: immediate, risk: 1, source: s }\n"
	"  - { name: rings, meaning: m, actuator: ethtool, path: 'ethtool:{interface}/rings/rx', "
	"type: number, unit: count, min: 64, max: 8192, cuts_off: yes, watch: 3s, "
	"timing: immediate, risk: 1, source: s }\n";

static struct kb kb;
static struct tx_table table;
static struct evidence evidence;
static struct profile profile;
static struct hs_vital vitals[HS_VITAL_NR];
static struct tx_world world;
static char error[512], history[4096];
static bool window;

static bool may_now(void *ctx, enum kb_timing timing, char *why, size_t size)
{
	(void)ctx;
	snprintf(why, size, "not now");
	return timing == KB_TIMING_IMMEDIATE || window;
}

static void told(void *ctx, const struct tx *tx, enum tx_state from)
{
	size_t len = strlen(history);

	(void)ctx;
	(void)from;
	snprintf(history + len, sizeof(history) - len, "%u:%s ", tx->id, tx_states[tx->state].name);
}

static void __attribute__((unused)) vital(__u32 id, __u64 value)
{
	vitals[id].present = 1;
	vitals[id].value = vitals[id].ewma = value;
}

static int setup_all(void **state)
{
	if (setup(state))
		return -1;
	tree_put(root, SOMAXCONN, "4096\n");
	tree_put(root, "/proc/sys/vm/dirty_ratio", "20\n");
	tree_put(root, RPS("0"), "0\n");
	tree_put(root, RPS("1"), "0\n");
	tree_put(root, RPS("2"), "0\n");
	tree_put(root, "/sys/class/net/eth0/carrier", "1\n");
	tree_put(root, "/sys/class/net/lo/carrier", "1\n");
	tree_put(root, "/ethtool:eth0/rings/rx", "256\n");
	tree_put(root, "/ethtool:eth0/rings/rx-max", "4096\n");
	tree_put(root, "/sys/class/net/eth0/device/vendor", "0x1af4\n");
	tree_put(root, "/sys/devices/system/cpu/online", "0-3\n");
	assert_int_equal(kb_parse(&kb, "kb", kb_text, sizeof(kb_text) - 1, error, sizeof(error)),
			 0);
	profile_stock(&profile);
	profile.changes.risk = 3;
	strcpy(profile.changes.allow, "net.* vm.swappiness rps thp");
	memset(vitals, 0, sizeof(vitals));
	memset(&evidence, 0, sizeof(evidence));
	history[0] = '\0';
	window = false;
	world = (struct tx_world){.root = root,
				  .undo = undo.table,
				  .kb = &kb,
				  .machine = {.memory_bytes = 1ULL << 30, .cpus = 4},
				  .profile = &profile,
				  .evidence = &evidence,
				  .now_ns = S,
				  .boot_ns = S,
				  .may_approved = true,
				  .may_alone = true,
				  .looks = true,
				  .may_now = may_now,
				  .told = told};
	return 0;
}

static int teardown_all(void **state)
{
	tx_free(&table);
	kb_free(&kb);
	return teardown(state);
}

static void __attribute__((unused)) seconds(int nr)
{
	while (nr--) {
		world.now_ns += S;
		world.boot_ns += S;
		evidence_sample(&evidence, vitals);
		tx_look(&table, &world);
	}
}

/* Proposes PROPOSALS (JSON) as that source and user: the number, or the error. */
static int propose_as(const char *source, uid_t uid, const char *untrusted, const char *proposals)
{
	char text[4096];
	struct json_object *request;
	struct ask_list list;
	int id;

	snprintf(text, sizeof(text), "{\"source\":\"%s\",\"proposals\":%s}", source, proposals);
	request = json_tokener_parse(text);
	assert_non_null(request);
	id = ask_read(&list, request, error, sizeof(error));
	if (!id)
		id = tx_propose(&table, &world, &list, uid, untrusted, error, sizeof(error));
	json_object_put(request);
	return id;
}

static int __attribute__((unused)) propose(const char *proposals)
{
	return propose_as("rules", 0, NULL, proposals);
}

#define ONE(parameter, value)                                                                      \
	"[{\"parameter\":\"" parameter "\",\"value\":\"" value "\",\"reason\":\"r\"}]"

static enum tx_state state_of_tx(int id)
{
	const struct tx *tx = tx_find(&table, (__u32)id);

	assert_non_null(tx);
	return tx->state;
}

static void __attribute__((unused)) is(int id, enum tx_state state)
{
	assert_string_equal(tx_states[state_of_tx(id)].name, tx_states[state].name);
}

static void __attribute__((unused)) why_has(int id, const char *text)
{
	const char *why = tx_find(&table, (__u32)id)->why;

	if (!strstr(why, text))
		fail_msg("'%s' has no '%s'", why, text);
}

#endif
