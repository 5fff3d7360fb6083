// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* trip and doctor against a real kernel: runs in the lab guest, as root. Nothing is attached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../kern/abi.h"
#include "../../user/cli/cli.h"
#include "homeostat.skel.h"

/* Runs `homeostat VERB OPTION`; returns the exit code and what was said on both outputs. */
static int run(const char *verb, const char *option, char *said, size_t size)
{
	char *argv[] = {"homeostat", (char *)verb, (char *)option, NULL}, *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc = cli_main(option ? 3 : 2, argv, f, f);

	fclose(f);
	snprintf(said, size, "%s", text);
	free(text);
	return rc;
}

static struct hs_gate *map_gate(int fd)
{
	struct hs_gate *gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(gate != MAP_FAILED);
	return gate;
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Maps of earlier tests go only after a grace period: asked again until they have. */
static void trip_without_gate(void **state)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	__u64 end = now_ns() + 10000000000ULL;
	char said[1024];

	(void)state;
	while (run("trip", NULL, said, sizeof(said)) == CLI_OK && now_ns() < end)
		nanosleep(&pause, NULL);
	assert_int_equal(run("trip", NULL, said, sizeof(said)), CLI_FAILED);
	assert_non_null(strstr(said, "no gate in the kernel"));
}

/* The skeleton's own map, programs left out: what the daemon loads is what trip must find. */
static void trip_shuts(void **state)
{
	struct homeostat_bpf *skel = homeostat_bpf__open();
	struct bpf_program *prog;
	struct bpf_map *map;
	struct hs_gate *gate;
	char said[1024];
	__u64 before;

	(void)state;
	assert_non_null(skel);
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	bpf_object__for_each_map(map, skel->obj) if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
		bpf_map__set_autocreate(map, false);
	assert_int_equal(homeostat_bpf__load(skel), 0);
	gate = map_gate(bpf_map__fd(bpf_object__find_map_by_name(skel->obj, ".data.gate")));

	/* never armed */
	assert_int_equal(run("trip", NULL, said, sizeof(said)), CLI_OK);
	assert_non_null(strstr(said, "never armed"));
	assert_int_equal(gate->trip_reason, HS_TRIP_NONE);

	/* armed */
	gate->mode = HS_MODE_ACT;
	gate->generation = 3;
	gate->heartbeat_ns = before = now_ns();
	gate->armed = 1;
	assert_int_equal(run("trip", NULL, said, sizeof(said)), CLI_OK);
	assert_int_equal(gate->armed, 0);
	assert_int_equal(gate->trip_reason, HS_TRIP_OPERATOR);
	assert_true(gate->trip_ns >= before && gate->trip_ns <= now_ns());
	assert_non_null(strstr(said, "gate shut; it was open: mode act, armed 3 times"));

	/* tripped by something else before: that stays */
	gate->trip_reason = HS_TRIP_HEARTBEAT;
	assert_int_equal(run("trip", "--json", said, sizeof(said)), CLI_OK);
	assert_non_null(strstr(said, "\"was_armed\":false"));
	assert_non_null(strstr(said, "\"tripped_before\":\"heartbeat\""));
	assert_int_equal(gate->trip_reason, HS_TRIP_HEARTBEAT);

	/* another version: hands off */
	gate->abi_version = HS_ABI_VERSION + 1;
	gate->armed = 1;
	assert_int_equal(run("trip", NULL, said, sizeof(said)), CLI_FAILED);
	assert_int_equal(gate->armed, 1);
	munmap(gate, sizeof(*gate));
	homeostat_bpf__destroy(skel);
}

/* A map of the same name that is not a gate is left alone. */
static void trip_spares_others(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	static const char untouched[sizeof(struct hs_gate) + 8];
	char said[1024], value[sizeof(struct hs_gate) + 8];
	const int zero = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, ".data.gate", 4, sizeof(struct hs_gate) + 8, 1,
				&opts);

	(void)state;
	assert_true(fd >= 0);
	/* our own gates may linger, see above; this one must stay as it is either way */
	run("trip", NULL, said, sizeof(said));
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, value), 0);
	assert_memory_equal(value, untouched, sizeof(value));
	close(fd);
}

/* Where the class is there, everything loads; elsewhere everything but the scheduler does. */
static void doctor_loads(void **state)
{
	bool sched = !access("/sys/kernel/sched_ext", F_OK);
	static char said[16384];
	int rc = run("doctor", NULL, said, sizeof(said));

	(void)state;
	assert_non_null(strstr(said, "ok   sensor: run-queue sensor loads"));
	assert_non_null(strstr(said, "ok   pulse: pulse timer loads"));
	assert_non_null(strstr(said, "ok   tasks: task iterator loads"));
	if (sched)
		assert_non_null(strstr(said, "ok   sched_ext: scheduler loads"));
	else
		assert_non_null(strstr(
			said, "off  sched_ext: kernel built without CONFIG_SCHED_CLASS_EXT"));
	assert_int_equal(rc, sched ? CLI_OK : CLI_FINDINGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trip_without_gate),
		cmocka_unit_test(trip_shuts),
		cmocka_unit_test(trip_spares_others),
		cmocka_unit_test(doctor_loads),
	};

	if (geteuid()) {
		fprintf(stderr, "not root: nothing to test\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
