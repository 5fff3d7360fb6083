// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Two processes that hand one byte to and fro through pipes: nothing but wake-ups and switches, so
 * what a scheduler or a sensor adds to them is seen undiluted. No clock is read inside the loop.
 */
#include "load.h"
#include <sys/wait.h>

static const char usage[] =
	"Pipe ping-pong of two processes; -n counts round trips (default 100000).\n"
	"-d and -W do nothing here: 1000 round trips are made before it measures.\n";

static void echo(int in, int out)
{
	char b;

	while (read(in, &b, 1) == 1 && write(out, &b, 1) == 1)
		;
	_exit(0);
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
	pid_t pid;

	while ((c = getopt(argc, argv, LOAD_OPTIONS)) != -1)
		load_option(&l, c, optarg);
	load_begin();
	if (pipe(to) || pipe(from))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(to[1]);
		close(from[0]);
		echo(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	trips(from[0], to[1], 1000);
	begin = now_ns();
	trips(from[0], to[1], l.count);
	took = now_ns() - begin;
	close(to[1]);
	waitpid(pid, NULL, 0);

	line_begin(&line, l.name);
	line_u64(&line, "trips", l.count);
	line_u64(&line, "total_ns", took);
	line_u64(&line, "trip_ns", took / l.count);
	line_end(&line, l.out);
	return 0;
}
