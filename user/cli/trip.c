// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat trip: shuts the gate straight in the kernel's memory. The map is found by its BPF id and
 * mapped, so neither the daemon nor its socket is needed; a few stores and it is done.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../kern/abi.h"
#include "../lib/breaker.h"
#include "../lib/gate.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "cli.h"

/* libbpf gives sections with a name of their own no prefix: the map is called like the section. */
#define GATE_MAP ".data.gate"

/* How long we watch the kernel let our scheduler go, and how often we look. */
#define LEAVE_NS 1000000000ULL
#define LOOK_NS 200000

struct trip {
	struct cli *cli;
	struct json_object *gates; /* what was found: {map_id, was_armed, mode, …} */
	unsigned int shut;	   /* gates that are shut now */
	unsigned int strange;	   /* of our name, but another version or size */
	unsigned int missed;	   /* gates that could not be mapped */
};

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void note(struct trip *t, __u32 id, const struct hs_gate *was)
{
	struct json_object *o = js_push_obj(t->gates);

	js_add_u64(o, "map_id", id);
	js_add_bool(o, "was_armed", was->armed);
	js_add_str(o, "mode", mode_name(was->mode));
	js_add_u64(o, "generation", was->generation);
	js_add_str(o, "tripped_before", trip_name(was->trip_reason));
	js_add_u64(o, "heartbeat_age_ns", was->heartbeat_ns ? now_ns() - was->heartbeat_ns : 0);
}

/* Of another program's idea of a gate: nothing is stored where it may mean something else. */
static void leave_alone(struct trip *t, const char *what, __u32 theirs, __u32 ours)
{
	t->strange++;
	cli_error(t->cli,
		  "gate of %s %u found, this program knows %u: use its own homeostat, or kill -9 "
		  "its homeostatd",
		  what, theirs, ours);
}

/* Trips one gate. 0, or a negative errno. */
static int trip_map(struct trip *t, __u32 id, int fd)
{
	struct hs_gate *gate, was;

	gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (gate == MAP_FAILED) {
		int err = -errno;

		t->missed++;
		cli_error(t->cli,
			  "gate found (BPF map %u) but not shut, it cannot be mapped: %s; kill -9 "
			  "its homeostatd",
			  id, strerror(-err));
		return err;
	}
	was = *gate;
	if (was.abi_version == HS_ABI_VERSION) {
		gate_trip(gate, HS_TRIP_OPERATOR, now_ns());
		note(t, id, &was);
		t->shut++;
	} else {
		leave_alone(t, "kernel interface", was.abi_version, HS_ABI_VERSION);
	}
	munmap(gate, sizeof(*gate));
	return 0;
}

static bool is_gate(const struct bpf_map_info *info)
{
	return !strcmp(info->name, GATE_MAP) && info->type == BPF_MAP_TYPE_ARRAY &&
	       info->max_entries == 1 && info->map_flags & BPF_F_MMAPABLE;
}

/*
 * Trips every gate there is. 0, or a negative errno: a gate stayed open, or what the maps are could not
 * be found out. A map that may not be looked at is no gate of ours if one was found beside it.
 */
static int trip_all(struct trip *t)
{
	int err = 0, unseen = 0;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0) {
			if (errno != ENOENT) /* ENOENT: gone meanwhile */
				unseen = -errno;
			continue;
		}
		if (bpf_map_get_info_by_fd(fd, &info, &len) || !is_gate(&info))
			; /* somebody else's */
		else if (info.value_size == sizeof(struct hs_gate))
			err = trip_map(t, id, fd) ?: err;
		else
			leave_alone(t, "size", info.value_size, sizeof(struct hs_gate));
		close(fd);
	}
	if (errno != ENOENT) /* that is how the walk ends */
		err = -errno;
	return err || t->shut ? err : unseen;
}

/*
 * Ahead of everything that is not real-time, or a crowd of hogs would keep us from the store and from
 * seeing what came of it; at the lowest priority, below the kernel's thread that takes a scheduler
 * away. Without CAP_SYS_NICE it takes its turn.
 */
static void hurry(void)
{
	const struct sched_param lowest = {.sched_priority = 1};

	sched_setscheduler(0, SCHED_FIFO, &lowest);
}

