/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Frames, put together piece by piece. */
#ifndef HOMEOSTAT_PACKET_FIXTURE_H
#define HOMEOSTAT_PACKET_FIXTURE_H

#include <string.h>

#include "lib/packet.h"

#define UNUSED __attribute__((unused))

struct frame {
	__u8 bytes[512];
	size_t len;
	__u8 *type; /* where the kind of what comes next has to be written … */
	int wide;   /* … and whether that takes two bytes */
};

static UNUSED void put(struct frame *f, const void *bytes, size_t len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

/* The kind of what comes next, for the header before. */
static UNUSED void announce(struct frame *f, __u16 kind)
{
	if (f->wide)
		*f->type++ = (__u8)(kind >> 8);
	*f->type = (__u8)kind;
}

static UNUSED void ethernet(struct frame *f)
{
	memset(f, 0, sizeof(*f));
	f->len = ETH_LEN;
	f->type = f->bytes + 12;
	f->wide = 1;
}

static UNUSED void vlan(struct frame *f, __u16 tag)
{
	announce(f, tag);
	f->bytes[f->len + 1] = 7; /* VLAN 7 */
	f->type = f->bytes + f->len + 2;
	f->len += VLAN_LEN;
}

/* 10.0.0.@from to 10.0.0.@to; @words of options; @fragment as in the header: flags and offset. */
static UNUSED void ipv4(struct frame *f, __u8 from, __u8 to, __u8 dscp, __u8 words, __u16 fragment)
{
	__u8 ip[60] = {(__u8)(0x45 + words),
		       (__u8)(dscp << 2 | 1),
		       0,
		       0,
		       1,
		       2,
		       (__u8)(fragment >> 8),
		       (__u8)fragment,
		       64,
		       0,
		       0,
		       0,
		       10,
		       0,
		       0,
		       from,
		       10,
		       0,
		       0,
		       to};

	announce(f, 0x0800);
	f->type = f->bytes + f->len + 9;
	f->wide = 0;
	put(f, ip, IPV4_LEN + 4 * words);
}

/* 2001:db8::@from to 2001:db8::@to. */
static UNUSED void ipv6(struct frame *f, __u8 from, __u8 to, __u8 dscp)
{
	__u8 ip[IPV6_LEN] = {(__u8)(0x60 | dscp >> 2), (__u8)(dscp << 6 | 0x1f)};

	memcpy(ip + 8, "\x20\x01\x0d\xb8", 4);
	memcpy(ip + 24, "\x20\x01\x0d\xb8", 4);
	ip[23] = from;
	ip[39] = to;
	announce(f, 0x86dd);
	f->type = f->bytes + f->len + 6;
	f->wide = 0;
	put(f, ip, sizeof(ip));
}

/* An IPv6 extension header of 8 × (1 + @more) bytes. */
static UNUSED void extension(struct frame *f, __u8 kind, __u8 more)
{
	announce(f, kind);
	f->type = f->bytes + f->len;
	f->bytes[f->len + 1] = more;
	f->len += 8U * (1U + more);
}

static UNUSED void ports(struct frame *f, __u8 protocol, __u16 src, __u16 dst)
{
	__u8 l4[8] = {(__u8)(src >> 8), (__u8)src, (__u8)(dst >> 8), (__u8)dst, 0, 8};

	announce(f, protocol);
	put(f, l4, sizeof(l4));
}

static UNUSED struct packet parsed(const struct frame *f)
{
	struct packet p;

	packet_parse(&p, f->bytes, f->bytes + f->len);
	return p;
}

#endif
