// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What a look at TCP connections costs on this machine (kern/sense/tcp.bpf.c), as the daemon does it, over connections through
 * the loopback of a network namespace of its own, both ends of which are here. Without a socket it takes the time in which the kernel
 * goes through its whole table of connections, which all namespaces share. The longest piece is how long the main loop has to
 * wait at most.
 *
 * Needs root. Nothing is attached but the iterator.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "kernel.h"
#include "log.h"

#define PORT 7010
#define PAIRS_MAX 4000
#define ROUNDS 15

static struct kernel kernel;
static int ends[2 * PAIRS_MAX];

/* Of this thread's CPU time: nothing sleeps here, and others may be at work. */
static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* A namespace whose loopback is up, and one CPU. */
static void stand_alone(void)
{
	struct rlimit files = {2 * PAIRS_MAX + 100, 2 * PAIRS_MAX + 100};
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	cpu_set_t cpu;
	int s;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "that many files");
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

static void connect_pairs(int from, int to)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1))
		err(1, "listening");
	for (int i = from; i < to; i++) {
		ends[2 * i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(ends[2 * i], (struct sockaddr *)&at, sizeof(at)))
			err(1, "connection %d", i);
		ends[2 * i + 1] = accept(listener, NULL, NULL);
	}
	close(listener);
}

static void talk(int pairs)
{
	char byte = 0;

	for (int i = 0; i < 2 * pairs; i++) {
		if (write(ends[i], &byte, 1) != 1 || read(ends[i ^ 1], &byte, 1) != 1)
			err(1, "talking");
	}
}

/* One look; *longest_ns is that of its pieces. */
static double look_ns(__u32 session, bool first, double *longest_ns)
{
	double begin = now_ns(), piece = begin;
	int more;

	*kernel.tcp_look = (struct hs_tcp_look){.session = session, .first = first};
	*longest_ns = 0;
	for (more = kernel_look_begin(&kernel); more > 0;) {
		double end;

		more = kernel_look(&kernel);
		end = now_ns();
		if (end - piece > *longest_ns)
			*longest_ns = end - piece;
		piece = end;
	}
	if (more < 0)
		errx(1, "the look: %s", strerror(-more));
	return piece - begin;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(*v), ascending);
	return v[ROUNDS / 2];
}

/* Medians of the rounds, the longest piece of each among them. Returns that of looks at sockets that have done something. */
static double measure(int pairs)
{
	double idle[ROUNDS], busy[ROUNDS], longest[ROUNDS], piece, first;
	static __u32 session;

	first = look_ns(++session, true, &piece);
	for (int i = 0; i < ROUNDS; i++) {
		idle[i] = look_ns(session, false, &piece);
		talk(pairs);
		busy[i] = look_ns(session, false, &longest[i]);
		if (kernel.tcp_look->sockets < (__u64)pairs * 2)
			errx(1, "%llu sockets of %d were looked at", kernel.tcp_look->sockets,
			     2 * pairs);
	}
	printf("| %d | %.0f | %.0f | %.0f | %.0f |\n", 2 * pairs, first / 1000, middle(idle) / 1000,
	       middle(busy) / 1000, middle(longest) / 1000);
	return middle(busy);
}

int main(void)
{
	double none[ROUNDS], none_ns, all_ns = 0, piece;
	struct topology topo;
	char error[512];

	log_set_level(LOG_LEVEL_ERROR);
	stand_alone();
	if (topology_read(&topo, ""))
		errx(1, "the CPUs cannot be read from /sys");
	if (kernel_load(&kernel, &topo, "", NULL, error, sizeof(error)))
		errx(1, "%s", error);
	for (int i = 0; i < ROUNDS; i++)
		none[i] = look_ns(1000000, true, &piece);
	none_ns = middle(none);
	printf("| sockets | first look, us | all idle | all busy | longest piece |\n");
	printf("| ---: | ---: | ---: | ---: | ---: |\n");
	printf("| 0 | %.0f | | | |\n", none_ns / 1000);
	for (int pairs = 0, more = PAIRS_MAX / 100; more <= PAIRS_MAX; more *= 10) {
		connect_pairs(pairs, more);
		pairs = more;
		all_ns = measure(pairs);
	}
	printf("\neach busy socket: %.0f ns\n", (all_ns - none_ns) / (2 * PAIRS_MAX));
	kernel_close(&kernel);
	return 0;
}
