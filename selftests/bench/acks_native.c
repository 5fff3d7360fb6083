// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What an acknowledgement costs on this machine, in ns of its CPU, with our congestion control and with the kernel's own: over
 * the loopback of a network namespace of its own. Both ends of a connection are here. One end writes a byte, the other answers
 * with one, and that system call is timed: the loopback is synchronous, so the packet with the acknowledgement goes all the way
 * into the first end's tcp_ack() before it returns, and what else is in it is the same for all arms. They take turns, each with a
 * new connection; of each the median of its ACKs, and of the rounds the median of the differences. Where a program is loaded to
 * decides over some 10 ns (caches), for as long as it is loaded; so all that is done anew LOADS times, and of these the median
 * is told, with an interval of 95 % (order statistics).
 *
 * `CUBIC by struct_ops` calls the kernel's functions and nothing else: what two callbacks through the kernel's trampoline cost.
 *
 * Needs root. While it runs, three more congestion controls can be chosen on this host; nobody but its own connections does.
 * Exit code 1 where a limit is missed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "log.h"
#include "names.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "cubic.skel.h"

#define PORT 7010
#define ACKS                                                                                       \
	200 /* fewer than after which what bears loss goes back, on a path that loses nothing */
#define ROUNDS 61
#define LOADS 21
#define LOW 5 /* the 6th and the 16th of 21 enclose the median with 97 % */
#define HIGH 15

static struct kernel kernel;

static const struct arm {
	const char *name, *congestion;
	int than;	   /* arm that it is compared with */
	unsigned limit_ns; /* that it may cost more; 0 = none */
} arms[] = {
	{"the kernel's CUBIC", "cubic", 0, 0},	    {"CUBIC by struct_ops", "hs_cubic", 0, 0},
	{"homeostat", "homeostat", 0, 50},	    {"the kernel's BBR", "bbr", 3, 0},
	{"homeostat_loss", "homeostat_loss", 3, 0},
};
#define ARMS (sizeof(arms) / sizeof(arms[0]))

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double median_of(int listener, const char *congestion)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger reset = {.l_onoff = 1};
	int asks = socket(AF_INET, SOCK_STREAM, 0), answers, one = 1;
	static double took[ACKS];
	char byte = 0;

	setsockopt(asks, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* no TIME_WAIT */
	setsockopt(asks, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(asks, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connecting");
	answers = accept(listener, NULL, NULL);
	/* now: the ACK of a SYN comes before a congestion control is initialised, and what bears loss goes back then */
	if (setsockopt(asks, IPPROTO_TCP, TCP_CONGESTION, congestion,
		       (socklen_t)strlen(congestion)))
		err(1, "%s", congestion);
	for (int i = 0; i < ACKS; i++) {
		double begin;

		if (write(asks, &byte, 1) != 1 || read(answers, &byte, 1) != 1)
			err(1, "asking");
		begin = now_ns();
		if (write(answers, &byte, 1) != 1)
			err(1, "answering");
		took[i] = now_ns() - begin;
		if (read(asks, &byte, 1) != 1)
			err(1, "the answer");
	}
	close(asks);
	close(answers);
	qsort(took, ACKS, sizeof(double), ascending);
	return took[ACKS / 2];
}

/* A namespace whose loopback is up, and one CPU. */
static void stand_alone(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	cpu_set_t cpu;
	int s;

	if (unshare(CLONE_NEWNET))
		err(1, "a network namespace");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(s, SIOCSIFFLAGS, &lo))
		err(1, "its loopback");
	close(s);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
}

static int listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		err(1, "listening");
	return fd;
}

/* Ours, with the gate open; nothing but the bench's own connections chooses it. */
static void load_ours(struct bpf_link *link[2])
{
	struct topology topo;
	char error[512];

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
	link[0] = bpf_map__attach_struct_ops(kernel.skel->maps.loss_ops);
	link[1] = bpf_map__attach_struct_ops(kernel.skel->maps.tcp_ops);
	if (!link[0] || !link[1])
		err(1, "congestion control");
}

