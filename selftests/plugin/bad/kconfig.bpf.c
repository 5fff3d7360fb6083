// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Refused: it reads the configuration of the kernel. */
#include <homeostat/plugin.h>

extern int CONFIG_HZ __attribute__((section(".kconfig")));

HOMEOSTAT_POLICY("kconfig", "for tests: refused", READS(SWITCHES), TURNS(SLICE_BATCH), 0);

HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	knob_set(knobs, SLICE_BATCH, CONFIG_HZ + now_ns); /* here */
	return 0;
}
