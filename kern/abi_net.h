/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The part of the contract that is about packets, interrupts and connections: included by abi.h, and by nobody else. */
#ifndef HOMEOSTAT_ABI_NET_H
#define HOMEOSTAT_ABI_NET_H

/*
 * What flows are declared, as tables (lib/flow.h). A mask has a bit for each flow of the profile, in its order: the
 * flows that this value leaves. Of a port, the number of a mask: 64 flows cannot part the ports into more than 129 sets.
 */
enum hs_side {
	HS_SIDE_LOCAL, /* the port here … */
	HS_SIDE_PEER,  /* … and the other one */
	HS_SIDE_NR
};
struct hs_port_table {
	__u64 mask[256];
	__u8 set[65536]; /* index into mask */
};
struct hs_flow_table {
	__u64 protocol[256];
	__u64 dscp[64];
	__u64 portless; /* flows that state no port: all that a packet without one can belong to */
	struct hs_port_table port[HS_SIDE_NR];
};

/*
 * Rows of what is counted and of class[]: the declared flows, the packets of none (HS_FLOWS_MAX), and of these, apart from
 * them, those that were recognised by what they do (lib/recognise.h).
 */
enum hs_flow_row {
	HS_FLOW_OTHERS = HS_FLOWS_MAX,
	HS_FLOW_SEEN_BULK,
	HS_FLOW_SEEN_REQUEST,
	HS_FLOW_ROWS
};

/* FLOWS. Two of them; hs_config.flows_base says which is in force, so that a reload never shows half a set. */
struct hs_flow_set {
	struct hs_flow_table table;
	__u32 class[HS_FLOW_ROWS]; /* enum hs_flow_class, by enum hs_flow_row */
	__u32 peers;		   /* 1 = some flow states a peer: look into PEERS */
	__u32 recognise;	   /* 1 = packets of no flow are looked up in RECOGNISED */
	__u8 mark[HS_FLOW_ROWS];   /* DSCP of what goes out, + 1; 0 = as it is */
	__u8 pad[5];
	__u32 tcp[HS_FLOWS_MAX + 1]; /* 1 = its connections get our congestion control */
};

/* PEERS: longest prefix to the mask of flows that it leaves. IPv4 as ::ffff:a.b.c.d. */
struct hs_peer_key {
	__u32 bits; /* that count, of what follows: 32 + 128 for an address */
	__u32 base; /* hs_config.flows_base */
	__u8 address[16];
};

/* What became of the packets of one flow on one CPU (FLOW_STATS). Each half of FLOWS has its own; flow as in class[]. */
#define HS_FLOW_STATS_NR (2 * HS_FLOW_ROWS)
#define HS_FLOW_STATS_AT(base, flow) ((base) * HS_FLOW_ROWS + (flow))
struct hs_flow_stats {
	__u64 packets; /* seen while the gate was open */
	__u64 shed;    /* of these, dropped */
};

/* What became of outgoing packets, likewise (EGRESS_STATS). As the wire has them: what is yet to be segmented counts as many. */
struct hs_egress_stats {
	__u64 packets;	   /* seen while the gate was open */
	__u64 prioritised; /* of these, with a priority of ours */
	__u64 marked;	   /* … with a DSCP of ours that differs from theirs */
	__u64 paced;	   /* … that net.bulk.pace_kbit was for: … */
	__u64 delayed;	   /* … of these, with a departure later than now, … */
	__u64 delayed_ns;  /* … by so much, all together */
	__u64 dropped;	   /* … or that would have had to wait for too long */
};

/*
 * PACERS: of each interface, by its index, whose queueing discipline can hold a packet until its departure time. The daemon
 * makes and deletes it; the program moves it on.
 */
struct hs_pacer {
	__u64 next_ns; /* when the next packet of bulk may leave */
};
#define HS_PACERS_MAX 16 /* interfaces of one profile */

/* What was set on a critical connection. */
#define HS_SOCKET_WINDOW 1U /* cannot be put back: it has been sent */
#define HS_SOCKET_RTO_MIN 2U
#define HS_SOCKET_DELACK 4U
#define HS_SOCKET_UNSENT 8U

/* One record of the iterators over connections (`homeostat connections`): what we took or set something on. */
struct hs_connection {
	__u8 local[16]; /* addresses in network byte order; IPv4 as ::ffff:a.b.c.d */
	__u8 peer[16];
	__u16 local_port;
	__u16 peer_port;
	__u32 flow; /* index into the profile's flows when it was made; HS_FLOWS_MAX = none */
	char congestion[16]; /* name of its congestion control */
	__u32 set;	     /* HS_SOCKET_* that are set */
	__u32 cwnd;	     /* packets */
	__u32 rtt_us;	     /* smoothed */
	__u32 rtt_min_us;
	__u32 delivered; /* packets, modulo 2^32 */
	__u32 lost;
	__u32 moves; /* between our two variants */
};

/*
 * TCP_LOOK. What a look at all connections has found (sense/tcp.bpf.c): summed up there while the daemon reads the iterator,
 * of connections that delivered or sent something since the look before. Between two looks it is the daemon's.
 */
