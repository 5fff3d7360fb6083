// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Streams of numbered UDP datagrams, and who counts them: how many came, how many of each stream are missing between the
 * first and the last of them, how many came after a later one. They look after themselves: only numbers are compared.
 */
#include "load.h"
#include <arpa/inet.h>
#include <sys/socket.h>

static const char usage[] =
	"Numbered UDP datagrams: sends them, or with -l counts what comes.\n"
	"  -A ADDRESS  where they go, or with -l which address is listened at (default 127.0.0.1)\n"
	"  -P PORT     … and which port (default 9000)\n"
	"  -r RATE     so many a second (default 0: as fast as it goes)\n"
	"  -t COUNT    … so many at a time (default 1)\n"
	"  -q DSCP     their differentiated services code point (default 0)\n"
	"  -z BYTES    of payload in each (default 8)\n"
	"  -f FLOWS    from so many ports by turns, each with numbers of its own (default 1)\n"
	"  -B COUNT    … so many in a row from each (default 1)\n"
	"  -l          counts, until nothing has come for a second; -n is how many are waited for\n"
	"  -b KIB      room of the socket that counts (default 8192: nothing is lost there)\n"
	"  -w USEC     works so long for each that came (default 0)\n"
	"-d is how long it sends, if -n does not say how many; -W does nothing here.\n";

#define FLOWS_MAX 1000
#define FLOW_AT 48 /* which flow a number is of stands above this bit of it */
#define PKTGEN                                                                                     \
	0xbe9be955u /* what the kernel's packet generator sends begins with; then comes its number, both big-endian */

struct count {
	uint64_t received, reordered, first, last, begin_ns, end_ns;
};

#define PAYLOAD_MAX 65000

static int open_socket(const struct sockaddr_in *at, int room, uint64_t dscp)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tos = (int)dscp << 2;

	if (fd < 0)
		err(1, "socket");
	if (room) { /* it listens */
		struct timeval patience = {.tv_sec = 1};

		/* the test is not to lose here what it counts */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
		    bind(fd, (const void *)at, sizeof(*at)))
			err(1, "listening");
	} else if (setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) ||
		   connect(fd, (const void *)at, sizeof(*at))) {
		err(1, "connecting");
	}
	return fd;
}

static void count_one(struct count *c, uint64_t number)
{
	c->end_ns = now_ns();
	if (!c->received++) {
		c->begin_ns = c->end_ns;
		c->first = c->last = number;
	}
	if (number < c->last)
		c->reordered++;
	else
		c->last = number;
}

/* A number that came, as ours are: what pktgen sends is of flow 0. */
static uint64_t as_ours(uint64_t number)
{
	return (uint32_t)number == htonl(PKTGEN) ? ntohl((uint32_t)(number >> 32)) : number;
}

static void listen_on(int fd, uint64_t expected, uint64_t work_ns, struct count c[FLOWS_MAX])
{
	uint64_t received = 0, number, until;

	while (!load_stop && (!expected || received < expected)) {
		if (recv(fd, &number, sizeof(number), MSG_TRUNC) < (ssize_t)sizeof(number) ||
		    (number = as_ours(number)) >> FLOW_AT >= FLOWS_MAX) {
			if (errno == EINTR || (errno == EAGAIN && !received))
				continue; /* the first one may take its time */
			break;
		}
		received++;
		count_one(&c[number >> FLOW_AT], number);
		for (until = work_ns ? now_ns() + work_ns : 0; until && now_ns() < until;)
			;
	}
}

static void report(struct line *line, const struct count c[FLOWS_MAX])
{
	uint64_t received = 0, missing = 0, reordered = 0, flows = 0, begin = UINT64_MAX, end = 0;

	for (int i = 0; i < FLOWS_MAX; i++) {
		if (!c[i].received)
			continue;
		flows++;
		received += c[i].received;
		missing += c[i].last - c[i].first + 1 - c[i].received;
		reordered += c[i].reordered;
		begin = c[i].begin_ns < begin ? c[i].begin_ns : begin;
		end = c[i].end_ns > end ? c[i].end_ns : end;
	}
	line_u64(line, "received", received);
	line_u64(line, "missing", missing);
	line_u64(line, "reordered", reordered);
	line_u64(line, "span_ns", received ? end - begin : 0);
	line_u64(line, "flows", flows);
}

/* Returns how many were sent. One that the network's queue refuses is sent all the same: it is lost there. */
static uint64_t send_on(const int *fd, const struct load *l, uint64_t rate, size_t size,
			uint64_t flows, uint64_t burst, uint64_t at_a_time)
{
	static uint8_t payload[PAYLOAD_MAX];
	static uint64_t next[FLOWS_MAX];
	uint64_t begin = now_ns(), end = begin + l->seconds * NS_PER_S, sent = 0, number, flow;

	while (!load_stop && (l->count ? sent < l->count : now_ns() < end)) {
		if (rate && !(sent % at_a_time) && !sleep_until(begin + sent * NS_PER_S / rate))
			break;
		flow = sent / burst % flows;
		number = flow << FLOW_AT | next[flow]++;
		memcpy(payload, &number, sizeof(number));
		if (send(fd[flow], payload, size, 0) < 0 && errno != ENOBUFS &&
		    errno != ECONNREFUSED)
			err(1, "sending");
		sent++;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "datagrams", .usage = usage, .seconds = 10};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint64_t port = 9000, rate = 0, dscp = 0, size = sizeof(uint64_t), room_kib = 8192,
		 work_us = 0, flows = 1, burst = 1, at_a_time = 1, begin;
	static struct count count[FLOWS_MAX];
	static int fd[FLOWS_MAX];
	struct line line;
	bool listens = false;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "A:P:r:t:q:z:f:B:lb:w:")) != -1) {
		switch (c) {
		case 'A':
			if (inet_pton(AF_INET, optarg, &at.sin_addr) != 1)
				errx(2, "-A %s: not an IPv4 address", optarg);
			break;
		case 'P':
			port = number(optarg, c, 1, 65535);
			break;
		case 'r':
			rate = number(optarg, c, 0, 10000000);
			break;
		case 't':
			at_a_time = number(optarg, c, 1, 1000000);
			break;
		case 'q':
			dscp = number(optarg, c, 0, 63);
			break;
		case 'z':
			size = number(optarg, c, sizeof(uint64_t), PAYLOAD_MAX);
			break;
		case 'f':
			flows = number(optarg, c, 1, FLOWS_MAX);
			break;
		case 'B':
			burst = number(optarg, c, 1, 1000000);
			break;
		case 'l':
			listens = true;
			break;
		case 'b':
			room_kib = number(optarg, c, 1, 1 << 16);
			break;
		case 'w':
			work_us = number(optarg, c, 0, 1000000);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	at.sin_port = htons((uint16_t)port);
	load_begin();
	for (uint64_t i = 0; i < (listens ? 1 : flows); i++)
		fd[i] = open_socket(&at, listens ? (int)room_kib << 10 : 0, dscp);
	line_begin(&line, l.name);
	if (listens) {
		listen_on(fd[0], l.count, work_us * 1000, count);
		report(&line, count);
	} else {
		begin = now_ns();
		line_u64(&line, "sent", send_on(fd, &l, rate, size, flows, burst, at_a_time));
		line_u64(&line, "span_ns", now_ns() - begin);
	}
	line_end(&line, l.out);
	return 0;
}
