/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Faults on order, the daemon's half of ../../kern/fault.h: fault build only (-DHS_FAULT). */
#ifndef HOMEOSTAT_DAEMON_FAULT_H
#define HOMEOSTAT_DAEMON_FAULT_H

#ifdef HS_FAULT

#include "../../kern/abi.h"
#include "../../kern/fault.h" /* before the skeleton, which has one */

struct homeostat_bpf;

/* Before the object is loaded: the version that HOMEOSTAT_FAULT_ABI names, where it is set. */
void fault_object(struct homeostat_bpf *skel);

#endif
#endif
