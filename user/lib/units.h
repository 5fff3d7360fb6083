/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Quantities with a unit: strict reading of "8ms", "30%", "500", and writing for people. */
#ifndef HOMEOSTAT_UNITS_H
#define HOMEOSTAT_UNITS_H

#include <stddef.h>

#include <linux/types.h>

/* What a number counts. The names are those of the tables in abi.h. */
enum unit {
	UNIT_NS,
	UNIT_US,
	UNIT_MS,
	UNIT_PERMILLE,
	UNIT_HZ,
	UNIT_COUNT,
	UNIT_BYTES,
	UNIT_KBIT, /* per second */
	UNIT_MC,   /* thousandths of a degree Celsius */
	UNIT_MC_S, /* the same per second */
	UNIT_MW,
	UNIT_NJ,
	UNIT_NR
};

/* Unit of the name that abi.h uses ("ns", "permille", …), or -ENOENT. */
int unit_find(const char *name);
const char *unit_name(enum unit unit);

/* How a value of that unit is written in a profile: "a time such as 500us", … */
const char *unit_expected(enum unit unit);

/*
 * Reads a quantity into `unit`. Times take ns, us, ms or s (in ns also min or h) and must be whole in `unit` (1500us is no
 * ms); permille takes `300permille`, `30%` or `7.5%`; hz takes a bare number or `500hz`; count takes a
 * bare number, bytes too or with KiB, MiB; kbit (a second) takes kbit, mbit, gbit; temperatures mC or C, their slopes mC/s or C/s;
 * power mW or W; energy nJ, uJ, mJ or J. No sign, no spaces, decimal only.
 * Returns 0; -EINVAL: not a quantity; -EPROTO: other or missing unit; -EDOM: not whole in `unit`;
 * -ERANGE: too large. *value is written on success only.
 */
int unit_parse(const char *text, enum unit unit, __u64 *value);

/* One clause that says what an error of unit_parse() means. */
const char *unit_error(int error);

/*
 * Writes `value` for people, three significant digits: "8 ms", "1.25 us", "30 %", "12 300 /s" …
 * Returns buf.
 */
const char *unit_format(char *buf, size_t size, __u64 value, enum unit unit);

#endif
