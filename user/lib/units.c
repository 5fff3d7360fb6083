// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *expected;
} units[UNIT_NR] = {
	[UNIT_NS] = {"ns", "a time with its unit, such as 500us or 20ms"},
	[UNIT_US] = {"us", "a time in whole microseconds, such as 500us or 8ms"},
	[UNIT_MS] = {"ms", "a time in whole milliseconds, such as 100ms or 1s"},
	[UNIT_PERMILLE] = {"permille", "a share, such as 300permille or 30%"},
	[UNIT_HZ] = {"hz", "a number of events per second, such as 500 or 500hz"},
	[UNIT_COUNT] = {"count", "a bare number, such as 16"},
	[UNIT_BYTES] = {"bytes", "a number of bytes, such as 4096 or 8MiB"},
	[UNIT_KBIT] = {"kbit", "a rate of bits, such as 500kbit or 20mbit"},
	[UNIT_MC] = {"mc", "a temperature, such as 85C or 62500mC"},
	[UNIT_MC_S] = {"mc_s", "a rise of temperature, such as 1C/s or 200mC/s"},
	[UNIT_MW] = {"mw", "a power, such as 65W or 500mW"},
	[UNIT_NJ] = {"nj", "an energy, such as 20mJ or 800nJ"},
};

/* Suffixes that a unit takes, and what one of them is worth: mul / div of the unit. */
static const struct suffix {
	enum unit unit;
	const char *text;
	__u64 mul;
	__u64 div;
} suffixes[] = {
	{UNIT_NS, "ns", 1, 1},
	{UNIT_NS, "us", 1000, 1},
	{UNIT_NS, "ms", 1000000, 1},
	{UNIT_NS, "s", 1000000000, 1},
	{UNIT_NS, "min", 60000000000, 1},
	{UNIT_NS, "h", 3600000000000, 1},
	{UNIT_US, "ns", 1, 1000},
	{UNIT_US, "us", 1, 1},
	{UNIT_US, "ms", 1000, 1},
	{UNIT_US, "s", 1000000, 1},
	{UNIT_MS, "ns", 1, 1000000},
	{UNIT_MS, "us", 1, 1000},
	{UNIT_MS, "ms", 1, 1},
	{UNIT_MS, "s", 1000, 1},
	{UNIT_PERMILLE, "permille", 1, 1},
	{UNIT_PERMILLE, "%", 10, 1},
	{UNIT_HZ, "hz", 1, 1},
	{UNIT_HZ, "", 1, 1},
	{UNIT_COUNT, "", 1, 1},
	{UNIT_BYTES, "", 1, 1},
	{UNIT_BYTES, "KiB", 1024, 1},
	{UNIT_BYTES, "MiB", 1024 * 1024, 1},
	{UNIT_KBIT, "kbit", 1, 1},
	{UNIT_KBIT, "mbit", 1000, 1},
	{UNIT_KBIT, "gbit", 1000000, 1},
	{UNIT_MC, "mC", 1, 1},
	{UNIT_MC, "C", 1000, 1},
	{UNIT_MC_S, "mC/s", 1, 1},
	{UNIT_MC_S, "C/s", 1000, 1},
	{UNIT_MW, "mW", 1, 1},
	{UNIT_MW, "W", 1000, 1},
	{UNIT_NJ, "nJ", 1, 1},
	{UNIT_NJ, "uJ", 1000, 1},
	{UNIT_NJ, "mJ", 1000000, 1},
	{UNIT_NJ, "J", 1000000000, 1},
};

int unit_find(const char *name)
{
	for (int i = 0; i < UNIT_NR; i++) {
		if (!strcmp(units[i].name, name))
			return i;
	}
	return -ENOENT;
}

const char *unit_name(enum unit unit)
{
	return units[unit].name;
}

const char *unit_expected(enum unit unit)
{
	return units[unit].expected;
}

/* Digits, and for "7.5%" a tenth: *value is then in tenths. Returns the rest, NULL if no number. */
static const char *number(const char *text, __u64 *value, int *tenths, int *error)
{
	const char *p = text;
	__u64 v = 0;

	*tenths = 0;
	*error = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10ULL, &v) ||
		    __builtin_add_overflow(v, (__u64)(*p - '0'), &v))
			*error = -ERANGE;
	}
	if (p == text)
		return NULL;
	if (p[0] == '.' && p[1] >= '0' && p[1] <= '9' && !strcmp(p + 2, "%")) {
		if (__builtin_mul_overflow(v, 10ULL, &v) ||
		    __builtin_add_overflow(v, (__u64)(p[1] - '0'), &v))
			*error = -ERANGE;
		*tenths = 1;
		p += 2;
	}
	*value = v;
	return p;
}

