// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What each layer of a snapshot is read from. */
#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/ethtool.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "../lib/place.h"
#include "snapshot.h"

#define LARGEST 10 /* processes that are named */

/* The rest of the line that begins with `key`, of which a blank or colon must follow; NULL: there is none. Not ended. */
static const char *line_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, len) && strchr(" \t:", at[len]) && at[len])
			return at + len + strspn(at + len, " \t:");
	return NULL;
}

/* A number of such a line, times `unit`. */
static void add_number(struct json_object *out, const char *member, const char *text,
		       const char *key, __u64 unit)
{
	const char *at = text ? line_of(text, key) : NULL;
	__u64 value;

	if (at && !parse_digits(&at, ~0ULL / (unit ? unit : 1), &value))
		js_add_u64(out, member, value * unit);
}

/* ---- hardware ---- */

static void add_thermal(void *ctx, const char *root, const char *name)
{
	struct json_object *row;

	if (strncmp(name, "thermal_zone", 12))
		return;
	row = js_push_obj(ctx);
	js_add_str(row, "zone", name);
	snapshot_file(row, "type", root, "/sys/class/thermal/%s/type", name);
	snapshot_file(row, "millicelsius", root, "/sys/class/thermal/%s/temp", name);
}

static void add_supply(void *ctx, const char *root, const char *name)
{
	struct json_object *row = js_push_obj(ctx);

	js_add_str(row, "name", name);
	snapshot_file(row, "type", root, "/sys/class/power_supply/%s/type", name);
	snapshot_file(row, "online", root, "/sys/class/power_supply/%s/online", name);
	snapshot_file(row, "status", root, "/sys/class/power_supply/%s/status", name);
	snapshot_file(row, "capacity_percent", root, "/sys/class/power_supply/%s/capacity", name);
}

static void add_energy(void *ctx, const char *root, const char *name)
{
	struct json_object *row;

	/* zones, not the controls above them */
	if (!strchr(name, ':'))
		return;
	row = js_push_obj(ctx);
	js_add_str(row, "zone", name);
	snapshot_file(row, "name", root, "/sys/class/powercap/%s/name", name);
	snapshot_file(row, "limit_uw", root, "/sys/class/powercap/%s/constraint_0_power_limit_uw",
		      name);
}

static void add_errors(void *ctx, const char *root, const char *name)
{
	struct json_object *row;

	if (strncmp(name, "mc", 2) || !isdigit((unsigned char)name[2]))
		return;
	row = js_push_obj(ctx);
	js_add_str(row, "controller", name);
	snapshot_file(row, "corrected", root, "/sys/devices/system/edac/mc/%s/ce_count", name);
	snapshot_file(row, "uncorrected", root, "/sys/devices/system/edac/mc/%s/ue_count", name);
}

static void add_driver(struct json_object *row, const char *root, const char *link)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t n =
		root_path(path, sizeof(path), root, link) ? -1 : readlink(path, to, sizeof(to) - 1);

	if (n < 0)
		return;
	to[n] = '\0';
	js_add_str(row, "driver", strrchr(to, '/') ? strrchr(to, '/') + 1 : to);
}

static void add_block(void *ctx, const char *root, const char *name)
{
	struct json_object *row;

	if (!strncmp(name, "loop", 4) || !strncmp(name, "ram", 3))
		return;
	row = js_push_obj(ctx);
	js_add_str(row, "name", name);
	snapshot_file(row, "model", root, "/sys/block/%s/device/model", name);
	snapshot_file(row, "sectors", root, "/sys/block/%s/size", name);
	snapshot_file(row, "rotational", root, "/sys/block/%s/queue/rotational", name);
	snapshot_file(row, "scheduler", root, "/sys/block/%s/queue/scheduler", name);
	snapshot_file(row, "requests", root, "/sys/block/%s/queue/nr_requests", name);
	snapshot_file(row, "readahead_kib", root, "/sys/block/%s/queue/read_ahead_kb", name);
}

