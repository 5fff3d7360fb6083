// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: a helper goes round for it as long as it likes. */
#include <homeostat/plugin.h>

static long (*const bpf_loop)(__u32 nr, void *callback, void *ctx, __u64 flags) = (void *)181;

HOMEOSTAT_POLICY("loop", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

static long round(__u64 i, void *ctx)
{
	*(__u64 *)ctx += i;
	return 0;
}

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	bpf_loop(8000000, round, &now_ns, 0); /* here */
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
