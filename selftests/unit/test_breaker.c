// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The stall-loop breaker: what it decides, and what it makes of its file. */
#include "fixture.h"

#include <sys/wait.h>

#include "breaker.h"

#define S 1000000000ULL

static const struct profile_trip policy = {
	.rearm_ns = 10 * S, .rearm_max_ns = 35 * S, .trips = 4, .window_ns = 600 * S};
static const struct profile_trip by_hand = {
	.rearm_max_ns = 35 * S, .trips = 3, .window_ns = 600 * S};

static void expect(const struct breaker *b, const struct profile_trip *p, __u64 now,
		   enum breaker_state state, __u64 at, __u32 trips)
{
	struct breaker_verdict v = breaker_decide(b, p, now);

	if (v.state != state || v.at_ns != at || v.trips != trips)
		fail_msg("at %llu s: %s until %llu, %u trips; not %s until %llu, %u trips", now / S,
			 breaker_state_name(v.state), v.at_ns, v.trips, breaker_state_name(state),
			 at, trips);
}

static void backs_off(void **state)
{
	struct breaker b = {0};

	(void)state;
	expect(&b, &policy, 5 * S, BREAKER_FREE, 0, 0);
	breaker_trip(&b, &policy, HS_TRIP_HEARTBEAT, 100 * S);
	expect(&b, &policy, 100 * S, BREAKER_WAITING, 110 * S, 1);
	expect(&b, &policy, 110 * S - 1, BREAKER_WAITING, 110 * S, 1);
	expect(&b, &policy, 110 * S, BREAKER_FREE, 110 * S, 1);
	breaker_trip(&b, &policy, HS_TRIP_LIMIT, 200 * S);
	expect(&b, &policy, 200 * S, BREAKER_WAITING, 220 * S, 2);
	/* 40 s by doubling, but never more than the most */
	breaker_trip(&b, &policy, HS_TRIP_SLO, 300 * S);
	expect(&b, &policy, 300 * S, BREAKER_WAITING, 335 * S, 3);
	/* what falls out of the window while it waits does not shorten the pause */
	expect(&b, &policy, 2000 * S, BREAKER_FREE, 335 * S, 3);
	breaker_trip(&b, &policy, HS_TRIP_SLO, 400 * S);
	expect(&b, &policy, 400 * S, BREAKER_HELD, 0, 4);
	expect(&b, &policy, 100000 * S, BREAKER_HELD, 0, 4);
	breaker_forgive(&b);
	expect(&b, &policy, 401 * S, BREAKER_FREE, 0, 0);
	breaker_trip(&b, &policy, HS_TRIP_SLO, 500 * S);
	expect(&b, &policy, 500 * S, BREAKER_WAITING, 510 * S, 1);
}

static void the_window_passes(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (__u64 i = 0; i < 40; i++) /* never four in 600 s, and more than the ring holds */
		breaker_trip(&b, &policy, HS_TRIP_PROGRESS, (1000 + 250 * i) * S);
	expect(&b, &policy, (1000 + 250 * 39) * S, BREAKER_WAITING, (1000 + 250 * 39 + 35) * S, 3);
	/* one that is exactly a window old no longer counts */
	breaker_forgive(&b);
	breaker_trip(&b, &policy, HS_TRIP_PROGRESS, 1000 * S);
	breaker_trip(&b, &policy, HS_TRIP_PROGRESS, 1600 * S);
	expect(&b, &policy, 1600 * S, BREAKER_WAITING, 1610 * S, 1);
}

static void people_come_first(void **state)
{
	struct breaker b = {0};

	(void)state;
	breaker_trip(&b, &policy, HS_TRIP_OPERATOR, 100 * S);
	expect(&b, &policy, 10000 * S, BREAKER_BY_HAND, 0, 0);
	/* one that dies afterwards, and comes back, does not arm either */
	breaker_trip(&b, &policy, HS_TRIP_DIED, 200 * S);
	expect(&b, &policy, 10000 * S, BREAKER_BY_HAND, 0, 1);
	breaker_forgive(&b);
	expect(&b, &policy, 10000 * S, BREAKER_FREE, 0, 0);
	breaker_trip(&b, &policy, HS_TRIP_SHUTDOWN, 300 * S);
	breaker_trip(&b, &policy, HS_TRIP_NONE, 300 * S);
	expect(&b, &policy, 300 * S, BREAKER_FREE, 0, 0);
}