static void add_model(struct json_object *out, const char *root)
{
	char *text = snapshot_text(root, "/proc/cpuinfo"), model[128];
	const char *at = text ? line_of(text, "model name") : NULL;

	if (at) {
		snprintf(model, sizeof(model), "%.*s", (int)strcspn(at, "\n"), at);
		js_add_str(out, "processor", model);
	}
	free(text);
	snapshot_file(out, "vendor", root, "/sys/class/dmi/id/sys_vendor");
	snapshot_file(out, "product", root, "/sys/class/dmi/id/product_name");
	snapshot_file(out, "board", root, "/proc/device-tree/model");
	snapshot_file(out, "cpus_online", root, "/sys/devices/system/cpu/online");
	snapshot_file(out, "nodes_online", root, "/sys/devices/system/node/online");
	snapshot_file(out, "frequency_driver", root,
		      "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver");
	snapshot_file(out, "frequency_governor", root,
		      "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
}

void snapshot_hardware(struct json_object *out, const char *root)
{
	static const struct {
		const char *member, *key;
	} memory[] = {{"total_bytes", "MemTotal"},   {"available_bytes", "MemAvailable"},
		      {"swap_bytes", "SwapTotal"},   {"swap_free_bytes", "SwapFree"},
		      {"dirty_bytes", "Dirty"},	     {"writeback_bytes", "Writeback"},
		      {"huge_page_bytes", "Hugetlb"}};
	char *text = snapshot_text(root, "/proc/meminfo");
	struct json_object *o;

	add_model(out, root);
	o = js_add_obj(out, "memory");
	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++)
		add_number(o, memory[i].member, text, memory[i].key, 1024);
	free(text);
	snapshot_each(root, "/sys/class/thermal", add_thermal, js_add_array(out, "thermal"));
	snapshot_each(root, "/sys/class/powercap", add_energy, js_add_array(out, "power"));
	snapshot_each(root, "/sys/class/power_supply", add_supply, js_add_array(out, "supplies"));
	snapshot_each(root, "/sys/devices/system/edac/mc", add_errors,
		      js_add_array(out, "memory_errors"));
	snapshot_each(root, "/sys/block", add_block, js_add_array(out, "block"));
}

/* ---- network ---- */

/* "rings/rx-max" as rings: { rx_max: 4096 }, of what its driver tells; an interface that has none of a group has no such member. */
static void add_settings(struct json_object *row, const char *root, const char *name)
{
	char path[128], key[32], text[16];
	const struct ethtool_member *m;
	size_t nr;

	m = ethtool_members(&nr);
	for (size_t i = 0; i < nr; i++) {
		const char *slash = strchr(m[i].name, '/');
		struct json_object *group;
		__u64 value;

		snprintf(path, sizeof(path), ETHTOOL_PREFIX "%.32s/%s", name, m[i].name);
		if (place_read(root, path, text, sizeof(text)) < 0 || parse_u64(text, &value))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)(slash - m[i].name), m[i].name);
		if (!json_object_object_get_ex(row, key, &group))
			group = js_add_obj(row, key);
		snprintf(key, sizeof(key), "%s", slash + 1);
		for (char *dash = key; (dash = strchr(dash, '-'));)
			*dash = '_';
		js_add_u64(group, key, value);
	}
}

static void add_interface(void *ctx, const char *root, const char *name)
{
	/* missed: the card had no room left in its ring; fifo: in itself */
	static const char *const counters[] = {"rx_packets",	   "rx_errors",	     "rx_dropped",
					       "rx_missed_errors", "rx_fifo_errors", "tx_packets",
					       "tx_errors",	   "tx_dropped"};
	struct json_object *row = js_push_obj(ctx), *speed;
	char link[PATH_MAX];

	js_add_str(row, "name", name);
	snprintf(link, sizeof(link), "/sys/class/net/%s/device/driver", name);
	add_driver(row, root, link);
	snapshot_file(row, "state", root, "/sys/class/net/%s/operstate", name);
	/* -1, as text, where the driver does not know */
	snapshot_file(row, "speed_mbit", root, "/sys/class/net/%s/speed", name);
	if (json_object_object_get_ex(row, "speed_mbit", &speed) &&
	    !json_object_is_type(speed, json_type_int))
		json_object_object_del(row, "speed_mbit");
	snapshot_file(row, "mtu", root, "/sys/class/net/%s/mtu", name);
	snapshot_file(row, "queue_length", root, "/sys/class/net/%s/tx_queue_len", name);
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		snapshot_file(row, counters[i], root, "/sys/class/net/%s/statistics/%s", name,
			      counters[i]);
	add_settings(row, root, name);
}

