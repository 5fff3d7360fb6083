// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Congestion control that asks whether a loss was congestion. A connection is driven by the kernel's CUBIC, and while it
 * loses packets on a path without a queue, by the kernel's BBR. The windows are theirs, but where losses keep BBR from
 * filling a path that has no queue yet: keep_doubling() and keep_looking().
 *
 * Model. There are two struct_ops, and a connection is moved from one to the other with TCP_CONGESTION. `homeostat` is
 * CUBIC. Packets are dropped where a queue is full, and their neighbours have stood in that queue: when the connection goes
 * into recovery, the last measured RTT is compared with the path's shortest. Within `tcp.queue.tolerance_permille` of it
 * there was no queue, the loss was not congestion, and the connection moves to `homeostat_loss`, which is BBR. It looks back
 * over EPOCH_ROUNDS round trips at a time, and moves to `homeostat` again when nothing was lost for CLEAN_ROUNDS, and once
 * its beginning is over, when more was lost than `tcp.loss.tolerance_permille`, or when something was lost while the queue
 * never went away. This knob at 0, its stock, is plain CUBIC.
 *
 * The beginning is over when BBR has found the path full, or after BEGIN_ROUNDS: who has little to send never fills it.
 *
 * Where this very host has no room for packets, the loss may be its own, and who presses on makes it worse: while
 * net.congestion_permille is above `tcp.host.congestion_permille` no loss moves a connection, and one that has lost something in
 * such a round goes back at the end of the epoch. A congestion that is absent, or was measured long ago, is none.
 *
 * Example: 200 Mbit/s, 20 ms, 1 % of packets lost by radio. CUBIC's slow start meets the first loss at a window of some
 * 100 packets and an RTT of 20.1 ms: tolerance is 5 ms, so it moves at once. BBR goes on from that window, finds the rate of
 * the path in some rounds and stays at it. The same path without loss: CUBIC fills the queue, loses at 80 ms, and stays.
 *
 * Gate shut: the connection goes to the kernel's own `cubic` with its next ACK, from its current window: nothing of ours
 * outlives us on a connection that is used. Until then, and where the kernel has no `cubic` to go to, it is CUBIC's functions.
 * The variant that bears loss has BBR's state where CUBIC has its own, so there it can only go.
 *
 * Known limits. A queue shorter than the tolerance is not seen: where a bottleneck drops above such a one (a policer, a
 * shallow switch), its losses are taken for the path's, and BBR is what the connection gets. Where the RTT varies by itself
 * (radio that repeats), loss looks like congestion more often than it is: then it is CUBIC. Who has little to send for
 * BEGIN_ROUNDS, and then much, fills the path as BBR does by itself, and is judged by what that loses.
 */
#include "tcp.h"

#define CORNER 8	   /* of icsk_ca_priv, in its words: CUBIC has those before */
#define QUEUE_FLOOR_US 500 /* less than that no RTT tells from noise of the hosts */
#define BBR_QUEUE_US                                                                               \
	5000 /* … and less than that is BBR's own doing on a short path (seen: 2 ms at an RTT of 1 ms) */
#define BBR_GAIN 3	/* about what BBR begins with (2.89) */
#define BBR_LEAST 4	/* packets: its window while it looks for the shortest RTT */
#define AGAIN_ROUNDS 64 /* a loss without a queue counts as the next one for so many round trips */
#define BEGIN_ROUNDS 32 /* the beginning, at most (seen: 18 until the path was full) … */
#define SETTLE_ROUNDS 2 /* … and after it, until most of what its queue lost is known */
#define EPOCH_ROUNDS 16 /* two of BBR's gain cycles, each of which empties the queue once */
#define CLEAN_ROUNDS 256
#define STALE_NS 1000000000ULL /* a vital sign of before that says nothing about now */

/* What `homeostat` knows of a connection, beside CUBIC's state. */
struct tcp_path {
	u32 rtt_us;   /* last sample; 0 = none yet */
	u32 loss_at;  /* tp->delivered at the last loss without a queue … */
	u32 suspects; /* … of which there were so many */
};

