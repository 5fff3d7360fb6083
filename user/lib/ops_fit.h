/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Our congestion control on kernels whose struct tcp_congestion_ops differ. */
#ifndef HOMEOSTAT_OPS_FIT_H
#define HOMEOSTAT_OPS_FIT_H

struct bpf_object;

/*
 * Takes out of our struct tcp_congestion_ops what the running kernel's has not: `cwnd_event_tx_start` was part of
 * `cwnd_event` until 7.1, and libbpf refuses to load what has no place. Before the object is loaded; harmless where there is
 * nothing to do, or no BTF to ask.
 */
void ops_fit(struct bpf_object *obj);

#endif
