/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the load programs of the lab have in common. Each of them is one file, needs nothing but
 * libc, runs for -d seconds or -n rounds, and prints one line of flat JSON at its end (also when
 * it is stopped by SIGTERM or SIGINT before).
 *
 * Latencies are kept one by one and quantiles taken from the full sorted array, so they are exact.
 * All times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef HOMEOSTAT_LAB_LOAD_H
#define HOMEOSTAT_LAB_LOAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ULL

/* Not every program uses every helper. */
#define LOAD_FN static inline __attribute__((unused))

static volatile sig_atomic_t load_stop; /* somebody wants the result now */

LOAD_FN void load_on_stop(int sig)
{
	(void)sig;
	load_stop = 1;
}

/* The options that all loads have; a program's own come beside them. */
#define LOAD_OPTIONS "d:n:W:o:R:h"
#define LOAD_USAGE                                                                                 \
	"  -d SECONDS  how long it measures (default 10)\n"                                        \
	"  -n COUNT    … or how many rounds\n"                                                     \
	"  -W SECONDS  runs so long before it measures (default 0)\n"                              \
	"  -o FILE     the line of results is appended here instead of going to stdout\n"          \
	"  -R FILE     … and every sample here, one to a line\n"
struct load {
	const char *name;
	const char *usage;
	const char *out;  /* NULL = stdout */
	uint64_t seconds; /* of measuring */
	uint64_t count;	  /* 0 = as many as fit into `seconds` */
	uint64_t warmup_s;
	const char *raw; /* every sample is appended to this file, NULL = nowhere */
};

LOAD_FN uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* CPU time of the calling thread, ns. */
LOAD_FN uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Sleeps until an absolute time; false when it was told to stop meanwhile. */
LOAD_FN bool sleep_until(uint64_t at_ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(at_ns / NS_PER_S),
		.tv_nsec = (long)(at_ns % NS_PER_S),
	};

	while (!load_stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	return !load_stop;
}

/* A number in [min, max], nothing around it; the program ends with a message otherwise. */
LOAD_FN uint64_t number(const char *s, int opt, uint64_t min, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v < min || v > max)
		errx(2, "-%c %s: not a number from %" PRIu64 " to %" PRIu64, opt, s, min, max);
	return v;
}

/* Takes one of LOAD_OPTIONS; anything else is a mistake, told to the user. */
LOAD_FN void load_option(struct load *l, int c, const char *arg)
{
	switch (c) {
	case 'd':
		l->seconds = number(arg, c, 1, 100000);
		break;
	case 'n':
		l->count = number(arg, c, 1, 100000000);
		break;
	case 'W':
		l->warmup_s = number(arg, c, 0, 1000);
		break;
	case 'o':
		l->out = arg;
		break;
	case 'R':
		l->raw = arg;
		break;
	case 'h':
		printf("Usage: %s [OPTION…]\n%s%s", l->name, l->usage, LOAD_USAGE);
		exit(0);
	default:
		fprintf(stderr, "see %s -h\n", l->name);
		exit(2);
	}
}

/* Signals and timer slack: 50 µs of slack would hide everything that is measured here. */
LOAD_FN void load_begin(void)
{
	struct sigaction sa = {.sa_handler = load_on_stop};

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0))
		err(1, "PR_SET_TIMERSLACK");
}

/* A probe must not wait for its own pages. */
LOAD_FN void load_lock(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) && errno != EPERM && errno != ENOMEM)
		err(1, "mlockall");
}

LOAD_FN void load_fifo(int priority)
{
	struct sched_param p = {.sched_priority = priority};

	if (sched_setscheduler(0, SCHED_FIFO, &p))
		err(1, "SCHED_FIFO %d", priority);
}

/*
 * One unit of work: a chain of multiplications that no compiler can shorten, some 10 µs.
 * Throughput is counted in these.
 */