static __always_inline struct tcp_path *path_of(struct sock *sk)
{
	return (struct tcp_path *)&((struct inet_connection_sock *)sk)->icsk_ca_priv[CORNER];
}

static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	return (struct tcp_sock *)sk;
}

/* RTT from which on there is a queue, one of @least_us. */
static __always_inline u32 queued_us(const struct tcp_sock *tp, u32 least_us)
{
	u32 min = tp->rtt_min.s[0].v;
	u64 tolerance = (u64)min * knob_bounded(HS_KNOB_TCP_QUEUE) / 1000;

	return min + (tolerance > least_us ? tolerance : least_us);
}

/* RTT from which on a sender that doubles has filled the path. */
static __always_inline u32 filled_us(const struct tcp_sock *tp)
{
	u32 min = tp->rtt_min.s[0].v, some = min / 16;

	return min + (some > QUEUE_FLOOR_US ? some : QUEUE_FLOOR_US);
}

/* Is this host itself at its end, as the pulse last measured? Reads the clock: for losses, not for each ACK. */
static __always_inline bool host_congested(void)
{
	const volatile struct hs_vital *v = &vitals[HS_VITAL_CONGESTION];

	return v->present && v->value > knob_bounded(HS_KNOB_TCP_HOST) &&
	       bpf_ktime_get_ns() - v->updated_ns < STALE_NS;
}

static __always_inline u32 in_flight(const struct tcp_sock *tp)
{
	return tp->packets_out - tp->sacked_out - tp->lost_out + tp->retrans_out;
}

/* ---- CUBIC ---- */

/* Is there room behind CUBIC's own state, as there is on all kernels so far? */
static __always_inline bool has_corner(void)
{
	return bpf_core_type_size(struct bictcp) <= CORNER * sizeof(u64);
}

/*
 * The connection loses: was there no queue? In slow start, where nothing has ever been in the way, the first such loss
 * decides; later it takes two, as CUBIC is not harmed by one in a while.
 */
static __always_inline bool loss_without_queue(struct sock *sk)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct tcp_path *path = path_of(sk);
	u32 window = tp->snd_cwnd;

	if (!has_corner())
		return false;
	if (!path->rtt_us || path->rtt_us > queued_us(tp, QUEUE_FLOOR_US)) {
		path->suspects = 0;
		return false;
	}
	if (tp->delivered - path->loss_at > window * AGAIN_ROUNDS)
		path->suspects = 0;
	path->loss_at = tp->delivered;
	path->suspects++;
	return true;
}

SEC("struct_ops/tcp_init")
void BPF_PROG(tcp_init, struct sock *sk)
{
	cubictcp_init(sk);
}

SEC("struct_ops/tcp_ssthresh")
u32 BPF_PROG(tcp_ssthresh, struct sock *sk)
{
	return cubictcp_recalc_ssthresh(sk);
}

SEC("struct_ops/tcp_cong_avoid")
void BPF_PROG(tcp_cong_avoid, struct sock *sk, u32 ack, u32 acked)
{
	cubictcp_cong_avoid(sk, ack, acked);
}

/* Each ACK of something new, also in recovery. */
SEC("struct_ops/tcp_acked")
void BPF_PROG(tcp_acked, struct sock *sk, const struct ack_sample *sample)
{
	s32 rtt_us = sample->rtt_us;

	if (!gate_open() && !tcp_move(sk, "cubic")) {
		tcp_count(HS_COUNT_TCP_LEFT);
		return;
	}
	cubictcp_acked(sk, sample);
	if (rtt_us > 0 && has_corner())
		path_of(sk)->rtt_us = rtt_us;
}

