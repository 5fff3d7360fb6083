// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The hostile client: does to the control socket what it should not, as fast as asked. */
#include "load.h"
#include <sys/socket.h>
#include <sys/un.h>

static const char usage[] =
	"Floods the control socket, in one or several ways (default: all), each from a connection "
	"of\n"
	"its own, opened again when it is lost:\n"
	"  -m        malformed lines\n"
	"  -v        valid requests\n"
	"  -l        lines without an end\n"
	"  -u        requests whose replies are left unread\n"
	"  -a        connects and leaves at once\n"
	"  -k        keeps connecting, holds what it gets and lets go when it gets no more\n"
	"  -r RATE   attempts a second, of all ways together (default 10000; 0: no pause)\n"
	"  -S PATH   control socket (default /run/homeostat/control.sock)\n"
	"What the socket does not take at once counts as refused.\n";

static const char *const malformed[] = {
	"rubbish\n",
	"{\"verb\":\"status\"\n",
	"{\"verb\":\"status\",\"verb\":\"trip\"}\n",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
	"{\"verb\":\"wish\",\"value\":99999999999999999999999999999999999999}\n",
	"{\"verb\":\"\xff\xfe\"}\n",
	"\n",
};
static const char valid[] = "{\"verb\":\"status\"}\n";
static const char unending[] =
	"{\"verb\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

enum way {
	MALFORMED,
	VALID,
	UNENDING,
	UNREAD,
	ACCEPT,
	KEEP,
	WAYS
};

#define KEPT 64

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static uint64_t sent, answered, refused, connected, lost;

static int open_one(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		refused++;
		close(fd);
		return -1;
	}
	connected++;
	return fd;
}

/* One message; -1: the connection is gone. */
static int say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0) {
		sent++;
		return 0;
	}
	if (errno == EAGAIN) {
		refused++;
		return 0;
	}
	lost++;
	return -1;
}

/* Takes what is there; -1: the connection is gone. */
static int drain(int fd)
{
	static char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))); p++)
			answered++;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	lost++;
	return -1;
}

static void keep(void)
{
	static int kept[KEPT], nr;
	int fd = nr < KEPT ? open_one() : -1;

	if (fd >= 0) {
		kept[nr++] = fd;
		return;
	}
	while (nr)
		close(kept[--nr]);
}

static void attempt(enum way way)
{
	static int fd[WAYS] = {-1, -1, -1, -1, -1, -1};
	static unsigned int next;
	const char *text = way == MALFORMED
				   ? malformed[next++ % (sizeof(malformed) / sizeof(malformed[0]))]
			   : way == UNENDING ? unending
					     : valid;

	if (way == KEEP) {
		keep();
		return;
	}
	if (fd[way] < 0)
		fd[way] = open_one();
	if (fd[way] < 0)
		return;
	if (way == ACCEPT || say(fd[way], text) || (way != UNREAD && drain(fd[way]))) {
		close(fd[way]);
		fd[way] = -1;
	}
}

static enum way ways[WAYS];
static uint64_t ways_nr;

static uint64_t flood(const struct load *l, uint64_t rate)
{
	uint64_t begin = now_ns(), end = begin + l->seconds * NS_PER_S, nr = 0;

	/* who was kept from it for the last moments makes up for that */
	while ((now_ns() < end || (nr < rate * l->seconds && now_ns() < end + NS_PER_S)) &&
	       !load_stop) {
		attempt(ways[nr++ % ways_nr]);
		if (rate)
			sleep_until(begin + nr * NS_PER_S / rate);
	}
	return nr;
}

int main(int argc, char **argv)
{
	static const char letters[] = "mvluak"; /* as in enum way */
	struct load l = {.name = "flood", .usage = usage, .seconds = 10};
	const char *path = "/run/homeostat/control.sock", *letter;
	uint64_t rate = 10000, begin;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "mvluakr:S:")) != -1) {
		letter = strchr(letters, c);
		if (letter && ways_nr < WAYS)
			ways[ways_nr++] = (enum way)(letter - letters);
		else if (c == 'r')
			rate = number(optarg, c, 0, 10000000);
		else if (c == 'S')
			path = optarg;
		else
			load_option(&l, c, optarg);
	}
	for (c = MALFORMED; !ways_nr || c; c = (c + 1) % WAYS)
		ways[ways_nr++] = (enum way)c;
	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	strcpy(address.sun_path, path);
	load_begin();
	begin = now_ns();
	line_begin(&line, l.name);
	line_u64(&line, "attempts", flood(&l, rate));
	line_u64(&line, "sent", sent);
	line_u64(&line, "answered", answered);
	line_u64(&line, "refused", refused);
	line_u64(&line, "connected", connected);
	line_u64(&line, "lost", lost);
	line_u64(&line, "span_ns", now_ns() - begin);
	line_end(&line, l.out);
	return 0;
}