/* true while our scheduler is attached, or on its way out. */
static bool sched_attached(void)
{
	char v[128];

	if (read_file("", "/sys/kernel/sched_ext/state", v, sizeof(v)) < 0 ||
	    !strcmp(v, "disabled"))
		return false;
	/* the name goes first when a scheduler leaves: without one it is still on its way */
	return read_file("", "/sys/kernel/sched_ext/root/ops", v, sizeof(v)) < 0 ||
	       !strncmp(v, "homeostat", 9);
}

/* Waits until the kernel has let the scheduler go. Returns how long it took, 0 = it did not. */
static __u64 wait_leave(__u64 since)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};

	while (sched_attached()) {
		if (now_ns() - since > LEAVE_NS)
			return 0;
		nanosleep(&look, NULL);
	}
	return now_ns() - since;
}

/* A daemon that is started again is not to arm, however the one before has ended. */
static void latch(struct trip *t)
{
	char socket[PATH_MAX];
	const char *dir;
	int err;

	snprintf(socket, sizeof(socket), "%s", t->cli->socket);
	dir = dirname(socket);
	err = breaker_latch(dir);
	if (err && err != -ENOENT)
		cli_error(t->cli,
			  "%s/" BREAKER_FILE ": %s; should this homeostatd be killed, the next may "
			  "arm again",
			  dir, strerror(-err));
}

static void print_gates(struct trip *t)
{
	FILE *f = t->cli->out;
	char age[32];

	for (size_t i = 0; i < json_object_array_length(t->gates); i++) {
		struct json_object *o = json_object_array_get_idx(t->gates, i);
		__u64 ns = js_u64(o, "heartbeat_age_ns");

		if (js_bool(o, "was_armed"))
			fprintf(f,
				"gate shut; it was open: mode %s, armed %llu times, last heartbeat "
				"%s ago\n",
				js_str(o, "mode"), js_u64(o, "generation"),
				out_ns(age, sizeof(age), ns));
		else if (!js_u64(o, "generation"))
			fprintf(f, "gate was shut already: never armed\n");
		else
			fprintf(f, "gate was shut already: mode %s, last trip: %s\n",
				js_str(o, "mode"), js_str(o, "tripped_before"));
	}
}

static void report(struct trip *t, bool watched, __u64 took)
{
	struct json_object *out;
	char text[32];

	if (t->cli->json) {
		out = json_object_new_object();
		js_add(out, "gates", json_object_get(t->gates));
		if (took)
			js_add_u64(out, "sched_ext_left_after_ns", took);
		out_json(t->cli, out);
		json_object_put(out);
		return;
	}
	print_gates(t);
	if (took)
		fprintf(t->cli->out, "sched_ext disabled after %s\n",
			out_ns(text, sizeof(text), took));
	else if (watched)
		fprintf(t->cli->out,
			"sched_ext still attached after 1 s, by stock rules: kill homeostatd "
			"to end it\n");
}

/* Says why not everything is shut, and returns the exit code. */
static int failed(struct trip *t, int err)
{
	if (err == -EPERM || err == -EACCES) {
		if (!t->missed)
			cli_error(
				t->cli,
				"not allowed: trip reaches into the kernel and needs root (CAP_BPF "
				"and CAP_SYS_ADMIN)");
		return CLI_REFUSED;
	}
	if (err && !t->missed)
		cli_error(t->cli, "BPF maps: %s", strerror(-err));
	else if (!err && !t->strange)
		cli_error(t->cli,
			  "no gate in the kernel: nothing of homeostat is loaded, nothing to trip");
	return CLI_FAILED;
}

int cmd_trip(struct cli *cli, int argc, char **argv)
{
	struct trip t = {.cli = cli};
	bool attached;
	__u64 since, took = 0;
	int rc = cli_options(cli, NULL, &argc, argv), err;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "trip takes no argument");
	hurry();
	t.gates = json_object_new_array();
	attached = sched_attached();
	since = now_ns();
	err = trip_all(&t);
	/* the gate's memory ends with its daemon: this outlives it */
	if (t.shut || t.missed || t.strange)
		latch(&t);
	if (t.shut) {
		if (attached)
			took = wait_leave(since);
		report(&t, attached, took);
		rc = attached && !took ? CLI_FAILED : CLI_OK;
	}
	if (err || t.strange || !t.shut)
		rc = failed(&t, err);
	json_object_put(t.gates);
	return rc;
}
