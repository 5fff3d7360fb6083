// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The daemon and homeostat-sense: what the one believes, and goes on with where the other lies, hangs or dies; what that one may. */
#include "sense_fixture.h"

#include <json-c/json.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "json.h"
#include "slow.h"

#define MEMINFO "MemTotal: 1000 kB\nMemAvailable: 500 kB\n"
#define PATIENCE_MS 60000

void __wrap_log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static __u32 lines[LOG_LEVEL_DEBUG + 1]; /* of the log */
static char last[256];			 /* of those that warn */

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	lines[level]++;
	if (level > LOG_LEVEL_WARN)
		return;
	va_start(ap, fmt);
	vsnprintf(last, sizeof(last), fmt, ap);
	va_end(ap);
}

static int setup(void **state)
{
	memset(lines, 0, sizeof(lines));
	return fx_setup(state);
}

/* What `status` says of it. */
static void status_is(const char *state, const char *why)
{
	struct json_object *reply = json_object_new_object(), *part;

	sensing_json(&fx.sensing, reply, fx.sensing.clock());
	assert_int_equal(js_get_obj(reply, "sensing", &part), 0);
	assert_string_equal(js_str(part, "state"), state);
	if (*why)
		assert_non_null(strstr(js_str(part, "why"), why));
	else
		assert_string_equal(js_str(part, "why"), "");
	json_object_put(reply);
}

#define ID(ID, ...) HS_VITAL_##ID,

/* Each vital sign of the machine is of one sensor, in one place, and no other is of any. */
static void the_table(void **state)
{
	static const enum hs_vital_id machine[] = {HS_MACHINE_VITALS(ID)};
	size_t n = 0;

	(void)state;
	for (__u32 i = 0; i < SENSE_SENSORS; i++) {
		const struct slow_sensor *s = &sense_sensors[i];

		assert_in_range(s->last + 1 - s->first, 1, SENSE_VALUES);
		assert_in_range(s->period_s, 1, SENSING_STALE_NS / NS_PER_S / 3);
		for (__u32 id = s->first; id <= s->last; id++, n++) {
			assert_true(n < sizeof(machine) / sizeof(machine[0]));
			assert_int_equal(id, machine[n]);
		}
	}
	assert_int_equal(n, sizeof(machine) / sizeof(machine[0]));
	assert_int_equal(machine[0], SENSE_FIRST);
	assert_int_equal(machine[n - 1], SENSE_LAST);
}

static void requests(void **state)
{
	struct sense_request q = {.sensors = 1};
	struct sense_reading r;

	(void)state;
	assert_true(sense_request_ok(&q, sizeof(q)));
	assert_false(sense_request_ok(&q, sizeof(q) - 1));
	assert_false(sense_request_ok(&q, sizeof(q) + 1));
	assert_false(sense_request_ok(&q, 0));
	q.sensors = 0;
	assert_false(sense_request_ok(&q, sizeof(q)));
	q.sensors = (1U << SENSE_SENSORS) - 1;
	assert_true(sense_request_ok(&q, sizeof(q)));
	q.sensors = 1U << SENSE_SENSORS;
	assert_false(sense_request_ok(&q, sizeof(q)));
	q = (struct sense_request){.sensors = 1, .whole = 2};
	assert_false(sense_request_ok(&q, sizeof(q)));
	/* by one that makes no sense nothing is read */
	assert_int_equal(send(fx.sensing.child.fd, &q, sizeof(q), 0), sizeof(q));
	assert_int_equal(sense_answer(&fx.sense, fx.fd), -EINVAL);
	assert_int_equal(recv(fx.sensing.child.fd, &r, sizeof(r), MSG_DONTWAIT), -1);
	/* and it ends with its daemon, also while it answers */
	q = (struct sense_request){.sensors = 3};
	assert_int_equal(send(fx.sensing.child.fd, &q, sizeof(q), 0), sizeof(q));
	close(fx.sensing.child.fd);
	fx.sensing.child.pid = 0;
	assert_int_equal(sense_answer(&fx.sense, fx.fd), -EPIPE);
	assert_int_equal(sense_answer(&fx.sense, fx.fd), -EPIPE);
}

