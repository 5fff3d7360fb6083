/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * From what the kernel counts to the scores of network and interrupts. Pure: the unit tests run the same code on the host.
 *
 * Congestion is the largest of three figures, each 1000 at its worst, so that it can be said which one it was:
 *
 *	loss	packets for which there was no room (backlog drops, full UDP buffers), as a share of those that came,
 *		a hundredfold: one in a hundred lost is as bad as it gets
 *	cut	rounds of receiving that ended with packets left over, as a share of all rounds
 *	busy	time that the busiest CPU spends in soft interrupts: none as long as it is half of it, all at all
 *
 * Example: 40 000 packets a second, of which 100 find a full buffer, are 0.25 %: loss 250. One round in ten is cut
 * short: 100. One CPU receives all of it and is at 60 %: busy 200. Congestion is 250.
 */
#ifndef HOMEOSTAT_LIB_CONGESTION_H
#define HOMEOSTAT_LIB_CONGESTION_H

#include "hist.h"

#define LOSS_TIMES 100 /* how much worse a lost packet is than one that came */
#define FEW_PACKETS                                                                                \
	1000	     /* losses are a share of so many packets at least: one of three is no alarm */
#define FEW_ROUNDS 8 /* the same for rounds */
#define FEW_SEGMENTS 100
#define BUSY_FROM                                                                                  \
	500 /* permille: a CPU with less than that in soft interrupts is far from its end */
#define IMBALANCE_PERMILLE                                                                         \
	10 /* a CPU with less time in interrupts than that has no burden to share */

/*
 * The kernel's counters of TCP that are read, by the names of its enumerators: the numbers differ from version to
 * version, and the loader asks BTF for them. MIB_NONE: not there.
 */
#define HS_MIBS(X)                                                                                 \
	X(OUT_SEGS, "TCP_MIB_OUTSEGS")                                                             \
	X(RETRANS_SEGS, "TCP_MIB_RETRANSSEGS")                                                     \
	X(LISTEN_DROPS,                                                                            \
	  "LINUX_MIB_LISTENDROPS") /* ListenOverflows and TCPReqQFullDrop are among them */
#define X(id, name) MIB_##id,
enum mib {
	HS_MIBS(X) MIB_NR
};
#undef X
#define MIB_NONE (~0U)

/* What is counted: of one CPU as last read, or what all of them have grown by. */
struct counts {
	__u64 packets, drops, squeezes, rounds; /* 32 bits wide in the kernel */
	__u64 irqs;
	__u64 udp_full;
	__u64 sent, again,
		refused; /* TCP: segments, those sent again, connections for want of room */
	__u64 reclaims, compacts;
};

HS_PURE __u64 permille_of(__u64 part, __u64 whole, __u64 least)
{
	return part * 1000 / (whole > least ? whole : least);
}

/* @softirq: permille of its time that the busiest CPU spends there, 0 where it is not known. */
HS_PURE __u64 congestion_of(const struct counts *sum, __u64 softirq)
{
	__u64 busy = softirq > BUSY_FROM ? (softirq - BUSY_FROM) * 1000 / (1000 - BUSY_FROM) : 0;
	__u64 lost = sum->drops + sum->udp_full, cut, worst;

	worst = permille_of(LOSS_TIMES * lost, sum->packets + sum->drops, FEW_PACKETS);
	cut = permille_of(sum->squeezes, sum->rounds, FEW_ROUNDS);
	if (cut > worst)
		worst = cut;
	if (busy > worst)
		worst = busy;
	return worst > 1000 ? 1000 : worst;
}

/*
 * How far the CPU with most time in interrupts is above the mean of all, of its own time: 0 = even, 1000 (1 - 1/n) = all
 * on one of n.
 */
HS_PURE __u64 imbalance_of(__u64 busiest_ns, __u64 all_ns, __u64 cpus, __u64 span_ns)
{
	__u64 mean_ns = all_ns / (cpus ? cpus : 1);

	if (!busiest_ns || mean_ns >= busiest_ns ||
	    permille_of(busiest_ns, span_ns, 1) < IMBALANCE_PERMILLE)
		return 0;
	return (busiest_ns - mean_ns) * 1000 / busiest_ns;
}

#endif