static void without_a_pause(void **state)
{
	struct breaker b = {0};

	(void)state;
	breaker_trip(&b, &by_hand, HS_TRIP_HEARTBEAT, 100 * S);
	expect(&b, &by_hand, 10000 * S, BREAKER_BY_HAND, 0, 1);
	/* a restart that was asked for is as good as a hand */
	breaker_rest(&b);
	expect(&b, &by_hand, 101 * S, BREAKER_FREE, 0, 1);
	/* whoever starts it in mode act after it died means it … */
	breaker_trip(&b, &by_hand, HS_TRIP_DIED, 200 * S);
	expect(&b, &by_hand, 200 * S, BREAKER_FREE, 0, 2);
	/* … but not for ever, and no restart helps then */
	breaker_trip(&b, &by_hand, HS_TRIP_DIED, 300 * S);
	breaker_rest(&b);
	expect(&b, &by_hand, 300 * S, BREAKER_HELD, 0, 3);
	/* a profile that is never held */
	breaker_forgive(&b);
	for (int i = 0; i < 100; i++)
		breaker_trip(&b, &(struct profile_trip){.rearm_ns = S, .window_ns = 600 * S},
			     HS_TRIP_DIED, 400 * S);
	expect(&b, &by_hand, 400 * S, BREAKER_FREE, 0, BREAKER_TRIPS);
	/* one that wants more trips than the ring holds */
	breaker_trip(&b, &(struct profile_trip){.trips = 1000, .window_ns = 600 * S}, HS_TRIP_DIED,
		     401 * S);
	assert_int_equal(b.held, 1);
}

/* Trips at once whenever it arms: with any policy that a profile may state, that comes to an end. */
static void every_loop_ends(void **state)
{
	static const char *const rearm[] = {"1s", "10s", "7min", "1h"};
	int accepted = 0;

	(void)state;
	for (int trips = 1; trips <= BREAKER_TRIPS; trips++) {
		for (int i = 0; i < 4; i++) {
			struct breaker b = {0};
			struct profile p;
			char text[160], error[256];
			__u64 now = S;

			snprintf(text, sizeof(text),
				 "name: a\ntrip: { rearm: %s, rearm_max: 1h, trips: %d, "
				 "window: 12h }\n",
				 rearm[i], trips);
			if (profile_parse(&p, "p", text, strlen(text), error, sizeof(error)))
				continue;
			accepted++;
			for (int n = 1; n <= trips; n++) {
				breaker_trip(&b, &p.trip, HS_TRIP_LIMIT, now);
				assert_int_equal(b.held, n == trips);
				now = breaker_decide(&b, &p.trip, now).at_ns + 3 * S;
			}
			profile_free(&p);
		}
	}
	assert_in_range(accepted, 30, 63);
}

static void extremes(void **state)
{
	const struct profile_trip longest = {
		.rearm_ns = 1, .rearm_max_ns = ~0ULL >> 1, .trips = 16, .window_ns = ~0ULL};
	const struct profile_trip crossed = {
		.rearm_ns = 10 * S, .rearm_max_ns = 5 * S, .trips = 9, .window_ns = 600 * S};
	struct breaker b = {0};

	(void)state;
	for (int i = 0; i < 15; i++)
		breaker_trip(&b, &longest, HS_TRIP_LEASE, 1000);
	expect(&b, &longest, 1000, BREAKER_WAITING, 1000 + (1 << 14), 15);
	breaker_forgive(&b);
	breaker_trip(&b, &crossed, HS_TRIP_LEASE, 1000);
	breaker_trip(&b, &crossed, HS_TRIP_LEASE, 1000);
	expect(&b, &crossed, 1000, BREAKER_WAITING, 1000 + 10 * S, 2);
	/* times from nowhere count for nothing */
	b.trip_ns[0] = ~0ULL;
	expect(&b, &crossed, 1000, BREAKER_WAITING, 1000 + 10 * S, 1);
}

/* ---- the file ---- */

static char root[64];
static int dir_fd;

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	tree_put(root, "/proc/sys/kernel/random/boot_id", "11111111-2222\n");
	dir_fd = open(root, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(dir_fd);
	tree_free(root);
	return 0;
}

