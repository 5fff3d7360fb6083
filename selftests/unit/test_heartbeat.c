// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The heartbeat's judgement, on a clock of our own; and that the thread starts, beats and ends. */
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "heartbeat.h"

#define LIMIT (20 * NS_PER_MS)

static __u64 fake_now;

static __u64 fake_clock(void)
{
	return fake_now;
}

static struct hs_gate gate;
static struct heartbeat hb;

static int fresh(void **state)
{
	(void)state;
	fake_now = 1000 * NS_PER_S;
	gate = (struct hs_gate){.armed = 1, .period_ns = NS_PER_MS};
	hb = (struct heartbeat){.gate = &gate, .now = fake_clock, .limit_ns = LIMIT};
	heartbeat_idle(&hb);
	return 0;
}

/* Under stress a third of the limit, and due within the limit. */
static void beats_fast_under_stress(void **state)
{
	struct heartbeat_step step = heartbeat_look(&hb);

	(void)state;
	assert_false(step.stalled);
	assert_int_equal(gate.heartbeat_ns, fake_now);
	assert_int_equal(step.next_ns, fake_now + LIMIT / 3);
	assert_true(gate.due_ns <= fake_now + LIMIT + 1);
	assert_true(gate.due_ns >= step.next_ns + LIMIT / 2); /* a beat may be late */
	assert_int_equal(gate.armed, 1);
}

/* While our scheduler leaves it looks often, then rests, whoever shut the gate and however. */
static void looks_often_after_a_trip(void **state)
{
	(void)state;
	gate.armed = 0;
	gate.trip_reason = HS_TRIP_OPERATOR;
	gate.trip_ns = fake_now;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 100 * NS_PER_US);
	/* the next arming finds the promise of one at rest: the short one was missed now and then */
	assert_true(gate.due_ns > fake_now + 250 * NS_PER_MS);
	fake_now += 29 * NS_PER_MS;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 100 * NS_PER_US);
	fake_now += NS_PER_MS;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 250 * NS_PER_MS);
	/* also in good order, for no reason */
	gate.trip_reason = HS_TRIP_NONE;
	gate.trip_ns = fake_now;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 100 * NS_PER_US);
	/* armed = 0 and nothing else: our scheduler knows since when */
	gate.trip_ns = 0;
	gate.safe_ns = fake_now - NS_PER_MS;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 100 * NS_PER_US);
	/* an earlier time's */
	gate.armed = 1;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + LIMIT / 3);
}

/* At rest as slowly as the pulse, never more than half a second. */
static void beats_slowly_at_rest(void **state)
{
	struct heartbeat_step step;

	(void)state;
	gate.period_ns = 250 * NS_PER_MS;
	step = heartbeat_look(&hb);
	assert_int_equal(step.next_ns, fake_now + 250 * NS_PER_MS);
	assert_true(gate.due_ns > step.next_ns + LIMIT / 2);
	assert_true(gate.due_ns <= step.next_ns + LIMIT);
	gate.period_ns = 0; /* not known yet: as at rest */
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 250 * NS_PER_MS);
	gate.period_ns = ~0ULL;
	assert_int_equal(heartbeat_look(&hb).next_ns, fake_now + 500 * NS_PER_MS);
}

/* A main loop that got stuck is looked at again exactly when it has been so for the limit. */
static void a_stuck_main_loop_trips(void **state)
{
	struct heartbeat_step step;
	__u64 beat;

	(void)state;
	gate.period_ns = 250 * NS_PER_MS;
	heartbeat_busy(&hb);
	fake_now += 5 * NS_PER_MS;
	step = heartbeat_look(&hb);
	assert_false(step.stalled);
	assert_int_equal(step.next_ns, fake_now - 5 * NS_PER_MS + LIMIT);
	beat = fake_now;
	fake_now = step.next_ns;
	step = heartbeat_look(&hb);
	assert_true(step.stalled);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(gate.trip_reason, HS_TRIP_PROGRESS);
	assert_int_equal(gate.trip_ns, fake_now);
	assert_int_equal(gate.heartbeat_ns, beat); /* nobody vouched for it since */
	/* it comes back: beats again, but opening the gate is the main loop's business */
	heartbeat_idle(&hb);
	assert_false(heartbeat_look(&hb).stalled);
	assert_int_equal(gate.armed, 0);
}

