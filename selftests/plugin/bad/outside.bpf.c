// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: by the verifier: a write behind what it is handed. */
#include <homeostat/plugin.h>

HOMEOSTAT_POLICY("outside", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	*(volatile __u64 *)((char *)knobs + sizeof(*knobs)) = now_ns; /* here */
	return 0;
}