/* "Tcp: A B" above "Tcp: 1 2", as objects of their names, for those that are wanted. */
static void add_counters(struct json_object *out, const char *root, const char *path,
			 const char *wanted)
{
	char *text = snapshot_text(root, path), *line_save = NULL, *names = NULL;

	for (char *line = text ? strtok_r(text, "\n", &line_save) : NULL; line;
	     line = strtok_r(NULL, "\n", &line_save)) {
		char *name_save = NULL, *value_save = NULL, *name, *value;
		struct json_object *o;

		if (!names) {
			names = line;
			continue;
		}
		name = strtok_r(names, " ", &name_save);
		value = strtok_r(line, " ", &value_save);
		names = NULL;
		if (!name || !value || strcmp(name, value) || !strstr(wanted, name))
			continue;
		name[strcspn(name, ":")] = '\0';
		o = js_add_obj(out, name);
		while ((name = strtok_r(NULL, " ", &name_save)) &&
		       (value = strtok_r(NULL, " ", &value_save)))
			js_add(o, name, json_object_new_int64(strtoll(value, NULL, 10)));
	}
	free(text);
}

/* Of each CPU a line of numbers in hex: packets, dropped, squeezed … */
static void add_softnet(struct json_object *out, const char *root)
{
	char *text = snapshot_text(root, "/proc/net/softnet_stat"), *save = NULL;
	unsigned long long sum[3] = {0};
	bool any = false;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned int v[3];

		if (sscanf(line, "%x %x %x", &v[0], &v[1], &v[2]) != 3)
			continue;
		for (int i = 0; i < 3; i++)
			sum[i] += v[i];
		any = true;
	}
	free(text);
	if (!any)
		return;
	js_add_u64(out, "packets", sum[0]);
	js_add_u64(out, "dropped", sum[1]);
	js_add_u64(out, "squeezed", sum[2]);
}

void snapshot_network(struct json_object *out, const char *root)
{
	snapshot_each(root, "/sys/class/net", add_interface, js_add_array(out, "interfaces"));
	snapshot_file(out, "congestion_control", root, "/proc/sys/net/ipv4/tcp_congestion_control");
	snapshot_file(out, "queueing_discipline", root, "/proc/sys/net/core/default_qdisc");
	add_softnet(js_add_obj(out, "receive"), root);
	add_counters(js_add_obj(out, "counters"), root, "/proc/net/snmp", "Ip: Tcp: Udp:");
}

/* ---- sockets and processes ---- */

/* "TCP: inuse 1 orphan 0": an object of each line. */
static void add_sockets(struct json_object *out, const char *root)
{
	char *text = snapshot_text(root, "/proc/net/sockstat"), *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *word_save = NULL, *key = strtok_r(line, ": ", &word_save), *value;
		struct json_object *o = key ? js_add_obj(out, key) : NULL;

		while (o && (key = strtok_r(NULL, " ", &word_save)) &&
		       (value = strtok_r(NULL, " ", &word_save)))
			js_add_u64(o, key, strtoull(value, NULL, 10));
	}
	free(text);
}

struct process {
	char comm[32];
	unsigned long long pid, threads, rss_bytes, ticks;
	char state;
};

struct processes {
	unsigned long long nr, threads, state[128];
	struct process largest[LARGEST];
	size_t largest_nr;
};

