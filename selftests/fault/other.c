// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Loads the other scheduler, in an ordinary process: the verifier takes its time. */
#include "faulter.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/wait.h>
#include "other.skel.h"

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load_and_attach(void)
{
	struct other_bpf *skel;

	libbpf_set_print(silent);
	skel = other_bpf__open_and_load();
	if (!skel)
		return -errno;
	if (!bpf_map__attach_struct_ops(skel->maps.other_ops))
		return -errno;
	return 0;
}

int other_start(pid_t *pid)
{
	int rc;

	*pid = helper_fork();
	if (!*pid) {
		rc = load_and_attach();
		shared[1] = (uint64_t)-rc;
		shared[2] = (uint64_t)getpid();
		if (rc)
			_exit(0);
		for (;;)
			pause();
	}
	while (shared[2] != (uint64_t)*pid) {
		if (waitpid(*pid, NULL, WNOHANG) > 0)
			return shared[2] == (uint64_t)*pid ? -(int)shared[1] : -ECHILD;
		sleep_until(now_ns() + NS_PER_MS);
	}
	rc = -(int)shared[1];
	if (rc)
		helper_end(*pid, 0);
	return rc;
}

void other_stop(pid_t pid)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	helper_end(pid, SIGKILL);
	while (!scx_is("disabled") && now_ns() < end)
		sleep_until(now_ns() + NS_PER_MS);
}
