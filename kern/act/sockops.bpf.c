// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * New TCP connections: which declared flow each is of, whose congestion control it gets, and what is set on a critical one.
 * What is set is remembered with the socket, so that it can be put back, which `sockets_restore` does on the daemon's word.
 * An application that chose a congestion control keeps it. Connections of other network namespaces than the daemon's are
 * left alone: it would not find them again to put anything back.
 *
 * Gate shut: nothing new is set.
 */
#include "../lib/connection.h"
#include "tcp.h"

extern const volatile __u64 tick_ns; /* a jiffy: pulse.bpf.c */

const volatile __u64 netns_cookie; /* the daemon's network namespace; set before load */

/* Sets an option that takes a number, and counts it. */
static __always_inline bool set_number(struct bpf_sock_ops *ctx, int option, u32 value)
{
	bool done = !bpf_setsockopt(ctx, SOL_TCP, option, &value, sizeof(value));

	tcp_count(done ? HS_COUNT_SOCKOPS_SET : HS_COUNT_SOCKOPS_REFUSED);
	return done;
}

static __always_inline u32 us_of(u32 jiffies)
{
	return jiffies * tick_ns / 1000;
}

static __always_inline void critical_connection(struct bpf_sock_ops *ctx, struct tcp_sock *tp,
						struct socket_state *s)
{
	u32 window = knob_bounded(HS_KNOB_SOCKOPS_WINDOW);
	u32 rto_us = knob_bounded(HS_KNOB_SOCKOPS_RTO_MIN);
	u32 delack_us = knob_bounded(HS_KNOB_SOCKOPS_DELACK);
	u32 unsent = knob_bounded(HS_KNOB_SOCKOPS_UNSENT);

	s->rto_min_us = us_of(tp->inet_conn.icsk_rto_min);
	s->delack_max_us = us_of(tp->inet_conn.icsk_delack_max);
	s->unsent_bytes = tp->notsent_lowat;
	if (window && set_number(ctx, TCP_BPF_IW, window))
		s->set |= HS_SOCKET_WINDOW;
	if (rto_us && set_number(ctx, TCP_BPF_RTO_MIN, rto_us))
		s->set |= HS_SOCKET_RTO_MIN;
	if (delack_us && set_number(ctx, TCP_BPF_DELACK_MAX, delack_us))
		s->set |= HS_SOCKET_DELACK;
	if (unsent && set_number(ctx, TCP_NOTSENT_LOWAT, unsent))
		s->set |= HS_SOCKET_UNSENT;
}

SEC("sockops")
int sockops_connection(struct bpf_sock_ops *ctx)
{
	struct socket_state *s;
	struct hs_flow_set *set;
	struct bpf_sock *sk;
	struct tcp_sock *tp;
	u32 base, flow;
	bool critical, ours;

	if (!gate_open() ||
	    (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	     ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) ||
	    bpf_get_netns_cookie(ctx) != netns_cookie)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	set = flows_in_force(&base);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!set || !tp)
		return 1;
	flow = flow_of_connection(set, base, tp);
	/* clang knows its bounds; said again for the verifier */
	asm volatile("" : "+r"(flow));
	if (flow > FLOW_NONE)
		return 1;
	critical = set->class[flow] == HS_FLOW_CRITICAL;
	ours = set->tcp[flow] && !BPF_CORE_READ_BITFIELD(&tp->inet_conn, icsk_ca_setsockopt);
	if (!critical && !ours)
		return 1;
	s = bpf_sk_storage_get(&SOCKETS, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s)
		return 1;
	s->flow = flow;
	if (critical)
		critical_connection(ctx, tp, s);
	if (ours && !tcp_move(ctx, "homeostat"))
		tcp_count(HS_COUNT_TCP_TAKEN);
	return 1;
}

/* ---- on the daemon's word ---- */