SEC("struct_ops/tcp_set_state")
void BPF_PROG(tcp_set_state, struct sock *sk, u8 state)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	bool slow_start = tcp_of(sk)->prior_ssthresh >= TCP_INFINITE_SSTHRESH;

	cubictcp_state(sk, state);
	if (!gate_open() || state < TCP_CA_RECOVERY ||
	    BPF_CORE_READ_BITFIELD(icsk, icsk_ca_state) >= TCP_CA_RECOVERY ||
	    !knob_bounded(HS_KNOB_TCP_LOSS) || !loss_without_queue(sk) ||
	    (!slow_start && path_of(sk)->suspects < 2))
		return;
	if (host_congested()) {
		tcp_count(HS_COUNT_TCP_HOST);
		return;
	}
	if (!tcp_move(sk, "homeostat_loss"))
		tcp_count(HS_COUNT_TCP_TO_LOSS);
}

SEC("struct_ops/tcp_cwnd_event")
void BPF_PROG(tcp_cwnd_event, struct sock *sk, enum tcp_ca_event event)
{
	if (bpf_ksym_exists(cubictcp_cwnd_event))
		cubictcp_cwnd_event(sk, event);
}

SEC("struct_ops/tcp_tx_start")
void BPF_PROG(tcp_tx_start, struct sock *sk)
{
	cubictcp_cwnd_event_tx_start(sk);
}

SEC("struct_ops/tcp_undo_cwnd")
u32 BPF_PROG(tcp_undo_cwnd, struct sock *sk)
{
	return tcp_reno_undo_cwnd(sk);
}

SEC(".struct_ops.link")
struct tcp_congestion_ops tcp_ops = {
	.init = (void *)tcp_init,
	.ssthresh = (void *)tcp_ssthresh,
	.cong_avoid = (void *)tcp_cong_avoid,
	.pkts_acked = (void *)tcp_acked,
	.set_state = (void *)tcp_set_state,
	.cwnd_event = (void *)tcp_cwnd_event,
	.cwnd_event_tx_start = (void *)tcp_tx_start,
	.undo_cwnd = (void *)tcp_undo_cwnd,
	.name = "homeostat",
};

/* ---- BBR ---- */

static __always_inline void epoch_begin(const struct tcp_sock *tp, struct socket_state *s)
{
	s->rounds = 0;
	s->rtt_us = ~0U;
	s->lost = tp->lost;
	s->delivered = tp->delivered;
}

/* What the path holds, in packets: what was delivered in this sample's time, taken to the shortest RTT. 0 = not known. */
static __always_inline u64 path_holds(const struct tcp_sock *tp, const struct rate_sample *rs)
{
	if (rs->delivered <= 0 || rs->interval_us <= 0)
		return 0;
	return (u64)rs->delivered * tp->rtt_min.s[0].v / (u64)rs->interval_us;
}

/*
 * BBR's threshold is infinite until it finds the path full, and may be so again later: the kernel puts back what was there
 * before a recovery that turns out to have been for nothing. So what was seen once stays.
 */
static __always_inline bool beginning(const struct tcp_sock *tp, struct socket_state *s)
{
	if (tp->snd_ssthresh < TCP_INFINITE_SSTHRESH && s->settling > SETTLE_ROUNDS)
		s->settling = SETTLE_ROUNDS;
	return s->settling > SETTLE_ROUNDS;
}

/*
 * BBR doubles its window until the path is full, but while it recovers from a loss it sends no more than was delivered,
 * for a round. A small window of which each round loses something so hardly ever grows (seen at 10 % and 100 ms: 18 rounds to
 * a full path instead of 8). As long as there is no queue, it is doubled here through losses, up to thrice what the path
 * holds by the present sample; not after a timeout, and not where BBR lets the path run empty to see the shortest RTT.
 */
static __always_inline void keep_doubling(struct sock *sk, struct socket_state *s,
					  const struct rate_sample *rs)
{
	struct tcp_sock *tp = tcp_of(sk);
	u64 most, window = (u64)s->window + rs->acked_sacked;

	if (!beginning(tp, s) || s->last_rtt_us > filled_us(tp) ||
	    BPF_CORE_READ_BITFIELD((struct inet_connection_sock *)sk, icsk_ca_state) >=
		    TCP_CA_LOSS) {
		s->window = 0;
		return;
	}
	most = BBR_GAIN * path_holds(tp, rs);
	if (!most || tp->snd_cwnd <= BBR_LEAST)
		return;
	if (window > most)
		window = most;
	if (window > tp->snd_cwnd_clamp)
		window = tp->snd_cwnd_clamp;
	if (window > tp->snd_cwnd)
		tp->snd_cwnd = window;
	s->window = tp->snd_cwnd;
}

