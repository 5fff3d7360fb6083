/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Which interfaces are network cards whose packets may be handed to another CPU. */
#ifndef HOMEOSTAT_NIC_H
#define HOMEOSTAT_NIC_H

/*
 * Why packets of an interface must not be handed to another CPU before the network stack has seen them; NULL = they may. Who
 * does so in the driver loses what the driver knew of a packet. That is no loss where it came over a wire, with a checksum; a packet that
 * this very host has sent (veth, lo) may have none yet, and would then be dropped as broken. @root is where /sys is read. The
 * text is constant.
 */
const char *nic_unfit(const char *root, const char *name);

#endif
