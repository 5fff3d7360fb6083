// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * How TCP connections fare, by class of flow. The kernel keeps round-trip time and counters with each connection anyway, so
 * nothing is attached: while somebody asks, the daemon goes through the connections of its network namespace once a second.
 *
 * Model. What a connection had counted at the last look stands with its socket (TCP_SEEN). A look adds up by class what has
 * come since. A connection counts as much as the packets that it has delivered since, so an idle one does not, however slow
 * it was. Of one that was not there before there is no saying since when it counts: its round-trip time is taken, its counters are
 * from the next look on.
 *
 * The daemon reads byte by byte, and gets one for each HS_TCP_PIECE sockets: so a look at many is in pieces, between which it
 * does what else it has to.
 *
 * Known limits. What a connection does after the last look at it, or all of it where it was shorter, is not seen. Kernels
 * before 6.17 may pass over a socket, or come by it twice, where a bucket changes between two pieces: what it did counts with the next
 * look, and nothing twice. Where there is no memory to remember one it is left out, and counted (`missed`).
 */
#include "../lib/connection.h"

#define TCP_LISTEN 10

/* What a connection had counted at the last look. */
struct tcp_seen {
	u32 session;
	u32 delivered;
	u32 sent;
	u32 again;
	u64 acked;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcp_seen);
} TCP_SEEN SEC(".maps");

/* Of one whose numbers are of another session, or not yet there. In the first look it is idle. */
static __always_inline void begin_with(struct tcp_seen *s, const struct tcp_sock *tp)
{
	s->session = tcp_look.session;
	s->delivered = tcp_look.first ? tp->delivered : 0;
	s->sent = tp->data_segs_out;
	s->again = tp->total_retrans;
	s->acked = tp->bytes_acked;
}

static __always_inline struct hs_tcp_class *class_of(const struct tcp_sock *tp)
{
	struct hs_flow_set *set;
	u32 base, flow, class;

	set = flows_in_force(&base);
	if (!set)
		return NULL;
	flow = flow_of_connection(set, base, tp);
	asm volatile("" : "+r"(flow)); /* bounds, said again for the verifier */
	if (flow > FLOW_NONE)
		return NULL;
	class = set->class[flow];
	asm volatile("" : "+r"(class));
	return class < HS_FLOW_CLASS_NR ? &tcp_look.class[class] : NULL;
}

static __always_inline void add(const struct tcp_sock *tp)
{
	struct hs_tcp_class *c;
	struct tcp_seen *s;
	u32 delivered;

	s = bpf_sk_storage_get(&TCP_SEEN, (void *)tp, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s) {
		tcp_look.missed++;
		return;
	}
	if (s->session != tcp_look.session)
		begin_with(s, tp);
	delivered = tp->delivered - s->delivered;
	if (!delivered && s->sent == tp->data_segs_out && s->acked == tp->bytes_acked)
		return;
	c = class_of(tp);
	if (!c)
		return;
	if (tp->srtt_us) {
		c->delivered += delivered;
		c->rtt_us += (u64)delivered * (tp->srtt_us >> 3);
		c->rttvar_us += (u64)delivered * (tp->mdev_us >> 2);
	}
	c->sent += (u32)(tp->data_segs_out - s->sent);
	c->again += (u32)(tp->total_retrans - s->again);
	c->acked += tp->bytes_acked - s->acked;
	s->delivered = tp->delivered;
	s->sent = tp->data_segs_out;
	s->again = tp->total_retrans;
	s->acked = tp->bytes_acked;
}

SEC("iter/tcp")
int sockets_measure(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct tcp_sock *tp;
	u8 piece = 1;

	if (!sk)
		return 0;
	if (!(++tcp_look.sockets % HS_TCP_PIECE))
		bpf_seq_write(ctx->meta->seq, &piece, sizeof(piece));
	tp = bpf_skc_to_tcp_sock(sk); /* no request, no TIME_WAIT */
	if (tp && sk->skc_state != TCP_LISTEN)
		add(tp);
	return 0;
}