/*
 * Leaves it: BBR's window is twice what the path holds, and its threshold infinite. The path holds what was delivered in
 * this sample's time, taken to the shortest RTT; where less is in flight (BBR looks for the shortest RTT), CUBIC gets there by
 * slow start. BBR's pacing ends with it, where nobody else asked for any.
 */
static __always_inline void leave_window(struct sock *sk, const struct rate_sample *rs)
{
	struct tcp_sock *tp = tcp_of(sk);
	u32 flying = in_flight(tp) + 1;
	u64 holds = path_holds(tp, rs);

	if (holds > tp->snd_cwnd)
		holds = tp->snd_cwnd;
	if (holds < flying)
		holds = flying;
	tp->snd_ssthresh = holds > 2 ? holds : 2;
	if (flying < tp->snd_cwnd)
		tp->snd_cwnd = flying;
	if (sk->sk_pacing_status == 1 && sk->sk_max_pacing_rate == ~0UL)
		sk->sk_pacing_status = 0;
}

/* Within tcp.loss.tolerance_permille of what was sent? */
static __always_inline bool bearable(u32 lost, u32 delivered)
{
	return lost * 1000ULL <= (u64)(lost + delivered) * knob_bounded(HS_KNOB_TCP_LOSS);
}

/*
 * BBR takes three rounds without growth for a full path, also where it was losses that held it back, or a receiver that
 * waits for what is lost. A path that is full has a queue by then, as BBR sends at thrice the rate that it has found. Where
 * there is none it is to count from the beginning, as it does by itself after a timeout. (Seen at 10 % and 100 ms: it stayed
 * at 4 Mbit/s of 200.) Where a round loses more than may be borne, it is left to count: a policer has no queue either. BBR
 * takes this for a new recovery, in which it sends no more than is delivered: keep_doubling() undoes that, and neither is
 * good without the other (at 10 % and 100 ms 3 Mbit/s and 25, both together 86).
 */
static __always_inline void keep_looking(struct sock *sk, const struct socket_state *s, u32 lost,
					 u32 delivered)
{
	if (lost && bearable(lost, delivered) && s->last_rtt_us <= filled_us(tcp_of(sk)))
		bbr_set_state(sk, TCP_CA_LOSS);
}

/* An epoch is over: is it time to go back? In the beginning losses and queue are those of filling the path, and say nothing. */
static __always_inline bool epoch_is_over(const struct tcp_sock *tp, struct socket_state *s)
{
	u32 lost = tp->lost - s->lost, delivered = tp->delivered - s->delivered;
	bool over = false;

	s->clean = lost ? 0 : s->clean + EPOCH_ROUNDS;
	if (s->host || s->clean >= CLEAN_ROUNDS)
		over = true;
	else if (!s->settling && lost)
		over = !bearable(lost, delivered) || s->rtt_us > queued_us(tp, BBR_QUEUE_US);
	epoch_begin(tp, s);
	return over;
}

/* Is it time to go back? Looks once in an epoch. One of them begins when what the beginning lost is known. */
static __always_inline bool loss_is_over(struct sock *sk, struct socket_state *s,
					 const struct rate_sample *rs)
{
	struct tcp_sock *tp = tcp_of(sk);
	u32 lost = tp->lost - s->round_lost, delivered = tp->delivered - s->round_end;

	if (rs->rtt_us > 0 && rs->rtt_us < s->rtt_us)
		s->rtt_us = rs->rtt_us;
	if ((s32)(rs->prior_delivered - s->round_end) < 0)
		return false;
	s->round_end = tp->delivered;
	s->round_lost = tp->lost;
	if (lost && host_congested())
		s->host = 1;
	if (beginning(tp, s)) {
		s->settling--;
		keep_looking(sk, s, lost, delivered);
	} else if (s->settling) {
		s->settling--;
		epoch_begin(tp, s);
		return false;
	}
	return ++s->rounds >= EPOCH_ROUNDS && epoch_is_over(tp, s);
}

