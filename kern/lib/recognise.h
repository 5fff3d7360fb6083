/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What an undeclared flow is taken for, by what it does: bulk, requests, or neither. Pure, as packet.h.
 *
 * Model. Time is cut into windows of 64 ms to 128 ms, a power of two of jiffies, the same for all flows. A flow has a slot, one
 * word: bytes and packets of this window, which window that is, and what is thought of the flow. The first packet of the next
 * window closes the one before, and judges it:
 *
 *	bulk	large packets (512 bytes on average) at net.recognise.bulk_kbit or more; or, but for TCP, packets of any size at
 *		net.recognise.flood_hz or more. For a flow that is bulk already: at half of that
 *	request	small packets, 128 of them at most
 *	neither	all else; and a window without a packet, where it is about bulk
 *
 * Three windows in a row that say bulk, or request, make it so; three that do not say bulk end that. What is taken for requests is no
 * longer from the packet on with which a window has more than 128, or than they may have bytes. A second of silence: as new.
 *
 * Example, 64 ms and 20 Mbit/s: a copy sends 1500 bytes 5000 times a second, 480 KB in a window where 160 KB are enough: bulk after
 * three. It is slowed down to 12 Mbit/s, 96 KB: still; to 8 Mbit/s, 64 KB: no longer, after three. A shell: 3 packets of 100 bytes
 * now and then: requests after three windows in which there were any.
 *
 * Where the numbers are from. 512 bytes part an Ethernet full-sized packet from questions and ACKs. 128 packets in a window, 2000 a
 * second and 8 Mbit/s, are more than a voice call (50) or an operator's shell needs, and less than a transfer's ACKs: one for two
 * packets, so that of 48 Mbit/s or more is neither. (A slower one's ACKs are taken for requests; they go out first, as many a
 * router has it, and are a 20th of what they acknowledge.) Three windows: one burst of a page that is loaded, or of a video's
 * buffer, is over by then. TCP's small packets are never a flood: they are ACKs, or hold the window that its own congestion
 * control allows.
 *
 * Known limits. Flows whose hashes collide are as one: of 1000 at a time, one in 65. Two CPUs that count for one flow at the same
 * time lose a packet, or a window. A window holds 512 MiB and 131 072 packets, which is more than
 * the knobs can ask for at any tick rate (40 Gbit/s, 1.2 million a second). After a silence of
 * 4096 windows (4.4 minutes) and no more than a second above, a flow is not known as new. Many a packet in one (GRO, before
 * generic XDP) counts as one large one. A tunnel is one flow: declare it.
 */
#ifndef HOMEOSTAT_LIB_RECOGNISE_H
#define HOMEOSTAT_LIB_RECOGNISE_H

#include "steer.h"

#define RECOGNISE_FLOWS_NR STEER_FLOWS_NR /* slots for each direction: 512 KB */

#define RECOGNISE_UNIT 16	/* bytes: what is counted in, rounded up */
#define RECOGNISE_SMALL 512	/* bytes, of the mean packet */
#define RECOGNISE_REQUESTS 128U /* packets in a window */
#define RECOGNISE_WINDOWS 3	/* that make up a mind */
#define RECOGNISE_FORGET 16	/* windows of silence */

/* The slot: units, packets, window; verdict, what the last windows said instead, how many of them. */
#define RECOGNISE_UNITS 0x3ffffffULL
#define RECOGNISE_PACKETS_AT 26
#define RECOGNISE_PACKETS 0x3ffffU
#define RECOGNISE_WINDOW_AT 44
#define RECOGNISE_WINDOW 0xfffU
#define RECOGNISE_VERDICT_AT 56
#define RECOGNISE_CANDIDATE_AT 58
#define RECOGNISE_STREAK_AT 60
/* The upper bit of units, or of packets: no more is counted. One packet has less than the lower bits can hold. */
#define RECOGNISE_FULL (1ULL << 25 | 1ULL << 43)

enum recognised {
	RECOGNISED_NOT, /* in the order of enum hs_flow_row */
	RECOGNISED_BULK,
	RECOGNISED_REQUEST
};

/* What makes bulk, in a window. */
struct recognise_limits {
	__u64 units;   /* of large packets */
	__u64 packets; /* of any */
};

/* A window is so many jiffies, as a power of two. */
HS_PURE __u32 recognise_shift(__u64 tick_ns)
{
	return tick_ns >= 8000000 ? 3 : tick_ns >= 4000000 ? 4 : tick_ns >= 2000000 ? 5 : 6;
}

/* From the knobs; their stock values stand for never. */
HS_PURE struct recognise_limits recognise_limits_of(__u64 kbit, __u64 kbit_stock, __u64 flood_hz,
						    __u64 flood_stock, __u64 window_ns)
{
	return (struct recognise_limits){
		.units = kbit < kbit_stock ? kbit * window_ns / (8000000ULL * RECOGNISE_UNIT)
					   : ~0ULL,
		.packets = flood_hz < flood_stock ? flood_hz * window_ns / 1000000000ULL : ~0ULL,
	};
}

