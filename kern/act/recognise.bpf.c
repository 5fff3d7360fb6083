// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The part of recognition (act/recognise.h) that is for the first packet of a flow in a window. */
#include "recognise.h"

/* A function of its own, that the verifier looks at once. Its caller has found the gate open. */
__noinline u64 recognise_next(u64 slot, u32 window, u32 tcp)
{
	struct recognise_limits l = recognise_limits_of(
		knob_bounded(HS_KNOB_RECOGNISE_BULK), knob_stock(HS_KNOB_RECOGNISE_BULK),
		knob_bounded(HS_KNOB_RECOGNISE_FLOOD), knob_stock(HS_KNOB_RECOGNISE_FLOOD),
		tick_ns << recognise_shift(tick_ns));

	return recognise_close(slot, window, &l, tcp);
}
