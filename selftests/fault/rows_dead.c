// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Rows in which the daemon, or who watches it, dies or falls mute. */
#include "faulter.h"
#define HS_FAULT
#include "fault.h"

static uint64_t kill_at(pid_t pid, int sig)
{
	uint64_t t0 = now_ns();

	if (pid <= 0 || kill(pid, sig))
		warn("kill %d", pid);
	return t0;
}

static uint64_t sigkill(struct trial *t)
{
	return kill_at(t->subject->daemon, SIGKILL);
}

static uint64_t sigstop(struct trial *t)
{
	return kill_at(t->subject->daemon, SIGSTOP);
}

static uint64_t sigsegv(struct trial *t)
{
	return kill_at(t->subject->daemon, SIGSEGV);
}

/* ---- faults that the test build lets in through the control socket ---- */

static const char *connect_first(struct trial *t)
{
	t->fd = control_open();
	return t->fd < 0 ? "the control socket does not take us" : NULL;
}

static uint64_t fault(struct trial *t, const char *json)
{
	uint64_t t0 = now_ns();

	control_send(t->fd, json);
	return t0;
}

/* By turns it sleeps and spins; its heartbeat's thread lives. */
static uint64_t hang(struct trial *t)
{
	return fault(t, t->number % 2 ? "{\"verb\":\"fault\",\"what\":\"spin\"}\n"
				      : "{\"verb\":\"fault\",\"what\":\"hang\"}\n");
}

/* The pulse beats once more and does not start its timer again: that moment is the deed. */
static uint64_t pulse_dead(struct trial *t)
{
	volatile struct hs_fault *f = subject_map(".data.fault", sizeof(*f));
	uint64_t end = now_ns() + NS_PER_S, died = 0;

	if (!f)
		return 0;
	fault(t, "{\"verb\":\"fault\",\"what\":\"pulse-dead\"}\n");
	while (!died && now_ns() < end) {
		sleep_until(now_ns() + 10 * NS_PER_MS);
		died = f->died_ns;
	}
	munmap((void *)f, sizeof(*f));
	return died;
}

static const char *pulse_after(struct trial *t)
{
	close(t->fd);
	return t->t0 ? NULL : "the pulse did not die";
}

static const char *disconnect(struct trial *t)
{
	close(t->fd);
	return NULL;
}

/* ---- memcg ---- */

#define EVENTS CGROUP "/memory.events"
#define STEP (256 * 1024)

static const char *oom_prepare(struct trial *t)
{
	t->count = file_member(EVENTS, "oom_kill");
	return NULL;
}

/* Below what is in use, little by little: one victim must be enough. */
static void lower_limit(uint64_t killed)
{
	uint64_t max = file_number(CGROUP "/memory.current");
	char text[32];

	while (max > STEP && file_member(EVENTS, "oom_kill") == killed) {
		max -= STEP;
		snprintf(text, sizeof(text), "%" PRIu64, max);
		file_write(CGROUP "/memory.max", text);
	}
	_exit(0);
}

/* The deed is the kernel's: it was done when it chose its victim. */
static uint64_t oom(struct trial *t)
{
	uint64_t begin = now_ns(), end = begin + PATIENCE_NS;

	t->fd = helper_fork();
	if (!t->fd)
		lower_limit(t->count);
	t->count = 0;
	while (!t->traced.victim_ns && now_ns() < end) {
		sleep_until(now_ns() + NS_PER_MS);
		trace_take(&t->traced, begin);
	}
	return t->traced.victim_ns;
}

static const char *oom_after(struct trial *t)
{
	file_write(CGROUP "/memory.max", "max");
	helper_end(t->fd, SIGKILL);
	return t->t0 ? NULL : "nobody was killed for want of memory";
}

/* ---- the guard ---- */

static const char *guard_there(struct trial *t)
{
	return t->subject->guard && t->subject->restorer ? NULL : "there is no guard";
}

static uint64_t guard_killed(struct trial *t)
{
	return kill_at(t->subject->guard, SIGKILL);
}

/* At once: nobody else gets the CPU before we sleep. */
static uint64_t all_killed(struct trial *t)
{
	const struct subject *s = t->subject;
	uint64_t t0 = kill_at(s->guard, SIGKILL);

	kill_at(s->restorer, SIGKILL);
	kill_at(s->daemon, SIGKILL);
	if (s->scribe)
		kill_at(s->scribe, SIGKILL);
	return t0;
}

/* ---- a realtime hog ---- */

#define RT_HOG_NS (40 * NS_PER_MS)

/* We are the hog: above the heartbeat, on the only CPU. */
static uint64_t rt_hog(struct trial *t)
{
	uint64_t t0 = now_ns();

	(void)t;
	while (now_ns() < t0 + RT_HOG_NS)
		;
	return t0;
}

const struct row rows_dead[] = {
	{.name = "sigkill", .deed = sigkill},
	{.name = "sigstop", .deed = sigstop},
	{.name = "sigsegv", .deed = sigsegv},
	{.name = "hang", .prepare = connect_first, .deed = hang, .after = disconnect},
	{.name = "pulse-dead",
	 .prepare = connect_first,
	 .deed = pulse_dead,
	 .after = pulse_after,
	 .lives = true},
	{.name = "oom", .prepare = oom_prepare, .deed = oom, .after = oom_after},
	{.name = "guard-killed", .prepare = guard_there, .deed = guard_killed},
	{.name = "all-killed", .prepare = guard_there, .deed = all_killed, .restart = true},
	{.name = "rt-hog", .expect = EXPECT_GATE, .deed = rt_hog, .reuse = true},
	{0},
};
