/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Which flows the address at the other end of a packet leaves (lib/flow.h): by longest prefix, from PEERS. */
#ifndef HOMEOSTAT_LIB_PEER_H
#define HOMEOSTAT_LIB_PEER_H

#include "../state.h"
#include "packet.h"

static __always_inline u64 peers_at(const struct hs_peer_key *key)
{
	u64 *mask = bpf_map_lookup_elem(&PEERS, key);

	return mask ? *mask : 0;
}

/* @p was found at @ip and goes that way; @base is the half in force. 0 where it is neither IPv4 nor IPv6. */
static __always_inline u64 peers_of(const struct packet *p, const u8 *ip, const u8 *end, u32 base,
				    enum direction way)
{
	struct hs_peer_key key = {.bits = 32 + 128, .base = base};

	if (p->l3 == 4 && ip + IPV4_LEN <= end) {
		key.address[10] = key.address[11] = 0xff;
		__builtin_memcpy(key.address + 12, ip + (way == INCOMING ? 12 : 16), 4);
	} else if (p->l3 == 6 && ip + IPV6_LEN <= end) {
		__builtin_memcpy(key.address, ip + (way == INCOMING ? 8 : 24), 16);
	}
	return peers_at(&key);
}

#endif
