// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A client and a server that answer each other over a socket pair or over UDP on the loopback.
 * Requests arrive as a Poisson process, at times drawn from the seed and not from the answers (open
 * loop), and latency counts from those times: a server that is late cannot hide it by being asked
 * less. The server calls itself reqrep-server.
 */
#include "load.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char usage[] = "Request and reply between two processes, Poisson arrivals.\n"
			    "  -r HZ       requests per second (default 500)\n"
			    "  -w USEC     CPU time of the server per request (default 100)\n"
			    "  -u          UDP over the loopback instead of a socket pair\n"
			    "  -s SEED     of the arrivals (default 1)\n";

struct client {
	int fd;
	uint64_t gap;	/* mean time between two requests, ns */
	uint64_t begin; /* requests due earlier are not counted */
	uint64_t end;	/* no request is due later */
	uint64_t count; /* … or 0 */
	uint64_t sent;
	uint64_t answered;
	struct rng rng;
	struct samples samples;
};

static void serve(int fd, uint64_t work)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint64_t due;

	prctl(PR_SET_NAME, "reqrep-server");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (recvfrom(fd, &due, sizeof(due), 0, (void *)&from, &len) == sizeof(due)) {
		burn(work);
		if (sendto(fd, &due, sizeof(due), 0, len ? (void *)&from : NULL, len) < 0)
			break;
		len = sizeof(from);
	}
	_exit(0);
}

static void udp_pair(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	fd[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd[0] < 0 || fd[1] < 0 || bind(fd[1], (void *)&a, sizeof(a)) ||
	    getsockname(fd[1], (void *)&a, &len) || connect(fd[0], (void *)&a, sizeof(a)))
		err(1, "UDP over the loopback");
}

/* Takes what answers are there. */
static void client_receive(struct client *c)
{
	uint64_t due;

	while (recv(c->fd, &due, sizeof(due), MSG_DONTWAIT) == sizeof(due)) {
		c->answered++;
		if (due >= c->begin)
			samples_add(&c->samples, now_ns() - due);
	}
}

static void client_run(struct client *c)
{
	uint64_t due = now_ns() + rng_exponential(&c->rng, c->gap), now = now_ns();
	/* what is not answered one second after the last request is lost */
	uint64_t give_up = 0;

	while (!load_stop && (!give_up || (c->answered < c->sent && now < give_up))) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		uint64_t until = give_up ? give_up : due;
		struct timespec t;

		now = now_ns();
		t.tv_sec = (time_t)((until > now ? until - now : 0) / NS_PER_S);
		t.tv_nsec = (long)((until > now ? until - now : 0) % NS_PER_S);
		if (ppoll(&p, 1, &t, NULL) > 0)
			client_receive(c);
		for (now = now_ns(); !give_up && now >= due;
		     due += rng_exponential(&c->rng, c->gap)) {
			if (c->count ? c->samples.n + (c->sent - c->answered) >= c->count
				     : due >= c->end) {
				give_up = now + NS_PER_S;
				break;
			}
			if (send(c->fd, &due, sizeof(due), 0) != sizeof(due))
				err(1, "send");
			c->sent++;
		}
	}
}

int main(int argc, char **argv)
{
	struct load l = {.name = "reqrep", .usage = usage, .seconds = 10};
	uint64_t rate = 500, work = 100000, seed = 1;
	struct client client = {};
	struct line line;
	int fd[2], c;
	bool udp = false;
	pid_t pid;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "r:w:us:")) != -1) {
		switch (c) {
		case 'r':
			rate = number(optarg, c, 1, 1000000);
			break;
		case 'w':
			work = number(optarg, c, 0, 1000000) * 1000;
			break;
		case 'u':
			udp = true;
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	if (udp)
		udp_pair(fd);
	else if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd))
		err(1, "socketpair");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(fd[0]);
		serve(fd[1], work);
	}
	close(fd[1]);
	client.fd = fd[0];
	client.gap = NS_PER_S / rate;
	client.count = l.count;
	client.rng = rng_seed(seed);
	/* Poisson: the number that falls into the time varies, by its root */
	samples_init(&client.samples, l.count ? l.count : 2 * rate * l.seconds + 1000);
	load_lock();
	client.begin = now_ns() + l.warmup_s * NS_PER_S;
	client.end = client.begin + l.seconds * NS_PER_S;
	client_run(&client);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	line_begin(&line, l.name);
	line_samples(&line, &l, &client.samples);
	line_u64(&line, "unanswered", client.sent - client.answered);
	line_end(&line, l.out);
	return 0;
}