#define WORK_STEPS 2500
LOAD_FN uint64_t work_unit(uint64_t x)
{
	for (int i = 0; i < WORK_STEPS; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

/* Takes so much CPU time of the calling thread, however often it is interrupted. */
LOAD_FN void burn(uint64_t ns)
{
	uint64_t x = 1, end;

	if (!ns)
		return;
	end = cpu_ns() + ns;
	while (cpu_ns() < end && !load_stop) {
		for (int i = 0; i < 200; i++) {
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			__asm__ volatile("" : "+r"(x));
		}
	}
}

/* Random numbers that a seed repeats (xorshift64*). */
struct rng {
	uint64_t s;
};

LOAD_FN uint32_t rng_next(struct rng *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return (uint32_t)((r->s * 2685821657736338717ULL) >> 32);
}

LOAD_FN struct rng rng_seed(uint64_t seed)
{
	struct rng r = {seed * 0x9E3779B97F4A7C15ULL + 1};

	for (int i = 0; i < 8; i++)
		rng_next(&r);
	return r;
}

/* Where in its period a periodic load begins, ns: drawn from the seed; 0 = at once, without one. */
LOAD_FN uint64_t rng_phase(uint64_t seed, uint64_t period_ns)
{
	struct rng r = rng_seed(seed);

	return seed ? rng_next(&r) % period_ns : 0;
}

/*
 * Exponentially distributed with the given mean: the gaps of Poisson arrivals. By von Neumann's
 * method, which is exact and needs comparisons only, no logarithm.
 */
LOAD_FN uint64_t rng_exponential(struct rng *r, uint64_t mean)
{
	uint64_t whole = 0;

	for (;;) {
		uint32_t first = rng_next(r), last = first, u;
		unsigned int run = 1;

		while ((u = rng_next(r)) < last) {
			last = u;
			run++;
		}
		if (run & 1)
			return whole * mean + ((first * (mean & 0xffffffff)) >> 32);
		whole++;
	}
}

/* Latencies, one by one. Room is made and touched before the measuring begins. */
struct samples {
	uint64_t *v;
	size_t n;
	size_t room;
	uint64_t lost; /* did not fit; a result with lost samples says so */
};

LOAD_FN void samples_init(struct samples *s, size_t room)
{
	s->v = mmap(NULL, room * sizeof(*s->v), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s->v == MAP_FAILED)
		err(1, "room for %zu samples", room);
	s->room = room;
	s->n = 0;
	s->lost = 0;
}

LOAD_FN void samples_add(struct samples *s, uint64_t v)
{
	if (s->n < s->room)
		s->v[s->n++] = v;
	else
		s->lost++;
}

LOAD_FN int samples_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Smallest sample that at least `permille` of 1000 samples do not exceed; the array is sorted. */
LOAD_FN uint64_t samples_quantile(const struct samples *s, unsigned int permille)
{
	size_t rank = (s->n * permille + 999) / 1000;

	if (!s->n)
		return 0;
	return s->v[rank ? rank - 1 : 0];
}

/* The line of results. Written by one system call: several loads may share a file. */
struct line {
	char buf[2048];
	size_t len;
};

__attribute__((format(printf, 2, 3))) LOAD_FN void line_add(struct line *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b->buf + b->len, sizeof(b->buf) - b->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(b->buf) - b->len)
		errx(1, "line of results too long");
	b->len += (size_t)n;
}

LOAD_FN void line_begin(struct line *b, const char *load)
{
	b->len = 0;
	line_add(b, "{\"load\":\"%s\"", load);
}

LOAD_FN void line_u64(struct line *b, const char *key, uint64_t v)
{
	line_add(b, ",\"%s\":%" PRIu64, key, v);
}

LOAD_FN void samples_write(const struct samples *s, const char *path)
{
	FILE *f = fopen(path, "ae");

	if (!f)
		err(1, "%s", path);
	for (size_t i = 0; i < s->n; i++)
		fprintf(f, "%" PRIu64 "\n", s->v[i]);
	if (fclose(f))
		err(1, "%s", path);
}

/* Sorts the samples, adds their number and quantiles, writes them out if so asked. */
LOAD_FN void line_samples(struct line *b, const struct load *l, struct samples *s)
{
	if (l->raw)
		samples_write(s, l->raw); /* in the order they were taken */
	qsort(s->v, s->n, sizeof(*s->v), samples_compare);
	line_u64(b, "samples", s->n);
	if (s->n) {
		line_u64(b, "p50_ns", samples_quantile(s, 500));
		line_u64(b, "p99_ns", samples_quantile(s, 990));
		line_u64(b, "p999_ns", samples_quantile(s, 999));
		line_u64(b, "max_ns", s->v[s->n - 1]);
	}
	if (s->lost)
		line_u64(b, "lost", s->lost);
}

LOAD_FN void line_end(struct line *b, const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : 1;

	line_add(b, "}\n");
	if (fd < 0 || write(fd, b->buf, b->len) != (ssize_t)b->len)
		err(1, "%s", path ? path : "stdout");
	if (path)
		close(fd);
}

/* Where a task ran: how often it changed CPU and NUMA node. */
struct places {
	unsigned int cpu;
	unsigned int node;
	bool known;
	uint64_t cpu_hops;
	uint64_t node_hops;
};

LOAD_FN void places_note(struct places *p)
{
	unsigned int cpu, node;

	if (getcpu(&cpu, &node))
		return;
	if (p->known) {
		p->cpu_hops += cpu != p->cpu;
		p->node_hops += node != p->node;
	}
	p->cpu = cpu;
	p->node = node;
	p->known = true;
}

LOAD_FN void line_places(struct line *b, const struct places *p)
{
	line_u64(b, "cpu", p->cpu); /* the last one */
	line_u64(b, "cpu_hops", p->cpu_hops);
	line_u64(b, "node_hops", p->node_hops);
}

#endif
