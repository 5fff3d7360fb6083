/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* A thin, strict layer over json-c: what more than one program needs of JSON. */
#ifndef HOMEOSTAT_JSON_H
#define HOMEOSTAT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>
#include <linux/types.h>

/*
 * One JSON object, strictly: nothing behind it, depth at most 8, no key twice, UTF-8 only, no number
 * that does not fit. The caller owns the result (json_object_put). NULL where it is not one.
 */
struct json_object *js_parse(const char *text, size_t len);

/*
 * Members of an object. 0; -ENOENT: not there; -EINVAL: there, but of another type (or negative,
 * where unsigned is asked for). Strings stay the object's. js_array never copies.
 */
int js_get_u64(struct json_object *obj, const char *key, __u64 *value);
int js_get_bool(struct json_object *obj, const char *key, bool *value);
int js_get_str(struct json_object *obj, const char *key, const char **value);
int js_get_array(struct json_object *obj, const char *key, struct json_object **array);
int js_get_obj(struct json_object *obj, const char *key, struct json_object **value);

/* The same for people in a hurry: what is missing or of another type is 0, false or "". */
__u64 js_u64(struct json_object *obj, const char *key);
bool js_bool(struct json_object *obj, const char *key);
const char *js_str(struct json_object *obj, const char *key);
bool js_is_null(struct json_object *obj, const char *key); /* missing counts as null */

/*
 * Adds a member. Out of memory aborts nothing: the member is left out and false returned. js_add
 * takes over `value` (also on failure); text is cleaned of what is not UTF-8 (task names may be
 * anything).
 */
bool js_add(struct json_object *obj, const char *key, struct json_object *value);
bool js_add_u64(struct json_object *obj, const char *key, __u64 value);
bool js_add_bool(struct json_object *obj, const char *key, bool value);
bool js_add_str(struct json_object *obj, const char *key, const char *value);

/* An array or object added as a member, returned for filling (owned by obj), or NULL. */
struct json_object *js_add_array(struct json_object *obj, const char *key);
struct json_object *js_add_obj(struct json_object *obj, const char *key);

/* A new object at the end of an array (owned by it), or NULL. */
struct json_object *js_push_obj(struct json_object *array);

/* One line, without newline; valid until the object changes or goes. */
const char *js_line(struct json_object *obj);

#endif
