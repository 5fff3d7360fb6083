// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Rows in which the world around the daemon is bad, and the trip itself. */
#include "faulter.h"
#include <sys/mount.h>
#include <sys/timex.h>

/* ---- the trip: one store ---- */

static uint64_t trip(struct trial *t)
{
	volatile struct hs_gate *g = t->subject->gate;
	uint64_t t0 = now_ns();

	g->trip_vital = HS_VITAL_NR;
	g->trip_reason = HS_TRIP_OPERATOR;
	g->trip_ns = t0;
	__atomic_store_n(&g->armed, 0, __ATOMIC_SEQ_CST);
	/* whoever trips has nothing more urgent to do than to make room */
	sleep_until(t0 + NS_PER_MS);
	return t0;
}

/* ---- the state directory ---- */

#define STATE "/var/lib/homeostat"

/* By an ordinary process: realtime, it would starve the heartbeat. */
static const char *disk_fill(struct trial *t)
{
	static const char block[4096];
	pid_t pid = helper_fork();
	int fd;

	(void)t;
	if (pid)
		return helper_end(pid, 0) ? NULL : "the state directory cannot be filled";
	fd = open(STATE "/filler", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	_exit(errno != ENOSPC);
}

static const char *disk_empty(struct trial *t)
{
	(void)t;
	return unlink(STATE "/filler") ? "the filler is gone" : NULL;
}

static const char *disk_lock(struct trial *t)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	(void)t;
	/* the record of the last trip may just be written */
	while (mount(NULL, STATE, NULL, MS_REMOUNT | MS_RDONLY, NULL)) {
		if (errno != EBUSY || now_ns() > end)
			return "cannot make the state directory read-only";
		sleep_until(now_ns() + NS_PER_MS);
	}
	return NULL;
}

static const char *disk_unlock(struct trial *t)
{
	(void)t;
	return mount(NULL, STATE, NULL, MS_REMOUNT, NULL) ? "cannot make it writable again" : NULL;
}

/* ---- the profile ---- */

#define PROFILE FAULT_DIR "/profile.yaml"
#define PROFILE_SAVED FAULT_DIR "/profile.saved"

static char good[65536];
static size_t good_len;

static const char *profile_read(struct trial *t)
{
	FILE *f = fopen(PROFILE, "re");

	(void)t;
	if (!f)
		return "no profile at " PROFILE;
	good_len = fread(good, 1, sizeof(good), f);
	fclose(f);
	return good_len ? NULL : "an empty profile";
}

/* Cut short, bytes changed, much too long, or rubbish from its first byte. */
static void profile_write_bad(uint64_t number)
{
	FILE *f = fopen(PROFILE, "we");
	struct rng r = rng_seed(number);
	size_t len = good_len;

	if (!f)
		err(1, PROFILE);
	if (number % 4 == 0)
		len = good_len / 8 + rng_next(&r) % (good_len / 2);
	for (size_t i = 0; i < len; i++) {
		bool bad = number % 4 == 1 ? rng_next(&r) % 64 == 0 : number % 4 == 3;

		fputc(bad ? (int)(rng_next(&r) & 255) : good[i], f);
	}
	for (size_t i = 0; number % 4 == 2 && i < 40; i++)
		fwrite(good, 1, good_len, f);
	fclose(f);
}

static uint64_t profile_bad(struct trial *t)
{
	uint64_t t0;

	profile_write_bad(t->number);
	t0 = now_ns();
	kill(t->subject->daemon, SIGHUP);
	return t0;
}

static const char *profile_good(struct trial *t)
{
	FILE *f = fopen(PROFILE, "we");

	if (!f || fwrite(good, 1, good_len, f) != good_len || fclose(f))
		return "cannot write the profile back";
	/* a part of a profile may be one, too; the next trial is to begin as this one did */
	kill(t->subject->daemon, SIGHUP);
	return NULL;
}

/* ---- the knobs ---- */