static __u64 calls_of(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &size))
		err(1, "%s", bpf_program__name(prog));
	return info.run_cnt;
}

/* Is it what is measured: does each ACK call both of our functions? The kernel counts that on request only, and not for nothing. */
static void check_calls(int listener)
{
	const struct bpf_program *const progs[] = {kernel.skel->progs.tcp_acked,
						   kernel.skel->progs.tcp_cong_avoid};
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		err(1, "counting calls");
	median_of(listener, "homeostat");
	close(stats);
	for (int i = 0; i < 2; i++) {
		if (calls_of(progs[i]) < ACKS)
			errx(1, "%s was called %llu times by %d ACKs", bpf_program__name(progs[i]),
			     calls_of(progs[i]), ACKS);
	}
}

static double middle(double *v, int nr)
{
	qsort(v, (size_t)nr, sizeof(*v), ascending);
	return v[nr / 2];
}

/* One load of all programs: of each arm its ns and how many more they are, medians of the rounds. */
static void one_load(int listener, double ns[ARMS], double more_ns[ARMS])
{
	static double took[ARMS][ROUNDS], more[ARMS][ROUNDS];
	struct cubic_bpf *cubic;
	struct bpf_link *link[3];

	load_ours(link);
	cubic = cubic_bpf__open_and_load();
	link[2] = cubic ? bpf_map__attach_struct_ops(cubic->maps.cubic_ops) : NULL;
	if (!link[2])
		err(1, "CUBIC by struct_ops");
	check_calls(listener);
	for (int round = -1; round < ROUNDS; round++) { /* the first warms up */
		for (size_t a = 0; a < ARMS; a++) {
			double v = median_of(listener, arms[a].congestion);

			if (round < 0)
				continue;
			took[a][round] = v;
			more[a][round] = v - took[arms[a].than][round];
		}
	}
	for (size_t a = 0; a < ARMS; a++) {
		ns[a] = middle(took[a], ROUNDS);
		more_ns[a] = middle(more[a], ROUNDS);
	}
	for (int i = 0; i < 3; i++)
		bpf_link__destroy(link[i]);
	cubic_bpf__destroy(cubic);
	kernel_close(&kernel);
}

int main(void)
{
	static double took[ARMS][LOADS], more[ARMS][LOADS];
	double ns[ARMS], more_ns[ARMS];
	int listener, missed = 0;

	log_set_level(LOG_LEVEL_ERROR);
	stand_alone();
	listener = listen_here();
	for (int load = 0; load < LOADS; load++) {
		one_load(listener, ns, more_ns);
		for (size_t a = 0; a < ARMS; a++) {
			took[a][load] = ns[a];
			more[a][load] = more_ns[a];
		}
	}
	printf("| %-20s | %8s | %6s | %12s | %12s | %5s |\n", "driven by", "ns", "more", "95 %",
	       "least, most", "limit");
	printf("| :--- | ---: | ---: | ---: | ---: | ---: |\n");
	for (size_t a = 0; a < ARMS; a++) {
		char limit[16] = "-", interval[32], range[32];
		double median = middle(more[a], LOADS);

		if (arms[a].limit_ns)
			snprintf(limit, sizeof(limit), "%u", arms[a].limit_ns);
		snprintf(interval, sizeof(interval), "%.0f … %.0f", more[a][LOW], more[a][HIGH]);
		snprintf(range, sizeof(range), "%.0f … %.0f", more[a][0], more[a][LOADS - 1]);
		printf("| %-20s | %8.0f | %6.0f | %12s | %12s | %5s |\n", arms[a].name,
		       middle(took[a], LOADS), median, interval, range, limit);
		missed += arms[a].limit_ns && median > arms[a].limit_ns;
	}
	return missed > 0;
}
