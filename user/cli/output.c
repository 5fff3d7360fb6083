// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The one writer: JSON as it came, or tables and lines for people made from the same objects. */
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/units.h"
#include "cli.h"
#include "prose.h"

#define COLUMNS_MAX 16
#define CELL_MAX 256

void out_json(struct cli *cli, struct json_object *obj)
{
	fprintf(cli->out, "%s\n", js_line(obj));
	fflush(cli->out);
}

const char *out_ns(char *buf, size_t size, unsigned long long ns)
{
	return unit_format(buf, size, ns, UNIT_NS);
}

const char *out_value(char *buf, size_t size, struct json_object *row, const char *key)
{
	int unit = unit_find(js_str(row, "unit"));
	bool present;

	if (!js_get_bool(row, "present", &present) && !present)
		snprintf(buf, size, "-");
	else if (size > 1) {
		bool about = js_bool(row, "estimated");

		buf[0] = '~';
		unit_format(buf + about, size - about, js_u64(row, key),
			    unit < 0 ? UNIT_COUNT : unit);
	}
	return buf;
}

const char *out_cell(char *buf, size_t size, struct json_object *row, const struct column *column)
{
	/* what is not measured is not 0 */
	if ((column->kind == COLUMN_NUMBER || column->kind == COLUMN_PERMILLE) &&
	    !json_object_object_get_ex(row, column->key, NULL)) {
		snprintf(buf, size, "-");
		return buf;
	}
	switch (column->kind) {
	case COLUMN_NUMBER:
		snprintf(buf, size, "%llu", js_u64(row, column->key));
		break;
	case COLUMN_NS:
		/* 0 is what is not stated, or never was */
		if (!js_u64(row, column->key))
			snprintf(buf, size, "-");
		else
			out_ns(buf, size, js_u64(row, column->key));
		break;
	case COLUMN_PERMILLE:
		unit_format(buf, size, js_u64(row, column->key), UNIT_PERMILLE);
		break;
	case COLUMN_UNIT:
		out_value(buf, size, row, column->key);
		break;
	case COLUMN_TEXT:
		snprintf(buf, size, "%s", js_str(row, column->key));
		break;
	}
	return buf;
}

/* Columns on a terminal that UTF-8 text takes: continuation bytes take none. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void put_cell(FILE *f, const char *text, int width, bool right, bool last)
{
	int pad = width - width_of(text);

	if (right)
		fprintf(f, "%*s%s", pad, "", text);
	else
		fprintf(f, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", f);
}

void out_table(FILE *f, struct json_object *rows, const struct column *columns, size_t nr)
{
	size_t n = rows ? json_object_array_length(rows) : 0;
	int width[COLUMNS_MAX];
	char cell[CELL_MAX];

	if (!n || nr > COLUMNS_MAX) {
		fputs("(none)\n", f);
		return;
	}
	for (size_t c = 0; c < nr; c++) {
		width[c] = width_of(columns[c].head);
		for (size_t i = 0; i < n; i++) {
			struct json_object *row = json_object_array_get_idx(rows, i);
			int w = width_of(out_cell(cell, sizeof(cell), row, &columns[c]));

			if (w > width[c])
				width[c] = w;
		}
	}
	for (size_t c = 0; c < nr; c++)
		put_cell(f, columns[c].head, width[c], columns[c].kind != COLUMN_TEXT, c + 1 == nr);
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		for (size_t c = 0; c < nr; c++)
			put_cell(f, out_cell(cell, sizeof(cell), row, &columns[c]), width[c],
				 columns[c].kind != COLUMN_TEXT, c + 1 == nr);
	}
}

void out_line(FILE *f, const char *key, const char *fmt, ...)
{
	va_list ap;

	fprintf(f, "%-10s ", key);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
}

void out_event(FILE *f, struct json_object *event)
{
	unsigned long long us = js_u64(event, "ts_ns") / 1000;
	char text[256];

	/* CLOCK_MONOTONIC, as in the kernel's log */
	fprintf(f, "[%5llu.%06llu] %-8s %s\n", us / 1000000, us % 1000000, js_str(event, "type"),
		prose_event(text, sizeof(text), event));
	fflush(f);
}
