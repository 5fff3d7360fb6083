// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Two processes that hand one byte to and fro through pipes: nothing but wake-ups and switches, so
 * what a scheduler or a sensor adds to them is seen undiluted. No clock is read inside the loop.
 */
#include "load.h"
#include <pthread.h>
#include <sys/wait.h>

static const char usage[] =
	"Pipe ping-pong of two processes; -n counts round trips (default 100000).\n"
	"-d and -W do nothing here: 1000 round trips are made before it measures.\n"
	"  -T          two threads: the address space stays, which an emulated machine changes "
	"slowly\n";

static void echo(int in, int out)
{
	char b;

	while (read(in, &b, 1) == 1 && write(out, &b, 1) == 1)
		;
}

/* The other side. */
struct partner {
	bool thread; /* of this process */
	pthread_t id;
	pid_t pid;
	int in, out;
};

static void *echo_thread(void *partner)
{
	const struct partner *p = partner;

	echo(p->in, p->out);
	return NULL;
}

/* to, from: the pipes; what the other side has of them is not ours any more, unless it is a thread. */
static void partner_begin(struct partner *p, int to[2], int from[2])
{
	p->in = to[0];
	p->out = from[1];
	if (p->thread) {
		errno = pthread_create(&p->id, NULL, echo_thread, p);
		if (errno)
			err(1, "pthread_create");
		return;
	}
	p->pid = fork();
	if (p->pid < 0)
		err(1, "fork");
	if (!p->pid) {
		close(to[1]);
		close(from[0]);
		echo(p->in, p->out);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
}

static void partner_end(struct partner *p)
{
	if (p->thread)
		pthread_join(p->id, NULL);
	else
		waitpid(p->pid, NULL, 0);
}

static void trips(int in, int out, uint64_t n)
{
	char b = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (write(out, &b, 1) != 1 || read(in, &b, 1) != 1)
			err(1, "pipe");
	}
}

int main(int argc, char **argv)
{
	struct load l = {.name = "pingpong", .usage = usage, .count = 100000};
	uint64_t begin, took;
	struct line line;
	int to[2], from[2], c;
	struct partner partner = {0};

	while ((c = getopt(argc, argv, LOAD_OPTIONS "T")) != -1) {
		if (c == 'T')
			partner.thread = true;
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	if (pipe(to) || pipe(from))
		err(1, "pipe");
	partner_begin(&partner, to, from);
	trips(from[0], to[1], 1000);
	begin = now_ns();
	trips(from[0], to[1], l.count);
	took = now_ns() - begin;
	close(to[1]);
	partner_end(&partner);

	line_begin(&line, l.name);
	line_u64(&line, "trips", l.count);
	line_u64(&line, "total_ns", took);
	line_u64(&line, "trip_ns", took / l.count);
	line_end(&line, l.out);
	return 0;
}
