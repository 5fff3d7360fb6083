/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_KERNEL_OPEN_H
#define HOMEOSTAT_KERNEL_OPEN_H

#include "kernel.h"

/*
 * Opens the programs, to be loaded: our own, or with @bytes (as long as they are there) those of a variant, of which k->variant is
 * what it says of itself. 0 or negative errno, and `error` where another try is of no use.
 */
int kernel_open(struct kernel *k, const void *bytes, size_t length, char *error, size_t size);

#endif
