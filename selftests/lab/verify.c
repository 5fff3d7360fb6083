// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What each BPF program of homeostat costs the verifier: instructions that it looked at, and states that it kept. Loads
 * what homeostatd loads, by its own loader, and asks the kernel for its statistics; nothing is attached.
 */
#include <err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "log.h"

#define LOG_STATS                                                                                  \
	4 /* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h: the last lines, without the way there */

static unsigned programs;

/* libbpf tells the verifier's log of a program that was loaded as one message. */
static int __attribute__((format(printf, 2, 0))) print(enum libbpf_print_level level,
						       const char *fmt, va_list ap)
{
	char name[64], *text, *end;
	unsigned insns, states;

	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	if (level == LIBBPF_WARN)
		fputs(text, stderr);
	end = strstr(text, "processed ");
	if (end && sscanf(text, "libbpf: prog '%63[^']'", name) == 1 &&
	    sscanf(end, "processed %u insns %*[^)]) max_states_per_insn %*u total_states %u",
		   &insns, &states) == 2)
		printf("%s\"%s\":{\"insns\":%u,\"states\":%u}", programs++ ? "," : "{", name, insns,
		       states);
	free(text);
	return 0;
}

int __real_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s);

/* In the loader's place of libbpf's: the linker sees to that (--wrap). */
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, *s->obj) bpf_program__set_log_level(prog, LOG_STATS);
	libbpf_set_print(print);
	return __real_bpf_object__load_skeleton(s);
}

int main(void)
{
	static struct kernel kernel;
	struct topology topo;
	char error[512];

	log_set_level(LOG_LEVEL_ERROR);
	if (topology_read(&topo, ""))
		errx(1, "the host's CPUs cannot be read from /sys");
	if (kernel_load(&kernel, &topo, "", NULL, error, sizeof(error)))
		errx(1, "%s", error);
	for (int i = 0; i < FAMILY_NR; i++) {
		if (kernel.family[i].state == FAMILY_UNAVAILABLE)
			errx(1, "not all could be loaded: %s", kernel.family[i].why);
	}
	if (!programs)
		errx(1, "this kernel's verifier tells no statistics");
	puts("}");
	kernel_close(&kernel);
	return 0;
}
