// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Files, and ordinary processes that do what we, realtime, had better not. */
#include "faulter.h"
#include <sys/wait.h>

volatile uint64_t *shared;

void file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

uint64_t file_number(const char *path)
{
	char buf[32];

	file_read(path, buf, sizeof(buf));
	return strtoull(buf, NULL, 10);
}

uint64_t file_member(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char line[128];
	uint64_t v = 0;

	while (f && fgets(line, sizeof(line), f)) {
		size_t len = strlen(name);

		if (!strncmp(line, name, len) && (line[len] == ' ' || line[len] == ':'))
			v = strtoull(line + len + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return v;
}

pid_t helper_fork(void)
{
	pid_t pid;

	if (!shared) {
		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (shared == MAP_FAILED)
			err(1, "mmap");
	}
	/* SCHED_RESET_ON_FORK: the child is an ordinary process */
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	return pid;
}

void stay_on(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	}
	if (sched_setaffinity(pid, sizeof(set), &set))
		err(1, "CPU %d", cpu);
}

bool helper_end(pid_t pid, int sig)
{
	int status = 0;

	if (pid <= 0)
		return false;
	if (sig)
		kill(pid, sig);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return !status;
}
