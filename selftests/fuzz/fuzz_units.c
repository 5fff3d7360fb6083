// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Everything that reads one word: quantities, numbers, lists of CPUs, lines of /proc. */
#include "fuzz.h"

#include <string.h>

#include "control.h"
#include "json.h"
#include "names.h"
#include "parse.h"
#include "slow.h"
#include "units.h"

static void try_units(const char *text)
{
	for (int unit = 0; unit < UNIT_NR; unit++) {
		__u64 value = 4711;
		char buf[32];
		int err = unit_parse(text, (enum unit)unit, &value);

		promise(!err || value == 4711);
		promise(unit_error(err) != NULL);
		if (err)
			continue;
		memset(buf, 'x', sizeof(buf));
		promise(unit_format(buf, sizeof(buf), value, (enum unit)unit) == buf);
		promise(memchr(buf, '\0', sizeof(buf)));
	}
}

static void try_numbers(const char *text)
{
	__u64 value = 0, set[4];
	char digits[24];

	if (!parse_u64(text, &value)) {
		snprintf(digits, sizeof(digits), "%llu", value);
		/* leading zeros apart, what was read is what was written */
		promise(!strcmp(digits, text + strspn(text, "0")) || !value);
	}
	promise(parse_u64_max(text, 100, &value) || value <= 100);
	parse_cpus(text, set, 4);
	promise(slow_parse_psi(text, &value) || value <= 1009);
	unit_find(text);
	mode_find(text);
	knob_find(text);
	vital_find(text);
}

/* Text of any kind becomes a strict string. */
static void try_text(const char *text)
{
	struct json_object *obj = json_object_new_object(), *again;
	const char *line;

	promise(js_add_str(obj, "s", text));
	line = js_line(obj);
	promise(line);
	again = js_parse(line, strlen(line));
	promise(again && !strcmp(js_str(again, "s"), js_str(obj, "s")));
	json_object_put(again);
	json_object_put(obj);
}

int FUZZ_TARGET(units)(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* exactly: a sanitizer sees one byte too far */

	promise(text);
	memcpy(text, data, size);
	text[size] = '\0';
	try_units(text);
	try_numbers(text);
	try_text(text);
	free(text);
	return 0;
}