/* What a fresh look at the file finds: the number of trips, and whether it is held. */
static __u32 trips_on_file(void)
{
	struct breaker *b;
	__u32 nr;

	assert_int_equal(breaker_open(&b, dir_fd, root), 0);
	nr = b->nr;
	breaker_close(b);
	return nr;
}

static void enter_three(void)
{
	struct breaker *b;

	assert_int_equal(breaker_open(&b, dir_fd, root), 0);
	breaker_forgive(b);
	for (int i = 0; i < 3; i++)
		breaker_trip(b, &by_hand, HS_TRIP_DIED, (100 + i) * S);
	breaker_acting(b, true);
	breaker_close(b);
}

static void survives(void **state)
{
	struct breaker *b;
	struct stat st;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(trips_on_file(), 0);
	pid = fork();
	if (!pid) {
		enter_three();
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(breaker_open(&b, dir_fd, root), 0);
	assert_int_equal(b->nr, 3);
	assert_int_equal(b->held, 1);
	assert_int_equal(b->acting, 1);
	assert_int_equal(b->last, HS_TRIP_DIED);
	breaker_close(b);
	assert_int_equal(fstatat(dir_fd, BREAKER_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* a new boot knows nothing of it */
	tree_put(root, "/proc/sys/kernel/random/boot_id", "33333333-4444\n");
	assert_int_equal(trips_on_file(), 0);
}

static void patch(off_t at, const void *bytes, size_t len)
{
	int fd = openat(dir_fd, BREAKER_FILE, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

/* From outside, and seen at once. */
static void latched_by_another(void **state)
{
	struct breaker *b;

	(void)state;
	assert_int_equal(breaker_latch(root), -ENOENT);
	assert_int_equal(breaker_latch("/nonexistent"), -ENOENT);
	assert_int_equal(breaker_open(&b, dir_fd, root), 0);
	assert_int_equal(b->latched, 0);
	assert_int_equal(breaker_latch(root), 0);
	assert_int_equal(b->latched, 1);
	expect(b, &policy, 1, BREAKER_BY_HAND, 0, 0);
	breaker_forgive(b);
	assert_int_equal(b->latched, 0);
	/* nothing is written into what is not one */
	patch(0, "rubbish", 7);
	assert_int_equal(breaker_latch(root), -EBADMSG);
	assert_int_equal(b->latched, 0);
	breaker_close(b);
}

static void replaces_what_is_wrong(void **state)
{
	char target[96], path[96];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/" BREAKER_FILE, root);
	enter_three();
	assert_int_equal(trips_on_file(), 3);
	patch(0, "rubbish", 7);
	assert_int_equal(trips_on_file(), 0);
	enter_three();
	patch(offsetof(struct breaker, held), "\x07", 1);
	assert_int_equal(trips_on_file(), 0);
	enter_three();
	patch(offsetof(struct breaker, last), "\xff\xff", 2);
	assert_int_equal(trips_on_file(), 0);
	enter_three();
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(trips_on_file(), 0);
	enter_three();
	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(trips_on_file(), 0);
	if (!geteuid()) {
		enter_three();
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(trips_on_file(), 0);
	}
	/* a second name of it; a link to it: what they name is left alone */
	enter_three();
	snprintf(target, sizeof(target), "%s/other", root);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(link(target, path), 0);
	assert_int_equal(trips_on_file(), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(trips_on_file(), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(rename(target, path), 0);
	assert_int_equal(trips_on_file(), 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(trips_on_file(), 0);
}

/* No file can be had: memory takes its place. */
static void without_a_file(void **state)
{
	struct breaker *b;

	(void)state;
	tree_put(root, "/" BREAKER_FILE "/in_the_way", "");
	assert_int_equal(breaker_open(&b, dir_fd, root), 0);
	breaker_trip(b, &policy, HS_TRIP_LIMIT, 100 * S);
	expect(b, &policy, 100 * S, BREAKER_WAITING, 110 * S, 1);
	breaker_close(b);
	assert_int_equal(trips_on_file(), 0);
	breaker_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backs_off),
		cmocka_unit_test(the_window_passes),
		cmocka_unit_test(people_come_first),
		cmocka_unit_test(without_a_pause),
		cmocka_unit_test(every_loop_ends),
		cmocka_unit_test(extremes),
		TEST(survives),
		TEST(latched_by_another),
		TEST(replaces_what_is_wrong),
		TEST(without_a_file),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