/* ---- what the daemon believes ---- */

enum lie {
	NONE,
	SHORT,
	LONG,
	EMPTY,
	FOREIGN_SENSOR,
	NO_SENSOR,
	NOT_ASKED,
	TWICE,
	FOREIGN_VITAL,
	ESTIMATED_ABSENT,
	ERROR_ABOVE_0,
	BEFORE_IT_WAS_ASKED,
	IN_THE_FUTURE,
	TOOK_TOO_LONG,
	LIES
};

/* Sensor 2, of two vital signs, is asked for; it says 7 of both, or something else. */
static void say(enum lie lie)
{
	struct sense_reading r = {.sensor = 2, .present = 3, .value = {7, 7}};
	char message[sizeof(r) + 8] = "";
	size_t size = sizeof(r);

	fx.now_ns += NS_PER_MS;
	r.measured_ns = fx.now_ns - 10;
	r.took_ns = 10;
	size += lie == LONG ? 8 : lie == SHORT ? -8UL : lie == EMPTY ? -size : 0;
	r.sensor = lie == FOREIGN_SENSOR ? SENSE_SENSORS
		   : lie == NO_SENSOR	 ? ~0U
		   : lie == NOT_ASKED	 ? 3
					 : 2;
	r.present = lie == FOREIGN_VITAL ? 7 : lie == ESTIMATED_ABSENT ? 1 : 3;
	r.estimated = lie == ESTIMATED_ABSENT ? 2 : 0;
	r.err = lie == ERROR_ABOVE_0 ? 1 : 0;
	if (lie == BEFORE_IT_WAS_ASKED)
		r.measured_ns = fx.sensing.tick_ns - 1;
	if (lie == IN_THE_FUTURE)
		r.measured_ns = fx.now_ns + 1;
	if (lie == TOOK_TOO_LONG)
		r.took_ns = 11;
	memcpy(message, &r, sizeof(r));
	assert_int_equal(send(fx.fd, message, size, 0), size);
	if (lie == TWICE)
		assert_int_equal(send(fx.fd, message, size, 0), size);
}

static void lies(void **state)
{
	for (enum lie lie = NONE; lie < LIES; lie++) {
		setup(state);
		for (__u32 i = 0; i < SENSE_SENSORS; i++) /* the others are not due */
			fx.sensing.turn[i].due_ns = i == 2 ? 0 : ~0ULL;
		fx_ask();
		assert_int_equal(fx.sensing.asked, 1 << 2);
		say(lie);
		sensing_hear(&fx.sensing, fx.vitals);
		for (__u32 id = 0; id < HS_VITAL_NR; id++) {
			bool its = (lie == NONE || lie == TWICE) &&
				   (id == HS_VITAL_LISTEN_QUEUE || id == HS_VITAL_TCP_MEMORY);

			if (fx.vitals[id].present != its)
				fail_msg("lie %d: %s", lie, vital_name(id));
		}
		assert_int_equal(!fx.sensing.child.pid, lie != NONE);
		assert_int_equal(lines[LOG_LEVEL_ERROR], lie != NONE);
		status_is(lie ? "none" : "reads", !lie		 ? ""
						  : lie == EMPTY ? "is dead"
								 : "does not make sense any more");
		fx_teardown(state);
	}
	setup(state); /* what the runner takes down */
}

/* Before it was asked anything, and what it says of a sensor without news. */
static void unasked(void **state)
{
	struct sense_reading r = {.sensor = 2};

	(void)state;
	fx_ask();
	fx_answer();
	r.measured_ns = fx.now_ns;
	assert_int_equal(send(fx.fd, &r, sizeof(r), 0), sizeof(r));
	sensing_hear(&fx.sensing, fx.vitals);
	assert_int_equal(fx.sensing.child.pid, 0);
}