static uint64_t knobs_scribble(struct trial *t)
{
	size_t size = HS_KNOB_NR * sizeof(struct hs_knob);
	struct hs_knob *knobs = subject_map(".data.knobs", size);
	struct rng r = rng_seed(t->number);
	uint64_t t0 = now_ns();

	if (!knobs)
		errx(1, "no knobs in the kernel");
	for (int i = 0; i < HS_KNOB_NR; i++) {
		/* at times 0, at times all ones, else anything */
		uint64_t v = (uint64_t)rng_next(&r) << 32 | rng_next(&r);

		knobs[i].value = v % 4 == 0 ? 0 : v % 4 == 1 ? UINT64_MAX : v >> (v % 64);
	}
	munmap(knobs, size);
	return t0;
}

/* An arming begins from stock: what we wrote is gone with the next one. */
static const char *knobs_after(struct trial *t)
{
	(void)t;
	return control_ask("{\"verb\":\"disarm\"}\n") ? NULL : "does not disarm";
}

/* ---- CPUs ---- */

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static uint64_t hotplug(struct trial *t)
{
	uint64_t t0 = now_ns();
	pid_t pid = helper_fork();

	if (pid) {
		t->fd = pid;
		return t0;
	}
	for (int i = 0; i < 5; i++) {
		if (!file_write(CPU1, "0"))
			_exit(1);
		sleep_until(now_ns() + 3 * NS_PER_MS);
		if (!file_write(CPU1, "1"))
			_exit(1);
		sleep_until(now_ns() + 5 * NS_PER_MS);
	}
	_exit(0);
}

static const char *hotplug_after(struct trial *t)
{
	return helper_end(t->fd, 0) ? NULL : "CPU 1 did not go or come";
}

/* ---- memory ---- */

