/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Which declared flow a TCP connection is of: by the same tables as packets (lib/flow.h), as those that come in on it. */
#ifndef HOMEOSTAT_LIB_CONNECTION_H
#define HOMEOSTAT_LIB_CONNECTION_H

#include "flow.h"
#include "peer.h"

#define AF_INET 2
#define AF_INET6 10

/* The declared flows in force; *base is which half of FLOWS and PEERS they are. NULL cannot be. */
static __always_inline struct hs_flow_set *flows_in_force(u32 *base)
{
	u32 zero = 0;
	struct hs_config *config = bpf_map_lookup_elem(&CONFIG, &zero);

	if (!config)
		return NULL;
	*base = config->flows_base;
	return bpf_map_lookup_elem(&FLOWS, base);
}

static __always_inline void mapped_address(u8 to[16], u32 ipv4)
{
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &ipv4, 4);
}

/* The packets that come in on a connection, as flow.h sees them. */
static __always_inline bool packet_of(struct packet *p, struct hs_peer_key *key,
				      const struct tcp_sock *tp)
{
	const struct inet_sock *inet = &tp->inet_conn.icsk_inet;
	const struct sock_common *sk = &inet->sk.__sk_common;

	if (sk->skc_family == AF_INET)
		mapped_address(key->address, sk->skc_daddr);
	else if (sk->skc_family == AF_INET6)
		__builtin_memcpy(key->address, &sk->skc_v6_daddr, 16);
	else
		return false;
	p->l3 = 4; /* or 6: nobody asks here */
	p->protocol = PROTO_TCP;
	p->dscp = inet->tos >> 2; /* that it sends with */
	p->ports = 1;
	p->src_port = be16_at((const u8 *)&sk->skc_dport);
	p->dst_port = sk->skc_num;
	return true;
}

/* Flow of a connection: index; more than HS_FLOWS_MAX: nobody knows. */
static __always_inline u32 flow_of_connection(const struct hs_flow_set *set, u32 base,
					      const struct tcp_sock *tp)
{
	struct hs_peer_key key = {.bits = 32 + 128, .base = base};
	struct packet p = {0};

	if (!packet_of(&p, &key, tp))
		return HS_FLOWS_MAX + 1;
	return flow_of(&set->table, &p, set->peers ? peers_at(&key) : ~0ULL, INCOMING);
}

#endif