/* A main loop that wanted to run and was not let is no stuck one: whoever asks is told. */
static void a_main_loop_without_a_cpu(void **state)
{
	struct heartbeat_step step;

	(void)state;
	assert_int_equal(heartbeat_no_cpu(20, 2, 'R'), 18);
	assert_int_equal(heartbeat_no_cpu(20, 30, 'R'), 0);
	assert_int_equal(heartbeat_no_cpu(20, 2, 'S'), 0);
	assert_int_equal(heartbeat_no_cpu(20, 2, '\0'), 0);
	heartbeat_busy(&hb);
	fake_now += LIMIT + 7;
	assert_true(heartbeat_look(&hb).stalled);
	assert_int_equal(hb.stall_ns, LIMIT + 7);
	assert_int_equal(hb.no_cpu_ns, 0); /* not known is not claimed */
	/* this thread as the main loop: it runs, and not for long as our clock goes */
	gate.armed = 1;
	hb.main_tid = gettid();
	assert_int_equal(pthread_getcpuclockid(pthread_self(), &hb.main_clock), 0);
	heartbeat_idle(&hb);
	assert_false(heartbeat_look(&hb).stalled);
	hb.limit_ns = 100 * LIMIT;
	heartbeat_busy(&hb);
	fake_now += 99 * LIMIT;
	step = heartbeat_look(&hb);
	assert_false(step.stalled);
	assert_true(step.next_ns > fake_now);
	/* late or stuck, the limit is the same; which of them it was is told */
	fake_now += LIMIT;
	assert_true(heartbeat_look(&hb).stalled);
	assert_int_equal(gate.armed, 0);
	assert_int_equal(hb.stall_ns, 100 * LIMIT);
	assert_in_range(hb.no_cpu_ns, 90 * LIMIT, 100 * LIMIT);
}

static void progress_and_patience(void **state)
{
	(void)state;
	heartbeat_busy(&hb);
	fake_now += 15 * NS_PER_MS;
	heartbeat_progress(&hb);
	fake_now += 15 * NS_PER_MS;
	assert_false(heartbeat_look(&hb).stalled);
	heartbeat_patience(&hb, NS_PER_S);
	fake_now += 900 * NS_PER_MS;
	assert_false(heartbeat_look(&hb).stalled);
	fake_now += 101 * NS_PER_MS;
	assert_true(heartbeat_look(&hb).stalled);
	/* patience that has ended is no patience for later */
	heartbeat_patience(&hb, 0);
	heartbeat_busy(&hb);
	fake_now += LIMIT;
	assert_true(heartbeat_look(&hb).stalled);
	/* progress while waiting does not make it busy */
	heartbeat_idle(&hb);
	heartbeat_progress(&hb);
	assert_int_equal(hb.busy_since_ns, 0);
}

/* A shut gate stays as it was left: the first reason counts. */
static void a_shut_gate_keeps_its_reason(void **state)
{
	(void)state;
	gate.armed = 0;
	gate.trip_reason = HS_TRIP_OPERATOR;
	heartbeat_busy(&hb);
	fake_now += 2 * LIMIT;
	assert_true(heartbeat_look(&hb).stalled);
	assert_int_equal(gate.trip_reason, HS_TRIP_OPERATOR);
}

static void a_main_loop_that_never_comes_round(void **state)
{
	(void)state;
	fake_now += HEARTBEAT_LOOP_NS - 1;
	assert_false(heartbeat_look(&hb).stalled);
	fake_now += 1;
	assert_true(heartbeat_look(&hb).stalled);
}

static void the_thread(void **state)
{
	__u64 first;

	(void)state;
	gate.period_ns = NS_PER_MS;
	assert_int_equal(heartbeat_start(&hb, &gate, 5 * NS_PER_MS, NULL, NULL), 0);
	first = gate.heartbeat_ns;
	assert_true(first); /* before the thread has had a CPU */
	for (int i = 0; i < 1000 && __atomic_load_n(&gate.heartbeat_ns, __ATOMIC_RELAXED) == first;
	     i++)
		poll(NULL, 0, 10);
	assert_true(__atomic_load_n(&gate.heartbeat_ns, __ATOMIC_RELAXED) > first);
	heartbeat_stop(&hb);
	heartbeat_stop(&hb);
	heartbeat_stop(NULL);
}