static uint64_t memory(struct trial *t)
{
	uint64_t t0 = now_ns(), kib = file_member("/proc/meminfo", "MemAvailable");
	pid_t pid = helper_fork();

	if (pid) {
		t->fd = pid;
		return t0;
	}
	/* the kernel's first choice */
	file_write("/proc/self/oom_score_adj", "1000");
	for (;;) {
		volatile char *p = mmap(NULL, kib * 1024, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		for (uint64_t at = 0; p != MAP_FAILED && at < kib * 1024; at += 4096)
			p[at] = 1;
	}
}

static const char *memory_after(struct trial *t)
{
	/* it was killed; then our signal comes too late */
	return helper_end(t->fd, SIGKILL) ? "memory did not run out" : NULL;
}

/* ---- clocks ---- */

static struct timespec clock_saved;
static uint64_t clock_saved_ns;

static const char *clock_read(struct trial *t)
{
	(void)t;
	clock_saved_ns = now_ns();
	return clock_gettime(CLOCK_REALTIME, &clock_saved) ? "no clock" : NULL;
}

static uint64_t clock_step(struct trial *t)
{
	static const time_t steps[] = {3600, -3600, 366 * 86400, 1, -1};
	struct timex slow = {.modes = ADJ_TICK | ADJ_FREQUENCY,
			     .tick = t->number % 2 ? 11000 : 9000,
			     .freq = t->number % 2 ? 500 << 16 : -(500 << 16)};
	struct timespec ts = clock_saved;
	uint64_t t0 = now_ns();
	unsigned int which = (unsigned int)(t->number % 7);

	ts.tv_sec += which < 5 ? steps[which] : 0;
	if (which == 5)
		ts.tv_sec = 86400; /* 1970 */
	if (which < 6 ? clock_settime(CLOCK_REALTIME, &ts) : adjtimex(&slow) < 0)
		err(1, "setting the clock");
	return t0;
}

static const char *clock_back(struct trial *t)
{
	struct timex normal = {.modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10000};
	uint64_t at = (uint64_t)clock_saved.tv_nsec + now_ns() - clock_saved_ns;

	(void)t;
	clock_saved.tv_sec += (time_t)(at / NS_PER_S);
	clock_saved.tv_nsec = (long)(at % NS_PER_S);
	return adjtimex(&normal) < 0 || clock_settime(CLOCK_REALTIME, &clock_saved)
		       ? "cannot set the clock back"
		       : NULL;
}

/* ---- the whole guest is paused: that is done by the host, all the time that this row runs ---- */

static uint64_t paused(struct trial *t)
{
	(void)t;
	return now_ns();
}

/* ---- another scheduler ---- */

static uint64_t other_starts(struct trial *t)
{
	uint64_t t0 = now_ns();
	pid_t pid;
	int rc = other_start(&pid);

	t->count = (uint64_t)-rc;
	if (!rc)
		other_stop(pid);
	return t0;
}

static const char *other_refused(struct trial *t)
{
	return t->count == EBUSY ? NULL : "the other scheduler was not refused with EBUSY";
}

/* It starts while the hogs rest: that is not what is tried here, and takes five times as long beside them. */
static const char *other_was_first(struct trial *t)
{
	struct subject *s = t->subject;
	uint64_t end = now_ns() + PATIENCE_NS;
	const char *wrong;
	pid_t pid;

	if (other_start(&pid))
		return "the other scheduler does not start";
	t->fd = pid;
	crowd_rest(true);
	subject_start(s);
	wrong = subject_await_gate(s);
	while (!wrong && !control_ask("{\"verb\":\"status\"}\n")) {
		if (now_ns() > end)
			wrong = "does not answer";
		sleep_until(now_ns() + 10 * NS_PER_MS);
	}
	crowd_rest(false);
	if (wrong)
		other_stop(pid);
	return wrong;
}

/* homeostat leaves it alone, and arms once it has gone. */
static uint64_t homeostat_second(struct trial *t)
{
	uint64_t t0 = now_ns();

	sleep_until(t0 + t->phase_ns);
	if (load32(&t->subject->gate->armed) || !scx_is("enabled") || !scx_named("other"))
		t->wrong = "it did not leave the other scheduler alone";
	else if (control_ask("{\"verb\":\"arm\"}\n"))
		t->wrong = "it armed beside another scheduler";
	return t0;
}

static const char *other_leaves(struct trial *t)
{
	const char *wrong = NULL;

	other_stop(t->fd);
	if (!t->wrong && (!control_ask("{\"verb\":\"arm\"}\n") || !scx_named("homeostat")))
		wrong = "it does not arm when the other scheduler is gone";
	if (!wrong)
		subject_stop(t->subject);
	return wrong;
}

/* ---- an object of another version ---- */

/* homeostat refuses to start with it. */
static uint64_t wrong_abi(struct trial *t)
{
	struct subject *s = t->subject;
	uint64_t t0 = now_ns(), end = t0 + PATIENCE_NS;

	setenv("HOMEOSTAT_FAULT_ABI", t->number % 2 ? "1" : "4294967295", 1);
	subject_start(s);
	unsetenv("HOMEOSTAT_FAULT_ABI");
	while (!subject_top_gone(s) && !t->wrong) {
		if (!scx_is("disabled"))
			t->wrong = "it armed with an object of another version";
		if (now_ns() > end)
			t->wrong = "it did not end";
		sleep_until(now_ns() + 5 * NS_PER_MS);
	}
	return t0;
}

/* ---- control messages ---- */

#define FLOOD_PER_S 10000
#define FLOOD_OUT FAULT_DIR "/flood"

static uint64_t flood(struct trial *t)
{
	uint64_t t0 = now_ns();

	unlink(FLOOD_OUT);
	t->fd = helper_fork();
	if (t->fd)
		return t0;
	/* it is to have the CPU that it takes to be so fast */
	setpriority(PRIO_PROCESS, 0, -20);
	execl("/lab/bin/flood", "flood", "-m", "-r", "10000", "-d", "1", "-o", FLOOD_OUT,
	      (char *)NULL);
	_exit(1);
}

static const char *flood_after(struct trial *t)
{
	bool ok = helper_end(t->fd, 0);
	char line[512], *at;

	file_read(FLOOD_OUT, line, sizeof(line));
	at = strstr(line, "\"attempts\":");
	t->count = at ? strtoull(at + strlen("\"attempts\":"), NULL, 10) : 0;
	return ok && t->count >= FLOOD_PER_S * 9 / 10 ? NULL : "fewer messages than meant";
}

/* ---- fork bomb ---- */

#define BOMB_CGROUP "/sys/fs/cgroup/bomb"

/* Forks as long as it may, and works. The cgroup ends it. */
int bomb_main(void)
{
	uint64_t x = 1;

	for (;;) {
		if (fork() < 0)
			x = work_unit(x);
	}
}

static uint64_t bomb(struct trial *t)
{
	uint64_t t0 = now_ns();
	char pid[16];

	t->fd = helper_fork();
	if (t->fd)
		return t0;
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!file_write(BOMB_CGROUP "/cgroup.procs", pid))
		_exit(1);
	execl("/lab/bin/bomb", "bomb", (char *)NULL);
	_exit(1);
}

