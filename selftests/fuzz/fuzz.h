/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A fuzz target is one function: it takes any bytes, and aborts where a promise is broken that no
 * sanitizer knows of. `make fuzz` runs each under libFuzzer; selftests/unit/test_fuzz.c runs all over
 * their corpora, where seeds and past crashers are.
 */
#ifndef HOMEOSTAT_FUZZ_H
#define HOMEOSTAT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_TARGETS(X)                                                                            \
	X(profile)                                                                                 \
	X(control)                                                                                 \
	X(ask)                                                                                     \
	X(client)                                                                                  \
	X(undo)                                                                                    \
	X(units)                                                                                   \
	X(packet)                                                                                  \
	X(kb)                                                                                      \
	X(proposal)                                                                                \
	X(boot)                                                                                    \
	X(ethtool)                                                                                 \
	X(zone)                                                                                    \
	X(plugin)                                                                                  \
	X(decisions)

#ifdef HS_LIBFUZZER
#define FUZZ_TARGET(name) LLVMFuzzerTestOneInput
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#else
#define FUZZ_TARGET(name) fuzz_##name
#define X(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(X)
#undef X
#endif

#define promise(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