int unit_parse(const char *text, enum unit unit, __u64 *value)
{
	int tenths, error;
	const char *rest;
	__u64 v;

	if ((unsigned int)unit >= UNIT_NR)
		return -EINVAL;
	rest = number(text, &v, &tenths, &error);
	if (!rest)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const struct suffix *s = &suffixes[i];

		if (s->unit != unit || strcmp(s->text, rest))
			continue;
		if (error)
			return error;
		if (!tenths && __builtin_mul_overflow(v, s->mul, &v))
			return -ERANGE;
		if (v % s->div)
			return -EDOM;
		*value = v / s->div;
		return 0;
	}
	return rest[strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")]
		       ? -EINVAL
		       : -EPROTO;
}

const char *unit_error(int error)
{
	switch (error) {
	case 0:
		return "fine";
	case -EPROTO:
		return "wrong or missing unit";
	case -EDOM:
		return "not a whole number in its unit";
	case -ERANGE:
		return "number too large";
	default:
		return "not a quantity";
	}
}

/* Three significant digits of value / scale. */
static void three(char *buf, size_t size, __u64 value, __u64 scale, const char *unit)
{
	double v = (double)value / (double)scale;
	int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	char digits[40];
	size_t len;

	snprintf(digits, sizeof(digits), "%.*f", decimals, v);
	len = strlen(digits);
	while (decimals && (digits[len - 1] == '0' || digits[len - 1] == '.')) {
		if (digits[len - 1] == '.')
			decimals = 0;
		digits[--len] = '\0';
	}
	snprintf(buf, size, "%s%s%s", digits, *unit ? " " : "", unit);
}

static void format_time(char *buf, size_t size, __u64 ns)
{
	if (ns < 1000)
		snprintf(buf, size, "%llu ns", ns);
	else if (ns < 1000000)
		three(buf, size, ns, 1000, "us");
	else if (ns < 1000000000)
		three(buf, size, ns, 1000000, "ms");
	else
		three(buf, size, ns, 1000000000, "s");
}

/* Each name is of 1000 of the one before it; NULL ends them. */
static void format_steps(char *buf, size_t size, __u64 value, const char *const name[])
{
	__u64 scale = 1;

	for (; name[1] && value / scale >= 1000; name++)
		scale *= 1000;
	if (scale == 1)
		snprintf(buf, size, "%llu %s", value, *name);
	else
		three(buf, size, value, scale, *name);
}

const char *unit_format(char *buf, size_t size, __u64 value, enum unit unit)
{
	switch (unit) {
	case UNIT_NS:
		format_time(buf, size, value);
		break;
	case UNIT_US:
		format_time(buf, size, value * 1000);
		break;
	case UNIT_MS:
		format_time(buf, size, value * 1000000);
		break;
	case UNIT_PERMILLE:
		snprintf(buf, size, value % 10 ? "%llu.%llu %%" : "%llu %%", value / 10,
			 value % 10);
		break;
	case UNIT_HZ:
		snprintf(buf, size, "%llu /s", value);
		break;
	case UNIT_BYTES:
		if (value < 1024)
			snprintf(buf, size, "%llu B", value);
		else if (value < 1024 * 1024)
			three(buf, size, value, 1024, "KiB");
		else
			three(buf, size, value, 1024 * 1024, "MiB");
		break;
	case UNIT_KBIT:
		format_steps(buf, size, value,
			     (const char *const[]){"kbit/s", "Mbit/s", "Gbit/s", NULL});
		break;
	case UNIT_MC:
		three(buf, size, value, 1000, "C");
		break;
	case UNIT_MC_S:
		three(buf, size, value, 1000, "C/s");
		break;
	case UNIT_MW:
		format_steps(buf, size, value, (const char *const[]){"mW", "W", "kW", NULL});
		break;
	case UNIT_NJ:
		format_steps(buf, size, value, (const char *const[]){"nJ", "uJ", "mJ", "J", NULL});
		break;
	default:
		snprintf(buf, size, "%llu", value);
	}
	return buf;
}
