// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A wake-up storm: one process wakes many at once, each of them works for a moment and sleeps again, the
 * last one wakes the first. All of them are runnable together, so the waits spread from nothing to the
 * whole round. Work = wake-ups.
 */
#include "load.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const char usage[] =
	"One wakes many, again and again; -n counts rounds.\n"
	"  -t COUNT    how many are woken (default 31)\n"
	"  -w NSEC     about so much work of each, 0 to twice that (default 2000)\n"
	"  -s SEED     of their work (default 1)\n";

#define SLEEPERS_MAX 1000

/* Shared by all. */
struct storm {
	uint32_t round; /* the sleepers wait for it to change */
	uint32_t left;	/* of the round, still to be done; the waker waits for 0 */
};

static void futex_wait(uint32_t *at, uint32_t value)
{
	syscall(SYS_futex, at, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(uint32_t *at)
{
	syscall(SYS_futex, at, FUTEX_WAKE, SLEEPERS_MAX, NULL, NULL, 0);
}

/* Some work without a look at a clock; a step is about a nanosecond. */
static void steps(uint64_t n)
{
	uint64_t x = n;

	for (uint64_t i = 0; i < n; i++)
		__asm__ volatile("" : "+r"(x));
}

static void sleeper(struct storm *s, uint64_t work, struct rng rng)
{
	for (uint32_t seen = 0;; seen++) {
		while (__atomic_load_n(&s->round, __ATOMIC_ACQUIRE) == seen)
			futex_wait(&s->round, seen);
		if (work)
			steps(rng_next(&rng) % (2 * work));
		if (!__atomic_sub_fetch(&s->left, 1, __ATOMIC_ACQ_REL))
			futex_wake(&s->left);
	}
}

static void rouse(struct storm *s, uint32_t sleepers)
{
	uint32_t left;

	__atomic_store_n(&s->left, sleepers, __ATOMIC_RELEASE);
	__atomic_add_fetch(&s->round, 1, __ATOMIC_ACQ_REL);
	futex_wake(&s->round);
	while ((left = __atomic_load_n(&s->left, __ATOMIC_ACQUIRE)) && !load_stop)
		futex_wait(&s->left, left);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "storm", .usage = usage, .seconds = 10};
	uint64_t sleepers = 31, work = 2000, seed = 1, begin, end, rounds = 0, took;
	pid_t pid[SLEEPERS_MAX];
	struct line line;
	struct storm *s;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "t:w:s:")) != -1) {
		switch (c) {
		case 't':
			sleepers = number(optarg, c, 1, SLEEPERS_MAX);
			break;
		case 'w':
			work = number(optarg, c, 0, 1000000);
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		err(1, "shared memory");
	for (uint64_t i = 0; i < sleepers; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			err(1, "fork");
		if (!pid[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			sleeper(s, work, rng_seed(seed * SLEEPERS_MAX + i));
		}
	}
	begin = now_ns() + l.warmup_s * NS_PER_S;
	do {
		rouse(s, (uint32_t)sleepers);
	} while (!load_stop && now_ns() < begin);
	begin = now_ns();
	end = begin + l.seconds * NS_PER_S;
	while (!load_stop && (l.count ? rounds < l.count : now_ns() < end)) {
		rouse(s, (uint32_t)sleepers);
		rounds++;
	}
	took = now_ns() - begin;
	for (uint64_t i = 0; i < sleepers; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;

	line_begin(&line, l.name);
	line_u64(&line, "work", rounds * sleepers);
	line_u64(&line, "total_ns", took);
	line_u64(&line, "wakeup_ns", rounds ? took / (rounds * sleepers) : 0);
	line_end(&line, l.out);
	return 0;
}
