/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Declared flows as the tables that kern/lib/flow.h looks into. */
#ifndef HOMEOSTAT_FLOWS_H
#define HOMEOSTAT_FLOWS_H

#include "kernel.h"
#include "profile.h"

/* Fills *table for the first @nr flows, in their order (the first that fits a packet has it); nr ≤ HS_FLOWS_MAX. */
void flows_table(const struct profile_flow *flow, __u32 nr, struct hs_flow_table *table);

/*
 * Flows that a peer with this address leaves: those whose prefix holds it, and those that state none. @bits: how much of
 * the address is known, so that a prefix is asked like an address.
 */
__u64 flows_of_peer(const struct profile_flow *flow, __u32 nr, const __u8 peer[16], __u32 bits);

/*
 * Writes the flows of @fresh into the half of the maps that is not in force, *base being the other, and says so in *base;
 * whoever flips it does so with CONFIG. Where @old declares the same, nothing is written and *base stays; NULL: nobody
 * knows what the maps hold. What was counted begins anew with flows that are new. 0 or negative errno.
 */
int flows_write(struct kernel *k, const struct profile *old, const struct profile *fresh,
		__u32 *base);

/*
 * What became of the packets of each row (enum hs_flow_row) of the half @base, all CPUs together. 0 or negative errno.
 */
int flows_stats(struct kernel *k, __u32 base, struct hs_flow_stats stats[HS_FLOW_ROWS]);

/* The same of what goes out. */
int flows_egress(struct kernel *k, __u32 base, struct hs_egress_stats stats[HS_FLOW_ROWS]);

#endif