/* ---- the thread, asleep for half a second ---- */

#define SLEEP (500 * NS_PER_MS)
#define TRIES 20 /* of things that a busy machine may spoil; once is proof */

static __u64 beat(void)
{
	return __atomic_load_n(&gate.heartbeat_ns, __ATOMIC_RELAXED);
}

/* Waits for a beat other than `was`, ten seconds at most. */
static __u64 next_beat(__u64 was)
{
	heartbeat_idle(&hb); /* the main loop comes round */
	for (int i = 0; i < 10000 && beat() == was; i++)
		poll(NULL, 0, 1);
	assert_true(beat() != was);
	return beat();
}

/* Was the thread woken up while it slept? `wake` does it, once it has just promised to sleep. */
static bool wakes(void (*wake)(void *ctx), void *ctx)
{
	for (int i = 0; i < TRIES; i++) {
		__u64 slept = next_beat(beat());

		wake(ctx);
		if (next_beat(slept) < slept + SLEEP)
			return true;
	}
	return false;
}

static __u64 silenced;

static void ring(void *ctx)
{
	assert_int_equal(eventfd_write(*(int *)ctx, 1), 0);
}

static void silence(void *ctx)
{
	eventfd_t count;

	eventfd_read(*(int *)ctx, &count);
	__atomic_add_fetch(&silenced, 1, __ATOMIC_RELAXED);
}

static void cannot_silence(void *ctx)
{
	(void)ctx;
	__atomic_add_fetch(&silenced, 1, __ATOMIC_RELAXED);
}

static void nudge(void *ctx)
{
	heartbeat_nudge(ctx);
}

static void start_asleep(const struct heartbeat_bell *bell)
{
	silenced = 0;
	gate.period_ns = SLEEP;
	assert_int_equal(heartbeat_start(&hb, &gate, LIMIT, NULL, bell), 0);
}

static void hears_bell_and_nudge(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct heartbeat_bell bell = {fd, silence, &fd};
	__u64 slept;

	(void)state;
	assert_true(fd >= 0);
	start_asleep(&bell);
	assert_true(wakes(ring, &fd));
	assert_true(__atomic_load_n(&silenced, __ATOMIC_RELAXED) >= 2); /* once to have it ready */
	assert_true(wakes(ring, &fd));					/* and again */
	assert_true(wakes(nudge, &hb));
	heartbeat_stop(&hb);
	close(fd);
	/* without one */
	start_asleep(NULL);
	assert_true(wakes(nudge, &hb));
	slept = next_beat(beat());
	assert_true(next_beat(slept) >= slept + SLEEP); /* or all of the above means nothing */
	heartbeat_stop(&hb);
}

/* A ring that nobody can silence is a look each time, and no loop above everybody else. */
static void a_bell_that_cannot_be_silenced(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct heartbeat_bell bell = {fd, cannot_silence, NULL};
	__u64 slept;

	(void)state;
	assert_true(fd >= 0);
	start_asleep(&bell);
	assert_true(wakes(ring, &fd));
	assert_true(wakes(ring, &fd));
	slept = next_beat(beat());
	assert_true(next_beat(slept) >= slept + SLEEP);
	assert_true(__atomic_load_n(&silenced, __ATOMIC_RELAXED) <= 2 * TRIES + 1);
	heartbeat_stop(&hb);
	close(fd);
}

static __u64 looks;

static __u64 counting_clock(void)
{
	__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
	return clock_ns();
}

static __u64 rings_left;

/* A nudge between two waits, by the thread itself: nowhere else is it sure to come there. */
static void nudge_in_between(void *ctx)
{
	silence(ctx);
	if (rings_left) {
		rings_left--;
		heartbeat_nudge(&hb);
	}
}

