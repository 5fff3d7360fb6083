// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What an acknowledgement costs with our congestion control and with the kernel's own CUBIC and BBR, over the loopback: the time
 * in the kernel's tcp_ack(), which calls all of it. Started in a lab guest of one CPU, where one ns is one instruction
 * (make bench-acks): a real CPU does two to four of them in a ns. The arms take turns; of each the median of its ACKs, and of the rounds the median of that and of the
 * difference to CUBIC.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "log.h"
#include "names.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "acks.skel.h"

#define PORT 7010
#define ACKS                                                                                       \
	200 /* fewer than after which what bears loss goes back, on a path that loses nothing */
#define ROUNDS 5

static struct kernel kernel;
static struct acks_bpf *acks;

static const struct arm {
	const char *name, *congestion;
	int than; /* arm that it is compared with */
} arms[] = {
	{"the kernel's CUBIC", "cubic", 0},
	{"homeostat", "homeostat", 0},
	{"the kernel's BBR", "bbr", 2},
	{"homeostat_loss", "homeostat_loss", 2},
};
#define ARMS (sizeof(arms) / sizeof(arms[0]))

static int ascending_u32(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The other end answers each byte, and so acknowledges one packet at a time: all ACKs are alike. */
static pid_t answerer(int listener)
{
	pid_t pid = fork();
	char byte;
	int fd;

	if (pid)
		return pid;
	fd = accept(listener, NULL, NULL);
	while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
		;
	_exit(0);
}

static double median_of(const struct arm *arm, __u32 *n)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	char byte = 0;
	pid_t pid;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&to, sizeof(to)) || listen(listener, 1))
		err(1, "listening");
	pid = answerer(listener);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connecting");
	/* now: the ACK of a SYN comes before a congestion control is initialised, and what bears loss goes back then */
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, arm->congestion,
		       (socklen_t)strlen(arm->congestion)))
		err(1, "%s", arm->congestion);
	acks->bss->nr = 0;
	acks->bss->port = htons(PORT);
	for (int i = 0; i < ACKS; i++) {
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			err(1, "asking");
	}
	acks->bss->port = 0;
	close(fd);
	close(listener);
	waitpid(pid, NULL, 0);
	*n = acks->bss->nr;
	qsort(acks->bss->took_ns, *n, sizeof(__u32), ascending_u32);
	return *n ? acks->bss->took_ns[*n / 2] : 0;
}

static void prepare(void)
{
	struct topology topo;
	char error[512];

	log_set_level(LOG_LEVEL_ERROR);
	if (topology_read(&topo, ""))
		errx(1, "the CPUs cannot be read from /sys");
	if (kernel_load(&kernel, &topo, "", NULL, error, sizeof(error)))
		errx(1, "%s", error);
	for (__u32 i = 0; i < HS_KNOB_NR; i++) {
		if (bpf_map_update_elem(kernel.fd.bounds, &i, &knob_infos[i].bound, BPF_ANY))
			err(1, "bounds");
	}
	kernel.knobs[HS_KNOB_TCP_LOSS].value = 200;
	kernel.knobs[HS_KNOB_TCP_HOST].value = 500;
	kernel.knobs[HS_KNOB_TCP_QUEUE].value = 250;
	kernel.gate->lease_jiffies = ~0ULL;
	kernel.gate->armed = 1;
	if (kernel_attach_tcp(&kernel, "/sys/fs/cgroup"))
		errx(1, "attaching: %s %s", kernel.family[FAMILY_TCP].why,
		     kernel.family[FAMILY_SOCKOPS].why);
	acks = acks_bpf__open_and_load();
	if (!acks || acks_bpf__attach(acks))
		err(1, "measuring tcp_ack()");
}

int main(void)
{
	static double took[ARMS][ROUNDS], more[ARMS][ROUNDS];
	__u32 n[ARMS] = {0};

	prepare();
	for (int round = -1; round < ROUNDS; round++) { /* the first warms up */
		for (size_t a = 0; a < ARMS; a++) {
			double ns = median_of(&arms[a], &n[a]);

			if (round < 0)
				continue;
			took[a][round] = ns;
			more[a][round] = ns - took[arms[a].than][round];
		}
	}
	printf("| %-20s | %6s | %8s | %10s | %12s |\n", "driven by", "ACKs", "insns", "more",
	       "least, most");
	printf("| :--- | ---: | ---: | ---: | ---: |\n");
	for (size_t a = 0; a < ARMS; a++) {
		char range[32];

		qsort(took[a], ROUNDS, sizeof(double), ascending);
		qsort(more[a], ROUNDS, sizeof(double), ascending);
		snprintf(range, sizeof(range), "%.0f … %.0f", more[a][0], more[a][ROUNDS - 1]);
		printf("| %-20s | %6u | %8.0f | %10.0f | %12s |\n", arms[a].name, n[a],
		       took[a][ROUNDS / 2], more[a][ROUNDS / 2], range);
	}
	acks_bpf__destroy(acks);
	kernel_close(&kernel);
	return 0;
}