static void no_news(void **state)
{
	struct sense_reading r = {.sensor = 2, .err = -EAGAIN, .present = 3, .value = {9, 9}};

	(void)state;
	slow_enter(&fx.vitals[HS_VITAL_LISTEN_QUEUE], 5, fx.now_ns);
	fx_ask();
	r.measured_ns = fx.now_ns;
	assert_int_equal(send(fx.fd, &r, sizeof(r), 0), sizeof(r));
	sensing_hear(&fx.sensing, fx.vitals);
	assert_true(fx.sensing.child.pid > 0);
	is(LISTEN_QUEUE, 5);
	absent(TCP_MEMORY);
}

/* Dead: said once, and each vital sign of its becomes stale in its time, without a line for each sensor. */
static void dead(void **state)
{
	(void)state;
	fx_put("/proc/meminfo", MEMINFO);
	fx_put("/proc/vmstat", "oom_kill 0\n");
	fx_put("/proc/sys/net/core/somaxconn", "128\n");
	fx_put("/proc/net/tcp", "  sl  local\n");
	fx_tick(1);
	is(MEM_AVAILABLE, 500);
	close(fx.fd);
	fx.fd = -1;
	sensing_hear(&fx.sensing, fx.vitals);
	assert_int_equal(lines[LOG_LEVEL_ERROR], 1);
	assert_non_null(strstr(last, "homeostat-sense is dead"));
	assert_non_null(strstr(last, "until homeostatd is restarted"));
	status_is("none", "is dead");
	is(MEM_AVAILABLE, 500); /* nobody lied about it */
	for (int i = 0; i < 4; i++) {
		fx.now_ns += NS_PER_S;
		fx_ask();
	}
	absent(MEM_AVAILABLE);
	absent(MEM_OOM_KILLS);
	is(LISTEN_QUEUE, 0);
	assert_int_equal(fx.stale, 2);
	fx.now_ns += 20 * NS_PER_S;
	fx_ask();
	absent(LISTEN_QUEUE);
	assert_int_equal(fx.stale, 3);
	assert_int_equal(lines[LOG_LEVEL_ERROR], 1);
	assert_int_equal(lines[LOG_LEVEL_WARN], 0);
	sensing_hear(&fx.sensing, fx.vitals);
	assert_int_equal(lines[LOG_LEVEL_ERROR], 1);
}

/* It dies between two looks: asking it is what finds out. */
static void dead_when_asked(void **state)
{
	(void)state;
	close(fx.fd);
	fx.fd = -1;
	fx_ask();
	assert_int_equal(fx.sensing.child.pid, 0);
	assert_int_equal(fx.sensing.asked, 0);
	status_is("none", "is dead");
}

static void hangs(void **state)
{
	(void)state;
	fx_put("/proc/meminfo", MEMINFO);
	fx_put("/proc/vmstat", "oom_kill 0\n");
	fx_put("/proc/stat", "cpu  1 0 0 0 0 0 0 0 0 0\n");
	fx_tick(1);
	fx_put("/proc/stat", "cpu  2 0 0 1 0 0 0 0 0 0\n");
	fx_tick(1);
	is(CPU_BUSY, 500);
	memset(lines, 0, sizeof(lines));
	/* asked, and no answer: said after 2 s; what it would have read is stale then, without a word for each sensor */
	for (int i = 1; i <= 10; i++) {
		fx.now_ns += NS_PER_S;
		fx_ask();
		assert_int_equal(lines[LOG_LEVEL_WARN], i > 2);
		status_is(i > 2 ? "hangs" : "reads", i > 2 ? "in sensor cpu time" : "");
	}
	assert_non_null(strstr(last, "hangs in sensor cpu time"));
	absent(CPU_BUSY);
	absent(MEM_AVAILABLE);
	assert_true(fx.stale >= 3);
	/* it has been asked once, and not ten times */
	assert_int_equal(fx_answer(), 6);
	assert_int_equal(recv(fx.fd, last, sizeof(last), MSG_DONTWAIT), -1);
	assert_int_equal(lines[LOG_LEVEL_INFO], 1); /* it goes on */
	status_is("reads", "");
	is(MEM_AVAILABLE, 500);
	fx_tick(1);
	assert_int_equal(lines[LOG_LEVEL_WARN], 1);
}