SEC("struct_ops/loss_init")
void BPF_PROG(loss_init, struct sock *sk)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct socket_state *s;

	bbr_init(sk);
	s = bpf_sk_storage_get(&SOCKETS, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s)
		return;
	epoch_begin(tp, s);
	s->round_end = tp->delivered;
	s->round_lost = tp->lost;
	s->clean = 0;
	s->host = 0;
	s->settling = BEGIN_ROUNDS + SETTLE_ROUNDS;
	s->last_rtt_us = 0; /* it comes here because there was no queue */
	s->window = tp->snd_cwnd;
	s->moves++;
}

SEC("struct_ops/loss_main")
void BPF_PROG(loss_main, struct sock *sk, u32 ack, int flag, const struct rate_sample *rs)
{
	struct socket_state *s;
	bool open = gate_open();

	if (!open && !tcp_move(sk, "cubic")) {
		leave_window(sk, rs);
		tcp_count(HS_COUNT_TCP_LEFT);
		return;
	}
	bbr_main(sk, ack, flag, rs);
	if (!open)
		return;
	s = bpf_sk_storage_get(&SOCKETS, sk, 0, 0);
	if (s && rs->rtt_us > 0)
		s->last_rtt_us = rs->rtt_us;
	if (s)
		keep_doubling(sk, s, rs);
	/* without memory for what it needs to know it goes back at once */
	if ((!s || loss_is_over(sk, s, rs)) && !tcp_move(sk, "homeostat")) {
		leave_window(sk, rs);
		tcp_count(HS_COUNT_TCP_BACK);
		if (s)
			s->moves++;
		if (s && s->host)
			tcp_count(HS_COUNT_TCP_HOST_BACK);
	}
}

SEC("struct_ops/loss_sndbuf_expand")
u32 BPF_PROG(loss_sndbuf_expand, struct sock *sk)
{
	return bbr_sndbuf_expand(sk);
}

SEC("struct_ops/loss_undo_cwnd")
u32 BPF_PROG(loss_undo_cwnd, struct sock *sk)
{
	return bbr_undo_cwnd(sk);
}

SEC("struct_ops/loss_cwnd_event")
void BPF_PROG(loss_cwnd_event, struct sock *sk, enum tcp_ca_event event)
{
	if (bpf_ksym_exists(bbr_cwnd_event))
		bbr_cwnd_event(sk, event);
}

SEC("struct_ops/loss_tx_start")
void BPF_PROG(loss_tx_start, struct sock *sk)
{
	bbr_cwnd_event_tx_start(sk);
}

SEC("struct_ops/loss_ssthresh")
u32 BPF_PROG(loss_ssthresh, struct sock *sk)
{
	return bbr_ssthresh(sk);
}

SEC("struct_ops/loss_min_tso_segs")
u32 BPF_PROG(loss_min_tso_segs, struct sock *sk)
{
	return bbr_min_tso_segs(sk);
}

SEC("struct_ops/loss_set_state")
void BPF_PROG(loss_set_state, struct sock *sk, u8 state)
{
	bbr_set_state(sk, state);
}

SEC(".struct_ops.link")
struct tcp_congestion_ops loss_ops = {
	.init = (void *)loss_init,
	.cong_control = (void *)loss_main,
	.sndbuf_expand = (void *)loss_sndbuf_expand,
	.undo_cwnd = (void *)loss_undo_cwnd,
	.cwnd_event = (void *)loss_cwnd_event,
	.cwnd_event_tx_start = (void *)loss_tx_start,
	.ssthresh = (void *)loss_ssthresh,
	.min_tso_segs = (void *)loss_min_tso_segs,
	.set_state = (void *)loss_set_state,
	.name = "homeostat_loss",
};
