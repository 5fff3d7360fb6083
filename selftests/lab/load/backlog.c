// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A server whose clients come in bursts, and wait in the queue of its listening socket until it accepts them: is that queue
 * long enough? It asks for the longest that it may have, again each second, as a server does that is told to reload. And a burst of
 * datagrams each second to a socket of this second, with the kernel's default buffer, which nobody reads until all are there.
 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const char usage[] =
	"Bursts of connections to a server that accepts them later, and of datagrams to one that "
	"reads them later.\n"
	"  -b COUNT  connections in a burst, each second (default 0)\n"
	"  -u COUNT  datagrams of 1000 bytes in a burst, each second (default 0)\n"
	"  -p PORT   (default 9300)\n";

#define CLIENTS_MAX 4096

static int socket_at(int type, struct sockaddr_in *a, bool server)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		err(1, "socket");
	if (server && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		       bind(fd, (void *)a, sizeof(*a))))
		err(1, "bind");
	return fd;
}

/* How many of @burst connections were accepted. Who finds no place is not waited for. */
static uint64_t connections(int listener, struct sockaddr_in *a, uint64_t burst)
{
	static int client[CLIENTS_MAX];
	const struct linger reset = {.l_onoff = 1};
	uint64_t accepted = 0;
	int fd;

	if (listen(listener, 65535))
		err(1, "listen");
	for (uint64_t i = 0; i < burst; i++) {
		client[i] = socket_at(SOCK_STREAM, a, false);
		/* reset, so that no port is kept for a minute */
		setsockopt(client[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (connect(client[i], (void *)a, sizeof(*a)) && errno != EINPROGRESS)
			err(1, "connect");
	}
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		close(fd);
		accepted++;
	}
	for (uint64_t i = 0; i < burst; i++)
		close(client[i]);
	return accepted;
}

/* How many of @burst datagrams found room. */
static uint64_t datagrams(struct sockaddr_in *a, uint64_t burst)
{
	static char data[1000];
	int from = socket_at(SOCK_DGRAM, a, false), to = socket_at(SOCK_DGRAM, a, true);
	uint64_t came = 0;

	for (uint64_t i = 0; i < burst; i++)
		sendto(from, data, sizeof(data), 0, (void *)a, sizeof(*a));
	while (recv(to, data, sizeof(data), 0) > 0)
		came++;
	close(from);
	close(to);
	return came;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "backlog", .usage = usage, .seconds = 10};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct rlimit files = {2 * CLIENTS_MAX, 2 * CLIENTS_MAX};
	uint64_t burst = 0, udp = 0, port = 9300, accepted = 0, came = 0, rounds = 0, next;
	struct line line;
	int c, listener;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "b:u:p:")) != -1) {
		if (c == 'b')
			burst = number(optarg, c, 0, CLIENTS_MAX);
		else if (c == 'u')
			udp = number(optarg, c, 0, 1000000);
		else if (c == 'p')
			port = number(optarg, c, 1, 65535);
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	setrlimit(RLIMIT_NOFILE, &files);
	a.sin_port = htons((uint16_t)port);
	listener = socket_at(SOCK_STREAM, &a, true);
	for (next = now_ns(); rounds < (l.count ? l.count : l.seconds) && !load_stop; rounds++) {
		accepted += connections(listener, &a, burst);
		came += datagrams(&a, udp);
		next += NS_PER_S;
		sleep_until(next);
	}
	line_begin(&line, l.name);
	line_u64(&line, "rounds", rounds);
	line_u64(&line, "lost", rounds * burst - accepted);
	line_u64(&line, "datagrams_lost", rounds * udp - came);
	line_end(&line, l.out);
	return 0;
}
