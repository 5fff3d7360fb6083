// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Network: queues of listening sockets, memory of TCP, and what physical cards count. Rings, queues and coalescing take netlink, which
 * the daemon may not open.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"
#include "sense.h"

#define CARDS "/sys/class/net"
#define HEADER "  sl "
#define STATE_LISTEN "0A "

/*
 * One line of /proc/net/tcp: number, two addresses, state, and two queues, of which the second is, of a listening socket,
 * the connections that wait to be accepted. 1; 0 = not a listening socket; -EINVAL.
 */
static int waiting_at(const char *line, __u64 *waiting)
{
	unsigned long long count;
	char *end;

	for (int i = 0; i < 3; i++) {
		line += strspn(line, " ");
		line += strcspn(line, " ");
	}
	line += strspn(line, " ");
	if (strspn(line, "0123456789ABCDEF") != 2 || line[2] != ' ')
		return -EINVAL;
	if (strncmp(line, STATE_LISTEN, strlen(STATE_LISTEN)))
		return 0;
	line = strchr(line, ':');
	if (!line || !strchr("0123456789ABCDEF", line[1]))
		return -EINVAL;
	count = strtoull(line + 1, &end, 16);
	if (*end != ' ')
		return -EINVAL;
	*waiting = count > *waiting ? count : *waiting;
	return 1;
}

/* The whole lines of @text, which is cut down to what follows them. 1, 0 or -EINVAL, as above. */
static int take_lines(char *text, size_t *len, bool *headed, __u64 *waiting)
{
	char *line = text, *end;
	int more = 1;

	while (more > 0 && (end = memchr(line, '\n', *len - (size_t)(line - text)))) {
		*end = '\0';
		if (*headed)
			more = waiting_at(line, waiting);
		else
			more = strncmp(line, HEADER, strlen(HEADER)) ? -EINVAL : 1;
		*headed = true;
		line = end + 1;
	}
	*len -= (size_t)(line - text);
	memmove(text, line, *len);
	return more;
}

/* The kernel lists listening sockets first: with the first other one we have seen them all. 0 or negative errno. */
static int fullest(struct sense *s, const char *path, __u64 *waiting)
{
	char full[PATH_MAX];
	bool headed = false;
	int fd, more = 1;
	size_t len = 0;
	ssize_t n = 0;

	if (root_path(full, sizeof(full), s->root, path))
		return -ENAMETOOLONG;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (more > 0 && len < 1024 && (n = read(fd, s->text + len, 1024)) > 0) {
		len += (size_t)n;
		more = take_lines(s->text, &len, &headed, waiting);
	}
	if (n < 0 || len >= 1024 || !headed)
		more = n < 0 ? -errno : -EINVAL;
	close(fd);
	return more < 0 ? more : 0;
}

/* "TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1" */
static int tcp_pages(struct sense *s, __u64 *pages)
{
	const char *at = sense_text(s, "/proc/net/sockstat") ? NULL : strstr(s->text, "\nTCP:");

	at = at ? strstr(at, " mem ") : NULL;
	if (!at)
		return -ENOENT;
	at += strlen(" mem ");
	return parse_digits(&at, ~0ULL, pages) || (*at && *at != '\n') ? -EINVAL : 0;
}

/* tcp_mem has three numbers, in pages: pressure begins at the second one. */
static int tcp_pressure(const struct sense *s, __u64 *pages)
{
	__u64 number[3];
	char buf[96];
	const char *at = buf;

	if (read_file(s->root, "/proc/sys/net/ipv4/tcp_mem", buf, sizeof(buf)) < 0)
		return -ENOENT;
	for (int i = 0; i < 3; i++) {
		if (parse_digits(&at, ~0ULL, &number[i]) || (*at != '\t' && i < 2))
			return -EINVAL;
		at += i < 2;
	}
	*pages = number[1];
	return *at ? -EINVAL : 0;
}

int sense_listen(struct sense *s)
{
	__u64 waiting = 0, limit, pages;
	int v4 = fullest(s, "/proc/net/tcp", &waiting), v6 = fullest(s, "/proc/net/tcp6", &waiting);

	if (!v4 && (!v6 || v6 == -ENOENT) &&
	    !sense_number(s, &limit, "/proc/sys/net/core/somaxconn"))
		sense_share(s, HS_VITAL_LISTEN_QUEUE, waiting, limit);
	if (!tcp_pages(s, &pages) && !tcp_pressure(s, &limit))
		sense_share(s, HS_VITAL_TCP_MEMORY, pages, limit);
	return 0;
}

/* What is made of software has no device. */
static bool physical(struct sense *s, struct sense_object *card)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s" CARDS "/%s/device", s->root, card->name) <
		       (int)sizeof(path) &&
	       !access(path, F_OK);
}

static int statistic(const struct sense *s, const struct sense_object *card, const char *name,
		     __u64 *value)
{
	return sense_number(s, value, CARDS "/%s/statistics/%s", card->name, name);
}

int sense_cards(struct sense *s)
{
	__u64 a, b, c, delta, drops = 0, carrier, down = 0;
	bool rate = false, errors = false;

	sense_find(s, &s->net.cards, CARDS, "", physical);
	for (__u32 i = 0; i < s->net.cards.nr; i++) {
		struct sense_object *card = &s->net.cards.object[i];

		if (!statistic(s, card, "rx_dropped", &a) &&
		    !statistic(s, card, "rx_missed_errors", &b) &&
		    !statistic(s, card, "tx_dropped", &c)) {
			rate |= sense_increase(&card->counter[0], a + b + c, &delta);
			drops += delta;
		}
		if (!statistic(s, card, "rx_errors", &a) && !statistic(s, card, "tx_errors", &b)) {
			errors = true;
			sense_increase(&card->counter[1], a + b, &delta);
			s->net.errors_total += delta;
		}
		if (!statistic(s, card, "tx_bytes", &a)) {
			sense_increase(&card->counter[2], a, &delta);
			s->net.sent_bytes += delta;
		}
		/* of a card that is switched off this cannot be read */
		if (!sense_number(s, &carrier, CARDS "/%s/carrier", card->name))
			down += !carrier;
	}
	if (rate && s->span_ms)
		sense_enter(s, HS_VITAL_NIC_DROPS, drops * 1000 / s->span_ms);
	if (errors)
		sense_enter(s, HS_VITAL_NIC_ERRORS, s->net.errors_total);
	if (s->net.cards.nr)
		sense_enter(s, HS_VITAL_NIC_DOWN, down);
	return 0;
}
