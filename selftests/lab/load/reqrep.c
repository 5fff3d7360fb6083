// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A client and a server that answer each other over a socket pair, or over UDP or TCP, through the loopback or into
 * another network namespace.
 * Requests arrive as a Poisson process, at times drawn from the seed and not from the answers (open
 * loop), and latency counts from those times: a server that is late cannot hide it by being asked
 * less. The server calls itself reqrep-server.
 */
#include "load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char usage[] = "Request and reply between two processes, Poisson arrivals.\n"
			    "  -r HZ       requests per second (default 500)\n"
			    "  -w USEC     CPU time of the server per request (default 100)\n"
			    "  -u          UDP instead of a socket pair\n"
			    "  -t          TCP instead of a socket pair\n"
			    "  -N NAME     the server is in that network namespace (of ip netns)\n"
			    "  -A ADDRESS  of the server (default 127.0.0.1)\n"
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
	uint64_t due; /* messages are as small as this: TCP, too, has them whole */

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

/* A socket of the namespace that a file stands for, bound to an address there; the address has its port afterwards. */
static int server_socket(const char *netns, int type, struct sockaddr_in *at)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = -1, fd;
	socklen_t len = sizeof(*at);
	char path[128];

	if (netns) {
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (there < 0 || setns(there, CLONE_NEWNET))
			err(1, "%s", path);
		close(there);
	}
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)at, len) || getsockname(fd, (void *)at, &len) ||
	    (type == SOCK_STREAM && listen(fd, 1)))
		err(1, "the server's socket");
	if (home < 0 || (netns && setns(home, CLONE_NEWNET)))
		err(1, "back from the namespace %s", netns ? netns : "");
	close(home);
	return fd;
}

/* The client's socket, connected to the server's. */
static void network_pair(int fd[2], int type, const char *netns, struct in_addr address)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = address};
	int one = 1, accepted;

	fd[1] = server_socket(netns, type, &at);
	fd[0] = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd[0] < 0 || connect(fd[0], (void *)&at, sizeof(at)))
		err(1, "connecting to the server");
	if (type != SOCK_STREAM)
		return;
	accepted = accept4(fd[1], NULL, NULL, SOCK_CLOEXEC);
	close(fd[1]);
	fd[1] = accepted;
	for (int i = 0; i < 2; i++) {
		if (fd[i] < 0 || setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
			err(1, "TCP");
	}
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
	struct in_addr address = {htonl(INADDR_LOOPBACK)};
	const char *netns = NULL;
	int fd[2], c, type = 0; /* of socket; 0: none of the network's */
	pid_t pid;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "r:w:utN:A:s:")) != -1) {
		switch (c) {
		case 'r':
			rate = number(optarg, c, 1, 1000000);
			break;
		case 'w':
			work = number(optarg, c, 0, 1000000) * 1000;
			break;
		case 'u':
			type = SOCK_DGRAM;
			break;
		case 't':
			type = SOCK_STREAM;
			break;
		case 'N':
			netns = optarg;
			break;
		case 'A':
			if (!inet_aton(optarg, &address))
				errx(2, "-A %s: no IPv4 address", optarg);
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	if (type)
		network_pair(fd, type, netns, address);
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