static void a_nudge_on_the_way_to_sleep_is_not_lost(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct heartbeat_bell bell = {fd, nudge_in_between, &fd};
	bool seen = false;

	(void)state;
	assert_true(fd >= 0);
	rings_left = 0;
	start_asleep(&bell);
	__atomic_store_n(&hb.now, counting_clock, __ATOMIC_RELAXED);
	for (int i = 0; i < TRIES && !seen; i++) {
		__u64 slept = next_beat(beat());

		rings_left = 1;
		__atomic_store_n(&looks, 0, __ATOMIC_RELAXED);
		ring(&fd);
		/* a look and a wait each ask for the time: for the ring, for the nudge, and before, perhaps, once */
		while (!seen && clock_ns() < slept + SLEEP / 2)
			seen = !poll(NULL, 0, 1) && __atomic_load_n(&looks, __ATOMIC_RELAXED) >= 4;
	}
	assert_true(seen);
	heartbeat_stop(&hb);
	close(fd);
}

/* Whatever becomes of what it waits on, it sleeps. */
static void never_spins(void **state)
{
	__u64 start;

	(void)state;
	gate.period_ns = 20 * NS_PER_MS;
	assert_int_equal(heartbeat_start(&hb, &gate, LIMIT, NULL, NULL), 0);
	close(hb.epoll_fd);
	__atomic_store_n(&hb.epoll_fd, -1, __ATOMIC_RELAXED);
	heartbeat_nudge(&hb);
	next_beat(next_beat(next_beat(beat()))); /* by now its wait fails */
	looks = 0;
	start = clock_ns();
	__atomic_store_n(&hb.now, counting_clock, __ATOMIC_RELAXED);
	for (int i = 0; i < 5; i++)
		next_beat(beat());
	heartbeat_stop(&hb);
	assert_true(looks <= 3 * ((clock_ns() - start) / (20 * NS_PER_MS) + 2));
}

/* Stopped and continued before its next look was due: it looks at once, and misses no promise. */
static void a_stop_does_not_make_it_late(void **state)
{
	struct hs_gate *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool seen = false;
	int status;
	pid_t pid;

	(void)state;
	assert_true(shared != MAP_FAILED);
	*shared = (struct hs_gate){.armed = 1, .period_ns = SLEEP};
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (heartbeat_start(&hb, shared, LIMIT, NULL, NULL))
			_exit(1);
		for (;; poll(NULL, 0, 100))
			heartbeat_idle(&hb);
	}
	assert_true(pid > 0);
	for (int i = 0; i < TRIES && !seen; i++) {
		__u64 was = __atomic_load_n(&shared->heartbeat_ns, __ATOMIC_RELAXED), now = was;

		for (int n = 0; n < 10000 && now == was; n++, poll(NULL, 0, 1))
			now = __atomic_load_n(&shared->heartbeat_ns, __ATOMIC_RELAXED);
		was = now;
		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		poll(NULL, 0, 200); /* how long it is stopped; it must be less than SLEEP */
		assert_int_equal(kill(pid, SIGCONT), 0);
		for (int n = 0; n < 10000 && now == was; n++, poll(NULL, 0, 1))
			now = __atomic_load_n(&shared->heartbeat_ns, __ATOMIC_RELAXED);
		seen = now != was && now < was + SLEEP + SLEEP / 4;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	munmap(shared, sizeof(*shared));
	assert_true(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(beats_fast_under_stress, fresh),
		cmocka_unit_test_setup(beats_slowly_at_rest, fresh),
		cmocka_unit_test_setup(looks_often_after_a_trip, fresh),
		cmocka_unit_test_setup(a_stuck_main_loop_trips, fresh),
		cmocka_unit_test_setup(a_main_loop_without_a_cpu, fresh),
		cmocka_unit_test_setup(progress_and_patience, fresh),
		cmocka_unit_test_setup(a_shut_gate_keeps_its_reason, fresh),
		cmocka_unit_test_setup(a_main_loop_that_never_comes_round, fresh),
		cmocka_unit_test_setup(the_thread, fresh),
		cmocka_unit_test_setup(hears_bell_and_nudge, fresh),
		cmocka_unit_test_setup(a_bell_that_cannot_be_silenced, fresh),
		cmocka_unit_test_setup(a_nudge_on_the_way_to_sleep_is_not_lost, fresh),
		cmocka_unit_test_setup(never_spins, fresh),
		cmocka_unit_test_setup(a_stop_does_not_make_it_late, fresh),
	};

	return cmocka_run_group_tests_name("heartbeat", tests, NULL, NULL);
}
