// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat trip on gates that are maps of our own, in this kernel: no program belongs to them. Each
 * run is a child, as it takes a real-time priority, and no CPU from anybody with it.
 */
#include "fixture.h"

#include <bpf/bpf.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../kern/abi.h"
#include "../../user/cli/cli.h"
#include "json.h"

struct run {
	int rc;
	char text[16384]; /* out, then err */
};

/* `homeostat trip WORD…` in a child, which gives up the capability `without` (-1: none) before. */
static struct run run(const char *a, const char *b, cap_value_t without)
{
	char *argv[] = {"homeostat", (char *)a, (char *)b, NULL};
	struct run r = {0};
	int fd[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		FILE *out = fdopen(fd[1], "w");
		cap_t caps = cap_get_proc();
		int rc;

		if (without >= 0 && (cap_set_flag(caps, CAP_EFFECTIVE, 1, &without, CAP_CLEAR) ||
				     cap_set_proc(caps)))
			_exit(99);
		cap_free(caps);
		rc = cli_main(b ? 3 : 2, argv, out, out);
		fclose(out);
		_exit(rc);
	}
	close(fd[1]);
	while ((n = read(fd[0], r.text + len, sizeof(r.text) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	r.rc = WEXITSTATUS(status);
	return r;
}

/* A map like the one that libbpf makes for the section .data.gate. -1: not here. */
static int make_map(__u32 flags, __u32 size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, ".data.gate", sizeof(int), size, 1, &opts);
}

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_map_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

/* Is there a gate in this kernel already? It would be tripped as well, and it is not ours. */
static bool somebody_is_here(void)
{
	bool found = false;
	__u32 id = 0;

	while (!found && !bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		found = fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &len) &&
			!strcmp(info.name, ".data.gate");
		if (fd >= 0)
			close(fd);
	}
	return found;
}

static bool free_to_try;
static struct hs_gate *gate;
static int map;

static int setup(void **state)
{
	(void)state;
	gate = NULL;
	map = !free_to_try ? -1 : make_map(BPF_F_MMAPABLE, sizeof(*gate));
	if (map < 0)
		return 0;
	gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (gate == MAP_FAILED)
		return -1;
	*gate = (struct hs_gate){.abi_version = HS_ABI_VERSION,
				 .armed = 1,
				 .mode = HS_MODE_ACT,
				 .generation = 3,
				 .heartbeat_ns = 1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (gate)
		munmap(gate, sizeof(*gate));
	if (map >= 0)
		close(map);
	return 0;
}

static void need_bpf(void)
{
	if (map < 0)
		skip(); /* not root, a container that may not, or a host that homeostat keeps */
}

static void shuts(void **state)
{
	struct run r;

	(void)state;
	need_bpf();
	r = run("trip", NULL, -1);
	if (r.rc || !strstr(r.text, "gate shut; it was open: mode act, armed 3 times"))
		fail_msg("%d: %s", r.rc, r.text);
	assert_int_equal(gate->armed, 0);
	assert_int_equal(gate->trip_reason, HS_TRIP_OPERATOR);
	assert_true(gate->trip_ns > 0);
	/* again: it says what was before */
	r = run("trip", NULL, -1);
	if (r.rc || !strstr(r.text, "gate was shut already: mode act, last trip: operator"))
		fail_msg("%d: %s", r.rc, r.text);
	gate->generation = 0;
	r = run("trip", NULL, -1);
	if (r.rc || !strstr(r.text, "never armed"))
		fail_msg("%d: %s", r.rc, r.text);
}

static void shuts_in_json(void **state)
{
	struct json_object *out, *gates;
	bool found = false;
	struct run r;

	(void)state;
	need_bpf();
	r = run("trip", "--json", -1);
	assert_int_equal(r.rc, 0);
	r.text[strcspn(r.text, "\n")] = '\0';
	out = js_parse(r.text, strlen(r.text));
	assert_non_null(out);
	assert_int_equal(js_get_array(out, "gates", &gates), 0);
	for (size_t i = 0; i < json_object_array_length(gates); i++) {
		struct json_object *o = json_object_array_get_idx(gates, i);

		found |= js_u64(o, "map_id") == map_id(map) && js_bool(o, "was_armed");
	}
	assert_true(found);
	json_object_put(out);
}

static void leaves_strangers_alone(void **state)
{
	static const char zeros[sizeof(*gate) + 64];
	char value[sizeof(zeros)];
	struct run r;
	int other;

	(void)state;
	need_bpf();
	/* of another interface: said, and not touched */
	gate->abi_version = HS_ABI_VERSION + 1;
	r = run("trip", NULL, -1);
	assert_int_equal(r.rc, CLI_FAILED);
	assert_non_null(strstr(r.text, "gate of kernel interface"));
	assert_int_equal(gate->armed, 1);
	/* of another size: the same; the one that is known is shut */
	other = make_map(BPF_F_MMAPABLE, sizeof(*gate) + 64);
	assert_true(other >= 0);
	gate->abi_version = HS_ABI_VERSION;
	r = run("trip", NULL, -1);
	assert_int_equal(r.rc, CLI_FAILED);
	assert_non_null(strstr(r.text, "gate of size"));
	assert_int_equal(gate->armed, 0);
	assert_int_equal(bpf_map_lookup_elem(other, &(int){0}, value), 0);
	assert_memory_equal(value, zeros, sizeof(value));
	close(other);
	/* not to be mapped: no gate at all */
	other = make_map(0, sizeof(*gate));
	assert_true(other >= 0);
	r = run("trip", NULL, -1);
	assert_true(r.rc == 0 ||
		    strstr(r.text, "gate of size")); /* which may take its time to go */
	close(other);
}

/* A gate that may be read and not written: what cannot be shut is said. */
static void says_what_it_cannot_map(void **state)
{
	struct run r;
	int other;

	(void)state;
	need_bpf();
	other = make_map(BPF_F_MMAPABLE | BPF_F_RDONLY_PROG, sizeof(*gate));
	if (other < 0)
		skip();
	/* frozen: no writable mapping any more */
	assert_int_equal(bpf_map_freeze(other), 0);
	r = run("trip", NULL, -1);
	if (r.rc == CLI_OK || !strstr(r.text, "cannot be mapped"))
		fail_msg("%d: %s", r.rc, r.text);
	assert_int_equal(gate->armed, 0); /* the other one is shut all the same */
	close(other);
}

static void needs_the_right_to(void **state)
{
	struct run r;

	(void)state;
	need_bpf();
	r = run("trip", NULL, CAP_SYS_ADMIN);
	assert_int_equal(r.rc, CLI_REFUSED);
	assert_non_null(strstr(r.text, "needs root"));
	assert_int_equal(gate->armed, 1);
	r = run("trip", "now", -1);
	assert_int_equal(r.rc, CLI_USAGE);
}

static void nothing_to_trip(void **state)
{
	struct run r;

	(void)state;
	need_bpf();
	munmap(gate, sizeof(*gate));
	close(map);
	gate = NULL;
	map = -1;
	r = run("trip", NULL, -1);
	/* the kernel takes its time to forget the map of the test before */
	if (r.rc != CLI_OK && !strstr(r.text, "nothing of homeostat is loaded"))
		fail_msg("%d: %s", r.rc, r.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shuts),
		TEST(shuts_in_json),
		TEST(leaves_strangers_alone),
		TEST(says_what_it_cannot_map),
		TEST(needs_the_right_to),
		TEST(nothing_to_trip),
	};

	free_to_try = !getuid() && !somebody_is_here();
	return cmocka_run_group_tests_name("trip", tests, NULL, NULL);
}
