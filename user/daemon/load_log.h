/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What libbpf says while it loads. libbpf's print function has no context argument, so the log is the
 * one global of the loader; it is used by the main thread, during kernel_load() only.
 */
#ifndef HOMEOSTAT_LOAD_LOG_H
#define HOMEOSTAT_LOAD_LOG_H

#include <stddef.h>

/* Takes libbpf's messages from now on; warnings are kept (the last 8 KiB), the rest is log_debug. */
void load_log_take(void);

void load_log_clear(void);

/* Text kept since then. */
const char *load_log(void);

#endif