static __always_inline void connection_of(struct hs_connection *c, const struct tcp_sock *tp,
					  const struct socket_state *s)
{
	const struct sock_common *sk = &tp->inet_conn.icsk_inet.sk.__sk_common;

	if (sk->skc_family == AF_INET) {
		mapped_address(c->local, sk->skc_rcv_saddr);
		mapped_address(c->peer, sk->skc_daddr);
	} else {
		__builtin_memcpy(c->local, &sk->skc_v6_rcv_saddr, 16);
		__builtin_memcpy(c->peer, &sk->skc_v6_daddr, 16);
	}
	c->local_port = sk->skc_num;
	c->peer_port = be16_at((const u8 *)&sk->skc_dport);
	__builtin_memcpy(c->congestion, tp->inet_conn.icsk_ca_ops->name, 16);
	c->cwnd = tp->snd_cwnd;
	c->rtt_us = tp->srtt_us >> 3;
	c->rtt_min_us = tp->rtt_min.s[0].v;
	c->delivered = tp->delivered;
	c->lost = tp->lost;
	c->flow = s ? s->flow : HS_FLOWS_MAX;
	c->set = s ? s->set : 0;
	c->moves = s ? s->moves : 0;
}

static __always_inline void tell(struct bpf_iter__tcp *ctx, const struct tcp_sock *tp,
				 const struct socket_state *s)
{
	struct hs_connection c = {0};

	connection_of(&c, tp, s);
	bpf_seq_write(ctx->meta->seq, &c, sizeof(c));
}

SEC("iter/tcp")
int sockets_list(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct socket_state *s;
	struct tcp_sock *tp;

	tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tp)
		return 0;
	s = bpf_sk_storage_get(&SOCKETS, tp, 0, 0);
	if (s || tcp_ours(tp->inet_conn.icsk_ca_ops))
		tell(ctx, tp, s);
	return 0;
}

/* Puts back a number that we have set. */
static __always_inline void put_back(struct tcp_sock *tp, struct socket_state *s, u32 what,
				     int option, u32 before)
{
	if (!(s->set & what) || bpf_setsockopt(tp, SOL_TCP, option, &before, sizeof(before)))
		return;
	s->set &= ~what;
	tcp_count(HS_COUNT_SOCKOPS_BACK);
}

/*
 * Puts back what was set on a connection, and gives it to its host's default congestion control, or to CUBIC where that is
 * ours. With the gate shut, one that BBR drives and that has packets under way is left to its next ACK, which knows what window
 * to leave with; with the gate open (a profile that no longer wants us) it would stay.
 * Tells of those on which something of ours is left.
 */
SEC("iter/tcp")
int sockets_restore(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	const struct tcp_congestion_ops *ca;
	struct socket_state *s;
	struct tcp_sock *tp;
	char name[16];

	tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tp)
		return 0;
	s = bpf_sk_storage_get(&SOCKETS, tp, 0, 0);
	if (s && s->set) {
		put_back(tp, s, HS_SOCKET_RTO_MIN, TCP_BPF_RTO_MIN, s->rto_min_us);
		put_back(tp, s, HS_SOCKET_DELACK, TCP_BPF_DELACK_MAX, s->delack_max_us);
		put_back(tp, s, HS_SOCKET_UNSENT, TCP_NOTSENT_LOWAT, s->unsent_bytes);
	}
	if (tcp_ours(tp->inet_conn.icsk_ca_ops) &&
	    (!tp->packets_out || !tp->inet_conn.icsk_ca_ops->cong_control || gate_open())) {
		ca = tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net->ipv4
			     .tcp_congestion_control;
		__builtin_memcpy(name, ca->name, sizeof(name));
		if (!(tcp_ours(ca)
			      ? tcp_move(tp, "cubic")
			      : bpf_setsockopt(tp, SOL_TCP, TCP_CONGESTION, name, sizeof(name))))
			tcp_count(HS_COUNT_TCP_LEFT);
	}
	if (tcp_ours(tp->inet_conn.icsk_ca_ops) || (s && s->set & ~HS_SOCKET_WINDOW))
		tell(ctx, tp, s);
	return 0;
}