struct hs_tcp_class {
	__u64 delivered;	 /* packets: the weight of its connections */
	__u64 rtt_us, rttvar_us; /* each connection's as often as it delivered packets */
	__u64 sent, again;	 /* segments with data, and those among them that were sent again */
	__u64 acked;		 /* bytes */
};
struct hs_tcp_look {
	__u32 session; /* looks with others between belong to another one; 0 = none */
	__u32 first;   /* 1 = of its session: there is nothing to compare with yet */
	__u64 sockets; /* that were come by, of any kind */
	__u64 missed;  /* connections that there was no memory for */
	struct hs_tcp_class class[HS_FLOW_CLASS_NR];
};
#define HS_TCP_PIECE 128 /* sockets that one read() of the iterator looks at */

/*
 * STEER. Where packets may go, as the pulse judges the CPUs (kern/busy.h); it alone writes it. `state` says what is done at
 * all:
 */
enum hs_steer_state {
	HS_STEER_OFF, /* no flow is looked up: nobody was above net.steer.above_permille for a while */
	HS_STEER_WATCH, /* some CPU is: flows are remembered, for one gap, so that it is known who is silent */
	HS_STEER_ON, /* flows are placed */
};
struct hs_steer_load {
	__u32 load_permille; /* busy time of this CPU: tasks, interrupts, soft interrupts, stolen */
	__u16 target;	     /* 1 = packets may be handed to it … */
	__u16 hot;	     /* … and from it, as it is above net.steer.above_permille */
};
struct hs_steer {
	__u32 state;	  /* enum hs_steer_state */
	__u32 generation; /* of the arming that all this is of; of another one: as HS_STEER_OFF */
	__u32 list; /* which half of `target` is in force << 16 | how many stand in it: one load tells both */
	__u32 pad;
	__u64 since;  /* jiffies at which the watch began: what is remembered from before is void */
	__u64 gap;    /* net.steer.gap_us in jiffies, two at least */
	__u64 forget; /* jiffies after which a silent flow is a new one */
	__u64 handed; /* packets handed over, all CPUs, as of the last look … */
	__u64 quiet_ns; /* … and since when it is the same and nobody is hot; 0 = it is not so */
	__u16 target[2][HS_CPUS_MAX];
	struct hs_steer_load cpu[HS_CPUS_MAX];
};

/* STEER_CPUS. The books of one CPU; each part has its own cache line. */
struct hs_steer_cpu {
	/* as the one that packets come in on; written there alone. While `state` is not OFF: */
	__u64 handed;  /* packets handed to another CPU … */
	__u64 kept;    /* … and those that stayed */
	__u64 moved;   /* flows that were placed anew after a silence */
	__u64 refused; /* of those handed: lost, as the queue was full or the driver could not */
	__u64 missing; /* packets that stayed as there was no queue any more where they belong */
	__u64 flushed; /* of those handed: out of this CPU's hands */
	__u64 since;   /* jiffies of the first that is not */
	__u64 pad;
	/* as the one that packets are handed to */
	__u64 queued; /* that its queue took */
	__u64 pad2[7];
	__u64 taken; /* of these, delivered by its thread */
	__u64 pad3[7];
};

/* What tc_qdisc says in cb[4] of an interface: enum netdev_xdp_act, and whether its packets come without their VLAN tags. */
#define HS_NIC_STRIPS_TAGS (1U << 31)

/* Kinds of interrupts: X(ID, name, first row of IRQS, the number that this row is of, meaning of the numbers). */
#define HS_IRQ_KINDS(X)                                                                            \
	X(SOFT, "soft", 0, 0, "soft interrupt, as /proc/softirqs lists them, from 0")              \
	X(VECTOR, "vector", HS_SOFTIRQS, HS_VECTOR_FIRST,                                          \
	  "x86: the processor's vector of a timer or another CPU")                                 \
	X(DEVICE, "device", HS_SOFTIRQS + HS_VECTORS, 0, "interrupt as /proc/interrupts numbers it")
#define HS_SOFTIRQS 16	     /* kinds of soft interrupts; the kernel has 10 */
#define HS_VECTOR_FIRST 0xe0 /* of x86's own ones; the lower ones are devices' */
#define HS_VECTORS 32
#define HS_IRQS_MAX 1280 /* the last row stands for those above, too */
enum hs_irq_kind {
#define X(id, ...) HS_IRQ_##id,
	HS_IRQ_KINDS(X)
#undef X
	HS_IRQ_KIND_NR
};

/*
 * IRQS: one interrupt on one CPU. A row whose from_ns is not hooks.irq_from_ns is of an earlier look, and counts as 0. A number
 * that devices share counts once for each of their handlers.
 */
struct hs_irq {
	__u64 from_ns; /* written last: who sees it sees what belongs to it */
	__u64 runs;
	__u64 time_ns;
	__u64 longest_ns;
	__u64 begun_ns;	 /* since when it is handled; 0 = it is not … */
	__u64 before_ns; /* … and this CPU's time in hard ones before it */
};

#endif
