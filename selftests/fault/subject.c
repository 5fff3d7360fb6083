// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat as a subject of tests: its processes, its gate, its control socket, its scheduler. */
#include "faulter.h"
#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SCX "/sys/kernel/sched_ext/"

bool scx_is(const char *state)
{
	char buf[32];

	file_read(SCX "state", buf, sizeof(buf));
	return !strcmp(buf, state);
}

bool scx_named(const char *name)
{
	char buf[128];

	file_read(SCX "root/ops", buf, sizeof(buf));
	return !strncmp(buf, name, strlen(name));
}

/* ---- control socket ---- */

int control_open(void)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (!connect(fd, (void *)&u, sizeof(u)))
		return fd;
	close(fd);
	return -1;
}

void control_send(int fd, const char *json)
{
	/* the daemon may be dead by now: that is what is tested */
	if (fd >= 0)
		(void)send(fd, json, strlen(json), MSG_NOSIGNAL);
}

bool control_ask(const char *json)
{
	struct timeval limit = {.tv_sec = 5};
	int fd = control_open();
	static char buf[65536];
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	control_send(fd, json);
	while (len < sizeof(buf) - 1 && (n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		if (buf[len - 1] == '\n')
			break;
	}
	close(fd);
	buf[len] = '\0';
	return strstr(buf, "\"ok\":true") || strstr(buf, "\"ok\": true");
}

/* Who listens on the control socket; 0 = nobody. */
static pid_t control_owner(void)
{
	struct ucred who = {0};
	socklen_t len = sizeof(who);
	int fd = control_open();

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		who.pid = 0;
	close(fd);
	return who.pid;
}

/* ---- gate ---- */

void *subject_map(const char *name, size_t size)
{
	void *p = NULL;
	int newest = -1;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_map_get_info_by_fd(fd, &info, &len) || strcmp(info.name, name) ||
		    info.value_size < size) {
			close(fd);
			continue;
		}
		if (newest >= 0)
			close(newest);
		newest = fd;
	}
	if (newest < 0)
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, newest, 0);
	close(newest);
	if (p == MAP_FAILED)
		err(1, "mapping %s", name);
	return p;
}

static bool gate_find(struct subject *s)
{
	s->gate = subject_map(".data.gate", sizeof(struct hs_gate));
	if (s->gate && s->gate->abi_version != HS_ABI_VERSION)
		errx(1, "the gate has ABI version %u, not %u", s->gate->abi_version,
		     HS_ABI_VERSION);
	return s->gate;
}

/* ---- processes ---- */

bool subject_top_gone(const struct subject *s)
{
	struct pollfd p = {.fd = s->top_pidfd, .events = POLLIN};

	return !s->top || poll(&p, 1, 0) == 1;
}

void subject_start(struct subject *s)
{
	char pid[16];
	int log;

	s->daemon = s->guard = s->restorer = s->scribe = 0;
	s->gate = NULL;
	/* it would stop arming after the third death: that is tested elsewhere */
	unlink(RUN_DIR "/breaker");
	s->top = fork();
	if (s->top < 0)
		err(1, "fork");
	if (s->top) {
		s->top_pidfd = (int)syscall(SYS_pidfd_open, s->top, 0);
		if (s->top_pidfd < 0)
			err(1, "pidfd");
		return;
	}
	log = open(DAEMON_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	dup2(log, 1);
	dup2(log, 2);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!file_write(CGROUP "/cgroup.procs", pid))
		err(1, CGROUP);
	prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
	execvp(s->command[0], s->command);
	err(127, "%s", s->command[0]);
}

/* The other processes of homeostat, by their names. */
static void find_family(struct subject *s)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	s->daemon = control_owner();
	while (d && (e = readdir(d))) {
		char path[300], comm[32];
		pid_t pid = (pid_t)atoi(e->d_name);

		if (!isdigit((unsigned char)e->d_name[0]) || pid == s->daemon)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		file_read(path, comm, sizeof(comm));
		if (pid == s->top)
			s->guard = pid;
		else if (!strcmp(comm, "homeostat-guard"))
			s->restorer = pid;
		else if (!strcmp(comm, "homeostat-scrib"))
			s->scribe = pid;
	}
	if (d)
		closedir(d);
}

const char *subject_await_gate(struct subject *s)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (!s->gate && !gate_find(s)) {
		if (subject_top_gone(s))
			return "homeostat ended while it started";
		if (now_ns() > end)
			return "no gate in the kernel";
		sleep_until(now_ns() + 5 * NS_PER_MS);
	}
	return NULL;
}

const char *subject_await(struct subject *s)
{
	uint64_t end = now_ns() + PATIENCE_NS;
	const char *wrong;

	/* coarse, as each look takes CPU from the one who starts */
	while (!scx_is("enabled")) {
		if (subject_top_gone(s))
			return "homeostat ended while it started";
		if (now_ns() > end)
			return "sched_ext was not enabled";
		sleep_until(now_ns() + 5 * NS_PER_MS);
	}
	wrong = subject_await_gate(s);
	if (wrong)
		return wrong;
	if (!load32(&s->gate->armed))
		return "the gate was shut at once";
	if (!s->daemon)
		find_family(s);
	return s->daemon ? NULL : "nobody listens on the control socket";
}

const char *subject_policy(const char *object)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		int log = open(DAEMON_LOG, O_WRONLY | O_APPEND);

		dup2(log, 1);
		dup2(log, 2);
		execlp("homeostat", "homeostat", "policy", "load", "--full", object, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return "the policy was not loaded";
	return NULL;
}

static void kill_one(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
}

/* Reaps what has ended; true while something of homeostat lives. */
static bool reap(struct subject *s)
{
	struct leftovers l;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (crowd_lost(pid))
			warnx("one of the crowd died");
		if (pid == s->top)
			s->top = 0;
	}
	leftovers_count(&l);
	return s->top || l.procs;
}

void subject_clear(struct subject *s)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	if (s->gate)
		munmap((void *)s->gate, sizeof(struct hs_gate));
	s->gate = NULL;
	/* the guard first: it would see to the rest in its own way */
	kill_one(s->guard);
	kill_one(s->restorer);
	kill_one(s->scribe);
	kill_one(s->daemon);
	kill_one(s->top);
	while (reap(s) && now_ns() < end)
		sleep_until(now_ns() + NS_PER_MS);
	if (s->top_pidfd >= 0)
		close(s->top_pidfd);
	s->top_pidfd = -1;
}

void subject_stop(struct subject *s)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	kill(s->top, SIGTERM);
	while (!subject_top_gone(s) && now_ns() < end)
		sleep_until(now_ns() + NS_PER_MS);
}