HS_PURE __u64 recognise_units(__u64 slot)
{
	return slot & RECOGNISE_UNITS;
}

HS_PURE __u64 recognise_packets(__u64 slot)
{
	return slot >> RECOGNISE_PACKETS_AT & RECOGNISE_PACKETS;
}

HS_PURE __u32 recognise_window(__u64 slot)
{
	return slot >> RECOGNISE_WINDOW_AT & RECOGNISE_WINDOW;
}

/* What the window of @slot says. */
HS_PURE enum recognised recognise_judged(__u64 slot, const struct recognise_limits *l, bool tcp)
{
	__u64 units = recognise_units(slot), packets = recognise_packets(slot);
	__u64 times = (slot >> RECOGNISE_VERDICT_AT & 3) == RECOGNISED_BULK ? 2 : 1;
	bool large = units * RECOGNISE_UNIT >= packets * RECOGNISE_SMALL;

	if ((large && units * times >= l->units) || (!tcp && packets * times >= l->packets))
		return RECOGNISED_BULK;
	return packets && packets <= RECOGNISE_REQUESTS && !large ? RECOGNISED_REQUEST
								  : RECOGNISED_NOT;
}

struct recognise_mind {
	__u32 verdict;	 /* enum recognised, as candidate: … */
	__u32 candidate; /* … what the last windows said, … */
	__u32 streak;	 /* … so many in a row */
};

/* One more window that says @what. */
HS_PURE void recognise_step(struct recognise_mind *m, __u32 what)
{
	if (m->verdict == RECOGNISED_BULK && what == RECOGNISED_REQUEST)
		what = RECOGNISED_NOT; /* it is bulk no longer; the next windows tell whether it is that */
	if (m->verdict == RECOGNISED_REQUEST && what != RECOGNISED_REQUEST)
		m->verdict = RECOGNISED_NOT;
	if (what == m->verdict) {
		m->streak = 0;
		return;
	}
	m->streak = m->streak && what == m->candidate ? m->streak + 1 : 1;
	m->candidate = what;
	if (m->streak < RECOGNISE_WINDOWS)
		return;
	m->verdict = what;
	m->streak = 0;
}

/* @slot, whose window is another one than @window, begins that: nothing is counted in it yet. */
HS_PURE __u64 recognise_close(__u64 slot, __u32 window, const struct recognise_limits *l, bool tcp)
{
	struct recognise_mind m = {slot >> RECOGNISE_VERDICT_AT & 3,
				   slot >> RECOGNISE_CANDIDATE_AT & 3,
				   slot >> RECOGNISE_STREAK_AT & 7};
	__u32 gap = (window - recognise_window(slot)) & RECOGNISE_WINDOW, i;

	if (gap == RECOGNISE_WINDOW) /* another CPU has a later one already: it goes on */
		return slot;
	if (gap > RECOGNISE_FORGET) {
		m = (struct recognise_mind){0};
	} else {
		recognise_step(&m, recognise_judged(slot, l, tcp));
		/* silence says nothing about requests: they come when they come */
		for (i = 1; i <= RECOGNISE_WINDOWS; i++) {
			if (i < gap &&
			    (m.verdict == RECOGNISED_BULK || m.candidate == RECOGNISED_BULK))
				recognise_step(&m, RECOGNISED_NOT);
		}
	}
	return (__u64)(window & RECOGNISE_WINDOW) << RECOGNISE_WINDOW_AT |
	       (__u64)m.verdict << RECOGNISE_VERDICT_AT |
	       (__u64)m.candidate << RECOGNISE_CANDIDATE_AT |
	       (__u64)m.streak << RECOGNISE_STREAK_AT;
}

/* With @packets > 0 more, of @bytes together: less than 2^29, and than 2^17 of them. */
HS_PURE __u64 recognise_count(__u64 slot, __u32 bytes, __u32 packets)
{
	if (slot & RECOGNISE_FULL)
		return slot;
	return slot + (bytes + RECOGNISE_UNIT - 1) / RECOGNISE_UNIT +
	       ((__u64)packets << RECOGNISE_PACKETS_AT);
}

/* What the packet is taken for that was counted last. */
HS_PURE enum recognised recognise_verdict(__u64 slot)
{
	enum recognised verdict = (enum recognised)(slot >> RECOGNISE_VERDICT_AT & 3);

	if (verdict == RECOGNISED_REQUEST &&
	    (recognise_packets(slot) > RECOGNISE_REQUESTS ||
	     recognise_units(slot) > RECOGNISE_REQUESTS * RECOGNISE_SMALL / RECOGNISE_UNIT))
		return RECOGNISED_NOT;
	return verdict;
}

#endif