/* ---- the process itself ---- */

/* A file that hangs whoever opens it, until somebody writes to it. */
static void hang(const char *path, char full[PATH_MAX])
{
	fx_put(path, "");
	snprintf(full, PATH_MAX, "%s%s", fx.root, path);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(mkfifo(full, 0600), 0);
}

/* Until it has answered all, or ended. */
static void hear_all(struct sensing *s)
{
	struct pollfd p = {.fd = s->child.fd, .events = POLLIN};

	while (s->asked && s->child.pid) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		sensing_hear(s, fx.vitals);
	}
}

/* In place of the fixture's: a process, and the clock that both have. */
static struct sensing *start(void)
{
	static struct sensing s;

	assert_int_equal(sensing_start(&s, fx.root), 0);
	return &s;
}

static void reads_as_a_process(void **state)
{
	struct sensing *s = start();
	pid_t pid = s->child.pid;

	(void)state;
	fx_put("/proc/meminfo", MEMINFO);
	sensing_tick(s, fx.vitals, &fx.pmu, clock_ns(), NULL, NULL);
	assert_int_equal(s->asked, (1 << SENSE_SENSORS) - 1);
	hear_all(s);
	assert_int_equal(s->child.pid, pid);
	is(MEM_AVAILABLE, 500);
	sensing_stop(s);
	assert_int_equal(s->child.pid, 0);
	sensing_stop(s); /* harmless */
	/* it has ended, or is about to */
	assert_true(waitpid(pid, NULL, 0) == pid || errno == ECHILD);
}

static void hangs_as_a_process(void **state)
{
	struct sensing *s = start();
	char fifo[PATH_MAX];
	__u64 now;
	int fd;

	(void)state;
	hang("/proc/stat", fifo);
	fx_put("/proc/meminfo", MEMINFO);
	slow_enter(&fx.vitals[HS_VITAL_CPU_BUSY], 100, clock_ns());
	now = clock_ns();
	sensing_tick(s, fx.vitals, &fx.pmu, now, NULL, NULL);
	sensing_tick(s, fx.vitals, &fx.pmu, now + 4 * NS_PER_S, NULL, NULL); /* returns */
	absent(CPU_BUSY);
	assert_true(s->hangs);
	fd = open(fifo, O_WRONLY); /* waits until it is there, and lets it go on */
	assert_true(fd >= 0);
	close(fd);
	hear_all(s);
	assert_false(s->hangs);
	is(MEM_AVAILABLE, 500);
	sensing_stop(s);
}

static void dies_as_a_process(void **state)
{
	struct sensing *s = start();
	siginfo_t info;

	(void)state;
	sensing_tick(s, fx.vitals, &fx.pmu, clock_ns(), NULL, NULL);
	hear_all(s);
	assert_int_equal(kill(s->child.pid, SIGTERM), 0); /* to which it is deaf */
	s->turn[0].due_ns = 0;
	sensing_tick(s, fx.vitals, &fx.pmu, clock_ns(), NULL, NULL);
	assert_int_equal(s->asked & 1, 1);
	hear_all(s);
	assert_true(s->child.pid > 0);
	assert_int_equal(kill(s->child.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)s->child.pid, &info, WEXITED | WNOWAIT), 0);
	sensing_hear(s, fx.vitals);
	assert_int_equal(s->child.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
	assert_int_equal(errno, ECHILD);
	sensing_tick(s, fx.vitals, &fx.pmu, clock_ns() + 60 * NS_PER_S, NULL, NULL);
	assert_int_equal(s->asked, 0);
	sensing_move(s, &(cpu_set_t){0}); /* nobody to be moved */
	assert_int_equal(lines[LOG_LEVEL_WARN], 0);
}

