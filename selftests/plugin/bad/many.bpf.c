// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: too many maps. */
#include <homeostat/plugin.h>

#define TABLE(n)                                                                                   \
	struct {                                                                                   \
		int (*type)[2 /* array */];                                                        \
		__u32 *key;                                                                        \
		__u64 *value;                                                                      \
		int (*max_entries)[1];                                                             \
	} n HOMEOSTAT_SECTION_(".maps")
TABLE(a);
TABLE(b);
TABLE(c);
TABLE(d);
TABLE(e);
TABLE(f);
TABLE(g);
TABLE(h);

HOMEOSTAT_POLICY("many", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, now_ns);
	return 0;
}
