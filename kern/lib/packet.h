/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What we look at in a packet: protocol, ports and DSCP. Pure: bytes between two pointers, no helper, no clock; XDP and
 * the unit tests run the same code.
 *
 * Whatever is not whole or not known is no error: `l3` or `ports` say how far it was understood, and nobody acts on more.
 * Understood are Ethernet, up to two VLAN tags (802.1Q, 802.1ad), IPv4, and IPv6 with up to EXTENSIONS_MAX extension
 * headers (hop-by-hop, routing and destination options, fragment). No fragment has ports, not even the first, which
 * carries them: all fragments of a datagram are to have the same class. Of IPv6, a fragment of what has further
 * extension headers has the first of those as its protocol. What is inside a tunnel is not looked at.
 */
#ifndef HOMEOSTAT_LIB_PACKET_H
#define HOMEOSTAT_LIB_PACKET_H

#ifndef __bpf__
#include <stdbool.h>
#endif

#include "../abi.h"

#ifndef HS_PURE
#define HS_PURE static inline __attribute__((always_inline, unused))
#endif

#define EXTENSIONS_MAX 4

#define ETH_LEN 14
#define VLAN_LEN 4
#define IPV4_LEN 20
#define IPV6_LEN 40

/* Which way a packet goes: at whose end of it this host is. */
enum direction {
	INCOMING, /* we are its destination … */
	OUTGOING, /* … its source */
};

#define PROTO_HOPOPTS 0
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_DSTOPTS 60

struct packet {
	__u8 l3;       /* 4, 6; 0 = neither, or cut short: nothing below is known */
	__u8 protocol; /* the one above IP and its extensions */
	__u8 dscp;
	__u8 ports;	/* 1 = TCP or UDP, and both ports are known */
	__u16 src_port; /* host byte order */
	__u16 dst_port;
	__u16 l3_at; /* where the IP header begins */
};

/* A number in network byte order. */
HS_PURE __u16 be16_at(const __u8 *p)
{
#ifdef __bpf__
	/* clang would take it byte by byte, as it does not know that x86-64 minds no odd address */
	__u32 v = __builtin_bswap16(*(const __u16 *)p);

	/* … and knows that it has 16 bits, which the verifier of 6.12 forgets when bytes are swapped: say it again */
	asm volatile("" : "+r"(v));
	return v & 0xffff;
#else
	return (__u16)(p[0] << 8 | p[1]);
#endif
}

/* The part above IP: ports of TCP and UDP. */
HS_PURE void packet_l4(struct packet *p, const __u8 *l4, const __u8 *end)
{
	if ((p->protocol != PROTO_TCP && p->protocol != PROTO_UDP) || l4 + 4 > end)
		return;
	p->src_port = be16_at(l4);
	p->dst_port = be16_at(l4 + 2);
	p->ports = 1;
}

HS_PURE void packet_ipv4(struct packet *p, const __u8 *ip, const __u8 *end)
{
	__u32 len;

	if (ip + IPV4_LEN > end || ip[0] >> 4 != 4)
		return;
	len = (ip[0] & 15) * 4;
	if (len < IPV4_LEN)
		return;
	p->l3 = 4;
	p->dscp = ip[1] >> 2;
	p->protocol = ip[9];
	if (be16_at(ip + 6) & 0x3fff) /* more fragments follow, or this is not the first */
		return;
	packet_l4(p, ip + len, end);
}

HS_PURE void packet_ipv6(struct packet *p, const __u8 *ip, const __u8 *end)
{
	const __u8 *at = ip + IPV6_LEN;
	__u32 i;

	if (at > end || ip[0] >> 4 != 6)
		return;
	p->l3 = 6;
	p->dscp = (be16_at(ip) >> 6) & 63;
	p->protocol = ip[6];
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		bool fragment = p->protocol == PROTO_FRAGMENT;

		if (!fragment && p->protocol != PROTO_HOPOPTS && p->protocol != PROTO_ROUTING &&
		    p->protocol != PROTO_DSTOPTS)
			break;
		if (at + 8 > end)
			return;
		p->protocol = at[0];
		if (fragment)
			return;
		at += (at[1] + 1) * 8;
	}
	packet_l4(p, at, end);
}

/* Looks at what begins @at bytes behind @frame, of the kind @type (Ethernet's number). *@p was zero. */
HS_PURE void packet_l3(struct packet *p, const __u8 *frame, __u32 at, __u16 type, const __u8 *end)
{
	p->l3_at = (__u16)at;
	if (type == 0x0800)
		packet_ipv4(p, frame + at, end);
	else if (type == 0x86dd)
		packet_ipv6(p, frame + at, end);
}

/* Looks at the frame from @data up to @end. Always fills *@p. */
HS_PURE void packet_parse(struct packet *p, const void *data, const void *data_end)
{
	const __u8 *frame = data, *end = data_end;
	__u32 at = ETH_LEN, i;
	__u16 type;

	*p = (struct packet){0};
	if (frame + ETH_LEN > end)
		return;
	type = be16_at(frame + 12);
	for (i = 0; i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		if (frame + at + VLAN_LEN > end)
			return;
		type = be16_at(frame + at + 2);
		at += VLAN_LEN;
	}
	packet_l3(p, frame, at, type, end);
}

/* The same for an interface that has no link header: @type is what the stack says of the packet. */
HS_PURE void packet_parse_bare(struct packet *p, const void *data, __u16 type, const void *data_end)
{
	*p = (struct packet){0};
	packet_l3(p, data, 0, type, data_end);
}

#endif
