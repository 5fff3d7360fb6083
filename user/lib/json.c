// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "json.h"

#include <errno.h>
#include <string.h>

#include "json_strict.h"

#define JSON_DEPTH 8

/* Members of all objects in a value; json-c bounds its depth. */
static size_t members_in(struct json_object *value)
{
	size_t nr = 0;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			nr += members_in(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			(void)key;
			nr += 1 + members_in(member);
		}
	}
	return nr;
}

struct json_object *js_parse(const char *text, size_t len)
{
	struct json_tokener *tok;
	struct json_object *obj = NULL;
	size_t keys;

	if (len > INT32_MAX || !json_strict(text, len, &keys))
		return NULL;
	tok = json_tokener_new_ex(JSON_DEPTH);
	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	/*
	 * A number at the very end would be "continue"; an object knows its end. Of a key that stands
	 * twice json-c keeps the last value, and what one has checked need not be what the other does.
	 */
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != len || !json_object_is_type(obj, json_type_object) ||
	    keys != members_in(obj)) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

static int get(struct json_object *obj, const char *key, enum json_type type,
	       struct json_object **value)
{
	struct json_object *v;

	if (!obj || !json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &v))
		return -ENOENT;
	if (!json_object_is_type(v, type))
		return -EINVAL;
	*value = v;
	return 0;
}

int js_get_u64(struct json_object *obj, const char *key, __u64 *value)
{
	struct json_object *v;
	int err = get(obj, key, json_type_int, &v);

	if (err)
		return err;
	/* json-c gives 0 for a negative number asked for as unsigned */
	if (json_object_get_int64(v) < 0)
		return -EINVAL;
	*value = json_object_get_uint64(v);
	return 0;
}

int js_get_bool(struct json_object *obj, const char *key, bool *value)
{
	struct json_object *v;
	int err = get(obj, key, json_type_boolean, &v);

	if (!err)
		*value = json_object_get_boolean(v);
	return err;
}

int js_get_str(struct json_object *obj, const char *key, const char **value)
{
	struct json_object *v;
	int err = get(obj, key, json_type_string, &v);

	if (!err)
		*value = json_object_get_string(v);
	return err;
}

int js_get_array(struct json_object *obj, const char *key, struct json_object **array)
{
	return get(obj, key, json_type_array, array);
}

int js_get_obj(struct json_object *obj, const char *key, struct json_object **value)
{
	return get(obj, key, json_type_object, value);
}

__u64 js_u64(struct json_object *obj, const char *key)
{
	__u64 value = 0;

	js_get_u64(obj, key, &value);
	return value;
}

bool js_bool(struct json_object *obj, const char *key)
{
	bool value = false;

	js_get_bool(obj, key, &value);
	return value;
}

const char *js_str(struct json_object *obj, const char *key)
{
	const char *value = "";

	js_get_str(obj, key, &value);
	return value;
}

bool js_is_null(struct json_object *obj, const char *key)
{
	struct json_object *v;

	return !obj || !json_object_is_type(obj, json_type_object) ||
	       !json_object_object_get_ex(obj, key, &v) || !v;
}

bool js_add(struct json_object *obj, const char *key, struct json_object *value)
{
	if (!obj || !value || json_object_object_add(obj, key, value)) {
		json_object_put(value);
		return false;
	}
	return true;
}

bool js_add_u64(struct json_object *obj, const char *key, __u64 value)
{
	return js_add(obj, key, json_object_new_uint64(value));
}

bool js_add_bool(struct json_object *obj, const char *key, bool value)
{
	return js_add(obj, key, json_object_new_boolean(value));
}

bool js_add_str(struct json_object *obj, const char *key, const char *value)
{
	char clean[512];
	size_t at = 0;
	bool dirty = false;

	for (const unsigned char *s = (const unsigned char *)value; *s;) {
		int n = utf8_len(s, 4); /* the NUL at its end is no continuation */

		if (at + 4 >= sizeof(clean) && dirty)
			break;
		if (!n) {
			/* too long to clean: cut where it stops being text */
			if (at + 4 >= sizeof(clean))
				return js_add(obj, key, json_object_new_string_len(value, at));
			dirty = true;
			clean[at++] = '?';
			s++;
			continue;
		}
		for (; n; n--, s++, at++) {
			if (at < sizeof(clean))
				clean[at] = (char)*s;
		}
	}
	if (dirty)
		return js_add(obj, key, json_object_new_string_len(clean, (int)at));
	return js_add(obj, key, json_object_new_string(value));
}

struct json_object *js_add_array(struct json_object *obj, const char *key)
{
	struct json_object *array = json_object_new_array();

	return js_add(obj, key, array) ? array : NULL;
}

struct json_object *js_add_obj(struct json_object *obj, const char *key)
{
	struct json_object *value = json_object_new_object();

	return js_add(obj, key, value) ? value : NULL;
}

struct json_object *js_push_obj(struct json_object *array)
{
	struct json_object *value = json_object_new_object();

	if (!array || !value || json_object_array_add(array, value)) {
		json_object_put(value);
		return NULL;
	}
	return value;
}

const char *js_line(struct json_object *obj)
{
	return json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
}
