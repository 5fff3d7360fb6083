// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A pipeline of threads: a feeder puts a token into the first pipe at a fixed rate, three stages
 * hand it on, each after a little work. Only the feeder ever uses a timer: the stages are woken by
 * each other, so a recognition that knows timers only does not find them.
 * Latency = end of the last stage - time the token was due.
 */
#include "load.h"
#include <pthread.h>

static const char usage[] = "Three threads connected by pipes, fed at a fixed rate.\n"
			    "  -p USEC     time between two tokens (default 2000)\n"
			    "  -w USEC     CPU time of each stage (default 50)\n";

#define STAGES 3

struct stage {
	int in;
	int out; /* -1 = last one */
	uint64_t work;
	uint64_t begin; /* tokens due earlier are not counted */
	struct samples *samples;
	pthread_t thread;
};

static void *stage_run(void *arg)
{
	struct stage *s = arg;
	uint64_t due;

	while (read(s->in, &due, sizeof(due)) == sizeof(due)) {
		burn(s->work);
		if (s->out < 0) {
			if (due >= s->begin)
				samples_add(s->samples, now_ns() - due);
		} else if (write(s->out, &due, sizeof(due)) != sizeof(due)) {
			break;
		}
	}
	/* end of file goes down the line */
	if (s->out >= 0)
		close(s->out);
	return NULL;
}

/* Makes pipes and threads; returns the end that the feeder writes to. */
static int stages_start(struct stage *stages, const struct stage *common)
{
	int feed = -1, in = -1;

	for (int i = 0; i <= STAGES; i++) {
		int p[2] = {-1, -1};

		if (i < STAGES && pipe2(p, O_CLOEXEC))
			err(1, "pipe");
		if (!i) {
			feed = p[1];
		} else {
			stages[i - 1] = *common;
			stages[i - 1].in = in;
			stages[i - 1].out = p[1];
		}
		in = p[0];
	}
	for (int i = 0; i < STAGES; i++) {
		errno = pthread_create(&stages[i].thread, NULL, stage_run, &stages[i]);
		if (errno)
			err(1, "pthread_create");
	}
	return feed;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "pipeline", .usage = usage, .seconds = 10};
	struct stage stages[STAGES], common = {.work = 50000};
	uint64_t period = 2000000, next, rounds, skip;
	struct samples s;
	struct line line;
	int c, feed;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "p:w:")) != -1) {
		switch (c) {
		case 'p':
			period = number(optarg, c, 100, 10000000) * 1000;
			break;
		case 'w':
			common.work = number(optarg, c, 0, 1000000) * 1000;
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	rounds = l.count ? l.count : l.seconds * NS_PER_S / period;
	skip = l.warmup_s * NS_PER_S / period;
	load_begin();
	samples_init(&s, rounds);
	load_lock();
	next = now_ns();
	common.samples = &s;
	common.begin = next + skip * period + 1;
	feed = stages_start(stages, &common);
	for (uint64_t i = 0; i < skip + rounds; i++) {
		next += period;
		if (!sleep_until(next))
			break;
		if (write(feed, &next, sizeof(next)) != sizeof(next))
			err(1, "pipe");
	}
	close(feed);
	for (int i = 0; i < STAGES; i++)
		pthread_join(stages[i].thread, NULL);

	line_begin(&line, l.name);
	line_samples(&line, &l, &s);
	line_end(&line, l.out);
	return 0;
}
