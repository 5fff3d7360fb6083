// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Values of parameters: are they of their type, within their range, the same? */
#include "kb.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"

#define KB_MASK_WORDS 32 /* 1024 CPUs */

__u64 kb_unit_bytes(const char *unit)
{
	return !strcmp(unit, "bytes")	? 1
	       : !strcmp(unit, "KiB")	? 1024
	       : !strcmp(unit, "pages") ? (__u64)sysconf(_SC_PAGESIZE)
					: 0;
}

__u64 kb_bound(const struct kb_parameter *p, const struct kb_bound *bound,
	       const struct kb_machine *machine)
{
	switch (bound->kind) {
	case KB_OF_MEMORY:
		return machine->memory_bytes / 1000 * bound->value / kb_unit_bytes(p->unit);
	case KB_PER_CPU:
		return bound->value * machine->cpus;
	default:
		return bound->value;
	}
}

bool kb_has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; len && (at = strstr(at, word)); at += len) {
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

static int out_of_range(char *why, size_t size, __u64 least, __u64 most, const char *unit)
{
	snprintf(why, size, "out of its range; expected %llu to %llu %s", least, most, unit);
	return -ERANGE;
}

/* One number or several, each within the range. */
static int numbers_value(const struct kb_parameter *p, const char *value,
			 const struct kb_machine *machine, char *why, size_t size)
{
	__u64 least = kb_bound(p, &p->min, machine), most = kb_bound(p, &p->max, machine), n;

	do {
		value += strspn(value, " \t");
		/* a kernel takes 010 for 8 */
		if ((*value == '0' && isdigit((unsigned char)value[1])) ||
		    parse_digits(&value, ~0ULL, &n) ||
		    (*value && !isblank((unsigned char)*value))) {
			snprintf(why, size, "expected %s", kb_types[p->type].meaning);
			return -EINVAL;
		}
		if (n < least || n > most)
			return out_of_range(why, size, least, most, p->unit);
	} while (*value && p->type == KB_TYPE_NUMBERS);
	if (!*value)
		return 0;
	snprintf(why, size, "expected %s", kb_types[p->type].meaning);
	return -EINVAL;
}

/* Groups of hex digits, up to eight in each, with commas between them. */
static bool mask_ok(const char *value)
{
	size_t len;

	do {
		len = strspn(value, "0123456789abcdefABCDEF");
		if (!len || len > 8)
			return false;
		value += len;
	} while (*value++ == ',');
	return !value[-1];
}

int kb_value(const struct kb_parameter *p, const char *value, const struct kb_machine *machine,
	     char *why, size_t size)
{
	__u64 cpus[16]; /* 1024 of them */
	bool right;

	switch (p->type) {
	case KB_TYPE_NUMBER:
	case KB_TYPE_NUMBERS:
		return numbers_value(p, value, machine, why, size);
	case KB_TYPE_SWITCH:
		right = !strcmp(value, "0") || !strcmp(value, "1");
		break;
	case KB_TYPE_CHOICE:
		right = !strchr(value, ' ') && kb_has_word(p->choices, value);
		break;
	case KB_TYPE_CPUS:
		right = !parse_cpus(value, cpus, sizeof(cpus) / sizeof(*cpus));
		break;
	case KB_TYPE_MASK:
		right = mask_ok(value);
		break;
	default:
		right = !strcmp(value, "yes") || !strcmp(value, "no");
	}
	if (right)
		return 0;
	if (p->type == KB_TYPE_CHOICE)
		snprintf(why, size, "expected one of: %s", p->choices);
	else if (p->type == KB_TYPE_FLAG)
		snprintf(why, size, "expected yes or no");
	else
		snprintf(why, size, "expected %s", kb_types[p->type].meaning);
	return -EINVAL;
}

/* Groups of 32 bits, as the kernel shows masks, the lowest first; of a mask that is none: no matter. */
static void mask_words(const char *text, __u32 words[KB_MASK_WORDS])
{
	const char *end = text + strlen(text);

	memset(words, 0, KB_MASK_WORDS * sizeof(*words));
	for (size_t i = 0; i < KB_MASK_WORDS && end > text; i++) {
		const char *at = end;

		while (at > text && at[-1] != ',')
			at--;
		words[i] = (__u32)strtoul(at, NULL, 16);
		end = at > text ? at - 1 : text;
	}
}

static bool same_mask(const char *a, const char *b)
{
	__u32 x[KB_MASK_WORDS], y[KB_MASK_WORDS];

	mask_words(a, x);
	mask_words(b, y);
	return !memcmp(x, y, sizeof(x));
}

bool kb_same(const struct kb_parameter *p, const char *a, const char *b)
{
	__u64 x[16], y[16]; /* 1024 CPUs */

	switch (p->type) {
	case KB_TYPE_MASK:
		return same_mask(a, b);
	case KB_TYPE_CPUS:
		return !parse_cpus(a, x, 16) && !parse_cpus(b, y, 16) && !memcmp(x, y, sizeof(x));
	default:
		return same_words(a, b);
	}
}
