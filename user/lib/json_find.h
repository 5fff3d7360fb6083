/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The one JSON value in a text that has more in it: what a language model answers is wrapped in Markdown fences and chatter.
 * What is wrong is said with a JSON pointer (RFC 6901) to where.
 */
#ifndef HOMEOSTAT_JSON_FIND_H
#define HOMEOSTAT_JSON_FIND_H

#include <stddef.h>

#include <json-c/json.h>

#define JSON_POINTER_LEN 256
#define JSON_WHY_LEN 320
#define JSON_FIND_DEPTH 6    /* objects and arrays within each other */
#define JSON_FIND_KEYS 64    /* in one object */
#define JSON_FIND_KEY_LEN 96 /* bytes of a key */

struct json_fault {
	char pointer
		[JSON_POINTER_LEN]; /* "" = the whole; what does not fit is cut behind a whole step */
	char why[JSON_WHY_LEN];	    /* one clause or two: what is wrong; what would be right */
};

/* Appends a step to a pointer, escaped as RFC 6901 has it; left out where it does not fit. */
void json_pointer_key(char pointer[JSON_POINTER_LEN], const char *key, size_t len);
void json_pointer_index(char pointer[JSON_POINTER_LEN], size_t index);

/*
 * Length of the object or array at @text, which is strict JSON as js_parse() has it (no key twice, no control characters, UTF-8
 * only), of bounded depth and width. 0: it is none, with @fault filled.
 */
size_t json_value_len(const char *text, size_t len, struct json_fault *fault);

/*
 * The one object, or array with objects in it, of @text. What begins as one ('{"' or '[{') and is none is refused: half an answer
 * must not be taken for a whole one. The same value again is no second one. *found is the caller's (json_object_put). 0, or with
 * @fault filled -EINVAL (none, two different ones, or a broken one) or -ENOMEM.
 */
int json_find(const char *text, size_t len, struct json_object **found, struct json_fault *fault);

#endif
