// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What is on the wire: the IP packets of one protocol, from and to certain ports, that come in on an interface, as a packet
 * socket sees them: how many, how many have a certain DSCP, how many have an IPv4 header whose checksum is wrong, and
 * how many bytes came in the interval that had the most of them. Times are the kernel's: the reader may be late.
 */
#include "load.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const char usage[] =
	"Counts the packets that come in on an interface.\n"
	"  -i NAME     the interface\n"
	"  -p NUMBER   IP protocol (default 17, UDP)\n"
	"  -P PORT     destination port (default 0: any)\n"
	"  -S PORT     source port (default 0: any)\n"
	"  -q DSCP     counted apart (default 0)\n"
	"  -I MSEC     length of an interval, from the first packet on (default 100)\n"
	"Ends when -n have come, or none for a second after the first.\n";

struct wanted {
	uint8_t protocol, dscp;
	uint16_t from, port;
	uint64_t interval_ns;
};

struct seen {
	uint64_t packets, marked, wrong, bytes, first_ns, last_ns;
	uint64_t interval, in_it,
		most; /* the interval's number, and bytes in it and in the fullest one */
};

static bool checksum_holds(const uint8_t *ip, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* When the last packet that was read came in, ns. */
static uint64_t arrival(int fd)
{
	struct timespec at;

	if (ioctl(fd, SIOCGSTAMPNS_NEW, &at)) /* of a kernel of 64 bits, as struct timespec is */
		err(1, "SIOCGSTAMPNS");
	return (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
}

static uint16_t port_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A packet from its IP header on; extension headers are not looked behind. */
static void look(const uint8_t *ip, size_t len, uint64_t now, const struct wanted *w,
		 struct seen *s)
{
	bool six = ip[0] >> 4 == 6;
	size_t header = six ? 40 : 4 * (size_t)(ip[0] & 15);
	uint8_t dscp = six ? (uint8_t)((ip[0] << 4 | ip[1] >> 4) >> 2 & 63) : ip[1] >> 2;

	if (len < header + 4 || (six ? ip[6] : ip[9]) != w->protocol ||
	    (w->from && port_at(ip + header) != w->from) ||
	    (w->port && port_at(ip + header + 2) != w->port))
		return;
	s->last_ns = now;
	if (!s->packets++)
		s->first_ns = now;
	if ((now - s->first_ns) / w->interval_ns != s->interval) {
		s->interval = (now - s->first_ns) / w->interval_ns;
		s->in_it = 0;
	}
	s->in_it += len + ETH_HLEN;
	s->most = s->in_it > s->most ? s->in_it : s->most;
	s->marked += dscp == w->dscp;
	s->wrong += !six && !checksum_holds(ip, header);
	s->bytes += len + ETH_HLEN;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "wire", .usage = usage};
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)}, from;
	struct timeval patience = {.tv_sec = 1};
	struct wanted wanted = {.protocol = IPPROTO_UDP, .interval_ns = NS_PER_S / 10};
	struct seen seen = {0};
	struct line line;
	uint8_t packet[65536];
	int c, fd;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "i:p:P:S:q:I:")) != -1) {
		switch (c) {
		case 'i':
			at.sll_ifindex = (int)if_nametoindex(optarg);
			break;
		case 'p':
			wanted.protocol = (uint8_t)number(optarg, c, 0, 255);
			break;
		case 'P':
			wanted.port = (uint16_t)number(optarg, c, 0, 65535);
			break;
		case 'S':
			wanted.from = (uint16_t)number(optarg, c, 0, 65535);
			break;
		case 'I':
			wanted.interval_ns = number(optarg, c, 1, 10000) * NS_PER_S / 1000;
			break;
		case 'q':
			wanted.dscp = (uint8_t)number(optarg, c, 0, 63);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (!at.sll_ifindex || fd < 0 || bind(fd, (void *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "looking at the interface");
	while (!load_stop && (!l.count || seen.packets < l.count)) {
		socklen_t size = sizeof(from);
		ssize_t len = recvfrom(fd, packet, sizeof(packet), 0, (void *)&from, &size);

		if (len < 0 && errno == EAGAIN && seen.packets)
			break;
		if (len >= 20 && from.sll_pkttype != PACKET_OUTGOING)
			look(packet, (size_t)len, arrival(fd), &wanted, &seen);
	}
	line_begin(&line, l.name);
	line_u64(&line, "packets", seen.packets);
	line_u64(&line, "marked", seen.marked);
	line_u64(&line, "wrong", seen.wrong);
	line_u64(&line, "bytes", seen.bytes);
	line_u64(&line, "most", seen.most);
	line_u64(&line, "span_ns", seen.last_ns - seen.first_ns);
	line_end(&line, l.out);
	return 0;
}
