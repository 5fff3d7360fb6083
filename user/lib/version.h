/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_VERSION_H
#define HOMEOSTAT_VERSION_H

#ifndef HS_VERSION /* the Makefile's */
#define HS_VERSION "0.1.0"
#endif

#endif
