// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A redis client at a fixed rate (open loop). Each request has a time at which it is due; latency
 * counts from there, so an answer that is late also charges those that had to wait behind it (no
 * coordinated omission). One request is in flight at a time, as with most client libraries.
 */
#include "load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char usage[] = "Redis client at a fixed rate.\n"
			    "  -P PORT     TCP port on 127.0.0.1 (default 6379)\n"
			    "  -u PATH     … or a unix socket\n"
			    "  -r HZ       requests per second (default 1000)\n"
			    "  -g PERCENT  GETs, the rest are SETs (default 80)\n"
			    "  -k COUNT    keys (default 1000)\n"
			    "  -v BYTES    value size (default 64)\n"
			    "  -s SEED     of keys and commands (default 1)\n"
			    "  -x          tells the server to leave when it is done\n";

#define VALUE_MAX 4096

struct redis {
	int fd;
	unsigned int port;
	const char *path;
	uint64_t keys;
	uint64_t gets; /* percent */
	size_t value;
	struct rng rng;
	uint64_t errors; /* replies that say so */
	char value_bytes[VALUE_MAX + 1];
	char buf[2 * VALUE_MAX];
};

/* One attempt to connect; -1 with errno set. */
static int redis_open(const struct redis *r)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)r->port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(r->path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (r->path) {
		snprintf(u.sun_path, sizeof(u.sun_path), "%s", r->path);
		if (!connect(fd, (void *)&u, sizeof(u)))
			return fd;
	} else {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (!connect(fd, (void *)&a, sizeof(a)))
			return fd;
	}
	close(fd);
	return -1;
}

/* The server may still be starting: tries for 10 s. */
static void redis_connect(struct redis *r)
{
	uint64_t give_up = now_ns() + 10 * NS_PER_S;

	while ((r->fd = redis_open(r)) < 0) {
		if (now_ns() > give_up || load_stop)
			err(1, "cannot connect to redis");
		sleep_until(now_ns() + 10000000);
	}
}

static void redis_send(struct redis *r)
{
	char key[32];
	int len, klen;

	klen = snprintf(key, sizeof(key), "key:%" PRIu64, rng_next(&r->rng) % r->keys);
	if (rng_next(&r->rng) % 100 < r->gets)
		len = snprintf(r->buf, sizeof(r->buf), "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", klen,
			       key);
	else
		len = snprintf(r->buf, sizeof(r->buf),
			       "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%zu\r\n%s\r\n", klen, key,
			       r->value, r->value_bytes);
	if (write(r->fd, r->buf, (size_t)len) != len)
		err(1, "write to redis");
}

/* Length of the reply in the first n bytes of the buffer, 0 while it is not complete. */
static size_t reply_length(struct redis *r, size_t n)
{
	char *eol = memchr(r->buf, '\n', n);
	size_t head;
	long body;

	if (!eol)
		return 0;
	head = (size_t)(eol - r->buf) + 1;
	switch (r->buf[0]) {
	case '-':
		r->errors++;
		return head;
	case '+':
	case ':':
		return head;
	case '$':
		body = strtol(r->buf + 1, NULL, 10); /* ends at \r; -1 = no such key */
		if (body < 0)
			return head;
		head += (size_t)body + 2;
		return n < head ? 0 : head;
	default:
		errx(1, "redis answered something unknown");
	}
}

static void redis_receive(struct redis *r)
{
	size_t n = 0, want = 0;

	while (!want) {
		ssize_t got = read(r->fd, r->buf + n, sizeof(r->buf) - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			err(1, "read from redis");
		n += (size_t)got;
		want = reply_length(r, n);
	}
	if (want != n)
		errx(1, "redis answered more than it was asked");
}

/* Requests one after the other, each at its time or, if that is past, at once. */
static void redis_run(struct redis *r, uint64_t gap, uint64_t skip, uint64_t rounds,
		      struct samples *s)
{
	uint64_t due = now_ns();

	for (uint64_t i = 0; i < skip + rounds; i++) {
		due += gap;
		if (now_ns() < due && !sleep_until(due))
			break;
		if (load_stop)
			break;
		redis_send(r);
		redis_receive(r);
		if (i >= skip)
			samples_add(s, now_ns() - due);
	}
}

/* Asks the server to leave, and waits until it has. */
static void redis_end(struct redis *r)
{
	static const char order[] = "*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n";

	if (write(r->fd, order, sizeof(order) - 1) != sizeof(order) - 1)
		err(1, "write to redis");
	if (read(r->fd, r->buf, sizeof(r->buf)) > 0)
		errx(1, "redis does not leave");
}

int main(int argc, char **argv)
{
	struct load l = {.name = "redisload", .usage = usage, .seconds = 10};
	struct redis r = {.port = 6379, .keys = 1000, .gets = 80, .value = 64};
	uint64_t rate = 1000, seed = 1, rounds;
	bool leave = false;
	struct samples s;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "P:u:r:g:k:v:s:x")) != -1) {
		switch (c) {
		case 'P':
			r.port = (unsigned int)number(optarg, c, 1, 65535);
			break;
		case 'u':
			r.path = optarg;
			break;
		case 'r':
			rate = number(optarg, c, 1, 1000000);
			break;
		case 'g':
			r.gets = number(optarg, c, 0, 100);
			break;
		case 'k':
			r.keys = number(optarg, c, 1, UINT32_MAX);
			break;
		case 'v':
			r.value = number(optarg, c, 1, VALUE_MAX);
			break;
		case 'x':
			leave = true;
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	rounds = l.count ? l.count : l.seconds * rate;
	r.rng = rng_seed(seed);
	memset(r.value_bytes, 'x', r.value);
	load_begin();
	samples_init(&s, rounds);
	redis_connect(&r);
	load_lock();
	redis_run(&r, NS_PER_S / rate, l.warmup_s * rate, rounds, &s);
	if (leave)
		redis_end(&r);

	line_begin(&line, l.name);
	line_samples(&line, &l, &s);
	line_u64(&line, "errors", r.errors);
	line_end(&line, l.out);
	return 0;
}
