/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Bounds at the point of use (law 2): the only way an actuator may read a knob. */
#ifndef HOMEOSTAT_LIB_KNOB_H
#define HOMEOSTAT_LIB_KNOB_H

#include "gate.h"

/* The value of a knob with its bounds applied; the caller has just found the gate open. */
static __always_inline __u64 knob_bounded(__u32 id)
{
	struct hs_bound *b = bpf_map_lookup_elem(&BOUNDS, &id);
	__u64 v;

	if (!b || id >= HS_KNOB_NR)
		return 0; /* cannot happen: constant id below max_entries */
	v = *(volatile __u64 *)&knobs[id].value;
	if (v < b->min)
		return b->min;
	if (v > b->max)
		return b->max;
	return v;
}

/* The value that stands for "as without us". */
static __always_inline __u64 knob_stock(__u32 id)
{
	struct hs_bound *b = bpf_map_lookup_elem(&BOUNDS, &id);

	return b ? b->stock : 0;
}

/* Stock when the gate is shut, else the bounded value. */
static __always_inline __u64 knob(__u32 id)
{
	return gate_open() ? knob_bounded(id) : knob_stock(id);
}

#endif
