// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A fork storm, as a build or a shell script makes it: children that work for a moment and end, several of
 * them at a time. How long each takes is drawn from the seed. Work = children that came home.
 */
#include "load.h"
#include <sys/wait.h>

static const char usage[] = "Forks children that work and end; latency = fork to end.\n"
			    "  -t COUNT    children at the same time (default 4)\n"
			    "  -w USEC     mean CPU time of a child (default 1000)\n"
			    "  -s SEED     of their CPU times (default 1)\n";

#define CHILDREN_MAX 256

struct child {
	pid_t pid;
	uint64_t born_ns;
};

struct storm {
	struct child child[CHILDREN_MAX];
	uint64_t nr;
	uint64_t work;
	uint64_t begin; /* children born earlier are not counted */
	uint64_t done;
	struct rng rng;
	struct samples samples;
};

static void bear(struct storm *s, struct child *c)
{
	uint64_t work = rng_exponential(&s->rng, s->work);

	c->born_ns = now_ns();
	c->pid = fork();
	if (c->pid < 0)
		err(1, "fork");
	if (!c->pid) {
		prctl(PR_SET_NAME, "forkstorm-child");
		burn(work);
		_exit(0);
	}
}

/* Waits for one of them. */
static struct child *bury(struct storm *s)
{
	pid_t pid = wait(NULL);

	for (uint64_t i = 0; i < s->nr; i++) {
		struct child *c = &s->child[i];

		if (c->pid != pid || pid < 0)
			continue;
		if (c->born_ns >= s->begin) {
			samples_add(&s->samples, now_ns() - c->born_ns);
			s->done++;
		}
		c->pid = 0;
		return c;
	}
	return NULL; /* interrupted */
}

int main(int argc, char **argv)
{
	struct load l = {.name = "forkstorm", .usage = usage, .seconds = 10};
	struct storm s = {.nr = 4, .work = 1000000};
	uint64_t seed = 1, end;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "t:w:s:")) != -1) {
		switch (c) {
		case 't':
			s.nr = number(optarg, c, 1, CHILDREN_MAX);
			break;
		case 'w':
			s.work = number(optarg, c, 1, 1000000) * 1000;
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	s.rng = rng_seed(seed);
	samples_init(&s.samples, l.count ? l.count : l.seconds * 10000);
	s.begin = now_ns() + l.warmup_s * NS_PER_S;
	end = s.begin + l.seconds * NS_PER_S;
	for (uint64_t i = 0; i < s.nr; i++)
		bear(&s, &s.child[i]);
	while (!load_stop && now_ns() < end && (!l.count || s.done < l.count)) {
		struct child *free_place = bury(&s);

		if (free_place)
			bear(&s, free_place);
	}
	for (uint64_t i = 0; i < s.nr; i++) {
		if (s.child[i].pid > 0)
			kill(s.child[i].pid, SIGKILL);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;

	line_begin(&line, l.name);
	line_u64(&line, "work", s.done);
	line_samples(&line, &l, &s.samples);
	line_end(&line, l.out);
	return 0;
}