/* The name may hold anything, a bracket too: what follows the last one counts. */
static bool read_process(struct process *p, const char *root, const char *pid)
{
	unsigned long long user, system;
	char text[1024], *open, *close;
	long long pages;

	if (!isdigit((unsigned char)*pid) ||
	    read_filef(root, text, sizeof(text), "/proc/%s/stat", pid) <= 0)
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open ||
	    sscanf(close + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %*s %*s %*s %*s %llu"
		   " %*s %*s %*s %lld",
		   &p->state, &user, &system, &p->threads, &pages) != 5)
		return false;
	*close = '\0';
	snprintf(p->comm, sizeof(p->comm), "%.31s", open + 1);
	p->pid = strtoull(pid, NULL, 10);
	p->ticks = user + system;
	p->rss_bytes =
		pages > 0 ? (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE)
			  : 0;
	return true;
}

static void count_process(void *ctx, const char *root, const char *pid)
{
	struct processes *all = ctx;
	struct process p;
	size_t place;

	if (!read_process(&p, root, pid))
		return;
	all->nr++;
	all->threads += p.threads;
	all->state[(unsigned char)p.state & 127]++;
	for (place = all->largest_nr; place && all->largest[place - 1].rss_bytes < p.rss_bytes;
	     place--)
		if (place < LARGEST)
			all->largest[place] = all->largest[place - 1];
	if (place == LARGEST)
		return;
	all->largest[place] = p;
	all->largest_nr += all->largest_nr < LARGEST;
}

void snapshot_workload(struct json_object *out, const char *root)
{
	static const struct {
		char letter;
		const char *name;
	} states[] = {{'R', "running"}, {'S', "sleeping"}, {'D', "waiting_for_io"},
		      {'I', "idle"},	{'Z', "zombie"},   {'T', "stopped"}};
	struct json_object *o, *rows, *row;
	struct processes all = {0};

	add_sockets(js_add_obj(out, "sockets"), root);
	snapshot_each(root, "/proc", count_process, &all);
	o = js_add_obj(out, "processes");
	js_add_u64(o, "all", all.nr);
	js_add_u64(o, "threads", all.threads);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		js_add_u64(o, states[i].name, all.state[(unsigned char)states[i].letter]);
	rows = js_add_array(out, "largest");
	for (size_t i = 0; i < all.largest_nr; i++) {
		row = js_push_obj(rows);
		js_add_u64(row, "pid", all.largest[i].pid);
		js_add_str(row, "name", all.largest[i].comm);
		js_add_u64(row, "threads", all.largest[i].threads);
		js_add_u64(row, "memory_bytes", all.largest[i].rss_bytes);
		js_add_u64(row, "cpu_ms",
			   all.largest[i].ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
	}
}

/* ---- scheduling ---- */

static void add_pressure(struct json_object *out, const char *root, const char *of)
{
	char path[64], *text;
	const char *at;
	char some[16];

	snprintf(path, sizeof(path), "/proc/pressure/%s", of);
	text = snapshot_text(root, path);
	at = text ? strstr(text, "some avg10=") : NULL;
	if (at && sscanf(at, "some avg10=%15s", some) == 1)
		js_add_str(out, of, some);
	free(text);
}

void snapshot_scheduling(struct json_object *out, const char *root)
{
	char *text = snapshot_text(root, "/proc/stat");
	struct json_object *o;

	snapshot_file(out, "load", root, "/proc/loadavg");
	add_number(out, "running", text, "procs_running", 1);
	add_number(out, "blocked", text, "procs_blocked", 1);
	add_number(out, "context_switches", text, "ctxt", 1);
	add_number(out, "interrupts", text, "intr", 1);
	free(text);
	o = js_add_obj(out, "pressure_some_percent");
	add_pressure(o, root, "cpu");
	add_pressure(o, root, "memory");
	add_pressure(o, root, "io");
	snapshot_file(out, "sched_ext", root, "/sys/kernel/sched_ext/state");
	snapshot_file(out, "sched_ext_scheduler", root, "/sys/kernel/sched_ext/root/ops");
	snapshot_file(out, "isolated_cpus", root, "/sys/devices/system/cpu/isolated");
	snapshot_file(out, "nohz_full_cpus", root, "/sys/devices/system/cpu/nohz_full");
}