static const char *bomb_after(struct trial *t)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	t->count = file_number(BOMB_CGROUP "/pids.current");
	file_write(BOMB_CGROUP "/cgroup.kill", "1");
	helper_end(t->fd, 0);
	/* its children are ours by now; subject_clear() reaps them */
	while (file_member(BOMB_CGROUP "/cgroup.events", "populated") && now_ns() < end)
		sleep_until(now_ns() + NS_PER_MS);
	return t->count > 32 ? NULL : "the bomb did not go off";
}

const struct row rows_bad[] = {
	{.name = "trip", .expect = EXPECT_TRIP, .deed = trip, .reuse = true},
	{.name = "disk-full",
	 .expect = EXPECT_TRIP,
	 .prepare = disk_fill,
	 .deed = trip,
	 .after = disk_empty,
	 .reuse = true},
	{.name = "disk-readonly",
	 .expect = EXPECT_TRIP,
	 .prepare = disk_lock,
	 .deed = trip,
	 .after = disk_unlock,
	 .reuse = true},
	{.name = "profile-corrupt",
	 .expect = EXPECT_ARMED,
	 .prepare = profile_read,
	 .deed = profile_bad,
	 .after = profile_good,
	 .last_ms = 150,
	 .reuse = true},
	{.name = "knobs-scribbled",
	 .expect = EXPECT_SAFE,
	 .deed = knobs_scribble,
	 .after = knobs_after,
	 .last_ms = 1100,
	 .reuse = true},
	{.name = "hotplug",
	 .expect = EXPECT_ARMED,
	 .deed = hotplug,
	 .after = hotplug_after,
	 .last_ms = 300,
	 .reuse = true},
	{.name = "memory",
	 .expect = EXPECT_ARMED,
	 .deed = memory,
	 .after = memory_after,
	 .last_ms = 1000,
	 .reuse = true},
	{.name = "clock-step",
	 .expect = EXPECT_ARMED,
	 .prepare = clock_read,
	 .deed = clock_step,
	 .after = clock_back,
	 .last_ms = 150,
	 .reuse = true},
	{.name = "pause", .expect = EXPECT_ARMED, .deed = paused, .last_ms = 300, .reuse = true},
	{.name = "other-starts",
	 .expect = EXPECT_ARMED,
	 .deed = other_starts,
	 .after = other_refused,
	 .last_ms = 50,
	 .reuse = true},
	{.name = "other-first",
	 .expect = EXPECT_REFUSAL,
	 .prepare = other_was_first,
	 .deed = homeostat_second,
	 .after = other_leaves,
	 .alone = true},
	{.name = "wrong-abi", .expect = EXPECT_REFUSAL, .deed = wrong_abi, .alone = true},
	{.name = "flood",
	 .expect = EXPECT_ARMED,
	 .deed = flood,
	 .after = flood_after,
	 .last_ms = 1000,
	 .reuse = true},
	{.name = "fork-bomb",
	 .expect = EXPECT_ARMED,
	 .deed = bomb,
	 .after = bomb_after,
	 .last_ms = 500,
	 .reuse = true},
	{0},
};
