/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Which of the profile's declared flows a packet belongs to: the first whose conditions all hold. Pure, as packet.h.
 *
 * Model. Each condition that a flow may state (protocol, DSCP, its port here, its port there, its peer) has a table from
 * the packet's value to a mask of flows: those that state this value, and those that state nothing of the kind. What
 * is left of all masks is the flows that match, and the lowest bit is the first of them: as many loads as there are
 * kinds of conditions, however many flows are declared. (Lakshman and Stiliadis, SIGCOMM 1998: bit vectors.)
 *
 * Example: flow 0 is UDP to port 9000, flow 1 has DSCP 8. protocol[17] is 0b11 and protocol[6] 0b10; dscp[8] is 0b11 and
 * dscp[0] 0b01. A UDP packet to 9000 with DSCP 0: 0b11 & 0b01 & 0b11 = 0b01, flow 0.
 */
#ifndef HOMEOSTAT_LIB_FLOW_H
#define HOMEOSTAT_LIB_FLOW_H

#include "hist.h"
#include "packet.h"

#define FLOW_NONE HS_FLOWS_MAX

/* Index of the flow of @p, which goes that way, or FLOW_NONE. @peers are those that its peer's address leaves. */
HS_PURE __u32 flow_of(const struct hs_flow_table *t, const struct packet *p, __u64 peers,
		      enum direction way)
{
	const struct hs_port_table *here = &t->port[HS_SIDE_LOCAL], *there = &t->port[HS_SIDE_PEER];
	__u16 local = way == INCOMING ? p->dst_port : p->src_port;
	__u16 peer = way == INCOMING ? p->src_port : p->dst_port;
	__u64 mask = peers & t->protocol[p->protocol] & t->dscp[p->dscp & 63];

	if (!p->l3)
		return FLOW_NONE;
	if (p->ports)
		mask &= here->mask[here->set[local]] & there->mask[there->set[peer]];
	else
		mask &= t->portless;
	return mask ? hist_lowest(mask) : FLOW_NONE;
}

#endif
