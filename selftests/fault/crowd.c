// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Those whom no fault of ours may hurt: hogs, which always want to run, and a witness, which wakes
 * up every 7 ms. Each keeps the longest time that it waited since the last mark.
 */
#include "faulter.h"
#include <sys/wait.h>

#define WITNESS_NS (7 * NS_PER_MS)

struct member {
	uint64_t units;
	uint64_t due_ns; /* it wants to run since, or did so last */
	uint64_t gap_ns;
	uint64_t mark;
};

static struct crowd {
	uint64_t mark; /* when it was made */
	struct member member[CROWD];
} *crowd;
static pid_t pids[CROWD];

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* Of a wait, what lies behind the mark. */
static uint64_t waited(uint64_t now, uint64_t due, uint64_t mark)
{
	uint64_t since = due > mark ? due : mark;

	return now > since ? now - since : 0;
}

/* It has run at `now`, and wanted to since due_ns. */
static void member_note(struct member *m, uint64_t now, uint64_t due)
{
	uint64_t mark = load(&crowd->mark), gap = waited(now, m->due_ns, mark);

	if (m->mark != mark) {
		store(&m->gap_ns, 0);
		store(&m->mark, mark);
	}
	if (gap > m->gap_ns)
		store(&m->gap_ns, gap);
	store(&m->units, m->units + 1);
	store(&m->due_ns, due);
}

static void hog_main(struct member *m)
{
	uint64_t x = 1;

	for (;;) {
		uint64_t now = now_ns();

		member_note(m, now, now);
		x = work_unit(x);
	}
}

static void witness_main(struct member *m)
{
	for (;;) {
		member_note(m, now_ns(), now_ns() + WITNESS_NS);
		sleep_until(m->due_ns);
	}
}

void crowd_start(void)
{
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (crowd == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < CROWD; i++) {
		crowd->member[i].due_ns = now_ns();
		pids[i] = helper_fork();
		if (pids[i])
			continue;
		prctl(PR_SET_NAME, i < HOGS ? "hog" : "witness", 0, 0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (i < HOGS)
			hog_main(&crowd->member[i]);
		witness_main(&crowd->member[i]);
	}
}

void crowd_rest(bool rest)
{
	for (int i = 0; i < HOGS; i++) {
		if (pids[i] > 0 && kill(pids[i], rest ? SIGSTOP : SIGCONT))
			warn("hog %d", i);
	}
}

void crowd_stay(int cpu)
{
	for (int i = 0; i < HOGS; i++)
		stay_on(pids[i], cpu);
}

void crowd_mark(void)
{
	store(&crowd->mark, now_ns());
}

uint64_t crowd_stall(void)
{
	uint64_t now = now_ns(), most = 0;

	for (int i = 0; i < CROWD; i++) {
		struct member *m = &crowd->member[i];
		uint64_t gap = waited(now, load(&m->due_ns), crowd->mark);

		/* who has not run since the mark has nothing to say of it */
		if (load(&m->mark) == crowd->mark && load(&m->gap_ns) > gap)
			gap = load(&m->gap_ns);
		if (gap > most)
			most = gap;
	}
	return most;
}

uint64_t crowd_least_work(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < HOGS; i++) {
		if (load(&crowd->member[i].units) < least)
			least = load(&crowd->member[i].units);
	}
	return least;
}

unsigned int crowd_alive(void)
{
	unsigned int n = 0;

	for (int i = 0; i < CROWD; i++)
		n += pids[i] > 0 && !kill(pids[i], 0);
	return n;
}

bool crowd_lost(pid_t pid)
{
	for (int i = 0; i < CROWD; i++) {
		if (pids[i] != pid)
			continue;
		pids[i] = 0;
		return true;
	}
	return false;
}
