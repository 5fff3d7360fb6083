// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A JSON object as YAML. */
#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

#include "cli.h"

static void indent(FILE *f, int depth)
{
	fprintf(f, "%*s", 2 * depth, "");
}

/* As it is where no reader can take it for anything else but text; otherwise in quotes, as in JSON. */
static void put_text(FILE *f, const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n"};
	bool plain = isalpha((unsigned char)*text) || *text == '/';

	for (const char *at = text; *at && plain; at++)
		plain = isalnum((unsigned char)*at) || strchr("_-./", *at);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		plain = plain && strcasecmp(text, words[i]);
	if (plain) {
		fputs(text, f);
	} else {
		struct json_object *o = json_object_new_string(text);

		fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE),
		      f);
		json_object_put(o);
	}
}

static bool empty(struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? !json_object_array_length(o)
						       : !json_object_object_length(o);
}

/* A value behind "key:" or "-"; `first`: where its own first line goes on in that line. */
static void put_value(FILE *f, struct json_object *o, int depth, bool first)
{
	if (json_object_is_type(o, json_type_string)) {
		fputc(' ', f);
		put_text(f, json_object_get_string(o));
		fputc('\n', f);
	} else if (!json_object_is_type(o, json_type_array) &&
		   !json_object_is_type(o, json_type_object)) {
		fprintf(f, " %s\n", o ? json_object_to_json_string(o) : "null");
	} else if (empty(o)) {
		fputs(json_object_is_type(o, json_type_array) ? " []\n" : " {}\n", f);
	} else if (json_object_is_type(o, json_type_array)) {
		fputc('\n', f);
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			indent(f, depth);
			fputc('-', f);
			put_value(f, json_object_array_get_idx(o, i), depth + 1, true);
		}
	} else {
		fputc(first ? ' ' : '\n', f);
		json_object_object_foreach(o, key, value)
		{
			if (!first)
				indent(f, depth);
			first = false;
			put_text(f, key);
			fputc(':', f);
			put_value(f, value, depth + 1, false);
		}
	}
}

void out_yaml(struct cli *cli, struct json_object *obj)
{
	json_object_object_foreach(obj, key, value)
	{
		put_text(cli->out, key);
		fputc(':', cli->out);
		put_value(cli->out, value, 1, false);
	}
	fflush(cli->out);
}