/* It goes out with its daemon, even out of a file that hangs. */
static void ends_with_the_daemon(void **state)
{
	char fifo[PATH_MAX];
	pid_t daemon, pid;
	int out[2], status;

	(void)state;
	hang("/proc/stat", fifo);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	daemon = fork();
	if (!daemon) {
		struct sensing *s = start();

		sensing_tick(s, fx.vitals, &fx.pmu, clock_ns(), NULL, NULL);
		assert_int_equal(write(out[1], &s->child.pid, sizeof(pid)), sizeof(pid));
		pause();
		_exit(0);
	}
	assert_int_equal(read(out[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(kill(daemon, SIGKILL), 0);
	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	assert_int_equal(waitpid(pid, &status, 0), pid); /* ours now */
	assert_true(WIFSIGNALED(status) || WIFEXITED(status));
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
	close(out[0]);
	close(out[1]);
}

static void moves(void **state)
{
	struct sensing *s = start();
	cpu_set_t all, one, now;
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sensing_move(s, &one);
	assert_int_equal(sched_getaffinity(s->child.pid, sizeof(now), &now), 0);
	assert_true(CPU_EQUAL(&one, &now));
	CPU_ZERO(&one);
	sensing_move(s, &one); /* refused, and said */
	assert_int_equal(lines[LOG_LEVEL_WARN], 1);
	sensing_stop(s);
}

/* ---- what it may ---- */

static const struct {
	const char *name;
	long nr, a, b, c, d;
} forbidden[] = {
	{"openat: for writing", SYS_openat, AT_FDCWD, (long)"/dev/null", O_WRONLY, 0},
	{"openat: both", SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0},
	{"openat: makes", SYS_openat, AT_FDCWD, (long)"/dev/null", O_CREAT, 0600},
	{"openat: truncates", SYS_openat, AT_FDCWD, (long)"/dev/null", O_TRUNC, 0},
	{"openat: no name", SYS_openat, AT_FDCWD, (long)"/tmp", O_TMPFILE | O_RDWR, 0600},
	{"open: for writing", SYS_open, (long)"/dev/null", O_WRONLY, 0, 0},
	{"openat2", SYS_openat2, -1, 0, 0, 0},
	{"write: not to the log", SYS_write, 1, 0, 0, 0},
	{"unlink", SYS_unlink, 0, 0, 0, 0},
	{"socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
	{"connect", SYS_connect, -1, 0, 0, 0},
	{"execve", SYS_execve, 0, 0, 0, 0},
	{"fork", SYS_fork, 0, 0, 0, 0},
	{"clone", SYS_clone, SIGCHLD, 0, 0, 0},
	{"clone3", SYS_clone3, 0, 0, 0, 0},
	{"kill", SYS_kill, 0, 0, 0, 0},
	{"ptrace", SYS_ptrace, 0, 0, 0, 0},
	{"bpf", SYS_bpf, 0, 0, 0, 0},
	{"ioctl", SYS_ioctl, -1, 0, 0, 0},
	{"capset", SYS_capset, 0, 0, 0, 0},
	{"prctl", SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0},
	{"mmap: executable", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS},
};

/* The number, from 1, of the first that was not refused; 100 and more: of what should not have been. */
static int tries(void)
{
	int fd;

	if (sense_role.filter())
		return 255;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		errno = 0;
		if (syscall(forbidden[i].nr, forbidden[i].a, forbidden[i].b, forbidden[i].c,
			    forbidden[i].d, 0L) != -1 ||
		    errno != EPERM)
			return (int)i + 1;
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_read, fd, last, 1) != 1 || syscall(SYS_close, fd))
		return 100;
	return syscall(SYS_write, STDERR_FILENO, "", 0) ? 101 : 0;
}

static void what_it_may(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid)
		_exit(tries());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	status = WEXITSTATUS(status);
	if (status && status < 100)
		fail_msg("%s was not refused", forbidden[status - 1].name);
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_table),
		TEST(requests),
		TEST(lies),
		TEST(unasked),
		TEST(no_news),
		TEST(dead),
		TEST(dead_when_asked),
		TEST(hangs),
		TEST(reads_as_a_process),
		TEST(hangs_as_a_process),
		TEST(dies_as_a_process),
		TEST(ends_with_the_daemon),
		TEST(moves),
		TEST(what_it_may),
	};

	return cmocka_run_group_tests_name("sensing", tests, NULL, NULL);
}
